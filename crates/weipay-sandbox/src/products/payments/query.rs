//! Asking for an order (查询订单) by the merchant's number or by the platform's.

use serde_json::Value;

use super::closing::check_not_combined;
use super::order::Order;
use super::refusals;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn query_by_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    check_caller(context)?;
    let number = context.request.path("out_trade_no");
    let order = Order::find_by_number(tx, &context.caller.mchid, number)?;
    if order.is_none() {
        check_not_combined(tx, &context.caller.mchid, number)?;
    }
    Ok(show(order, context)?)
}

pub(super) fn query_by_transaction(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    check_caller(context)?;
    let order = Order::find_by_transaction(tx, context.request.path("transaction_id"))?;
    Ok(show(order, context)?)
}

/// The query names the merchant that signs.
fn check_caller(context: &Context<'_>) -> Result<(), Refusal> {
    let named = context.request.query("mchid").or_else(|| context.request.query("sp_mchid"));
    if named.is_some_and(|named| named != context.caller.mchid) {
        return Err(refusals::other_merchant());
    }
    Ok(())
}

fn show(order: Option<Order>, context: &Context<'_>) -> Result<Value, Refusal> {
    let order = order.ok_or_else(refusals::no_such_order)?;
    if order.combined.is_some() {
        return Err(refusals::part_of_combined());
    }
    let is_partner = context.request.query("sp_mchid").is_some();
    check_parties(&order, context, is_partner, context.request.query("sub_mchid"))?;
    Ok(order.seen_at(context.now).show())
}

/// Refuses the order of another merchant.
pub(super) fn check_parties(
    order: &Order,
    context: &Context<'_>,
    is_partner: bool,
    sub_mchid: Option<&str>,
) -> Result<(), Refusal> {
    if order.merchant != context.caller.mchid || order.sub_mchid.is_some() != is_partner {
        return Err(refusals::other_merchant());
    }
    if is_partner && order.sub_mchid.as_deref() != sub_mchid {
        return Err(refusals::other_sub_merchant());
    }
    Ok(())
}
