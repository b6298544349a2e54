//! Queries: stocks of a merchant, one stock with the merchants and goods that it is valid for, coupons of a person.

use serde_json::{Value, json};

use super::coupon::{self, Coupon};
use super::refusals;
use super::stock::{self, Stock};
use crate::clock;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::people::Person;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

/// UNCONFIRMED(cash-page): the size of a page when `limit` is missing.
const DEFAULT_LIMIT: usize = 20;
/// The most coupons of a page.
const MAX_COUPONS: usize = 100;

pub(super) fn list_stocks(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    check_creator(context)?;
    let time = |name: &str| request.query(name).and_then(clock::parse);
    let (from, until) = (time("create_start_time"), time("create_end_time"));
    let status = request.query("status");
    let fits = |stock: &Stock| {
        from.is_none_or(|from| stock.created >= from)
            && until.is_none_or(|until| stock.created <= until)
            && status.is_none_or(|status| stock.state.word() == status)
    };
    let stocks =
        stock::scan_created(tx, &context.caller.mchid).filter(|stock| stock.as_ref().map_or(true, fits));
    page(request, 10, stocks.map(|stock| Ok(stock?.show())))
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

/// The coupons of a person that the caller has to do with: as creator of the stock, as sender, or as a
/// merchant where it is valid. With `available_mchid` alone, `stock_id`, `status` and the page have no
/// effect; beside `creator_mchid` it has none itself.
pub(super) fn list_coupons(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let Context { caller, request, now, .. } = *context;
    check_appid(tx, caller, request.path("openid"), request.query("appid").unwrap_or_default())?;
    let place = request.query("available_mchid").filter(|_| request.query("creator_mchid").is_none());
    let stock_id = request.query("stock_id").filter(|_| place.is_none());
    let coupons = coupon::scan_of_person(tx, request.path("openid"), stock_id)?;
    let shown_if_wanted = |coupon: Coupon| -> Result<Option<Value>, StoreError> {
        let Some(stock) = stock::find(tx, &coupon.stock_id)? else { return Ok(None) };
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
        let is_shown = concerns_caller && is_wanted && is("sender_mchid", &coupon.sender);
        Ok(is_shown.then(|| coupon.show(&stock, now)))
    };
    let found = coupons.filter_map(|coupon| coupon.and_then(&shown_if_wanted).transpose());
    match place {
        Some(_) => page(&ValidRequest::default(), MAX_COUPONS, found),
        None => page(request, MAX_COUPONS, found),
    }
}

pub(super) fn query_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let appid = request.query("appid").unwrap_or_default();
    let (coupon, stock) =
        find_coupon(tx, context.caller, (request.path("openid"), appid), request.path("coupon_id"))?;
    Ok(coupon.show(&stock, context.now))
}

/// A coupon of a person that the caller has to do with, and its stock.
pub(super) fn find_coupon(
    tx: &Transaction<'_>,
    caller: &Account,
    (openid, appid): (&str, &str),
    id: &str,
) -> Result<(Coupon, Stock), HandlerError> {
    check_appid(tx, caller, openid, appid)?;
    let openids = Person::all_openids(tx, openid)?;
    let is_seen = |coupon: &Coupon| openids.contains(&coupon.openid);
    let coupon = coupon::find(tx, id)?.filter(is_seen);
    let coupon = coupon.ok_or_else(refusals::no_such_coupon)?;
    let stock = stock::find(tx, &coupon.stock_id)?.ok_or_else(refusals::no_such_stock)?;
    let is_valid_here = stock.use_rule_texts("available_merchants").contains(&&*caller.mchid);
    if coupon.creator != caller.mchid && coupon.sender != caller.mchid && !is_valid_here {
        return Err(refusals::no_such_coupon().into());
    }
    Ok((coupon, stock))
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

fn check_appid(
    tx: &Transaction<'_>,
    caller: &Account,
    openid: &str,
    appid: &str,
) -> Result<(), HandlerError> {
    caller.check_appid(appid).map_err(|_| refusals::appid_not_bound())?;
    if Person::has_another_openid(tx, openid, appid)? {
        return Err(refusals::user_of_another_appid().into());
    }
    Ok(())
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
    // All are counted, and those of the page are kept.
    let (mut total, mut data) = (0_usize, Vec::new());
    for item in items {
        let item = item?;
        if (offset..offset.saturating_add(limit)).contains(&total) {
            data.push(item);
        }
        total += 1;
    }
    Ok(json!({ "total_count": total, "data": data, "offset": offset, "limit": limit }))
}
