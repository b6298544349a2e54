//! Redemption (核销用户券, 申请退券): a coupon is used, and a used one goes back to its user.
//!
//! Using carries no amount, so it is the merchant's duty to see that the threshold is met. Returning is meant to follow a
//! refund; the sandbox does not look for one.

use serde_json::{Value, json};

use super::coupon::{self, Condition, Coupon, CouponState};
use super::stock::Stock;
use super::unconfirmed::words;
use super::{belonging_merchant, check_appid, may_operate, once_for_merchant, refusals};
use crate::clock;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::people::Person;
use crate::products::coupon_stocks::Event;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn use_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = UseRequest::read(context.request);
    once_for_merchant(tx, context, "use", &request.use_request_no, || {
        let found = match &request.stock_id {
            Some(stock_id) => coupon::find(tx, stock_id, &request.coupon_code)?,
            None => coupon::find_by_platform_code(tx, &request.coupon_code)?,
        };
        let known = match found {
            Some((stock, coupon)) => Some(Known {
                belonging: belonging_merchant(context.merchants, &stock),
                openid: Person::openid_under(tx, &coupon.openid, &request.appid, context.now)?,
                stock,
                coupon,
            }),
            None => None,
        };
        Ok(redeem(context.caller, &request, known, context.now))
    })
}

pub(super) fn return_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = ReturnRequest::read(context.request);
    once_for_merchant(tx, context, "return", &request.return_request_no, || {
        let found = coupon::find(tx, &request.stock_id, &request.coupon_code)?;
        Ok(give_back(context.caller, &request, found, context.now))
    })
}

/// The request of a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UseRequest {
    /// Optional for codes that the platform made, which are unique; the merchant's own are unique only in their stock.
    pub(crate) stock_id: Option<String>,
    pub(crate) coupon_code: String,
    pub(crate) appid: String,
    pub(crate) use_request_no: String,
    /// A safety check when given.
    pub(crate) openid: Option<String>,
}

impl UseRequest {
    pub(crate) fn read(request: &ValidRequest) -> Self {
        Self {
            stock_id: request.text("stock_id").map(str::to_owned),
            coupon_code: request.required("coupon_code").to_owned(),
            appid: request.required("appid").to_owned(),
            use_request_no: request.required("use_request_no").to_owned(),
            openid: request.text("openid").map(str::to_owned),
        }
    }
}

/// The state on which a use depends.
#[derive(Debug)]
struct Known {
    stock: Stock,
    coupon: Coupon,
    /// The merchant that the stock belongs to, where the sandbox knows its appids.
    belonging: Option<Account>,
    /// The person's openid under the appid of the request.
    openid: String,
}

/// Uses a coupon. The appid is the caller's, or that of the merchant that the stock belongs to, and the openid one under it.
/// INFERRED(use-time): the platform's own time counts, the request's `use_time` does not.
fn redeem(caller: &Account, request: &UseRequest, known: Option<Known>, now: i64) -> Decided<Coupon> {
    let belonging = known.as_ref().filter(|known| may_operate(caller, &known.stock));
    check_appid(caller, belonging.and_then(|known| known.belonging.as_ref()), &request.appid)?;
    let Known { stock, coupon, openid, .. } = known.ok_or_else(refusals::no_such_coupon)?;
    if !may_operate(caller, &stock) {
        return Err(refusals::no_right_on_coupon());
    }
    if request.openid.as_ref().is_some_and(|named| *named != openid) {
        return Err(Refusal::invalid_request(
            words::OTHER_USER,
            "the coupon belongs to another person than openid names: leave openid out, or give the person's openid under appid",
        ));
    }
    match coupon.state_at(now) {
        CouponState::Sended => {}
        CouponState::Used => return Err(refusals::used_by_another_order()),
        CouponState::Expired => return Err(refusals::outside_period("the coupon's expire_time has passed")),
        CouponState::Deleted => return Err(refusals::coupon_deleted()),
        // INFERRED(use-of-deactivated): like a deleted one.
        CouponState::Deactivated => {
            return Err(Refusal::resource_not_exists(
                words::DEACTIVATED,
                "the coupon was deactivated, which is final",
            ));
        }
    }
    if now < coupon.window.start {
        return Err(refusals::outside_period("the coupon's available_start_time has not come"));
    }
    if !stock.definition.validity.allows(now) {
        let reason = "now is outside available_week or irregulary_avaliable_time of the stock";
        return Err(refusals::outside_period(reason));
    }
    let response = json!({
        "stock_id": coupon.stock_id,
        "openid": openid,
        "wechatpay_use_time": clock::rfc3339(now),
    });
    let event = Event { request_no: request.use_request_no.clone(), time: now };
    Ok(Decision::new(Coupon { condition: Condition::Used(event), ..coupon }, response))
}

/// The request of a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnRequest {
    pub(crate) stock_id: String,
    pub(crate) coupon_code: String,
    pub(crate) return_request_no: String,
}

impl ReturnRequest {
    pub(crate) fn read(request: &ValidRequest) -> Self {
        Self {
            stock_id: request.required("stock_id").to_owned(),
            coupon_code: request.required("coupon_code").to_owned(),
            return_request_no: request.required("return_request_no").to_owned(),
        }
    }
}

/// Returns a coupon. It is usable again in its first period; an association is kept:
/// UNCONFIRMED(return-association). UNCONFIRMED(return-after-expiry): a coupon whose period is over can be
/// returned, and is `EXPIRED` then.
fn give_back(
    caller: &Account,
    request: &ReturnRequest,
    found: Option<(Stock, Coupon)>,
    now: i64,
) -> Decided<Coupon> {
    let (stock, coupon) = found.ok_or_else(refusals::no_such_coupon)?;
    if !may_operate(caller, &stock) {
        return Err(refusals::no_right_on_coupon());
    }
    match coupon.state_at(now) {
        CouponState::Used => {}
        CouponState::Deleted => return Err(refusals::coupon_deleted()),
        // INFERRED(return-of-unused): the code.
        state => {
            let reason = format!("only a coupon that is USED is returned; this one is {}", state.word());
            return Err(Refusal::invalid_request(words::NOT_USED, reason));
        }
    }
    let event = Event { request_no: request.return_request_no.clone(), time: now };
    let response = json!({ "wechatpay_return_time": clock::rfc3339(now) });
    Ok(Decision::new(Coupon { condition: Condition::Sent, returned: Some(event), ..coupon }, response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{APPID, CALLER, NOW, a_coupon, a_stock, stranger};

    fn use_request() -> UseRequest {
        UseRequest {
            stock_id: None,
            coupon_code: a_coupon().code,
            appid: APPID.to_owned(),
            use_request_no: "u1".to_owned(),
            openid: None,
        }
    }

    fn known(coupon: Coupon) -> Option<Known> {
        Some(Known { stock: a_stock(), openid: coupon.openid.clone(), coupon, belonging: None })
    }

    fn refusal_of_use(coupon: Coupon, now: i64) -> (u16, &'static str, String) {
        let refusal = redeem(&CALLER, &use_request(), known(coupon), now).unwrap_err();
        (refusal.status, refusal.code, refusal.message.into_owned())
    }

    #[test]
    fn a_usable_coupon_is_used_once() {
        let (coupon, response) = redeem(&CALLER, &use_request(), known(a_coupon()), NOW).unwrap().parts();
        assert_eq!(response["openid"], coupon.openid);
        assert_eq!(coupon.state_at(NOW), CouponState::Used);
        assert_eq!(
            refusal_of_use(coupon, NOW),
            (400, "RESOURCE_ALREADY_EXISTS", "券已被其他订单核销".to_owned())
        );
    }

    #[test]
    fn outside_its_period_a_coupon_cannot_be_used() {
        let outside = (403, "RULE_LIMIT", "券不在有效期".to_owned());
        let coupon = a_coupon();
        assert_eq!(refusal_of_use(coupon.clone(), coupon.window.expire + 1), outside);
        assert_eq!(refusal_of_use(coupon.clone(), coupon.window.start - 1), outside);
    }

    #[test]
    fn deleted_and_deactivated_coupons_do_not_exist_any_more() {
        let deleted = Coupon { condition: Condition::Deleted, ..a_coupon() };
        assert_eq!(refusal_of_use(deleted, NOW), (404, "RESOURCE_NOT_EXISTS", "券已被删除".to_owned()));
        let event = Event { request_no: "d1".to_owned(), time: NOW };
        let deactivated = Coupon { condition: Condition::Deactivated(event, None), ..a_coupon() };
        assert_eq!(refusal_of_use(deactivated, NOW).1, "RESOURCE_NOT_EXISTS");
    }

    #[test]
    fn a_missing_coupon_a_foreign_appid_and_another_user_are_refused() {
        assert_eq!(redeem(&CALLER, &use_request(), None, NOW).unwrap_err().code, "RESOURCE_NOT_EXISTS");
        let foreign = UseRequest { appid: "wx0".to_owned(), ..use_request() };
        let found = || known(a_coupon());
        assert_eq!(redeem(&CALLER, &foreign, found(), NOW).unwrap_err().code, "APPID_MCHID_NOT_MATCH");
        let other = UseRequest { openid: Some("oUpF8uMuAJO_M2pxb1Q9zNjWeS6p".to_owned()), ..use_request() };
        assert_eq!(redeem(&CALLER, &other, found(), NOW).unwrap_err().code, "INVALID_REQUEST");
        let stranger = stranger();
        let refusal = redeem(&stranger, &use_request(), found(), NOW).unwrap_err();
        assert_eq!((refusal.code, &*refusal.message), ("NO_AUTH", "商户无权限操作该券"));
    }

    #[test]
    fn the_appid_may_be_that_of_the_belonging_merchant() {
        let (appid, openid) = ("wx0000000000000002".to_owned(), "oBelonging_M2pxb1Q9zNjWeS6o1".to_owned());
        let belonging = Account { appids: vec![appid.clone()], ..stranger() };
        let used = |openid_of_request: &str, caller: &Account| {
            let known = Known {
                belonging: Some(belonging.clone()),
                openid: openid.clone(),
                stock: a_stock(),
                coupon: a_coupon(),
            };
            let named = Some(openid_of_request.to_owned());
            let request = UseRequest { appid: appid.clone(), openid: named, ..use_request() };
            redeem(caller, &request, Some(known), NOW).map(|decision| decision.response["openid"].clone())
        };
        assert_eq!(used(&openid, &CALLER).unwrap(), openid.as_str());
        assert_eq!(used(&a_coupon().openid, &CALLER).unwrap_err().code, "INVALID_REQUEST");
        let other = Account { mchid: "1900000777".to_owned(), ..CALLER.clone() };
        assert_eq!(used(&openid, &other).unwrap_err().code, "APPID_MCHID_NOT_MATCH", "nothing is told");
    }

    fn used() -> Coupon {
        let event = Event { request_no: "u1".to_owned(), time: NOW };
        Coupon { condition: Condition::Used(event), ..a_coupon() }
    }

    fn returned(coupon: Option<Coupon>, now: i64) -> Decided<Coupon> {
        let request = ReturnRequest {
            stock_id: a_stock().id,
            coupon_code: a_coupon().code,
            return_request_no: "r1".to_owned(),
        };
        give_back(&CALLER, &request, coupon.map(|coupon| (a_stock(), coupon)), now)
    }

    #[test]
    fn a_used_coupon_is_usable_again_and_remembers_its_return() {
        let (coupon, response) = returned(Some(used()), NOW + 5).unwrap().parts();
        assert_eq!(response, json!({ "wechatpay_return_time": clock::rfc3339(NOW + 5) }));
        assert!(coupon.is_usable_at(NOW + 5));
        assert_eq!(coupon.returned, Some(Event { request_no: "r1".to_owned(), time: NOW + 5 }));
    }

    #[test]
    fn a_coupon_returned_too_late_is_expired() {
        let late = used().window.expire + 1;
        assert_eq!(returned(Some(used()), late).unwrap().changed.state_at(late), CouponState::Expired);
    }

    #[test]
    fn only_a_used_coupon_can_be_returned() {
        let code = |coupon| {
            let refusal = returned(coupon, NOW).unwrap_err();
            (refusal.status, refusal.code, refusal.message.into_owned())
        };
        assert_eq!(code(Some(a_coupon())), (400, "INVALID_REQUEST", words::NOT_USED.to_owned()));
        assert_eq!(code(None), (404, "RESOURCE_NOT_EXISTS", "券不存在".to_owned()));
        let deleted = Coupon { condition: Condition::Deleted, ..a_coupon() };
        assert_eq!(code(Some(deleted)), (404, "RESOURCE_NOT_EXISTS", "券已被删除".to_owned()));
    }
}
