//! Coupons for the calls that are measured: a stock, who gets its coupons, and with which order each is associated.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

/// The platform's own limit of coupons for one user of one stock.
pub(crate) const PER_USER: usize = 100;

/// The request for a stock of so many coupons.
pub(crate) fn stock(mchid: &str, count: usize) -> Value {
    let now = SystemTime::now();
    let time = |time: SystemTime| weipay::model::Time::from(time).to_string();
    json!({
        "stock_name": "满十元减五元", "belong_merchant": mchid, "goods_name": "全场通用", "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": time(now), "available_end_time": time(now + Duration::from_secs(86_400))
            },
            "fixed_normal_coupon": {"discount_amount": 500, "transaction_minimum": 1000},
            "use_method": "OFF_LINE"
        },
        "stock_send_rule": {"max_coupons": count, "max_coupons_per_user": PER_USER},
        "coupon_code_mode": "WECHATPAY_MODE", "out_request_no": "bench-stock"
    })
}

/// Who gets coupons.
pub(crate) fn openid(user: usize) -> String {
    format!("o{user:027}")
}

/// The requests that send them.
pub(crate) fn sendings(stock_id: &Value, appid: &str, count: usize) -> Vec<Value> {
    let sending = |number: usize| {
        json!({
            "openid": openid(number / PER_USER), "appid": appid, "stock_id": stock_id,
            "out_request_no": format!("send-{number}")
        })
    };
    (0..count).map(sending).collect()
}

/// The requests that associate each of them with an order, or disassociate it again.
pub(crate) fn associations(stock_id: &Value, sent: &[Value]) -> Vec<Value> {
    let association = |(number, sent): (usize, &Value)| {
        json!({
            "stock_id": stock_id, "coupon_code": sent["send_coupon_result"]["coupon_code"],
            "out_trade_no": format!("order-{number}"), "out_request_no": format!("tie-{number}")
        })
    };
    sent.iter().enumerate().map(association).collect()
}
