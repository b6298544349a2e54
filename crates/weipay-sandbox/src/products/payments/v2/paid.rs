//! What APIv2 says of an order that was paid: responses and the notification have the same elements.

use serde_json::{Map, Value, json};

use super::times::compact;
use super::{Order, parties};
use crate::products::payments::order::{Dialect, Payment};
use crate::products::payments::refund::record::{is_money, settlement_total, worth};

/// The elements of a payment, without the merchants of the order.
pub(super) fn elements(order: &Order, payment: &Payment) -> Map<String, Value> {
    let mut elements = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            elements.insert(name.to_owned(), value);
        }
    };
    set("device_info", json!(device(order)));
    set("openid", json!(payment.payer.openid));
    // Nobody here follows an official account. The documents say that it is always N today.
    set("is_subscribe", json!("N"));
    if payment.payer.sub_openid.is_some() {
        set("sub_openid", json!(payment.payer.sub_openid));
        set("sub_is_subscribe", json!("N"));
    }
    set("trade_type", json!(order.trade_type.word()));
    set("bank_type", json!(payment.bank_type));
    set("total_fee", json!(order.total));
    set("fee_type", json!(order.currency));
    set("cash_fee", json!(payment.payer_total));
    set("cash_fee_type", json!(order.currency));
    let coupons = &payment.promotion_detail;
    if !coupons.is_empty() {
        set("settlement_total_fee", json!(settlement_total(order, payment)));
        set("coupon_fee", json!(coupons.iter().map(worth).sum::<i64>()));
        set("coupon_count", json!(coupons.len()));
    }
    for (place, coupon) in coupons.iter().enumerate() {
        set(&format!("coupon_type_{place}"), json!(coupon_type(coupon)));
        set(&format!("coupon_id_{place}"), coupon["coupon_id"].clone());
        set(&format!("coupon_fee_{place}"), json!(worth(coupon)));
    }
    set("transaction_id", json!(payment.transaction_id));
    set("out_trade_no", json!(order.out_trade_no));
    set("attach", json!(order.attach));
    set("time_end", json!(compact(payment.paid_at)));
    elements
}

/// `coupon_type_$n`. INFERRED(v2-coupon-type): what a coupon that only lowers the price (免充值) is called.
pub(super) fn coupon_type(coupon: &Value) -> &'static str {
    if is_money(coupon) { "CASH" } else { "NO_CASH" }
}

/// `device_info`.
pub(super) fn device(order: &Order) -> Option<&str> {
    order.scene_info.as_ref()?.get("device_id")?.as_str()
}

/// What the merchant is notified of: it is signed as the request of the order was.
pub(in crate::products::payments) fn notified(order: &Order) -> Value {
    let mut resource = order.payment.as_ref().map(|payment| elements(order, payment)).unwrap_or_default();
    for (name, value) in parties(order) {
        if let Some(value) = value {
            resource.insert(name.to_owned(), json!(value));
        }
    }
    resource.insert("result_code".to_owned(), json!("SUCCESS"));
    if order.dialect == Dialect::V2Hmac {
        resource.insert("sign_type".to_owned(), json!("HMAC-SHA256"));
    }
    Value::Object(resource)
}
