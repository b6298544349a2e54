//! The end of an unpaid order: closed by its merchant (关单), or expired.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::combined::CombinedOrder;
use super::deposit::check_closing;
use super::order::{Combination, Order, OrderState, TradeType, key};
use super::query::check_parties;
use super::refusals;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Due, Record, StoreError, Transaction, joined};

pub(super) fn close_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_trade_no");
    let merchant = &context.caller.mchid;
    let Some(order) = Order::find_by_number(tx, merchant, number)? else {
        check_not_combined(tx, merchant, number)?;
        // Observed: 204, and no order can be made with this number any more.
        BurntNumber::burn(tx, merchant, number)?;
        return Ok(Value::Null);
    };
    if order.combined.is_some() {
        return Err(refusals::part_of_combined().into());
    }
    let is_partner = context.request.body.contains_key("sp_mchid");
    check_parties(&order, context, is_partner, context.request.text("sub_mchid"))?;
    close_and_save(tx, order, context.now)?;
    Ok(Value::Null)
}

/// The rule: what has the number of a combined order (合单) is no order of its own. UNCONFIRMED(combined-number): to close it
/// alone would succeed as for any unknown number, while a person can still pay the combined order.
pub(super) fn check_not_combined(
    tx: &Transaction<'_>,
    merchant: &str,
    number: &str,
) -> Result<(), HandlerError> {
    if is_combined(tx, merchant, number)? { Err(refusals::number_of_combined().into()) } else { Ok(()) }
}

/// The rule: a new order needs a number that was not closed before it (observed), and that is not the number of a combined order.
/// UNCONFIRMED(combined-number): with both, one would be meant where the other is, and a person could pay twice.
pub(crate) fn check_is_free(tx: &Transaction<'_>, merchant: &str, number: &str) -> Result<(), HandlerError> {
    if BurntNumber::is_burnt(tx, merchant, number)? {
        return Err(refusals::burnt_number().into());
    }
    match is_combined(tx, merchant, number)? {
        true => Err(refusals::number_is_taken(
            "a combined order (合单) of this merchant has this number as its combine_out_trade_no",
        )
        .into()),
        false => Ok(()),
    }
}

/// Whether a merchant has made a combined order with this number.
pub(super) fn is_combined(tx: &Transaction<'_>, merchant: &str, number: &str) -> Result<bool, StoreError> {
    let whole = Combination { merchant: merchant.to_owned(), out_trade_no: number.to_owned() };
    Ok(CombinedOrder::find(tx, &whole)?.is_some())
}

/// Closes an unpaid order, and takes its expiry away.
pub(crate) fn close_and_save(tx: &Transaction<'_>, order: Order, now: i64) -> Result<(), HandlerError> {
    let due = expiry_of(&order);
    if let Some(closed) = close(order, now)? {
        tx.save(&closed)?;
        tx.unschedule(&due)?;
    }
    Ok(())
}

/// The rule of closing; `None` when it was closed before.
pub(crate) fn close(order: Order, now: i64) -> Result<Option<Order>, Refusal> {
    check_closing(&order)?;
    if order.trade_type == TradeType::Micropay {
        return Err(refusals::only_reversed());
    }
    match order.state {
        OrderState::Success | OrderState::Refund => Err(refusals::paid()),
        OrderState::Closed | OrderState::Revoked => Ok(None),
        OrderState::Accept => Err(refusals::under_deduction()),
        OrderState::NotPay | OrderState::UserPaying | OrderState::PayError | OrderState::PayFail => {
            let ended = now.min(order.expires);
            Ok(Some(Order { state: OrderState::Closed, ended: Some(ended), ..order }))
        }
    }
}

/// Scheduled work: the time of an order is over.
pub(super) const EXPIRY: &str = "order expires";

/// When an order expires.
pub(crate) fn expiry_of(order: &Order) -> Due {
    Due { kind: EXPIRY.to_owned(), key: order.key(), at: order.expires }
}

/// No notification is sent when an order expires.
pub(super) fn expire(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    match tx.get::<Order>(key)? {
        Some(order) if order.state == OrderState::NotPay && order.expires <= at => {
            tx.save(&order.seen_at(at)).map_err(HandlerError::from)
        }
        _ => Ok(()),
    }
}

/// A number that was closed before any order was made with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BurntNumber {
    merchant: String,
    out_trade_no: String,
}

impl Record for BurntNumber {
    const KIND: &'static str = "burnt order number";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_trade_no)
    }
}

impl BurntNumber {
    pub(crate) fn is_burnt(
        tx: &Transaction<'_>,
        merchant: &str,
        out_trade_no: &str,
    ) -> Result<bool, StoreError> {
        Ok(tx.get::<Self>(&key(merchant, out_trade_no))?.is_some())
    }

    pub(crate) fn burn(tx: &Transaction<'_>, merchant: &str, out_trade_no: &str) -> Result<(), StoreError> {
        if Self::is_burnt(tx, merchant, out_trade_no)? {
            return Ok(());
        }
        tx.save(&Self { merchant: merchant.to_owned(), out_trade_no: out_trade_no.to_owned() })
    }
}
