//! What APIv2 tells of the coupons of a payment: numbered elements (`coupon_id_0`), or, to who says `version`
//! 1.0 (单品优惠), a list in `promotion_detail`. The list takes the place of the elements, and of
//! `settlement_total_fee`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Order;
use crate::contract::ValidRequest;
use crate::products::payments::order::{Payment, key};
use crate::products::payments::refund::record::{is_money, settlement_total, worth};
use crate::store::{Record, StoreError, Transaction};

/// How coupons are told.
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
