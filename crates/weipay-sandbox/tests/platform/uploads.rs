//! Uploads: files of every documented size, and bodies whose parts are not in order.

use serde_json::{Value, json};
use weipay_wire::sha256_hex;

use crate::SHARED;
use crate::client::{Client, Request, Response};

const PICTURE: &str = "/v3/marketing/favor/media/image-upload";
const PRODUCT_COUPON: &str = "/v3/marketing/partner/product-coupon/media/upload-image";
pub(crate) const COMPLAINT: &str = "/v3/merchant-service/images/upload";
pub(crate) const MEDIA: &str = "/v3/merchant/media/upload";
const VIDEO: &str = "/v3/merchant/media/video_upload";

const KB: usize = 1024;
const MB: usize = 1024 * KB;

fn meta(name: &str, file: &[u8]) -> String {
    json!({ "filename": name, "sha256": sha256_hex(file) }).to_string()
}

/// A part of a body; the file's has a file name.
fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let file_name = if name == "meta" { "" } else { "; filename=\"a.jpg\"" };
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body: Vec<u8> = parts.iter().flat_map(|(name, content)| part(name, content)).collect();
    body.extend_from_slice(b"--b--\r\n");
    body
}

/// A request whose signature covers another text than its body.
fn request(client: &Client<'_>, target: &str, signed: &[u8], body: Vec<u8>) -> Request {
    let mut request = client.request("POST", target, signed);
    request.set("Content-Type", "multipart/form-data; boundary=b");
    request.body = body;
    request
}

fn upload(target: &str, name: &str, file: &[u8]) -> Response {
    upload_by(&Client::new(&SHARED), target, name, file)
}

pub(crate) fn upload_by(client: &Client<'_>, target: &str, name: &str, file: &[u8]) -> Response {
    let meta = meta(name, file);
    let body = body(&[("meta", meta.as_bytes()), ("file", file)]);
    client.send(&request(client, target, meta.as_bytes(), body))
}

/// The `media_id` of a picture that is uploaded for complaints.
pub(crate) fn picture(client: &Client<'_>, file: &[u8]) -> String {
    let response = upload_by(client, COMPLAINT, "a.PNG", file).success();
    response["media_id"].as_str().unwrap().to_owned()
}

/// A file of a size that begins as its name says.
fn file(name: &str, size: usize) -> Vec<u8> {
    let first: &[u8] = match name.rsplit('.').next().unwrap() {
        "png" => b"\x89PNG",
        "pdf" => b"%PDF-",
        _ => b"\xff\xd8\xff",
    };
    let mut file = vec![7; size];
    file[..first.len()].copy_from_slice(first);
    file
}

#[test]
fn files_up_to_the_documented_size_are_taken() {
    for (target, name, size) in [
        (PICTURE, "a.jpg", 3),
        (PICTURE, "a.jpg", 2 * MB),
        (COMPLAINT, "a.png", 2 * MB),
        (MEDIA, "a.jpg", 5 * MB),
        (MEDIA, "a.pdf", 7 * MB + MB / 2),
        (VIDEO, "a.mp4", 5 * MB),
    ] {
        let response = upload(target, name, &file(name, size));
        assert_eq!(response.status, 200, "{target} {name} {size}: {}", response.text());
        assert!(Client::new(&SHARED).verifies(&response));
    }
}

#[test]
fn the_address_of_a_picture_for_stocks_follows_from_its_bytes() {
    let uploaded = |target: &str, file: &[u8]| upload(target, "a.jpg", file).success()["media_url"].clone();
    let address = |file: &[u8]| uploaded(PICTURE, file);
    assert_eq!(uploaded(PRODUCT_COUPON, b"BM one"), address(b"BM one"));
    assert_eq!(address(b"BM one"), address(b"BM one"));
    assert_ne!(address(b"BM one"), address(b"BM two"));
}

#[test]
fn a_larger_file_is_refused_with_a_response() {
    for (target, name, size) in [
        (PICTURE, "a.jpg", 2 * MB + 1),
        (COMPLAINT, "a.png", 2 * MB + 1),
        (MEDIA, "a.jpg", 5 * MB + 1),
        (MEDIA, "a.pdf", 7 * MB + MB / 2 + 1),
        (VIDEO, "a.mp4", 5 * MB + 1),
    ] {
        let response = upload(target, name, &vec![7; size]);
        assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()), "{target} {name} {size}");
        assert_eq!(response.json()["detail"]["value"], size);
        assert!(Client::new(&SHARED).verifies(&response));
    }
}

#[test]
fn a_body_that_is_larger_than_any_file_gets_its_response_too() {
    for size in [9 * MB, 64 * MB] {
        let response = upload(VIDEO, "a.mp4", &vec![7; size]);
        assert_eq!(response.refusal(), (413, "INVALID_REQUEST".to_owned()));
    }
}

#[test]
fn a_large_body_for_nobody_finds_nobody() {
    for (target, status) in [("/v3/no/such/path", 404), ("/v3/certificates", 405)] {
        let response = upload(target, "a.jpg", &vec![7; 3 * MB]);
        assert_eq!((response.status, response.text()), (status, ""));
    }
}

/// A body that is signed as said; what it gets.
#[track_caller]
fn refused(signed: &[u8], body: Vec<u8>) -> (u16, Value) {
    let client = Client::new(&SHARED);
    let response = client.send(&request(&client, PICTURE, signed, body));
    (response.status, response.json())
}

#[test]
fn both_parts_must_be_there() {
    let file = b"\xff\xd8\xffpicture";
    let meta = meta("a.jpg", file);
    let (status, response) = refused(meta.as_bytes(), body(&[("meta", meta.as_bytes())]));
    assert_eq!(status, 400);
    assert_eq!(response["message"], "输入源“/file”映射到字段“图片文件”必填性规则校验失败，此字段为必填项");
    // Whoever forgot `meta` signed nothing, or the whole body.
    let without = body(&[("file", file)]);
    for signed in [&b""[..], &without] {
        let (status, response) = refused(signed, without.clone());
        assert_eq!(status, 400);
        assert_eq!(
            response["message"],
            "输入源“/meta”映射到字段“媒体文件元信息”必填性规则校验失败，此字段为必填项"
        );
    }
}

#[test]
fn a_body_that_is_not_multipart_is_refused() {
    for bytes in [&b"{\"filename\":\"a.jpg\"}"[..], b"", b"--b\r\n", &body(&[])] {
        let (status, response) = refused(bytes, bytes.to_vec());
        assert_eq!((status, &response["code"]), (400, &json!("PARAM_ERROR")), "{response}");
    }
    let file = b"BM picture";
    let meta = meta("a.jpg", file);
    let whole = body(&[("meta", meta.as_bytes()), ("file", file)]);
    for signed in [&whole[..], b"", b"{}"] {
        assert_eq!(refused(signed, whole.clone()).0, 401);
    }
}

#[test]
fn a_missing_part_is_explained_to_developers() {
    let client = Client::new(&SHARED);
    let named = "--b\r\nContent-Disposition: form-data; name=\"meta\"; filename=\"m\"\r\n\r\n{}\r\n";
    let named = [named.as_bytes(), &body(&[("file", b"BM picture")])].concat();
    for (bytes, reason) in [
        (b"{}".to_vec(), "the body is not multipart/form-data, or its parts do not end with their boundary"),
        (body(&[("file", b"BM picture")]), "the body has no part `meta`"),
        (named, "the body has no part `meta`, and one with a file name is taken for a file"),
    ] {
        let response = client.send(&request(&client, PICTURE, b"", bytes));
        assert_eq!(response.header(weipay_sandbox::REASON_HEADER), Some(reason), "{}", response.text());
    }
}

#[test]
fn the_digest_must_be_the_files() {
    let file = b"BM picture";
    for digest in [sha256_hex(b"another"), String::new(), "x".to_owned(), sha256_hex(file)[1..].to_owned()] {
        let meta = json!({ "filename": "a.jpg", "sha256": digest }).to_string();
        let (status, response) = refused(meta.as_bytes(), body(&[("meta", meta.as_bytes()), ("file", file)]));
        assert_eq!((status, &response["code"]), (400, &json!("PARAM_ERROR")), "{digest}");
    }
    let upper = json!({ "filename": "a.jpg", "sha256": sha256_hex(file).to_uppercase() }).to_string();
    assert_eq!(refused(upper.as_bytes(), body(&[("meta", upper.as_bytes()), ("file", file)])).0, 200);
}

#[test]
fn a_file_that_is_not_a_picture_is_refused_with_the_recorded_words() {
    let file = b"BM picture";
    let meta = meta("a.jpg", file);
    let typed = |content_type: &str| {
        let whole = body(&[("meta", meta.as_bytes()), ("file", file)]);
        let head = format!("filename=\"a.jpg\"\r\nContent-Type: {content_type}\r\n\r\n");
        String::from_utf8(whole).unwrap().replace("filename=\"a.jpg\"\r\n\r\n", &head).into_bytes()
    };
    for content_type in ["text/plain", "application/json", "video/mp4"] {
        let (status, response) = refused(meta.as_bytes(), typed(content_type));
        let said = (&response["code"], &response["message"]);
        assert_eq!((status, said), (400, (&json!("INVALID_REQUEST"), &json!("图片Content-Type非法"))));
    }
    for content_type in ["image/jpeg", "image/jpg", "IMAGE/PNG", "application/octet-stream"] {
        assert_eq!(refused(meta.as_bytes(), typed(content_type)).0, 200, "{content_type}");
    }
}

#[test]
fn a_file_that_is_no_picture_is_refused_with_the_recorded_words() {
    for (target, name, file) in [
        (PICTURE, "a.png", &b"notanimage"[..]),
        (COMPLAINT, "a.png", b"GIF89a"),
        (PRODUCT_COUPON, "a.jpg", b""),
        (MEDIA, "a.png", b"%PDF-1.4"),
        (MEDIA, "a.pdf", b"\x89PNG"),
    ] {
        let response = upload(target, name, file);
        assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()), "{target} {name}");
        assert_eq!(response.json()["message"], "文件二进制内容不是图片，请检查后重新提交");
    }
}

#[test]
fn the_name_of_a_file_ends_in_a_suffix_that_its_page_has() {
    for (target, name) in [
        (PICTURE, "a.gif"),
        (COMPLAINT, "a"),
        (COMPLAINT, "a.pdf"),
        (MEDIA, "a.mp4"),
        (VIDEO, "a.png"),
        (VIDEO, "mp4"),
    ] {
        assert_eq!(upload(target, name, b"BM").refusal(), (400, "PARAM_ERROR".to_owned()), "{target} {name}");
    }
    assert_eq!(upload(VIDEO, "a.RMVB", b"anything").status, 200);
}

#[test]
fn a_file_has_its_own_number_and_a_picture_of_complaints_is_given_back() {
    let client = Client::new(&SHARED);
    let (one, two) = (picture(&client, b"\x89PNG one"), picture(&client, b"BM two"));
    assert_ne!(one, two);
    assert_eq!(picture(&client, b"\x89PNG one"), one);
    for (media_id, bytes, content_type) in
        [(one, &b"\x89PNG one"[..], "image/png"), (two, b"BM two", "image/bmp")]
    {
        let response = client.get(&format!("/v3/merchant-service/images/{media_id}"));
        assert_eq!((response.status, &response.body[..]), (200, bytes));
        assert_eq!(response.header("Content-Type"), Some(content_type));
        assert_eq!(response.header(weipay_sandbox::ANSWER_HEADER), Some("state"));
    }
    for unknown in ["xxxxx", "BB04A5DEEFEA18D4F2554C1EDD3B610B.bmp"] {
        let response = client.get(&format!("/v3/merchant-service/images/{unknown}"));
        assert_eq!(response.refusal(), (400, "INVALID_REQUEST".to_owned()));
    }
    let number =
        |target: &str, name: &str, file: &[u8]| upload(target, name, file).success()["media_id"].clone();
    assert_ne!(number(MEDIA, "a.png", b"BM one"), number(MEDIA, "a.png", b"BM two"));
    assert_ne!(number(VIDEO, "a.mp4", b"one"), number(VIDEO, "a.mp4", b"two"));
}

#[test]
fn the_oldest_pictures_of_a_merchant_give_way_to_newer_ones() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let pictures: Vec<_> =
        (0..51).map(|number| picture(&client, format!("BM {number}").as_bytes())).collect();
    let status = |media_id: &str| client.get(&format!("/v3/merchant-service/images/{media_id}")).status;
    assert_eq!([0, 1, 50].map(|number| status(&pictures[number])), [400, 200, 200]);
}

#[test]
fn meta_keeps_its_contract() {
    let file = b"BM picture";
    for (meta, said) in [
        (&br#"{"filename":"a.jpg"}"#[..], "“/meta/sha256”映射到字段“图片文件的SHA256摘要”必填性"),
        (br#"{"filename":1,"sha256":"0"}"#, "“/meta/filename”"),
        (b"[]", "“/meta”"),
        (b"{", "JSON"),
        (b"", "JSON"),
        (b"{\"filename\":\"\xff\"}", "非UTF8参数"),
    ] {
        let (status, response) = refused(meta, body(&[("meta", meta), ("file", file)]));
        assert_eq!(status, 400);
        assert!(response["message"].as_str().unwrap().contains(said), "{response}");
    }
    let meta = meta("a.jpg", file);
    let twice = body(&[("meta", meta.as_bytes()), ("meta", b"{}"), ("file", file)]);
    assert_eq!(refused(meta.as_bytes(), twice).0, 400);
}

#[test]
fn an_encrypted_value_in_meta_asks_for_the_key_that_it_is_for() {
    let (client, file) = (Client::new(&SHARED), b"BM picture");
    let phone = client.public_key.encrypt_oaep(b"13900000000").unwrap();
    let send = |phone: &str, serial: Option<&str>| {
        let meta = json!({
            "transaction_id": "4200000000000000000000000001", "openid": SHARED.kit().openid, "sha256": sha256_hex(file),
            "merchant_contact_information": { "consultation_phone_number": phone },
        })
        .to_string();
        let body = body(&[("meta", meta.as_bytes()), ("file", file)]);
        let target = "/v3/marketing/shopping-receipt/shoppingreceipts";
        let mut request = request(&client, target, meta.as_bytes(), body);
        if let Some(serial) = serial {
            request.set("Wechatpay-Serial", serial);
        }
        client.send(&request)
    };
    let id = SHARED.kit().public_key_id.as_deref().unwrap();
    // The example is about the order that `meta` names.
    let receipt = send(&phone, Some(id)).success()["receipt"].clone();
    assert_eq!(receipt["transaction_id"], "4200000000000000000000000001");
    assert_eq!(receipt["openid"], SHARED.kit().openid);
    assert!(send(&phone, None).text().contains("HTTP header缺少"));
    assert!(send("13900000000", Some(id)).text().contains("请确认待处理的消息是否为加密后的密文"));
}

/// What a content type says must not take a body out of the signature.
#[test]
fn a_json_body_called_multipart_is_signed_whole() {
    let merchant = crate::merchant::Merchant::new();
    let coupon = merchant.coupon();
    merchant.associate(&coupon, "order-1").success();
    let before = merchant.look_at(&coupon);
    let client = &merchant.client;
    let target = "/v3/marketing/busifavor/coupons/disassociate";
    let json = merchant.tie(&coupon, "order-1").to_string().into_bytes();
    let hidden = body(&[("meta", b"{}"), ("file", &json)]);
    for (signed, body) in [(&b""[..], json.clone()), (b"{}", hidden)] {
        let response = client.send(&request(client, target, signed, body));
        assert_eq!(response.refusal(), (401, "SIGN_ERROR".to_owned()));
    }
    assert_eq!(merchant.look_at(&coupon), before);
    // Signed whole, its content type does not matter.
    assert_eq!(client.send(&request(client, target, &json, json.clone())).status, 200);
}

#[test]
fn uploads_that_do_not_come_to_an_end_give_way_to_one_that_does() {
    let patient = crate::sandbox().idle_timeout(std::time::Duration::from_secs(3_600)).start().unwrap();
    let (client, file) = (Client::new(&patient), file("a.jpg", 2 * MB));
    let meta = meta("a.jpg", &file);
    let body = body(&[("meta", meta.as_bytes()), ("file", &file)]);
    let request = request(&client, PICTURE, meta.as_bytes(), body);
    let half = &request.bytes("close")[..MB];
    let _stalled: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = client.connect();
            std::io::Write::write_all(&mut stream, half).unwrap();
            stream
        })
        .collect();
    assert_eq!(client.send(&request).status, 200);
}
