//! The clock from outside: by its routes, over a restart, and for clients that cannot be told the time.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{Clock, ClockMode, MerchantAccount, Sandbox, Trigger};

use crate::NOW;
use crate::client::Client;
use crate::notifications::Receiver;

fn machine_now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn clock(sandbox: &Sandbox, word: &str, body: Value) -> Value {
    sandbox.control().unwrap().call("POST", &format!("/clock/{word}"), Some(&body)).unwrap()
}

#[test]
fn the_clock_is_stopped_set_advanced_and_real_again_by_its_routes() {
    let sandbox = Sandbox::start().unwrap();
    let control = sandbox.control().unwrap();
    assert_eq!(control.call("GET", "/clock", None).unwrap()["mode"], "real");
    let noon = json!({ "time": "2026-08-15T12:00:00+08:00" });
    let frozen = clock(&sandbox, "freeze", noon.clone());
    assert_eq!((&frozen["mode"], &frozen["unix_seconds"]), (&json!("frozen"), &json!(NOW)));
    let later = clock(&sandbox, "advance", json!({ "duration": "1d12h" }));
    assert_eq!(
        (&later["time"], &later["events"], &later["next_event"], &later["is_complete"]),
        (&json!("2026-08-17T00:00:00+08:00"), &json!(0), &Value::Null, &json!(true))
    );
    assert_eq!(clock(&sandbox, "next", json!({}))["event"], Value::Null);
    let running = clock(&sandbox, "set", noon);
    assert_eq!(running["mode"], "offset");
    assert!(running["unix_seconds"].as_i64().unwrap() >= NOW);
    assert_eq!(clock(&sandbox, "real", json!({}))["mode"], "real");
    assert_eq!(sandbox.clock().mode(), ClockMode::Real);
}

#[test]
fn a_time_or_a_duration_that_cannot_be_read_is_refused_and_moves_nothing() {
    let sandbox = crate::sandbox().start().unwrap();
    for (word, body, name) in [
        ("freeze", json!({ "time": "yesterday" }), "`time`"),
        ("set", json!({}), "`time` is missing"),
        ("advance", json!({ "duration": "-3d" }), "`duration`"),
        ("advance", json!({ "duration": 5 }), "`duration`"),
    ] {
        let refused = sandbox.control().unwrap().call("POST", &format!("/clock/{word}"), Some(&body));
        let Err(ClientError::Refused { status, message }) = refused else { panic!("{body}") };
        assert!(status == 400 && message.contains(name), "{message}");
    }
    assert_eq!(sandbox.clock().mode(), ClockMode::Frozen { at: NOW });
}

#[test]
fn a_moved_clock_goes_on_after_a_restart_unless_another_is_given() {
    let data = tempfile::tempdir().unwrap();
    let start = || Sandbox::builder().data(data.path());
    let first = start().start().unwrap();
    clock(&first, "freeze", json!({ "time": "2026-08-15T12:00:00+08:00" }));
    first.clock().advance(60);
    drop(first);
    let second = start().start().unwrap();
    assert_eq!(second.clock().mode(), ClockMode::Frozen { at: NOW + 60 });
    second.platform().reset().unwrap();
    second.clock().set_real();
    second.clock().advance(-5);
    drop(second);
    assert_eq!(start().start().unwrap().clock().mode(), ClockMode::Offset { seconds: -5 });
    let held = start().clock(Clock::frozen(7).0).start().unwrap();
    assert_eq!(held.clock().now(), 7);
}

#[test]
fn a_clock_that_was_given_at_the_start_is_kept_too() {
    let data = tempfile::tempdir().unwrap();
    let start = || Sandbox::builder().data(data.path());
    drop(start().clock(Clock::frozen(NOW).0).start().unwrap());
    let second = start().start().unwrap();
    assert_eq!(second.clock().mode(), ClockMode::Frozen { at: NOW });
    second.clock().set(NOW + 60);
    drop(second);
    drop(start().clock(Clock::frozen(7).0).start().unwrap());
    assert_eq!(start().start().unwrap().clock().now(), 7);
}

#[test]
fn notifications_go_by_the_clients_clock_also_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let start = || crate::sandbox().data(data.path()).start().unwrap();
    let receiver = Receiver::start(&[]);
    let signed_at = |sandbox: &Sandbox| {
        let trigger = Trigger::new("TRANSACTION.SUCCESS").unwrap();
        sandbox.notifications().trigger(&trigger, &receiver.url, None).unwrap();
        receiver.next().header("Wechatpay-Timestamp").parse::<i64>().unwrap()
    };
    for (now, is_at_machine_time) in [(NOW, false), (machine_now(), true), (NOW, false)] {
        let sandbox = start();
        let mut client = Client::new(&sandbox);
        client.now = now;
        client.get("/v3/merchant/fund/balance/BASIC").success();
        drop(sandbox);
        assert_eq!(signed_at(&start()) != NOW, is_at_machine_time);
    }
}

/// An SDK signs by the clock of its machine, and refuses a response that was signed at another time.
#[test]
fn a_client_at_the_machines_time_is_served_at_that_time() {
    let sandbox = crate::sandbox().start().unwrap();
    let mut client = Client::new(&sandbox);
    for now in [machine_now(), NOW] {
        client.now = now;
        let response = client.get("/v3/merchant/fund/balance/BASIC");
        let signed: i64 = response.header("Wechatpay-Timestamp").unwrap().parse().unwrap();
        assert!((signed - now).abs() < 300, "{signed} {now}");
        response.success();
    }
    client.now = NOW - 86_400;
    assert_eq!(client.get("/v3/merchant/fund/balance/BASIC").refusal(), (401, "SIGN_ERROR".to_owned()));
}

/// What is decided early is not named by the clock any more, whatever it was.
#[test]
fn what_was_decided_early_is_not_due_any_more() {
    let sandbox = crate::sandbox().start().unwrap();
    let client = Client::new(&sandbox);
    let (kit, receiver) = (sandbox.kit(), Receiver::start(&[]));
    let control = sandbox.control().unwrap();
    let next = || control.call("GET", "/clock", None).unwrap()["next_event"].clone();
    let call = |path: &str, body: Value| control.call("POST", path, Some(&body)).unwrap();
    let midnight = json!("2026-08-16T00:00:00+08:00");

    let pay = |number: &str, is_shared: bool| {
        let order = json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
            "notify_url": receiver.url, "amount": { "total": 1_000 }, "settle_info": { "profit_sharing": is_shared },
        });
        client.post("/v3/pay/transactions/native", &order).success();
        let id = call("/orders/pay", json!({ "order": number }))["transaction_ids"][0].clone();
        // The notification is delivered.
        sandbox.run_for(0).unwrap();
        assert_eq!(next(), midnight, "the settlement, and no expiry");
        id
    };
    let id = pay("shared", true);

    for to in ["success", "closed", "abnormal"] {
        pay(to, false);
        let refund = json!({ "out_trade_no": to, "out_refund_no": to,
            "amount": { "refund": 10, "total": 1_000, "currency": "CNY" } });
        client.post("/v3/refund/domestic/refunds", &refund).success();
        assert_eq!(next(), "2026-08-15T12:00:05+08:00");
        call(&format!("/refunds/{to}/outcome"), json!({ "to": to }));
        assert_eq!(next(), midnight, "{to}");
    }

    sandbox.top_up(&kit.mchid, MerchantAccount::Basic, 500).unwrap();
    let withdrawal = json!({ "out_request_no": "withdraw1", "amount": 300, "account_type": "BASIC" });
    client.post("/v3/merchant/fund/withdraw", &withdrawal).success();
    assert_eq!(next(), "2026-08-15T12:00:05+08:00");
    call("/withdrawals/withdraw1/outcome", json!({ "to": "fail" }));
    assert_eq!(next(), midnight);

    // The rest of a shared order would be the merchant's after 30 days.
    clock(&sandbox, "advance", json!({ "duration": "12h" }));
    assert_eq!(next(), "2026-09-14T12:00:00+08:00");
    let client = Client { now: sandbox.clock().now(), ..client };
    let unfreeze = json!({ "transaction_id": id, "out_order_no": "rest-1", "description": "完结" });
    client.post("/v3/profitsharing/orders/unfreeze", &unfreeze).success();
    clock(&sandbox, "advance", json!({ "duration": "10s" }));
    assert_eq!(next(), Value::Null);
}
