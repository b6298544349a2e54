//! Association (关联订单信息, 取消关联订单信息): a usable coupon is associated with an order, so that later statistics can count
//! it, and the association is cancelled. Neither changes the coupon's state.
//!
//! INFERRED(association-checks): the order of checks for both: the coupon exists, the caller may operate it,
//! it is usable, the association fits.

use serde_json::{Value, json};

use super::coupon::{self, Association, Coupon};
use super::unconfirmed::words;
use super::{once_for_merchant, refusals};
use crate::clock;
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn associate_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = AssociationRequest::read(context.request);
    once_for_merchant(tx, context, "associate", &request.out_request_no, || {
        let found = coupon::get(tx, &request.stock_id, &request.coupon_code)?;
        Ok(associate(context.caller, &request, found, context.now))
    })
}

pub(super) fn disassociate_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = AssociationRequest::read(context.request);
    once_for_merchant(tx, context, "disassociate", &request.out_request_no, || {
        let found = coupon::get(tx, &request.stock_id, &request.coupon_code)?;
        Ok(disassociate(context.caller, &request, found, context.now))
    })
}

/// Either of the two requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AssociationRequest {
    pub(crate) stock_id: String,
    pub(crate) coupon_code: String,
    pub(crate) out_trade_no: String,
    pub(crate) out_request_no: String,
}

impl AssociationRequest {
    pub(crate) fn read(request: &ValidRequest) -> Self {
        Self {
            stock_id: request.required("stock_id").to_owned(),
            coupon_code: request.required("coupon_code").to_owned(),
            out_trade_no: request.required("out_trade_no").to_owned(),
            out_request_no: request.required("out_request_no").to_owned(),
        }
    }
}

/// Associates a coupon with an order. UNCONFIRMED(association-order): whether the order must exist; the
/// sandbox does not look for it.
fn associate(
    caller: &Account,
    request: &AssociationRequest,
    found: Option<Coupon>,
    now: i64,
) -> Decided<Coupon> {
    let coupon = check_usable(caller, found, now)?;
    let association = match &coupon.association {
        // INFERRED(association-again): the same order again gets the same response, with the first time,
        // under any request number.
        Some(known) if known.out_trade_no == request.out_trade_no => known.clone(),
        // UNCONFIRMED(association-second): a coupon has one association at a time, and a second one does not take its place.
        Some(_) => {
            return Err(Refusal::invalid_request(
                words::ASSOCIATED_WITH_ANOTHER,
                "the coupon is associated with another out_trade_no: disassociate that one first",
            ));
        }
        None => Association { out_trade_no: request.out_trade_no.clone(), time: now },
    };
    let response = json!({ "wechatpay_associate_time": clock::rfc3339(association.time) });
    Ok(Decision::new(Coupon { association: Some(association), ..coupon }, response))
}

/// Cancels the association of a coupon with an order.
fn disassociate(
    caller: &Account,
    request: &AssociationRequest,
    found: Option<Coupon>,
    now: i64,
) -> Decided<Coupon> {
    let coupon = check_usable(caller, found, now)?;
    if coupon.association.as_ref().is_none_or(|known| known.out_trade_no != request.out_trade_no) {
        return Err(Refusal::invalid_request(
            words::NOT_ASSOCIATED,
            "the coupon is not associated with this out_trade_no",
        ));
    }
    let response = json!({ "wechatpay_disassociate_time": clock::rfc3339(now) });
    Ok(Decision::new(Coupon { association: None, ..coupon }, response))
}

/// UNCONFIRMED(association-of-used): a coupon that was used is not usable any more, as the pages of both
/// operations say. An acceptance guide of 2025 associates after the use.
fn check_usable(caller: &Account, found: Option<Coupon>, now: i64) -> Result<Coupon, Refusal> {
    let coupon = found.ok_or_else(refusals::no_such_coupon_to_associate)?;
    if !coupon.may_be_operated_by(caller) {
        return Err(refusals::no_right_on_coupon());
    }
    if coupon.is_usable_at(now) { Ok(coupon) } else { Err(refusals::not_usable(coupon.state_at(now))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::coupon_stocks::Event;
    use crate::products::merchant_coupons::coupon::Condition;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_coupon, a_stock, stranger};

    fn tie(order: &str) -> AssociationRequest {
        AssociationRequest {
            stock_id: a_stock().id,
            coupon_code: a_coupon().code,
            out_trade_no: order.to_owned(),
            out_request_no: "a1".to_owned(),
        }
    }

    #[test]
    fn a_coupon_is_tied_to_an_order_and_untied_again() {
        let (tied, response) = associate(&CALLER, &tie("o-1"), Some(a_coupon()), NOW).unwrap().parts();
        assert_eq!(response, json!({ "wechatpay_associate_time": clock::rfc3339(NOW) }));
        let (untied, response) = disassociate(&CALLER, &tie("o-1"), Some(tied), NOW + 60).unwrap().parts();
        assert_eq!(response, json!({ "wechatpay_disassociate_time": clock::rfc3339(NOW + 60) }));
        assert_eq!(untied, a_coupon());
        associate(&CALLER, &tie("o-2"), Some(untied), NOW + 61).unwrap();
    }

    #[test]
    fn the_same_order_again_has_the_first_time() {
        let (tied, first) = associate(&CALLER, &tie("o-1"), Some(a_coupon()), NOW).unwrap().parts();
        let (again, second) = associate(&CALLER, &tie("o-1"), Some(tied.clone()), NOW + 60).unwrap().parts();
        assert_eq!((first, tied), (second, again));
    }

    #[test]
    fn a_second_order_is_refused() {
        let tied = associate(&CALLER, &tie("o-1"), Some(a_coupon()), NOW).unwrap().changed;
        let refusal = associate(&CALLER, &tie("o-2"), Some(tied), NOW).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
    }

    #[test]
    fn what_is_not_associated_cannot_be_untied() {
        let tied = associate(&CALLER, &tie("o-1"), Some(a_coupon()), NOW).unwrap().changed;
        for (coupon, order) in [(a_coupon(), "o-1"), (tied, "o-2")] {
            let refusal = disassociate(&CALLER, &tie(order), Some(coupon), NOW).unwrap_err();
            assert_eq!(
                (refusal.status, refusal.code, &*refusal.message),
                (400, "INVALID_REQUEST", words::NOT_ASSOCIATED)
            );
        }
    }

    #[test]
    fn a_missing_coupon_is_400_here() {
        for refusal in [
            associate(&CALLER, &tie("o-1"), None, NOW).unwrap_err(),
            disassociate(&CALLER, &tie("o-1"), None, NOW).unwrap_err(),
        ] {
            assert_eq!(
                (refusal.status, refusal.code, &*refusal.message),
                (400, "INVALID_REQUEST", "券不存在")
            );
        }
    }

    #[test]
    fn a_coupon_that_is_not_usable_can_be_neither_tied_nor_untied() {
        let association = Some(Association { out_trade_no: "o-1".to_owned(), time: NOW });
        let event = || Event { request_no: "x".to_owned(), time: NOW };
        let conditions =
            [Condition::Used(event()), Condition::Deactivated(event(), None), Condition::Deleted];
        for condition in conditions {
            let coupon = Coupon { condition, association: association.clone(), ..a_coupon() };
            for refusal in [
                associate(&CALLER, &tie("o-1"), Some(coupon.clone()), NOW).unwrap_err(),
                disassociate(&CALLER, &tie("o-1"), Some(coupon), NOW).unwrap_err(),
            ] {
                assert_eq!(
                    (refusal.status, refusal.code, &*refusal.message),
                    (400, "INVALID_REQUEST", "券状态非可用态")
                );
            }
        }
        let expired = a_coupon().window.expire + 1;
        assert_eq!(
            associate(&CALLER, &tie("o-1"), Some(a_coupon()), expired).unwrap_err().message,
            "券状态非可用态"
        );
    }

    #[test]
    fn a_stranger_may_do_neither() {
        let stranger = stranger();
        assert_eq!(associate(&stranger, &tie("o-1"), Some(a_coupon()), NOW).unwrap_err().code, "NO_AUTH");
        assert_eq!(disassociate(&stranger, &tie("o-1"), Some(a_coupon()), NOW).unwrap_err().code, "NO_AUTH");
    }
}
