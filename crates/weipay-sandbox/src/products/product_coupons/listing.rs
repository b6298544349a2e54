//! Lists (查询商品券批次列表, 查询批次关联门店列表, 指定券状态查询用户商品券列表), which go on with a token, and one coupon.

use serde_json::{Map, Value};

use super::coupon::{self, CouponState, Filter, Seen};
use super::{Owner, product, refusals, stock, stores};
use crate::contract::ValidRequest;
use crate::people::Person;
use crate::products::coupon_stocks::check_user_of_appid;
use crate::products::coupon_stocks::number_of_query;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Page, StoreError, Transaction};

pub(super) fn list_stocks(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, page) = (context.request, page(context.request)?);
    let found = product::find(tx, &Owner::read(context), request.path("product_coupon_id"))?;
    let product = found.ok_or_else(refusals::no_such_product)?;
    let (stocks, total) = stock::list(tx, &product.id, request.query("state"), page)?;
    let stocks = stocks.iter().map(|stock| stock::shown(tx, stock, context.now));
    Ok(response("stock_list", stocks.collect::<Result<_, StoreError>>()?, page, total))
}

pub(super) fn list_stores(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let page = page(context.request)?;
    let stock = stock::named(tx, context)?.ok_or_else(refusals::no_such_stock)?;
    let (stores, total) = stores::list(tx, &stock.id, page)?;
    let stores = stores.iter().map(|store| serde_json::json!({ "store_id": store.store_id })).collect();
    Ok(response("store_list", stores, page, total))
}

pub(super) fn list_coupons(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, page) = (context.request, page(context.request)?);
    let appid = request.query("appid").unwrap_or_default();
    context.caller.check_appid(appid)?;
    check_user_of_appid(tx, request.path("openid"), appid)?;
    let state = match request.query("coupon_state") {
        Some(word) => {
            Some(CouponState::from_word(word).ok_or_else(|| refusals::parameters(reasons::NO_COUPON_STATE))?)
        }
        None => None,
    };
    let filter = Filter {
        owner: Owner::read(context),
        openid: request.path("openid").to_owned(),
        product_id: request.query("product_coupon_id").map(str::to_owned),
        stock_id: request.query("stock_id").map(str::to_owned),
        bundle_id: request.query("user_coupon_bundle_id").map(str::to_owned),
        state,
    };
    let (coupons, total) = coupon::list(tx, &filter, page, context.now)?;
    let shown = coupons.iter().map(|coupon| {
        let seen = Seen::read(tx, coupon)?;
        Ok(Value::Object(coupon.describe(&seen, context.now)))
    });
    Ok(response("user_coupon_list", shown.collect::<Result<_, StoreError>>()?, page, total))
}

pub(super) fn query_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let asked = |name: &str| request.query(name).unwrap_or_default();
    context.caller.check_appid(asked("appid"))?;
    check_user_of_appid(tx, request.path("openid"), asked("appid"))?;
    let openids = Person::all_openids(tx, request.path("openid"))?;
    let owner = Owner::read(context);
    let found = coupon::find(tx, asked("stock_id"), request.path("coupon_code"))?;
    let own = found.filter(|coupon| {
        coupon.owner == owner
            && openids.contains(&coupon.openid)
            && coupon.product_id == asked("product_coupon_id")
    });
    let coupon = own.ok_or_else(refusals::no_such_coupon)?;
    Ok(coupon.describe(&Seen::read(tx, &coupon)?, context.now).into())
}

const DEFAULT_PAGE_SIZE: i64 = 20;
const MAX_PAGE_SIZE: i64 = 50;

/// The page that a list is asked for. UNCONFIRMED(product-coupon-pages): a token tells how many are before the page.
fn page(request: &ValidRequest) -> Result<Page, Refusal> {
    let limit = number_of_query(request, "page_size", "分页大小", DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE)?;
    let offset = match request.query("page_token") {
        None => 0,
        Some(token) => offset_of(token).ok_or_else(|| {
            refusals::parameters("page_token must be the next_page_token of the page before")
        })?,
    };
    Ok(Page { offset, limit })
}

fn token_of(offset: i64) -> String {
    base16ct::lower::encode_string(offset.to_string().as_bytes())
}

fn offset_of(token: &str) -> Option<i64> {
    let digits = String::from_utf8(base16ct::lower::decode_vec(token).ok()?).ok()?;
    digits.parse().ok().filter(|offset| (0..=i64::from(u32::MAX)).contains(offset))
}

fn response(name: &str, items: Vec<Value>, page: Page, total: i64) -> Value {
    let next = page.offset.saturating_add(i64::try_from(items.len()).unwrap_or(i64::MAX));
    let mut shown = Map::new();
    shown.insert("total_count".to_owned(), total.into());
    if next < total && !items.is_empty() {
        shown.insert("next_page_token".to_owned(), token_of(next).into());
    }
    shown.insert(name.to_owned(), items.into());
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<Page, Refusal> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        page(&ValidRequest::from_query(pairs))
    }

    #[test]
    fn a_token_leads_to_the_next_page_until_the_last() {
        let items = || vec![Value::Null; 2];
        let first = asked(&[("page_size", "2")]).unwrap();
        let shown = response("list", items(), first, 4);
        let token = shown["next_page_token"].as_str().unwrap().to_owned();
        let second = asked(&[("page_size", "2"), ("page_token", &token)]).unwrap();
        assert_eq!(second, Page { offset: 2, limit: 2 });
        assert_eq!(response("list", items(), second, 4).get("next_page_token"), None);
        assert_eq!(asked(&[]).unwrap(), Page { offset: 0, limit: 20 });
    }

    #[test]
    fn pages_that_cannot_be_are_refused() {
        for pairs in [("page_size", "51"), ("page_size", "0"), ("page_token", "MTIz"), ("page_token", "2d31")]
        {
            assert_eq!(asked(&[pairs]).unwrap_err().code, "PARAM_ERROR", "{pairs:?}");
        }
    }
}
