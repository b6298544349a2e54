//! How a client treats a response that a transport hands over, whatever HTTP libraries would have made of it.

use std::time::Duration;

use weipay::blocking::Client;
use weipay::error::NetworkError;
use weipay::http::{Request, Response};
use weipay::transport::blocking::{Body, Transport};
use weipay::v3::marketing::favor::stocks::get;
use weipay::wire::response_message;

use crate::platform::{PLATFORM, PUBLIC_KEY_ID, configured, now};

/// Responds to every request with one status and body; the signature is over `signed`.
struct Handed {
    status: u16,
    body: &'static str,
    signed: Option<&'static str>,
}

impl Transport for Handed {
    fn send(&self, _: Request<Body>, _: Duration) -> Result<Response<Body>, NetworkError> {
        let mut response = Response::builder().status(self.status);
        if let Some(signed) = self.signed {
            let timestamp = now().to_string();
            let signature = PLATFORM.sign(&response_message(&timestamp, "n", signed.as_bytes())).unwrap();
            response = response
                .header("Wechatpay-Timestamp", timestamp)
                .header("Wechatpay-Nonce", "n")
                .header("Wechatpay-Signature", signature)
                // Blanks around a value, as other HTTP libraries may leave them, are not a part of it.
                .header("Wechatpay-Serial", format!("{PUBLIC_KEY_ID} \t"));
        }
        Ok(response.body(self.body.into()).unwrap())
    }
}

fn client(status: u16, body: &'static str, signed: Option<&'static str>) -> Client {
    configured().blocking_transport(Handed { status, body, signed }).build_blocking().unwrap()
}

#[test]
fn a_body_that_no_signature_covers_is_dropped_from_a_204() {
    let response = client(204, r#"{"forged":true}"#, Some("")).chain("v3/a").post(()).unwrap();
    assert!(response.is_verified() && response.bytes().is_empty());
    assert_eq!(response.json().unwrap(), weipay::serde_json::Value::Null);
}

#[test]
fn only_a_response_that_carries_no_signature_is_not_verified() {
    assert!(client(200, "{}", Some("{}")).chain("v3/a").get().unwrap().is_verified());
    let file = client(200, "file", None).chain("v3/billdownload/file").query("token", "t").get().unwrap();
    assert!(!file.is_verified());
    assert_eq!(file.bytes(), "file");
}

/// Bodies of a megabyte that would become hundreds.
#[test]
fn a_response_of_small_values_is_kept_and_not_read() {
    let of = |piece: &str| format!(r#"{{"data":[{}{{}}]}}"#, piece.repeat(1_500_000 / piece.len()));
    for piece in ["{},", r#"{"":0},"#, r#"{"stock_id":""},"#, r#"{"stock_id":[{}]},"#] {
        let body: &'static str = Box::leak(of(piece).into_boxed_str());
        let stocks = client(200, body, Some(body)).v3().marketing().favor().stocks();
        let request = get::Request::new().stock_creator_mchid("1").offset(0).limit(1);
        let response = stocks.get(request).unwrap();
        for error in [response.json().unwrap_err(), response.decode().unwrap_err()] {
            assert!(error.to_string().contains("more than 64 MiB of memory"), "{error}");
            assert_eq!(error.body().unwrap().len(), body.len());
            assert!(error.may_have_taken_effect());
        }
        assert_eq!((response.is_verified(), response.bytes().len()), (true, body.len()));
    }
}

#[test]
fn what_is_not_wanted_of_a_response_takes_no_memory() {
    for piece in ["[],", "0,", r#""","#, "[[{}]],"] {
        let body: String =
            format!(r#"{{"data":[{}0],"total_count":7}}"#, piece.repeat(2_000_000 / piece.len()));
        let body: &'static str = Box::leak(body.into_boxed_str());
        let request = get::Request::new().stock_creator_mchid("1").offset(0).limit(1);
        let response = client(200, body, Some(body)).v3().marketing().favor().stocks().get(request).unwrap();
        assert_eq!(response.decode().unwrap().total_count, Some(7));
        assert_eq!(response.decode_errors().len(), 101);
        assert!(response.json().is_err());
    }
}

#[test]
fn a_response_that_does_not_read_says_what_was_expected() {
    let response = client(200, r#"{"phone":"13800138000"}"#, Some(r#"{"phone":"13800138000"}"#));
    let response = response.chain("v3/a").get().unwrap();
    let error = response.json_as::<std::collections::HashMap<String, u64>>().unwrap_err();
    assert!(error.to_string().contains("invalid type: string, expected u64 at line 1 column 22"), "{error}");
    assert!(!format!("{error} {error:?}").contains("138"), "{error:?}");
}
