//! ReturnRequest (申请退券): a used coupon goes back to its user, meant to follow the refund. No order is looked at.

use serde_json::json;

use super::coupon::{Condition, Coupon, CouponState, Event};
use super::refusals;
use super::stock::Stock;
use super::unconfirmed::{RETURN_AFTER_EXPIRY, words};
use crate::calendar;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::decision::{Decided, Decision};
use crate::refusal::Refusal;

/// What a return asks for.
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

/// Returns a coupon. It is usable again in its first period; an association is kept (UNCONFIRMED).
pub(crate) fn return_coupon(
    caller: &Account,
    request: &ReturnRequest,
    found: Option<(Stock, Coupon)>,
    now: i64,
) -> Decided<Coupon> {
    let (stock, coupon) = found.ok_or_else(refusals::no_such_coupon)?;
    if !stock.may_be_operated_by(&caller.mchid) {
        return Err(refusals::no_right_on_coupon());
    }
    match coupon.state_at(now) {
        CouponState::Used => {}
        CouponState::Deleted => return Err(refusals::coupon_deleted()),
        // INFERRED code.
        _ => return Err(Refusal::invalid_request(words::NOT_USED)),
    }
    if !RETURN_AFTER_EXPIRY && now > coupon.window.expire {
        return Err(Refusal::invalid_request(words::EXPIRED));
    }
    let event = Event { request_no: request.return_request_no.clone(), time: now };
    let response = json!({ "wechatpay_return_time": calendar::rfc3339(now) });
    Ok(Decision::new(Coupon { condition: Condition::Sent, returned: Some(event), ..coupon }, response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_coupon, a_stock};

    fn used() -> Coupon {
        let event = Event { request_no: "u1".to_owned(), time: NOW };
        Coupon { condition: Condition::Used(event), ..a_coupon() }
    }

    fn attempt(coupon: Option<Coupon>, now: i64) -> Decided<Coupon> {
        let request = ReturnRequest {
            stock_id: a_stock().id,
            coupon_code: a_coupon().code,
            return_request_no: "r1".to_owned(),
        };
        return_coupon(&CALLER, &request, coupon.map(|coupon| (a_stock(), coupon)), now)
    }

    #[test]
    fn a_used_coupon_is_usable_again_and_remembers_its_return() {
        let (coupon, response) = attempt(Some(used()), NOW + 5).unwrap().parts();
        assert_eq!(response, json!({ "wechatpay_return_time": calendar::rfc3339(NOW + 5) }));
        assert!(coupon.is_usable_at(NOW + 5));
        assert_eq!(coupon.returned, Some(Event { request_no: "r1".to_owned(), time: NOW + 5 }));
    }

    #[test]
    fn a_coupon_returned_too_late_is_expired() {
        let late = used().window.expire + 1;
        assert_eq!(attempt(Some(used()), late).unwrap().changed.state_at(late), CouponState::Expired);
    }

    #[test]
    fn only_a_used_coupon_can_be_returned() {
        let code = |coupon| {
            let refusal = attempt(coupon, NOW).unwrap_err();
            (refusal.status, refusal.code, refusal.message.into_owned())
        };
        assert_eq!(code(Some(a_coupon())), (400, "INVALID_REQUEST", words::NOT_USED.to_owned()));
        assert_eq!(code(None), (404, "RESOURCE_NOT_EXISTS", "券不存在".to_owned()));
        let deleted = Coupon { condition: Condition::Deleted, ..a_coupon() };
        assert_eq!(code(Some(deleted)), (404, "RESOURCE_NOT_EXISTS", "券已被删除".to_owned()));
    }
}
