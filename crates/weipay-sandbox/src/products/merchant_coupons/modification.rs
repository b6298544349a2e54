//! Changing a stock (修改商家券基本信息, 修改批次预算): how it looks and where it is used, and how many coupons it may send. What it is
//! worth, when, and for whom stays.
//!
//! A change of the budget must name the current number, so that two changes at once do not undo each other.

use serde_json::{Map, Value, json};

use super::definition::Definition;
use super::stock::{self, Stock, StockState};
use super::unconfirmed::words;
use super::{idempotently, refusals};
use crate::merchants::Account;
use crate::products::coupon_stocks::caps::{BudgetObstacle, Dimension, Sent};
use crate::products::{Context, Decided, Decision, HandlerError, carry_out};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{IdempotencyKey, Transaction};

pub(super) fn modify_stock(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    change_stock(tx, context, ("modify stock", "out_request_no"), |found| {
        modify(context.caller, &context.request.body, found.map(|(stock, _)| stock), context.now)
    })
}

pub(super) fn change_budget(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    change_stock(tx, context, ("change budget", "modify_budget_request_no"), |found| {
        rebudget(context.caller, &context.request.body, found, context.now)
    })
}

/// Changes one stock. The body does not say which one, so the same body and number may come for another stock.
fn change_stock(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    (operation, request_no): (&'static str, &'static str),
    change: impl FnOnce(Option<(Stock, Sent)>) -> Decided<Stock>,
) -> Result<Value, HandlerError> {
    let stock_id = context.request.path("stock_id");
    let scope = format!("{}\n{stock_id}", context.caller.mchid);
    let request_no = context.request.required(request_no);
    let key = IdempotencyKey { operation, scope: &scope, request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        carry_out(tx, change(stock::find_with_sent(tx, stock_id)?)?)
    })
}

/// The members that may change, by the object that holds them; `""` for the request itself. Members that the page marks
/// as not changeable for now (`stock_name`, `merchant_name`, `merchant_logo_url`, `natural_person_limit`) are ignored:
/// UNCONFIRMED(unchangeable-members).
const CHANGEABLE: [(&str, &[&str]); 6] = [
    ("", &["comment", "goods_name"]),
    ("custom_entrance", &["mini_programs_info", "appid", "hall_id", "code_display_mode"]),
    ("display_pattern_info", &["description", "background_color", "coupon_image_url", "finder_info"]),
    ("coupon_use_rule", &["use_method", "mini_programs_appid", "mini_programs_path"]),
    ("stock_send_rule", &["prevent_api_abuse"]),
    ("notify_config", &["notify_appid"]),
];

/// Changes what the request gives.
fn modify(caller: &Account, request: &Map<String, Value>, stock: Option<Stock>, now: i64) -> Decided<Stock> {
    let stock = check_changeable(caller, stock, now)?;
    let mut members = stock.definition.members.clone();
    for (object, names) in CHANGEABLE {
        if object.is_empty() {
            take(names, request, &mut members);
        } else if let Some(Value::Object(given)) = request.get(object) {
            let inner = members.entry(object).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                take(names, given, inner);
            }
        }
    }
    match (request.get("subsidy"), members.get("subsidy")) {
        (Some(Value::Bool(false)), Some(Value::Bool(true))) => {
            return Err(refusals::request_parameters("subsidy can be switched on, but not off"));
        }
        (Some(wanted), _) => drop(members.insert("subsidy".to_owned(), wanted.clone())),
        (None, _) => {}
    }
    let stock = Stock { definition: Definition::read(members)?, ..stock };
    Ok(Decision::new(stock, Value::Null))
}

/// The stock, when the caller may change it and its period is not over.
fn check_changeable(caller: &Account, stock: Option<Stock>, now: i64) -> Result<Stock, Refusal> {
    let stock = stock.ok_or_else(refusals::no_such_stock)?;
    if stock.creator != caller.mchid {
        return Err(refusals::no_right_on_coupon().with_reason("only its creator may change a stock"));
    }
    if stock.state_at(now) == StockState::Stoped {
        return Err(Refusal::invalid_request(
            words::STOCK_IS_OVER,
            "a stock can be changed until its available_end_time, unless it was stopped",
        ));
    }
    Ok(stock)
}

fn take(names: &[&str], from: &Map<String, Value>, into: &mut Map<String, Value>) {
    for name in names {
        if let Some(value) = from.get(*name) {
            into.insert((*name).to_owned(), value.clone());
        }
    }
}

/// How the operation names one of the two numbers.
struct Names {
    member: &'static str,
    /// The amount that stands beside it in a stock that was made with one.
    amount: &'static str,
    target: &'static str,
    current: &'static str,
}

const fn names(dimension: Dimension) -> Names {
    match dimension {
        Dimension::InTotal => Names {
            member: "max_coupons",
            amount: "max_amount",
            target: "target_max_coupons",
            current: "current_max_coupons",
        },
        Dimension::ByDay => Names {
            member: "max_coupons_by_day",
            amount: "max_amount_by_day",
            target: "target_max_coupons_by_day",
            current: "current_max_coupons_by_day",
        },
    }
}

/// Changes one of the two numbers.
fn rebudget(
    caller: &Account,
    request: &Map<String, Value>,
    found: Option<(Stock, Sent)>,
    now: i64,
) -> Decided<Stock> {
    let (stock, sent) = found.unzip();
    let mut stock = check_changeable(caller, stock, now)?;
    let sent = sent.unwrap_or_default();
    let number = |name: &str| request.get(name).and_then(Value::as_i64);
    let target_of = |dimension| number(names(dimension).target);
    let (dimension, target) = match (target_of(Dimension::InTotal), target_of(Dimension::ByDay)) {
        (Some(target), None) => (Dimension::InTotal, target),
        (None, Some(target)) => (Dimension::ByDay, target),
        _ => {
            let reason =
                "give either target_max_coupons or target_max_coupons_by_day, with its current number";
            return Err(refusals::request_parameters(reason));
        }
    };
    let Names { member, amount, current, .. } = names(dimension);
    let caps = &mut stock.definition.caps;
    caps.change(dimension, number(current), target, &sent, now).map_err(|obstacle| {
        let other = format!("{current} must be {member} of the stock as it is now");
        match obstacle {
            BudgetObstacle::NoDailyLimit => refusals::request_parameters(
                "the stock was created without max_coupons_by_day, and cannot get one",
            ),
            BudgetObstacle::NoCurrent => refusals::request_parameters(other),
            BudgetObstacle::OtherCurrent => Refusal::invalid_request(words::OTHER_BUDGET, other),
            BudgetObstacle::BelowSent => refusals::request_parameters(reasons::BELOW_SENT),
        }
    })?;
    let mut response = json!({ "max_coupons": caps.total });
    if let Some(by_day) = caps.by_day {
        response["max_coupons_by_day"] = by_day.into();
    }
    if let Some(Value::Object(rule)) = stock.definition.members.get_mut("stock_send_rule") {
        rule.insert(member.to_owned(), target.into());
        // INFERRED(budget-amount): what was given as an amount follows the number of coupons that it pays for.
        if let (Some(known), Some(worth)) = (rule.get_mut(amount), stock.definition.discount_amount) {
            *known = target.saturating_mul(worth).into();
        }
    }
    Ok(Decision::new(stock, response))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_stock, stranger};

    fn modified(request: Value) -> Result<Stock, Refusal> {
        let Value::Object(request) = request else { unreachable!() };
        modify(&CALLER, &request, Some(a_stock()), NOW).map(|decision| decision.changed)
    }

    #[test]
    fn what_was_given_changes_and_the_rest_stays() {
        let stock = modified(json!({
            "goods_name": "另一种", "display_pattern_info": { "description": "新的须知" }, "subsidy": true,
            "stock_name": "不可修改", "stock_send_rule": { "prevent_api_abuse": true, "max_coupons": 1 }
        }))
        .unwrap();
        let (before, shown) =
            (a_stock().describe(&Sent::default(), NOW), stock.describe(&Sent::default(), NOW));
        assert_eq!(shown["goods_name"], "另一种");
        assert_eq!(shown["display_pattern_info"]["description"], "新的须知");
        assert_eq!(
            (&shown["subsidy"], &shown["stock_send_rule"]["prevent_api_abuse"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(shown["stock_name"], before["stock_name"]);
        assert_eq!(shown["coupon_use_rule"], before["coupon_use_rule"]);
        assert_eq!(stock.definition.caps, a_stock().definition.caps);
    }

    #[test]
    fn what_would_contradict_itself_is_refused_with_the_reason() {
        let refusal = modified(json!({ "coupon_use_rule": { "use_method": "MINI_PROGRAMS" } })).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"));
        assert!(refusal.reason.unwrap().contains("mini_programs_appid"));
        let on = Stock { definition: modified(json!({ "subsidy": true })).unwrap().definition, ..a_stock() };
        let Value::Object(off) = json!({ "subsidy": false }) else { unreachable!() };
        assert_eq!(modify(&CALLER, &off, Some(on), NOW).unwrap_err().code, "PARAM_ERROR");
    }

    #[test]
    fn only_its_creator_changes_a_stock_and_only_while_it_lasts() {
        let code = |stock, caller: &Account, now| modify(caller, &Map::new(), stock, now).unwrap_err().code;
        assert_eq!(code(None, &CALLER, NOW), "RESOURCE_NOT_EXISTS");
        let stranger = stranger();
        assert_eq!(code(Some(a_stock()), &stranger, NOW), "NO_AUTH");
        let over = a_stock().definition.validity.end + 1;
        assert_eq!(code(Some(a_stock()), &CALLER, over), "INVALID_REQUEST");
        let stopped = Stock { state: StockState::Stoped, ..a_stock() };
        assert_eq!(code(Some(stopped), &CALLER, NOW), "INVALID_REQUEST");
    }

    fn changed(stock: Stock, sent: Sent, request: Value) -> Result<(Stock, Value), Refusal> {
        let Value::Object(request) = request else { unreachable!() };
        rebudget(&CALLER, &request, Some((stock, sent)), NOW).map(Decision::parts)
    }

    fn with_daily_limit() -> Stock {
        let mut stock = a_stock();
        stock.definition.caps.by_day = Some(10);
        stock
    }

    #[test]
    fn who_knows_the_current_number_changes_it() {
        let total = a_stock().definition.caps.total;
        let request = json!({ "target_max_coupons": total + 5, "current_max_coupons": total });
        let (stock, response) = changed(a_stock(), Sent::default(), request).unwrap();
        assert_eq!(response, json!({ "max_coupons": total + 5 }));
        assert_eq!(stock.definition.caps.total, total + 5);
        assert_eq!(stock.describe(&Sent::default(), NOW)["stock_send_rule"]["max_coupons"], total + 5);
        let request = json!({ "target_max_coupons_by_day": 20, "current_max_coupons_by_day": 10 });
        let (stock, response) = changed(with_daily_limit(), Sent::default(), request).unwrap();
        assert_eq!(response, json!({ "max_coupons": total, "max_coupons_by_day": 20 }));
        assert_eq!(stock.definition.caps.by_day, Some(20));
    }

    #[test]
    fn an_amount_follows_the_number_of_coupons_that_it_pays_for() {
        let mut members = a_stock().definition.members;
        members["stock_send_rule"] =
            json!({ "max_amount": 50, "max_amount_by_day": 10, "max_coupons_per_user": 2 });
        let stock = Stock { definition: Definition::read(members).unwrap(), ..a_stock() };
        let request = json!({ "target_max_coupons": 20, "current_max_coupons": 10 });
        let (stock, _) = changed(stock, Sent::default(), request).unwrap();
        let request = json!({ "target_max_coupons_by_day": 3, "current_max_coupons_by_day": 2 });
        let (stock, _) = changed(stock, Sent::default(), request).unwrap();
        let rule = &stock.definition.members["stock_send_rule"];
        assert_eq!((&rule["max_amount"], &rule["max_amount_by_day"]), (&json!(100), &json!(15)));
        let read = Definition::read(stock.definition.members.clone()).unwrap();
        assert_eq!((read.caps.total, read.caps.by_day), (20, Some(3)));
    }

    #[test]
    fn another_current_number_is_told_in_the_recorded_words() {
        let refusal =
            changed(a_stock(), Sent::default(), json!({ "target_max_coupons": 5, "current_max_coupons": 1 }))
                .unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
        assert_eq!(refusal.message, "批次库存的当前值错误，请获取批次详情查看最新值");
    }

    #[test]
    fn both_none_or_a_number_that_cannot_be_is_refused() {
        let total = a_stock().definition.caps.total;
        let seven = Sent { total: 7, ..Sent::default() };
        for (stock, request) in [
            (a_stock(), json!({})),
            (a_stock(), json!({ "target_max_coupons": 5 })),
            (
                with_daily_limit(),
                json!({ "target_max_coupons": 500, "current_max_coupons": total,
                        "target_max_coupons_by_day": 20, "current_max_coupons_by_day": 10 }),
            ),
            (a_stock(), json!({ "target_max_coupons_by_day": 5, "current_max_coupons_by_day": 0 })),
            (a_stock(), json!({ "target_max_coupons": 6, "current_max_coupons": total })),
            (a_stock(), json!({ "target_max_coupons": 0, "current_max_coupons": total })),
        ] {
            let refusal = changed(stock, seven.clone(), request).unwrap_err();
            assert_eq!(refusal.code, "PARAM_ERROR");
            assert!(refusal.reason.is_some());
        }
    }
}
