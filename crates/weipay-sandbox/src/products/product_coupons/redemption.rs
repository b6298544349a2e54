//! Redemption (确认发放, 核销, 退券): a coupon is confirmed, used, and given back to its user.

use serde_json::{Map, Value};

use super::coupon::{self, Coupon, CouponState, Seen, Use, after_interval};
use super::definition::has_specific_stores;
use super::{REQUEST_NO, once, refusals, stores};
use crate::contract::ValidRequest;
use crate::people::Person;
use crate::products::coupon_stocks::Event;
use crate::products::coupon_stocks::of_another_appid;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

pub(super) fn confirm_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    with_coupon(tx, context, "confirm product coupon", |standing| Ok(confirm(standing, event(context))))
}

pub(super) fn use_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    with_coupon(tx, context, "use product coupon", |standing| {
        let request = match UseRequest::read(context.request) {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let is_associated = match &request.store_id {
            Some(store_id) => stores::is_associated(tx, &standing.coupon.stock_id, store_id)?,
            None => false,
        };
        Ok(redeem(standing, request, is_associated, event(context)))
    })
}

pub(super) fn return_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let index = context.request.body.get("sequential_coupon_index").and_then(Value::as_i64);
    with_coupon(tx, context, "return product coupon", |standing| {
        Ok(give_back(standing, index, event(context)))
    })
}

fn event(context: &Context<'_>) -> Event {
    Event { request_no: context.request.required(REQUEST_NO).to_owned(), time: context.now }
}

/// A coupon, and what a step of its life depends on.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) coupon: Coupon,
    pub(super) seen: Seen,
    /// The coupons of its bundle, in their order.
    pub(super) siblings: Vec<Coupon>,
}

/// Takes a step in the life of the coupon that a request names.
pub(super) fn with_coupon(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    operation: &'static str,
    step: impl FnOnce(Standing) -> Result<Result<Standing, Refusal>, StoreError>,
) -> Result<Value, HandlerError> {
    once(tx, context, (operation, REQUEST_NO), |owner| {
        let request = context.request;
        if let Err(refusal) = context.caller.check_appid(request.required("appid")) {
            return Ok(Err(refusal));
        }
        if Person::has_another_openid(tx, request.path("openid"), request.required("appid"))? {
            return Ok(Err(of_another_appid()));
        }
        let found = coupon::find(tx, request.required("stock_id"), request.path("coupon_code"))?;
        let openids = Person::all_openids(tx, request.path("openid"))?;
        let own = found.filter(|coupon| {
            coupon.owner == owner
                && openids.contains(&coupon.openid)
                && coupon.product_id == request.required("product_coupon_id")
        });
        let Some(coupon) = own else { return Ok(Err(refusals::no_such_coupon())) };
        let siblings = coupon::siblings(tx, &coupon)?;
        let standing = Standing { seen: Seen::read(tx, &coupon)?, coupon, siblings };
        Ok(step(standing)?.and_then(|after| decided(after, context.now)))
    })
}

fn decided(standing: Standing, now: i64) -> Decided<Coupon> {
    let Standing { coupon, mut seen, siblings } = standing;
    let others =
        siblings.iter().filter(|other| other.code != coupon.code || other.stock_id != coupon.stock_id);
    seen.used_in_bundle = others.map(Coupon::uses).sum::<usize>() + coupon.uses();
    let response = coupon.describe(&seen, now);
    Ok(Decision::new(coupon, response.into()))
}

/// Refuses every state but the wanted one.
fn check_state(coupon: &Coupon, wanted: CouponState, now: i64) -> Result<(), Refusal> {
    match coupon.state_at(now) {
        state if state == wanted => Ok(()),
        CouponState::Used => Err(refusals::used_already()),
        CouponState::Deleted => Err(refusals::deleted()),
        CouponState::Expired => Err(refusals::expired()),
        CouponState::Pending => Err(refusals::outside_period("the coupon's valid_begin_time has not come")),
        CouponState::Confirming => Err(refusals::coupon_state("the coupon is CONFIRMING: confirm it first")),
        CouponState::Effective => Err(refusals::coupon_state("the coupon is EFFECTIVE")),
        CouponState::Deactivated => Err(refusals::coupon_state("the coupon is DEACTIVATED")),
    }
}

/// Confirms a coupon: from now on it can be used in its time, which does not change.
fn confirm(mut standing: Standing, event: Event) -> Result<Standing, Refusal> {
    if standing.coupon.state_at(event.time) == CouponState::Pending {
        return Err(refusals::coupon_state("the coupon is confirmed already"));
    }
    check_state(&standing.coupon, CouponState::Confirming, event.time)?;
    standing.coupon.confirmed = Some(event);
    Ok(standing)
}

/// The request of a use.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct UseRequest {
    store_id: Option<String>,
    index: Option<i64>,
    /// The members that the coupon shows afterwards.
    details: Map<String, Value>,
}

impl UseRequest {
    /// A use is for exactly one order: of a payment, or of a pay score (支付分) service.
    fn read(request: &ValidRequest) -> Result<Self, Refusal> {
        let object = |name: &str| {
            let members = request.body.get(name).and_then(Value::as_object);
            members.is_some_and(|members| members.values().any(|value| !value.is_null()))
        };
        if object("associated_order_info") == object("associated_pay_score_order_info") {
            let reason = "give exactly one of associated_order_info and associated_pay_score_order_info";
            return Err(refusals::parameters(reason));
        }
        let shown = ["associated_order_info", "associated_pay_score_order_info", "saved_amount"];
        let details = shown.into_iter().filter_map(|name| {
            let value = request.body.get(name)?;
            (!value.is_null()).then(|| (name.to_owned(), value.clone()))
        });
        Ok(Self {
            store_id: request.text("store_id").map(str::to_owned),
            index: request.body.get("sequential_coupon_index").and_then(Value::as_i64),
            details: details.collect(),
        })
    }
}

/// A stock with specific stores is used in one of them. INFERRED(product-coupon-store-of-use): so the request
/// must say in which, though `store_id` is optional in general. What the stock said when the coupon was sent
/// counts, as the coupon shows it.
fn check_store(coupon: &Coupon, store_id: Option<&str>, is_associated: bool) -> Result<(), Refusal> {
    if !has_specific_stores(&coupon.stock_members) || is_associated {
        return Ok(());
    }
    Err(match store_id {
        Some(_) => refusals::other_store(),
        None => refusals::no_store(),
    })
}

/// Uses a coupon. INFERRED(use-time): the platform's own time counts, the request's `use_time` does not.
fn redeem(
    mut standing: Standing,
    request: UseRequest,
    is_associated: bool,
    event: Event,
) -> Result<Standing, Refusal> {
    let (coupon, now) = (&standing.coupon, event.time);
    check_state(coupon, CouponState::Effective, now)?;
    if !standing.seen.stock.definition.validity.allows(now) {
        return Err(refusals::outside_times());
    }
    check_store(coupon, request.store_id.as_deref(), is_associated)?;
    check_order(&standing, now)?;
    let next = coupon.uses();
    if request.index.is_some_and(|index| i64::try_from(next) != Ok(index)) {
        return Err(refusals::out_of_order("sequential_coupon_index must be that of the next use, from 0"));
    }
    if let Some(round) = standing.coupon.rounds.get_mut(next) {
        round.used = Some(Use { event, details: request.details });
    }
    Ok(standing)
}

/// INFERRED(product-coupon-order): the coupons of a bundle, and the uses of a coupon of several uses, come one after the other.
fn check_order(standing: &Standing, now: i64) -> Result<(), Refusal> {
    let Standing { coupon, siblings, .. } = standing;
    if now < coupon.next_start() {
        return Err(refusals::outside_period("interval_days since the last use have not passed"));
    }
    let before = coupon.bundle.as_ref().and_then(|bundle| siblings.get(bundle.index.checked_sub(1)?));
    let Some(before) = before else { return Ok(()) };
    match before.rounds.first().and_then(|round| round.used.as_ref()) {
        None => Err(refusals::out_of_order("the coupon before it in the bundle is not used yet")),
        Some(used) if now < after_interval(used.event.time, coupon.interval_days) => {
            Err(refusals::outside_period("interval_days since the use before have not passed"))
        }
        Some(_) => Ok(()),
    }
}

/// Gives a coupon back, or the last use of one of several uses. UNCONFIRMED(return-after-expiry): a coupon
/// whose time is over can be returned, and is `EXPIRED` then.
fn give_back(mut standing: Standing, index: Option<i64>, event: Event) -> Result<Standing, Refusal> {
    let coupon = &mut standing.coupon;
    match coupon.state_at(event.time) {
        CouponState::Deleted => return Err(refusals::deleted()),
        CouponState::Deactivated => return Err(refusals::coupon_state("the coupon is DEACTIVATED")),
        _ => {}
    }
    // INFERRED(return-of-unused): the code.
    let last = coupon.uses().checked_sub(1);
    let last = last.ok_or_else(|| refusals::coupon_state("only a coupon that was used can be returned"))?;
    if index.is_some_and(|index| i64::try_from(last) != Ok(index)) {
        return Err(refusals::out_of_order("sequential_coupon_index must be that of the last use, from 0"));
    }
    let after = coupon.bundle.as_ref().and_then(|bundle| standing.siblings.get(bundle.index + 1));
    if after.is_some_and(|after| after.uses() > 0) {
        return Err(refusals::out_of_order(
            "only the coupon of the bundle that was used last can be returned",
        ));
    }
    if let Some(round) = coupon.rounds.get_mut(last) {
        (round.used, round.returned) = (None, Some(event));
    }
    Ok(standing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::DAY;
    use crate::products::product_coupons::coupon::{CouponEnd, Round};
    use crate::products::product_coupons::fixtures::{NOW, a_coupon, a_user_bundle, seen};
    use crate::products::product_coupons::product::Ending;

    fn at(time: i64) -> Event {
        Event { request_no: "step-01".to_owned(), time }
    }

    fn standing(coupon: Coupon) -> Standing {
        Standing { coupon, seen: seen(), siblings: Vec::new() }
    }

    fn confirmed() -> Coupon {
        confirm(standing(a_coupon()), at(NOW)).unwrap().coupon
    }

    fn use_at(coupon: Coupon, now: i64) -> Result<Coupon, Refusal> {
        redeem(standing(coupon), UseRequest::default(), true, at(now)).map(|standing| standing.coupon)
    }

    fn return_at(coupon: Coupon, now: i64) -> Result<Coupon, Refusal> {
        give_back(standing(coupon), None, at(now)).map(|standing| standing.coupon)
    }

    #[test]
    fn only_a_confirmed_coupon_is_used_once_and_returned() {
        assert_eq!(use_at(a_coupon(), NOW).unwrap_err().code, "INVALID_REQUEST");
        let used = use_at(confirmed(), NOW).unwrap();
        assert_eq!(used.state_at(NOW), CouponState::Used);
        let again = use_at(used.clone(), NOW).unwrap_err();
        assert_eq!((again.status, again.code, again.tail), (400, "RESOURCE_ALREADY_EXISTS", 272_756_745));
        let returned = return_at(used.clone(), NOW + 5).unwrap();
        assert_eq!(returned.state_at(NOW + 5), CouponState::Effective);
        let shown = returned.describe(&seen(), NOW + 5);
        let detail = &shown["single_usage_detail"];
        assert_eq!((detail.get("use_time"), &detail["return_request_no"]), (None, &json!("step-01")));
        let late = used.window.expire + 1;
        assert_eq!(return_at(used, late).unwrap().state_at(late), CouponState::Expired);
        assert_eq!(return_at(returned, NOW + 6).unwrap_err().code, "INVALID_REQUEST");
    }

    #[test]
    fn a_coupon_is_confirmed_once_and_only_in_time() {
        assert_eq!(confirm(standing(confirmed()), at(NOW)).unwrap_err().tail, 268_578_367);
        let late = a_coupon().window.expire + 1;
        assert_eq!(confirm(standing(a_coupon()), at(late)).unwrap_err().tail, 268_578_776);
    }

    #[test]
    fn a_coupon_that_has_ended_or_whose_time_is_not_now_cannot_be_used() {
        let tail = |coupon, now| use_at(coupon, now).unwrap_err().tail;
        assert_eq!(tail(confirmed(), confirmed().window.start - 1), 272_755_715);
        assert_eq!(tail(confirmed(), confirmed().window.expire + 1), 268_578_776);
        let deleted = Coupon { ended: Some(CouponEnd::Deleted(NOW)), ..confirmed() };
        assert_eq!(tail(deleted.clone(), NOW), 272_756_769);
        assert_eq!(return_at(deleted, NOW).unwrap_err().tail, 272_756_769);
        let ending = Ending { request_no: "end-01".to_owned(), time: NOW, reason: "误发".to_owned() };
        let deactivated = Coupon { ended: Some(CouponEnd::Deactivated(ending)), ..confirmed() };
        assert_eq!(tail(deactivated, NOW), 268_578_367);
    }

    #[test]
    fn a_coupon_of_specific_stores_is_used_in_one_of_them() {
        let scope = |scope: &str| {
            let mut standing = standing(confirmed());
            standing.coupon.stock_members.insert("store_scope".to_owned(), scope.into());
            standing
        };
        let used = |standing, store_id: Option<&str>, is_associated| {
            let request = UseRequest { store_id: store_id.map(str::to_owned), ..UseRequest::default() };
            redeem(standing, request, is_associated, at(NOW)).map(drop)
        };
        for refusal in [used(scope("SPECIFIC"), None, false), used(scope("SPECIFIC"), Some("3"), false)] {
            let refusal = refusal.unwrap_err();
            assert_eq!((refusal.code, refusal.tail), ("INVALID_REQUEST", 268_584_404));
        }
        assert_eq!(used(scope("SPECIFIC"), Some("1"), true), Ok(()));
        for open in ["NONE", "ALL"] {
            assert_eq!(used(scope(open), None, false), Ok(()));
            assert_eq!(used(scope(open), Some("3"), false), Ok(()));
        }
    }

    #[test]
    fn a_use_is_for_exactly_one_order() {
        let read = |body: Value| {
            let Value::Object(body) = body else { unreachable!() };
            UseRequest::read(&ValidRequest::from_body(body))
        };
        let order = json!({ "out_trade_no": "order-1" });
        let read_one = read(json!({ "associated_order_info": order, "saved_amount": 5 })).unwrap();
        assert_eq!((&read_one.details["associated_order_info"], read_one.details.len()), (&order, 2));
        assert!(read(json!({ "associated_pay_score_order_info": order })).is_ok());
        for body in [
            json!({}),
            json!({ "associated_order_info": {} }),
            json!({ "associated_order_info": order, "associated_pay_score_order_info": order }),
        ] {
            assert_eq!(read(body).unwrap_err().code, "PARAM_ERROR");
        }
    }

    #[test]
    fn uses_of_one_coupon_come_one_after_the_other_with_a_pause() {
        let coupon = Coupon { rounds: vec![Round::default(); 3], interval_days: 2, ..confirmed() };
        let once = use_at(coupon, NOW).unwrap();
        assert_eq!(use_at(once.clone(), NOW + DAY).unwrap_err().tail, 272_755_715);
        let twice = use_at(once.clone(), NOW + 2 * DAY).unwrap();
        assert_eq!((twice.uses(), twice.state_at(NOW + 2 * DAY)), (2, CouponState::Effective));
        let back = give_back(standing(twice.clone()), Some(0), at(NOW + 2 * DAY)).unwrap_err();
        assert_eq!(back.tail, 268_578_367);
        let back = give_back(standing(twice), Some(1), at(NOW + 2 * DAY)).unwrap().coupon;
        assert_eq!(back.uses(), 1);
        let request = UseRequest { index: Some(2), ..UseRequest::default() };
        assert!(redeem(standing(once), request, true, at(NOW + 3 * DAY)).is_err());
    }

    #[test]
    fn coupons_of_a_bundle_come_one_after_the_other() {
        let mut bundle = a_user_bundle();
        for coupon in &mut bundle {
            coupon.confirmed = Some(at(NOW));
        }
        let standing = |bundle: &[Coupon], index: usize| Standing {
            coupon: bundle[index].clone(),
            seen: seen(),
            siblings: bundle.to_vec(),
        };
        let used = |bundle: &[Coupon], index| {
            redeem(standing(bundle, index), UseRequest::default(), true, at(NOW))
                .map(|standing| standing.coupon)
        };
        assert!(used(&bundle, 1).is_err());
        for index in 0..3 {
            bundle[index] = used(&bundle, index).unwrap();
        }
        assert!(give_back(standing(&bundle, 1), None, at(NOW)).is_err());
        let decision = decided(give_back(standing(&bundle, 2), None, at(NOW)).unwrap(), NOW).unwrap();
        assert_eq!(decision.response["user_product_coupon_bundle_info"]["used_count"], 2);
    }
}
