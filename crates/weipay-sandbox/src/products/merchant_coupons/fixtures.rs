//! A merchant, a stock and a coupon for the tests of this product.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::callbacks::{Channel, NamedUser};
use super::coupon::Coupon;
use super::sending::{self, SendRequest, Situation};
use super::stock::{self, Stock};
use crate::merchants::Account;
use crate::products::coupon_stocks::caps::Sent;

pub(crate) const MCHID: &str = "1900000109";
pub(crate) const APPID: &str = "wx8888888888888888";
pub(crate) const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
pub(crate) static CALLER: LazyLock<Account> = LazyLock::new(|| account(MCHID));
/// 2026-08-15T12:00:00+08:00.
pub(crate) const NOW: i64 = 1_786_766_400;

fn account(mchid: &str) -> Account {
    Account { mchid: mchid.to_owned(), appids: vec![APPID.to_owned()], sub_merchants: Vec::new() }
}

/// Another merchant, with the same appid.
pub(crate) fn stranger() -> Account {
    account("1900000999")
}

/// What creates a stock of 100 coupons of 5 fen, 5 for each user, in August 2026.
pub(crate) fn stock_request() -> Map<String, Value> {
    let request = json!({
        "stock_name": "8月1日活动券",
        "belong_merchant": MCHID,
        "goods_name": "全场通用",
        "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2026-08-01T00:00:00+08:00",
                "available_end_time": "2026-08-31T23:59:59+08:00"
            },
            "fixed_normal_coupon": { "discount_amount": 5, "transaction_minimum": 100 },
            "use_method": "OFF_LINE"
        },
        "stock_send_rule": { "max_coupons": 100, "max_coupons_per_user": 5, "transferable": false },
        "display_pattern_info": { "description": "全部门店可用", "background_color": "Color020" },
        "out_request_no": "create-1",
        "coupon_code_mode": "WECHATPAY_MODE"
    });
    let Value::Object(members) = request else { unreachable!() };
    members
}

pub(crate) fn a_stock() -> Stock {
    stock::create(&CALLER, stock_request(), 1, NOW).unwrap().changed.0
}

/// The first coupon of [`a_stock`].
pub(crate) fn a_coupon() -> Coupon {
    let request = SendRequest {
        stock_id: a_stock().id,
        openid: OPENID.to_owned(),
        appid: Some(APPID.to_owned()),
        out_request_no: "send-1".to_owned(),
        coupon_code: None,
        channel: Channel::Api,
    };
    let situation = Situation {
        stock: Some((a_stock(), Sent::new(&a_stock().id))),
        is_authorized: false,
        received_by_user: 0,
        code_is_taken: false,
        fresh_code: "1201059453000011062474".to_owned(),
        drawn_code: None,
        is_of_another_appid: false,
        callback: None,
        named_user: NamedUser::default(),
    };
    sending::send(&CALLER, &request, situation, NOW).unwrap().changed.0.1
}

#[test]
fn the_tests_begin_at_noon() {
    assert_eq!(a_stock().create_time, NOW);
    assert_eq!(crate::clock::rfc3339(NOW), "2026-08-15T12:00:00+08:00");
}
