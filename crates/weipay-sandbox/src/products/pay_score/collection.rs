//! How the money of a service order comes: the platform deducts it after the completion, again when the merchant asks, or the person pays.
//!
//! UNCONFIRMED(pay-score-fee): the platform takes no fee of it here.

use super::order::{OrderState, Paid, ServiceOrder};
use super::{DEDUCTION_SECONDS, EXPIRY_SECONDS};
use crate::people::Person;
use crate::products::HandlerError;
use crate::products::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::products::payments::order::new_transaction_id;
use crate::response::Refusal;
use crate::store::{Due, StoreError, Transaction};

/// Falls due when nobody has confirmed an order.
pub(super) const EXPIRY: &str = "service order expiry";
/// Falls due when a deduction is done.
pub(super) const DEDUCTION: &str = "service order deduction";

pub(super) fn expiry(order: &ServiceOrder) -> Due {
    let at = order.create_time.saturating_add(EXPIRY_SECONDS);
    Due { kind: EXPIRY.to_owned(), key: order.id.clone(), at }
}

pub(super) fn expire(tx: &Transaction<'_>, id: &str, _: i64) -> Result<(), HandlerError> {
    let Some(order) = tx.get::<ServiceOrder>(id)? else { return Ok(()) };
    if order.state == OrderState::Created {
        tx.save(&ServiceOrder { state: OrderState::Expired, ..order })?;
    }
    Ok(())
}

/// Begins a deduction. The order is saved by it.
pub(super) fn begin(tx: &Transaction<'_>, order: ServiceOrder, now: i64) -> Result<ServiceOrder, StoreError> {
    let at = now.saturating_add(DEDUCTION_SECONDS);
    let order = ServiceOrder { deduction: Some(at), ..order };
    tx.save(&order)?;
    tx.schedule(&Due { kind: DEDUCTION.to_owned(), key: order.id.clone(), at })?;
    Ok(order)
}

pub(super) fn deduct(tx: &Transaction<'_>, id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(order) = tx.get::<ServiceOrder>(id)? else { return Ok(()) };
    if order.state != OrderState::Completed {
        return Ok(());
    }
    let order = ServiceOrder { deduction: None, ..order };
    if order.declines { Ok(tx.save(&order)?) } else { pay(tx, order, at) }
}

/// The person's money comes to the merchant.
pub(super) fn pay(tx: &Transaction<'_>, order: ServiceOrder, now: i64) -> Result<(), HandlerError> {
    let transaction_id = new_transaction_id(tx, now)?;
    let openid = order.openid.clone().unwrap_or_default();
    let made = Person::find(tx, &openid)?;
    let person = Owner::person(made.map_or(openid, |person| person.unionid));
    let merchant = Owner::merchant(&*order.mchid);
    let posting =
        Posting::new(Business::Payment, &*transaction_id, now).for_number(&*order.out_order_no).moves(
            person.account(AccountKind::Bank),
            merchant.account(AccountKind::Unsettled),
            order.total.unwrap_or_default(),
        );
    // A bank is never short.
    post(tx, posting).map_err(|error| error.or_short(Refusal::system_error))?;
    if let Some(at) = order.deduction {
        tx.unschedule(&Due { kind: DEDUCTION.to_owned(), key: order.id.clone(), at })?;
    }
    let paid = Some(Paid::Deducted { transaction_id, time: now });
    let done = ServiceOrder { state: OrderState::Done, paid, deduction: None, ..order };
    tx.save(&done)?;
    if let Some(announcement) = done.announcement("PAYSCORE.USER_PAID", now) {
        tx.announce(&announcement)?;
    }
    Ok(())
}
