//! Profit sharing (分账): a part of what was paid goes to others.
//!
//! | file | what is in it |
//! |---|---|
//! | `after_sales` | what a platform takes for service after a sale (售后服务分账) |
//! | `forms` | the same for merchants, for platforms (电商收付通) and for brands (连锁品牌) |
//! | `funds` | the money of an order that waits to be shared (待分账资金) |
//! | `notices` | what receivers are told (分账动账通知) |
//! | `receivers` | who may get a part (分账接收方) |
//! | `split` | who gets what (分账单), and that the rest is not to be shared (完结分账) |
//! | `returns` | a merchant gives its part back (分账回退) |
//! | `statement` | what bills show of splits and returns |
//! | `refusals` | what is refused, in the platform's words |
//! | `v2` | the same by APIv2 |

mod after_sales;
mod forms;
pub(crate) mod funds;
#[cfg(test)]
mod model;
pub(crate) mod notices;
#[cfg(test)]
mod race;
mod receivers;
mod refusals;
mod returns;
mod split;
pub(crate) mod statement;
#[cfg(test)]
mod tests;
pub(crate) mod v2;

use crate::products::month::MonthlyLimit;
use crate::products::{DueHandler, Route, route};
use forms::Form::{Brand, Ecommerce, General};

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v3/profitsharing/receivers/add", |tx, context| receivers::add_receiver(tx, context, General)),
    route("POST", "v3/profitsharing/receivers/delete", |tx, context| receivers::delete_receiver(tx, context, General)),
    route("POST", "v3/profitsharing/orders", |tx, context| split::create_split(tx, context, General)),
    route("GET", "v3/profitsharing/orders/{out_order_no}", |tx, context| split::query_split(tx, context, General)),
    route("POST", "v3/profitsharing/orders/unfreeze", |tx, context| split::unfreeze(tx, context, General)),
    route("POST", "v3/profitsharing/return-orders", |tx, context| returns::create_return(tx, context, General)),
    route("GET", "v3/profitsharing/return-orders/{out_return_no}", |tx, context| returns::query_return(tx, context, General)),
    route("GET", "v3/profitsharing/transactions/{transaction_id}/amounts", split::query_amounts),
    route("GET", "v3/profitsharing/merchant-configs/{sub_mchid}", |_, context| split::query_config(context, "sub_mchid")),
    route("POST", "v3/ecommerce/profitsharing/receivers/add", |tx, context| receivers::add_receiver(tx, context, Ecommerce)),
    route("POST", "v3/ecommerce/profitsharing/receivers/delete", |tx, context| receivers::delete_receiver(tx, context, Ecommerce)),
    route("POST", "v3/ecommerce/profitsharing/orders", |tx, context| split::create_split(tx, context, Ecommerce)),
    route("GET", "v3/ecommerce/profitsharing/orders", |tx, context| split::query_split(tx, context, Ecommerce)),
    route("POST", "v3/ecommerce/profitsharing/finish-order", |tx, context| split::unfreeze(tx, context, Ecommerce)),
    route("POST", "v3/ecommerce/profitsharing/returnorders", |tx, context| returns::create_return(tx, context, Ecommerce)),
    route("GET", "v3/ecommerce/profitsharing/returnorders", |tx, context| returns::query_return(tx, context, Ecommerce)),
    route("GET", "v3/ecommerce/profitsharing/orders/{transaction_id}/amounts", split::query_amounts),
    route("POST", "v3/ecommerce/profitsharing/after-sales-orders", after_sales::create),
    route("GET", "v3/ecommerce/profitsharing/after-sales-orders", after_sales::query),
    route("POST", "v3/brand/profitsharing/receivers/add", |tx, context| receivers::add_receiver(tx, context, Brand)),
    route("POST", "v3/brand/profitsharing/receivers/delete", |tx, context| receivers::delete_receiver(tx, context, Brand)),
    route("POST", "v3/brand/profitsharing/orders", |tx, context| split::create_split(tx, context, Brand)),
    route("GET", "v3/brand/profitsharing/orders", |tx, context| split::query_split(tx, context, Brand)),
    route("POST", "v3/brand/profitsharing/finish-order", |tx, context| split::unfreeze(tx, context, Brand)),
    route("POST", "v3/brand/profitsharing/returnorders", |tx, context| returns::create_return(tx, context, Brand)),
    route("GET", "v3/brand/profitsharing/returnorders", |tx, context| returns::query_return(tx, context, Brand)),
    route("GET", "v3/brand/profitsharing/orders/{transaction_id}/amounts", split::query_amounts),
    route("GET", "v3/brand/profitsharing/brand-configs/{brand_mchid}", |_, context| split::query_config(context, "brand_mchid")),
];

/// What a person may get: 200,000 yuan. INFERRED(sharing-month): by all merchants together; what came back does not
/// count, because only merchants give back.
const OF_A_PERSON: MonthlyLimit<'_> = MonthlyLimit { of: "shares", most: 20_000_000 };

/// Scheduled work.
pub(crate) const DUE: &[(&str, DueHandler)] =
    &[(funds::RELEASE, funds::release_due), (split::SETTLES, split::settle)];
