//! The elements of a paid order in APIv2: responses and the notification have the same.
//!
//! Coupons have numbered elements (`coupon_id_0`), or, for who says `version` 1.0 (单品优惠), a list in `promotion_detail`. The list
//! takes the place of the elements, and of `settlement_total_fee`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Order, parties};
use crate::clock::compact;
use crate::contract::ValidRequest;
use crate::products::payments::order::{Dialect, Payment, key};
use crate::products::payments::refund::record::{is_money, settlement_total, worth};
use crate::store::{Record, StoreError, Transaction};

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

/// The notification: it is signed as the request of the order was. As recorded, it has no empty element, and not
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

/// The form in which coupons are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coupons {
    Numbered,
    Listed,
}

impl Coupons {
    /// As a request wants them.
    pub(super) fn asked_for(request: &ValidRequest) -> Self {
        if request.text("version") == Some("1.0") { Self::Listed } else { Self::Numbered }
    }

    /// As the notification of an order has them. INFERRED(v2-listed-coupons): as the request of the order wanted them.
    pub(super) fn of_notification(tx: &Transaction<'_>, order: &Order) -> Result<Self, StoreError> {
        let is_listed = tx.get::<ListsCoupons>(&key(&order.merchant, &order.out_trade_no))?.is_some();
        Ok(if is_listed { Self::Listed } else { Self::Numbered })
    }

    /// Keeps for the notification how the request of an order wanted them.
    pub(super) fn keep(self, tx: &Transaction<'_>, order: &Order) -> Result<(), StoreError> {
        // The same request again finds what the first has kept.
        if self == Self::Numbered || Self::of_notification(tx, order)? == Self::Listed {
            return Ok(());
        }
        let (merchant, out_trade_no) = (order.merchant.clone(), order.out_trade_no.clone());
        tx.save(&ListsCoupons { merchant, out_trade_no })
    }

    /// Adds the elements of the coupons of a payment.
    pub(super) fn add_to(self, elements: &mut Map<String, Value>, order: &Order, payment: &Payment) {
        let coupons = &payment.promotion_detail;
        let mut set = |name: String, value: Value| drop(elements.insert(name, value));
        if coupons.is_empty() {
            return;
        }
        if self == Self::Listed {
            let list: Vec<_> = coupons.iter().map(listed).collect();
            set("promotion_detail".to_owned(), json!(json!({ "promotion_detail": list }).to_string()));
            return;
        }
        let tells_types = tells_types(coupons);
        if tells_types {
            set("settlement_total_fee".to_owned(), json!(settlement_total(order, payment)));
        }
        set("coupon_fee".to_owned(), json!(coupons.iter().map(worth).sum::<i64>()));
        set("coupon_count".to_owned(), json!(coupons.len()));
        for (place, coupon) in coupons.iter().enumerate() {
            if tells_types {
                set(format!("coupon_type_{place}"), json!(coupon_type(coupon)));
            }
            set(format!("coupon_id_{place}"), coupon["coupon_id"].clone());
            set(format!("coupon_fee_{place}"), json!(worth(coupon)));
        }
    }
}

/// Whether the types of these coupons are told, and what is settled without them. The pages say: to merchants that may have mere
/// discounts (免充值), and records of cash coupons have neither. UNCONFIRMED(v2-coupon-type): a payment with such a discount
/// shows that its merchant is one, and then the cash coupons beside it have their type too.
pub(super) fn tells_types(coupons: &[Value]) -> bool {
    coupons.iter().any(|coupon| !is_money(coupon))
}

/// `coupon_type_$n`, as the page of 单品优惠 tells the types of both forms.
pub(super) fn coupon_type(coupon: &Value) -> &'static str {
    if is_money(coupon) { "CASH" } else { "NO_CASH" }
}

/// A coupon in the list.
pub(super) fn listed(coupon: &Value) -> Value {
    json!({
        "promotion_id": coupon["coupon_id"],
        "name": coupon["name"],
        "scope": coupon["scope"],
        "type": if is_money(coupon) { "COUPON" } else { "DISCOUNT" },
        "amount": worth(coupon),
        "activity_id": coupon["stock_id"],
        "wxpay_contribute": coupon["wechatpay_contribute"],
        "merchant_contribute": coupon["merchant_contribute"],
        "other_contribute": coupon["other_contribute"],
        "goods_detail": coupon.get("goods_detail").cloned().unwrap_or_else(|| json!([])),
    })
}

/// That the notification of an order has the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ListsCoupons {
    merchant: String,
    out_trade_no: String,
}

impl Record for ListsCoupons {
    const KIND: &'static str = "order that lists coupons";

    fn key(&self) -> String {
        key(&self.merchant, &self.out_trade_no)
    }
}
