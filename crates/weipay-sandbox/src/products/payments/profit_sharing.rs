//! Profit sharing (分账): a part of what was paid goes to others.
//!
//! | file | what is in it |
//! |---|---|
//! | `funds` | the money of an order that waits to be shared (待分账资金) |
//! | `receivers` | who may get a part (分账接收方) |
//! | `split` | who gets what (分账单), and that the rest is not to be shared (完结分账) |
//! | `returns` | a merchant gives its part back (分账回退) |
//! | `refusals` | what is refused, in the platform's words |
//!
//! Receivers are not notified: their address is set on a page of the merchant platform, and no operation of the API sets it.

pub(crate) mod funds;
#[cfg(test)]
mod model;
mod receivers;
mod refusals;
mod returns;
mod split;
#[cfg(test)]
mod tests;

use crate::products::{DueHandler, Route, route};

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v3/profitsharing/receivers/add",                        receivers::add_receiver),
    route("POST", "v3/profitsharing/receivers/delete",                     receivers::delete_receiver),
    route("POST", "v3/profitsharing/orders",                               split::create_split),
    route("GET",  "v3/profitsharing/orders/{out_order_no}",                split::query_split),
    route("POST", "v3/profitsharing/orders/unfreeze",                      split::unfreeze),
    route("GET",  "v3/profitsharing/transactions/{transaction_id}/amounts", split::query_amounts),
    route("GET",  "v3/profitsharing/merchant-configs/{sub_mchid}",         split::query_config),
    route("POST", "v3/profitsharing/return-orders",                        returns::create_return),
    route("GET",  "v3/profitsharing/return-orders/{out_return_no}",        returns::query_return),
];

/// What the clock does.
pub(crate) const DUE: &[(&str, DueHandler)] =
    &[(funds::RELEASE, funds::release_due), (split::SETTLES, split::settle)];
