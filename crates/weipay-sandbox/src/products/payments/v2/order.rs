//! unifiedorder (统一下单), orderquery and closeorder.

use serde_json::{Map, Value, json};

use super::codes::{CLOSE_ORDER, Codes, ORDER_QUERY, UNIFIED_ORDER};
use super::paid::Coupons;
use super::{Order, paid, refused};
use crate::clock::parse_compact;
use crate::contract::ValidRequest;
use crate::products::payments::closing::{BurntNumber, check_not_combined, close_and_save};
use crate::products::payments::creation::{
    check_currency, check_total, code_url, expires, h5_url, make, new_prepay_id,
};
use crate::products::payments::deposit::check_closing;
use crate::products::payments::order::{Deposit, Dialect, LimitPay, OrderState, Payer, Prepay, TradeType};
use crate::products::payments::parties::{check_payer, check_sells_itself, check_sub_merchant};
use crate::products::payments::query::check_parties;
use crate::products::payments::refusals;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Fingerprint, StoreError, Transaction};

pub(crate) fn unified_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    unified_order_as(tx, context, trade_type_of, |new| new)
}

/// The order is what `made` makes of the one that the request asks for.
pub(super) fn unified_order_as(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    trade_type: impl FnOnce(&ValidRequest) -> Result<TradeType, Refusal>,
    made: impl FnOnce(Order) -> Order,
) -> Result<Value, HandlerError> {
    let trade_type = trade_type(context.request).map_err(HandlerError::from);
    trade_type
        .and_then(|trade_type| create(tx, context, trade_type, made))
        .map_err(|error| UNIFIED_ORDER.translate(error))
}

fn create(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    trade_type: TradeType,
    made: impl FnOnce(Order) -> Order,
) -> Result<Value, HandlerError> {
    let order = make(tx, made(read(tx, context, trade_type)?), context)?;
    Coupons::asked_for(context.request).keep(tx, &order)?;
    Ok(offered(trade_type, order.prepays.last(), context))
}

pub(super) fn trade_type_of(request: &ValidRequest) -> Result<TradeType, Refusal> {
    match request.required("trade_type") {
        "JSAPI" => Ok(TradeType::Jsapi),
        "NATIVE" => Ok(TradeType::Native),
        "APP" => Ok(TradeType::App),
        "MWEB" => Ok(TradeType::Mweb),
        _ => {
            let reason = "trade_type must be JSAPI, NATIVE, APP or MWEB";
            Err(refused("INVALID_REQUEST", "trade_type参数格式错误", reason))
        }
    }
}

/// The parameters with which the front end pays.
pub(super) fn offered(trade_type: TradeType, prepay: Option<&Prepay>, context: &Context<'_>) -> Value {
    let id = prepay.map_or("", |prepay| &prepay.id);
    match trade_type {
        // Nobody opens a payment with the prepay_id of a QR code, but each response has one.
        TradeType::Native => json!({
            "trade_type": trade_type.word(),
            "prepay_id": new_prepay_id(context.now, context.entropy),
            "code_url": code_url(id),
        }),
        TradeType::Mweb => json!({
            "trade_type": trade_type.word(), "prepay_id": id, "mweb_url": h5_url(id),
        }),
        _ => json!({ "trade_type": trade_type.word(), "prepay_id": id }),
    }
}

/// The order that a request would make, if its number is free.
pub(crate) fn read(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    trade_type: TradeType,
) -> Result<Order, HandlerError> {
    let (request, now) = (context.request, context.now);
    let text = |name: &str| request.text(name).map(str::to_owned);
    let (sub_mchid, sub_appid) = (text("sub_mch_id"), text("sub_appid"));
    match &sub_mchid {
        Some(sub_mchid) => {
            check_sub_merchant(context.merchants, context.caller, sub_mchid, sub_appid.as_deref())?;
        }
        None => check_sells_itself(context.caller)?,
    }
    let appid = request.required("appid").to_owned();
    // micropay has no element that says who pays, and nobody is notified of it.
    let is_by_code = trade_type == TradeType::Micropay;
    let is_deposit = is_by_code && request.text("deposit") == Some("Y");
    let payer = match is_by_code {
        true => Payer::default(),
        false => {
            Payer { openid: text("openid"), sub_openid: text("sub_openid").filter(|_| sub_mchid.is_some()) }
        }
    };
    if trade_type == TradeType::Jsapi && payer == Payer::default() {
        return Err(refusals::no_openid().into());
    }
    check_payer(tx, &payer, &appid, sub_appid.as_deref())?;
    let total = fen(&request.body, "total_fee")?;
    check_total(total)?;
    Ok(Order {
        merchant: context.caller.mchid.clone(),
        sub_appid: sub_appid.filter(|_| sub_mchid.is_some()),
        sub_mchid,
        appid,
        out_trade_no: request.required("out_trade_no").to_owned(),
        trade_type,
        dialect: dialect(request.text("sign_type")),
        state: OrderState::NotPay,
        total,
        currency: check_currency(text("fee_type"))?,
        description: request.required("body").to_owned(),
        attach: text("attach"),
        notify_url: text("notify_url").filter(|_| !is_by_code),
        goods_tag: text("goods_tag"),
        detail: request.text("detail").and_then(|text| serde_json::from_str(text).ok()),
        scene_info: Some(scene(request.text("spbill_create_ip"), request.text("device_info"))),
        // UNCONFIRMED(deposit-sharing): nothing of a deposit is shared.
        profit_sharing: request.text("profit_sharing") == Some("Y") && !is_deposit,
        subsidy: 0,
        deposit: is_deposit.then(Deposit::default),
        limit_pay: LimitPay::from_word(request.text("limit_pay")),
        payer,
        created: now,
        expires: expiry(request.text("time_expire"), trade_type, now)?,
        ended: None,
        combined: None,
        fingerprint: fingerprint(&request.body),
        platform_serial: context.platform_serial.to_owned(),
        prepays: Vec::new(),
        payment: None,
    })
}

/// Notifications are signed as the order was.
pub(crate) fn dialect(sign_type: Option<&str>) -> Dialect {
    if sign_type == Some("HMAC-SHA256") { Dialect::V2Hmac } else { Dialect::V2 }
}

/// An amount, at least 1 fen. The sentence was seen for `refund_fee`.
pub(super) fn fen(members: &Map<String, Value>, name: &'static str) -> Result<i64, Refusal> {
    let fen = members.get(name).and_then(Value::as_i64).unwrap_or_default();
    if fen >= 1 {
        return Ok(fen);
    }
    Err(Refusal::new(200, "PARAM_ERROR", format!("invalid {name}"), format!("{name} must be at least 1 fen")))
}

/// The same members as an order of APIv3 has them.
fn scene(ip: Option<&str>, device: Option<&str>) -> Value {
    let named = [("payer_client_ip", ip), ("device_id", device)];
    let known = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Value::Object(known.collect())
}

fn expiry(time_expire: Option<&str>, trade_type: TradeType, now: i64) -> Result<i64, Refusal> {
    let Some(text) = time_expire else { return Ok(expires(None, trade_type, now)) };
    let time = parse_compact(text).ok_or_else(bad_expiry)?;
    Ok(expires(Some(time), trade_type, now))
}

pub(super) fn bad_expiry() -> Refusal {
    let reason = "time_expire is written as yyyyMMddHHmmss, in Beijing time";
    refused("INVALID_REQUEST", "time_expire参数格式错误", reason)
}

/// INFERRED(v2-repeated-order): a request is the same when all elements are but those of the signature, and of when it was made.
pub(crate) fn fingerprint(body: &Map<String, Value>) -> Fingerprint {
    let mut body = body.clone();
    for name in ["nonce_str", "sign", "sign_type", "time_start"] {
        body.remove(name);
    }
    Fingerprint::new(&body)
}

/// The order of a request by one of the two numbers; `transaction_id` leads.
pub(super) fn find(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Option<Order>, StoreError> {
    match context.request.text("transaction_id") {
        Some(id) => Order::find_by_transaction(tx, id),
        None => {
            let number = context.request.required("out_trade_no");
            Order::find_by_number(tx, &context.caller.mchid, number)
        }
    }
}

/// Refuses the order of somebody else.
pub(super) fn check_owner(order: &Order, context: &Context<'_>) -> Result<(), Refusal> {
    let sub_mchid = context.request.text("sub_mch_id");
    check_parties(order, context, sub_mchid.is_some(), sub_mchid)
}

pub(super) fn query_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    query_order_if(tx, context, &ORDER_QUERY, |_| Ok(()))
}

/// The same for orders that an operation has more to say about.
pub(crate) fn query_order_if(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    codes: &Codes,
    check: impl FnOnce(&Order) -> Result<(), Refusal>,
) -> Result<Value, HandlerError> {
    query(tx, context, check).map_err(|error| codes.translate(error))
}

fn query(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    check: impl FnOnce(&Order) -> Result<(), Refusal>,
) -> Result<Value, HandlerError> {
    let unknown = || {
        no_such_order(
            "no order was made with this number by these merchants; an unpaid order has no transaction_id yet",
        )
    };
    let order = find(tx, context)?.ok_or_else(unknown)?;
    if order.merchant == context.caller.mchid && order.combined.is_some() {
        let part = "this number is a part of a combined order: ask by pay/querycombinedorder, with the combine_out_trade_no";
        return Err(no_such_order(part).into());
    }
    check_owner(&order, context).map_err(|_| unknown())?;
    check(&order)?;
    Ok(show(&order.seen_at(context.now), Coupons::asked_for(context.request)))
}

pub(super) fn no_such_order(reason: &'static str) -> Refusal {
    refused("ORDERNOTEXIST", "此交易订单号不存在", reason)
}

/// Empty elements are there, as recorded. Neither a closed order has an amount, nor one by a payment code that was not paid; one with
/// NOTPAY does (public captures of 2019 to 2023). INFERRED(v2-unpaid-order): the other states, and the other kinds of orders.
fn show(order: &Order, coupons: Coupons) -> Value {
    let mut shown = match &order.payment {
        Some(payment) => paid::elements(order, payment, coupons),
        None => Map::from_iter([("out_trade_no".to_owned(), json!(order.out_trade_no))]),
    };
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    let is_by_code = order.trade_type == TradeType::Micropay;
    if order.payment.is_some() || is_by_code || order.state == OrderState::Closed {
        set("attach", json!(order.attach.as_deref().unwrap_or_default()));
    } else {
        set("device_info", json!(paid::device(order).unwrap_or_default()));
        set("total_fee", json!(order.total));
    }
    set("trade_state", json!(order.state.word()));
    set("trade_state_desc", json!(order.state.description(order.trade_type)));
    Value::Object(shown)
}

pub(super) fn close_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    close(tx, context).map_err(|error| CLOSE_ORDER.translate(error))
}

/// INFERRED(v2-close): the page wants five minutes between an order and its closing, which are not waited for
/// here; a number without an order is burnt, as by APIv3.
fn close(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.required("out_trade_no");
    match Order::find_by_number(tx, &context.caller.mchid, number)? {
        None => {
            check_not_combined(tx, &context.caller.mchid, number)?;
            BurntNumber::burn(tx, &context.caller.mchid, number)?;
        }
        Some(order) if order.combined.is_some() => return Err(refusals::part_of_combined().into()),
        Some(order) => {
            check_owner(&order, context)?;
            check_closing(&order)?;
            let order = order.seen_at(context.now);
            if order.state == OrderState::Closed {
                return Err(refusals::order_closed().into());
            }
            close_and_save(tx, order, context.now)?;
        }
    }
    Ok(json!({ "result_msg": "OK" }))
}
