//! The budget of a stock (修改批次预算): how many coupons it may send, changed by whoever knows the current number, so that two
//! who change it at once do not undo each other.

use serde_json::{Map, Value, json};

use super::modification::changeable;
use super::refusals;
use super::stock::Stock;
use super::unconfirmed::words;
use crate::merchants::Account;
use crate::products::decision::{Decided, Decision};
use crate::refusal::Refusal;

/// One of the two numbers.
struct Dimension {
    member: &'static str,
    target: &'static str,
    current: &'static str,
}

const IN_TOTAL: Dimension =
    Dimension { member: "max_coupons", target: "target_max_coupons", current: "current_max_coupons" };
const BY_DAY: Dimension = Dimension {
    member: "max_coupons_by_day",
    target: "target_max_coupons_by_day",
    current: "current_max_coupons_by_day",
};

/// The stock with another number, and the response.
///
/// INFERRED from the twin of product coupons: not below what was sent, and no daily limit for a stock that was created
/// without one.
pub(crate) fn change(
    caller: &Account,
    request: &Map<String, Value>,
    stock: Option<Stock>,
    now: i64,
) -> Decided<Stock> {
    let mut stock = changeable(caller, stock, now)?;
    let number = |name: &str| request.get(name).and_then(Value::as_i64);
    let (dimension, target) = match (number(IN_TOTAL.target), number(BY_DAY.target)) {
        (Some(target), None) => (IN_TOTAL, target),
        (None, Some(target)) => (BY_DAY, target),
        _ => {
            let reason =
                "give either target_max_coupons or target_max_coupons_by_day, with its current number";
            return Err(refusals::request_parameters(reason));
        }
    };
    let sent = if dimension.member == IN_TOTAL.member { stock.sent.total } else { stock.sent.today(now) };
    let caps = &mut stock.definition.caps;
    let known = if dimension.member == IN_TOTAL.member { Some(caps.total) } else { caps.by_day };
    let Some(known) = known else {
        let reason = "the stock was created without max_coupons_by_day, and cannot get one";
        return Err(refusals::request_parameters(reason));
    };
    match number(dimension.current) {
        Some(current) if current == known => {}
        Some(_) => return Err(Refusal::invalid_request(words::OTHER_BUDGET).with_reason(other(&dimension))),
        None => return Err(refusals::request_parameters(other(&dimension))),
    }
    if target < sent.max(1) {
        let reason = "the target must not be below 1, nor below what was sent already";
        return Err(refusals::request_parameters(reason));
    }
    if dimension.member == IN_TOTAL.member {
        caps.total = target
    } else {
        caps.by_day = Some(target)
    }
    if let Some(Value::Object(rule)) = stock.definition.members.get_mut("stock_send_rule") {
        rule.insert(dimension.member.to_owned(), target.into());
    }
    let caps = &stock.definition.caps;
    let mut response = json!({ "max_coupons": caps.total });
    if let Some(by_day) = caps.by_day {
        response["max_coupons_by_day"] = by_day.into();
    }
    Ok(Decision::new(stock, response))
}

fn other(dimension: &Dimension) -> String {
    format!("{} must be {} of the stock as it is now", dimension.current, dimension.member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, NOW, a_stock};
    use crate::products::merchant_coupons::stock::Sent;

    fn changed(stock: Stock, request: Value) -> Result<(Stock, Value), Refusal> {
        let Value::Object(request) = request else { unreachable!() };
        change(&CALLER, &request, Some(stock), NOW).map(Decision::parts)
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
        let (stock, response) = changed(a_stock(), request).unwrap();
        assert_eq!(response, json!({ "max_coupons": total + 5 }));
        assert_eq!(stock.definition.caps.total, total + 5);
        assert_eq!(stock.describe(NOW)["stock_send_rule"]["max_coupons"], total + 5);
        let request = json!({ "target_max_coupons_by_day": 20, "current_max_coupons_by_day": 10 });
        let (stock, response) = changed(with_daily_limit(), request).unwrap();
        assert_eq!(response, json!({ "max_coupons": total, "max_coupons_by_day": 20 }));
        assert_eq!(stock.definition.caps.by_day, Some(20));
    }

    #[test]
    fn another_current_number_is_told_in_the_recorded_words() {
        let refusal =
            changed(a_stock(), json!({ "target_max_coupons": 5, "current_max_coupons": 1 })).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "INVALID_REQUEST"));
        assert_eq!(refusal.message, "批次库存的当前值错误，请获取批次详情查看最新值");
    }

    #[test]
    fn both_none_or_a_number_that_cannot_be_is_refused() {
        let total = a_stock().definition.caps.total;
        let sent = Stock { sent: Sent { total: 7, ..Sent::default() }, ..a_stock() };
        for (stock, request) in [
            (a_stock(), json!({})),
            (a_stock(), json!({ "target_max_coupons": 5 })),
            (
                with_daily_limit(),
                json!({ "target_max_coupons": 500, "current_max_coupons": total,
                        "target_max_coupons_by_day": 20, "current_max_coupons_by_day": 10 }),
            ),
            (a_stock(), json!({ "target_max_coupons_by_day": 5, "current_max_coupons_by_day": 0 })),
            (sent, json!({ "target_max_coupons": 6, "current_max_coupons": total })),
            (a_stock(), json!({ "target_max_coupons": 0, "current_max_coupons": total })),
        ] {
            let refusal = changed(stock, request).unwrap_err();
            assert_eq!(refusal.code, "PARAM_ERROR");
            assert!(refusal.reason.is_some());
        }
    }
}
