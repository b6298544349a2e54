//! Sensitive fields (敏感信息加密): what leaves encrypted, with which key, and what comes back plain.

use serde_json::{Value, json};
use weipay::model::Sensitive;
use weipay::v3::marketing::membercard_open::phonenumber_member::search::get;
use weipay::v3::security::echo::post;
use weipay::wire::{PrivateKey, PublicKeyId};

use crate::platform::{MERCHANT, PLATFORM, PUBLIC_KEY_ID, Platform, signed};

const SECRET: &str = "13800138000";

fn opened(key: &PrivateKey, ciphertext: &str) -> String {
    String::from_utf8(key.decrypt_oaep(ciphertext).unwrap().to_vec()).unwrap()
}

#[test]
fn plain_text_travels_encrypted_both_ways() {
    let ciphertext = MERCHANT.public_key().encrypt_oaep("回显".as_bytes()).unwrap();
    let response = json!({"echo_message": "hello", "encrypted_echo_message": ciphertext}).to_string();
    let platform = Platform::start(vec![signed(200, &response)]);
    let client = platform.builder().build_blocking().unwrap();
    let request = post::Request::new().echo_message("hello").encrypted_echo_message(SECRET);
    let response = client.v3().security().echo().post(request).unwrap();

    let seen = platform.seen();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["echo_message"], "hello");
    assert_eq!(opened(&PLATFORM, body["encrypted_echo_message"].as_str().unwrap()), SECRET);
    assert_eq!(seen.header("wechatpay-serial"), Some(PUBLIC_KEY_ID));

    let decoded = response.decode().unwrap();
    assert_eq!(decoded.encrypted_echo_message.as_ref().unwrap().as_plain_text(), Some("回显"));
    assert!(response.decode_errors().is_empty());
    assert!(!format!("{response:?} {decoded:?}").contains("回显"));
}

#[test]
fn a_field_of_the_query_string_is_encrypted_too() {
    let platform = Platform::start(vec![signed(200, "{}")]);
    let client = platform.builder().build_blocking().unwrap();
    let request = get::Request::new().card_id("p1").encrypted_phone_number(SECRET);
    client.v3().marketing().membercard_open().phonenumber_member().search().get(request).unwrap();
    let target = platform.seen().target;
    let (_, encoded) = target.split_once("encrypted_phone_number=").unwrap();
    let ciphertext = encoded.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    assert_eq!(opened(&PLATFORM, &ciphertext), SECRET);
}

#[test]
fn what_was_encrypted_by_hand_is_said_to_be_ciphertext() {
    let platform = Platform::start(vec![signed(200, r#"{"type":"MERCHANT_ID"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let name = client.encrypt_sensitive(SECRET).unwrap();
    let add = client.chain("v3/profitsharing/receivers/add");
    // As plain text it would be encrypted twice. It is too long for that, so that the mistake is found before anything is sent.
    let error = add.clone().post(json!({"name": name})).unwrap_err();
    assert!(error.is_request() && format!("{error:#}").contains("Sensitive::ciphertext"), "{error}");
    assert!(!platform.saw_more());
    add.post(json!({"name": Sensitive::ciphertext(name)})).unwrap();
    let seen = platform.seen();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(opened(&PLATFORM, body["name"].as_str().unwrap()), SECRET);
    assert_eq!(seen.header("wechatpay-serial"), Some(PUBLIC_KEY_ID));

    let came = MERCHANT.public_key().encrypt_oaep(SECRET.as_bytes()).unwrap();
    assert_eq!(client.decrypt_sensitive(&came).unwrap(), SECRET);
    let error = client.decrypt_sensitive(SECRET).unwrap_err().to_string();
    assert!(!error.contains(SECRET), "{error}");
    assert!(client.encrypt_sensitive(&"x".repeat(215)).unwrap_err().is_request());
}

#[test]
fn another_serial_takes_another_key() {
    let (old, id) = (PrivateKey::generate().unwrap(), "PUB_KEY_ID_0119000000012020");
    let platform = Platform::start(vec![
        signed(200, r#"{"echo_message":"hello"}"#),
        signed(200, r#"{"echo_message":"hello"}"#),
    ]);
    let builder = platform.builder();
    let builder = builder.public_key(PublicKeyId::new(id).unwrap(), old.public_key());
    let client = builder.build_blocking().unwrap();
    let request = || post::Request::new().echo_message("hello").encrypted_echo_message(SECRET);
    client.v3().security().echo().post(request().wechatpay_serial(id)).unwrap();
    client.v3().security().echo().header("Wechatpay-Serial", id).post(request()).unwrap();
    for _ in 0..2 {
        let seen = platform.seen();
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(seen.header("wechatpay-serial"), Some(id));
        assert_eq!(opened(&old, body["encrypted_echo_message"].as_str().unwrap()), SECRET);
    }
}

#[test]
fn without_the_key_of_the_serial_nothing_is_sent() {
    let platform = Platform::start(vec![signed(200, r#"{"echo_message":"hello"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let request = post::Request::new().echo_message("hello").encrypted_echo_message(SECRET);
    let request = request.wechatpay_serial("PUB_KEY_ID_0119000000019999");
    let error = client.v3().security().echo().post(request).unwrap_err().to_string();
    assert!(error.contains("encrypted_echo_message") && error.contains("no platform key"), "{error}");
    assert!(!error.contains(SECRET));
    assert!(!platform.saw_more());
}

#[test]
fn ciphertext_is_sent_as_it_is_and_plain_text_that_passes_for_it_is_not() {
    let platform = Platform::start(vec![signed(200, r#"{"echo_message":"hello"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let ciphertext = client.encrypt_sensitive(SECRET).unwrap();
    let request = |value| post::Request::new().echo_message("hello").encrypted_echo_message(value);
    client.v3().security().echo().post(request(Sensitive::ciphertext(&ciphertext))).unwrap();
    let body: Value = serde_json::from_slice(&platform.seen().body).unwrap();
    assert_eq!(body["encrypted_echo_message"], ciphertext);

    let error = client.v3().security().echo().post(request(Sensitive::ciphertext(SECRET))).unwrap_err();
    assert!(error.is_request() && !error.may_have_taken_effect(), "{error}");
    assert!(format!("{error:#}").contains("was given as ciphertext"), "{error}");
    assert!(!platform.saw_more());
}

#[test]
fn a_client_that_checks_nothing_encrypts_all_the_same() {
    let platform = Platform::start(vec![signed(200, r#"{"echo_message":"hello"}"#)]);
    let client = platform.builder().check_requests(false).build_blocking().unwrap();
    client.v3().security().echo().post(post::Request::new().encrypted_echo_message(SECRET)).unwrap();
    let body: Value = serde_json::from_slice(&platform.seen().body).unwrap();
    assert_eq!(opened(&PLATFORM, body["encrypted_echo_message"].as_str().unwrap()), SECRET);
}

#[test]
fn a_typed_request_given_to_a_call_without_types_is_encrypted_or_refused() {
    let platform = Platform::start(vec![
        signed(200, r#"{"echo_message":"hello"}"#),
        signed(200, r#"{"echo_message":"hello"}"#),
    ]);
    let client = platform.builder().build_blocking().unwrap();
    let request = |value| post::Request::new().echo_message("hello").encrypted_echo_message(value);
    let call = || client.chain("v3/security/echo");
    call().post(request(Sensitive::plain_text(SECRET))).unwrap();
    let body: Value = serde_json::from_slice(&platform.seen().body).unwrap();
    assert_eq!(opened(&PLATFORM, body["encrypted_echo_message"].as_str().unwrap()), SECRET);
    // Where the catalogue has no such field, or knows nothing.
    let misplaced = call().post(Outer { outer: request(Sensitive::plain_text(SECRET)) }).unwrap_err();
    let unknown = client.chain("v3/never/heard/of").post(request(Sensitive::plain_text(SECRET))).unwrap_err();
    for error in [misplaced, unknown] {
        assert!(error.is_request() && !error.to_string().contains(SECRET), "{error}");
        assert!(error.to_string().contains("encrypted_echo_message"), "{error}");
    }
    assert!(!platform.saw_more());

    let ciphertext = client.encrypt_sensitive(SECRET).unwrap();
    call().post(request(Sensitive::ciphertext(&ciphertext))).unwrap();
    let body: Value = serde_json::from_slice(&platform.seen().body).unwrap();
    assert_eq!(body["encrypted_echo_message"], ciphertext);
    // Elsewhere a model is written as it was filled in.
    let kept = serde_json::to_value(request(Sensitive::plain_text(SECRET))).unwrap();
    assert_eq!(kept["encrypted_echo_message"], SECRET);
}

/// A type of a program that holds a request.
struct Outer {
    outer: post::Request,
}

impl serde::Serialize for Outer {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry("outer", &self.outer)?;
        map.end()
    }
}
