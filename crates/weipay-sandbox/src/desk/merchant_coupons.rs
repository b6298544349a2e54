//! The desk of merchant coupons (商家券).

use serde_json::Value;

use super::{Desk, Errand, Number, Unserved, once};
use crate::domain::merchant_coupons::association::{self, OrderTie};
use crate::domain::merchant_coupons::budget;
use crate::domain::merchant_coupons::coupon::Coupon;
use crate::domain::merchant_coupons::deactivation::{self, Deactivation};
use crate::domain::merchant_coupons::listing::{self, Listing};
use crate::domain::merchant_coupons::modification;
use crate::domain::merchant_coupons::refusals;
use crate::domain::merchant_coupons::returning::{self, Returning};
use crate::domain::merchant_coupons::sending::{self, Sending, Situation};
use crate::domain::merchant_coupons::stock::{self, Stock};
use crate::domain::merchant_coupons::using::{self, Using};
use crate::refusal::Refusal;
use crate::store::{Ledger, StoreError};

/// The desk of an operation, by method and path template.
pub(super) fn of(method: &str, path: &str) -> Option<Desk> {
    let below = path.strip_prefix("v3/marketing/busifavor/")?;
    Some(match (method, below) {
        ("POST", "stocks") => create_stock,
        ("GET", "stocks/{stock_id}") => query_stock,
        ("PATCH", "stocks/{stock_id}") => modify_stock,
        ("PATCH", "stocks/{stock_id}/budget") => change_budget,
        ("POST", "coupons/send") => send,
        ("POST", "coupons/use") => use_coupon,
        ("POST", "coupons/associate") => associate,
        ("POST", "coupons/disassociate") => disassociate,
        ("POST", "coupons/return") => return_coupon,
        ("POST", "coupons/deactivate") => deactivate,
        ("GET", "users/{openid}/coupons") => list,
        ("GET", "users/{openid}/coupons/{coupon_code}/appids/{appid}") => query_coupon,
        _ => return None,
    })
}

/// A number that a merchant uses once for an operation.
fn of_merchant<'a>(errand: &'a Errand<'_>, operation: &'static str, request_no: &'a str) -> Number<'a> {
    Number { operation, scope: errand.caller.mchid, request_no, other: refusals::other_parameters }
}

fn create_stock(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request_no = errand.request.required("out_request_no");
    // The family's table knows no replay here: a number that made a stock is refused, whatever the body.
    if ledger.receipt("create stock", errand.caller.mchid, request_no)?.is_some() {
        return Err(refusals::stock_exists().into());
    }
    let number = of_merchant(errand, "create stock", request_no);
    once(ledger, errand, &number, || {
        let serial = ledger.next("stock")?;
        let (stock, reply) = stock::create(&errand.caller, errand.request.body.clone(), serial, errand.now)?;
        ledger.add_stock(&stock)?;
        Ok(reply)
    })
}

fn query_stock(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let stock = ledger.stock(errand.request.path("stock_id"))?.ok_or_else(refusals::no_such_stock)?;
    Ok(stock.describe(errand.now))
}

/// A number for changes of one stock: the body does not say which, so that the same body may come for another.
fn change_of_stock(
    ledger: &Ledger<'_>,
    errand: &Errand<'_>,
    (operation, request_no): (&'static str, &'static str),
    change: impl FnOnce(Option<Stock>) -> Result<(Stock, Value), Refusal>,
) -> Result<Value, Unserved> {
    let stock_id = errand.request.path("stock_id");
    let scope = format!("{}\n{stock_id}", errand.caller.mchid);
    let request_no = errand.request.required(request_no);
    let number = Number { operation, scope: &scope, request_no, other: refusals::other_parameters };
    once(ledger, errand, &number, || {
        let (stock, reply) = change(ledger.stock(stock_id)?)?;
        ledger.redefine_stock(&stock)?;
        Ok(reply)
    })
}

fn modify_stock(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    change_of_stock(ledger, errand, ("modify stock", "out_request_no"), |stock| {
        let stock = modification::modify(&errand.caller, &errand.request.body, stock, errand.now)?;
        Ok((stock, Value::Null))
    })
}

fn change_budget(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    change_of_stock(ledger, errand, ("change budget", "modify_budget_request_no"), |stock| {
        budget::change(&errand.caller, &errand.request.body, stock, errand.now)
    })
}

fn send(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request = Sending::read(errand.request);
    // The number must be unique within one stock and one user; neither can hold the separator.
    let scope = format!("{}\n{}", request.stock_id, request.openid);
    let number = Number {
        operation: "send",
        scope: &scope,
        request_no: &request.out_request_no,
        other: refusals::other_parameters,
    };
    once(ledger, errand, &number, || {
        let situation = situation(ledger, errand, &request)?;
        let (stock, coupon, reply) = sending::send(&errand.caller, &request, situation, errand.now)?;
        ledger.change_stock(&stock)?;
        ledger.add_coupon(&coupon)?;
        Ok(reply)
    })
}

fn situation(ledger: &Ledger<'_>, errand: &Errand<'_>, request: &Sending) -> Result<Situation, StoreError> {
    let code_is_taken = match &request.coupon_code {
        Some(code) => ledger.coupon(&request.stock_id, code)?.is_some(),
        None => false,
    };
    Ok(Situation {
        stock: ledger.stock(&request.stock_id)?,
        received_by_user: ledger.received_by_user(&request.stock_id, &request.openid)?,
        code_is_taken,
        fresh_code: fresh_code(ledger, errand)?,
    })
}

/// 22 digits as the platform makes them: a serial keeps them apart, chance keeps them from being guessed.
fn fresh_code(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<String, StoreError> {
    Ok(format!("1{}{:010}", errand.chance.digits(11), ledger.next("coupon code")?))
}

fn use_coupon(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request = Using::read(errand.request);
    once(ledger, errand, &of_merchant(errand, "use", &request.use_request_no), || {
        let found = match &request.stock_id {
            Some(stock_id) => ledger.coupon(stock_id, &request.coupon_code)?,
            None => ledger.coupon_by_code(&request.coupon_code, "WECHATPAY_MODE")?,
        };
        keep(ledger, using::use_coupon(&errand.caller, &request, found, errand.now)?)
    })
}

fn associate(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request = OrderTie::read(errand.request);
    once(ledger, errand, &of_merchant(errand, "associate", &request.out_request_no), || {
        let found = ledger.coupon(&request.stock_id, &request.coupon_code)?;
        keep(ledger, association::associate(&errand.caller, &request, found, errand.now)?)
    })
}

fn disassociate(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request = OrderTie::read(errand.request);
    once(ledger, errand, &of_merchant(errand, "disassociate", &request.out_request_no), || {
        let found = ledger.coupon(&request.stock_id, &request.coupon_code)?;
        keep(ledger, association::disassociate(&errand.caller, &request, found, errand.now)?)
    })
}

fn return_coupon(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request = Returning::read(errand.request);
    once(ledger, errand, &of_merchant(errand, "return", &request.return_request_no), || {
        let found = ledger.coupon(&request.stock_id, &request.coupon_code)?;
        keep(ledger, returning::return_coupon(&errand.caller, &request, found, errand.now)?)
    })
}

fn deactivate(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let request = Deactivation::read(errand.request);
    once(ledger, errand, &of_merchant(errand, "deactivate", &request.deactivate_request_no), || {
        let stock = ledger.stock(&request.stock_id)?;
        let coupon = ledger.coupon(&request.stock_id, &request.coupon_code)?.map(|(_, coupon)| coupon);
        keep(ledger, deactivation::deactivate(&errand.caller, &request, stock, coupon, errand.now)?)
    })
}

fn keep(ledger: &Ledger<'_>, (coupon, reply): (Coupon, Value)) -> Result<Value, Unserved> {
    ledger.change_coupon(&coupon)?;
    Ok(reply)
}

fn list(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let listing = Listing::read(&errand.caller, errand.request)?;
    let page = ledger.page(&listing, errand.now)?;
    Ok(listing.reply(&page.coupons, page.total, errand.now))
}

fn query_coupon(ledger: &Ledger<'_>, errand: &Errand<'_>) -> Result<Value, Unserved> {
    let (openid, code) = (errand.request.path("openid"), errand.request.path("coupon_code"));
    let found: Option<(Stock, Coupon)> = ledger.coupon_of_user(openid, code)?;
    Ok(listing::one(&errand.caller, errand.request, found, errand.now)?)
}

#[cfg(test)]
mod tests;
