//! refund (申请退款), refundquery, and the notification of a refund.
//!
//! refundv2 and refundqueryv2 (支持单品) are the same refunds, which name the goods (单品) that go back, and tell of the
//! coupons of the order in a list (`promotion_detail`). UNCONFIRMED(v2-refund-goods): the list has each coupon of the order,
//! with what of it went back by the refunds of the response, and the goods that these name. An order without coupons has no list.

use serde_json::{Map, Value, json};

use super::codes::{MORE_THAN_ORDER, REFUND, REFUND_QUERY};
use super::order::{fen, find};
use super::paid::{coupon_type, tells_types};
use super::{Order, parties, refused};
use crate::clock::spaced;
use crate::ledger::AccountKind;
use crate::notifications::event_name::v2_event;
use crate::products::payments::order::Dialect;
use crate::products::payments::refund::record::{Refund, RefundState, is_money, worth};
use crate::products::payments::refund::{RefundRequest, Source, refund};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// `event_type` of the notification.
pub(in crate::products::payments) const PROCESSED: &str = v2_event!("refund-processed");

pub(super) fn create_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(show(&accept(tx, context, |_| {})?))
}

/// Accepts a refund, or gives the one that has its number. `add` says of it what other operations do not have.
pub(super) fn accept(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    add: impl FnOnce(&mut RefundRequest),
) -> Result<Refund, HandlerError> {
    let asked = read(context).map(|mut request| {
        add(&mut request);
        request
    });
    let created = asked.map_err(HandlerError::from).and_then(|request| {
        let names_transaction = request.transaction_id.is_some();
        refund(tx, &context.caller.mchid, &request, context.now).map_err(|error| match error {
            HandlerError::Refused(refusal) if refusal.code == "RESOURCE_NOT_EXISTS" && names_transaction => {
                Refusal { code: "INVALID_TRANSACTIONID", ..refusal }.into()
            }
            error => error,
        })
    });
    created.map_err(|error| REFUND.translate(error))
}

fn read(context: &Context<'_>) -> Result<RefundRequest, Refusal> {
    let request = context.request;
    let text = |name: &str| request.text(name).map(str::to_owned);
    // As a public report has it, of 2025.
    if request.text("transaction_id").is_some_and(|id| id.bytes().any(|byte| !byte.is_ascii_digit())) {
        let reason = "transaction_id is a number of the platform, of digits only: one of your own belongs in out_trade_no";
        return Err(Refusal::new(200, "PARAM_ERROR", "微信订单号非法", reason));
    }
    let (refund, total) = (fen(&request.body, "refund_fee")?, fen(&request.body, "total_fee")?);
    if refund > total {
        let reason = "refund_fee is more than total_fee, the amount of the order";
        return Err(Refusal::new(200, MORE_THAN_ORDER, "invalid refund_fee", reason));
    }
    Ok(RefundRequest {
        dialect: Dialect::V2,
        sub_mchid: text("sub_mch_id"),
        transaction_id: text("transaction_id"),
        out_trade_no: text("out_trade_no"),
        out_refund_no: request.required("out_refund_no").to_owned(),
        reason: text("refund_desc"),
        notify_url: text("notify_url"),
        source: match request.text("refund_account") {
            Some("REFUND_SOURCE_RECHARGE_FUNDS") => Some(Source::Available),
            Some("REFUND_SOURCE_UNSETTLED_FUNDS") => Some(Source::Unsettled),
            None => None,
            // UNCONFIRMED(unlisted-value)
            Some(_) => {
                let reason =
                    "refund_account must be REFUND_SOURCE_UNSETTLED_FUNDS or REFUND_SOURCE_RECHARGE_FUNDS";
                return Err(Refusal::new(200, "PARAM_ERROR", "refund_account参数格式错误", reason));
            }
        },
        refund_account: None,
        refund,
        total,
        currency: request.text("refund_fee_type").unwrap_or("CNY").to_owned(),
        from: None,
        goods_detail: None,
        platform_serial: context.platform_serial.to_owned(),
        is_of_deposit: false,
    })
}

/// The response to the request that made it. As recorded, it has an empty channel, and no currencies.
pub(in crate::products::payments) fn show(refund: &Refund) -> Value {
    let mut shown = of_order(refund);
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("out_refund_no", json!(refund.out_refund_no));
    set("refund_id", json!(refund.refund_id));
    set("refund_channel", json!(""));
    set("refund_fee", json!(refund.amounts.refund));
    set("cash_refund_fee", json!(refund.amounts.payer));
    set("coupon_refund_fee", json!(refund.amounts.coupons.iter().sum::<i64>()));
    set("coupon_refund_count", json!(refund.amounts.coupons.len()));
    let tells_types = tells_types(&refund.order.promotion_detail);
    if tells_types {
        set("settlement_refund_fee", json!(refund.amounts.settlement));
    }
    for (place, (coupon, fen)) in coupons(refund).enumerate() {
        if tells_types {
            set(&format!("coupon_type_{place}"), json!(coupon_type(coupon)));
        }
        set(&format!("coupon_refund_id_{place}"), coupon["coupon_id"].clone());
        set(&format!("coupon_refund_fee_{place}"), json!(fen));
    }
    Value::Object(shown)
}

fn of_order(refund: &Refund) -> Map<String, Value> {
    let order = &refund.order;
    let shown = json!({
        "transaction_id": order.transaction_id,
        "out_trade_no": order.out_trade_no,
        "total_fee": order.total,
        "cash_fee": order.payer_total,
    });
    let mut shown = shown.as_object().cloned().unwrap_or_default();
    if tells_types(&order.promotion_detail) {
        shown.insert("settlement_total_fee".to_owned(), json!(order.settlement_total));
    }
    shown
}

fn coupons(refund: &Refund) -> impl Iterator<Item = (&Value, i64)> {
    refund.order.promotion_detail.iter().zip(refund.amounts.coupons.iter().copied())
}

/// `refund_status`.
const fn status(refund: &Refund) -> &'static str {
    match refund.state {
        RefundState::Processing => "PROCESSING",
        RefundState::Success => "SUCCESS",
        RefundState::Abnormal => "CHANGE",
        RefundState::Closed => "REFUNDCLOSE",
    }
}

/// `refund_account`: where the money came from.
fn account(refund: &Refund) -> &'static str {
    match refund.drawn.as_slice() {
        [(AccountKind::Available, _)] => "REFUND_SOURCE_RECHARGE_FUNDS",
        _ => "REFUND_SOURCE_UNSETTLED_FUNDS",
    }
}

/// The most refunds in one response of refundquery.
const PAGE: usize = 10;

pub(super) fn query_refunds(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(show_page(&query(tx, context)?))
}

/// The refunds that refundquery finds.
pub(super) struct Found {
    /// How many there are in all.
    total: usize,
    /// INFERRED(v2-refund-page): the oldest refund comes first, and on every page the numbers after the names begin with 0.
    pub(super) page: Vec<Refund>,
    /// Their order.
    first: Refund,
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Found, HandlerError> {
    find_page(tx, context).map_err(|error| REFUND_QUERY.translate(error))
}

fn find_page(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Found, HandlerError> {
    let unknown = || {
        refused(
            "REFUNDNOTEXIST",
            "not exist",
            "these merchants have made no refund with this number, or of this order",
        )
    };
    let request = context.request;
    let found = match (request.text("refund_id"), request.text("out_refund_no")) {
        (Some(id), _) => Refund::find_by_id(tx, id)?.into_iter().collect(),
        (None, Some(number)) => {
            Refund::find_by_number(tx, &context.caller.mchid, number)?.into_iter().collect()
        }
        (None, None) => match find(tx, context)?.as_ref().and_then(Order::transaction_id) {
            Some(id) => Refund::find_by_order(tx, id)?,
            None => Vec::new(),
        },
    };
    let is_own = |refund: &Refund| {
        refund.merchant == context.caller.mchid && refund.sub_mchid.as_deref() == request.text("sub_mch_id")
    };
    let refunds: Vec<Refund> = found.into_iter().rev().filter(is_own).collect();
    let first = refunds.first().cloned().ok_or_else(unknown)?;
    let offset = request.body.get("offset").and_then(Value::as_u64).unwrap_or_default();
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let total = refunds.len();
    Ok(Found { total, page: refunds.into_iter().skip(offset).take(PAGE).collect(), first })
}

pub(super) fn show_page(found: &Found) -> Value {
    let mut shown = of_order(&found.first);
    shown.insert("total_refund_count".to_owned(), json!(found.total));
    shown.insert("refund_count".to_owned(), json!(found.page.len()));
    for (place, refund) in found.page.iter().enumerate() {
        show_numbered(&mut shown, place, refund);
    }
    Value::Object(shown)
}

fn show_numbered(shown: &mut Map<String, Value>, place: usize, refund: &Refund) {
    let mut set = |name: &str, value: Value| drop(shown.insert(format!("{name}_{place}"), value));
    set("out_refund_no", json!(refund.out_refund_no));
    set("refund_id", json!(refund.refund_id));
    set("refund_channel", json!(refund.channel.word()));
    set("refund_fee", json!(refund.amounts.refund));
    let tells_types = tells_types(&refund.order.promotion_detail);
    if tells_types {
        set("settlement_refund_fee", json!(refund.amounts.settlement));
    }
    set("refund_status", json!(status(refund)));
    set("refund_account", json!(account(refund)));
    // Ten public captures (2016 to 2021) have a sentence of APIv2 for the wallet.
    let account = match &*refund.received_account {
        "支付用户零钱" => "支付用户的零钱",
        card => card,
    };
    // As the platform spells it.
    set("refund_recv_accout", json!(account));
    if let Some(time) = refund.succeeded {
        set("refund_success_time", json!(spaced(time)));
    }
    if refund.amounts.coupons.is_empty() {
        return;
    }
    set("coupon_refund_fee", json!(refund.amounts.coupons.iter().sum::<i64>()));
    set("coupon_refund_count", json!(refund.amounts.coupons.len()));
    for (coupon_place, (coupon, fen)) in coupons(refund).enumerate() {
        let mut set = |name: &str, value: Value| {
            drop(shown.insert(format!("{name}_{place}_{coupon_place}"), value));
        };
        if tells_types {
            set("coupon_type", json!(coupon_type(coupon)));
        }
        set("coupon_refund_id", coupon["coupon_id"].clone());
        set("coupon_refund_fee", json!(fen));
    }
}

/// The notification; everything but the merchants is encrypted.
pub(in crate::products::payments) fn notified(refund: &Refund, order: &Order) -> Value {
    let mut resource = json!({
        "out_refund_no": refund.out_refund_no,
        "out_trade_no": refund.order.out_trade_no,
        "refund_account": account(refund),
        "refund_fee": refund.amounts.refund,
        "refund_id": refund.refund_id,
        "refund_recv_accout": refund.received_account,
        "refund_request_source": "API",
        "refund_status": status(refund),
        "settlement_refund_fee": refund.amounts.settlement,
        "settlement_total_fee": refund.order.settlement_total,
        "total_fee": refund.order.total,
        "transaction_id": refund.order.transaction_id,
        "cash_refund_fee": refund.amounts.payer,
    });
    for (name, value) in parties(order) {
        if let Some(value) = value {
            resource[name] = json!(value);
        }
    }
    if let Some(time) = refund.succeeded {
        resource["success_time"] = json!(spaced(time));
    }
    resource
}

/// The names of the members of goods, here and in APIv3.
const NAMES: [(&str, &str); 6] = [
    ("goods_id", "merchant_goods_id"),
    ("wxpay_goods_id", "wechatpay_goods_id"),
    ("goods_name", "goods_name"),
    ("price", "unit_price"),
    ("refund_amount", "refund_amount"),
    ("refund_quantity", "refund_quantity"),
];

pub(super) fn create_refund_with_goods(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let refund = accept(tx, context, |request| request.goods_detail = goods_in(context))?;
    let mut shown = show(&refund);
    add_list(&mut shown, &[refund]);
    Ok(shown)
}

pub(super) fn query_refunds_with_goods(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = query(tx, context)?;
    let mut shown = show_page(&found);
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
