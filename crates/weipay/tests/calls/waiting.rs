//! Waiting for a final state over real sockets; the time is the tests' own.

use std::time::Duration;

use serde_json::json;
use weipay::retry::Timer as _;
use weipay::v3::pay::transactions::out_trade_no::out_trade_no::get::Request;
use weipay::waiting::{WaitError, WaitOptions, WaitOutcome};
use weipay::{ClientBuilder, RetryConfig};

use crate::delivery::Noting;
use crate::on_async;
use crate::platform::{Platform, Scripted, signed, unsigned};

const TRANSFER: &str = "v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}";

fn state(name: &str, value: &str) -> Scripted {
    signed(200, &json!({ name: value }).to_string())
}

fn error(status: u16, code: &str) -> Scripted {
    unsigned(status, &json!({"code": code, "message": "x"}).to_string())
}

fn builder(platform: &Platform, timer: &Noting) -> ClientBuilder {
    platform.builder().timer(timer.clone()).retries(RetryConfig::none())
}

fn seconds(waits: &[u64]) -> Vec<Duration> {
    waits.iter().map(|wait| Duration::from_secs(*wait)).collect()
}

#[test]
fn an_order_is_asked_for_until_it_is_paid() {
    let platform = Platform::start(vec![
        state("trade_state", "NOTPAY"),
        // Accepted, and not decided.
        signed(202, r#"{"trade_state":"USERPAYING"}"#),
        error(500, "SYSTEM_ERROR"),
        // The response to another query.
        signed(404, "{}").with_body(r#"{"code":"ORDER_NOT_EXIST","message":"x"}"#),
        state("trade_state", "SUCCESS"),
    ]);
    let timer = Noting::default();
    let limit = Duration::from_secs(20);
    let client = builder(&platform, &timer).timeout(limit).build_blocking().unwrap();
    let waited = client.wait(&WaitOptions::timeout(Duration::from_secs(120)), |left| {
        assert!(left <= limit, "one response that never comes leaves time for others");
        let order = client.v3().pay().transactions().out_trade_no().out_trade_no("1234567");
        order.timeout(left).get(Request::new().mchid("1900000001"))
    });
    let WaitOutcome::Final { state, response, .. } = waited.unwrap() else { panic!("it is paid") };
    assert_eq!(state, "SUCCESS");
    assert!(response.is_verified() && response.decode().unwrap().trade_state.is_some());
    assert_eq!(timer.waits(), seconds(&[5, 5, 5, 5]));
}

/// The pages of overseas payments call it `id` in the response, and that of a batch has it in an object.
#[test]
fn the_state_of_another_order_refund_or_batch_ends_no_waiting() {
    type Body = fn(&str, &str) -> serde_json::Value;
    let order: Body = |id, state| json!({"id": id, "out_trade_no": "A", "trade_state": state});
    let refund: Body = |id, state| json!({"id": id, "out_refund_no": "R", "status": state});
    let batch: Body = |id, state| json!({"transfer_batch": {"batch_id": id, "batch_status": state}});
    let queries = [
        ("v3/global/transactions/id/{transaction_id}", "transaction_id", order, ["NOTPAY", "SUCCESS"]),
        ("v3/transactions/id/{transaction_id}", "transaction_id", order, ["NOTPAY", "SUCCESS"]),
        ("v3/global/refunds/id/{refund_id}", "refund_id", refund, ["PROCESSING", "SUCCESS"]),
        ("v3/refunds/id/{refund_id}", "refund_id", refund, ["PROCESSING", "SUCCESS"]),
        ("v3/transfer/batches/batch-id/{batch_id}", "batch_id", batch, ["PROCESSING", "FINISHED"]),
    ];
    for (path, name, body, [open, is_final]) in queries {
        let responses = || {
            let states = [("1002", is_final), ("1001", open), ("1002", is_final), ("1001", is_final)];
            states.map(|(id, state)| signed(200, &body(id, state).to_string())).to_vec()
        };
        let day = WaitOptions::timeout(Duration::from_secs(86_400));
        let (platform, timer) = (Platform::start(responses()), Noting::default());
        let client = builder(&platform, &timer).build_blocking().unwrap();
        let call = client.chain(path).path(name, "1001");
        let waited = client.wait(&day, |_| call.clone().get()).unwrap();
        let WaitOutcome::Final { state, response, .. } = waited else { panic!("{path}") };
        assert_eq!((&*state, response.json().unwrap()), (is_final, body("1001", is_final)), "{path}");
        assert_eq!(timer.waits().len(), 3, "{path}");
        let (platform, timer) = (Platform::start(responses()), Noting::default());
        let client = builder(&platform, &timer).build().unwrap();
        let call = client.chain(path).path(name, "1001");
        let waited = on_async(client.wait(&day, |_| call.clone().get())).unwrap();
        assert!(matches!(waited, WaitOutcome::Final { state, .. } if state == is_final), "{path}");
        assert_eq!(timer.waits().len(), 3, "{path}");
    }
}

/// The code says both: only its sentence tells that the bill is being made.
#[test]
fn a_profit_sharing_bill_is_waited_for_only_while_it_is_being_made() {
    let refused = |sentence: &str| {
        unsigned(400, &json!({ "code": "INVALID_REQUEST", "message": sentence }).to_string())
    };
    let platform =
        Platform::start(vec![refused("请求的账单正在生成中"), refused("服务商和分账方无受理关系")]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let waited = client.wait(&WaitOptions::timeout(Duration::from_secs(86_400)), |_| {
        client.chain("v3/profitsharing/bills").query("bill_date", "2026-08-14").get()
    });
    let WaitError::Call(error) = waited.unwrap_err() else { panic!("it is refused") };
    assert_eq!(error.message(), Some("服务商和分账方无受理关系"));
    assert_eq!(timer.waits().len(), 1);
}

/// In another language the message cannot be compared, so the code alone counts. What is known of it in Chinese still
/// ends the wait.
#[test]
fn a_profit_sharing_bill_is_waited_for_in_another_language_too() {
    let refused =
        |code: &str, message: &str| unsigned(400, &json!({ "code": code, "message": message }).to_string());
    let responses = || {
        vec![
            refused("INVALID_REQUEST", "The bill requested is being generated"),
            refused("NO_STATEMENT_EXIST", "The bill file does not exist"),
            refused("INVALID_REQUEST", "请求的账单日期已过期"),
        ]
    };
    let day = WaitOptions::timeout(Duration::from_secs(86_400));
    let (platform, timer) = (Platform::start(responses()), Noting::default());
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain("v3/profitsharing/bills").header("Accept-Language", "en");
    let error = client.wait(&day, |_| call.clone().get()).unwrap_err();
    assert_eq!(error.as_call_error().unwrap().message(), Some("请求的账单日期已过期"));
    assert_eq!(timer.waits(), seconds(&[1800, 1800]));
    let (platform, timer) = (Platform::start(responses()), Noting::default());
    let client = builder(&platform, &timer).build().unwrap();
    let call = client.chain("v3/profitsharing/bills").header("Accept-Language", "en");
    let waited = on_async(client.wait(&day, |_| call.clone().get()));
    assert_eq!(waited.unwrap_err().as_call_error().unwrap().message(), Some("请求的账单日期已过期"));
    assert_eq!(timer.waits(), seconds(&[1800, 1800]));
}

/// A day without shares has no bill, which its page does not tell from one that is not made yet.
#[test]
fn a_profit_sharing_bill_that_never_comes_ends_at_the_deadline() {
    let platform = Platform::start(vec![error(400, "NO_STATEMENT_EXIST"); 4]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain("v3/profitsharing/bills").query("bill_date", "2026-08-14");
    let waited =
        client.wait(&WaitOptions::timeout(Duration::from_secs(3600)), |_| call.clone().get()).unwrap();
    let WaitOutcome::TimedOut { last: None, error: Some(error), .. } = waited else { panic!("undecided") };
    assert_eq!(error.code(), Some("NO_STATEMENT_EXIST"));
    assert_eq!(timer.waits(), [seconds(&[1800, 1799]), vec![THE_LAST]].concat());
}

/// From the query a second before the deadline to the last one.
const THE_LAST: Duration = Duration::from_millis(800);

#[tokio::test]
async fn at_the_deadline_the_async_client_tells_the_last_state() {
    let states = ["NOTPAY", "NOTPAY", "USERPAYING"].map(|word| state("trade_state", word));
    let platform = Platform::start(states.into());
    let timer = Noting::default();
    let client = builder(&platform, &timer).build().unwrap();
    let call =
        client.chain("v3/pay/transactions/out-trade-no/{out_trade_no}").path("out_trade_no", "1234567");
    let call = call.query("mchid", "1900000001");
    let waited = client.wait(&WaitOptions::timeout(Duration::from_secs(5)), |_| call.clone().get()).await;
    let WaitOutcome::TimedOut { last, response, error, .. } = waited.unwrap() else { panic!("undecided") };
    assert_eq!((last.as_deref(), error.is_none()), (Some("USERPAYING"), true));
    assert!(response.is_some());
    assert_eq!(
        timer.waits(),
        [seconds(&[4]), vec![THE_LAST]].concat(),
        "two more queries, just before the deadline"
    );
}

#[test]
fn a_transfer_that_is_not_found_yet_is_asked_for_again_after_a_minute() {
    let platform = Platform::start(vec![
        error(404, "NOT_FOUND"),
        state("state", "WAIT_USER_CONFIRM"),
        error(404, "NOT_FOUND"),
        state("state", "FAIL"),
    ]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain(TRANSFER).path("out_bill_no", "1");
    let waited =
        client.wait(&WaitOptions::timeout(Duration::from_secs(3600)), |_| call.clone().get()).unwrap();
    // A final state need not be a good one.
    assert!(matches!(waited, WaitOutcome::Final { state, .. } if state == "FAIL"));
    assert_eq!(timer.waits(), seconds(&[60, 10, 60]));
}

#[test]
fn a_transfer_that_never_appears_is_undecided_and_not_failed() {
    let platform = Platform::start(vec![error(404, "NOT_FOUND"); 9]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain(TRANSFER).path("out_bill_no", "1");
    let waited = client.wait(&WaitOptions::timeout(Duration::from_secs(90)), |_| call.clone().get()).unwrap();
    let WaitOutcome::TimedOut { last: None, error: Some(error), .. } = waited else { panic!("undecided") };
    assert_eq!(error.code(), Some("NOT_FOUND"));
}

/// 查询单笔退款: every minute for five minutes, and then less and less often.
#[test]
fn a_refund_is_asked_for_as_often_as_its_page_says_until_it_ends() {
    let path = "v3/refund/domestic/refunds/{out_refund_no}";
    let responses = || {
        let mut responses = vec![state("status", "PROCESSING"); 8];
        responses.push(state("status", "SUCCESS"));
        responses
    };
    let minutes = |waits: &[u64]| seconds(&waits.iter().map(|wait| wait * 60).collect::<Vec<_>>());
    let day = WaitOptions::timeout(Duration::from_secs(86_400));
    let (platform, timer) = (Platform::start(responses()), Noting::default());
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain(path).path("out_refund_no", "1");
    let waited = client.wait(&day, |_| call.clone().get()).unwrap();
    assert!(matches!(waited, WaitOutcome::Final { state, .. } if state == "SUCCESS"));
    assert_eq!(timer.waits(), minutes(&[1, 1, 1, 1, 1, 5, 10, 20]));
    let (platform, timer) = (Platform::start(responses()), Noting::default());
    let client = builder(&platform, &timer).build().unwrap();
    let call = client.chain(path).path("out_refund_no", "1");
    let waited = on_async(client.wait(&day, |_| call.clone().get())).unwrap();
    assert!(matches!(waited, WaitOutcome::Final { state, .. } if state == "SUCCESS"));
    assert_eq!(timer.waits(), minutes(&[1, 1, 1, 1, 1, 5, 10, 20]));
}

/// The official advice is to send the refund again, with the same number.
#[test]
fn a_refund_that_is_not_found_is_told_at_once() {
    let platform =
        Platform::start(vec![error(404, "RESOURCE_NOT_EXISTS"), error(404, "RESOURCE_NOT_EXISTS")]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain("v3/refund/domestic/refunds/{out_refund_no}").path("out_refund_no", "1");
    let refused =
        client.wait(&WaitOptions::timeout(Duration::from_secs(60)), |_| call.clone().get()).unwrap_err();
    assert_eq!(refused.as_call_error().unwrap().code(), Some("RESOURCE_NOT_EXISTS"));
    assert!(timer.waits().is_empty());
}

#[test]
fn a_bill_is_waited_for_and_a_day_without_one_is_an_error() {
    let link = json!({"hash_type": "SHA1", "hash_value": "79bb0f45fc4c42234a918000b2668d689e2bde04", "download_url": "https://a/b"});
    let platform = Platform::start(vec![
        error(400, "STATEMENT_CREATING"),
        signed(200, &link.to_string()),
        error(400, "NO_STATEMENT_EXIST"),
    ]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let call = client.chain("v3/bill/tradebill").query("bill_date", "2026-11-25");
    let day = WaitOptions::timeout(Duration::from_secs(86_400));
    let waited = client.wait(&day, |_| call.clone().get()).unwrap();
    assert!(matches!(waited, WaitOutcome::Final { response, .. } if response.json().unwrap() == link));
    assert_eq!(timer.waits(), seconds(&[1800]));
    let error = client.wait(&day, |_| call.clone().get()).unwrap_err();
    assert_eq!(error.as_call_error().unwrap().code(), Some("NO_STATEMENT_EXIST"));
}

#[test]
fn what_is_wrong_with_the_query_and_what_has_no_states_is_told_at_once() {
    let platform = Platform::start(vec![error(401, "SIGN_ERROR"), signed(200, "{}")]);
    let timer = Noting::default();
    let client = builder(&platform, &timer).build_blocking().unwrap();
    let minute = WaitOptions::timeout(Duration::from_secs(60));
    let call = client.chain(TRANSFER).path("out_bill_no", "1");
    assert!(matches!(client.wait(&minute, |_| call.clone().get()), Err(WaitError::Call(_))));
    assert!(matches!(
        client.wait(&minute, |_| client.chain("v3/certificates").get()),
        Err(WaitError::NotKnown)
    ));
    // Nothing was sent: its reason is told.
    let unfilled = client.wait(&minute, |_| client.chain(TRANSFER).get()).unwrap_err();
    assert!(unfilled.as_call_error().unwrap().is_request());
    assert_eq!((timer.waits(), timer.now()), (Vec::new(), Duration::ZERO));
}
