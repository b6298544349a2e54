//! Complaints (消费者投诉): a person complains about a paid order, and its merchant answers until it is settled.
//!
//! ```text
//!   complain ► PENDING ── the merchant answers ──► PROCESSING ── it completes ──► PROCESSED
//!                 └───────── the person withdraws ─────┴───────────────────────────► │
//!                                                       ▲──── the person continues ──┘
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `complaint` | a complaint (投诉单): its states, its history, how it is shown, stored and found |
//! | `rules` | what each side may do when, and what comes of it |
//! | `merchant` | what a merchant does: list, look, answer, tell of a refund, complete |
//! | `callback` | where a merchant is notified (投诉通知回调) |
//! | `control` | what people do |
//! | `refusals` | what is refused, in the platform's words |
//!
//! A complaint is about one order. The merchant whose money it was sees it, and so does the partner that acts
//! for that merchant or made the order.

mod callback;
mod complaint;
pub(crate) mod control;
mod merchant;
#[cfg(test)]
mod model;
pub(crate) mod person;
mod refusals;
pub(crate) mod rules;

use super::{Route, route};
use crate::store::{StoreError, Transaction};
use complaint::Complaint;

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("GET",    "v3/merchant-service/complaints-v2",                                           merchant::list_complaints),
    route("GET",    "v3/merchant-service/complaints-v2/{complaint_id}",                            merchant::query_complaint),
    route("GET",    "v3/merchant-service/complaints-v2/{complaint_id}/negotiation-historys",       merchant::list_history),
    route("POST",   "v3/merchant-service/complaints-v2/{complaint_id}/response",                   merchant::respond),
    route("POST",   "v3/merchant-service/complaints-v2/{complaint_id}/response-immediate-service", merchant::respond_at_once),
    route("POST",   "v3/merchant-service/complaints-v2/{complaint_id}/complete",                   merchant::complete),
    route("POST",   "v3/merchant-service/complaints-v2/{complaint_id}/update-refund-progress",     merchant::update_refund_progress),
    route("POST",   "v3/merchant-service/complaint-notifications",                                 callback::create_callback),
    route("GET",    "v3/merchant-service/complaint-notifications",                                 callback::query_callback),
    route("PUT",    "v3/merchant-service/complaint-notifications",                                 callback::change_callback),
    route("DELETE", "v3/merchant-service/complaint-notifications",                                 callback::delete_callback),
];

/// The merchant has begun a refund of an order that somebody may have complained about.
pub(super) fn refund_accepted(
    tx: &Transaction<'_>,
    transaction_id: &str,
    now: i64,
) -> Result<(), StoreError> {
    match Complaint::find_by_order(tx, transaction_id)? {
        Some(complaint) => rules::refund_begins(complaint).carry_out(tx, now).map(drop),
        None => Ok(()),
    }
}

/// The person has the money of such a refund.
pub(super) fn refund_succeeded(
    tx: &Transaction<'_>,
    transaction_id: &str,
    fen: i64,
    now: i64,
) -> Result<(), StoreError> {
    match Complaint::find_by_order(tx, transaction_id)? {
        Some(complaint) => rules::refund_arrives(complaint, fen, now).carry_out(tx, now).map(drop),
        None => Ok(()),
    }
}
