//! What becomes of an answer that a transport hands over, whatever HTTP libraries would have made of it.

use std::time::Duration;

use weipay::blocking::Client;
use weipay::bytes::Bytes;
use weipay::error::NetworkProblem;
use weipay::http::{Request, Response};
use weipay::transport::Transport;
use weipay::wire::response_message;

use crate::platform::{PLATFORM, PUBLIC_KEY_ID, configured, now};

/// Answers every request with one status and body; the signature is over `signed`.
struct Handed {
    status: u16,
    body: &'static str,
    signed: Option<&'static str>,
}

impl Transport for Handed {
    fn send(&self, _: Request<Bytes>, _: Duration) -> Result<Response<Bytes>, NetworkProblem> {
        let mut answer = Response::builder().status(self.status);
        if let Some(signed) = self.signed {
            let timestamp = now().to_string();
            let signature = PLATFORM.sign(&response_message(&timestamp, "n", signed.as_bytes())).unwrap();
            answer = answer
                .header("Wechatpay-Timestamp", timestamp)
                .header("Wechatpay-Nonce", "n")
                .header("Wechatpay-Signature", signature)
                .header("Wechatpay-Serial", PUBLIC_KEY_ID);
        }
        Ok(answer.body(Bytes::from_static(self.body.as_bytes())).unwrap())
    }
}

fn client(status: u16, body: &'static str, signed: Option<&'static str>) -> Client {
    configured().blocking_transport(Handed { status, body, signed }).build_blocking().unwrap()
}

#[test]
fn a_body_that_no_signature_covers_is_dropped_from_a_204() {
    let reply = client(204, r#"{"forged":true}"#, Some("")).chain("v3/a").post(()).unwrap();
    assert!(reply.is_verified() && reply.bytes().is_empty());
    assert_eq!(reply.json().unwrap(), weipay::serde_json::Value::Null);
}

#[test]
fn only_an_answer_that_carries_no_signature_is_not_verified() {
    assert!(client(200, "{}", Some("{}")).chain("v3/a").get().unwrap().is_verified());
    let file = client(200, "file", None).chain("v3/billdownload/file").query("token", "t").get().unwrap();
    assert!(!file.is_verified());
    assert_eq!(file.bytes(), "file");
}
