//! Reasons that a till or a shop follows: none sends it to a new number or a new code while the old one is paid, or may still be.

use serde_json::{Value, json};
use weipay_sandbox::{PaymentFailure, PaymentRequest, REASON_HEADER, Sandbox, decode_reason};

use crate::client::{Response, client};

const CODE: &str = "130061098828009406";

/// The code of a refusal, and its reason.
fn refused(response: &Response) -> (String, String) {
    let reason = response.header(REASON_HEADER).map(decode_reason).unwrap_or_default();
    (response.refusal().1, reason)
}

fn charge(sandbox: &Sandbox, number: &str, code: &str, total: i64) -> Response {
    let kit = sandbox.kit();
    let body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "payer": { "auth_code": code }, "amount": { "total": total },
        "scene_info": { "store_info": { "id": "0001" } },
    });
    client(sandbox).post("/v3/pay/transactions/codepay", &body)
}

fn reverse(sandbox: &Sandbox, number: &str) {
    let ids = json!({ "appid": sandbox.kit().appid, "mchid": sandbox.kit().mchid });
    client(sandbox).post(&format!("/v3/pay/transactions/out-trade-no/{number}/reverse"), &ids).success();
}

fn state(sandbox: &Sandbox, number: &str) -> Value {
    let mchid = &sandbox.kit().mchid;
    let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}");
    client(sandbox).get(&target).success()["trade_state"].clone()
}

#[test]
fn a_till_whose_code_was_used_is_told_for_which_order() {
    let sandbox = crate::sandbox().start().unwrap();
    for (first, second, total, known) in
        [("paid-1", "paid-2", 100, "SUCCESS"), ("open-1", "open-2", 200_000, "USERPAYING")]
    {
        let code = if total == 100 { CODE } else { "130061098828009407" };
        assert_eq!(charge(&sandbox, first, code, total).json()["trade_state"], known);
        let (word, reason) = refused(&charge(&sandbox, second, code, total));
        assert_eq!(word, "AUTH_CODE_INVALID");
        let wanted = format!("was used for out_trade_no {first}: query that order, and reverse it (撤销)");
        assert!(reason.contains(&wanted), "{reason}");
        reverse(&sandbox, first);
        let (_, reason) = refused(&charge(&sandbox, second, code, total));
        assert!(reason.contains("which was reversed or closed: scan a new one"), "{reason}");
    }
}

#[test]
fn a_payment_by_code_is_reversed_and_not_closed_before_another_one() {
    let sandbox = crate::sandbox().start().unwrap();
    charge(&sandbox, "till-1", CODE, 200_000).json();
    let (_, reason) = refused(&charge(&sandbox, "till-1", "130061098828009408", 200_000));
    assert!(reason.contains("unless the first order is reversed (撤销) before"), "{reason}");
    let kit = sandbox.kit();
    let native = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "till-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 200_000 },
    });
    let (_, reason) = refused(&client(&sandbox).post("/v3/pay/transactions/native", &native));
    assert!(reason.contains("reverse it before you use a new number"), "{reason}");
}

#[test]
fn nobody_pays_by_a_code_after_the_person_has_cancelled() {
    let sandbox = crate::sandbox().start().unwrap();
    charge(&sandbox, "till-1", CODE, 200_000).json();
    let cancels = PaymentRequest::new("till-1").failing(PaymentFailure::Cancel);
    assert_eq!(sandbox.pay(&cancels).unwrap().trade_state, "NOTPAY");
    let told = sandbox.pay(&PaymentRequest::new("till-1")).unwrap_err().to_string();
    assert!(told.contains("has cancelled"), "{told}");
    assert_eq!(state(&sandbox, "till-1"), "NOTPAY");
    reverse(&sandbox, "till-1");
}

#[test]
fn parts_of_another_combined_order_are_told_what_became_of_them() {
    let sandbox = crate::sandbox().start().unwrap();
    let kit = sandbox.kit();
    let part = |number: &str| {
        json!({ "mchid": kit.mchid, "attach": "a", "amount": { "total_amount": 10, "currency": "CNY" },
            "out_trade_no": number, "description": "茶" })
    };
    let combined = |number: &str| {
        let body = json!({
            "combine_appid": kit.appid, "combine_mchid": kit.mchid, "combine_out_trade_no": number,
            "notify_url": "http://127.0.0.1:9/notify", "sub_orders": [part("part-a"), part("part-b")],
        });
        client(&sandbox).post("/v3/combine-transactions/native", &body)
    };
    combined("whole-1").success();
    let (_, reason) = refused(&combined("whole-2"));
    assert!(reason.contains("close the combined order before its parts get new numbers"), "{reason}");
    sandbox.pay(&PaymentRequest::new("whole-1")).unwrap();
    let (_, reason) = refused(&combined("whole-2"));
    assert!(
        reason.contains(
            "part-a of a part was used before, for a part of the combined order whole-1; it was paid: query it"
        ),
        "{reason}"
    );
    let native = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "part-a",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 10 },
    });
    let (_, reason) = refused(&client(&sandbox).post("/v3/pay/transactions/native", &native));
    assert!(reason.contains("a part of the combined order whole-1; it was paid"), "{reason}");
}
