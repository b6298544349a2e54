//! micropay (付款码支付), facepay (刷脸支付), reverse (撤销), and whose code it is (授权码查询openid).

use serde_json::{Value, json};

use super::codes::{MICROPAY, REVERSE};
use super::order::{check_owner, find, read};
use super::paid::Coupons;
use super::{Order, paid, refused};
use crate::products::payments::codepay::{REVERSE_WITHIN, Scanned, charge, owner_of_code, reverse};
use crate::products::payments::creation::check_expiry;
use crate::products::payments::deposit::check_reversal;
use crate::products::payments::order::{OrderState, Payer, TradeType};
use crate::products::payments::parties::{check_payer, check_sub_merchant};
use crate::products::payments::refusals;
use crate::products::{Context, HandlerError};
use crate::store::Transaction;

pub(super) fn pay_by_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    by_code(tx, context, |new| new)
}

/// The order is what `made` makes of the one that the request asks for.
pub(super) fn by_code(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    made: impl FnOnce(Order) -> Order,
) -> Result<Value, HandlerError> {
    let new = read(tx, context, TradeType::Micropay).map(made);
    let paid =
        new.and_then(|new| pay(tx, context, new, Scanned::Code(context.request.required("auth_code"))));
    paid.map_err(|error| MICROPAY.translate(error))
}

/// authcodetoopenid. UNCONFIRMED(v2-owner-of-code): which codes it has; they are those of micropay.
pub(super) fn show_owner_of_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    find_owner_of_code(tx, context).map_err(|error| MICROPAY.translate(error))
}

fn find_owner_of_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let sub_appid = request.text("sub_appid");
    if let Some(sub_mchid) = request.text("sub_mch_id") {
        check_sub_merchant(context.merchants, context.caller, sub_mchid, sub_appid)?;
    }
    let appids = (request.required("appid"), sub_appid);
    let code = request.required("auth_code");
    let owner = owner_of_code(tx, code, &context.caller.mchid, appids, context.now)?;
    Ok(json!({ "openid": owner.openid, "sub_openid": owner.sub_openid }))
}

/// UNCONFIRMED(v2-face-code): a face pays as a payment code does, with the same codes, limits and `trade_type`. Any
/// `face_code` is that of the person whom `openid` names, or of somebody, and pays once.
pub(super) fn pay_by_face(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    by_face(tx, context, |new| new)
}

/// As [`by_code`].
pub(super) fn by_face(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    made: impl FnOnce(Order) -> Order,
) -> Result<Value, HandlerError> {
    let new = read(tx, context, TradeType::Micropay).and_then(|new| {
        let openid = context.request.text("openid").map(str::to_owned);
        let payer = Payer { openid, sub_openid: None };
        check_payer(tx, &payer, &new.appid, None)?;
        Ok(made(Order { payer, ..new }))
    });
    let paid =
        new.and_then(|new| pay(tx, context, new, Scanned::Face(context.request.required("face_code"))));
    paid.map_err(|error| MICROPAY.translate(error))
}

/// The order is kept when the person must type the password, although the response says FAIL.
fn pay(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    new: Order,
    scanned: Scanned<'_>,
) -> Result<Value, HandlerError> {
    // What the response to the first request would have said is known by a query.
    match Order::find_by_number(tx, &new.merchant, &new.out_trade_no)? {
        Some(known) if known.state.is_paid() && known.deposit.is_some() == new.deposit.is_some() => {
            return Err(refusals::paid_before().into());
        }
        Some(_) => {}
        None => check_expiry(context)?,
    }
    let order = charge(tx, new, scanned, context.now)?;
    Ok(match (&order.payment, order.state) {
        (Some(payment), OrderState::Success) => {
            Value::Object(paid::elements(&order, payment, Coupons::asked_for(context.request)))
        }
        (_, OrderState::PayError) => failed("TRADE_ERROR", order.state.description(order.trade_type)),
        // As recorded in January 2024, in a public capture.
        (_, OrderState::NotPay) => failed("TRADE_ERROR", "用户取消支付"),
        _ => failed("USERPAYING", "需要用户输入支付密码"),
    })
}

fn failed(code: &str, message: &str) -> Value {
    json!({ "result_code": "FAIL", "err_code": code, "err_code_des": message })
}

pub(super) fn reverse_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    reverse_as(tx, context, false)
}

/// By the operation for deposits (押金), or by that for other payments.
pub(super) fn reverse_as(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    is_of_deposit: bool,
) -> Result<Value, HandlerError> {
    take_back(tx, context, is_of_deposit).map_err(|error| REVERSE.translate(error))
}

fn take_back(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    is_of_deposit: bool,
) -> Result<Value, HandlerError> {
    let order = find(tx, context)?.ok_or_else(|| match context.request.text("transaction_id") {
        Some(_) => refused(
            "INVALID_TRANSACTIONID",
            "无效的transaction_id",
            "no order that was paid has this transaction_id",
        ),
        None => refusals::no_such_order(),
    })?;
    check_owner(&order, context)?;
    check_reversal(&order, is_of_deposit)?;
    // A deposit goes back as long as it waits.
    let is_late =
        |paid_at: i64| !order.is_waiting_deposit() && context.now.saturating_sub(paid_at) > REVERSE_WITHIN;
    let is_paid = order.trade_type == TradeType::Micropay && order.state == OrderState::Success;
    if is_paid && order.payment.as_ref().is_some_and(|payment| is_late(payment.paid_at)) {
        let refusal =
            refused("REVERSE_EXPIRE", "订单无法撤销", "an order is reversed within 7 days: refund it");
        return Err(refusal.into());
    }
    reverse(tx, order, context.now)?;
    Ok(json!({ "recall": "N" }))
}
