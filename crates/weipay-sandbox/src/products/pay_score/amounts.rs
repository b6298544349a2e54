//! The sums of a service order, and its times.

use serde_json::{Map, Value};

use super::refusals;
use crate::clock;
use crate::response::Refusal;

/// More is never asked for at once: a million yuan.
const MAX_FEN: i64 = 100_000_000;

/// The total of a completion or modification, when it is the sum of what is in it.
pub(super) fn checked_total(body: &Map<String, Value>) -> Result<i64, Refusal> {
    check_names(body)?;
    let sum = |name: &str| -> Option<i64> {
        let rows = body.get(name).and_then(Value::as_array);
        rows.into_iter().flatten().try_fold(0_i64, |sum, row| {
            let fen = row.get("amount").map_or(Some(0), Value::as_i64)?;
            if fen >= 0 { sum.checked_add(fen) } else { None }
        })
    };
    let total = body.get("total_amount").and_then(Value::as_i64).ok_or_else(refusals::wrong_total)?;
    let (Some(paid), Some(off)) = (sum("post_payments"), sum("post_discounts")) else {
        return Err(refusals::wrong_total());
    };
    let is_sum = paid.checked_sub(off) == Some(total);
    if is_sum && total >= 0 { Ok(total) } else { Err(refusals::wrong_total()) }
}

/// The rule: each discount has a name of its own, and so has each payment, but that several may be 商品信息.
pub(super) fn check_names(body: &Map<String, Value>) -> Result<(), Refusal> {
    for (list, may_repeat) in [("post_payments", Some("商品信息")), ("post_discounts", None)] {
        let rows = body.get(list).and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> = rows.filter_map(|row| row.get("name")?.as_str()).collect();
        let is_again = |(place, name): (usize, &&str)| {
            Some(*name) != may_repeat && names.iter().take(place).any(|other| other == name)
        };
        if names.iter().enumerate().any(is_again) {
            return Err(refusals::wrong_parameter(
                "the names in post_discounts must differ, and so must those in post_payments but 商品信息",
            ));
        }
    }
    Ok(())
}

/// The amounts of a new order: none is below 0 or too large. Charges can be 0.
pub(super) fn check_amounts_of_new(body: &Map<String, Value>) -> Result<(), Refusal> {
    check_names(body)?;
    let rows = ["post_payments", "post_discounts"].into_iter().filter_map(|name| body.get(name)?.as_array());
    let amounts = rows.flatten().chain(body.get("risk_fund")).filter_map(|row| row.get("amount"));
    let is_amount = |amount: &Value| amount.as_i64().is_some_and(|fen| (0..=MAX_FEN).contains(&fen));
    if amounts.into_iter().all(is_amount) { Ok(()) } else { Err(refusals::wrong_amount()) }
}

/// The prices of goods (先用后付商品) are not below 0 or too large.
pub(super) fn check_goods(shopping_info: &Value) -> Result<(), Refusal> {
    let amounts = shopping_info["goods"].as_array().into_iter().flatten().filter_map(|one| one.get("amount"));
    let is_amount = |amount: &Value| amount.as_i64().is_some_and(|fen| (0..=MAX_FEN).contains(&fen));
    if amounts.into_iter().all(is_amount) { Ok(()) } else { Err(refusals::wrong_amount()) }
}

/// A total must fit the risk fund of an order. INFERRED(pay-score-cap): an estimate of the cost is not a
/// limit; that is the service's, a million yuan here.
pub(super) fn check_risk_fund(total: i64, risk_fund: &Value) -> Result<(), Refusal> {
    let is_estimate = risk_fund["name"] == "ESTIMATE_ORDER_COST";
    match risk_fund["amount"].as_i64() {
        _ if total > MAX_FEN => Err(refusals::over_service_fund()),
        Some(most) if !is_estimate && total > most => Err(refusals::over_risk_fund()),
        _ => Ok(()),
    }
}

/// A time as merchants write it: `yyyyMMddHHmmss`, `yyyyMMdd`, or RFC 3339. INFERRED(pay-score-times):
/// sources differ, so all are taken.
pub(super) fn read_time(text: &str) -> Option<i64> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        8 if is_digits => clock::parse(&format!("{}T00:00:00+08:00", date(text))),
        14 if is_digits => {
            let (hours, rest) = text.get(8..)?.split_at(2);
            let (minutes, seconds) = rest.split_at(2);
            clock::parse(&format!("{}T{hours}:{minutes}:{seconds}+08:00", date(text)))
        }
        _ => clock::parse(text),
    }
}

/// Both times, or both days where one of them is only a day.
fn of_one_precision(one: &str, other: &str) -> Option<(i64, i64)> {
    let (first, second) = (read_time(one)?, read_time(other)?);
    let is_day = |text: &str| text.len() == 8;
    Some(if is_day(one) || is_day(other) { (clock::day(first), clock::day(second)) } else { (first, second) })
}

fn date(digits: &str) -> String {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8))
}

/// `yyyyMMddHHmmss`.
pub(super) fn written(seconds: i64) -> String {
    clock::compact(seconds)
}

/// The times of a new order. `OnAccept` means when the person confirms.
pub(super) fn check_times_of_new(times: &Value) -> Result<(), Refusal> {
    for name in ["start_time", "end_time"] {
        let text = times[name].as_str().filter(|text| !text.is_empty());
        let is_readable = text.is_none_or(|text| text == "OnAccept" || read_time(text).is_some());
        if !is_readable || (text.is_none() && name == "start_time") {
            return Err(refusals::unreadable_time());
        }
    }
    let text = |name: &str| times[name].as_str().unwrap_or_default();
    if is_after(text("start_time"), text("end_time")) {
        return Err(refusals::ends_before_start());
    }
    Ok(())
}

/// A service that a person will confirm does not begin before the request.
pub(super) fn check_begins_later(times: &Value, now: i64) -> Result<(), Refusal> {
    if is_after(&written(now), times["start_time"].as_str().unwrap_or_default()) {
        return Err(refusals::begins_too_early());
    }
    Ok(())
}

/// Whether one time is after another, by the day where one of both is a day (INFERRED(pay-score-times)).
fn is_after(one: &str, other: &str) -> bool {
    of_one_precision(one, other).is_some_and(|(one, other)| one > other)
}

/// What was said of the beginning and of places when the order was made is said again in the same way, or not
/// at all. INFERRED(pay-score-fixed): what is left out stays as it was, and the end is what it was in fact,
/// whatever was planned. `OnAccept` says nothing new, because the order has had the time of the confirmation
/// since then.
pub(super) fn check_said_before(
    order: &Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<(), Refusal> {
    let text = |members: &Map<String, Value>, group: &str, name: &str| {
        let text = members.get(group).and_then(|group| group.get(name)).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let is_same = |one: &str, other: &str| {
        one == other || of_one_precision(one, other).is_some_and(|(one, other)| one == other)
    };
    for (group, name) in FIXED {
        if let (Some(said), Some(given)) = (text(order, group, name), text(given, group, name))
            && !is_same(&said, &given)
            && !(name == "start_time" && given == "OnAccept")
        {
            return Err(refusals::not_as_before());
        }
    }
    Ok(())
}

/// Times and places of the merchant, which stay as they were sent.
const FIXED: [(&str, &str); 3] =
    [("time_range", "start_time"), ("location", "start_location"), ("location", "end_location")];

/// The times of a completion: the end is not before the start of the order, and not in the future.
pub(super) fn check_times_of_completion(order: &Value, given: &Value, now: i64) -> Result<(), Refusal> {
    check_readable(given)?;
    let Some(end) = given["end_time"].as_str().and_then(read_time) else { return Ok(()) };
    if end > now {
        return Err(refusals::ends_too_late());
    }
    let texts = (order["start_time"].as_str(), given["end_time"].as_str());
    let times = if let (Some(start), Some(end)) = texts { of_one_precision(start, end) } else { None };
    match times {
        Some((start, end)) if end < start => Err(refusals::ends_before_start()),
        _ => Ok(()),
    }
}

fn check_readable(times: &Value) -> Result<(), Refusal> {
    let mut given = ["start_time", "end_time"].into_iter().filter_map(|name| times[name].as_str());
    let is_readable = |text: &str| text.is_empty() || text == "OnAccept" || read_time(text).is_some();
    if given.all(is_readable) {
        return Ok(());
    }
    Err(refusals::unreadable_time())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_discount_has_its_own_name() {
        let check = |list: &str, names: [&str; 2]| {
            let rows: Vec<_> = names.iter().map(|name| json!({ "name": name, "amount": 1 })).collect();
            let body = json!({ list: rows });
            check_names(body.as_object().unwrap()).is_ok()
        };
        assert!(check("post_discounts", ["满减", "会员"]) && !check("post_discounts", ["满减", "满减"]));
        assert!(
            check("post_payments", ["商品信息", "商品信息"]) && !check("post_payments", ["租金", "租金"])
        );
        assert!(!check("post_discounts", ["商品信息", "商品信息"]));
    }

    #[test]
    fn a_total_is_what_is_charged_without_what_is_taken_off() {
        let total = |payments: &[i64], discounts: &[i64], total: i64| {
            let rows = |all: &[i64]| all.iter().map(|fen| json!({ "amount": fen })).collect::<Vec<_>>();
            let body = json!({
                "post_payments": rows(payments), "post_discounts": rows(discounts), "total_amount": total,
            });
            checked_total(body.as_object().unwrap()).map_err(|refusal| refusal.message.into_owned())
        };
        assert_eq!(total(&[100, 50], &[30], 120), Ok(120));
        assert_eq!(total(&[0], &[], 0), Ok(0));
        for (payments, discounts, sum) in [
            (&[100][..], &[][..], 99),
            (&[100], &[101], -1),
            (&[-100], &[-200], 100),
            (&[i64::MAX, i64::MAX], &[], -2),
        ] {
            assert_eq!(total(payments, discounts, sum), Err("最终总金额计算非法".to_owned()), "{payments:?}");
        }
    }

    #[test]
    fn times_are_read_in_each_form_and_end_between_the_start_and_now() {
        let noon = clock::parse("2026-08-15T12:00:00+08:00").unwrap();
        assert_eq!(read_time("20260815120000"), Some(noon));
        assert_eq!(read_time("20260815"), Some(noon - 43_200));
        assert_eq!(read_time("2026-08-15T12:00:00+08:00"), Some(noon));
        assert_eq!(read_time("20261315"), None);
        assert_eq!(written(noon), "20260815120000");
        let check = |end: &str| {
            let order = json!({ "start_time": "20260815100000" });
            let checked = check_times_of_completion(&order, &json!({ "end_time": end }), noon);
            checked.map_err(|refusal| refusal.code)
        };
        assert_eq!(check("20260815120000"), Ok(()));
        assert_eq!(check("20260815120001"), Err("INVALID_REQUEST"));
        assert_eq!(check("20260815095959"), Err("INVALID_REQUEST"));
        assert_eq!(check("20260815"), Ok(()), "on the day of the start");
        assert_eq!(check("20260814"), Err("INVALID_REQUEST"));
        assert_eq!(check("yesterday"), Err("PARAM_ERROR"));
    }

    #[test]
    fn a_new_order_begins_at_the_request_or_later_and_ends_after_that() {
        let noon = clock::parse("2026-08-15T12:00:00+08:00").unwrap();
        let check = |start: &str, end: &str| {
            let times = json!({ "start_time": start, "end_time": end });
            let checked = check_times_of_new(&times).and_then(|()| check_begins_later(&times, noon));
            checked.map_err(|refusal| refusal.code)
        };
        for (start, end) in [
            ("20260815120000", ""),
            ("20260815", "20260815"),
            ("20260815", "20260815100000"),
            ("20260816090000", "20260816"),
            ("2026-08-15T12:00:00+08:00", "20260815120000"),
            ("OnAccept", "20260816"),
        ] {
            assert_eq!(check(start, end), Ok(()), "{start} {end}");
        }
        for start in ["20260815115959", "20260814", "20200101000000", ""] {
            assert_eq!(check(start, ""), Err("PARAM_ERROR"), "{start}");
        }
        assert_eq!(check("20260816100000", "20260816095959"), Err("INVALID_REQUEST"));
        assert_eq!(check("20260817", "20260816"), Err("INVALID_REQUEST"));
    }

    #[test]
    fn what_an_order_says_of_times_and_places_cannot_be_said_otherwise_later() {
        let order = json!({
            "time_range": { "start_time": "20260815100000", "end_time": "20260815" },
            "location": { "start_location": "广州" },
        });
        let check = |group: &str, name: &str, text: &str| {
            let given = json!({ group: { name: text } });
            let checked = check_said_before(order.as_object().unwrap(), given.as_object().unwrap());
            checked.map_err(|refusal| (refusal.status, refusal.code))
        };
        for same in ["20260815100000", "2026-08-15T10:00:00+08:00", "OnAccept", ""] {
            assert_eq!(check("time_range", "start_time", same), Ok(()), "{same}");
        }
        assert_eq!(check("time_range", "start_time", "20260815113000"), Err((400, "PARAM_ERROR")));
        assert_eq!(check("time_range", "start_time", "20260815"), Ok(()));
        assert_eq!(check("time_range", "start_time", "20260814"), Err((400, "PARAM_ERROR")));
        assert_eq!(check("time_range", "end_time", "20260814"), Ok(()), "the end is what it was in fact");
        assert_eq!(check("location", "start_location", "深圳"), Err((400, "PARAM_ERROR")));
        assert_eq!(check("location", "end_location", "深圳"), Ok(()), "not said before");
    }

    #[test]
    fn a_deposit_is_a_limit_and_an_estimate_is_none() {
        assert!(check_risk_fund(100, &json!({ "name": "DEPOSIT", "amount": 100 })).is_ok());
        assert!(check_risk_fund(101, &json!({ "name": "DEPOSIT", "amount": 100 })).is_err());
        assert!(check_risk_fund(101, &json!({ "name": "ESTIMATE_ORDER_COST", "amount": 100 })).is_ok());
        let over = check_risk_fund(MAX_FEN + 1, &json!({ "name": "ESTIMATE_ORDER_COST", "amount": 100 }));
        assert_eq!(over.unwrap_err().code, "INVALID_REQUEST");
    }
}
