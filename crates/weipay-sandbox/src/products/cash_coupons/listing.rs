//! Queries: stocks of a merchant, one stock with the merchants and goods that it is valid for, coupons of a person.

use serde_json::{Value, json};

use super::coupon::{self, Coupon};
use super::refusals;
use super::stock::{self, Stock};
use crate::clock;
use crate::contract::ValidRequest;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Page, StoreError, Transaction};

/// UNCONFIRMED(cash-page): the size of a page when `limit` is missing.
const DEFAULT_LIMIT: usize = 20;
/// The most coupons of a page.
const MOST_COUPONS: usize = 100;
/// More records of one merchant or person are not looked at.
const MAX_LOOKED_AT: i64 = 10_000;

pub(super) fn list_stocks(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    check_creator(context)?;
    let time = |name: &str| request.query(name).and_then(clock::parse);
    let (from, until) = (time("create_start_time"), time("create_end_time"));
    let status = request.query("status");
    let stocks = stock::find_created(tx, &context.caller.mchid, Page { offset: 0, limit: MAX_LOOKED_AT })?;
    let fits = |stock: &Stock| {
        from.is_none_or(|from| stock.created >= from)
            && until.is_none_or(|until| stock.created <= until)
            && status.is_none_or(|status| stock.state.word() == status)
    };
    page(request, 10, stocks.into_iter().filter(fits).map(|stock| Ok(stock.show())))
}

pub(super) fn query_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(own_stock(tx, context)?.show())
}

pub(super) fn list_merchants(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    list_of_stock(tx, context, "available_merchants", 50)
}

pub(super) fn list_items(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    list_of_stock(tx, context, "available_items", 100)
}

/// The coupons of a person that the caller has to do with: as creator of the stock, as sender, or as a merchant where it is valid. With
/// `available_mchid` alone, `stock_id`, `status` and the page have no effect; beside `creator_mchid` it has none itself.
pub(super) fn list_coupons(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let Context { caller, request, now, .. } = *context;
    check_appid(context)?;
    let coupons = coupon::find_of_user(tx, request.path("openid"), Page { offset: 0, limit: MAX_LOOKED_AT })?;
    let place = request.query("available_mchid").filter(|_| request.query("creator_mchid").is_none());
    let mut found = Vec::new();
    for coupon in coupons {
        let Some(stock) = stock::find(tx, &coupon.stock_id)? else { continue };
        let is_valid_at = |mchid: &str| stock.use_rule_texts("available_merchants").contains(&mchid);
        let concerns_caller =
            coupon.creator == caller.mchid || coupon.sender == caller.mchid || is_valid_at(&caller.mchid);
        let is = |name: &str, value: &str| request.query(name).is_none_or(|wanted| wanted == value);
        let is_wanted = match place {
            Some(mchid) => is_valid_at(mchid),
            None => {
                is("stock_id", &coupon.stock_id)
                    && is("status", coupon.state_at(now).word())
                    && is("creator_mchid", &coupon.creator)
            }
        };
        if concerns_caller && is_wanted && is("sender_mchid", &coupon.sender) {
            found.push(Ok(coupon.show(&stock, now)));
        }
    }
    match place {
        Some(_) => page(&ValidRequest::default(), MOST_COUPONS, found.into_iter()),
        None => page(request, MOST_COUPONS, found.into_iter()),
    }
}

pub(super) fn query_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let Context { caller, request, now, .. } = *context;
    check_appid(context)?;
    let is_seen = |coupon: &Coupon| coupon.openid == request.path("openid");
    let coupon = coupon::find(tx, request.path("coupon_id"))?.filter(is_seen);
    let coupon = coupon.ok_or_else(refusals::no_such_coupon)?;
    let stock = stock::find(tx, &coupon.stock_id)?.ok_or_else(refusals::no_such_stock)?;
    let is_valid_here = stock.use_rule_texts("available_merchants").contains(&&*caller.mchid);
    if coupon.creator != caller.mchid && coupon.sender != caller.mchid && !is_valid_here {
        return Err(refusals::no_such_coupon().into());
    }
    Ok(coupon.show(&stock, now))
}

fn list_of_stock(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    name: &str,
    most: usize,
) -> Result<Value, HandlerError> {
    let stock = own_stock(tx, context)?;
    let texts: Vec<Value> = stock.use_rule_texts(name).into_iter().map(Value::from).collect();
    let mut listed = page(context.request, most, texts.into_iter().map(Ok))?;
    listed["stock_id"] = json!(stock.id);
    Ok(listed)
}

fn own_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Stock, HandlerError> {
    check_creator(context)?;
    let stock = stock::find(tx, context.request.path("stock_id"))?;
    let stock = stock.filter(|stock| stock.creator == context.caller.mchid);
    Ok(stock.ok_or_else(refusals::no_such_stock)?)
}

fn check_creator(context: &Context<'_>) -> Result<(), Refusal> {
    let creator = context.request.query("stock_creator_mchid");
    if creator == Some(&context.caller.mchid) { Ok(()) } else { Err(refusals::not_the_creator()) }
}

fn check_appid(context: &Context<'_>) -> Result<(), Refusal> {
    let appid = context.request.query("appid").unwrap_or_default();
    context.caller.check_appid(appid).map_err(|_| refusals::appid_not_bound())
}

/// A page of a list. UNCONFIRMED(cash-offset): `offset` counts entries; the pages call it a page number.
fn page(
    request: &ValidRequest,
    most: usize,
    items: impl Iterator<Item = Result<Value, StoreError>>,
) -> Result<Value, HandlerError> {
    let number = |name: &str| request.query(name).and_then(|text| text.parse::<usize>().ok());
    let (offset, limit) =
        (number("offset").unwrap_or_default(), number("limit").unwrap_or(DEFAULT_LIMIT.min(most)));
    if limit > most {
        return Err(refusals::page_is_too_large(limit, most).into());
    }
    let items: Vec<Value> = items.collect::<Result<_, _>>()?;
    let data: Vec<&Value> = items.iter().skip(offset).take(limit).collect();
    Ok(json!({ "total_count": items.len(), "data": data, "offset": offset, "limit": limit }))
}
