//! Receiving notifications: what is accepted, what is rejected and with which word, and a notification of the sandbox.

mod apiv2;
mod apiv3;
pub mod delivered;
mod extractor;
mod once;
mod triggered;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use weipay::ClientBuilder;
use weipay::http;
use weipay::notification::Receiver;
use weipay::wire::{ApiV2Key, ApiV3Key, MerchantId, PrivateKey, PublicKeyId, response_message};

use crate::platform::{PLATFORM, PUBLIC_KEY_ID};

pub const NOW: i64 = 1_786_766_400;
pub const API_V3_KEY: &str = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb";
pub const API_V2_KEY: &str = "192006250b4c09247ec02edce69f6a2d";
pub const ID: &str = "EV-2018022511223320873";

/// A merchant's settings, without a private key: receiving needs none.
pub fn settings() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key())
        .api_v3_key(ApiV3Key::new(API_V3_KEY).unwrap())
        .api_v2_key(ApiV2Key::new(API_V2_KEY).unwrap())
        .clock(|| NOW)
}

pub fn receiver() -> Receiver {
    Receiver::new().merchant(settings()).unwrap()
}

/// What the platform posts.
pub fn envelope(key: &str, event_type: &str, original_type: &str, resource: &str) -> Value {
    let nonce = "uluk4a9R25RW";
    let ciphertext = ApiV3Key::new(key).unwrap().seal(nonce, original_type, resource.as_bytes()).unwrap();
    json!({
        "id": ID,
        "create_time": "2026-08-15T12:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "支付成功",
        "resource": {
            "original_type": original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": ciphertext,
            "associated_data": original_type,
            "nonce": nonce,
        },
    })
}

pub fn paid() -> String {
    let resource = r#"{"out_trade_no":"order-1","trade_state":"SUCCESS","payer":{"openid":"oSecret"},"amount":{"total":100}}"#;
    envelope(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", resource).to_string()
}

/// The headers of a body that this key signs at a time.
pub fn signed_by(key: &PrivateKey, serial: &str, timestamp: i64, body: &[u8]) -> HeaderMap {
    let (timestamp, nonce) = (timestamp.to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let signature = key.sign(&response_message(&timestamp, nonce, body)).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-signature", &signature),
        ("wechatpay-serial", serial),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

pub fn signed(body: &[u8]) -> HeaderMap {
    signed_by(&PLATFORM, PUBLIC_KEY_ID, NOW, body)
}
