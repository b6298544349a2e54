//! refundv2 and refundqueryv2 (支持单品): the refunds of refund and refundquery, which name the goods (单品) that go back, and tell of
//! the coupons of the order in a list (`promotion_detail`).
//!
//! UNCONFIRMED(v2-refund-goods): the list has each coupon of the order, with what of it went back by the
//! refunds of the response, and the goods that these name. An order without coupons has no list.

use serde_json::{Map, Value, json};

use super::refund;
use crate::products::payments::refund::record::{Refund, RefundState, is_money, worth};
use crate::products::{Context, HandlerError};
use crate::store::Transaction;

/// What goods are called here, and by APIv3.
const NAMES: [(&str, &str); 6] = [
    ("goods_id", "merchant_goods_id"),
    ("wxpay_goods_id", "wechatpay_goods_id"),
    ("goods_name", "goods_name"),
    ("price", "unit_price"),
    ("refund_amount", "refund_amount"),
    ("refund_quantity", "refund_quantity"),
];

pub(super) fn create_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let refund = refund::accept(tx, context, |request| request.goods_detail = goods_in(context))?;
    let mut shown = refund::show(&refund);
    add_list(&mut shown, &[refund]);
    Ok(shown)
}

pub(super) fn query_refunds(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = refund::query(tx, context)?;
    let mut shown = refund::show_page(&found);
    add_list(&mut shown, &found.page);
    Ok(shown)
}

/// The goods of a request, as APIv3 names them. What is not a list of goods is passed over, as it is by unifiedorder.
fn goods_in(context: &Context<'_>) -> Option<Value> {
    let detail: Value = serde_json::from_str(context.request.text("detail")?).ok()?;
    let goods = detail.get("goods_detail")?.as_array()?.iter().filter_map(Value::as_object);
    let goods: Vec<Value> = goods.map(|goods| renamed(goods, |(old, new)| (old, new))).collect();
    (!goods.is_empty()).then(|| goods.into())
}

/// The same goods with the names of the other version.
fn renamed(
    goods: &Map<String, Value>,
    order: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Value {
    let named = NAMES.into_iter().map(order);
    let members = named.filter_map(|(from, to)| Some((to.to_owned(), goods.get(from)?.clone())));
    Value::Object(members.collect())
}

fn add_list(shown: &mut Value, refunds: &[Refund]) {
    let coupons = refunds.first().map(|refund| refund.order.promotion_detail.as_slice()).unwrap_or_default();
    if coupons.is_empty() {
        return;
    }
    // A closed refund gave nothing back, and its share is in a later one.
    let given = || refunds.iter().filter(|refund| refund.state != RefundState::Closed);
    let goods = given().filter_map(|refund| refund.goods_detail.as_ref()?.as_array()).flatten();
    let goods: Vec<Value> = goods
        .filter_map(Value::as_object)
        .map(|goods| renamed(goods, |(here, there)| (there, here)))
        .collect();
    let list = coupons.iter().enumerate().map(|(place, coupon)| {
        let refunded: i64 = given().filter_map(|refund| refund.amounts.coupons.get(place)).sum();
        json!({
            "promotion_id": coupon["coupon_id"],
            "scope": coupon.get("scope").cloned().unwrap_or_else(|| json!("GLOBAL")),
            "type": if is_money(coupon) { "COUPON" } else { "DISCOUNT" },
            "amount": worth(coupon),
            "activity_id": coupon["stock_id"],
            "refund_amount": refunded,
            "goods_detail": goods,
        })
    });
    let list: Vec<Value> = list.collect();
    shown["promotion_detail"] = json!({ "promotion_detail": list }).to_string().into();
}
