//! Fields that travel encrypted: asked for by what is in a request, opened with the key that it names, and sent back to the
//! merchant's own key.

use serde_json::{Value, json};
use weipay_wire::PublicKey;

use crate::IN_MIGRATION;
use crate::client::{Client, Response};

const RECEIVERS: &str = "/v3/profitsharing/receivers/add";

fn receiver(name: Option<&str>) -> Value {
    let kit = IN_MIGRATION.kit();
    let mut receiver = json!({
        "appid": kit.appid, "type": "PERSONAL_OPENID", "account": kit.openid, "relation_type": "USER",
    });
    if let Some(name) = name {
        receiver["name"] = json!(name);
    }
    receiver
}

fn send(method: &str, target: &str, body: &Value, serial: Option<&str>) -> Response {
    let client = Client::new(&IN_MIGRATION);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = client.request(method, target, body.as_bytes());
    if let Some(serial) = serial {
        request.set("Wechatpay-Serial", serial);
    }
    let response = client.send(&request);
    assert!(response.check_signature());
    response
}

#[track_caller]
fn refused(response: &Response, message: &str) {
    assert_eq!(response.refusal(), (400, "PARAM_ERROR".to_owned()), "{}", response.text());
    assert_eq!(response.json()["message"], message);
}

const MISSING: &str = "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)";
const WRONG: &str = "平台证书序列号Wechatpay-Serial错误";
const CLOSED: &str = "平台私钥解密失败";
const UNENCRYPTED: &str = "请确认待处理的消息是否为加密后的密文";

#[test]
fn the_header_is_needed_when_an_encrypted_field_is_there() {
    let name = Client::new(&IN_MIGRATION).public_key.encrypt_oaep("张三".as_bytes()).unwrap();
    for serial in [None, Some("")] {
        refused(&send("POST", RECEIVERS, &receiver(Some(&name)), serial), MISSING);
        send("POST", RECEIVERS, &receiver(None), serial).success();
        send("POST", RECEIVERS, &receiver(Some("")), serial).success();
    }
    for serial in ["5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "PUB_KEY_ID_0", "x"] {
        refused(&send("POST", RECEIVERS, &receiver(Some(&name)), Some(serial)), WRONG);
    }
}

#[test]
fn a_value_opens_with_the_key_that_the_header_names_and_with_no_other() {
    let (client, kit) = (Client::new(&IN_MIGRATION), IN_MIGRATION.kit());
    let certificate = client.platform_certificate().public_key();
    let lower = kit.platform_serial.as_deref().unwrap().to_lowercase();
    let sealed = |key: &PublicKey| key.encrypt_oaep("张三".as_bytes()).unwrap();
    for (serial, right, wrong) in [
        (kit.platform_serial.as_deref().unwrap(), certificate, &client.public_key),
        (&lower, certificate, &client.public_key),
        (kit.public_key_id.as_deref().unwrap(), &client.public_key, certificate),
    ] {
        send("POST", RECEIVERS, &receiver(Some(&sealed(right))), Some(serial)).success();
        let closed = send("POST", RECEIVERS, &receiver(Some(&sealed(wrong))), Some(serial));
        refused(&closed, CLOSED);
        let reason = closed.header(weipay_sandbox::REASON_HEADER).unwrap();
        assert!(
            reason.starts_with("`name` cannot be decrypted with the key that Wechatpay-Serial names"),
            "{reason}"
        );
    }
    for plain in ["张三", "abcd", &"A".repeat(344)] {
        refused(
            &send("POST", RECEIVERS, &receiver(Some(plain)), Some(kit.public_key_id.as_deref().unwrap())),
            UNENCRYPTED,
        );
    }
}

#[test]
fn a_value_in_the_query_counts_and_opens_as_well() {
    let (client, id) = (Client::new(&IN_MIGRATION), IN_MIGRATION.kit().public_key_id.as_deref().unwrap());
    let guides = "/v3/smartguide/guides?store_id=1234&offset=0&limit=1";
    send("GET", guides, &Value::Null, None).success();
    let sealed = client.public_key.encrypt_oaep(b"13900000000").unwrap();
    let escaped = sealed.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let target = format!("{guides}&mobile={escaped}");
    refused(&send("GET", &target, &Value::Null, None), MISSING);
    send("GET", &target, &Value::Null, Some(id)).success();
    refused(&send("GET", &format!("{guides}&mobile=13900000000"), &Value::Null, Some(id)), UNENCRYPTED);
}

#[test]
fn a_responses_sensitive_field_opens_with_the_merchants_key() {
    let client = Client::new(&IN_MIGRATION);
    let complaint = client.get("/v3/merchant-service/complaints/4200000404201909069117582536").success();
    let phone = client.key.decrypt_oaep(complaint["payer_phone"].as_str().unwrap()).unwrap();
    assert_eq!(std::str::from_utf8(&phone).unwrap(), "13900000000");
}

#[test]
fn the_self_test_opens_what_it_is_sent_and_sends_it_back_to_the_merchant() {
    let client = Client::new(&IN_MIGRATION);
    let secret = client.public_key.encrypt_oaep("秘密".as_bytes()).unwrap();
    let body = json!({ "echo_message": "hello", "encrypted_echo_message": secret });
    let response =
        send("POST", "/v3/security/echo", &body, Some(IN_MIGRATION.kit().public_key_id.as_deref().unwrap()))
            .success();
    assert_eq!(response["echo_message"], "hello");
    let opened = client.key.decrypt_oaep(response["encrypted_echo_message"].as_str().unwrap()).unwrap();
    assert_eq!(opened.as_slice(), "秘密".as_bytes());
    refused(&send("POST", "/v3/security/echo", &body, None), MISSING);
    // The merchant is called back, if it names an address.
    let receiver = crate::notifications::Receiver::start(&[]);
    let mut told = body.clone();
    told["notify_url"] = json!(receiver.url);
    let sandbox = crate::sandbox().platform_keys(weipay_sandbox::PlatformKeys::Migration).start().unwrap();
    let client = Client::new(&sandbox);
    told["encrypted_echo_message"] = json!(client.public_key.encrypt_oaep("秘密".as_bytes()).unwrap());
    let mut request = client.request("POST", "/v3/security/echo", told.to_string().as_bytes());
    request.set("Wechatpay-Serial", sandbox.kit().public_key_id.as_deref().unwrap());
    client.send(&request).success();
    let notified = receiver.next();
    assert_eq!(notified.json()["event_type"], "SECURITY_ECHO.SUCCESS");
    assert_eq!(notified.json()["resource"]["original_type"], "security");
    let opened = notified.open(&sandbox, sandbox.clock().now());
    assert_eq!(opened["echo_message"], "hello");
    let secret = client.key.decrypt_oaep(opened["encrypt_echo_message"].as_str().unwrap()).unwrap();
    assert_eq!(secret.as_slice(), "秘密".as_bytes());
    let plain = send("POST", "/v3/security/echo", &json!({ "echo_message": "hello" }), None).success();
    assert_eq!(plain, json!({ "echo_message": "hello" }));
}
