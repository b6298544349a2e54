//! The course of a stock: activation (激活), pause, restart, stop, and the end of its period; and its budget,
//! which is locked meanwhile.

use serde_json::{Value, json};

use super::refusals;
use super::stock::{Stock, StockState, find, scan_created};
use crate::clock;
use crate::ledger::{AccountKind, Business, Owner, Posting, Purse, post};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

/// The end of the period of a stock.
pub(super) const END: &str = "cash coupon stock ends";

/// Activation. A funded stock locks its whole budget; INFERRED(cash-account): it is taken from what the
/// marketing account has beside the budgets of other stocks, else from the available balance, and from the
/// operation account when that has too little. UNCONFIRMED(cash-start-at-once): the real platform wants a
/// minute between creation and activation.
pub(super) fn start_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    match stock.state {
        StockState::Running => {}
        StockState::Unactivated => {
            if !stock.no_cash {
                stock.locked_from = lock_budget(tx, &stock, context.now)?;
                stock.locked = stock.budget();
            }
            stock.state = StockState::Running;
            stock.started = Some(context.now);
            tx.save(&stock)?;
        }
        StockState::Paused | StockState::Stoped => return Err(refusals::wrong_state().into()),
    }
    let started = stock.started.unwrap_or(context.now);
    Ok(json!({ "start_time": clock::rfc3339(started), "stock_id": stock.id }))
}

pub(super) fn pause_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = switch(tx, context, StockState::Running, StockState::Paused)?;
    Ok(json!({ "pause_time": clock::rfc3339(context.now), "stock_id": stock.id }))
}

pub(super) fn restart_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let stock = switch(tx, context, StockState::Paused, StockState::Running)?;
    Ok(json!({ "restart_time": clock::rfc3339(context.now), "stock_id": stock.id }))
}

pub(super) fn stop_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    if !matches!(stock.state, StockState::Running | StockState::Paused | StockState::Stoped) {
        return Err(refusals::wrong_state().into());
    }
    stop(tx, &mut stock, context.now)?;
    let stopped = stock.stopped.unwrap_or(context.now);
    Ok(json!({ "stop_time": clock::rfc3339(stopped), "stock_id": stock.id }))
}

/// INFERRED(cash-stock-end): when its period is over a stock is `stoped`, and what is left of its budget goes
/// back to the account that it was locked from.
pub(super) fn end_stock(tx: &Transaction<'_>, stock_id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(mut stock) = find(tx, stock_id)? else { return Ok(()) };
    stop(tx, &mut stock, at)?;
    release(tx, &mut stock, at)
}

/// Nobody can be sent a coupon any more. Those that people have stay usable, so that the money for them stays
/// locked until the period is over.
fn stop(tx: &Transaction<'_>, stock: &mut Stock, now: i64) -> Result<(), HandlerError> {
    if stock.state != StockState::Stoped {
        stock.state = StockState::Stoped;
        stock.stopped = Some(now);
        tx.save(stock)?;
    }
    Ok(())
}

fn release(tx: &Transaction<'_>, stock: &mut Stock, now: i64) -> Result<(), HandlerError> {
    // What was the marketing account's own stays there, and is free for other stocks.
    if stock.locked_from != AccountKind::Marketing {
        let budget = Owner::merchant(&stock.creator).account(AccountKind::Marketing);
        let posting = Posting::new(Business::Coupon, &stock.id, now);
        post(tx, posting.moves(budget, stock.home_of_budget(), stock.locked))
            .map_err(|error| error.or_short(|short| Refusal::system_error().with_reason(short)))?;
    }
    (stock.locked, stock.released) = (0, true);
    tx.save(stock)?;
    Ok(())
}

/// The account that the budget was taken from.
fn lock_budget(tx: &Transaction<'_>, stock: &Stock, now: i64) -> Result<AccountKind, HandlerError> {
    let (owner, budget) = (Owner::merchant(&stock.creator), stock.budget());
    let purse = Purse::find(tx, &owner)?;
    if purse.balance(AccountKind::Marketing).saturating_sub(locked_by(tx, &stock.creator)?) >= budget {
        return Ok(AccountKind::Marketing);
    }
    let source = if purse.balance(AccountKind::Available) >= budget {
        AccountKind::Available
    } else {
        AccountKind::Operation
    };
    let posting = Posting::new(Business::Coupon, &stock.id, now).moves(
        owner.account(source),
        owner.account(AccountKind::Marketing),
        budget,
    );
    post(tx, posting).map_err(|error| error.or_short(|_| refusals::no_money_to_start()))?;
    Ok(source)
}

/// The part of a merchant's marketing account that the budgets of its stocks hold.
fn locked_by(tx: &Transaction<'_>, creator: &str) -> Result<i64, StoreError> {
    scan_created(tx, creator).try_fold(0_i64, |sum, stock| Ok(sum.saturating_add(stock?.locked)))
}

/// Pause and restart are 幂等: a stock that is there already gets the response of one that goes there.
fn switch(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    from: StockState,
    to: StockState,
) -> Result<Stock, HandlerError> {
    let mut stock = own_stock(tx, context)?;
    if stock.state == to {
        return Ok(stock);
    }
    if stock.state != from {
        return Err(refusals::wrong_state().into());
    }
    stock.state = to;
    tx.save(&stock)?;
    Ok(stock)
}

/// The stock of a path, which the caller must have created and must name as its creator.
pub(super) fn own_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Stock, HandlerError> {
    let stock = find(tx, context.request.path("stock_id"))?.ok_or_else(refusals::no_such_stock)?;
    let is_named = context.request.required("stock_creator_mchid") == stock.creator;
    if !is_named || stock.creator != context.caller.mchid {
        return Err(refusals::not_the_creator().into());
    }
    Ok(stock)
}
