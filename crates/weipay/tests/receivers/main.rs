//! What receives notifications with the help of other crates: stores of handled notifications in databases, and actix-web.
//!
//! `.ci/with-postgres cargo test -p weipay --test receivers`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod actix;
mod leases;
mod postgres;
mod sqlite;

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use weipay::ClientBuilder;
use weipay::notification::{Notification, Receiver};
use weipay::wire::{ApiV3Key, MerchantId, PrivateKey, PublicKeyId, response_message};
use weipay::{http, serde_json};

const NOW: i64 = 1_786_766_400;
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026081500000000000001";

static PLATFORM: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

fn api_v3_key() -> ApiV3Key {
    ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap()
}

fn receiver() -> Receiver {
    let settings = ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key())
        .api_v3_key(api_v3_key())
        .clock(|| NOW);
    Receiver::new().merchant(settings).unwrap()
}

/// What the platform posts for an event with this id.
fn posted(id: &str) -> (HeaderMap, Vec<u8>) {
    let nonce = "uluk4a9R25RW";
    let resource = api_v3_key().seal(nonce, "transaction", br#"{"out_trade_no":"order-1"}"#).unwrap();
    let body = json!({
        "id": id,
        "event_type": "TRANSACTION.SUCCESS",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": resource,
            "associated_data": "transaction",
            "nonce": nonce,
        },
    });
    let body = body.to_string().into_bytes();
    let timestamp = NOW.to_string();
    let signature = PLATFORM.sign(&response_message(&timestamp, nonce, &body)).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", nonce),
        ("wechatpay-signature", &signature),
        ("wechatpay-serial", PUBLIC_KEY_ID),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    (headers, body)
}

fn delivered(id: &str) -> Notification {
    let (headers, body) = posted(id);
    receiver().receive(&headers, &body).unwrap()
}
