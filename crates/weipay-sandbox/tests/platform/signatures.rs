//! What the platform signs, and with which key.

use crate::SHARED;
use crate::client::Client;
use crate::merchant::{FAMILY, Merchant};

#[test]
fn an_answer_is_signed_with_the_certificate_unless_the_public_key_is_asked_for() {
    let merchant = Merchant::new();
    let client = &merchant.client;
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let plain = client.get(&target);
    assert!(client.verifies(&plain));

    let kit = SHARED.kit();
    let mut request = client.request("GET", &target, b"");
    request.set("Wechatpay-Serial", &kit.public_key_id);
    let asked = client.send(&request);
    assert_eq!(asked.header("Wechatpay-Serial"), Some(kit.public_key_id.as_str()));
    assert!(asked.is_signed_by(&client.public_key) && !client.verifies(&asked));

    let mut request = client.request("GET", &target, b"");
    request.set("Wechatpay-Serial", &kit.platform_serial);
    assert!(client.verifies(&client.send(&request)));
}

#[test]
fn a_signed_answer_has_the_platforms_headers() {
    let merchant = Merchant::new();
    let reply = merchant.get(&format!("stocks/{}", merchant.stock_id));
    assert_eq!(reply.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert_eq!(reply.header("Wechatpay-Signature-Type"), Some("WECHATPAY2-SHA256-RSA2048"));
    assert_eq!(reply.header("Wechatpay-Timestamp"), Some(crate::NOW.to_string().as_str()));
    assert_eq!(reply.header("Wechatpay-Nonce").unwrap().len(), 32);
    assert!(reply.header("Request-ID").unwrap().ends_with("-0"));
    assert_eq!(reply.header("Weipay-Sandbox-Answer"), Some("state"));
}

#[test]
fn every_answer_has_a_nonce_and_a_request_id_of_its_own() {
    let client = Client::of(&SHARED);
    let target = format!("{FAMILY}/stocks/1");
    let (first, second) = (client.get(&target), client.get(&target));
    for name in ["Wechatpay-Nonce", "Request-ID"] {
        assert_ne!(first.header(name).unwrap(), second.header(name).unwrap(), "{name}");
    }
}
