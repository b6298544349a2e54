//! What the clients believe: answers that are good, forged, changed, stale or probing, from a platform that is
//! independent of the sandbox. Every case runs on both clients.

use std::time::Duration;

use crate::platform::{PUBLIC_KEY_ID, Platform, Scripted, configured, now, signed, signed_at, unsigned};
use serde_json::{Value, json};
use weipay::error::{Failure, Sent};
use weipay::wire::VerifyError;
use weipay::{Error, Reply};

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";
const TIME: &str = r#"{"wechatpay_disassociate_time":"2015-05-20T13:29:35+08:00"}"#;

fn on_async<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The same call on both clients, each against its own platform with the same answer.
fn both(answer: impl Fn() -> Scripted) -> [Result<Reply<Value>, Error>; 2] {
    let body = json!({"stock_id": "1", "coupon_code": "2"});
    let platform = Platform::start(vec![answer()]);
    let client = platform.builder().build().unwrap();
    let first = on_async(client.chain(PATH).post(&body));
    let platform = Platform::start(vec![answer()]);
    let client = platform.builder().build_blocking().unwrap();
    [first, client.chain(PATH).post(&body)]
}

fn refused(answer: impl Fn() -> Scripted, expected: impl Fn(&VerifyError) -> bool) {
    for result in both(answer) {
        let error = result.expect_err("an answer that does not verify was believed");
        assert!(error.is_unverified() && !error.is_refused(), "{error}");
        assert!(error.may_have_taken_effect());
        match error.failure() {
            Failure::Unverified(reason) => assert!(expected(reason), "{reason:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(error.status().unwrap(), 200);
    }
}

#[test]
fn a_good_answer_is_believed_and_kept_byte_for_byte() {
    for reply in both(|| signed(200, TIME)) {
        let reply = reply.unwrap();
        assert_eq!(reply.bytes(), TIME.as_bytes());
        assert_eq!(reply.json().unwrap()["wechatpay_disassociate_time"], "2015-05-20T13:29:35+08:00");
    }
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let other = weipay::wire::PrivateKey::generate().unwrap();
    let forged = move || {
        let timestamp = now().to_string();
        let message = weipay::wire::response_message(&timestamp, "n", TIME.as_bytes());
        signed(200, TIME)
            .header("Wechatpay-Timestamp", &timestamp)
            .header("Wechatpay-Nonce", "n")
            .header("Wechatpay-Signature", &other.sign(&message).unwrap())
    };
    refused(forged, |reason| matches!(reason, VerifyError::Mismatch { .. }));
}

#[test]
fn a_changed_body_is_refused() {
    let changed = TIME.replace("2015", "2016");
    refused(
        || signed(200, TIME).with_body(&changed),
        |reason| matches!(reason, VerifyError::Mismatch { .. }),
    );
}

#[test]
fn an_answer_without_a_signature_is_refused() {
    refused(|| unsigned(200, TIME), |reason| matches!(reason, VerifyError::Missing(_)));
    for name in ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"] {
        refused(|| signed(200, TIME).without(name), |reason| *reason == VerifyError::Missing(name));
    }
}

#[test]
fn a_stale_answer_is_refused() {
    refused(|| signed_at(200, TIME, now() - 400), |reason| matches!(reason, VerifyError::Stale { .. }));
    refused(|| signed_at(200, TIME, now() + 400), |reason| matches!(reason, VerifyError::Stale { .. }));
}

#[test]
fn an_unknown_serial_is_refused_with_the_known_ones_named() {
    refused(
        || signed(200, TIME).header("Wechatpay-Serial", "PUB_KEY_ID_0000000000000000"),
        |reason| matches!(reason, VerifyError::UnknownSerial { known, .. } if known == &[PUBLIC_KEY_ID]),
    );
}

#[test]
fn a_signature_probe_fails_as_its_own_error() {
    let probe = "WECHATPAY/SIGNTEST/2sWfO+6tVVsZonOX2sWfO+6tVVsZonOX";
    for result in both(|| signed(200, TIME).header("Wechatpay-Signature", probe)) {
        let error = result.unwrap_err();
        assert!(error.is_signature_probe() && error.is_unverified());
        assert!(error.may_have_taken_effect());
        assert!(matches!(error.failure(), Failure::SignatureProbe));
    }
}

#[test]
fn a_success_without_a_body_verifies_over_an_empty_one() {
    for reply in both(|| signed(204, "")) {
        let reply = reply.unwrap();
        assert_eq!(reply.status(), 204);
        assert_eq!(reply.json().unwrap(), Value::Null);
    }
    for result in both(|| unsigned(204, "")) {
        assert!(result.unwrap_err().is_unverified());
    }
}

#[test]
fn an_error_answer_keeps_everything() {
    let body = r#"{"code":"INVALID_REQUEST","detail":{"location":"body","value":0.01},"message":"券不存在"}"#;
    for result in both(|| unsigned(400, body).header("Request-ID", "08F4-268435461")) {
        let error = result.unwrap_err();
        assert!(error.is_refused() && !error.may_have_taken_effect());
        assert_eq!((error.code(), error.message()), (Some("INVALID_REQUEST"), Some("券不存在")));
        assert_eq!(error.detail().unwrap()["value"], 0.01);
        assert_eq!((error.status().unwrap().as_u16(), error.request_id()), (400, Some("08F4-268435461")));
        assert_eq!(error.body().unwrap(), body.as_bytes());
        assert_eq!(
            error.to_string(),
            "INVALID_REQUEST: 券不存在 (POST v3/marketing/busifavor/coupons/disassociate, HTTP 400, Request-ID 08F4-268435461)"
        );
    }
}

#[test]
fn an_error_answer_is_an_error_whatever_its_body() {
    for body in ["", "<html>502 Bad Gateway</html>", "[1]", "{\"code\":7}", "\u{0}\u{1}"] {
        for result in both(|| unsigned(502, body)) {
            let error = result.unwrap_err();
            assert!(error.is_refused() && error.may_have_taken_effect());
            assert_eq!((error.code(), error.body().unwrap().as_ref()), (None, body.as_bytes()));
        }
    }
}

#[test]
fn only_a_plain_refusal_proves_that_nothing_happened() {
    for (status, may) in [
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (408, true),
        (429, true),
        (500, true),
        (503, true),
    ] {
        for result in both(|| unsigned(status, "{}")) {
            assert_eq!(result.unwrap_err().may_have_taken_effect(), may, "{status}");
        }
    }
    for result in both(|| unsigned(400, r#"{"code":"SYSTEM_ERROR","message":"系统错误"}"#)) {
        assert!(result.unwrap_err().may_have_taken_effect());
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for result in both(|| unsigned(302, "").header("Location", "http://127.0.0.1:9/steal")) {
        let error = result.unwrap_err();
        assert_eq!(error.status().unwrap(), 302);
        assert!(error.is_refused());
    }
}

#[test]
fn a_signed_answer_that_is_no_json_is_verified_and_kept() {
    for reply in both(|| signed(200, "not json")) {
        let reply = reply.unwrap();
        assert_eq!(reply.text().unwrap(), "not json");
        let error = reply.decode().unwrap_err();
        assert!(matches!(error.failure(), Failure::Decode(_)));
    }
}

#[test]
fn an_error_does_not_print_personal_data() {
    let phone = "13800138000";
    let refused = format!(r#"{{"code":"PARAM_ERROR","detail":{{"field":"phone","value":"{phone}"}}}}"#);
    for result in both(|| unsigned(400, &refused)) {
        let error = result.unwrap_err();
        assert!(!format!("{error:?} {error}").contains(phone), "{error:?}");
        assert_eq!(error.detail().unwrap()["value"], phone);
    }
    for reply in both(|| signed(200, &format!("\"{phone}\""))) {
        let error = reply.unwrap().json_as::<u64>().unwrap_err();
        assert!(!format!("{error:?} {error}").contains(phone), "{error:?}");
    }
}

#[test]
fn a_body_beyond_the_limit_is_not_read() {
    let huge = "x".repeat(9 * 1024 * 1024);
    for result in both(|| signed(200, &huge)) {
        let error = result.unwrap_err();
        assert!(error.is_network() && error.may_have_taken_effect(), "{error}");
    }
}

#[test]
fn no_connection_is_told_apart_from_a_lost_answer() {
    let nobody = configured().base_url("http://127.0.0.1:9");
    let error = on_async(nobody.build().unwrap().chain(PATH).post(())).unwrap_err();
    assert!(!error.may_have_taken_effect(), "{error}");
    let nobody = configured().base_url("http://127.0.0.1:9");
    let error = nobody.build_blocking().unwrap().chain(PATH).post(()).unwrap_err();
    assert!(!error.may_have_taken_effect(), "{error}");

    let silent = Platform::start(Vec::new());
    let error = on_async(silent.builder().build().unwrap().chain(PATH).post(())).unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    assert!(matches!(error.failure(), Failure::Network(problem) if problem.sent == Sent::Perhaps));
    silent.seen();
    assert!(!silent.saw_more(), "a request that the platform had seen was sent again");

    let silent = Platform::start(Vec::new());
    let error = silent.builder().build_blocking().unwrap().chain(PATH).post(()).unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    silent.seen();
    assert!(!silent.saw_more(), "a request that the platform had seen was sent again");
}

#[test]
fn a_call_that_takes_too_long_ends_and_may_have_taken_effect() {
    // A listener that never accepts: the system takes the connection and nobody answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let limit = Duration::from_millis(50);
    let client = configured().base_url(&base_url).build().unwrap();
    let error = on_async(client.chain(PATH).timeout(limit).post(())).unwrap_err();
    assert!(error.is_network() && error.may_have_taken_effect(), "{error}");
    let client = configured().base_url(&base_url).build_blocking().unwrap();
    let error = client.chain(PATH).timeout(limit).post(()).unwrap_err();
    assert!(error.is_network() && error.may_have_taken_effect(), "{error}");
}
