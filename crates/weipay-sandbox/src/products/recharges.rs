//! Recharges (充值): a merchant has money come from its bank into one of its accounts; a platform (电商收付通) also into those of its
//! sub-merchants.
//!
//! ```text
//!   RECHARGING ── it is paid ──► SUCCESS
//!       └── the platform closes it, or a week passes ──► CLOSED
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `recharge` | a recharge (充值单): its states, how it is shown, stored and found, and its money |
//! | `employees` | employees who may pay by a code for a sub-merchant (可扫码充值员工) |
//! | `control` | payments, by the control API |
//! | `refusals` | errors |
//!
//! UNCONFIRMED(recharge-fees): no merchant has the account for fees (FEES). UNCONFIRMED(recharge-week): that of a merchant's own
//! ends after a week too; the page says it of those of sub-merchants.

pub(crate) mod control;
mod employees;
#[cfg(test)]
mod model;
mod recharge;
mod refusals;

use serde_json::{Value, json};

use super::{Context, DueHandler, HandlerError, Route, route};
use crate::ledger::AccountType;
use crate::response::Refusal;
use crate::store::{Fingerprint, Transaction};
use recharge::{Channel, Form, OVERDUE, Recharge, State};

pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/recharge/bank-transfer-recharges/apply", |tx, context| {
        apply_by_bank(tx, context, Form::Own)
    }),
    route("GET", "v3/recharge/bank-transfer-recharges/out-recharge-no/{out_recharge_no}", |tx, context| {
        query(tx, context, Form::Own)
    }),
    route("POST", "v3/platsolution/ecommerce/bank-transfer-recharges/apply", |tx, context| {
        apply_by_bank(tx, context, Form::OwnOfPlatform)
    }),
    route(
        "GET",
        "v3/platsolution/ecommerce/bank-transfer-recharges/out-recharge-no/{out_recharge_no}",
        |tx, context| query(tx, context, Form::OwnOfPlatform),
    ),
    route("POST", "v3/platsolution/ecommerce/recharges/apply", apply_for_sub_merchant),
    route("GET", "v3/platsolution/ecommerce/recharges/out-recharge-no/{out_recharge_no}", |tx, context| {
        query(tx, context, Form::OfSubMerchant)
    }),
    route("POST", "v3/platsolution/ecommerce/recharges/out-recharge-no/{out_recharge_no}/close", close),
    route("POST", "v3/platsolution/ecommerce/recharge-employees", employees::add),
    route("GET", "v3/platsolution/ecommerce/recharge-employees/sub-mchid/{sub_mchid}", employees::list),
    route(
        "POST",
        "v3/platsolution/ecommerce/recharge-employees/sub-mchid/{sub_mchid}/sp-openid/{sp_openid}/delete",
        employees::delete,
    ),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] = &[(OVERDUE, recharge::end_overdue)];

/// The most of one recharge: 800 million yuan.
const MAX_FEN: i64 = 80_000_000_000;

/// Shows the bank account to which a merchant transfers the money.
fn apply_by_bank(tx: &Transaction<'_>, context: &Context<'_>, form: Form) -> Result<Value, HandlerError> {
    let request = context.request;
    let account = AccountType::from_word(request.required("account_type"));
    let account = match account {
        Some(account @ (AccountType::Basic | AccountType::Operation)) => account,
        Some(AccountType::Fees) => return Err(refusals::not_opened().into()),
        _ => return Err(refusals::wrong_parameter("account_type is BASIC, OPERATION or FEES").into()),
    };
    if request.required("recharge_scene") != form.scenes()[0].0 {
        let reason = format!("recharge_scene of this operation is {}", form.scenes()[0].0);
        return Err(refusals::wrong_parameter(reason).into());
    }
    let made = make(tx, context, (form, None, account))?;
    Ok(json!({
        "recharge_id": made.id,
        "out_recharge_no": made.out_recharge_no,
        "transfer_in_account": made.bank_account(),
    }))
}

/// Gives the address of a page for the payment.
fn apply_for_sub_merchant(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let sub_mchid = request.required("sub_mchid");
    check_partner(context, sub_mchid)?;
    let (scene, account) = (request.required("recharge_scene"), request.required("account_type"));
    let account = Form::OfSubMerchant.scenes().iter().find(|known| **known == (scene, account));
    let account = account.and_then(|(_, account)| AccountType::from_word(account)).ok_or_else(|| {
        refusals::wrong_parameter(
            "ECOMMERCE_DEPOSIT goes into the account DEPOSIT, and ECOMMERCE_PAYMENT into OPERATION",
        )
    })?;
    let made = make(tx, context, (Form::OfSubMerchant, Some(sub_mchid), account))?;
    Ok(json!({
        "recharge_id": made.id, "out_recharge_no": made.out_recharge_no, "recharge_url": made.address(),
    }))
}

/// The recharge under a number: a new one, or the one that the same request has made before.
fn make(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    (form, sub_mchid, account): (Form, Option<&str>, AccountType),
) -> Result<Recharge, HandlerError> {
    let (request, merchant) = (context.request, &context.caller.mchid);
    let number = request.required("out_recharge_no");
    let fingerprint = Fingerprint::of_request(request);
    if let Some(known) = Recharge::find_by_number(tx, merchant, number)? {
        let is_same = known.form == form && known.fingerprint == fingerprint;
        return if is_same { Ok(known) } else { Err(refusals::other_request().into()) };
    }
    let amount = request.body.get("recharge_amount").and_then(Value::as_object);
    let fen = amount.and_then(|amount| amount.get("amount")).and_then(Value::as_i64).unwrap_or_default();
    let currency = amount.and_then(|amount| amount.get("currency")).and_then(Value::as_str);
    check_amount(fen, currency)?;
    let channels = request.body.get("available_recharge_channels").and_then(Value::as_array);
    let channels = channels.into_iter().flatten().filter_map(Value::as_str).filter_map(Channel::from_word);
    let made = Recharge {
        id: recharge::number(tx.next_number("recharge")?, context.now),
        merchant: merchant.clone(),
        form,
        sub_mchid: sub_mchid.map(str::to_owned),
        out_recharge_no: number.to_owned(),
        scene: request.required("recharge_scene").to_owned(),
        account,
        fen,
        channels: channels.collect(),
        remark: request.text("remark").map(str::to_owned),
        notify_url: request.text("notify_url").map(str::to_owned),
        platform_serial: context.platform_serial.to_owned(),
        fingerprint,
        accepted: context.now,
        state: State::Recharging,
        ended: None,
        paid: None,
        returned: None,
    };
    tx.save(&made)?;
    tx.schedule(&made.overdue())?;
    Ok(made)
}

fn check_amount(fen: i64, currency: Option<&str>) -> Result<(), Refusal> {
    if !(1..=MAX_FEN).contains(&fen) {
        return Err(refusals::wrong_parameter(
            "recharge_amount.amount must be from 1 fen to 80,000,000,000 fen (800 million yuan)",
        ));
    }
    match currency {
        None | Some("CNY") => Ok(()),
        Some(_) => Err(refusals::wrong_parameter("recharge_amount.currency must be CNY")),
    }
}

/// A platform acts for its own sub-merchants.
fn check_partner(context: &Context<'_>, sub_mchid: &str) -> Result<(), Refusal> {
    if context.merchants.may_use_money(context.caller, sub_mchid) {
        Ok(())
    } else {
        Err(refusals::not_the_partner())
    }
}

fn query(tx: &Transaction<'_>, context: &Context<'_>, form: Form) -> Result<Value, HandlerError> {
    Ok(find(tx, context, form)?.show())
}

fn find(tx: &Transaction<'_>, context: &Context<'_>, form: Form) -> Result<Recharge, HandlerError> {
    let request = context.request;
    let sub_mchid = request.query("sub_mchid");
    let found = Recharge::find_by_number(tx, &context.caller.mchid, request.path("out_recharge_no"))?;
    let found = found.filter(|found| found.form == form && found.sub_mchid.as_deref() == sub_mchid);
    Ok(found.ok_or_else(refusals::not_found)?)
}

fn close(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let found = find(tx, context, Form::OfSubMerchant)?;
    match found.state {
        State::Success => Err(refusals::was_paid().into()),
        // INFERRED(recharge-closed-again): it is shown as it is.
        State::Closed => Ok(found.show()),
        State::Recharging => Ok(found.close(tx, context.now)?.show()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fen_to_800_million_yuan_come_in_at_once() {
        assert!(check_amount(1, None).is_ok() && check_amount(MAX_FEN, Some("CNY")).is_ok());
        for (fen, currency) in [(0, None), (-1, None), (MAX_FEN + 1, None), (1, Some("USD"))] {
            assert_eq!(check_amount(fen, currency).unwrap_err().code, "PARAM_ERROR", "{fen} {currency:?}");
        }
    }
}
