//! Refunds on a store with paid orders.

use serde_json::json;

use super::fixtures::{Shop, Wish, body};
use super::record::{Refund, RefundState};
use crate::clock::DAY;
use crate::ledger::AccountKind::{Available, Bank, Fees, Frozen, Refunding, Unsettled, Wallet};
use crate::people::account::AccountState;
use crate::products::payments::order::OrderState;
use crate::products::payments::v2::refund::{notified, show};
use crate::response::Refusal;

fn said(refusal: Refusal) -> (u16, &'static str, String) {
    (refusal.status, refusal.code, refusal.message.into_owned())
}

fn is(status: u16, code: &'static str, message: &str) -> (u16, &'static str, String) {
    (status, code, message.to_owned())
}

#[test]
fn a_refund_is_under_way_and_then_with_the_person() {
    let mut shop = Shop::new();
    let id = shop.pay(&Wish::default());
    let refund = shop.refund("order-1", "r1", 500, 1_000).unwrap();
    assert_eq!(
        (&refund["status"], &refund["channel"], &refund["funds_account"]),
        (&json!("PROCESSING"), &json!("ORIGINAL"), &json!("UNSETTLED"))
    );
    assert_eq!(refund["transaction_id"], id);
    assert_eq!(
        refund["amount"],
        json!({ "total": 1_000, "refund": 500, "payer_total": 1_000, "payer_refund": 500, "settlement_refund": 500,
            "settlement_total": 1_000, "discount_refund": 0, "currency": "CNY", "refund_fee": 3, "from": [] })
    );
    assert_eq!(
        refund["promotion_detail"],
        json!([]),
        "recorded: a client that reads no empty list sees an error"
    );
    assert_eq!((shop.merchant(Unsettled), shop.merchant(Refunding), shop.merchant(Fees)), (497, 500, 3));
    assert_eq!(shop.order("order-1").state, OrderState::Refund);

    shop.pass(10);
    let refund = shop.query("r1").unwrap();
    assert_eq!((&refund["status"], refund["success_time"].is_string()), (&json!("SUCCESS"), true));
    assert_eq!((shop.merchant(Refunding), shop.person(Wallet), shop.sum()), (0, 500, 0));
    let told = shop.outbox();
    let resource = &told[0].resource;
    assert_eq!(told[0].event_type, "REFUND.SUCCESS");
    assert_eq!((&resource["refund_status"], &resource["mchid"]), (&json!("SUCCESS"), &json!("1900000109")));
    assert!(resource.get("channel").is_none() && resource.get("status").is_none());
}

#[test]
fn a_number_again_is_the_same_refund_or_refused() {
    let shop = Shop::new();
    shop.pay(&Wish::default());
    shop.pay(&Wish { number: "order-2", ..Wish::default() });
    let first = shop.refund("order-1", "r1", 500, 1_000).unwrap();
    assert_eq!(shop.refund("order-1", "r1", 500, 1_000).unwrap(), first);
    assert_eq!(
        said(shop.refund("order-1", "r1", 400, 1_000).unwrap_err()),
        is(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
    );
    let other = shop.refund("order-2", "r1", 500, 1_000).unwrap_err();
    assert!(other.message.starts_with("请求内容和上次请求不一致"), "{other:?}");
    assert_eq!(shop.merchant(Refunding), 500);
}

#[test]
fn only_a_paid_recent_order_of_this_total_is_refunded() {
    let mut shop = Shop::new();
    let id = shop.pay(&Wish::default());
    assert_eq!(
        said(shop.refund("order-0", "r1", 1, 1_000).unwrap_err()),
        is(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    );
    assert_eq!(said(shop.query("r1").unwrap_err()), is(404, "RESOURCE_NOT_EXISTS", "退款单不存在"));
    let mismatch = is(400, "INVALID_REQUEST", "您的请求参数与订单信息不一致");
    assert_eq!(said(shop.refund("order-1", "r1", 1, 999).unwrap_err()), mismatch);
    let mut two = body("order-2", "r1", 1, 1_000);
    two["transaction_id"] = json!(id);
    assert_eq!(said(shop.ask("POST", "/v3/refund/domestic/refunds", &two).unwrap_err()), mismatch);
    let mut partner = body("order-1", "r1", 1, 1_000);
    partner["sub_mchid"] = json!("1900000110");
    assert_eq!(said(shop.ask("POST", "/v3/refund/domestic/refunds", &partner).unwrap_err()), mismatch);

    let mut unpaid = shop.order("order-1");
    (unpaid.out_trade_no, unpaid.payment, unpaid.state) = ("order-3".to_owned(), None, OrderState::Closed);
    shop.store().transaction(|tx| tx.save(&unpaid)).unwrap();
    // Recorded on 2026-09-16.
    assert_eq!(
        said(shop.refund("order-3", "r1", 1, 1_000).unwrap_err()),
        is(404, "RESOURCE_NOT_EXISTS", "原订单不存在")
    );

    shop.now += 365 * DAY;
    shop.refund("order-1", "r1", 1, 1_000).unwrap();
    shop.now += 61;
    assert_eq!(
        said(shop.refund("order-1", "r2", 1, 1_000).unwrap_err()),
        is(400, "INVALID_REQUEST", "订单已经超过退款期限")
    );
}

#[test]
fn another_merchants_order_cannot_be_refunded() {
    let mut shop = Shop::new();
    let id = shop.pay(&Wish::default());
    shop.caller.mchid = "1900000108".to_owned();
    assert_eq!(shop.refund("order-1", "r1", 1, 1_000).unwrap_err().code, "RESOURCE_NOT_EXISTS");
    let mut by_id = body("order-1", "r1", 1, 1_000);
    by_id["transaction_id"] = json!(id);
    assert_eq!(shop.ask("POST", "/v3/refund/domestic/refunds", &by_id).unwrap_err().code, "NO_AUTH");
}

#[test]
fn refunds_of_one_order_are_limited_in_time_number_and_sum() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    shop.refund("order-1", "r0", 10, 1_000).unwrap();
    assert_eq!(shop.refund("order-1", "r1", 10, 1_000).unwrap_err().code, "FREQUENCY_LIMITED");
    for number in 1..50 {
        shop.pass(60);
        shop.refund("order-1", &format!("r{number}"), 10, 1_000).unwrap();
    }
    shop.pass(60);
    assert_eq!(
        said(shop.refund("order-1", "much", 501, 1_000).unwrap_err()),
        is(400, "INVALID_REQUEST", "申请退款金额超过订单可退金额")
    );
    assert_eq!(shop.refund("order-1", "r50", 10, 1_000).unwrap_err().code, "INVALID_REQUEST");
    assert_eq!((shop.person(Wallet), shop.merchant(Fees), shop.sum()), (500, 6, 0));
}

/// Programs compare the sentence, and take the refund for done.
#[test]
fn a_full_refund_is_told_from_too_little_left() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    shop.refund("order-1", "r1", 999, 1_000).unwrap();
    shop.pass(60);
    assert_eq!(shop.refund("order-1", "r2", 2, 1_000).unwrap_err().message, "申请退款金额超过订单可退金额");
    shop.refund("order-1", "r2", 1, 1_000).unwrap();
    assert_eq!(
        said(shop.refund("order-1", "r3", 1, 1_000).unwrap_err()),
        is(400, "INVALID_REQUEST", "订单已全额退款")
    );
    assert_eq!(
        shop.refund("order-1", "r2", 1, 1_000).unwrap()["out_refund_no"],
        "r2",
        "the same number again"
    );
}

#[test]
fn a_refund_takes_money_from_where_the_request_says() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    let mut available = body("order-1", "r1", 10, 1_000);
    available["funds_account"] = json!("AVAILABLE");
    let refusal = shop.ask("POST", "/v3/refund/domestic/refunds", &available).unwrap_err();
    assert!(
        refusal.reason.as_deref().is_some_and(
            |reason| reason.contains("funds_account") && reason.contains("only available money")
        ),
        "{refusal:?}"
    );
    assert_eq!(said(refusal), is(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"));
    available["amount"]["from"] = json!([{ "account": "UNAVAILABLE", "amount": 9 }]);
    assert_eq!(shop.ask("POST", "/v3/refund/domestic/refunds", &available).unwrap_err().code, "PARAM_ERROR");
    available["amount"]["from"] = json!([{ "account": "UNAVAILABLE", "amount": 10 }]);
    let refund = shop.ask("POST", "/v3/refund/domestic/refunds", &available).unwrap();
    assert_eq!(
        (&refund["funds_account"], &refund["amount"]["from"][0]["amount"]),
        (&json!("UNSETTLED"), &json!(10))
    );
    shop.pass(60);
    assert_eq!(shop.sum(), 0);
}

#[test]
fn after_settlement_a_refund_comes_from_available_money_its_fee_included() {
    for fee in [6, 0] {
        let shop = Shop::new();
        shop.pay(&Wish { fee, ..Wish::default() });
        shop.put("1900000109", Available, 1_000);
        shop.take("1900000109", Unsettled, 1_000 - fee);
        let refund = shop.refund("order-1", "r1", 500, 1_000).unwrap();
        assert_eq!(refund["funds_account"], "AVAILABLE", "{fee}");
        assert_eq!((shop.merchant(Unsettled), shop.merchant(Available)), (0, 500 + fee / 2));
        let found = shop.act(|tx| Refund::find_by_bare_number(tx, "r1", |_| true)).unwrap().pop().unwrap();
        assert_eq!(
            notified(&found, &shop.order("order-1"))["refund_account"],
            "REFUND_SOURCE_RECHARGE_FUNDS"
        );
    }
}

#[test]
fn a_refund_that_takes_money_of_two_accounts_says_so() {
    let shop = Shop::new();
    shop.pay(&Wish::default());
    shop.put("1900000109", Available, 1_000);
    shop.take("1900000109", Unsettled, 993);
    let refund = shop.refund("order-1", "r1", 500, 1_000).unwrap();
    assert_eq!((&refund["funds_account"], shop.merchant(Unsettled)), (&json!("BASIC"), 0));
}

#[test]
fn a_refund_whose_card_is_gone_is_handled_and_arrives() {
    let mut shop = Shop::new();
    shop.pay(&Wish { bank_type: "CMB_DEBIT", ..Wish::default() });
    let refund = shop.refund("order-1", "r1", 1_000, 1_000).unwrap();
    let target = format!(
        "/v3/refund/domestic/refunds/{}/apply-abnormal-refund",
        refund["refund_id"].as_str().unwrap()
    );
    let merchant = json!({ "out_refund_no": "r1", "type": "MERCHANT_BANK_CARD" });
    assert_eq!(shop.ask("POST", &target, &merchant).unwrap_err().code, "INVALID_REQUEST");
    assert!(shop.decide("r1", RefundState::Abnormal));
    shop.pass(60);
    assert_eq!(shop.query("r1").unwrap()["status"], "ABNORMAL");
    assert_eq!(shop.outbox()[0].event_type, "REFUND.ABNORMAL");
    let card = json!({ "out_refund_no": "r1", "type": "USER_BANK_CARD" });
    assert_eq!(shop.ask("POST", &target, &card).unwrap_err().code, "PARAM_ERROR");
    let before = shop.merchant(Bank);
    assert_eq!(shop.ask("POST", &target, &merchant).unwrap()["status"], "PROCESSING");
    shop.pass(60);
    let refund = shop.query("r1").unwrap();
    assert_eq!((&refund["status"], &refund["channel"]), (&json!("SUCCESS"), &json!("OTHER_BANKCARD")));
    assert_eq!((shop.merchant(Bank) - before, shop.merchant(Refunding), shop.sum()), (1_000, 0, 0));
    assert!(!shop.decide("r1", RefundState::Closed));
}

#[test]
fn a_closed_refund_gives_the_money_back_and_its_number_is_used_up() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    shop.refund("order-1", "r1", 1_000, 1_000).unwrap();
    assert!(shop.decide("r1", RefundState::Closed));
    assert_eq!((shop.merchant(Available), shop.merchant(Fees), shop.merchant(Refunding)), (994, 6, 0));
    shop.pass(60);
    assert_eq!(shop.refund("order-1", "r1", 1_000, 1_000).unwrap()["status"], "CLOSED");
    assert_eq!(shop.refund("order-1", "r2", 1_000, 1_000).unwrap()["status"], "PROCESSING");
    shop.pass(60);
    assert_eq!((shop.person(Wallet), shop.merchant(Available), shop.sum()), (1_000, 0, 0));
}

#[test]
fn coupons_go_back_in_part_and_the_last_refund_takes_the_rest() {
    let mut shop = Shop::new();
    shop.pay(&Wish { total: 100, coupons: vec![("CASH", 10), ("NOCASH", 5)], fee: 1, ..Wish::default() });
    let mut sums = [0; 3];
    for (number, fen) in [("r1", 33), ("r2", 33), ("r3", 34)] {
        let refund = shop.refund("order-1", number, fen, 100).unwrap();
        let amount = &refund["amount"];
        assert_eq!((&amount["payer_total"], &amount["settlement_total"]), (&json!(85), &json!(95)));
        for (sum, name) in sums.iter_mut().zip(["payer_refund", "settlement_refund", "discount_refund"]) {
            *sum += amount[name].as_i64().unwrap();
        }
        assert_eq!(
            (&refund["promotion_detail"][0]["type"], &refund["promotion_detail"][1]["type"]),
            (&json!("COUPON"), &json!("DISCOUNT"))
        );
        shop.pass(60);
    }
    assert_eq!(sums, [85, 95, 15]);
    assert_eq!(
        (shop.person(Wallet), shop.merchant(Unsettled), shop.merchant(Fees), shop.sum()),
        (85, 0, 0, 0)
    );
}

#[test]
fn a_refund_takes_what_waits_to_be_shared_and_later_what_is_available() {
    let mut shop = Shop::new();
    shop.pay(&Wish { profit_sharing: true, ..Wish::default() });
    let refund = shop.refund("order-1", "r1", 400, 1_000).unwrap();
    assert_eq!((&refund["funds_account"], shop.merchant(Frozen)), (&json!("UNAVAILABLE"), 596));
    shop.pass(31 * DAY);
    assert_eq!((shop.merchant(Frozen), shop.merchant(Available)), (0, 596));
    shop.refund("order-1", "r2", 600, 1_000).unwrap();
    shop.pass(60);
    assert_eq!((shop.person(Wallet), shop.merchant(Available), shop.sum()), (1_000, 0, 0));
}

#[test]
fn the_refund_of_a_partner_is_paid_by_the_sub_merchant_and_names_both() {
    let mut shop = Shop::new();
    shop.pay(&Wish { sub_mchid: Some("1900000110"), ..Wish::default() });
    let mut request = body("order-1", "r1", 1_000, 1_000);
    assert_eq!(shop.ask("POST", "/v3/refund/domestic/refunds", &request).unwrap_err().code, "PARAM_ERROR");
    request["sub_mchid"] = json!("1900000110");
    shop.ask("POST", "/v3/refund/domestic/refunds", &request).unwrap();
    shop.pass(60);
    let resource = &shop.outbox()[0].resource;
    assert_eq!((&resource["sp_mchid"], &resource["sub_mchid"]), (&json!("1900000109"), &json!("1900000110")));
    assert_eq!((shop.person(Wallet), shop.sum()), (1_000, 0));
}

#[test]
fn refunds_at_the_same_time_never_exceed_the_total() {
    let shop = Shop::new();
    shop.pay(&Wish::default());
    let accepted = std::thread::scope(|scope| {
        let ask = |number| {
            let shop = &shop;
            scope.spawn(move || shop.refund("order-1", &format!("r{number}"), 600, 1_000).is_ok())
        };
        let threads: Vec<_> = (0..8).map(ask).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|accepted| *accepted).count()
    });
    assert_eq!((accepted, shop.merchant(Refunding), shop.sum()), (1, 600, 0));
}

#[test]
fn a_refund_that_waits_for_the_merchants_money_is_closed_after_seven_days() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    shop.refund("order-1", "r1", 400, 1_000).unwrap();
    shop.wait_for_money("r1");
    shop.pass(7 * DAY - 1);
    assert_eq!((shop.query("r1").unwrap()["status"].clone(), shop.outbox().len()), (json!("PROCESSING"), 0));
    shop.pass(1);
    assert_eq!(shop.query("r1").unwrap()["status"], "CLOSED");
    assert_eq!(shop.outbox()[0].event_type, "REFUND.CLOSED");
    assert_eq!((shop.merchant(Refunding), shop.person(Wallet), shop.sum()), (0, 0, 0));
    // What was closed can be refunded under another number.
    shop.refund("order-1", "r2", 1_000, 1_000).unwrap();
    shop.pass(60);
    assert_eq!((shop.person(Wallet), shop.sum()), (1_000, 0));
}

#[test]
fn a_refund_to_the_wallet_of_a_frozen_account_is_abnormal() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    shop.pay(&Wish { number: "order-2", bank_type: "CMB_DEBIT", ..Wish::default() });
    shop.set_account(AccountState::Frozen);
    let refund = shop.refund("order-1", "r1", 1_000, 1_000).unwrap();
    shop.refund("order-2", "r2", 1_000, 1_000).unwrap();
    shop.pass(60);
    assert_eq!(shop.query("r1").unwrap()["status"], "ABNORMAL");
    assert_eq!(shop.query("r2").unwrap()["status"], "SUCCESS");
    assert_eq!((shop.merchant(Refunding), shop.person(Wallet), shop.sum()), (1_000, 0, 0));
    // It is sent to a card of the person.
    let target = format!(
        "/v3/refund/domestic/refunds/{}/apply-abnormal-refund",
        refund["refund_id"].as_str().unwrap()
    );
    let card = json!({
        "out_refund_no": "r1", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT", "bank_account": "6222",
        "real_name": "张三",
    });
    shop.ask("POST", &target, &card).unwrap();
    shop.pass(60);
    assert_eq!((shop.query("r1").unwrap()["status"].clone(), shop.sum()), (json!("SUCCESS"), 0));
}

#[test]
fn a_cancelled_account_is_refunded_nothing() {
    let mut shop = Shop::new();
    shop.pay(&Wish::default());
    shop.refund("order-1", "r1", 400, 1_000).unwrap();
    shop.set_account(AccountState::Cancelled);
    shop.pass(60);
    assert_eq!(shop.query("r1").unwrap()["status"], "ABNORMAL");
    assert_eq!(
        said(shop.refund("order-1", "r2", 400, 1_000).unwrap_err()),
        is(403, "USER_ACCOUNT_ABNORMAL", "用户账户已注销")
    );
    // The same number again is still the same refund.
    assert_eq!(shop.refund("order-1", "r1", 400, 1_000).unwrap()["status"], "ABNORMAL");
    shop.set_account(AccountState::Normal);
    assert_eq!(shop.refund("order-1", "r2", 400, 1_000).unwrap()["status"], "PROCESSING");
    assert_eq!(shop.sum(), 0);
}

/// Recorded: a payment with a cash coupon (充值型) tells its number and amount, and not its type.
#[test]
fn apiv2_tells_the_types_of_coupons_only_beside_a_mere_discount() {
    let names = |coupons: Vec<(&'static str, i64)>| {
        let shop = Shop::new();
        shop.pay(&Wish { coupons, ..Wish::default() });
        shop.refund("order-1", "r1", 500, 1_000).unwrap();
        let found = shop.act(|tx| Refund::find_by_bare_number(tx, "r1", |_| true)).unwrap().pop().unwrap();
        let shown = show(&found);
        let is_meant = |name: &&String| name.starts_with("coupon_") || name.starts_with("settlement_");
        let mut names: Vec<String> = shown.as_object().unwrap().keys().filter(is_meant).cloned().collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(
        names(vec![("CASH", 100)]),
        "coupon_refund_count coupon_refund_fee coupon_refund_fee_0 coupon_refund_id_0"
    );
    assert_eq!(
        names(vec![("CASH", 100), ("NOCASH", 100)]),
        "coupon_refund_count coupon_refund_fee coupon_refund_fee_0 coupon_refund_fee_1 coupon_refund_id_0 \
         coupon_refund_id_1 coupon_type_0 coupon_type_1 settlement_refund_fee settlement_total_fee"
    );
}
