//! Notifications: verified, decrypted, and read as the type of their event.

use weipay::ClientBuilder;
use weipay::http::{HeaderMap, HeaderValue};
use weipay::notification::{Event, Receiver};
use weipay::wire::{ApiV3Key, MerchantId, PrivateKey, PublicKeyId, response_message};

use crate::server::BODY;
use crate::time::{cpu, unix_seconds};
use crate::{API_V3_KEY, MCHID, PUBLIC_KEY_ID};

/// How many a core receives in a second.
pub fn per_second(platform: &PrivateKey, rounds: usize, calls: u32) -> f64 {
    let key = ApiV3Key::new(API_V3_KEY).unwrap();
    let settings = ClientBuilder::default()
        .mchid(MerchantId::new(MCHID).unwrap())
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), platform.public_key())
        .api_v3_key(key.clone());
    let receiver = Receiver::new().merchant(settings).unwrap();
    let nonce = "uluk4a9R25RW";
    let body = serde_json::json!({
        "id": "EV-2018022511223320873",
        "create_time": "2026-11-26T12:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": key.seal(nonce, "transaction", BODY.as_bytes()).unwrap(),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    })
    .to_string();
    let at = unix_seconds().to_string();
    let signature = platform.sign(&response_message(&at, "nonce", body.as_bytes())).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("wechatpay-timestamp", at.as_str()),
        ("wechatpay-nonce", "nonce"),
        ("wechatpay-signature", &signature),
        ("wechatpay-serial", PUBLIC_KEY_ID),
    ] {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let calls = calls * 10;
    let mut costs: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = cpu();
            for _ in 0..calls {
                let notification = receiver.receive(&headers, body.as_bytes()).unwrap();
                let Event::TransactionSuccess(order) = notification.event() else {
                    panic!("{notification:?}")
                };
                assert!(order.amount.is_some());
            }
            (cpu() - start) / f64::from(calls)
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    1e6 / costs[costs.len() / 2]
}
