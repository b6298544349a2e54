//! The budget (发放预算): how many coupons a stock, or each stock of a bundle, may send. A call changes one of the two numbers.

use serde_json::{Map, Value};

use super::stock::{self, Stock};
use super::{REQUEST_NO, bundle, once, refusals};
use crate::products::coupon_stocks::caps::{BudgetObstacle, Dimension, Sent};
use crate::products::{Context, Decision, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn change_stock_budget(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    once(tx, context, ("change product coupon budget", REQUEST_NO), |_| {
        let Some(stock) = stock::named(tx, context)? else { return Ok(Err(refusals::no_such_stock())) };
        let (sent, counts) = stock::facts(tx, &stock)?;
        let changed =
            stock.check_single().and_then(|stock| rebudget(stock, &context.request.body, &sent, context.now));
        Ok(changed.map(|stock| {
            let response = stock.describe(&sent, counts.as_ref(), context.now);
            Decision::new(stock, response)
        }))
    })
}

pub(super) fn change_bundle_budget(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    once(tx, context, ("change product coupon bundle budget", REQUEST_NO), |owner| {
        let stocks = bundle::named(tx, context, &owner)?;
        Ok(bundle::change_all(stocks, context.now, |(stock, facts)| {
            Ok((rebudget(stock, &context.request.body, &facts.0, context.now)?, facts))
        }))
    })
}

fn rebudget(mut stock: Stock, request: &Map<String, Value>, sent: &Sent, now: i64) -> Result<Stock, Refusal> {
    stock.check_lasts(now)?;
    let (dimension, member) = match request.get("update_mode").and_then(Value::as_str) {
        Some("MAX_COUNT") => (Dimension::InTotal, "max_count"),
        Some("MAX_COUNT_PER_DAY") => (Dimension::ByDay, "max_count_per_day"),
        _ => return Err(refusals::parameters("update_mode is MAX_COUNT or MAX_COUNT_PER_DAY")),
    };
    let number = |prefix: &str| request.get(&format!("{prefix}_{member}")).and_then(Value::as_i64);
    let Some(target) = number("target") else {
        return Err(refusals::budget(BudgetObstacle::NoCurrent));
    };
    let caps = &mut stock.definition.caps;
    caps.change(dimension, number("current"), target, sent, now).map_err(refusals::budget)?;
    stock.definition = stock.definition.changed(|members| {
        if let Some(Value::Object(rule)) = members.get_mut("stock_send_rule") {
            rule.insert(member.to_owned(), target.into());
        }
    })?;
    Ok(stock)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::products::product_coupons::fixtures::{NOW, a_stock};

    fn changed(request: Value) -> Result<Stock, Refusal> {
        let Value::Object(request) = request else { unreachable!() };
        rebudget(a_stock(), &request, &Sent { total: 7, ..Sent::default() }, NOW)
    }

    #[test]
    fn one_number_changes_for_who_knows_it() {
        let stock =
            changed(json!({ "update_mode": "MAX_COUNT", "current_max_count": 100, "target_max_count": 7 }));
        let stock = stock.unwrap();
        assert_eq!(stock.definition.caps.total, 7);
        assert_eq!(stock.definition.members["stock_send_rule"]["max_count"], 7);
        let text = serde_json::to_string(&stock).unwrap();
        assert_eq!(serde_json::from_str::<Stock>(&text).unwrap().definition.caps.total, 7);
    }

    #[test]
    fn a_target_above_the_largest_number_is_refused() {
        let mut daily = a_stock().definition;
        daily = daily.changed(|members| members["stock_send_rule"]["max_count_per_day"] = json!(5)).unwrap();
        let stock = Stock { definition: daily, ..a_stock() };
        let sent = Sent::default();
        for (mode, member, current) in
            [("MAX_COUNT", "max_count", 100), ("MAX_COUNT_PER_DAY", "max_count_per_day", 5)]
        {
            let changed = |target: i64| {
                let mut request = Map::new();
                request.insert("update_mode".to_owned(), mode.into());
                request.insert(format!("current_{member}"), current.into());
                request.insert(format!("target_{member}"), target.into());
                rebudget(stock.clone(), &request, &sent, NOW)
            };
            for target in [100_000_001, i64::MAX] {
                let refusal = changed(target).unwrap_err();
                assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"), "{mode} {target}");
                let reason = format!("{member} must be from 1 to 100000000");
                assert_eq!(refusal.reason.as_deref(), Some(&*reason));
            }
            let largest = changed(100_000_000).unwrap();
            let text = serde_json::to_string(&largest).unwrap();
            assert_eq!(serde_json::from_str::<Stock>(&text).unwrap(), largest);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (request, code) in [
            (
                json!({ "update_mode": "MAX_COUNT", "current_max_count": 99, "target_max_count": 7 }),
                "INVALID_REQUEST",
            ),
            (
                json!({ "update_mode": "MAX_COUNT", "current_max_count": 100, "target_max_count": 6 }),
                "PARAM_ERROR",
            ),
            (json!({ "update_mode": "MAX_COUNT", "target_max_count": 9 }), "PARAM_ERROR"),
            (json!({ "update_mode": "MAX_COUNT", "current_max_count_per_day": 1 }), "PARAM_ERROR"),
            (
                json!({ "update_mode": "MAX_COUNT_PER_DAY", "current_max_count_per_day": 1, "target_max_count_per_day": 2 }),
                "PARAM_ERROR",
            ),
            (json!({ "update_mode": "BOTH" }), "PARAM_ERROR"),
        ] {
            let refusal = changed(request.clone()).unwrap_err();
            assert_eq!(refusal.code, code, "{request}");
            assert!(refusal.reason.is_some());
        }
    }
}
