//! Operations of the merchant on a service order.

use serde_json::{Map, Value};

use super::amounts::{
    check_amounts_of_new, check_begins_later, check_goods, check_risk_fund, check_said_before,
    check_times_of_completion, check_times_of_new, checked_total,
};
use super::order::{MEMBERS, OrderState, Paid, ServiceOrder, count_of_person};
use super::parties::{Parties, openids_of};
use super::permissions::check_authorized;
use super::{collection, refusals};
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Due, Fingerprint, StoreError, Transaction};

pub(super) fn create_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let creation = fingerprint(&request.body);
    let number = request.required("out_order_no");
    let order = match ServiceOrder::find_by_number(tx, &context.caller.mchid, number)? {
        Some(known) if known.creation == creation => known,
        Some(_) => return Err(refusals::other_parameters().into()),
        None => {
            check_begins_later(request.body.get("time_range").unwrap_or(&Value::Null), context.now)?;
            let is_confirmed = request.body.get("need_user_confirm") == Some(&Value::Bool(false));
            let order = new_order(tx, context, creation, is_confirmed)?;
            tx.save(&order)?;
            if order.state == OrderState::Created {
                tx.schedule(&collection::expiry(&order))?;
            }
            order
        }
    };
    let mut shown =
        order.describe_without(&["openid", "sub_openid", "total_amount", "need_collection", "collection"]);
    if order.state == OrderState::Created {
        shown["package"] = order.package.as_str().into();
    }
    Ok(shown)
}

/// 先用后付: an order with the goods that it is for, which only this response shows.
pub(super) fn create_on_delivery(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    if request.text("mchid").is_some_and(|mchid| mchid != context.caller.mchid) {
        return Err(refusals::wrong_parameter("mchid must be the caller").into());
    }
    let info = request.body.get("shopping_info").unwrap_or(&Value::Null);
    check_goods(info)?;
    let mut shown = create_order(tx, context)?;
    shown["shopping_info"] = info.clone();
    Ok(shown)
}

/// 创单结单合并: an order of an authorized person, completed at once.
pub(super) fn create_and_complete(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let body = &context.request.body;
    let creation = fingerprint(body);
    let number = context.request.required("out_order_no");
    let order = match ServiceOrder::find_by_number(tx, &context.caller.mchid, number)? {
        Some(known) if known.creation == creation => known,
        Some(_) => return Err(refusals::other_parameters().into()),
        None => {
            let total = checked_total(body)?;
            check_risk_fund(total, &Value::Null)?;
            let order = new_order(tx, context, creation.clone(), true)?;
            // As they were sent: `OnAccept` is now, and the end was before.
            let times = body.get("time_range").unwrap_or(&Value::Null);
            check_times_of_completion(times, times, context.now)?;
            complete(tx, order, total, Some(creation), context)?
        }
    };
    Ok(order.describe_without(&["openid", "sub_openid", "collection", "need_collection"]))
}

fn new_order(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    creation: String,
    is_confirmed: bool,
) -> Result<ServiceOrder, HandlerError> {
    let request = context.request;
    let parties = Parties::read(context)?;
    check_amounts_of_new(&request.body)?;
    check_times_of_new(request.body.get("time_range").unwrap_or(&Value::Null))?;
    let (mut openid, mut sub_openid) = (None, None);
    if is_confirmed {
        (openid, sub_openid) = parties.read_person(tx, context)?;
        let Some(person) = openid.as_ref().or(sub_openid.as_ref()) else {
            let reason = "without the person's confirmation, the order must have an openid";
            return Err(refusals::wrong_parameter(reason).into());
        };
        check_authorized(tx, &parties, request.required("service_id"), person)?;
        if !AccountState::of_person(tx, person)?.works() {
            return Err(refusals::not_assessed(271_300_099, reasons::ACCOUNT_DOES_NOT_WORK).into());
        }
        check_limits(tx, &context.caller.mchid, request.required("service_id"), person)?
            .map_err(|(tail, reason)| refusals::not_assessed(tail, reason))?;
    }
    let serial = tx.next_number("service order")?;
    let mut members = request.body.clone();
    members.retain(|name, _| MEMBERS.contains(&name.as_str()));
    if is_confirmed {
        accept(&mut members, context.now);
    }
    Ok(ServiceOrder {
        id: format!("1000030000{}{serial:010}", super::amounts::written(context.now)),
        mchid: context.caller.mchid.clone(),
        appid: parties.appid,
        sub_mchid: parties.sub_mchid,
        sub_appid: parties.sub_appid,
        service_id: request.required("service_id").to_owned(),
        out_order_no: request.required("out_order_no").to_owned(),
        members,
        openid,
        sub_openid,
        profit_sharing: false,
        package: format!("{}{serial:x}", context.entropy.letters_and_digits(60)),
        platform_serial: context.platform_serial.to_owned(),
        create_time: context.now,
        state: if is_confirmed { OrderState::Confirmed } else { OrderState::Created },
        total: None,
        paid: None,
        deduction: None,
        declines: false,
        creation,
        completion: None,
        cancellation: None,
    })
}

/// Of one service a person has at most three orders under way, and gets no other while one is overdue.
pub(super) const MAX_UNDER_WAY: i64 = 3;

/// Whether a person gets another order of a service. If not: the number of the refusal, and the reason.
pub(super) fn check_limits(
    tx: &Transaction<'_>,
    mchid: &str,
    service_id: &str,
    person: &str,
) -> Result<Result<(), (u32, &'static str)>, StoreError> {
    let (under_way, overdue) = count_of_person(tx, mchid, service_id, person)?;
    Ok(if overdue > 0 {
        Err((
            271_299_627,
            "the person has an order of this service whose deduction failed: it must be paid first",
        ))
    } else if under_way >= MAX_UNDER_WAY {
        Err((271_300_099, "the person has three orders of this service under way: complete or cancel one"))
    } else {
        Ok(())
    })
}

/// By the merchant's number, or by the `query_id` that the person's app brings back from the confirmation.
/// UNCONFIRMED(pay-score-query-id): it is there for an order that the person has confirmed.
pub(super) fn query_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let query = |name: &str| context.request.query(name);
    if query("out_order_no").is_some() == query("query_id").is_some() {
        return Err(refusals::wrong_parameter("give one of out_order_no and query_id").into());
    }
    let is_own = |order: &ServiceOrder| {
        query("service_id") == Some(order.service_id.as_str())
            && query("appid").is_none_or(|appid| appid == order.appid)
            && query("sub_mchid") == order.sub_mchid.as_deref()
    };
    let found = match query("query_id") {
        Some(query_id) => ServiceOrder::find_by_query_id(tx, &context.caller.mchid, query_id)?,
        None => ServiceOrder::find_by_number(
            tx,
            &context.caller.mchid,
            query("out_order_no").unwrap_or_default(),
        )?,
    };
    let found = found.filter(is_own);
    Ok(Value::Object(found.ok_or_else(refusals::no_such_order)?.describe()))
}

/// INFERRED(pay-score-cancel): an order whose money is still to come can be canceled, but for while a deduction is under way.
pub(super) fn cancel_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = named(tx, context)?;
    let cancellation = Some(fingerprint(&context.request.body));
    let canceled = match order.state {
        OrderState::Revoked if order.cancellation == cancellation => order,
        OrderState::Revoked => return Err(refusals::done_otherwise("canceled").into()),
        OrderState::Done | OrderState::Expired => {
            return Err(refusals::wrong_state(order.state, "the order has ended").into());
        }
        OrderState::Created | OrderState::Confirmed | OrderState::Completed => {
            check_no_deduction(&order)?;
            tx.unschedule(&collection::expiry(&order))?;
            let canceled = ServiceOrder { state: OrderState::Revoked, cancellation, ..order };
            tx.save(&canceled)?;
            canceled
        }
    };
    Ok(canceled.describe_names())
}

pub(super) fn complete_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = named(tx, context)?;
    let completion = Some(fingerprint(&context.request.body));
    let completed = match order.state {
        OrderState::Completed if order.completion == completion => order,
        OrderState::Completed => return Err(refusals::done_otherwise("completed").into()),
        OrderState::Confirmed => {
            let total = checked_total(&context.request.body)?;
            check_risk_fund(total, order.members.get("risk_fund").unwrap_or(&Value::Null))?;
            let empty = Value::Null;
            let times = order.members.get("time_range").unwrap_or(&empty);
            let given = context.request.body.get("time_range").unwrap_or(&empty);
            check_times_of_completion(times, given, context.now)?;
            check_said_before(&order.members, &context.request.body)?;
            complete(tx, with_sent(order, &context.request.body), total, completion, context)?
        }
        _ => {
            return Err(refusals::wrong_state(
                order.state,
                "only an order that the person has confirmed can be completed",
            )
            .into());
        }
    };
    Ok(completed.describe_without(&["openid", "sub_openid", "collection", "attach", "notify_url"]))
}

/// The money is asked for, if there is any to collect. The order is saved by it.
fn complete(
    tx: &Transaction<'_>,
    order: ServiceOrder,
    total: i64,
    completion: Option<String>,
    context: &Context<'_>,
) -> Result<ServiceOrder, StoreError> {
    let profit_sharing = context.request.body.get("profit_sharing") == Some(&Value::Bool(true));
    let order = ServiceOrder { total: Some(total), completion, profit_sharing, ..order };
    if total > 0 {
        return collection::begin(tx, ServiceOrder { state: OrderState::Completed, ..order }, context.now);
    }
    // INFERRED(pay-score-nothing): nothing to collect ends the order at once.
    let done = ServiceOrder { state: OrderState::Done, ..order };
    tx.save(&done)?;
    Ok(done)
}

pub(super) fn modify_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = to_be_paid(tx, context)?;
    let total = checked_total(&context.request.body)?;
    if order.total.is_none_or(|known| total >= known) || total < 1 {
        return Err(refusals::not_lower().into());
    }
    check_said_before(&order.members, &context.request.body)?;
    let order = ServiceOrder { total: Some(total), ..with_sent(order, &context.request.body) };
    tx.save(&order)?;
    Ok(order.describe_without(&["openid", "sub_openid"]))
}

pub(super) fn ask_for_payment(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let order = to_be_paid(tx, context)?;
    // UNCONFIRMED(pay-score-asked-again): who cannot pay when the merchant asks is known at once.
    if !collection::can_pay(tx, &order)? {
        return Err(refusals::not_deducted().into());
    }
    Ok(collection::begin(tx, order, context.now)?.describe_names())
}

pub(super) fn sync_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    if context.request.required("type") != "Order_Paid" {
        return Err(refusals::wrong_parameter("type must be Order_Paid").into());
    }
    let time = context.request.body.get("detail").and_then(|detail| detail["paid_time"].as_str());
    let Some((time, at)) = time.and_then(|time| Some((time, super::amounts::read_time(time)?))) else {
        return Err(refusals::wrong_parameter("detail.paid_time is written yyyyMMddHHmmss").into());
    };
    // UNCONFIRMED(pay-score-paid-time): what is to come was not paid.
    if at > context.now {
        return Err(refusals::wrong_parameter(
            "detail.paid_time is later than the time of the sandbox's clock",
        )
        .into());
    }
    let order = to_be_paid(tx, context)?;
    let paid = Some(Paid::Elsewhere { time: time.to_owned() });
    let done = ServiceOrder { state: OrderState::Done, paid, ..order };
    tx.save(&done)?;
    let mut shown = done.describe();
    // The page of this step has no number of what was paid.
    let details = shown.get_mut("collection").and_then(|collection| collection.get_mut("details"));
    for detail in details.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
    {
        detail.remove("seq");
    }
    Ok(Value::Object(shown))
}

/// The order that a path names, when service and appid of the body are its own.
pub(super) fn named(tx: &Transaction<'_>, context: &Context<'_>) -> Result<ServiceOrder, HandlerError> {
    let request = context.request;
    let found = ServiceOrder::find_by_number(tx, &context.caller.mchid, request.path("out_order_no"))?;
    let is_own = |order: &ServiceOrder| {
        request.text("service_id").is_none_or(|id| id == order.service_id)
            && request.text("appid").is_none_or(|appid| appid == order.appid)
            && request.text("sub_mchid") == order.sub_mchid.as_deref()
    };
    Ok(found.filter(is_own).ok_or_else(refusals::no_such_order)?)
}

/// The order, when its money is still to come and no deduction is under way.
fn to_be_paid(tx: &Transaction<'_>, context: &Context<'_>) -> Result<ServiceOrder, HandlerError> {
    let order = named(tx, context)?;
    if order.state != OrderState::Completed {
        return Err(refusals::wrong_state(
            order.state,
            "no payment is expected for this order: it is not completed, or has ended",
        )
        .into());
    }
    check_no_deduction(&order)?;
    Ok(order)
}

fn check_no_deduction(order: &ServiceOrder) -> Result<(), Refusal> {
    if order.deduction.is_some() { Err(refusals::under_deduction()) } else { Ok(()) }
}

/// With what a completion or modification sends again. Its payments and discounts take the place of the
/// earlier ones: the total is the sum of what it sends. INFERRED(pay-score-discounts): so one without
/// discounts leaves none. Of times and places, what the order says stays, but for the planned end.
fn with_sent(mut order: ServiceOrder, body: &Map<String, Value>) -> ServiceOrder {
    for name in ["post_payments", "post_discounts"] {
        match body.get(name) {
            Some(rows) => drop(order.members.insert(name.to_owned(), rows.clone())),
            None => drop(order.members.remove(name)),
        }
    }
    for name in ["time_range", "location"] {
        let Some(Value::Object(sent)) = body.get(name) else { continue };
        let known = order.members.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(known) = known {
            for (name, value) in sent {
                let said = known.get(name).and_then(Value::as_str).unwrap_or_default();
                // The end of a new order is a plan.
                if said.is_empty() || name.starts_with("end_time") {
                    known.insert(name.clone(), value.clone());
                }
            }
        }
    }
    order
}

fn fingerprint(body: &Map<String, Value>) -> String {
    Fingerprint::new(body).to_string()
}

/// `OnAccept` is the time at which the order is under way.
fn accept(members: &mut Map<String, Value>, now: i64) {
    if let Some(start) = members.get_mut("time_range").and_then(|times| times.get_mut("start_time"))
        && start == "OnAccept"
    {
        *start = super::amounts::written(now).into();
    }
}

/// The person confirms an order. `None` when there was nothing to confirm, the reason when the person may not.
pub(super) fn confirm(
    tx: &Transaction<'_>,
    order: ServiceOrder,
    openid: &str,
    now: i64,
) -> Result<Option<Result<(), &'static str>>, HandlerError> {
    let expiry: Due = collection::expiry(&order);
    if order.state != OrderState::Created || now >= expiry.at {
        return Ok(None);
    }
    if !AccountState::of_person(tx, openid)?.works() {
        return Ok(Some(Err(reasons::ACCOUNT_DOES_NOT_WORK)));
    }
    let appids = (order.appid.as_str(), order.sub_appid.as_deref());
    let (own, sub_openid) = match openids_of(tx, openid, appids, now)? {
        Ok(openids) => openids,
        Err(reason) => return Ok(Some(Err(reason))),
    };
    if let Err((_, reason)) = check_limits(tx, &order.mchid, &order.service_id, openid)? {
        return Ok(Some(Err(reason)));
    }
    tx.unschedule(&expiry)?;
    let mut order = ServiceOrder { state: OrderState::Confirmed, openid: Some(own), sub_openid, ..order };
    accept(&mut order.members, now);
    tx.save(&order)?;
    if let Some(announcement) = order.announcement("PAYSCORE.USER_CONFIRM", now) {
        tx.announce(&announcement)?;
    }
    Ok(Some(Ok(())))
}
