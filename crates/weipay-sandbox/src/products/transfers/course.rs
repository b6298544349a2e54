//! The course of a transfer: the person confirms, the merchant looks and cancels, time passes.

use serde_json::{Value, json};

use super::authorization;
use super::transfer::{MCH_CANCEL, OVERDUE_CLOSE, Transfer, TransferState};
use super::{CONFIRMATION_SECONDS, MAX_AGE_SECONDS, STEP_SECONDS, reason_of, refusals};
use crate::clock;
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::store::{Due, Transaction};

/// Falls due when nobody has confirmed in time.
pub(super) const OVERDUE: &str = "transfer confirmation overdue";
/// Falls due when a step under way is done.
pub(super) const SETTLE: &str = "transfer step";

pub(super) fn query_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    Ok(Value::Object(by_out_number(tx, context)?.describe()))
}

pub(super) fn query_by_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(Value::Object(by_number(tx, context)?.describe()))
}

/// By a platform (电商平台).
pub(super) fn query_of_platform_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    Ok(by_out_number(tx, context)?.describe_of_platform())
}

/// By a platform (电商平台).
pub(super) fn query_of_platform_by_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    Ok(by_number(tx, context)?.describe_of_platform())
}

fn by_out_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Transfer, HandlerError> {
    shown(Transfer::find_by_number(tx, &context.caller.mchid, context.request.path("out_bill_no"))?, context)
}

fn by_number(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Transfer, HandlerError> {
    shown(tx.get(context.request.path("transfer_bill_no"))?, context)
}

fn shown(found: Option<Transfer>, context: &Context<'_>) -> Result<Transfer, HandlerError> {
    let is_shown = |transfer: &Transfer| {
        is_own(transfer, context) && context.now.saturating_sub(transfer.create_time) <= MAX_AGE_SECONDS
    };
    Ok(found.filter(is_shown).ok_or_else(refusals::not_found)?)
}

/// Whether the caller made it, for the sub-merchant that the request names, or for itself where it names none.
pub(super) fn is_own(transfer: &Transfer, context: &Context<'_>) -> bool {
    let request = context.request;
    transfer.is_by(&context.caller.mchid, request.text("sub_mchid").or_else(|| request.query("sub_mchid")))
}

/// By a merchant for itself, or by a platform (电商平台) for a sub-merchant.
pub(super) fn cancel_transfer(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let transfer = cancel(tx, context)?;
    let mut shown = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.number,
        "state": transfer.state.word(),
        "update_time": clock::rfc3339(transfer.update_time),
    });
    if let Some(sub_mchid) = transfer.sub_mchid {
        shown["sub_mchid"] = sub_mchid.into();
    }
    Ok(shown)
}

/// By a partner (服务商): the response shows all of it.
pub(super) fn cancel_of_partner(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut shown = cancel(tx, context)?.describe();
    for name in ["mchid", "appid"] {
        shown.remove(name);
    }
    Ok(Value::Object(shown))
}

fn cancel(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Transfer, HandlerError> {
    let found = Transfer::find_by_number(tx, &context.caller.mchid, context.request.path("out_bill_no"))?;
    let mut transfer =
        found.filter(|transfer| is_own(transfer, context)).ok_or_else(refusals::wrong_number)?;
    if may_cancel(&transfer, context.now)? {
        tx.unschedule(&overdue(&transfer))?;
        transfer = transfer.step(tx, TransferState::Canceling, None, context.now)?;
        tx.schedule(&step_done(&transfer, context.now))?;
    }
    Ok(transfer)
}

/// Whether canceling changes anything. INFERRED(transfer-cancel-again): a repeated cancel gets the state as it is.
fn may_cancel(transfer: &Transfer, now: i64) -> Result<bool, crate::response::Refusal> {
    match transfer.state {
        TransferState::WaitUserConfirm if now < overdue(transfer).at => Ok(true),
        TransferState::Canceling | TransferState::Cancelled => Ok(false),
        state => Err(refusals::cannot_be_canceled(state.word())),
    }
}

/// When nobody has confirmed in time.
pub(super) fn overdue(transfer: &Transfer) -> Due {
    let at = transfer.create_time.saturating_add(CONFIRMATION_SECONDS);
    Due { kind: OVERDUE.to_owned(), key: transfer.number.clone(), at }
}

/// When the step that has begun is done.
pub(super) fn step_done(transfer: &Transfer, now: i64) -> Due {
    let at = now.saturating_add(STEP_SECONDS);
    Due { kind: SETTLE.to_owned(), key: transfer.number.clone(), at }
}

/// The person confirms; the payment will fail with this reason, or succeed. Whether there was anything to confirm.
pub(super) fn confirm(
    tx: &Transaction<'_>,
    transfer: Transfer,
    will_fail: Option<&str>,
    now: i64,
) -> Result<Option<Transfer>, HandlerError> {
    let overdue = overdue(&transfer);
    if transfer.state != TransferState::WaitUserConfirm || now >= overdue.at {
        return Ok(None);
    }
    tx.unschedule(&overdue)?;
    let transfer = Transfer { will_fail: will_fail.map(str::to_owned), ..transfer };
    let transfer = transfer.step(tx, TransferState::Transfering, None, now)?;
    tx.schedule(&step_done(&transfer, now))?;
    if let Some(id) = &transfer.authorization {
        authorization::wait_for_transfer(tx, id, step_done(&transfer, now).at, now)?;
    }
    Ok(Some(transfer))
}

/// The person does not confirm. UNCONFIRMED(transfer-refused): the transfer ends at once as it would after 24
/// hours. Whether there was anything to confirm.
pub(super) fn refuse(
    tx: &Transaction<'_>,
    transfer: Transfer,
    now: i64,
) -> Result<Option<Transfer>, HandlerError> {
    if transfer.state != TransferState::WaitUserConfirm {
        return Ok(None);
    }
    tx.unschedule(&overdue(&transfer))?;
    transfer.step(tx, TransferState::Fail, Some(OVERDUE_CLOSE), now).map(Some)
}

pub(super) fn end_overdue(tx: &Transaction<'_>, number: &str, at: i64) -> Result<(), HandlerError> {
    let Some(transfer) = tx.get::<Transfer>(number)? else { return Ok(()) };
    if transfer.state == TransferState::WaitUserConfirm {
        transfer.step(tx, TransferState::Fail, Some(OVERDUE_CLOSE), at)?;
    }
    Ok(())
}

/// Nobody needs to confirm: who can be paid is paid in the request, and the clock fails the others.
pub(super) fn pay_at_once(
    tx: &Transaction<'_>,
    transfer: Transfer,
    now: i64,
) -> Result<Transfer, HandlerError> {
    if reason_of(AccountState::of_person(tx, &transfer.openid)?).is_none() {
        return transfer.step(tx, TransferState::Success, None, now);
    }
    tx.schedule(&step_done(&transfer, now))?;
    Ok(transfer)
}

pub(super) fn settle(tx: &Transaction<'_>, number: &str, at: i64) -> Result<(), HandlerError> {
    let Some(transfer) = tx.get::<Transfer>(number)? else { return Ok(()) };
    let account = AccountState::of_person(tx, &transfer.openid)?;
    match (transfer.state, transfer.will_fail.clone().or_else(|| reason_of(account).map(str::to_owned))) {
        (TransferState::Canceling, _) => transfer.step(tx, TransferState::Cancelled, Some(MCH_CANCEL), at)?,
        (TransferState::Transfering, None) => {
            // A person who did not get the money has given no authorization with it.
            if let Some(id) = &transfer.authorization {
                authorization::take_effect(tx, id, at)?;
            }
            transfer.step(tx, TransferState::Success, None, at)?
        }
        (TransferState::Transfering, Some(reason)) => {
            transfer.step(tx, TransferState::Fail, Some(&reason), at)?
        }
        _ => transfer,
    };
    Ok(())
}
