//! Cash coupons (代金券) over sockets: a funded stock, a coupon in an order, and the way back by a refund.

use serde_json::{Value, json};
use weipay_sandbox::{MerchantAccount, PersonPays, Sandbox};

use crate::client::Client;

const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
const HOUR: i64 = 3_600;

fn client(sandbox: &Sandbox) -> Client<'_> {
    Client { now: sandbox.clock().now(), ..Client::new(sandbox) }
}

/// 10 coupons of 5 yuan for orders of at least 10, two for each person, for a day.
fn create_stock(sandbox: &Sandbox, number: &str) -> String {
    let mchid = &sandbox.kit().mchid;
    let request = json!({
        "stock_name": "开业代金券", "belong_merchant": mchid,
        // The tests begin at noon of 15 August 2026 in Beijing.
        "available_begin_time": "2026-08-15T12:00:00+08:00", "available_end_time": "2026-08-16T12:00:00+08:00",
        "stock_use_rule": {
            "max_coupons": 10, "max_amount": 5_000, "max_coupons_per_user": 2,
            "natural_person_limit": false, "prevent_api_abuse": false,
        },
        "coupon_use_rule": { "fixed_normal_coupon": { "coupon_amount": 500, "transaction_minimum": 1_000 } },
        "no_cash": false, "stock_type": "NORMAL", "out_request_no": number,
    });
    let created = client(sandbox).post("/v3/marketing/favor/coupon-stocks", &request).success();
    created["stock_id"].as_str().unwrap().to_owned()
}

fn step(sandbox: &Sandbox, stock_id: &str, step: &str) -> Value {
    let body = json!({ "stock_creator_mchid": sandbox.kit().mchid });
    client(sandbox).post(&format!("/v3/marketing/favor/stocks/{stock_id}/{step}"), &body).json()
}

fn send(sandbox: &Sandbox, stock_id: &str, number: &str) -> Value {
    let kit = sandbox.kit();
    let body = json!({
        "stock_id": stock_id, "out_request_no": number, "appid": kit.appid, "stock_creator_mchid": kit.mchid,
    });
    client(sandbox).post(&format!("/v3/marketing/favor/users/{OPENID}/coupons"), &body).json()
}

fn coupon(sandbox: &Sandbox, coupon_id: &str) -> Value {
    let appid = &sandbox.kit().appid;
    let target = format!("/v3/marketing/favor/users/{OPENID}/coupons/{coupon_id}?appid={appid}");
    client(sandbox).get(&target).success()
}

fn order(sandbox: &Sandbox, number: &str, total: i64) {
    let kit = sandbox.kit();
    let body = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": number,
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": total }, "payer": { "openid": OPENID },
    });
    client(sandbox).post("/v3/pay/transactions/jsapi", &body).success();
}

fn paid_order(sandbox: &Sandbox, number: &str) -> Value {
    let target = format!("/v3/pay/transactions/out-trade-no/{number}?mchid={}", sandbox.kit().mchid);
    client(sandbox).get(&target).success()
}

/// A sandbox with a stock that is running, and its number.
fn running_stock() -> (Sandbox, String) {
    let sandbox = crate::sandbox().start().unwrap();
    let stock_id = create_stock(&sandbox, "create-1");
    assert_eq!(step(&sandbox, &stock_id, "start")["message"], "激活失败：账户余额不足，请充值");
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Basic, 5_000).unwrap();
    assert_eq!(step(&sandbox, &stock_id, "start")["stock_id"], *stock_id);
    (sandbox, stock_id)
}

#[test]
fn a_coupon_is_sent_used_in_an_order_and_given_back_by_a_whole_refund() {
    let (sandbox, stock_id) = running_stock();
    let sent = send(&sandbox, &stock_id, "send-1");
    assert_eq!(send(&sandbox, &stock_id, "send-1"), sent, "the same number");
    let coupon_id = sent["coupon_id"].as_str().unwrap();
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");

    order(&sandbox, "order-1", 1_000);
    let paid = sandbox.pay(&PersonPays::new("order-1")).unwrap();
    assert_eq!(paid.payer_total, 500);
    let shown = paid_order(&sandbox, "order-1");
    assert_eq!(
        shown["amount"],
        json!({ "total": 1_000, "currency": "CNY", "payer_total": 500, "payer_currency": "CNY" })
    );
    let promotion = &shown["promotion_detail"][0];
    assert_eq!((&promotion["coupon_id"], &promotion["type"]), (&json!(coupon_id), &json!("CASH")));
    let used = coupon(&sandbox, coupon_id);
    assert_eq!(used["consume_information"]["transaction_id"], shown["transaction_id"]);

    let refund = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": { "refund": 1_000, "total": 1_000, "currency": "CNY" },
    });
    let accepted = client(&sandbox).post("/v3/refund/domestic/refunds", &refund).success();
    assert_eq!(accepted["amount"]["payer_refund"], 500);
    sandbox.run_for(10).unwrap();
    let refund = client(&sandbox).get("/v3/refund/domestic/refunds/refund-1").success();
    assert_eq!(refund["status"], "SUCCESS");
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");
}

#[test]
fn a_person_may_choose_no_coupon_and_cannot_choose_one_that_does_not_fit() {
    let (sandbox, stock_id) = running_stock();
    let sent = send(&sandbox, &stock_id, "send-1");
    let coupon_id = sent["coupon_id"].as_str().unwrap();
    order(&sandbox, "small-order", 999);
    let refused = sandbox.pay(&PersonPays::new("small-order").coupon(coupon_id)).unwrap_err().to_string();
    assert!(refused.contains("does not fit"), "{refused}");
    assert_eq!(sandbox.pay(&PersonPays::new("small-order")).unwrap().payer_total, 999);
    order(&sandbox, "large-order", 1_000);
    assert_eq!(sandbox.pay(&PersonPays::new("large-order").coupon("none")).unwrap().payer_total, 1_000);
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");
}

#[test]
fn a_stock_that_ends_gives_the_rest_of_its_budget_back() {
    let (sandbox, stock_id) = running_stock();
    assert_eq!(step(&sandbox, &stock_id, "pause")["stock_id"], *stock_id);
    assert_eq!(send(&sandbox, &stock_id, "send-1")["message"], "活动已结束或未激活");
    assert_eq!(step(&sandbox, &stock_id, "restart")["stock_id"], *stock_id);
    sandbox.run_for(25 * HOUR).unwrap();
    let target = format!("/v3/marketing/favor/stocks/{stock_id}?stock_creator_mchid={}", sandbox.kit().mchid);
    assert_eq!(client(&sandbox).get(&target).success()["status"], "stoped");
    let balance = client(&sandbox).get("/v3/merchant/fund/balance/BASIC").success();
    assert_eq!(balance["available_amount"], 5_000);
}
