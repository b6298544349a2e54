//! Notifications. The first byte chooses: headers and a body as a stranger sends them, a body that the platform signed, or a
//! resource that it sealed and signed, of one of the known events.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use weipay::http::{HeaderMap, HeaderName, HeaderValue};
use weipay::notification::{Notification, Receiver, Rejection};
use weipay::wire::{ApiV3Key, EnvelopeAlgorithm};
use weipay_fuzz::{API_V2_KEY, API_V3_KEY, NONCE, check_no_secret, settings, signed};

static RECEIVER: LazyLock<Receiver> = LazyLock::new(|| Receiver::new().merchant(settings()).unwrap());

const EVENTS: [(&str, &str); 8] = [
    ("TRANSACTION.SUCCESS", "transaction"),
    ("REFUND.SUCCESS", "refund"),
    ("REFUND.ABNORMAL", "refund"),
    ("PAYSCORE.USER_PAID", "payscore"),
    ("COUPON.SEND", "busifavor"),
    ("MCHTRANSFER.BILL.FINISHED", "mch_payment"),
    ("COMPLAINT.CREATE", "complaint"),
    ("SOMETHING.NEW", ""),
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let received = match choice % 4 {
        0 => {
            let (headers, body) = message(rest);
            RECEIVER.receive(&headers, body)
        }
        1 => RECEIVER.receive(&signed(rest), rest),
        choice => {
            let algorithm =
                if choice == 2 { EnvelopeAlgorithm::Aes256Gcm } else { EnvelopeAlgorithm::Sm4Gcm };
            let Some((event, resource)) = rest.split_first() else { return };
            let (event_type, original_type) = EVENTS[usize::from(*event) % EVENTS.len()];
            let key = ApiV3Key::new(API_V3_KEY).unwrap();
            let body = json!({
                "id": "EV-1",
                "event_type": event_type,
                "resource": {
                    "original_type": original_type,
                    "algorithm": algorithm.name(),
                    "associated_data": original_type,
                    "nonce": NONCE,
                    "ciphertext": key.seal_with(algorithm, NONCE, original_type, resource).unwrap(),
                },
            })
            .to_string();
            RECEIVER.receive(&signed(body.as_bytes()), body.as_bytes())
        }
    };
    judge(received, rest);
});

/// Header lines up to the first empty one, and the body after it.
fn message(bytes: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, after) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        rest = after;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return (headers, rest) };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
}

fn judge(received: Result<Notification, Rejection>, input: &[u8]) {
    let shown = match received {
        Ok(notification) => {
            let _ = (notification.json(), format!("{:?}", notification.event()));
            // APIv3 wants no body, APIv2 wants XML.
            assert!([200, 204].contains(&notification.success().status().as_u16()));
            format!("{notification:?}")
        }
        Err(rejection) => {
            assert!(rejection.status().as_u16() >= 400);
            assert!(rejection.response().body().len() < 10_000);
            format!("{rejection:#}")
        }
    };
    check_no_secret(&shown, input, &[API_V3_KEY, API_V2_KEY]);
}
