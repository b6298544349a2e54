//! Listing (根据过滤条件查询用户券, 查询用户单张券详情): a page of a user's coupons, and one of them.

use serde_json::{Map, Value, json};

use super::coupon::{self, Coupon, CouponState, Filter};
use super::stock::Stock;
use super::unconfirmed::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE};
use super::{belonging_merchant, check_appid, may_operate, refusals};
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::coupon_stocks::check_user_of_appid;
use crate::products::coupon_stocks::number_of_query;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Page, Transaction};

pub(super) fn list_coupons(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let ListRequest { filter, page } = ListRequest::read(context.caller, context.request)?;
    let appid = context.request.query("appid").unwrap_or_default();
    context.caller.check_appid(appid)?;
    check_user_of_appid(tx, &filter.openid, appid)?;
    let (coupons, total_count) = coupon::list(tx, &filter, page, context.now)?;
    let data: Vec<Value> =
        coupons.iter().map(|(stock, coupon)| Value::Object(listed(stock, coupon, context.now))).collect();
    // Members in the order of a recorded response.
    Ok(json!({ "data": data, "total_count": total_count, "limit": page.limit, "offset": page.offset }))
}

pub(super) fn query_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (openid, code) = (context.request.path("openid"), context.request.path("coupon_code"));
    let appid = context.request.path("appid");
    let found = coupon::find_of_user(tx, openid, code)?;
    let is_seen = found.as_ref().is_some_and(|(stock, coupon)| may_see(context.caller, stock, coupon));
    let belonging = found.as_ref().filter(|_| is_seen);
    let belonging = belonging.and_then(|(stock, _)| belonging_merchant(context.merchants, stock));
    check_appid(context.caller, belonging.as_ref(), appid)?;
    check_user_of_appid(tx, openid, appid)?;
    let (stock, coupon) = found.ok_or_else(refusals::no_such_coupon)?;
    if !is_seen {
        return Err(refusals::no_right_to_see_coupon().into());
    }
    Ok(Value::Object(coupon.describe(&stock, context.now)))
}

/// INFERRED(coupon-readers): who finds a coupon in a list, by one of the three roles there, sees it alone, too.
fn may_see(caller: &Account, stock: &Stock, coupon: &Coupon) -> bool {
    may_operate(caller, stock) || coupon.sender == caller.mchid
}

/// Which coupons a query asks for.
struct ListRequest {
    filter: Filter,
    page: Page,
}

impl ListRequest {
    /// Reads a query. The caller must name itself in at least one of the three roles, and no other merchant in any of them.
    /// INFERRED(list-codes): the codes of refusals.
    fn read(caller: &Account, request: &ValidRequest) -> Result<Self, Refusal> {
        let text = |name: &str| request.query(name).map(str::to_owned);
        let roles = ["creator_merchant", "belong_merchant", "sender_merchant"].map(text);
        if roles.iter().all(Option::is_none) {
            return Err(refusals::no_role());
        }
        if roles.iter().flatten().any(|mchid| *mchid != caller.mchid) {
            let reason = "creator_merchant, belong_merchant and sender_merchant may name only the caller";
            return Err(refusals::no_right_on_coupon().with_reason(reason));
        }
        let state = text("coupon_state")
            .map(|word| {
                let unknown = || refusals::request_parameters(reasons::NO_COUPON_STATE);
                CouponState::from_word(&word).ok_or_else(unknown)
            })
            .transpose()?;
        let page = page_of(request)?;
        let openid = request.path("openid").to_owned();
        let ([creator, belong_merchant, sender], stock_id) = (roles, text("stock_id"));
        Ok(Self { filter: Filter { openid, stock_id, state, creator, belong_merchant, sender }, page })
    }
}

/// A list leaves out the description, which only the query of one coupon returns.
fn listed(stock: &Stock, coupon: &Coupon, now: i64) -> Map<String, Value> {
    let mut shown = coupon.describe(stock, now);
    if let Some(Value::Object(pattern)) = shown.get_mut("display_pattern_info") {
        pattern.remove("description");
    }
    shown
}

/// The page that a list is asked for. UNCONFIRMED(list-offset): `offset` counts coupons or codes. The pages
/// call it a page number, the list of codes a start position.
pub(super) fn page_of(request: &ValidRequest) -> Result<Page, Refusal> {
    Ok(Page {
        limit: number_of_query(request, "limit", "分页大小", DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE)?,
        offset: number_of_query(request, "offset", "分页页码", 0, 0, i64::from(u32::MAX))?,
    })
}
