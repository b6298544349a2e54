//! Mistakes that public clients of the platform make, each of which cost somebody money, a secret or a process. Most of them have
//! their test beside the code that avoids them; here are those that belong to no single place. On both clients, over
//! real sockets.
//!
//! | mistake | test |
//! |---|---|
//! | keys in `Debug` | `requests::neither_client_nor_error_prints_a_secret`, `api_keys` and `kit` of `weipay-wire` |
//! | `unsafe` without a reason | `unsafe_code = "forbid"` for the workspace |
//! | a response that is not verified | `hostile_platform::a_response_without_a_signature_is_refused`, and its neighbours |
//! | the status is ignored | `a_body_that_looks_like_a_success_is_none_under_another_status` |
//! | no limit to the age of a signature | `hostile_platform::a_stale_response_is_refused`, `notification::apiv3::a_clock_window_of_five_minutes_holds_both_ways` |
//! | arithmetic with the timestamp of a stranger | `the_far_ends_of_time_are_stale_and_do_not_overflow` in `v3_signature.rs` of `weipay-wire`, and fuzzing of `notification` |
//! | a missing header ends the process | `whatever_a_proxy_makes_of_the_headers_is_an_error_and_no_panic` |
//! | `prepay_id` of each way to pay | `each_way_to_pay_has_a_response_of_its_own` |
//! | a wrong message to sign | the official vectors in `weipay-wire/tests` |
//! | verified over a body that was written again | `notification::apiv3::what_was_done_to_a_body_on_its_way_is_named` |
//! | invented paths of refunds and of payments by code (two) | `the_paths_that_move_money_are_those_of_the_official_pages` |
//! | a bill must be signed | `downloads::a_file_is_decompressed_verified_and_its_url_sent_unchanged` |
//! | a signature for any host | `downloads::another_host_gets_no_signature_and_nothing_about_the_merchant` |
//! | a close without a body is a failure | `an_order_is_closed_by_a_response_without_a_body` |
//! | repeats after any error; a thread that sleeps | `delivery::retries::a_request_whose_repeat_is_not_known_to_be_safe_is_never_sent_twice`, `other_tasks_run_while_a_call_waits_for_its_next_attempt` |
//! | bodies and keys in logs | `observers::spans_have_the_names_of_opentelemetry_and_no_secrets`; clippy's `print_stdout` |
//! | a notification without its sealed part | `notification::apiv3::an_envelope_that_lacks_something_is_never_taken_for_its_content` |
//! | a serial that is looked for by a part | `a_serial_is_the_whole_serial` |
//! | a key and a pool for each call | `many_merchants::merchants_share_a_connection_and_sign_with_their_own_numbers` |
//! | another program's `User-Agent` | `requests::path_values_query_and_headers_arrive_as_they_were_signed` |
//! | path values as they are, or encoded as forms | the same, and `reported_bugs::a_text_with_any_signs_is_signed_as_it_is_sent` |
//! | the same signature in each attempt | `delivery::retries::an_order_is_sent_again_until_it_is_decided` |
//! | a signature probe is skipped | `hostile_platform::a_signature_probe_fails_as_its_own_error` |
//! | two implementations of RSA and AES | the bans of `deny.toml` |
//! | a panic for a bad key | `environment/tests.rs` and `key_format.rs`, and fuzzing of `keys` |
//! | an order is asked for without `mchid` | `an_order_is_asked_for_with_the_number_of_its_merchant` |

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weipay::http::Method;
use weipay::retry::{RetryContext, RetryPolicy};
use weipay::v3::pay::transactions::out_trade_no::out_trade_no::{close, get as query};
use weipay::v3::pay::transactions::{app, h5, jsapi, native};
use weipay::v3::refund::domestic::refunds;
use weipay::{Idempotency, Operation};

use super::hostile_platform::both;
use super::on_async;
use crate::platform::{PUBLIC_KEY_ID, Platform, on_both, signed, unsigned};

const MCHID: &str = "1900000001";

/// `prepay_id` was unwrapped although two of the four ways to pay give another member.
#[test]
fn each_way_to_pay_has_a_response_of_its_own() {
    let url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx20&package=1037687096";
    let order = || ("wxd678efh567hg6787", "order-1", "https://www.example.com/notify");
    let total = || app::post::PayOrderAmount::new().total(1);
    for (response, _) in on_both!(vec![signed(200, r#"{"code_url":"weixin://wxpay/up?pr=NwY5Mz9"}"#)], client => {
        let (appid, number, notify_url) = order();
        client.v3().pay().transactions().native().post(native::post::Request::new()
            .appid(appid).mchid(MCHID).description("tea").out_trade_no(number).notify_url(notify_url).amount(total()))
    }) {
        let read = response.unwrap();
        assert_eq!(read.decode().unwrap().code_url.as_deref(), Some("weixin://wxpay/up?pr=NwY5Mz9"));
        assert!(read.decode_errors().is_empty());
    }
    for (response, _) in on_both!(vec![signed(200, &format!(r#"{{"h5_url":"{url}"}}"#))], client => {
        let (appid, number, notify_url) = order();
        let info = h5::post::PayH5SceneInfoH5Info::new().type_("Wap");
        let scene = h5::post::PayH5SceneInfo::new().payer_client_ip("14.23.150.211").h5_info(info);
        client.v3().pay().transactions().h5().post(h5::post::Request::new()
            .appid(appid).mchid(MCHID).description("tea").out_trade_no(number).notify_url(notify_url).amount(total())
            .scene_info(scene))
    }) {
        assert_eq!(response.unwrap().decode().unwrap().h5_url.as_deref(), Some(url));
    }
    for (response, _) in on_both!(vec![signed(200, r#"{"prepay_id":"wx20"}"#)], client => {
        let (appid, number, notify_url) = order();
        client.v3().pay().transactions().jsapi().post(jsapi::post::Request::new()
            .appid(appid).mchid(MCHID).description("tea").out_trade_no(number).notify_url(notify_url).amount(total())
            .payer(jsapi::post::Payer::new().openid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")))
    }) {
        assert_eq!(response.unwrap().decode().unwrap().prepay_id.as_deref(), Some("wx20"));
    }
    // A response that lacks what it promises is none of this operation, and nothing panics.
    for (response, _) in on_both!(vec![signed(200, "{}")], client => {
        let (appid, number, notify_url) = order();
        client.v3().pay().transactions().app().post(app::post::Request::new()
            .appid(appid).mchid(MCHID).description("tea").out_trade_no(number).notify_url(notify_url).amount(total()))
    }) {
        assert!(response.unwrap_err().may_have_taken_effect());
    }
}

/// A close is answered with 204; read as JSON it was a failure, and one client then sent it three more times.
#[test]
fn an_order_is_closed_by_a_response_without_a_body() {
    for (response, platform) in on_both!(vec![signed(204, "")], client => {
        let order = client.v3().pay().transactions().out_trade_no().out_trade_no("order-1");
        order.close().post(close::post::Request::new().mchid(MCHID))
    }) {
        let response = response.unwrap();
        assert!(response.status() == 204 && response.is_verified() && response.decode_errors().is_empty());
        let seen = platform.seen();
        assert_eq!(seen.target, "/v3/pay/transactions/out-trade-no/order-1/close");
        assert_eq!(seen.body, br#"{"mchid":"1900000001"}"#, "its merchant number is in the body");
        assert!(!platform.saw_more());
    }
}

/// An order was asked for without the number of the merchant that the platform demands.
#[test]
fn an_order_is_asked_for_with_the_number_of_its_merchant() {
    for request in [query::Request::new().mchid(MCHID), query::Request::new()] {
        for (response, platform) in on_both!(vec![signed(200, r#"{"trade_state":"NOTPAY"}"#)], client => {
            client.v3().pay().transactions().out_trade_no().out_trade_no("order-1").get(request.clone())
        }) {
            response.unwrap();
            let target = "/v3/pay/transactions/out-trade-no/order-1?mchid=1900000001";
            assert_eq!(platform.seen().target, target);
        }
    }
}

/// A refund went to `/v3/pay/refund/…`, and payment codes to paths that somebody had made up. Written down from the
/// official pages.
#[test]
fn the_paths_that_move_money_are_those_of_the_official_pages() {
    for (method, path, title, idempotency) in [
        (Method::POST, "v3/pay/transactions/jsapi", "JSAPI下单", Idempotency::Idempotent),
        (Method::POST, "v3/pay/transactions/app", "APP下单", Idempotency::Idempotent),
        (Method::POST, "v3/pay/transactions/h5", "H5下单", Idempotency::Idempotent),
        (Method::POST, "v3/pay/transactions/native", "Native下单", Idempotency::Idempotent),
        (Method::POST, "v3/refund/domestic/refunds", "申请退款", Idempotency::Idempotent),
    ] {
        let operation = Operation::find(&method, path).unwrap();
        assert_eq!((operation.title(), operation.idempotency()), (title, idempotency), "{path}");
    }
    let codepay = Operation::find(&Method::POST, "v3/pay/transactions/codepay").unwrap();
    assert!(!codepay.is_safe_to_repeat());
    for invented in ["v3/pay/transactions/micropay", "v3/pay/refund/domestic/refunds"] {
        assert!(Operation::find(&Method::POST, invented).is_none(), "{invented}");
    }
    let response = r#"{"refund_id":"50000000382019052709732678859","status":"PROCESSING"}"#;
    for (refunded, platform) in on_both!(vec![signed(200, response)], client => {
        let amount = refunds::post::Amount::new().refund(1).total(100).currency("CNY");
        let request = refunds::post::Request::new().out_trade_no("order-1").out_refund_no("refund-1").amount(amount);
        client.v3().refund().domestic().refunds().post(request)
    }) {
        refunded.unwrap();
        assert_eq!(platform.seen().target, "/v3/refund/domestic/refunds");
    }
}

/// The status was ignored, so an error response whose members were all optional was a success.
#[test]
fn a_body_that_looks_like_a_success_is_none_under_another_status() {
    for status in [301, 400, 401, 403, 404, 429, 500, 502] {
        let body = r#"{"code_url":"weixin://wxpay/up?pr=NwY5Mz9","trade_state":"SUCCESS"}"#;
        for scripted in [signed(status, body), unsigned(status, body)] {
            for result in both(|| scripted.clone()) {
                let error = result.unwrap_err();
                assert!(error.is_api() && error.status().unwrap() == status, "{error}");
                assert!(error.may_have_taken_effect(), "nothing of it is an error of the platform: {error}");
            }
        }
    }
}

/// A header that is missing, or is not text, ended the process.
#[test]
fn whatever_a_proxy_makes_of_the_headers_is_an_error_and_no_panic() {
    let names =
        ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial", "Request-ID"];
    for name in names {
        for value in ["", " ", "\u{7f}", "é券", "\t", "-9223372036854775808", "9223372036854775807"] {
            // What does not concern the signature does not undo a success, and a header that HTTP does not allow ends the call.
            for result in both(|| signed(200, "{}").header(name, value)) {
                match result {
                    Ok(_) => assert_eq!(name, "Request-ID"),
                    Err(error) => assert!(error.may_have_taken_effect(), "{name} {value:?}: {error}"),
                }
            }
        }
    }
    let page = unsigned(200, "<html><title>欢迎使用</title></html>").header("Content-Type", "text/html");
    for result in both(|| page.clone()) {
        let error = result.unwrap_err();
        assert!(error.is_unverified() && error.may_have_taken_effect(), "{error}");
    }
}

/// A certificate was looked for by a part of its serial, so an empty one found any.
#[test]
fn a_serial_is_the_whole_serial() {
    let part = &PUBLIC_KEY_ID[..PUBLIC_KEY_ID.len() - 1];
    let (longer, small) = (format!("{PUBLIC_KEY_ID}0"), PUBLIC_KEY_ID.to_lowercase());
    for serial in ["", "0", "PUB_KEY_ID_", part, &longer, &small, &PUBLIC_KEY_ID["PUB_KEY_ID_".len()..]] {
        for result in both(|| signed(200, "{}").header("Wechatpay-Serial", serial)) {
            assert!(result.unwrap_err().is_unverified(), "{serial:?}");
        }
    }
}

/// What happens in a call, with the turns that another task has had until then.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happened {
    /// A repeat is to come.
    Waits(usize),
    /// The clock is looked at, for a signature among others.
    Looks(usize),
}

/// Waits 20 milliseconds before each repeat.
struct Short {
    turns: Arc<AtomicUsize>,
    happened: Arc<Mutex<Vec<Happened>>>,
}

impl RetryPolicy for Short {
    fn delay(&self, context: &RetryContext<'_>) -> Option<Duration> {
        let waits = context.attempts() < 3;
        if waits {
            self.happened.lock().unwrap().push(Happened::Waits(self.turns.load(Ordering::SeqCst)));
        }
        waits.then_some(Duration::from_millis(20))
    }
}

/// A retry slept with its whole thread, and with it all tasks of the runtime.
#[test]
fn other_tasks_run_while_a_call_waits_for_its_next_attempt() {
    let platform = Platform::start(vec![unsigned(500, ""), unsigned(500, ""), signed(200, "{}")]);
    let (turns, happened) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, noted) = (Arc::clone(&turns), Arc::clone(&happened));
    let clock = move || {
        noted.lock().unwrap().push(Happened::Looks(counted.load(Ordering::SeqCst)));
        crate::platform::now()
    };
    let policy = Short { turns: Arc::clone(&turns), happened: Arc::clone(&happened) };
    let client = platform.builder().retry_policy(policy).clock(clock).build().unwrap();
    on_async(async {
        let other = tokio::spawn(async move {
            loop {
                // Its turn comes before the runtime looks at its timers again, however slow the machine is.
                tokio::task::yield_now().await;
                turns.fetch_add(1, Ordering::SeqCst);
            }
        });
        client.chain("v3/certificates").get().await.unwrap();
        other.abort();
    });
    let happened = happened.lock().unwrap();
    // The next look is for the next signature, after the wait.
    let waited = happened.windows(2).filter_map(|pair| match *pair {
        [Happened::Waits(before), Happened::Looks(after)] => Some(after - before),
        _ => None,
    });
    let waited: Vec<usize> = waited.collect();
    assert!(waited.len() == 2 && waited.iter().all(|turns| *turns >= 2), "{happened:?}");
}
