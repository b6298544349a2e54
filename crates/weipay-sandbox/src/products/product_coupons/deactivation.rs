//! Deactivation (失效用户商品券, 失效用户商品券组): coupons that were not used can never be used any more.

use serde_json::{Value, json};

use super::coupon::{self, Coupon, CouponEnd, CouponState, Seen};
use super::product::Ending;
use super::redemption::{Standing, with_coupon};
use super::{REQUEST_NO, once, refusals};
use crate::people::Person;
use crate::products::coupon_stocks::of_another_appid;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

pub(super) fn deactivate_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    with_coupon(tx, context, "deactivate user's product coupon", |standing| {
        if standing.coupon.bundle.is_some() {
            return Ok(Err(refusals::stock_of_bundle()));
        }
        let ended = deactivated(standing.coupon, Ending::read(context));
        Ok(ended.map(|coupon| Standing { coupon, ..standing }))
    })
}

pub(super) fn deactivate_bundle(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("deactivate user's product coupon bundle", REQUEST_NO), |owner| {
        let request = context.request;
        if let Err(refusal) = context.caller.check_appid(request.required("appid")) {
            return Ok(Err(refusal));
        }
        if Person::has_another_openid(tx, request.path("openid"), request.required("appid"))? {
            return Ok(Err(of_another_appid()));
        }
        let openids = Person::all_openids(tx, request.path("openid"))?;
        let mut coupons = coupon::of_bundle(tx, request.path("user_coupon_bundle_id"))?;
        coupons.retain(|coupon| {
            coupon.owner == owner
                && openids.contains(&coupon.openid)
                && coupon.product_id == request.required("product_coupon_id")
                && coupon
                    .bundle
                    .as_ref()
                    .is_some_and(|bundle| bundle.stock_bundle_id == request.required("stock_bundle_id"))
        });
        let seen = coupons.iter().map(|coupon| Seen::read(tx, coupon));
        let seen = seen.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(deactivate_all(coupons, &seen, Ending::read(context)))
    })
}

fn deactivated(coupon: Coupon, ending: Ending) -> Result<Coupon, Refusal> {
    if coupon.is_open_at(ending.time) {
        return Ok(Coupon { ended: Some(CouponEnd::Deactivated(ending)), ..coupon });
    }
    Err(match coupon.state_at(ending.time) {
        CouponState::Used => refusals::used_already(),
        CouponState::Expired => refusals::expired(),
        CouponState::Deleted => refusals::deleted(),
        _ => refusals::coupon_state("the coupon was deactivated before"),
    })
}

/// INFERRED(product-coupon-bundle-end): the coupons of a bundle that are used stay used, and all others end.
/// A bundle in which none can end is refused.
fn deactivate_all(coupons: Vec<Coupon>, seen: &[Seen], ending: Ending) -> Decided<Vec<Coupon>> {
    let bundle = coupons.first().and_then(|coupon| coupon.bundle.clone());
    let bundle_id = bundle.ok_or_else(refusals::no_such_coupon)?.id;
    if !coupons.iter().any(|coupon| coupon.is_open_at(ending.time)) {
        return Err(refusals::coupon_state("no coupon of the bundle could still be used"));
    }
    let end = |coupon: Coupon| deactivated(coupon.clone(), ending.clone()).unwrap_or(coupon);
    let coupons: Vec<_> = coupons.into_iter().map(end).collect();
    let shown =
        coupons.iter().zip(seen).map(|(coupon, seen)| Value::Object(coupon.describe(seen, ending.time)));
    let response =
        json!({ "user_coupon_bundle_id": bundle_id, "user_product_coupon_list": shown.collect::<Vec<_>>() });
    Ok(Decision::new(coupons, response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::coupon_stocks::Event;
    use crate::products::product_coupons::coupon::Use;
    use crate::products::product_coupons::fixtures::{NOW, a_coupon, a_user_bundle, seen};

    fn ending() -> Ending {
        Ending { request_no: "end-01".to_owned(), time: NOW, reason: "误发".to_owned() }
    }

    fn used(mut coupon: Coupon) -> Coupon {
        let event = Event { request_no: "use-01".to_owned(), time: NOW };
        coupon.rounds[0].used = Some(Use { event, details: serde_json::Map::new() });
        coupon
    }

    #[test]
    fn a_coupon_that_could_be_used_ends_for_good() {
        let ended = deactivated(a_coupon(), ending()).unwrap();
        assert_eq!(ended.describe(&seen(), NOW)["deactivate_reason"], "误发");
        assert_eq!(deactivated(ended, ending()).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(deactivated(used(a_coupon()), ending()).unwrap_err().code, "RESOURCE_ALREADY_EXISTS");
    }

    #[test]
    fn a_bundle_ends_but_for_what_was_used() {
        let mut bundle = a_user_bundle();
        bundle[0] = used(bundle[0].clone());
        let seen = vec![seen(); 3];
        let (ended, response) = deactivate_all(bundle, &seen, ending()).unwrap().parts();
        let states: Vec<_> = ended.iter().map(|coupon| coupon.state_at(NOW)).collect();
        assert_eq!(states, [CouponState::Used, CouponState::Deactivated, CouponState::Deactivated]);
        assert_eq!(response["user_product_coupon_list"][1]["coupon_state"], "DEACTIVATED");
        assert_eq!(deactivate_all(ended, &seen, ending()).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(deactivate_all(Vec::new(), &seen, ending()).unwrap_err().code, "RESOURCE_NOT_EXISTS");
    }
}
