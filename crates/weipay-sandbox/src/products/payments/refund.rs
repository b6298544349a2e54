//! Refunds (退款): a part of a payment, or all of it, goes back to the person who paid.
//!
//! ```text
//!   accepted ► PROCESSING ── the clock ──► SUCCESS
//!                 │  ▲ └── the merchant's money is missing for seven days ──► CLOSED
//!                 ▼  └── apply-abnormal-refund ──┐
//!              ABNORMAL ─────────────────────────┘
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `record` | a refund (退款单): how it is shown, stored and found |
//! | `accepting` | the rules of a new refund: of which order, how much, from which money |
//! | `shares` | how an amount is divided between person, coupons and fee |
//! | `money` | how it moves, for a reversal (撤销) too |
//! | `outcome` | what becomes of it: by the clock, by a developer, by apply-abnormal-refund |
//! | `ecommerce` | the same refunds as a platform (电商平台) asks for and sees them |
//! | `advance` | a platform pays for its sub-merchant (垫付), and has the money back |
//! | `control` | what developers do to refunds |
//! | `refusals` | what is refused, in the platform's words |
//!
//! The money leaves the merchant's accounts when a refund is accepted. It waits in `Refunding` and reaches the person on success.

mod accepting;
mod advance;
pub(crate) mod control;
mod ecommerce;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod model;
mod money;
pub(super) mod outcome;
pub(crate) mod record;
mod refusals;
mod shares;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::closing::is_combined;
use super::order::Order;
use crate::contract::ValidRequest;
use crate::ledger::Posting;
use crate::people::account::AccountState;
use crate::products::{Context, DueHandler, HandlerError, Route, carry_out, route};
use crate::products::{complaints, pay_score};
use crate::store::Transaction;
pub(super) use accepting::{RefundRequest, Source};
pub(super) use money::reverse;
use outcome::{Destination, SETTLES};
use record::{Refund, RefundAccount};

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v3/refund/domestic/refunds", create_refund),
    route("GET", "v3/refund/domestic/refunds/{out_refund_no}", query_refund),
    route("POST", "v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund", apply_abnormal_refund),
    route("POST", "v3/ecommerce/refunds/apply", ecommerce::create_refund),
    route("GET", "v3/ecommerce/refunds/id/{refund_id}", ecommerce::query_by_id),
    route("GET", "v3/ecommerce/refunds/out-refund-no/{out_refund_no}", ecommerce::query_by_number),
    route("POST", "v3/ecommerce/refunds/{refund_id}/apply-abnormal-refund", ecommerce::apply_abnormal_refund),
    route("POST", "v3/ecommerce/refunds/{refund_id}/return-advance", advance::return_advance),
    route("GET", "v3/ecommerce/refunds/{refund_id}/return-advance", advance::query_return),
];

/// Scheduled work.
pub(crate) const DUE: &[(&str, DueHandler)] =
    &[(SETTLES, outcome::settle), (advance::RETRIES, advance::retry)];

fn create_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = RefundRequest::read(context.request, context.platform_serial);
    let refund = refund(tx, &context.caller.mchid, &request, context.now)?;
    Ok(refund.show())
}

/// Accepts a refund of a merchant, or gives the one that has this number already.
pub(crate) fn refund(
    tx: &Transaction<'_>,
    mchid: &str,
    request: &RefundRequest,
    now: i64,
) -> Result<Refund, HandlerError> {
    if let Some(known) = Refund::find_by_number(tx, mchid, &request.out_refund_no)? {
        accepting::check_repeated(request, &known)?;
        return Ok(known);
    }
    let order = match (&request.transaction_id, &request.out_trade_no) {
        (Some(id), _) => Order::find_by_transaction(tx, id)?,
        (None, Some(number)) => match Order::find_by_number(tx, mchid, number)? {
            None if pay_score::has_order(tx, mchid, number)? => {
                return Err(refusals::number_of_service_order().into());
            }
            None if is_combined(tx, mchid, number)? => return Err(refusals::number_of_combined().into()),
            found => found,
        },
        (None, None) => return Err(refusals::no_order_number().into()),
    };
    let (order, payment) = accepting::check_order(mchid, request, order, now)?;
    // What is left of a deposit goes back as the outcome has it, so that the merchant can consume its part in any case.
    if !super::deposit::is_rest(&order, &payment, &request.out_refund_no) {
        accepting::check_account(AccountState::of_owner(tx, &payment.person.as_of_now(tx)?)?)?;
    }
    let earlier = Refund::find_by_order(tx, &payment.transaction_id)?;
    accepting::check_amounts(request, &order, &payment, &earlier, now)?;
    let amounts = accepting::divide(request.refund, &order, &payment, &earlier);
    let refund_id = record::new_refund_id(tx, now)?;
    let posting =
        |business| Posting::new(business, refund_id.as_str(), now).for_number(request.out_refund_no.as_str());
    let drawn = match request.refund_account {
        Some(RefundAccount::PartnerAdvance) => money::advance(tx, &order, &amounts, &posting)?,
        _ => money::withdraw(tx, &order, &amounts, request.source.as_ref(), &posting, now)?,
    };
    let decision = accepting::accept(request, order, payment, amounts, drawn, refund_id.clone(), now);
    let refund = decision.changed.1.clone();
    carry_out(tx, decision)?;
    complaints::refund_accepted(tx, &refund.order.transaction_id, now)?;
    Ok(refund)
}

fn query_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_refund_no");
    let refund = Refund::find_by_number(tx, &context.caller.mchid, number)?;
    let refund = refund.ok_or_else(refusals::no_such_refund)?;
    accepting::check_sub_merchant(context.request.query("sub_mchid"), refund.sub_mchid.as_deref())?;
    Ok(refund.show())
}

fn apply_abnormal_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(abnormal_refund(tx, context)?.show())
}

/// Sends an abnormal refund somewhere else, and gives it as it is then.
fn abnormal_refund(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Refund, HandlerError> {
    let request: &ValidRequest = context.request;
    let refund = Refund::find_by_id(tx, request.path("refund_id"))?;
    let refund = refund.filter(|refund| refund.merchant == context.caller.mchid);
    let refund = refund.ok_or_else(refusals::no_such_refund)?;
    accepting::check_sub_merchant(request.text("sub_mchid"), refund.sub_mchid.as_deref())?;
    let destination = Destination::read(request)?;
    let decided =
        outcome::handle_abnormal(refund, request.required("out_refund_no"), destination, context.now)?;
    let refund = decided.changed.clone();
    carry_out(tx, decided)?;
    Ok(refund)
}
