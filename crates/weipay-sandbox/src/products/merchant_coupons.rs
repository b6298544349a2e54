//! Merchant coupons (商家券): stocks of coupons, the coupons that users received, and what a merchant does with them.
//!
//! | file | what is in it |
//! |---|---|
//! | `stock` | a stock (批次): creation, state, what was sent of it; how it is stored and found |
//! | `definition` | what a merchant says about a stock when creating it |
//! | `modification` | what can be changed of a stock afterwards: its looks, its budget |
//! | `code_uploads` | codes that a merchant stores before sending (预存code) |
//! | `subsidy` | what a coupon took off, paid to its merchant, and returned (营销补差) |
//! | `partnership` | who else may send a stock (委托营销) |
//! | `coupon` | a user's coupon (用户券): its states, how it is shown, stored and found |
//! | `sending`, `redemption`, `association`, `deactivation` | the steps of a coupon's life |
//! | `listing` | a user's coupons, and one of them |
//! | `pre_sending`, `cards` | tokens for product coupons (商品券), and consumption cards (消费卡) |
//! | `reception` | a person takes coupons on a merchant's page, whose signature is checked |
//! | `callbacks` | where a merchant is notified (事件通知地址), and of what |
//! | `refusals` | what is refused, in the platform's words |
//! | `unconfirmed` | every choice that no source settles |
//!
//! Rules that other coupons have too are in [`coupon_stocks`](super::coupon_stocks): limits, times, stored codes.
//! Each file of a step has its handlers first: which records they read, which rule decides. The rules follow; they are pure.

mod association;
mod callbacks;
mod cards;
mod code_uploads;
pub(crate) mod control;
mod coupon;
mod deactivation;
pub(super) mod definition;
mod listing;
mod modification;
pub(crate) mod partnership;
mod pre_sending;
pub(crate) mod reception;
mod redemption;
mod refusals;
mod sending;
pub(crate) mod stock;
mod subsidy;
mod unconfirmed;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod model;

use serde_json::Value;

use super::{Changes, Context, Decided, DueHandler, HandlerError, Route, carry_out, idempotently, route};
use crate::merchants::{Account, Merchants};
use crate::response::Refusal;
use crate::store::IdempotencyKey;
use crate::store::{StoreError, Transaction};
use stock::Stock;

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST",  "v3/marketing/busifavor/stocks",                   stock::create_stock),
    route("GET",   "v3/marketing/busifavor/stocks/{stock_id}",        stock::query_stock),
    route("PATCH", "v3/marketing/busifavor/stocks/{stock_id}",        modification::modify_stock),
    route("PATCH", "v3/marketing/busifavor/stocks/{stock_id}/budget", modification::change_budget),
    route("POST",   "v3/marketing/busifavor/stocks/{stock_id}/couponcodes",               code_uploads::upload_codes),
    route("GET",    "v3/marketing/busifavor/stocks/{stock_id}/couponcodes",               code_uploads::list_codes),
    route("GET",    "v3/marketing/busifavor/stocks/{stock_id}/couponcodes/{coupon_code}", code_uploads::query_code),
    route("DELETE", "v3/marketing/busifavor/stocks/{stock_id}/couponcodes/{coupon_code}", code_uploads::delete_code),
    route("POST",  "v3/marketing/busifavor/subsidy/pay-receipts",                         subsidy::pay_subsidy),
    route("GET",   "v3/marketing/busifavor/subsidy/pay-receipts",                         subsidy::list_receipts),
    route("GET",   "v3/marketing/busifavor/subsidy/pay-receipts/{subsidy_receipt_id}",    subsidy::query_receipt),
    route("POST",  "v3/marketing/busifavor/subsidy/return-receipts",                      subsidy::return_subsidy),
    route("GET",   "v3/marketing/busifavor/subsidy/return-receipts/{subsidy_return_receipt_id}", subsidy::query_return_receipt),
    route("POST",  "v3/marketing/partnerships/build",                 partnership::build_partnership),
    route("POST",  "v3/marketing/partnerships/terminate",             partnership::terminate_partnership),
    route("GET",   "v3/marketing/partnerships",                       partnership::list_partnerships),
    route("POST",  "v3/marketing/busifavor/coupons/send",             sending::send_coupon),
    route("POST",  "v3/marketing/busifavor/product-coupons/send",     sending::send_product_coupon),
    route("POST",  "v3/marketing/busifavor/product-coupons/pre-send", pre_sending::pre_send_coupon),
    route("POST",  "v3/marketing/busifavor/coupons/{card_id}/send",   cards::send_card),
    route("POST",  "v3/marketing/busifavor/coupons/use",              redemption::use_coupon),
    route("POST",  "v3/marketing/busifavor/coupons/associate",        association::associate_order),
    route("POST",  "v3/marketing/busifavor/coupons/disassociate",     association::disassociate_order),
    route("POST",  "v3/marketing/busifavor/coupons/return",           redemption::return_coupon),
    route("POST",  "v3/marketing/busifavor/coupons/deactivate",       deactivation::deactivate_coupon),
    route("POST",  "v3/marketing/busifavor/callbacks",                callbacks::set_callback),
    route("GET",   "v3/marketing/busifavor/callbacks",                callbacks::query_callback),
    route("GET",   "v3/marketing/busifavor/users/{openid}/coupons",   listing::list_coupons),
    route("GET",   "v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}", listing::query_coupon),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] = &[(stock::END, stock::end_stock)];

/// Carries out a decision once for a number that the merchant uses once for an operation.
fn once_for_merchant<C: Changes>(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    operation: &'static str,
    request_no: &str,
    decide: impl FnOnce() -> Result<Decided<C>, StoreError>,
) -> Result<Value, HandlerError> {
    let key = IdempotencyKey { operation, scope: &context.caller.mchid, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || carry_out(tx, decide()??))
}

/// Refuses an appid that is bound neither to the caller nor to the merchant that the stock belongs to.
fn check_appid(caller: &Account, belonging: Option<&Account>, appid: &str) -> Result<(), Refusal> {
    match belonging {
        Some(merchant) if merchant.check_appid(appid).is_ok() => Ok(()),
        _ => caller.check_appid(appid),
    }
}

/// The merchant that a stock belongs to; none where it has no keys, so that no appid of it is known.
fn belonging_merchant(merchants: &Merchants, stock: &Stock) -> Option<Account> {
    merchants.find(stock.definition.belong_merchant()).map(|merchant| merchant.account.clone())
}

/// Whether a merchant may operate coupons of this stock: its creator and the one it belongs to. The latter is
/// UNCONFIRMED(belong-merchant).
fn may_operate(caller: &Account, stock: &Stock) -> bool {
    stock.creator == caller.mchid || stock.definition.belong_merchant() == caller.mchid
}
