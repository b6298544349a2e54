//! Product coupons (商品券): a brand's offers, their stocks, the coupons that users received, and what becomes of them.
//!
//! ```text
//!            ┌─ confirm ► PENDING ── time ─┐
//!   send ► CONFIRMING                      ├► EFFECTIVE ── use ──► USED
//!            └─ confirm ───────────────────┘       ▲◄── return ─────┘
//!   CONFIRMING, PENDING and EFFECTIVE end as EXPIRED (time), DEACTIVATED (the partner) or DELETED (the user)
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `product` | a product coupon: creation, change, end; how it is shown, stored and found |
//! | `stock` | a stock (批次) of it, and its steps |
//! | `bundle` | stocks that are made, changed and sent together (批次组), for coupons that are used one after the other |
//! | `definition` | what a partner says about both when creating them |
//! | `budget`, `code_uploads`, `stores` | what can be changed of a stock afterwards: its limits, its codes, where it is valid |
//! | `coupon` | a user's coupon (用户商品券): its states, how it is shown, stored and found |
//! | `sending`, `tokens` | a coupon or a bundle of coupons to a user, by the partner or taken by the user |
//! | `redemption`, `deactivation` | the steps of a coupon's life |
//! | `listing` | lists with page tokens |
//! | `notifications` | where a partner is notified, and of what |
//! | `images` | pictures that the platform makes |
//! | `refusals` | what is refused, in the platform's words |
//!
//! Rules that other coupons have too are in [`coupon_stocks`](super::coupon_stocks). Each file has its
//! handlers first; the rules follow, and are pure. Partners (服务商) call all of this for a brand (品牌).
//! INFERRED(product-coupon-brand): every brand has authorised every partner, and a partner sees of a brand
//! what it made itself.

mod budget;
mod bundle;
mod code_uploads;
pub(crate) mod control;
mod coupon;
mod deactivation;
mod definition;
mod images;
mod listing;
mod notifications;
mod product;
mod redemption;
mod refusals;
mod sending;
pub(crate) mod stock;
mod stores;
pub(crate) mod tokens;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod model;
#[cfg(test)]
mod race;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Changes, Context, Decided, DueHandler, HandlerError, Route, carry_out, idempotently, route};
use crate::store::{IdempotencyKey, StoreError, Transaction, joined};

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons",                                            product::create_product),
    route("GET",   "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}",                        product::query_product),
    route("PATCH", "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}",                        product::modify_product),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/deactivate",             product::deactivate_product),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks",                 stock::add_stock),
    route("GET",   "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks",                 listing::list_stocks),
    route("GET",   "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}",      stock::query_stock),
    route("PATCH", "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}",      stock::modify_stock),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/deactivate",           stock::deactivate_stock),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/update-budget",        budget::change_stock_budget),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/upload-coupon-codes",  code_uploads::upload_codes),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associate-stores",     stores::associate_with_stock),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/disassociate-stores",  stores::disassociate_from_stock),
    route("GET",   "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks/{stock_id}/associated-stores",    listing::list_stores),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles",                          bundle::add_bundle),
    route("PATCH", "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}",        bundle::modify_bundle),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/update-budget",       budget::change_bundle_budget),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/associate-stores",    stores::associate_with_bundle),
    route("POST",  "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stock-bundles/{stock_bundle_id}/disassociate-stores", stores::disassociate_from_bundle),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupons",                                     sending::send_coupon),
    route("GET",   "v3/marketing/partner/product-coupon/users/{openid}/coupons",                                     listing::list_coupons),
    route("GET",   "v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}",                       listing::query_coupon),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/confirm",               redemption::confirm_coupon),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/use",                   redemption::use_coupon),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/return",                redemption::return_coupon),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupons/{coupon_code}/deactivate",            deactivation::deactivate_coupon),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/pre-send-coupon",                             tokens::pre_send_coupon),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/pre-send-coupon-bundle",                      tokens::pre_send_bundle),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupon-bundles",                              sending::send_bundle),
    route("POST",  "v3/marketing/partner/product-coupon/users/{openid}/coupon-bundles/{user_coupon_bundle_id}/deactivate", deactivation::deactivate_bundle),
    route("POST",  "v3/marketing/partner/product-coupon/notify-configs",                                             notifications::set_address),
    route("GET",   "v3/marketing/partner/product-coupon/notify-configs",                                             notifications::query_address),
    route("POST",  "v3/marketing/partner/product-coupon/image-generation-tasks",                                     images::create_task),
    route("GET",   "v3/marketing/partner/product-coupon/image-generation-tasks/{task_id}",                           images::query_task),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] =
    &[(stock::END, stock::end_stock), (images::DONE, images::finish_task)];

/// The owner of stocks and coupons: the partner that asks, and the brand that it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) mchid: String,
    pub(crate) brand_id: String,
}

impl Owner {
    fn read(context: &Context<'_>) -> Self {
        let request = context.request;
        let brand_id = request.text("brand_id").or_else(|| request.query("brand_id"));
        Self { mchid: context.caller.mchid.clone(), brand_id: brand_id.unwrap_or_default().to_owned() }
    }

    /// One text for both.
    fn key(&self) -> String {
        joined(&self.mchid, &self.brand_id)
    }
}

/// Carries out a decision once for a number (请求单号), which a brand uses once for an operation.
fn once<C: Changes>(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    (operation, number): (&'static str, &'static str),
    decide: impl FnOnce(Owner) -> Result<Decided<C>, StoreError>,
) -> Result<Value, HandlerError> {
    let owner = Owner::read(context);
    let scope = owner.key();
    let key = IdempotencyKey { operation, scope: &scope, request_no: context.request.required(number) };
    idempotently(tx, context, &key, refusals::other_data, || carry_out(tx, decide(owner)??))
}

/// The number of most operations.
const REQUEST_NO: &str = "out_request_no";
