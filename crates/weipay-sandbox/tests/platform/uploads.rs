//! Uploads: files of every documented size, and bodies whose parts are not in order.

use serde_json::{Value, json};
use weipay_wire::sha256_hex;

use crate::SHARED;
use crate::client::{Client, Reply, Request};

const PICTURE: &str = "/v3/marketing/favor/media/image-upload";
const COMPLAINT: &str = "/v3/merchant-service/images/upload";
const MEDIA: &str = "/v3/merchant/media/upload";
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

fn upload(target: &str, name: &str, file: &[u8]) -> Reply {
    let (client, meta) = (Client::of(&SHARED), meta(name, file));
    let body = body(&[("meta", meta.as_bytes()), ("file", file)]);
    client.send(&request(&client, target, meta.as_bytes(), body))
}

#[test]
fn files_up_to_the_documented_size_are_taken() {
    for (target, name, size) in [
        (PICTURE, "a.jpg", 1),
        (PICTURE, "a.jpg", 2 * MB),
        (COMPLAINT, "a.png", 2 * MB),
        (MEDIA, "a.jpg", 5 * MB),
        (MEDIA, "a.pdf", 7 * MB + MB / 2),
        (VIDEO, "a.mp4", 5 * MB),
    ] {
        let reply = upload(target, name, &vec![7; size]);
        assert_eq!(reply.status, 200, "{target} {name} {size}: {}", reply.text());
        assert!(Client::of(&SHARED).verifies(&reply));
    }
}

#[test]
fn a_larger_file_is_refused_with_an_answer() {
    for (target, name, size) in [
        (PICTURE, "a.jpg", 2 * MB + 1),
        (COMPLAINT, "a.png", 2 * MB + 1),
        (MEDIA, "a.jpg", 5 * MB + 1),
        (MEDIA, "a.pdf", 7 * MB + MB / 2 + 1),
        (VIDEO, "a.mp4", 5 * MB + 1),
    ] {
        let reply = upload(target, name, &vec![7; size]);
        assert_eq!(reply.refusal(), (400, "PARAM_ERROR".to_owned()), "{target} {name} {size}");
        assert_eq!(reply.json()["detail"]["value"], size);
        assert!(Client::of(&SHARED).verifies(&reply));
    }
}

#[test]
fn a_body_that_is_larger_than_any_file_gets_its_answer_too() {
    for size in [9 * MB, 24 * MB] {
        let reply = upload(VIDEO, "a.mp4", &vec![7; size]);
        assert_eq!(reply.refusal(), (413, "INVALID_REQUEST".to_owned()));
    }
}

/// A body that is signed as said; what it gets.
#[track_caller]
fn refused(signed: &[u8], body: Vec<u8>) -> (u16, Value) {
    let client = Client::of(&SHARED);
    let reply = client.send(&request(&client, PICTURE, signed, body));
    (reply.status, reply.json())
}

#[test]
fn both_parts_must_be_there() {
    let file = b"\xff\xd8picture";
    let meta = meta("a.jpg", file);
    let (status, answer) = refused(meta.as_bytes(), body(&[("meta", meta.as_bytes())]));
    assert_eq!(status, 400);
    assert_eq!(answer["message"], "输入源“/file”映射到字段“媒体图片文件”必填性规则校验失败，此字段为必填项");
    // Whoever forgot `meta` signed nothing, or the whole body.
    let without = body(&[("file", file)]);
    for signed in [&b""[..], &without] {
        let (status, answer) = refused(signed, without.clone());
        assert_eq!(status, 400);
        assert_eq!(
            answer["message"],
            "输入源“/meta”映射到字段“媒体文件元信息”必填性规则校验失败，此字段为必填项"
        );
    }
}

#[test]
fn a_body_that_is_not_multipart_is_refused_and_a_signature_of_something_else_too() {
    for bytes in [&b"{\"filename\":\"a.jpg\"}"[..], b"", b"--b\r\n", &body(&[])] {
        let (status, answer) = refused(bytes, bytes.to_vec());
        assert_eq!((status, &answer["code"]), (400, &json!("PARAM_ERROR")), "{answer}");
    }
    let file = b"picture";
    let meta = meta("a.jpg", file);
    let whole = body(&[("meta", meta.as_bytes()), ("file", file)]);
    for signed in [&whole[..], b"", b"{}"] {
        assert_eq!(refused(signed, whole.clone()).0, 401);
    }
}

#[test]
fn the_digest_must_be_the_files() {
    let file = b"picture";
    for digest in [sha256_hex(b"another"), String::new(), "x".to_owned(), sha256_hex(file)[1..].to_owned()] {
        let meta = json!({ "filename": "a.jpg", "sha256": digest }).to_string();
        let (status, answer) = refused(meta.as_bytes(), body(&[("meta", meta.as_bytes()), ("file", file)]));
        assert_eq!((status, &answer["code"]), (400, &json!("PARAM_ERROR")), "{digest}");
    }
    let upper = json!({ "filename": "a.jpg", "sha256": sha256_hex(file).to_uppercase() }).to_string();
    assert_eq!(refused(upper.as_bytes(), body(&[("meta", upper.as_bytes()), ("file", file)])).0, 200);
}

#[test]
fn meta_keeps_its_contract() {
    let file = b"picture";
    for (meta, said) in [
        (&br#"{"filename":"a.jpg"}"#[..], "“/meta/sha256”映射到字段“图片文件的SHA256摘要”必填性"),
        (br#"{"filename":1,"sha256":"0"}"#, "“/meta/filename”"),
        (b"[]", "“/meta”"),
        (b"{", "JSON"),
        (b"", "JSON"),
        (b"{\"filename\":\"\xff\"}", "非UTF8参数"),
    ] {
        let (status, answer) = refused(meta, body(&[("meta", meta), ("file", file)]));
        assert_eq!(status, 400);
        assert!(answer["message"].as_str().unwrap().contains(said), "{answer}");
    }
    let meta = meta("a.jpg", file);
    let twice = body(&[("meta", meta.as_bytes()), ("meta", b"{}"), ("file", file)]);
    assert_eq!(refused(meta.as_bytes(), twice).0, 400);
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
        let reply = client.send(&request(client, target, signed, body));
        assert_eq!(reply.refusal(), (401, "SIGN_ERROR".to_owned()));
    }
    assert_eq!(merchant.look_at(&coupon), before);
    // Signed whole, its content type does not matter.
    assert_eq!(client.send(&request(client, target, &json, json.clone())).status, 200);
}

#[test]
fn uploads_that_do_not_come_to_an_end_give_way_to_one_that_does() {
    let patient = crate::sandbox().patience(std::time::Duration::from_secs(3_600)).start().unwrap();
    let (client, file) = (Client::of(&patient), vec![7; 2 * MB]);
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
