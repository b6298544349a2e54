//! Cash coupons (代金券) by APIv2, on the stocks and coupons of APIv3.

use serde_json::json;
use weipay_sandbox::{NewMerchant, PaymentRequest, Sandbox};
use weipay_wire::XmlElements;

use super::payments::{call, failure, values};
use super::said_to;
use crate::cash_coupons::{
    OPENID, coupon, create_stock, order, running_stock, running_stock_with, send, step,
};

const SEND: &str = "/mmpaymkttransfers/send_coupon";
const STOCK: &str = "/mmpaymkttransfers/query_coupon_stock";
const COUPON: &str = "/mmpaymkttransfers/querycouponsinfo";
const SOMEBODY: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p";

fn sent(sandbox: &Sandbox, stock_id: &str, number: &str, openid: &str) -> XmlElements {
    let with = [
        ("coupon_stock_id", stock_id),
        ("openid_count", "1"),
        ("partner_trade_no", number),
        ("openid", openid),
        ("op_user_id", "10000098"),
    ];
    call(sandbox, SEND, &with)
}

fn looked_at(sandbox: &Sandbox, stock_id: &str, coupon_id: &str) -> XmlElements {
    let with = [("coupon_id", coupon_id), ("openid", OPENID), ("stock_id", stock_id)];
    call(sandbox, COUPON, &with)
}

#[test]
fn a_coupon_that_one_version_sent_is_seen_by_the_other() {
    let (sandbox, stock_id) = running_stock();
    let first = sent(&sandbox, &stock_id, "send-1", OPENID);
    let names = ["result_code", "coupon_stock_id", "resp_count", "success_count", "failed_count", "ret_code"];
    assert_eq!(values(&first, names), ["SUCCESS", &stock_id, "1", "1", "0", "SUCCESS"]);
    let coupon_id = first.text("coupon_id").unwrap();
    // The number is one number for both versions.
    assert_eq!(send(&sandbox, &stock_id, "send-1")["coupon_id"], coupon_id);
    assert_eq!(sent(&sandbox, &stock_id, "send-1", OPENID).text("coupon_id"), Some(coupon_id));
    assert_eq!(coupon(&sandbox, coupon_id)["status"], "SENDED");

    let second = send(&sandbox, &stock_id, "send-2")["coupon_id"].as_str().unwrap().to_owned();
    let names =
        ["coupon_state", "coupon_value", "coupon_mininumn", "coupon_use_value", "coupon_remain_value"];
    assert_eq!(
        values(&looked_at(&sandbox, &stock_id, &second), names),
        ["SENDED", "500", "1000", "0", "500"]
    );
    // The stock is for two of each person.
    let refused = sent(&sandbox, &stock_id, "send-3", OPENID);
    assert_eq!(failure(&refused), ["USER_AL_GET_COUPON", "你已领取过该代金券"]);
    let of_refused =
        ["coupon_stock_id", "resp_count", "success_count", "failed_count", "openid", "ret_code", "ret_msg"];
    let wanted = [&*stock_id, "1", "0", "1", OPENID, "FAIL", "你已领取过该代金券"];
    assert_eq!(values(&refused, of_refused), wanted);

    order(&sandbox, "order-1", 1_000);
    assert_eq!(sandbox.pay(&PaymentRequest::new("order-1").coupon(coupon_id)).unwrap().payer_total, 500);
    assert_eq!(
        values(&looked_at(&sandbox, &stock_id, coupon_id), names),
        ["USED", "500", "1000", "500", "0"]
    );
    sandbox.run_for(86_400 + 1).unwrap();
    assert_eq!(values(&looked_at(&sandbox, &stock_id, &second), ["coupon_state"]), ["EXPIRED"]);
}

#[test]
fn a_stock_is_shown_by_the_numbers_of_its_states() {
    let (sandbox, stock_id) = running_stock();
    sent(&sandbox, &stock_id, "send-1", OPENID);
    let look = |stock_id: &str| call(&sandbox, STOCK, &[("coupon_stock_id", stock_id)]);
    let shown = look(&stock_id);
    let names = ["coupon_name", "coupon_value", "coupon_total", "max_quota", "is_send_num", "coupon_budget"];
    assert_eq!(values(&shown, names), ["开业代金券", "500", "10", "2", "1", "5000"]);
    let names = ["begin_time", "begin_time_t", "end_time_t", "create_time_t"];
    assert_eq!(values(&shown, names), ["1786766400", "20260815120000", "20260816120000", "20260815120000"]);
    let status = |stock_id: &str| look(stock_id).text("coupon_stock_status").unwrap().to_owned();
    assert_eq!(status(&stock_id), "4");
    for (course, number) in [("pause", "16"), ("restart", "4"), ("stop", "8")] {
        step(&sandbox, &stock_id, course);
        assert_eq!(status(&stock_id), number, "{course}");
    }
    assert_eq!(status(&create_stock(&sandbox, "create-2")), "1");
    assert_eq!(failure(&look("1")), ["COUPON_STOCK_ID_NOT_VALID", "批次id不正确"]);
}

#[test]
fn what_cannot_be_sent_is_refused_and_uses_no_number_up() {
    let (sandbox, stock_id) = running_stock_with(|request| {
        request["stock_use_rule"]["max_coupons"] = json!(1);
        request["stock_use_rule"]["max_amount"] = json!(500);
    });
    let code = |stock_id: &str, number: &str, openid: &str| {
        failure(&sent(&sandbox, stock_id, number, openid))[0].to_owned()
    };
    assert_eq!(code("1", "send-1", OPENID), "COUPON_STOCK_ID_NOT_VALID");
    assert_eq!(code(&stock_id, "send-1", "o1"), "PARAM_ERROR");
    let idle = create_stock(&sandbox, "create-2");
    assert_eq!(code(&idle, "send-1", OPENID), "AL_STOCK_OVER");
    let two = [
        ("coupon_stock_id", &*stock_id),
        ("openid_count", "2"),
        ("partner_trade_no", "send-1"),
        ("openid", OPENID),
    ];
    assert_eq!(failure(&call(&sandbox, SEND, &two)), ["PARAM_ERROR", "invalid openid_count"]);
    let whole = sent(&sandbox, &stock_id, "send-1", OPENID);
    // A number that was used for something else leads to a look at what was sent.
    assert_eq!(code(&idle, "send-1", OPENID), "USER_AL_GET_COUPON");
    assert_eq!(
        failure(&sent(&sandbox, &stock_id, "send-2", SOMEBODY)),
        ["STOCK_AMOUNT_NOT_ENOUGH", "代金券批次可用预算不足"]
    );
    let coupon_id = whole.text("coupon_id").unwrap();
    assert_eq!(failure(&looked_at(&sandbox, &stock_id, "1"))[0], "COUPON_NOT_FOUND");
    assert_eq!(failure(&looked_at(&sandbox, &idle, coupon_id))[0], "COUPON_STOCK_ID_NOT_VALID");
}

#[test]
fn a_merchant_neither_sends_nor_sees_what_is_of_another() {
    let (sandbox, stock_id) = running_stock();
    let whole = sent(&sandbox, &stock_id, "send-1", OPENID);
    let other = sandbox.add_merchant(&NewMerchant::new().mchid("1900000200")).unwrap();
    let kit = other.kit();
    let said = |path: &str, with: &[(&str, &str)]| {
        let own = [("appid", &*kit.appid), ("mch_id", &*kit.mchid)];
        let with: Vec<_> = own.iter().chain(with).copied().collect();
        failure(&said_to(&sandbox, kit, path, &with))[0].to_owned()
    };
    let send = [
        ("coupon_stock_id", &*stock_id),
        ("openid_count", "1"),
        ("partner_trade_no", "send-1"),
        ("openid", SOMEBODY),
    ];
    assert_eq!(said(SEND, &send), "COUPON_STOCK_ID_NOT_VALID");
    assert_eq!(said(STOCK, &[("coupon_stock_id", &*stock_id)]), "COUPON_STOCK_ID_NOT_VALID");
    let coupon_id = whole.text("coupon_id").unwrap();
    let look = [("coupon_id", coupon_id), ("openid", OPENID), ("stock_id", &*stock_id)];
    assert_eq!(said(COUPON, &look), "COUPON_NOT_FOUND");
}
