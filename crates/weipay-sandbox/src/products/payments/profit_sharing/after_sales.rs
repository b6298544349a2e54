//! Sharing for service after a sale (售后服务分账): a platform (电商平台) takes its fee for a ticket that was returned or changed, or for
//! goods that came back, from the sub-merchant of the order.
//!
//! UNCONFIRMED(after-sales-account): the money comes from what of the order waits to be shared, and otherwise from what the
//! sub-merchant has available; the platform has it available at once. UNCONFIRMED(after-sales-rules): an order has one, because
//! it is asked for by the order, of at most what was paid and not refunded, without the limit of 30 % and without a line in the
//! bill of sharing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::funds::SharedFunds;
use super::refusals;
use super::split::check_sub_merchant;
use crate::clock;
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::products::payments::deposit::check_sharing;
use crate::products::payments::order::Order;
use crate::products::payments::refund::record::{Refund, RefundState};
use crate::products::{Context, HandlerError};
use crate::store::{Record, Transaction};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AfterSales {
    transaction_id: String,
    merchant: String,
    sub_mchid: String,
    amount: i64,
    kind: String,
    scene: String,
    refund_id: String,
    time: i64,
}

impl Record for AfterSales {
    const KIND: &'static str = "after-sales sharing";

    fn key(&self) -> String {
        self.transaction_id.clone()
    }
}

pub(super) fn create(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let found = Order::find_by_transaction(tx, request.required("transaction_id"))?;
    let order = found.filter(|order| order.merchant == context.caller.mchid && order.state.is_paid());
    let order = order.ok_or_else(refusals::not_this_merchants)?;
    check_sub_merchant(request.text("sub_mchid"), order.sub_mchid.as_deref(), refusals::other_sub_merchant)?;
    check_sharing(&order)?;
    let asked = AfterSales {
        transaction_id: request.required("transaction_id").to_owned(),
        merchant: order.merchant.clone(),
        sub_mchid: order.payee().to_owned(),
        amount: request.body.get("amount").and_then(Value::as_i64).unwrap_or_default(),
        kind: request.required("type").to_owned(),
        scene: request.required("scene").to_owned(),
        refund_id: request.required("refund_id").to_owned(),
        time: context.now,
    };
    if let Some(known) = tx.get::<AfterSales>(&asked.transaction_id)? {
        return match (AfterSales { time: known.time, ..asked }) == known {
            true => Ok(known.show_new()),
            false => Err(refusals::shared_after_sales().into()),
        };
    }
    let refund = Refund::find_by_id(tx, &asked.refund_id)?;
    let is_of_order = |refund: &Refund| {
        refund.merchant == order.merchant
            && refund.order.transaction_id == asked.transaction_id
            && refund.state != RefundState::Closed
    };
    refund.filter(is_of_order).ok_or_else(refusals::not_refunded)?;
    let refunded = order.payment.as_ref().map_or(0, |payment| payment.refunded);
    if !(1..=order.total.saturating_sub(refunded)).contains(&asked.amount) {
        return Err(refusals::too_much_after_sales().into());
    }
    take(tx, &order, &asked, context.now)?;
    tx.save(&asked)?;
    Ok(asked.show_new())
}

fn take(tx: &Transaction<'_>, order: &Order, asked: &AfterSales, now: i64) -> Result<(), HandlerError> {
    let waits = SharedFunds::find(tx, order, now)?.filter(|funds| funds.is_open);
    if waits.as_ref().is_some_and(|funds| funds.left < asked.amount) {
        return Err(refusals::too_much().into());
    }
    let from = if waits.is_some() { AccountKind::Frozen } else { AccountKind::Available };
    let number = format!("3010{:024}", tx.next_number("after-sales sharing")?);
    let moved =
        Posting::new(Business::ProfitSharing, number, now).for_number(asked.refund_id.as_str()).moves(
            Owner::merchant(asked.sub_mchid.as_str()).account(from),
            Owner::merchant(asked.merchant.as_str()).account(AccountKind::Available),
            asked.amount,
        );
    post(tx, moved).map_err(|error| error.or_short(refusals::sub_merchant_is_short))?;
    if let Some(funds) = waits {
        tx.save(&SharedFunds { left: funds.left - asked.amount, ..funds })?;
    }
    Ok(())
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let found: Option<AfterSales> = tx.get(request.query("transaction_id").unwrap_or_default())?;
    let is_own = |found: &AfterSales| {
        found.merchant == context.caller.mchid && Some(found.sub_mchid.as_str()) == request.query("sub_mchid")
    };
    let found = found.filter(is_own).ok_or_else(refusals::no_record)?;
    let mut shown = found.show_new();
    shown["result"] = json!("SUCCESS");
    shown["finish_time"] = json!(clock::rfc3339(found.time));
    Ok(shown)
}

impl AfterSales {
    fn show_new(&self) -> Value {
        json!({ "sub_mchid": self.sub_mchid, "transaction_id": self.transaction_id, "amount": self.amount })
    }
}
