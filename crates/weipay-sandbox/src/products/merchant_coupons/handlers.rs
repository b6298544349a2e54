//! The handlers of merchant coupons: for each operation, which records it reads, which rule decides, what it keeps.

use serde_json::Value;

use super::association::{self, AssociationRequest};
use super::deactivation::{self, DeactivateRequest};
use super::definition::CodeMode;
use super::listing::{self, ListRequest};
use super::returning::{self, ReturnRequest};
use super::sending::{self, SendRequest, Situation};
use super::stock::{self, Stock};
use super::using::{self, UseRequest};
use super::{budget, modification, records, refusals};
use crate::products::decision::{Changes, Decided};
use crate::products::handler::{carry_out, idempotently};
use crate::products::{Context, HandlerError};
use crate::store::idempotency::IdempotencyKey;
use crate::store::{StoreError, Transaction};

type Response = Result<Value, HandlerError>;

/// Carries out a decision once for a number that the merchant uses once for an operation.
fn once_for_merchant<C: Changes>(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    operation: &'static str,
    request_no: &str,
    decide: impl FnOnce() -> Result<Decided<C>, StoreError>,
) -> Response {
    let key = IdempotencyKey { operation, scope: &context.caller.mchid, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || carry_out(tx, decide()??))
}

pub(super) fn create_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let Context { caller, request, now, .. } = *context;
    let request_no = request.required("out_request_no");
    let key = IdempotencyKey { operation: "create stock", scope: &caller.mchid, request_no };
    // The family's table knows no replay here: a number that made a stock is refused, whatever the body.
    if tx.stored_response(&key)?.is_some() {
        return Err(refusals::stock_exists().into());
    }
    once_for_merchant(tx, context, key.operation, request_no, || {
        Ok(stock::create(caller, request.body.clone(), tx.next_number("stock")?, now))
    })
}

pub(super) fn query_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let stock = records::stock(tx, context.request.path("stock_id"))?.ok_or_else(refusals::no_such_stock)?;
    Ok(stock.describe(context.now))
}

/// Changes one stock. The body does not say which, so that the same body and number may come for another.
fn change_stock(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    (operation, request_no): (&'static str, &'static str),
    change: impl FnOnce(Option<Stock>) -> Decided<Stock>,
) -> Response {
    let stock_id = context.request.path("stock_id");
    let scope = format!("{}\n{stock_id}", context.caller.mchid);
    let request_no = context.request.required(request_no);
    let key = IdempotencyKey { operation, scope: &scope, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        carry_out(tx, change(records::stock(tx, stock_id)?)?)
    })
}

pub(super) fn modify_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    change_stock(tx, context, ("modify stock", "out_request_no"), |stock| {
        modification::modify(context.caller, &context.request.body, stock, context.now)
    })
}

pub(super) fn change_budget(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    change_stock(tx, context, ("change budget", "modify_budget_request_no"), |stock| {
        budget::change(context.caller, &context.request.body, stock, context.now)
    })
}

pub(super) fn send(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let request = SendRequest::read(context.request);
    // The number must be unique within one stock and one user; neither can hold the separator.
    let scope = format!("{}\n{}", request.stock_id, request.openid);
    let key = IdempotencyKey { operation: "send", scope: &scope, request_no: &request.out_request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        let situation = situation(tx, context, &request)?;
        carry_out(tx, sending::send(context.caller, &request, situation, context.now)?)
    })
}

fn situation(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    request: &SendRequest,
) -> Result<Situation, StoreError> {
    let code_is_taken = match &request.coupon_code {
        Some(code) => records::coupon(tx, &request.stock_id, code)?.is_some(),
        None => false,
    };
    Ok(Situation {
        stock: records::stock(tx, &request.stock_id)?,
        received_by_user: records::received_by_user(tx, &request.stock_id, &request.openid)?,
        code_is_taken,
        fresh_code: fresh_code(tx, context)?,
    })
}

/// 22 digits as the platform makes them: a serial keeps them apart, chance keeps them from being guessed.
fn fresh_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<String, StoreError> {
    Ok(format!("1{}{:010}", context.entropy.digits(11), tx.next_number("coupon code")?))
}

pub(super) fn use_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let request = UseRequest::read(context.request);
    once_for_merchant(tx, context, "use", &request.use_request_no, || {
        let found = match &request.stock_id {
            Some(stock_id) => records::coupon(tx, stock_id, &request.coupon_code)?,
            None => records::coupon_by_code(tx, &request.coupon_code, CodeMode::WechatPay)?,
        };
        Ok(using::use_coupon(context.caller, &request, found, context.now))
    })
}

pub(super) fn associate(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let request = AssociationRequest::read(context.request);
    once_for_merchant(tx, context, "associate", &request.out_request_no, || {
        let found = records::coupon(tx, &request.stock_id, &request.coupon_code)?;
        Ok(association::associate(context.caller, &request, found, context.now))
    })
}

pub(super) fn disassociate(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let request = AssociationRequest::read(context.request);
    once_for_merchant(tx, context, "disassociate", &request.out_request_no, || {
        let found = records::coupon(tx, &request.stock_id, &request.coupon_code)?;
        Ok(association::disassociate(context.caller, &request, found, context.now))
    })
}

pub(super) fn return_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let request = ReturnRequest::read(context.request);
    once_for_merchant(tx, context, "return", &request.return_request_no, || {
        let found = records::coupon(tx, &request.stock_id, &request.coupon_code)?;
        Ok(returning::return_coupon(context.caller, &request, found, context.now))
    })
}

pub(super) fn deactivate(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let request = DeactivateRequest::read(context.request);
    once_for_merchant(tx, context, "deactivate", &request.deactivate_request_no, || {
        let stock = records::stock(tx, &request.stock_id)?;
        let coupon = records::coupon(tx, &request.stock_id, &request.coupon_code)?.map(|(_, coupon)| coupon);
        Ok(deactivation::deactivate(context.caller, &request, stock, coupon, context.now))
    })
}

pub(super) fn list(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let listing = ListRequest::read(context.caller, context.request)?;
    let coupons = records::coupons_of_user(tx, &listing.openid, listing.stock_id.as_deref())?;
    Ok(listing.response(coupons, context.now))
}

pub(super) fn query_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Response {
    let (openid, code) = (context.request.path("openid"), context.request.path("coupon_code"));
    let found = records::coupon_of_user(tx, openid, code)?;
    Ok(listing::one(context.caller, context.request, found, context.now)?)
}
