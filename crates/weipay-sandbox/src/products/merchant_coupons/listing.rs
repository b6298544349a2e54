//! ListRequest (根据过滤条件查询用户券): which of a user's coupons a query means, and how a page of them is answered.

use serde_json::{Map, Value, json};

use super::coupon::{Coupon, CouponState};
use super::refusals;
use super::stock::Stock;
use super::unconfirmed::{MAX_PAGE_SIZE, OFFSET_COUNTS_ROWS, PAGE_SIZE};
use crate::contract::ValidRequest;
use crate::grammar::{Place, Source};
use crate::merchants::Account;
use crate::products::users::check_user_exists;
use crate::refusal::Refusal;

/// A user's coupons, narrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListRequest {
    pub(crate) openid: String,
    pub(crate) stock_id: Option<String>,
    pub(crate) state: Option<CouponState>,
    pub(crate) creator_merchant: Option<String>,
    pub(crate) belong_merchant: Option<String>,
    pub(crate) sender_merchant: Option<String>,
    pub(crate) offset: i64,
    pub(crate) limit: i64,
}

impl ListRequest {
    /// Reads a query. The caller must name itself in at least one of its three roles, and nobody else in any
    /// (INFERRED codes).
    pub(crate) fn read(caller: &Account, request: &ValidRequest) -> Result<Self, Refusal> {
        let text = |name: &str| request.query(name).map(str::to_owned);
        let roles = ["creator_merchant", "belong_merchant", "sender_merchant"].map(text);
        if roles.iter().all(Option::is_none) {
            let reason =
                "the caller must name itself in creator_merchant, belong_merchant or sender_merchant";
            return Err(refusals::request_parameters(reason));
        }
        if roles.iter().flatten().any(|mchid| *mchid != caller.mchid) {
            let reason = "creator_merchant, belong_merchant and sender_merchant may name the caller only";
            return Err(refusals::no_right_on_coupon().with_reason(reason));
        }
        let [creator_merchant, belong_merchant, sender_merchant] = roles;
        let state = text("coupon_state")
            .map(|word| {
                let unknown = || refusals::request_parameters("coupon_state is not a state of a coupon");
                CouponState::from_word(&word).ok_or_else(unknown)
            })
            .transpose()?;
        let limit = number(request, "limit", "分页大小", PAGE_SIZE, 1, MAX_PAGE_SIZE)?;
        let offset = number(request, "offset", "分页页码", 0, 0, i64::from(u32::MAX))?;
        let openid = request.path("openid").to_owned();
        caller.check_appid(request.query("appid").unwrap_or_default())?;
        check_user_exists(&openid)?;
        let stock_id = text("stock_id");
        Ok(Self {
            openid,
            stock_id,
            state,
            creator_merchant,
            belong_merchant,
            sender_merchant,
            offset,
            limit,
        })
    }

    /// Whether a coupon is one of those that are asked for.
    fn means(&self, stock: &Stock, coupon: &Coupon, now: i64) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        coupon.openid == self.openid
            && is(&self.stock_id, &coupon.stock_id)
            && is(&self.sender_merchant, &coupon.sender)
            && is(&self.creator_merchant, &stock.creator)
            && is(&self.belong_merchant, stock.definition.belong_merchant())
            && self.state.is_none_or(|state| state == coupon.state_at(now))
    }

    /// How many coupons stand before the page.
    fn skipped(&self) -> i64 {
        if OFFSET_COUNTS_ROWS { self.offset } else { self.offset * self.limit }
    }

    /// The page of a user's coupons that is meant. Members in the order of a recorded answer.
    pub(crate) fn response(&self, coupons: Vec<(Stock, Coupon)>, now: i64) -> Value {
        let meant: Vec<(Stock, Coupon)> =
            coupons.into_iter().filter(|(stock, coupon)| self.means(stock, coupon, now)).collect();
        let (skipped, limit) =
            (usize::try_from(self.skipped()), usize::try_from(self.limit).unwrap_or_default());
        let page = meant.iter().skip(skipped.unwrap_or(usize::MAX)).take(limit);
        let data: Vec<Value> = page.map(|(stock, coupon)| Value::Object(shown(stock, coupon, now))).collect();
        json!({ "data": data, "total_count": meant.len(), "limit": self.limit, "offset": self.offset })
    }
}

/// A list leaves out the description, which only the query of one coupon returns.
fn shown(stock: &Stock, coupon: &Coupon, now: i64) -> Map<String, Value> {
    let mut shown = coupon.describe(stock, now);
    if let Some(Value::Object(pattern)) = shown.get_mut("display_pattern_info") {
        pattern.remove("description");
    }
    shown
}

fn number(
    request: &ValidRequest,
    name: &str,
    title: &str,
    usual: i64,
    min: i64,
    max: i64,
) -> Result<i64, Refusal> {
    let Some(number) = request.query(name).and_then(|text| text.parse::<i64>().ok()) else {
        return Ok(usual);
    };
    let pointer = format!("/query/{name}");
    let place = Place { source: Source::Query, pointer: &pointer, title };
    match number {
        number if number < min => Err(place.below(min, number.into())),
        number if number > max => Err(place.above(max, number.into())),
        number => Ok(number),
    }
}

/// The caller may look at one coupon (查询用户单张券详情).
pub(crate) fn one(
    caller: &Account,
    request: &ValidRequest,
    found: Option<(Stock, Coupon)>,
    now: i64,
) -> Result<Value, Refusal> {
    caller.check_appid(request.path("appid"))?;
    check_user_exists(request.path("openid"))?;
    let (stock, coupon) = found.ok_or_else(refusals::no_such_coupon)?;
    Ok(Value::Object(coupon.describe(&stock, now)))
}
