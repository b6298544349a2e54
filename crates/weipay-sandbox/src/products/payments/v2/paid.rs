//! What APIv2 says of an order that was paid: responses and the notification have the same elements.

use serde_json::{Map, Value, json};

use super::promotions::Coupons;
use super::{Order, parties};
use crate::clock::compact;
use crate::products::payments::order::{Dialect, Payment};
use crate::store::{StoreError, Transaction};

/// The elements of a payment, without the merchants of the order.
pub(super) fn elements(order: &Order, payment: &Payment, coupons: Coupons) -> Map<String, Value> {
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
    set("transaction_id", json!(payment.transaction_id));
    set("out_trade_no", json!(order.out_trade_no));
    set("attach", json!(order.attach));
    set("time_end", json!(compact(payment.paid_at)));
    coupons.add_to(&mut elements, order, payment);
    elements
}

/// `device_info`.
pub(super) fn device(order: &Order) -> Option<&str> {
    order.scene_info.as_ref()?.get("device_id")?.as_str()
}

/// What the merchant is notified of: it is signed as the request of the order was. As recorded, it has no empty element, and not
/// the currency of what the person paid.
pub(in crate::products::payments) fn notified(
    tx: &Transaction<'_>,
    order: &Order,
) -> Result<Value, StoreError> {
    let coupons = Coupons::of_notification(tx, order)?;
    let paid = order.payment.as_ref().map(|payment| elements(order, payment, coupons));
    let mut resource = paid.unwrap_or_default();
    resource.remove("cash_fee_type");
    for (name, value) in parties(order) {
        if let Some(value) = value {
            resource.insert(name.to_owned(), json!(value));
        }
    }
    resource.insert("result_code".to_owned(), json!("SUCCESS"));
    if order.dialect == Dialect::V2Hmac {
        resource.insert("sign_type".to_owned(), json!("HMAC-SHA256"));
    }
    Ok(Value::Object(resource))
}
