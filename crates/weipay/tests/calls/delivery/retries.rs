use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use weipay::error::{ErrorKind, Sent};
use weipay::retry::AttemptOutcome;
use weipay::wire::Authorization;
use weipay::{ClientBuilder, RetryConfig};

use super::routed::{Routed, refusing};
use super::{BY_CODE, Noting, ORDER, REFUND};
use crate::either::{Either, Outcome};
use crate::platform::{Seen, configured, signed, unsigned};
use crate::server::{Server, Step};

const CODE_URL: &str = r#"{"code_url":"weixin://wxpay/bizpayurl/up?pr=NwY5Mz9&groupid=00"}"#;

fn order() -> Value {
    json!({
        "appid": "wxd678efh567hg6787", "mchid": "1900000001", "out_trade_no": "1217752501201407033233368018",
        "amount": {"total": 1},
    })
}

fn fault(status: u16) -> Step {
    unsigned(status, r#"{"code":"SYSTEM_ERROR","message":"系统错误"}"#).into()
}

fn good() -> Step {
    signed(200, CODE_URL).into()
}

/// A good response of an operation that gives no `code_url`.
fn done() -> Step {
    signed(200, r#"{"out_trade_no":"1217752501201407033233368018"}"#).into()
}

fn probe() -> Step {
    signed(200, CODE_URL).header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/2sWfO+6tVVsZonOX2sWfO+6t").into()
}

fn to(server: &Server, timer: &Noting) -> ClientBuilder {
    configured().base_url(&server.base_url()).timer(timer.clone())
}

/// One call on each client, each with a server that follows the steps and its own timer.
fn each(
    steps: impl Fn() -> Vec<Step>,
    settings: impl Fn(ClientBuilder) -> ClientBuilder,
    call: impl Fn(&Either) -> Outcome,
) -> [(Outcome, Vec<Seen>, Vec<Duration>); 2] {
    let one = |nth: usize| {
        let (server, timer) = (Server::start(steps()), Noting::default());
        let client = Either::both(|| settings(to(&server, &timer))).into_iter().nth(nth).unwrap();
        (call(&client), server.seen(), timer.waits())
    };
    [one(0), one(1)]
}

/// The platform asks to repeat what it accepted with the same parameters, whatever the body says.
const PAYING: &str = r#"{"code":"USERPAYING","message":"需要用户输入支付密码"}"#;

fn authorization(seen: &Seen) -> Authorization {
    seen.header("authorization").unwrap().parse().unwrap()
}

#[test]
fn an_order_is_sent_again_until_it_is_decided() {
    let bursts: [fn() -> Vec<Step>; 9] = [
        || vec![fault(500), fault(502), good()],
        || vec![fault(503), fault(504), good()],
        || vec![unsigned(429, r#"{"code":"FREQUENCY_LIMITED"}"#).into(), unsigned(429, "").into(), good()],
        || vec![signed(202, "").into(), signed(202, "").into(), good()],
        || vec![signed(202, PAYING).into(), unsigned(202, PAYING).into(), good()],
        || vec![Step::close(), Step::close(), good()],
        || vec![Step::close(), fault(500), good()],
        || vec![unsigned(502, "<html>").into(), probe(), good()],
        || vec![fault(400), fault(403), good()],
    ];
    for steps in bursts {
        for (outcome, seen, waits) in each(steps, |builder| builder, |client| client.post(ORDER, &order())) {
            let response = outcome.unwrap();
            assert!(response.is_verified() && response.status() == 200);
            assert_eq!((seen.len(), waits.len(), response.attempts().len()), (3, 2, 3));
            assert!(seen.iter().all(|one| one.body == order().to_string().as_bytes()));
            let nonces: HashSet<_> = seen.iter().map(|one| authorization(one).nonce_str).collect();
            assert_eq!(nonces.len(), 3);
            assert!(waits[0] <= Duration::from_millis(250) && waits[1] <= Duration::from_millis(500));
        }
    }
}

#[test]
fn each_attempt_has_a_timestamp_of_its_own() {
    let (server, timer) = (Server::start(vec![fault(500), good()]), Noting::default());
    let start = crate::platform::now();
    let clock = AtomicUsize::new(0);
    // It ticks whenever somebody looks.
    let clock = move || start + i64::try_from(clock.fetch_add(1, Ordering::Relaxed)).unwrap();
    let client = to(&server, &timer).clock(clock).build_blocking().unwrap();
    client.chain(ORDER).post(order()).unwrap();
    let times: HashSet<_> = server.seen().iter().map(|seen| authorization(seen).timestamp).collect();
    assert_eq!(times.len(), 2);
}

#[test]
fn attempts_tell_what_they_ended_with() {
    let steps = || vec![Step::close(), unsigned(429, r#"{"code":"RATELIMIT_EXCEEDED"}"#).into(), fault(500)];
    for (outcome, seen, waits) in each(steps, |builder| builder, |client| client.post(ORDER, &order())) {
        let error = outcome.unwrap_err();
        assert_eq!(seen.len(), 3);
        let ends: Vec<_> = error.attempts().iter().map(|attempt| attempt.outcome().clone()).collect();
        let api = |status: u16, code: &str| AttemptOutcome::Api {
            status: status.try_into().unwrap(),
            code: code.to_owned(),
        };
        let expected = [
            AttemptOutcome::Network(Sent::Perhaps),
            api(429, "RATELIMIT_EXCEEDED"),
            api(500, "SYSTEM_ERROR"),
        ];
        assert_eq!(ends, expected);
        let waited: Vec<_> = error.attempts().iter().map(|attempt| attempt.waited()).collect();
        assert_eq!(waited, [Duration::ZERO, waits[0], waits[1]]);
        assert!(error.may_have_taken_effect() && error.to_string().contains("3 attempts"), "{error}");
    }
}

#[test]
fn a_request_whose_repeat_is_not_known_to_be_safe_is_never_sent_twice() {
    let bursts: [fn() -> Step; 9] = [
        || fault(500),
        || signed(202, PAYING).into(),
        || fault(503),
        || unsigned(429, "").header("Retry-After", "1").into(),
        || signed(202, "").into(),
        || Step::close(),
        || Step::reset(),
        probe,
        || unsigned(200, CODE_URL).into(),
    ];
    let patient = |builder: ClientBuilder| builder.retries(RetryConfig::default().max_attempts(100));
    for step in bursts {
        for path in [BY_CODE, "v3/never/heard/of"] {
            for (outcome, seen, waits) in
                each(|| vec![step(), good(), good()], patient, |client| client.post(path, &order()))
            {
                if let Err(error) = &outcome {
                    assert!(error.may_have_taken_effect(), "{error}");
                    assert_eq!(error.attempts().len(), 1);
                    // Nobody is told to do by hand what the client must not do.
                    let told = error.to_string();
                    assert!(!told.contains("same call again"), "{told}");
                    assert!(!error.is_signature_probe() || told.contains("query the result"), "{told}");
                } else {
                    assert_eq!(outcome.unwrap().status(), 202);
                }
                assert_eq!((seen.len(), waits.len()), (1, 0));
            }
        }
    }
}

#[test]
fn an_order_without_its_number_is_not_sent_twice() {
    for body in [json!({"appid": "wxd678efh567hg6787"}), json!({"out_trade_no": ""}), json!([])] {
        for (outcome, seen, _) in
            each(|| vec![fault(500), good()], |builder| builder, |client| client.post(ORDER, &body))
        {
            let error = outcome.unwrap_err();
            assert!(error.may_have_taken_effect() && !error.is_retryable() && !error.is_safe_to_repeat());
            assert_eq!(error.advice(), Some(weipay::error::Advice::QueryState));
            assert_eq!(seen.len(), 1);
        }
    }
}

/// The number of these travels in a header, which a call without types may leave out.
#[test]
fn what_lacks_its_idempotency_key_is_never_sent_twice() {
    for path in ["v3/marketing/partnerships/build", "v3/merchants", "v3/global/merchants"] {
        let faults: [fn() -> Step; 2] = [|| Step::close(), || fault(500)];
        for step in faults {
            for (outcome, seen, _) in each(
                || vec![step(), good()],
                |builder| builder,
                |client| client.post(path, &json!({"a": "b"})),
            ) {
                let error = outcome.unwrap_err();
                assert!(error.may_have_taken_effect(), "{path}: {error}");
                assert!(!error.is_retryable() && !error.is_safe_to_repeat(), "{path}: {error}");
                assert!(matches!(error.advice(), None | Some(weipay::error::Advice::QueryState)), "{path}");
                assert_eq!(seen.len(), 1);
            }
            // An empty one is none.
            let with_empty =
                |client: &Either| client.post_with(path, ("Idempotency-Key", ""), &json!({"a": "b"}));
            for (outcome, ..) in each(|| vec![step(), good()], |builder| builder, with_empty) {
                let error = outcome.unwrap_err();
                assert!(error.may_have_taken_effect() && !error.is_safe_to_repeat(), "{path}: {error}");
                assert_eq!(error.attempts().len(), 1);
            }
        }
    }
}

#[test]
fn a_refusal_and_an_unproven_success_settle_the_call() {
    let refusals: [fn() -> Step; 4] = [
        || unsigned(400, r#"{"code":"PARAM_ERROR"}"#).into(),
        || unsigned(403, r#"{"code":"OUT_TRADE_NO_USED"}"#).into(),
        || unsigned(405, "").into(),
        || unsigned(200, CODE_URL).into(),
    ];
    for step in refusals {
        for (outcome, seen, _) in
            each(|| vec![step(), good()], |builder| builder, |client| client.post(ORDER, &order()))
        {
            assert_eq!((outcome.unwrap_err().attempts().len(), seen.len()), (1, 1));
        }
    }
}

#[test]
fn a_refusal_after_an_attempt_without_a_response_settles_nothing() {
    let steps = || vec![Step::close(), unsigned(403, r#"{"code":"OUT_TRADE_NO_USED"}"#).into()];
    for (outcome, _, _) in each(steps, |builder| builder, |client| client.post(ORDER, &order())) {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), Some("OUT_TRADE_NO_USED"));
        assert!(error.may_have_taken_effect(), "{error}");
        assert!(error.to_string().contains("an earlier one may have taken effect"), "{error}");
    }
}

#[test]
fn a_probed_call_is_made_again_at_once() {
    let list = || vec![probe(), signed(200, r#"{"data":[]}"#).into()];
    for (outcome, seen, waits) in each(list, |builder| builder, |client| client.get("v3/certificates")) {
        assert!(outcome.unwrap().is_verified());
        assert_eq!((seen.len(), waits), (2, vec![Duration::ZERO]));
    }
}

#[test]
fn a_call_that_is_accepted_again_and_again_is_a_response_with_that_status() {
    let steps = || vec![signed(202, "").into(), signed(202, "").into(), signed(202, "").into(), good()];
    for (outcome, seen, _) in each(steps, |builder| builder, |client| client.post(ORDER, &order())) {
        let response = outcome.unwrap();
        assert_eq!((response.status().as_u16(), response.attempts().len(), seen.len()), (202, 3, 3));
    }
}

#[test]
fn retry_after_is_waited_for_and_does_not_go_beyond_the_time_limit() {
    let limited =
        |seconds: &'static str| move || vec![unsigned(429, "").header("Retry-After", seconds).into(), good()];
    for (outcome, seen, waits) in each(limited("7"), |builder| builder, |client| client.post(ORDER, &order()))
    {
        assert!(outcome.is_ok());
        assert_eq!((seen.len(), waits.len()), (2, 1));
        assert!(waits[0] >= Duration::from_secs(7) && waits[0] <= Duration::from_millis(7_250), "{waits:?}");
    }
    for (outcome, seen, waits) in
        each(limited("31"), |builder| builder, |client| client.post(ORDER, &order()))
    {
        assert_eq!(outcome.unwrap_err().status().unwrap(), 429);
        assert_eq!((seen.len(), waits.len()), (1, 0));
    }
}

#[test]
fn refunds_that_may_have_arrived_are_a_minute_apart() {
    let refund = json!({"out_trade_no": "1", "out_refund_no": "2", "amount": {"refund": 1, "total": 1, "currency": "CNY"}});
    let steps = || vec![fault(500), signed(200, r#"{"out_refund_no":"2"}"#).into()];
    for (outcome, seen, _) in each(steps, |builder| builder, |client| client.post(REFUND, &refund)) {
        assert!(outcome.unwrap_err().may_have_taken_effect());
        assert_eq!(seen.len(), 1);
    }
    let patient = |builder: ClientBuilder| builder.timeout(Duration::from_secs(120));
    for (outcome, seen, waits) in each(steps, patient, |client| client.post(REFUND, &refund)) {
        assert!(outcome.is_ok());
        assert_eq!((seen.len(), waits), (2, vec![Duration::from_secs(60)]));
    }
}

#[test]
fn retries_are_switched_off_for_a_client_and_for_a_call() {
    let off = |builder: ClientBuilder| builder.retries(RetryConfig::none());
    for (outcome, seen, _) in each(|| vec![fault(500), good()], off, |client| client.post(ORDER, &order())) {
        assert_eq!((outcome.unwrap_err().attempts().len(), seen.len()), (1, 1));
    }
    let server = Server::start(vec![fault(500), fault(500), good()]);
    let client = to(&server, &Noting::default()).build_blocking().unwrap();
    client.chain(ORDER).retries(RetryConfig::none()).post(order()).unwrap_err();
    client[ORDER].retries(RetryConfig::none()).post(order()).unwrap_err();
    assert_eq!(server.seen().len(), 2);
}

/// The first `failing` attempts find nobody listening.
fn finding_nobody(failing: usize, server: &Server, timer: &Noting) -> (impl Sized, [Either; 2]) {
    let (socket, nobody) = refusing();
    let address = server.address;
    let transport = || {
        let attempts = AtomicUsize::new(0);
        Routed::by(move |_| match attempts.fetch_add(1, Ordering::Relaxed) < failing {
            true => nobody,
            false => address,
        })
    };
    let builder = || to(server, timer).transport(transport()).blocking_transport(transport());
    (socket, Either::both(builder))
}

#[test]
fn what_found_no_connection_is_sent_again_whatever_it_is() {
    let (server, timer) = (Server::start(vec![done(), done()]), Noting::default());
    let (_kept, clients) = finding_nobody(2, &server, &timer);
    for client in clients {
        let response = client.post(BY_CODE, &order()).unwrap();
        assert_eq!((server.seen().len(), response.attempts().len()), (1, 3));
        assert_eq!(*response.attempts()[0].outcome(), AttemptOutcome::Network(Sent::No));
    }
    let (_kept, clients) = finding_nobody(3, &server, &timer);
    for client in clients {
        let error = client.post(BY_CODE, &order()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Network(problem) if problem.sent == Sent::No), "{error}");
        assert!(!error.may_have_taken_effect() && error.attempts().len() == 3);
        assert_eq!(server.seen().len(), 0);
    }
    // One that then arrives, and whose response does not come, is not sent a third time.
    server.add(vec![Step::close(), Step::close()]);
    let (_kept, clients) = finding_nobody(1, &server, &timer);
    for client in clients {
        let error = client.post(BY_CODE, &order()).unwrap_err();
        assert!(error.may_have_taken_effect() && error.attempts().len() == 2, "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn an_outage_is_not_amplified() {
    let (server, timer) = (Server::start((0..200).map(|_| fault(503)).collect()), Noting::default());
    for client in Either::both(|| to(&server, &timer)) {
        for _ in 0..50 {
            client.post(ORDER, &order()).unwrap_err();
        }
        // Fifty calls, and the twenty repeats that the budget has.
        assert_eq!(server.seen().len(), 70);
    }
}

#[test]
fn a_call_of_apiv2_repeats_its_fields_with_a_new_nonce() {
    let key = weipay::wire::ApiV2Key::new("192006250b4c09247ec02edce69f6a2d").unwrap();
    let steps = || vec![unsigned(500, "").into(), unsigned(502, "<html>").into(), unsigned(500, "").into()];
    let with_key = |builder: ClientBuilder| builder.api_v2_key(key.clone());
    let body = json!({"appid": "wx2421b1c4370ec43b", "mch_id": "1900000001", "out_trade_no": "1415757673"});
    for (outcome, seen, _) in each(steps, with_key, |client| client.post("v2/pay/orderquery", &body)) {
        assert!(outcome.unwrap_err().may_have_taken_effect());
        let fields = |seen: &Seen, name| {
            let elements = weipay::wire::XmlElements::read(&seen.body, "xml").unwrap();
            elements.text(name).unwrap().to_owned()
        };
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|one| fields(one, "out_trade_no") == "1415757673"));
        let nonces: HashSet<_> = seen.iter().map(|one| fields(one, "nonce_str")).collect();
        assert_eq!(nonces.len(), 3);
    }
}
