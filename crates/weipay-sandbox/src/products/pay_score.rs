//! Pay score (支付分): a person is served first, and pays when the merchant has completed the order.
//!
//! | file | what is in it |
//! |---|---|
//! | `order` | a service order (服务订单): its states, how it is shown, stored and found |
//! | `steps` | what the merchant does: create, cancel, complete, modify, ask for the money, tell that it was paid |
//! | `collection` | how the money comes: by itself after the completion, again when the merchant asks, or from the person |
//! | `amounts` | the sums of an order, and its times |
//! | `refusals` | what is refused, in the platform's words |
//! | `control` | what people do |
//!
//! Orders of direct merchants only. UNCONFIRMED(pay-score-service): any service ID belongs to the merchant, and any number of orders of one
//! person is served. UNCONFIRMED(pay-score-authorized): every person has authorized the merchant, so that orders without confirmation are taken.

mod amounts;
mod collection;
pub(crate) mod control;
mod order;
mod refusals;
mod steps;

use super::{DueHandler, Handler, Route};

const fn route(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler }
}

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/payscore/serviceorder",                         steps::create_order),
    route("GET",  "v3/payscore/serviceorder",                         steps::query_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/cancel",   steps::cancel_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/complete", steps::complete_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/modify",   steps::modify_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/pay",      steps::ask_for_payment),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/sync",     steps::sync_order),
];

/// What the clock does.
pub(super) const DUE: &[(&str, DueHandler)] =
    &[(collection::EXPIRY, collection::expire), (collection::DEDUCTION, collection::deduct)];

/// An order that nobody confirms expires after 30 days.
const EXPIRY_SECONDS: i64 = 30 * 24 * 60 * 60;

/// How long a deduction takes. UNCONFIRMED(pay-score-time).
const DEDUCTION_SECONDS: i64 = 2;
