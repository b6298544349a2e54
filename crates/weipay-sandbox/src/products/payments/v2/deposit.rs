//! Deposits (酒店押金): paid by a payment code, a face, or a prepay_id (JSAPI and APP), then consumed, reversed or refunded.
//!
//! UNCONFIRMED(deposit-codes): no page of these operations lists a code; they have those of micropay, unifiedorder, orderquery,
//! reverse, refund and refundquery. To reverse what was consumed is ORDERNOTEXIST, as a public report has it.

use serde_json::{Value, json};

use super::codes::{CONSUME, ORDER_QUERY};
use super::order::{
    check_owner, fen, find, fingerprint, no_such_order, query_order_if, trade_type_of, unified_order_as,
};
use super::{codepay, refund, refused};
use crate::contract::ValidRequest;
use crate::products::payments::deposit::consume;
use crate::products::payments::order::{Deposit, Order, TradeType};
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn pay_by_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    codepay::by_code(tx, context, |new| unless_sold(new, context))
}

pub(super) fn pay_by_face(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    codepay::by_face(tx, context, |new| unless_sold(new, context))
}

/// UNCONFIRMED(deposit-offered): a deposit by JSAPI or APP is paid, notified and expires as an order of unifiedorder
/// does, and goes back by deposit/reverse as one of a payment code does, also while it is unpaid. The operation has
/// no element `deposit`: whatever is sent as one, it is a deposit.
pub(super) fn unified_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    unified_order_as(tx, context, jsapi_or_app, |new| as_deposit(new, context))
}

fn jsapi_or_app(request: &ValidRequest) -> Result<TradeType, Refusal> {
    match trade_type_of(request) {
        Ok(trade_type @ (TradeType::Jsapi | TradeType::App)) => Ok(trade_type),
        _ => {
            let reason = "trade_type of a deposit must be JSAPI or APP";
            Err(refused("INVALID_REQUEST", "trade_type参数格式错误", reason))
        }
    }
}

/// UNCONFIRMED(deposit-left-out): `deposit` may be left out at `v2/deposit/facepay`, and says Y then.
fn unless_sold(new: Order, context: &Context<'_>) -> Order {
    if context.request.text("deposit") == Some("N") { new } else { as_deposit(new, context) }
}

fn as_deposit(new: Order, context: &Context<'_>) -> Order {
    // The same request to the operation of ordinary payments asks for something else.
    let mut body = context.request.body.clone();
    body.insert("deposit".to_owned(), json!("Y"));
    Order { deposit: Some(Deposit::default()), profit_sharing: false, fingerprint: fingerprint(&body), ..new }
}

/// As orderquery, with what was consumed.
pub(super) fn query_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut consumed = None;
    let mut shown = query_order_if(tx, context, &ORDER_QUERY, |order| {
        consumed = order.deposit.and_then(|deposit| deposit.consumed);
        Ok(())
    })?;
    if let Some(fen) = consumed {
        shown["consume_fee"] = json!(fen);
    }
    Ok(shown)
}

pub(super) fn consume_deposit(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    take(tx, context).map_err(|error| CONSUME.translate(error))
}

fn take(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = find(tx, context)?.ok_or_else(|| no_such_order("no order has this number"))?;
    check_owner(&order, context)?;
    let order = order.seen_at(context.now);
    let request = context.request;
    if request.text("out_trade_no").is_some_and(|number| number != order.out_trade_no) {
        return Err(Refusal::param_error("out_trade_no参数格式错误", reasons::NUMBERS_OF_TWO_ORDERS).into());
    }
    if fen(&request.body, "total_fee")? != order.total {
        let reason =
            "total_fee must be the deposit that was paid; consume_fee is the part of it that is charged";
        return Err(Refusal::param_error("total_fee参数格式错误", reason).into());
    }
    let order = consume(tx, order, fen(&request.body, "consume_fee")?, context.now)?;
    Ok(json!({
        "transaction_id": order.transaction_id(), "out_trade_no": order.out_trade_no, "total_fee": order.total,
        "consume_fee": order.deposit.and_then(|deposit| deposit.consumed), "fee_type": order.currency,
    }))
}

pub(super) fn reverse(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = find(tx, context)?.filter(|order| check_owner(order, context).is_ok());
    if order.is_some_and(|order| order.deposit.is_some() && !order.is_waiting_deposit()) {
        let refusal = no_such_order("the deposit was consumed: give money back by deposit/refund");
        return Err(Refusal { message: "订单不存在".into(), ..refusal }.into());
    }
    codepay::reverse_as(tx, context, true)
}

pub(super) fn create_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(refund::show(&refund::accept(tx, context, |request| request.is_of_deposit = true)?))
}
