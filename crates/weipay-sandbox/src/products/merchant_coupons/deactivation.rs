//! DeactivateRequest (使券失效): a coupon that was received and not used can never be used any more.

use serde_json::{Value, json};

use super::coupon::{self, Condition, Coupon};
use super::stock::{self, Stock};
use super::{may_operate, once_for_merchant, refusals};
use crate::clock;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::coupon_stocks::Event;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::store::Transaction;

pub(super) fn deactivate_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = DeactivateRequest::read(context.request);
    once_for_merchant(tx, context, "deactivate", &request.deactivate_request_no, || {
        let stock = stock::find(tx, &request.stock_id)?;
        let coupon = coupon::get(tx, &request.stock_id, &request.coupon_code)?;
        Ok(deactivate(context.caller, &request, stock, coupon, context.now))
    })
}

/// The request of a deactivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeactivateRequest {
    pub(crate) stock_id: String,
    pub(crate) coupon_code: String,
    pub(crate) deactivate_request_no: String,
    pub(crate) deactivate_reason: Option<String>,
}

impl DeactivateRequest {
    pub(crate) fn read(request: &ValidRequest) -> Self {
        Self {
            stock_id: request.required("stock_id").to_owned(),
            coupon_code: request.required("coupon_code").to_owned(),
            deactivate_request_no: request.required("deactivate_request_no").to_owned(),
            deactivate_reason: request.text("deactivate_reason").map(str::to_owned),
        }
    }
}

/// Deactivates a coupon. A missing stock is refused first, before the coupon is looked for.
fn deactivate(
    caller: &Account,
    request: &DeactivateRequest,
    stock: Option<Stock>,
    coupon: Option<Coupon>,
    now: i64,
) -> Decided<Coupon> {
    let stock = stock.ok_or_else(refusals::no_such_stock)?;
    let coupon = coupon.ok_or_else(refusals::no_such_coupon)?;
    if !may_operate(caller, &stock) {
        return Err(refusals::no_right_on_coupon());
    }
    if !coupon.is_usable_at(now) {
        return Err(refusals::not_usable(coupon.state_at(now)));
    }
    let event = Event { request_no: request.deactivate_request_no.clone(), time: now };
    let response = json!({ "wechatpay_deactivate_time": clock::rfc3339(now) });
    let condition = Condition::Deactivated(event, request.deactivate_reason.clone());
    Ok(Decision::new(Coupon { condition, ..coupon }, response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::coupon::CouponState;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_coupon, a_stock};

    fn attempt(stock: Option<Stock>, coupon: Option<Coupon>) -> Decided<Coupon> {
        let request = DeactivateRequest {
            stock_id: a_stock().id,
            coupon_code: a_coupon().code,
            deactivate_request_no: "d1".to_owned(),
            deactivate_reason: Some("误发".to_owned()),
        };
        deactivate(&CALLER, &request, stock, coupon, NOW)
    }

    #[test]
    fn a_usable_coupon_is_deactivated_for_good() {
        let coupon = attempt(Some(a_stock()), Some(a_coupon())).unwrap().changed;
        assert_eq!(coupon.state_at(NOW), CouponState::Deactivated);
        let refusal = attempt(Some(a_stock()), Some(coupon)).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
    }

    #[test]
    fn a_missing_stock_and_a_missing_coupon_are_told_apart() {
        assert_eq!(attempt(None, None).unwrap_err().message, "批次不存在");
        assert_eq!(attempt(Some(a_stock()), None).unwrap_err().message, "券不存在");
    }
}
