//! Calls without types: they encrypt and open what their operation's row names, tell what it does not know, and are repeated,
//! uploaded and downloaded by the same row as typed calls.

use serde_json::{Value, json};
use weipay::http::Method;
use weipay::model::Sensitive;
use weipay::wire::PrivateKey;
use weipay::{Operation, SensitiveTexts, UploadFile};
use weipay_catalog::{Catalog, Field};

use crate::platform::{MERCHANT, PLATFORM, PUBLIC_KEY_ID, Platform, Seen, on_both, signed, unsigned};
use crate::platform_certificates::server::{OLD, Server};
use crate::shared_sandbox::client;

const SECRET: &str = "张三";
const ADD: &str = "v3/profitsharing/receivers/add";
/// A success of it; of a split and of a refund too.
const ADDED: &str = r#"{"type":"MERCHANT_ID","account":"1","relation_type":"USER"}"#;
const REFUNDED: &str = r#"{"refund_id":"1"}"#;

fn plain(key: &PrivateKey, ciphertext: &Value) -> String {
    String::from_utf8(key.decrypt_oaep(ciphertext.as_str().unwrap()).unwrap().to_vec()).unwrap()
}

fn body(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

/// A value of the query, decoded.
fn query(seen: &Seen, name: &str) -> Value {
    let (_, rest) = seen.target.split_once(&format!("{name}=")).unwrap();
    let encoded = rest.split('&').next().unwrap();
    json!(encoded.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
}

#[test]
fn the_rows_name_the_fields_that_the_catalogue_marks() {
    fn paths(place: &str, at: &str, fields: &[Field], found: &mut Vec<String>) {
        for field in fields {
            let path = if at.is_empty() { field.name.to_owned() } else { format!("{at}.{}", field.name) };
            if field.is_encrypted() {
                found.push(format!("{place}: {path}"));
            }
            paths(place, &path, &field.fields, found);
        }
    }
    let mut count = 0;
    for operation in Catalog::embedded().operations() {
        let request = &operation.request;
        let mut expected = Vec::new();
        paths("path", "", &request.path, &mut expected);
        paths("query", "", &request.query, &mut expected);
        paths("body", "", &request.json, &mut expected);
        paths("body", "", &request.xml, &mut expected);
        for part in &request.multipart {
            paths("body", "", &part.fields, &mut expected);
        }
        paths("response", "", &operation.response, &mut expected);
        let method = operation.method.parse().unwrap();
        let row = Operation::find(&method, operation.path).unwrap();
        assert_eq!(row.sensitive_fields(), expected, "{row}");
        count += expected.len();
    }
    assert!(count > 350, "{count}");
}

#[test]
fn plain_texts_are_encrypted_at_their_places_in_both_untyped_styles() {
    let shared = signed(200, r#"{"order_id":"1"}"#);
    let platform = Platform::start(vec![signed(200, ADDED), signed(200, ADDED), shared]);
    let client = platform.builder().build_blocking().unwrap();
    let request =
        json!({"appid": "wx1", "name": SECRET, "account": "张三丰", "custom_relation": {"name": "李四"}});
    client.chain(ADD).post(&request).unwrap();
    client[ADD].post(&request).unwrap();
    for _ in 0..2 {
        let seen = platform.seen();
        let sent = body(&seen);
        assert_eq!(plain(&PLATFORM, &sent["name"]), SECRET);
        assert_eq!((&sent["account"], &sent["custom_relation"]["name"]), (&json!("张三丰"), &json!("李四")));
        assert_eq!(seen.header("wechatpay-serial"), Some(PUBLIC_KEY_ID));
    }
    // Deeper, in objects and arrays.
    let orders = "v3/profitsharing/orders";
    client[orders]
        .post(json!({"receivers": [{"name": SECRET, "amount": 1}, {"name": "", "amount": 2}]}))
        .unwrap();
    let sent = body(&platform.seen());
    assert_eq!(plain(&PLATFORM, &sent["receivers"][0]["name"]), SECRET);
    assert_eq!(sent["receivers"][1], json!({"name": "", "amount": 2}));
}

#[tokio::test]
async fn the_async_client_encrypts_and_opens_too() {
    let ciphertext = MERCHANT.public_key().encrypt_oaep("李四".as_bytes()).unwrap();
    let platform = Platform::start(vec![signed(200, &json!({"name": ciphertext}).to_string())]);
    let client = platform.builder().build().unwrap();
    let response = client[ADD].post(json!({"name": SECRET})).await.unwrap();
    assert_eq!(response.json().unwrap()["name"], "李四");
    assert_eq!(plain(&PLATFORM, &body(&platform.seen())["name"]), SECRET);
}

/// What goes out decides, and not how its caller wrote it.
#[test]
fn the_operation_is_the_one_of_the_path_that_goes_out() {
    for (result, platform) in on_both!(vec![signed(200, ADDED)], client =>
        client.chain("v3/profitsharing/receivers/{action}").path("action", "add").post(json!({"name": SECRET})))
    {
        result.unwrap();
        assert_eq!(plain(&PLATFORM, &body(&platform.seen())["name"]), SECRET);
    }
    // The number of the merchant, repeats, and what `Debug` and `inspect` tell.
    let order = json!({"out_trade_no": "A00001", "description": "a", "amount": {"total": 1}});
    for (result, platform) in on_both!(vec![unsigned(503, ""), signed(200, r#"{"code_url":"a"}"#)], client =>
        client.chain("v3/pay/{what}/{kind}").path("what", "transactions").path("kind", "native").post(&order))
    {
        assert_eq!(result.unwrap().attempts().len(), 2);
        assert!(body(&platform.seen())["mchid"].is_string());
    }
    let client = crate::platform::configured().build_blocking().unwrap();
    let call = client.chain("v3/fund-app/mch-transfer/{what}").path("what", "transfer-bills");
    let found = call.inspect(&Method::POST, json!({"user_name": SECRET})).unwrap();
    assert_eq!(
        (found.operation.unwrap().title(), &found.sensitive[..]),
        ("发起转账", &["body: user_name".to_owned()][..])
    );
    assert!(format!("{call:?}").contains("发起转账"), "{call:?}");
}

#[test]
fn a_path_almost_like_one_with_sensitive_fields_is_refused_with_that() {
    let transfer = "v3/fund-app/mch-transfer/transfer-bills";
    for (path, right) in [
        ("v3/applyment4sub/applyment", "with a slash at the end: POST v3/applyment4sub/applyment/"),
        ("v3/ecommerce/applyments", "with a slash at the end: POST v3/ecommerce/applyments/"),
        (
            "v3/fund-app/mch-transfer/transfer-bills/",
            &*format!("without a slash at the end: POST {transfer}"),
        ),
        ("V3/fund-app/mch-transfer/transfer-bills", &*format!("exactly so: POST {transfer}")),
        ("v3/fund%2Dapp/mch-transfer/transfer-bills?a=b", &*format!("exactly so: POST {transfer}")),
    ] {
        for (result, platform) in on_both!(Vec::new(), client =>
            client.chain(path).post(json!({"user_name": SECRET, "contact_info": {"mobile_phone": "13800138000"}})))
        {
            let error = result.unwrap_err();
            assert!(error.is_request() && error.to_string().contains(right), "{error}");
            assert!(!platform.saw_more());
        }
    }
    let client = crate::platform::configured().build_blocking().unwrap();
    let value = client.chain("v3/fund-app/{a}/transfer-bills").path("a", "MCH-transfer");
    assert!(value.inspect(&Method::POST, ()).unwrap_err().to_string().contains(transfer));
    // Without sensitive fields the platform says what it thinks of a path.
    for (result, platform) in on_both!(vec![signed(200, "{}")], client =>
        client.chain("v3/refund/domestic/refunds/").post(json!({})))
    {
        result.unwrap();
        assert_eq!(platform.seen().target, "/v3/refund/domestic/refunds/");
    }
}

#[test]
fn another_method_than_those_of_a_path_with_sensitive_fields_is_refused_with_them() {
    let platform = Platform::start(vec![signed(200, "{}"); 3]);
    let client = platform.builder().build_blocking().unwrap();
    let transfer = "v3/fund-app/mch-transfer/transfer-bills";
    let body = json!({"user_name": SECRET});
    for error in [
        client.chain(transfer).put(&body).unwrap_err(),
        client[transfer].patch(&body).unwrap_err(),
        client.chain(transfer).query("user_name", SECRET).get().unwrap_err(),
        client.chain(&transfer.to_uppercase()).put(&body).unwrap_err(),
    ] {
        assert!(!error.may_have_taken_effect());
        let text = error.to_string();
        assert!(
            (text.contains("lists it only for POST") || text.contains(&format!("POST {transfer}")))
                && !text.contains(SECRET),
            "{text}"
        );
    }
    assert!(!platform.saw_more());
    client.chain(transfer).inspect(&Method::PUT, &body).unwrap_err();
    // Nothing of these would be encrypted.
    client.chain(transfer).get().unwrap();
    client.chain(transfer).query("out_bill_no", 1).get().unwrap();
    client.chain("v3/refund/domestic/refunds").put(json!({"out_refund_no": "1"})).unwrap();
}

#[test]
fn everything_else_of_a_body_is_sent_as_it_was_written() {
    let platform = Platform::start(vec![signed(200, ADDED), signed(200, REFUNDED)]);
    let client = platform.builder().build_blocking().unwrap();
    let text = r#"{ "total" : 0.010, "big":12345678901234567890123, "name" : "张三", "name":"李四" }"#;
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
    client.chain(ADD).post(&raw).unwrap();
    let sent = String::from_utf8(platform.seen().body).unwrap();
    assert!(sent.starts_with(r#"{ "total" : 0.010, "big":12345678901234567890123, "name" : ""#), "{sent}");
    // Both of two members with one name: it is not known which one counts.
    assert!(!sent.contains("张三") && !sent.contains("李四"), "{sent}");
    client.chain("v3/refund/domestic/refunds").post(&raw).unwrap();
    assert_eq!(platform.seen().body, text.as_bytes());
}

#[test]
fn a_value_of_the_query_is_encrypted_and_one_in_the_path_is_refused() {
    let platform = Platform::start(vec![signed(200, "{}"); 3]);
    let client = platform.builder().build_blocking().unwrap();
    let verify = || client.chain("v3/realname/verify");
    verify().query("encrypted_name", SECRET).get().unwrap();
    assert_eq!(plain(&PLATFORM, &query(&platform.seen(), "encrypted_name")), SECRET);
    let ciphertext = client.encrypt_sensitive(SECRET).unwrap();
    verify().query_sensitive("encrypted_name", Sensitive::ciphertext(&ciphertext)).get().unwrap();
    assert_eq!(query(&platform.seen(), "encrypted_name"), ciphertext);
    client["v3/realname/verify"].query_sensitive("encrypted_name", SECRET).get().unwrap();
    assert_eq!(plain(&PLATFORM, &query(&platform.seen(), "encrypted_name")), SECRET);

    let error = client.chain("v3/realname/verify?encrypted%5Fname=%E5%BC%A0").get().unwrap_err();
    assert!(error.is_request() && error.to_string().contains(".query(name, value)"), "{error}");
    assert!(!platform.saw_more());
}

#[test]
fn how_a_value_was_made_decides_what_it_is() {
    let platform = Platform::start(vec![signed(200, ADDED); 6]);
    let client = platform.builder().build_blocking().unwrap();
    let ciphertext = client.encrypt_sensitive(SECRET).unwrap();
    let name = |value: Value, texts| {
        client.chain(ADD).sensitive_texts(texts).post(json!({ "name": value })).unwrap();
        body(&platform.seen())["name"].clone()
    };
    let value = |sensitive: Sensitive| serde_json::to_value(sensitive).unwrap();
    for texts in [SensitiveTexts::Plain, SensitiveTexts::Ciphertext] {
        assert_eq!(plain(&PLATFORM, &name(value(SECRET.into()), texts)), SECRET);
        assert_eq!(name(value(Sensitive::ciphertext(&ciphertext)), texts), ciphertext);
    }
    assert_eq!(name(json!(ciphertext), SensitiveTexts::Ciphertext), ciphertext);
    assert_eq!(name(value(Sensitive::unencrypted(SECRET)), SensitiveTexts::Plain), SECRET);

    for (given, texts) in [
        (json!(SECRET), SensitiveTexts::Ciphertext),
        (value(Sensitive::ciphertext(SECRET)), SensitiveTexts::Plain),
        (json!(13800138000_u64), SensitiveTexts::Plain),
        (json!({"text": SECRET}), SensitiveTexts::Plain),
        (json!(true), SensitiveTexts::Ciphertext),
    ] {
        let error = client.chain(ADD).sensitive_texts(texts).post(json!({"name": given})).unwrap_err();
        assert!(error.is_request() && error.to_string().contains("`name`"), "{error}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
    assert!(!platform.saw_more());
}

#[test]
fn a_path_that_is_not_known_is_sent_as_it_is_given_and_says_so() {
    let platform = Platform::start(vec![signed(200, r#"{"name":"x"}"#); 2]);
    let client = platform.builder().build_blocking().unwrap();
    let call = client.chain("v3/never/heard/of");
    assert!(format!("{call:?}").contains("nothing is known of its fields"), "{call:?}");
    let ciphertext = client.encrypt_sensitive(SECRET).unwrap();
    let given = json!({"name": "plain", "encrypted": Sensitive::ciphertext(&ciphertext)});
    let response = call.clone().post(&given).unwrap();
    assert_eq!(body(&platform.seen()), json!({"name": "plain", "encrypted": ciphertext}));
    assert_eq!(response.json().unwrap(), json!({"name": "x"}));
    assert!(response.unknown_members().is_empty());
    assert_eq!(call.inspect(&Method::POST, json!({"a": 1})).unwrap().operation, None);
    // What is known to be plain text and personal does not leave without a key.
    let error = call.post(json!([{"name": Sensitive::plain_text(SECRET)}])).unwrap_err();
    assert!(error.to_string().contains("does not have this operation"), "{error}");
    assert!(error.to_string().contains("`[0].name`") && !error.to_string().contains(SECRET), "{error}");
}

#[test]
fn unknown_members_are_sent_and_told() {
    let platform = Platform::start(vec![signed(200, r#"{"prepay_id":"wx1"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let call = client.chain("v3/pay/transactions/jsapi").query("Mchid", "1");
    let order = json!({
        "appid": "wx1", "mchid": "1900000001", "out_trade_no": "1234567", "notifyUrl": "https://example.com",
        "amount": {"total": 1, "curency": "CNY"},
        "detail": {"goods_detail": [{"quantity": 1}, {"number": 2}]},
        "13800138000": {"anything": 1},
    });
    let expected = [
        "query: Mchid",
        "body: notifyUrl",
        "body: amount.curency",
        "body: detail.goods_detail[1].number",
        "body: (a name that may be a value)",
    ];
    let found = call.inspect(&Method::POST, &order).unwrap();
    assert_eq!(found.unknown_members, expected);
    assert_eq!(found.operation.unwrap().path(), "v3/pay/transactions/jsapi");
    let response = call.post(&order).unwrap();
    assert_eq!(response.unknown_members(), expected);
    assert_eq!(body(&platform.seen()), order);
}

#[test]
fn a_list_of_unknown_members_is_bounded() {
    let client = crate::platform::configured().build_blocking().unwrap();
    let many: Vec<Value> = (0..10_000).map(|_| json!({"odd": 1})).collect();
    let found = client.chain("v3/profitsharing/orders").inspect(&Method::POST, json!({"receivers": many}));
    assert_eq!(found.unwrap().unknown_members.len(), 100);
}

#[test]
fn json_text_inside_an_element_is_looked_into() {
    let client = crate::platform::configured().build_blocking().unwrap();
    let call = client.chain("v2/pay/unifiedorder");
    let detail = json!({"goods_detail": [{"goods_id": "1", "color": "red"}]});
    for detail in [detail.clone(), Value::String(detail.to_string())] {
        let found = call.inspect(&Method::POST, json!({"body": "a", "detail": detail})).unwrap();
        assert_eq!(found.unknown_members, ["body: detail.goods_detail[0].color"]);
    }
}

#[test]
fn what_comes_encrypted_is_opened_and_what_does_not_open_is_told() {
    let good = MERCHANT.public_key().encrypt_oaep(SECRET.as_bytes()).unwrap();
    let bad = PLATFORM.public_key().encrypt_oaep(SECRET.as_bytes()).unwrap();
    let answer =
        json!({"data": [{"payer_phone": good}, {"payer_phone": bad}, {"payer_phone": ""}], "total_count": 3});
    let platform = Platform::start(vec![signed(200, &answer.to_string())]);
    let client = platform.builder().build_blocking().unwrap();
    let call = client.chain("v3/merchant-service/complaints-v2").query("begin_date", "2026-11-01");
    let response = call.query("end_date", "2026-11-25").get().unwrap();
    for read in [response.json().unwrap(), response.decode().unwrap(), response.json_as().unwrap()] {
        assert_eq!(read["data"][0]["payer_phone"], SECRET);
        assert_eq!(read["data"][1]["payer_phone"], bad);
        assert_eq!(read["total_count"], 3);
    }
    let decode_errors = response.decode_errors();
    assert_eq!(decode_errors.len(), 1);
    assert_eq!(decode_errors[0].path, "data[1].payer_phone");
    assert_eq!(&response.bytes()[..], answer.to_string().as_bytes(), "the bytes are as they came");
    assert!(!format!("{response:?} {decode_errors:?}").contains(SECRET));
}

#[test]
fn plain_text_of_apiv2_is_refused_because_its_keys_are_others() {
    let platform = Platform::start(Vec::new());
    let client = platform.builder().build_blocking().unwrap();
    let error = client.chain("v2/mmpaysptrans/pay_bank").post(json!({"enc_true_name": SECRET})).unwrap_err();
    assert!(error.is_request() && error.to_string().contains("getpublickey"), "{error}");
    assert!(!platform.saw_more());
}

#[test]
fn a_client_without_keys_fetches_them_before_it_encrypts() {
    let server = Server::start();
    let client = server.builder().build_blocking().unwrap();
    client.chain("v3/security/echo").post(json!({"encrypted_echo_message": SECRET})).unwrap();
    let seen = server.seen();
    let sent = seen.iter().find(|seen| seen.target == "/v3/security/echo").unwrap();
    assert_eq!(sent.header("wechatpay-serial"), Some(OLD.serial()));
    assert_eq!(plain(&OLD.key, &body(sent)["encrypted_echo_message"]), SECRET);
}

#[test]
fn a_call_is_repeated_only_by_its_row_and_with_the_same_ciphertext() {
    let error = unsigned(500, r#"{"code":"SYSTEM_ERROR","message":"x"}"#);
    let platform = Platform::start(vec![error.clone(), signed(200, ADDED), error.clone()]);
    let client = platform.builder().build_blocking().unwrap();
    // Adding a receiver is safe to repeat.
    let response = client.chain(ADD).post(json!({"name": SECRET})).unwrap();
    assert_eq!(response.attempts().len(), 2);
    let (first, second) = (platform.seen(), platform.seen());
    assert_eq!(first.body, second.body, "what is encrypted anew has other bytes");
    // An order without its number is not.
    let refused = client.chain("v3/pay/transactions/native").post(json!({"description": "a"})).unwrap_err();
    assert_eq!(refused.attempts().len(), 1);
}

/// The sandbox compares the digest with the file, and decrypts what must come encrypted.
#[test]
fn an_upload_describes_its_file_and_encrypts_the_description() {
    let file = UploadFile::new("a.png", b"\x89PNG\r\n\x1a\n".to_vec());
    let client = client();
    let response = client["v3/marketing/favor/media/image-upload"].upload((), &file).unwrap();
    assert!(response.json().unwrap()["media_url"].is_string());
    let call = client.chain("v3/marketing/shopping-receipt/shoppingreceipts");
    let meta = json!({
        "transaction_id": "4200000000202511250000000001", "openid": "o1",
        "merchant_contact_information": {"consultation_phone_number": "13800138000"},
    });
    let found = call.inspect(&Method::POST, &meta).unwrap();
    assert_eq!(found.sensitive, ["body: merchant_contact_information.consultation_phone_number"]);
    let receipt = call.upload(&meta, &file).unwrap().json().unwrap();
    assert!(receipt["receipt"]["receipt_id"].is_string(), "{receipt}");
}

/// A bill is named by a signed response, and comes unsigned from where that says.
#[test]
fn a_bill_is_asked_for_and_downloaded_without_types() {
    let (_sandbox, client) = crate::bills::with_bills();
    let call = client["v3/bill/tradebill"].query("bill_date", crate::bills::DAY).query("tar_type", "GZIP");
    let response = call.get().unwrap();
    let downloaded = client.download(&response).to_writer(std::io::sink()).unwrap();
    assert!(downloaded.is_verified() && downloaded.was_compressed);
}
