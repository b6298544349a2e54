//! What the clients believe: responses that are good, forged, changed, stale or probing, from a platform that is
//! independent of the sandbox. Every case runs on both clients.

use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use crate::either::{Either, Outcome};
use crate::on_async;
use crate::platform::{
    PUBLIC_KEY_ID, Platform, Scripted, configured, now, on_both, responding, signed, signed_at, unsigned,
};
use serde_json::{Value, json};
use weipay::error::{Advice, ErrorClass, ErrorKind};
use weipay::wire::VerifyError;
use weipay::{Error, Response, RetryConfig};

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";
const PROBE: &str = "WECHATPAY/SIGNTEST/2sWfO+6tVVsZonOX2sWfO+6tVVsZonOX";
const TIME: &str = r#"{"wechatpay_disassociate_time":"2015-05-20T13:29:35+08:00"}"#;

/// The same call on both clients, each against its own platform with the same response.
pub fn both(response: impl Fn() -> Scripted) -> [Outcome; 2] {
    let body = json!({"stock_id": "1", "coupon_code": "2"});
    Either::both(|| Platform::start(vec![response()]).builder()).map(|client| client.post(PATH, &body))
}

fn refused(response: impl Fn() -> Scripted, expected: impl Fn(&VerifyError) -> bool) {
    for result in both(response) {
        let error = result.expect_err("a response that does not verify was believed");
        assert!(error.is_unverified() && !error.is_api(), "{error}");
        assert!(error.may_have_taken_effect());
        match error.kind() {
            ErrorKind::Unverified(reason) => assert!(expected(reason), "{reason:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(error.status().unwrap(), 200);
    }
}

#[test]
fn a_good_response_is_believed_and_kept_byte_for_byte() {
    for response in both(|| signed(200, TIME)) {
        let response = response.unwrap();
        assert_eq!(response.bytes(), TIME.as_bytes());
        assert_eq!(response.json().unwrap()["wechatpay_disassociate_time"], "2015-05-20T13:29:35+08:00");
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
fn a_response_without_a_signature_is_refused() {
    refused(|| unsigned(200, TIME), |reason| matches!(reason, VerifyError::Missing(_)));
    for name in ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"] {
        refused(|| signed(200, TIME).without(name), |reason| *reason == VerifyError::Missing(name));
    }
}

#[test]
fn a_stale_response_is_refused() {
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
    for result in both(|| signed(200, TIME).header("Wechatpay-Signature", PROBE)) {
        let error = result.unwrap_err();
        assert!(error.is_signature_probe() && error.is_unverified());
        assert!(error.may_have_taken_effect());
        assert!(matches!(error.kind(), ErrorKind::SignatureProbe));
    }
}

#[test]
fn a_success_without_a_body_verifies_over_an_empty_one() {
    let close = "v3/pay/transactions/out-trade-no/A00001/close";
    for (response, _) in on_both!(vec![signed(204, "")], client => client.chain(close).post(json!({}))) {
        let response = response.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(response.json().unwrap(), Value::Null);
    }
    for result in both(|| unsigned(204, "")) {
        assert!(result.unwrap_err().is_unverified());
    }
}

#[test]
fn a_signed_response_that_is_no_json_is_verified_and_kept() {
    let unknown = "v3/never/heard/of";
    for (response, _) in on_both!(vec![signed(200, "not json")], client => client.chain(unknown).get()) {
        let response = response.unwrap();
        assert_eq!(response.text().unwrap(), "not json");
        let error = response.decode().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Decode(_)));
    }
}

#[test]
fn a_request_that_the_platform_has_seen_is_not_sent_again() {
    let silent = Platform::start(Vec::new());
    let error = on_async(silent.builder().build().unwrap().chain(PATH).post(())).unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    silent.seen();
    assert!(!silent.saw_more(), "a request that the platform had seen was sent again");

    let silent = Platform::start(Vec::new());
    let error = silent.builder().build_blocking().unwrap().chain(PATH).post(()).unwrap_err();
    assert!(error.may_have_taken_effect(), "{error}");
    silent.seen();
    assert!(!silent.saw_more(), "a request that the platform had seen was sent again");
}

/// Two calls that the platform holds until it has both, and then answers each with the body of the other.
fn crossed() -> String {
    let (both, first) = (Barrier::new(2), Mutex::new(Vec::new()));
    responding(move |seen| {
        let body = json!({"out_trade_no": seen.target, "trade_state": "SUCCESS"}).to_string();
        first.lock().unwrap().push(body.clone());
        both.wait();
        let bodies = first.lock().unwrap();
        let other = bodies.iter().find(|other| **other != body).unwrap();
        signed(200, &body).with_body(other)
    })
}

#[test]
fn the_bodies_of_two_calls_that_were_swapped_are_refused() {
    let paths = ["v3/pay/transactions/out-trade-no/a", "v3/pay/transactions/out-trade-no/b"];
    let refuse = |result: Result<Response<Value>, Error>| {
        let error = result.unwrap_err();
        let is_mismatch = matches!(error.kind(), ErrorKind::Unverified(VerifyError::Mismatch { .. }));
        assert!(is_mismatch && error.may_have_taken_effect(), "{error}");
    };
    let client = configured().base_url(&crossed()).build().unwrap();
    let (first, second) =
        on_async(async { tokio::join!(client.chain(paths[0]).get(), client.chain(paths[1]).get()) });
    [first, second].into_iter().for_each(refuse);
    let client = configured().base_url(&crossed()).build_blocking().unwrap();
    thread::scope(|scope| {
        for path in paths {
            let client = client.clone();
            scope.spawn(move || refuse(client.chain(path).get()));
        }
    });
}

/// The same, but each is answered with the whole response to the other, signature included: both verify.
fn swapped() -> String {
    let (both, bodies) = (Barrier::new(2), Mutex::new(Vec::new()));
    responding(move |seen| {
        let number = match serde_json::from_slice::<Value>(&seen.body) {
            Ok(body) => body["out_refund_no"].clone(),
            Err(_) => seen.target.split(['/', '?']).nth_back(1).unwrap().into(),
        };
        let name = if seen.body.is_empty() { "out_trade_no" } else { "out_refund_no" };
        let body = json!({name: number, "trade_state": "SUCCESS", "status": "SUCCESS"}).to_string();
        bodies.lock().unwrap().push(body.clone());
        both.wait();
        let bodies = bodies.lock().unwrap();
        signed(200, bodies.iter().find(|other| **other != body).unwrap())
    })
}

fn refuse_another<T: std::fmt::Debug>(result: Result<T, Error>, echo: &str) {
    let error = result.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::MismatchedResponse { field } if *field == Some(echo)),
        "{error}"
    );
    assert!(error.is_unverified() && error.may_have_taken_effect() && error.is_retryable(), "{error}");
    assert_eq!(error.class(), ErrorClass::Verification);
    assert!(error.to_string().contains(echo) && !format!("{error}").contains("SUCCESS"), "{error}");
}

/// However the caller names or writes the number in the path, and whoever the merchant is.
#[test]
fn a_response_about_another_order_is_refused_however_the_path_is_written() {
    let paid = |number: &str, mchid: &str| {
        signed(200, &json!({"out_trade_no": number, "mchid": mchid, "trade_state": "SUCCESS"}).to_string())
    };
    let own = configured().build_blocking().unwrap().mchid().unwrap().to_string();
    let path = "v3/pay/transactions/out-trade-no/{n}";
    for (number, mchid, field) in [("order-other", &*own, "out_trade_no"), ("order|1", "1900000109", "mchid")]
    {
        let response = || vec![paid(number, mchid); 3];
        for (result, _) in on_both!(response(), client => client.chain(path).path("n", "order|1").get()) {
            refuse_another(result, field);
        }
        for (result, _) in on_both!(response(), client => client[path].path("n", "order|1").get()) {
            refuse_another(result, field);
        }
        for (result, _) in
            on_both!(response(), client => client.chain("v3/pay/transactions/out-trade-no/order%7C1").get())
        {
            refuse_another(result, field);
        }
    }
    for (result, _) in
        on_both!(vec![paid("order|1", &own)], client => client.chain(path).path("n", "order|1").get())
    {
        assert_eq!(result.unwrap().json().unwrap()["trade_state"], "SUCCESS");
    }
}

#[test]
fn whole_responses_of_two_calls_that_were_swapped_are_refused() {
    let paths = [
        "v3/pay/transactions/out-trade-no/A00001?mchid=1",
        "v3/pay/transactions/out-trade-no/B00002?mchid=1",
    ];
    let client = configured().base_url(&swapped()).build().unwrap();
    let (first, second) =
        on_async(async { tokio::join!(client.chain(paths[0]).get(), client.chain(paths[1]).get()) });
    [first, second].into_iter().for_each(|result| refuse_another(result, "out_trade_no"));
    let client = configured().base_url(&swapped()).build_blocking().unwrap();
    thread::scope(|scope| {
        for path in paths {
            let client = client.clone();
            scope.spawn(move || refuse_another(client.chain(path).get(), "out_trade_no"));
        }
    });
    // With types.
    let client = configured().base_url(&swapped()).build().unwrap();
    let query = |number: &str| {
        let request =
            weipay::v3::pay::transactions::out_trade_no::out_trade_no::get::Request::new().mchid("1");
        client.v3().pay().transactions().out_trade_no().out_trade_no(number).get(request)
    };
    let (first, second) = on_async(async { tokio::join!(query("A00001"), query("B00002")) });
    [first, second].into_iter().for_each(|result| refuse_another(result, "out_trade_no"));
    // A number in the body.
    let client = configured().base_url(&swapped()).build().unwrap();
    let refund = |number: &str| {
        client
            .chain("v3/refund/domestic/refunds")
            .post(json!({"out_refund_no": number, "amount": {"refund": 1}}))
    };
    let (first, second) = on_async(async { tokio::join!(refund("A1"), refund("B2")) });
    [first, second].into_iter().for_each(|result| refuse_another(result, "out_refund_no"));
}

/// A number in an object of the response, one with another name than in the path, and one that is no text.
#[test]
fn a_response_about_another_number_is_refused_wherever_it_stands_and_whatever_its_name_is() {
    type Body = fn(&str) -> Value;
    let batch: Body =
        |number| json!({"transfer_batch": {"out_batch_no": number, "batch_status": "FINISHED"}});
    let refund: Body = |number| json!({"id": number, "out_refund_no": "R", "status": "SUCCESS"});
    let applied: Body =
        |number| json!({"applyment_id": number.parse::<u64>().unwrap(), "out_request_no": "R"});
    let responses = [
        ("v3/transfer/batches/out-batch-no/{out_batch_no}", "out_batch_no", batch, "out_batch_no"),
        ("v3/global/refunds/id/{refund_id}", "refund_id", refund, "id"),
        ("v3/ecommerce/applyments/{applyment_id}", "applyment_id", applied, "applyment_id"),
    ];
    for (path, name, body, echo) in responses {
        let other = || vec![signed(200, &body("1002").to_string()); 3];
        for (result, _) in on_both!(other(), client => client.chain(path).path(name, "1001").get()) {
            refuse_another(result, echo);
        }
        for (result, _) in on_both!(other(), client => client[path].path(name, "1001").get()) {
            refuse_another(result, echo);
        }
        let own = || vec![signed(200, &body("1001").to_string())];
        for (result, _) in on_both!(own(), client => client.chain(path).path(name, "1001").get()) {
            assert_eq!(result.unwrap().json().unwrap(), body("1001"));
        }
    }
    // With types.
    let coupon = |stock: &str| {
        let product = json!({"product_coupon_id": "P"});
        json!({"coupon_code": "C", "product_coupon": product, "stock": {"stock_id": stock}}).to_string()
    };
    let request = || {
        use weipay::v3::marketing::partner::product_coupon::users::openid::coupons::coupon_code::get::Request;
        Request::new().product_coupon_id("P").stock_id("S").appid("wx1").brand_id("B")
    };
    for (stock, is_own) in [("S", true), ("T", false)] {
        let responses = || vec![signed(200, &coupon(stock)); 3];
        let results = on_both!(responses(), client => {
            let users = client.v3().marketing().partner().product_coupon().users();
            users.openid("o").coupons().coupon_code("C").get(request())
        });
        for (result, _) in results {
            match is_own {
                true => assert_eq!(result.unwrap().decode().unwrap().coupon_code.as_deref(), Some("C")),
                false => refuse_another(result, "stock_id"),
            }
        }
    }
}

/// Two responses of two operations, swapped on their way: both are rightly signed, and neither is of its call.
#[test]
fn whole_responses_of_two_operations_that_were_swapped_are_refused() {
    let close = "v3/pay/transactions/out-trade-no/A00001/close";
    let queried = r#"{"out_trade_no":"A00001","trade_state":"NOTPAY"}"#;
    let refunded = r#"{"out_refund_no":"R","refund_id":"5","transaction_id":"42","status":"SUCCESS"}"#;
    let order = json!({"out_trade_no": "A00001"});
    let deactivate = json!({"coupon_code": "c", "stock_id": "1", "deactivate_request_no": "d"});
    let split = json!({"transaction_id": "42", "out_order_no": "P"});
    for (path, body, status, response, field) in [
        (close, &order, 200, queried, None),
        (close, &order, 200, r#"{"code_url":"weixin://x"}"#, None),
        ("v3/pay/transactions/native", &order, 204, "", Some("code_url")),
        ("v3/pay/transactions/native", &order, 200, queried, Some("code_url")),
        (
            "v3/marketing/busifavor/coupons/deactivate",
            &deactivate,
            204,
            "",
            Some("wechatpay_deactivate_time"),
        ),
        ("v3/marketing/busifavor/coupons/send", &deactivate, 204, "", Some("stock_id")),
        ("v3/marketing/busifavor/coupons/send", &deactivate, 200, refunded, Some("coupon_code")),
        ("v3/profitsharing/orders", &split, 200, refunded, Some("out_order_no")),
    ] {
        for (result, _) in on_both!(vec![signed(status, response)], client => client.chain(path).post(body)) {
            let error = result.unwrap_err();
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::MismatchedResponse { field: found } if *found == field),
                "{error}"
            );
            assert!(error.is_unverified() && error.may_have_taken_effect(), "{error}");
            assert!(
                error.to_string().contains("this call may have taken effect: query the result"),
                "{error}"
            );
        }
    }
    // With types.
    let platform = Platform::start(vec![signed(200, queried)]);
    let client = platform.builder().build_blocking().unwrap();
    let request = weipay::v3::pay::transactions::native::post::Request::new()
        .appid("wx1")
        .description("d")
        .out_trade_no("A00001")
        .notify_url("https://example.com/a")
        .amount(weipay::v3::pay::transactions::native::post::PayOrderAmount::new().total(1));
    refuse_another(client.v3().pay().transactions().native().post(request), "code_url");
}

/// The key that signs is the same for every merchant, and two merchants of one owner may number alike. Where the request does not
/// name the merchant, the client still knows who it is.
#[test]
fn a_success_of_another_merchant_is_refused_where_only_the_client_knows_its_number() {
    let own = configured().build_blocking().unwrap().mchid().unwrap().to_string();
    let transfer = "v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/B1";
    let batch = "v3/transfer/batches/out-batch-no/B1";
    let withdrawal = "v3/ecommerce/fund/withdraw/out-request-no/B1";
    let combined = "v3/combine-transactions/out-trade-no/B1";
    for (path, body, field, response) in [
        (transfer, None, "mchid", r#"{"mchid":"X","out_bill_no":"B1","state":"SUCCESS"}"#),
        (
            batch,
            None,
            "mchid",
            r#"{"transfer_batch":{"mchid":"X","out_batch_no":"B1","batch_status":"FINISHED"}}"#,
        ),
        (withdrawal, None, "sp_mchid", r#"{"sp_mchid":"X","out_request_no":"B1","status":"SUCCESS"}"#),
        (combined, None, "combine_mchid", r#"{"combine_mchid":"X","combine_out_trade_no":"B1"}"#),
        (
            "v3/payscore/serviceorder",
            Some(json!({"out_order_no": "B1"})),
            "mchid",
            r#"{"mchid":"X","out_order_no":"B1","order_id":"5","state":"CREATED"}"#,
        ),
    ] {
        for (merchant, is_refused) in [("1900000110", true), (&*own, false), ("", false)] {
            let response = || vec![signed(200, &response.replace('X', merchant))];
            let called = match &body {
                None => on_both!(response(), client => client.chain(path).get()),
                Some(body) => on_both!(response(), client => client.chain(path).post(body)),
            };
            for (result, _) in called {
                match is_refused {
                    true => refuse_another(result, field),
                    false => assert!(result.unwrap().is_verified(), "{path} {merchant}"),
                }
            }
        }
    }
}

/// The headers of one response on the body of another: the refusal is of another call.
#[test]
fn a_refusal_with_the_signature_of_another_response_settles_nothing() {
    let refused = r#"{"code":"PARAM_ERROR","message":"m"}"#;
    let stale = || signed_at(400, refused, now() - 400);
    for (response, is_open) in [
        (signed(400, TIME).with_body(refused), true),
        (signed(403, TIME).with_body(r#"{"code":"NOT_ENOUGH","message":"m"}"#), true),
        (signed(400, refused).header("Wechatpay-Signature", "???"), true),
        (stale(), true),
        (signed(400, refused), false),
        (unsigned(400, refused), false),
        // A part of a signature, or one that nobody can verify, proves no more than a wrong one.
        (signed(400, refused).without("Wechatpay-Nonce"), true),
        (signed(400, refused).without("Wechatpay-Timestamp"), true),
        (signed(400, refused).without("Wechatpay-Signature"), true),
        (signed(400, refused).without("Wechatpay-Serial"), true),
        (signed(400, refused).header("Wechatpay-Serial", "PUB_KEY_ID_0000000000000000"), true),
        (signed(200, TIME).with_body(refused), true),
        // Requests have this header too, and it is no part of what was signed.
        (unsigned(400, refused).header("Wechatpay-Serial", PUBLIC_KEY_ID), false),
        (unsigned(400, refused).header("Wechatpay-Signature", ""), false),
    ] {
        for result in both(|| response.clone()) {
            let error = result.unwrap_err();
            assert!(error.is_api());
            assert_eq!(error.may_have_taken_effect(), is_open, "{error}");
            // No program may act on the code of another call; a person may read it.
            assert_eq!((error.code().is_none(), error.is_unverified()), (is_open, is_open), "{error}");
            assert_eq!(error.to_string().contains("it may belong to another call"), is_open, "{error}");
            if is_open {
                let advice = if error.is_safe_to_repeat() { Advice::RetrySame } else { Advice::QueryState };
                assert_eq!(error.advice(), Some(advice), "{error}");
                assert_eq!(error.is_retryable(), error.is_safe_to_repeat(), "{error}");
            }
        }
    }
    // Whoever reads that there is none makes it a second time.
    let absent = r#"{"code":"RESOURCE_NOT_EXISTS","message":"m"}"#;
    for (response, class) in [
        (signed(404, TIME).with_body(absent), ErrorClass::Verification),
        (signed(404, absent), ErrorClass::NotFound),
        (unsigned(404, absent), ErrorClass::NotFound),
    ] {
        for result in both(|| response.clone()) {
            assert_eq!(result.unwrap_err().class(), class);
        }
    }
    // A query that is asked again gets its own response.
    let query = "v3/pay/transactions/out-trade-no/A?mchid=1";
    let another = || signed(404, TIME).with_body(absent);
    let platform = Platform::start(vec![another()]);
    let client = platform.builder().retries(RetryConfig::none()).build_blocking().unwrap();
    let error = client.chain(query).get().unwrap_err();
    assert!(error.is_retryable() && error.advice() == Some(Advice::RetrySame), "{error}");
    assert_eq!((error.message(), error.meaning()), (Some("m"), None));
    let platform =
        Platform::start(vec![another(), signed(200, r#"{"out_trade_no":"A","trade_state":"SUCCESS"}"#)]);
    let client = platform
        .builder()
        .retries(RetryConfig::default().base_delay(Duration::ZERO))
        .build_blocking()
        .unwrap();
    assert_eq!(client.chain(query).get().unwrap().attempts().len(), 2);
}

/// The platform tests whether a refusal with a wrong signature is believed.
#[test]
fn a_refusal_with_a_signature_probe_settles_nothing() {
    let refused = r#"{"code":"NOT_ENOUGH","message":"m"}"#;
    for status in [200, 400, 401, 403, 404] {
        for result in both(|| signed(status, refused).header("Wechatpay-Signature", PROBE)) {
            let error = result.unwrap_err();
            assert!(error.is_signature_probe() && error.is_unverified() && error.code().is_none(), "{error}");
            assert!(error.may_have_taken_effect() && error.class() == ErrorClass::Verification, "{error}");
            assert_eq!(error.status().unwrap(), status);
        }
    }
    // Its status says that it passes, and nothing more.
    for (status, class) in [(429, ErrorClass::RateLimit), (500, ErrorClass::PlatformFault)] {
        for result in both(|| signed(status, refused).header("Wechatpay-Signature", PROBE)) {
            let error = result.unwrap_err();
            assert_eq!((error.class(), error.code()), (class, None), "{error}");
            assert!(error.is_unverified() && error.may_have_taken_effect());
        }
    }
    // The platform does not test a repeat.
    let query = "v3/pay/transactions/out-trade-no/A?mchid=1";
    let responses = || {
        let absent = signed(404, r#"{"code":"ORDER_NOT_EXIST","message":"m"}"#);
        vec![absent.clone().header("Wechatpay-Signature", PROBE), absent]
    };
    for (outcome, _) in on_both!(responses(), client => client.chain(query).get()) {
        let error = outcome.unwrap_err();
        assert_eq!((error.code(), error.attempts().len()), (Some("ORDER_NOT_EXIST"), 2), "{error}");
    }
}

/// A download changes nothing, and its refusal may be that of another one all the same.
#[test]
fn a_refused_download_with_an_unverified_signature_is_not_believed() {
    let refused = r#"{"code":"NO_STATEMENT_EXIST","message":"m"}"#;
    for (response, is_believed) in [
        (unsigned(400, refused), true),
        (signed(400, refused), true),
        (signed(400, TIME).with_body(refused), false),
        (signed(400, refused).without("Wechatpay-Nonce"), false),
        (signed(400, refused).header("Wechatpay-Signature", PROBE), false),
    ] {
        let outcomes = [false, true].map(|is_call| {
            let platform = Platform::start(vec![response.clone(); 2]);
            let url = format!("{}/v3/billdownload/file?token=x", platform.base_url);
            let builder = || platform.builder().retries(RetryConfig::none());
            let (client, blocking) = (builder().build().unwrap(), builder().build_blocking().unwrap());
            let call = "v3/billdownload/file";
            let (first, second) = match is_call {
                true => (client.chain(call).download(), blocking.chain(call).download()),
                false => (client.download(&url), blocking.download(&url)),
            };
            [on_async(first.to_bytes()).map(drop), second.to_bytes().map(drop)]
        });
        for outcome in outcomes.into_iter().flatten() {
            let error = outcome.unwrap_err();
            assert_eq!(
                (error.code().is_some(), error.is_unverified()),
                (is_believed, !is_believed),
                "{error}"
            );
            assert_eq!(error.is_retryable(), !is_believed, "{error}");
        }
    }
}

#[test]
fn a_success_that_was_cut_off_is_refused_wherever_it_ends() {
    let body = r#"{"trade_state":"SUCCESS","amount":{"total":100}}"#;
    for length in 0..body.len() {
        let cut = || signed(200, body).with_body(&body[..length]);
        refused(cut, |reason| matches!(reason, VerifyError::Mismatch { .. }));
    }
}
