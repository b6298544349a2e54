//! What the platform signs, and with which key.

use crate::client::Client;
use crate::merchant::{FAMILY, Merchant};
use crate::{IN_MIGRATION, SHARED};

#[test]
fn in_migration_the_certificate_signs_unless_the_key_is_named() {
    let merchant = Merchant::in_sandbox(&IN_MIGRATION);
    let client = &merchant.client;
    let target = format!("{FAMILY}/stocks/{}", merchant.stock_id);
    let plain = client.get(&target);
    assert!(client.verifies(&plain));

    let kit = IN_MIGRATION.kit();
    let mut request = client.request("GET", &target, b"");
    request.set("Wechatpay-Serial", kit.public_key_id.as_deref().unwrap());
    let asked = client.send(&request);
    assert_eq!(asked.header("Wechatpay-Serial"), Some(kit.public_key_id.as_deref().unwrap()));
    assert!(asked.is_signed_by(&client.public_key) && !client.verifies(&asked));

    let mut request = client.request("GET", &target, b"");
    request.set("Wechatpay-Serial", kit.platform_serial.as_deref().unwrap());
    assert!(client.verifies(&client.send(&request)));
}

/// As for every merchant since October 2024.
#[test]
fn the_first_merchant_has_the_public_key_only() {
    let (client, kit) = (Client::new(&SHARED), SHARED.kit());
    assert_eq!((&kit.platform_serial, &kit.platform_cert), (&None, &None));
    let overseas = client.get("/v3/global/certificates");
    assert_eq!(overseas.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    let response = client.get("/v3/certificates");
    assert_eq!(response.refusal(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
    assert!(
        response.text().contains("无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"),
        "{}",
        response.text()
    );
    assert_eq!(response.header("Wechatpay-Serial"), kit.public_key_id.as_deref());
    assert!(response.is_signed_by(&client.public_key));
}

#[test]
fn a_signed_response_has_the_platforms_headers() {
    let merchant = Merchant::new();
    let response = merchant.get(&format!("stocks/{}", merchant.stock_id));
    assert_eq!(response.header("Content-Type"), Some("application/json; charset=utf-8"));
    assert_eq!(response.header("Wechatpay-Signature-Type"), Some("WECHATPAY2-SHA256-RSA2048"));
    assert_eq!(response.header("Wechatpay-Timestamp"), Some(crate::NOW.to_string().as_str()));
    assert_eq!(response.header("Wechatpay-Nonce").unwrap().len(), 32);
    assert!(response.header("Request-ID").unwrap().ends_with("-0"));
    assert_eq!(response.header("Weipay-Sandbox-Answer"), Some("state"));
}

#[test]
fn headers_come_in_the_recorded_order_and_spelling() {
    let merchant = Merchant::new();
    let client = &merchant.client;
    let mut stream = client.connect();
    let mut names = |target: &str| {
        std::io::Write::write_all(&mut stream, &client.request("GET", target, b"").bytes("keep-alive"))
            .unwrap();
        let response = crate::client::Response::read(&mut stream).unwrap();
        let names: Vec<String> = response.headers.iter().map(|(name, _)| name.clone()).collect();
        (names, response)
    };
    let signed = [
        "Server",
        "Date",
        "Content-Type",
        "Content-Length",
        "Connection",
        "Keep-Alive",
        "Cache-Control",
        "X-Content-Type-Options",
        "Request-ID",
        "Content-Language",
        "Wechatpay-Nonce",
        "Wechatpay-Signature",
        "Wechatpay-Timestamp",
        "Wechatpay-Serial",
        "Wechatpay-Signature-Type",
    ];
    let (found, response) = names(&format!("{FAMILY}/stocks/{}", merchant.stock_id));
    assert_eq!(found[..signed.len()], signed);
    assert_eq!(found[signed.len()..], ["Weipay-Sandbox-Answer"]);
    assert_eq!(response.header("Connection"), Some("keep-alive"));
    assert_eq!(response.header("Keep-Alive"), Some("timeout=8"));
    assert_eq!(response.header("Date"), Some("Sat, 15 Aug 2026 04:00:00 GMT"));
    // A refusal after the gate has the same.
    let (refused, _) = names(&format!("{FAMILY}/stocks/404"));
    assert_eq!(refused[..signed.len()], signed);
    assert_eq!(refused[signed.len()..], ["Weipay-Sandbox-Reason"]);
    let (unrouted, response) = names("/v3/no/such/path");
    assert_eq!(
        unrouted,
        ["Server", "Date", "Content-Length", "Connection", "Keep-Alive", "Weipay-Sandbox-Reason"]
    );
    assert_eq!((response.status, response.header("Content-Length")), (404, Some("0")));
}

#[test]
fn every_language_of_the_platform_gets_chinese_and_the_response_says_so() {
    let client = Client::new(&SHARED);
    let ask = |target: &str, language: Option<&str>| {
        let mut request = client.request("GET", target, b"");
        language.into_iter().for_each(|language| request.set("Accept-Language", language));
        client.send(&request)
    };
    for target in [&*format!("{FAMILY}/stocks/404"), "/v3/certificates"] {
        let usual = ask(target, None);
        assert_eq!(usual.header("Content-Language"), Some("zh-CN"));
        for language in ["zh-CN", "zh-HK", "zh-TW", "en"] {
            let response = ask(target, Some(language));
            assert_eq!((response.status, response.text()), (usual.status, usual.text()), "{language}");
            assert_eq!(response.header("Content-Language"), Some("zh-CN"), "{language}");
        }
    }
}

#[test]
fn a_connection_that_closes_says_so() {
    let client = Client::new(&SHARED);
    let response = client.get(&format!("{FAMILY}/stocks/404"));
    assert_eq!((response.header("Connection"), response.header("Keep-Alive")), (Some("close"), None));
}

#[test]
fn every_response_has_a_nonce_and_a_request_id_of_its_own() {
    let client = Client::new(&SHARED);
    let target = format!("{FAMILY}/stocks/1");
    let (first, second) = (client.get(&target), client.get(&target));
    for name in ["Wechatpay-Nonce", "Request-ID"] {
        assert_ne!(first.header(name).unwrap(), second.header(name).unwrap(), "{name}");
    }
}

#[test]
fn weipay_wire_verifies_a_response_and_refuses_a_changed_one() {
    use weipay_wire::{PlatformKeys, PublicKeyId, SignatureHeaders, verify_response};
    let merchant = Merchant::new();
    let mut keys = PlatformKeys::new();
    let id = PublicKeyId::new(merchant.client.sandbox.kit().public_key_id.clone().unwrap()).unwrap();
    keys.insert_public_key(id, merchant.client.public_key.clone());
    let response = merchant.get(&format!("stocks/{}", merchant.stock_id));
    let header = |name| response.header(name).unwrap();
    let headers = SignatureHeaders {
        timestamp: header("Wechatpay-Timestamp"),
        nonce: header("Wechatpay-Nonce"),
        signature: header("Wechatpay-Signature"),
        serial: header("Wechatpay-Serial"),
    };
    verify_response(&headers, &response.body, &keys, crate::NOW).unwrap();
    assert!(verify_response(&headers, b"{}", &keys, crate::NOW).is_err());
}

#[test]
fn the_journey_needs_no_socket() {
    let client = crate::client::Client::new(&crate::SHARED);
    let body = crate::merchant::stock_request(&crate::SHARED).to_string();
    let sent = client.request("POST", &format!("{}/stocks", crate::merchant::FAMILY), body.as_bytes());
    let mut request = weipay_sandbox::Request {
        method: sent.method,
        target: sent.target,
        body: sent.body,
        ..Default::default()
    };
    for (name, value) in sent.headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers.insert(name, value.parse().unwrap());
    }
    let response = crate::SHARED.platform().respond(&request);
    assert_eq!(response.status, 200);
    assert_eq!(response.header(weipay_sandbox::ANSWER_HEADER), Some("state"));
}

#[test]
fn the_list_of_certificates_holds_the_one_that_signs() {
    use weipay_wire::{ApiV3Key, Certificate, Envelope};
    let client = Client::new(&IN_MIGRATION);
    let response = client.get("/v3/certificates");
    let item = response.success()["data"][0].clone();
    let text = |name: &str| item["encrypt_certificate"][name].as_str().unwrap();
    let envelope = Envelope {
        nonce: text("nonce"),
        associated_data: text("associated_data"),
        ciphertext: text("ciphertext"),
    };
    let opened = ApiV3Key::new(&IN_MIGRATION.kit().api_v3_key).unwrap().open(&envelope).unwrap();
    let listed = Certificate::from_pem(std::str::from_utf8(&opened).unwrap()).unwrap();
    assert_eq!(item["serial_no"], listed.serial());
    assert_eq!(response.header("Wechatpay-Serial"), Some(listed.serial()));
    assert!(response.is_signed_by(listed.public_key()));
}
