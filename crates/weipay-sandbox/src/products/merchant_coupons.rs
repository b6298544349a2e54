//! Merchant coupons (商家券): stocks of coupons, the coupons that users received, and what a merchant does with them.
//!
//! | file | idea |
//! |---|---|
//! | `handlers` | for each operation, which records it reads, which rule decides, what it keeps |
//! | `records` | what is kept, and how it is found |
//! | `definition` | what a merchant says of a stock when creating it, and the rules that this must keep |
//! | `validity` | when a coupon of a stock can be used |
//! | `stock` | a stock (批次): creation, state, what has been sent |
//! | `modification`, `budget` | what can be changed of a stock afterwards |
//! | `coupon` | a user's coupon (用户券): its states and how it is shown |
//! | `sending`, `using`, `association`, `returning`, `deactivation` | one step of a coupon's life each |
//! | `listing` | which of a user's coupons a query means |
//! | `refusals` | what is refused, in the platform's words |
//! | `unconfirmed` | every choice that no source settles, in one place |

mod association;
mod budget;
mod coupon;
mod deactivation;
mod definition;
mod handlers;
mod listing;
mod modification;
mod records;
mod refusals;
mod returning;
mod sending;
pub(crate) mod stock;
mod unconfirmed;
mod using;
mod validity;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod model;

use super::{Handler, Route};
pub(crate) use records::set_stock_state;

const fn route(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route { method, path, handler }
}

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST",  "v3/marketing/busifavor/stocks",                   handlers::create_stock),
    route("GET",   "v3/marketing/busifavor/stocks/{stock_id}",        handlers::query_stock),
    route("PATCH", "v3/marketing/busifavor/stocks/{stock_id}",        handlers::modify_stock),
    route("PATCH", "v3/marketing/busifavor/stocks/{stock_id}/budget", handlers::change_budget),
    route("POST",  "v3/marketing/busifavor/coupons/send",             handlers::send),
    route("POST",  "v3/marketing/busifavor/coupons/use",              handlers::use_coupon),
    route("POST",  "v3/marketing/busifavor/coupons/associate",        handlers::associate),
    route("POST",  "v3/marketing/busifavor/coupons/disassociate",     handlers::disassociate),
    route("POST",  "v3/marketing/busifavor/coupons/return",           handlers::return_coupon),
    route("POST",  "v3/marketing/busifavor/coupons/deactivate",       handlers::deactivate),
    route("GET",   "v3/marketing/busifavor/users/{openid}/coupons",   handlers::list),
    route("GET",   "v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}", handlers::query_coupon),
];
