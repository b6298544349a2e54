//! When a coupon can be used (券可核销时间), within the period of its stock.

use serde_json::Value;

use super::stock::Stock;
use crate::clock;

/// The first and the last second of a coupon that is received now. UNCONFIRMED(cash-available-time):
/// `available_time_after_receive` counts minutes, from the first of these seconds, and days begin at midnight
/// in Beijing. No coupon is valid outside the period of its stock.
pub(super) fn period(stock: &Stock, received: i64) -> (i64, i64) {
    let rule = stock.use_rule("coupon_available_time");
    let member = |name: &str| rule.and_then(|rule| rule.get(name));
    let time = |name: &str| member(name).and_then(Value::as_str).and_then(clock::parse);
    let mut begin = time("available_begin_time").unwrap_or(stock.begin).max(stock.begin).max(received);
    if member("second_day_available").and_then(Value::as_bool).unwrap_or_default() {
        begin = begin.max(clock::midnight(clock::day(received).saturating_add(1)));
    }
    let end = time("available_end_time").unwrap_or(stock.end).min(stock.end);
    let minutes = member("available_time_after_receive").and_then(Value::as_i64);
    let own = minutes.filter(|minutes| *minutes > 0);
    let own = own.map(|minutes| begin.max(received).saturating_add(minutes.saturating_mul(60)));
    (begin, own.map_or(end, |own| own.min(end)))
}

/// The weekdays and hours of a stock (固定时间段可用), if it has any.
fn fixed_times(stock: &Stock) -> Option<&Value> {
    stock.use_rule("coupon_available_time")?.get("fix_available_time")
}

/// Whether coupons of a stock can be used on this weekday and at this time of the day.
/// INFERRED(cash-week-day): 0 is Sunday, times are seconds of the day in Beijing, and both ends count.
pub(super) fn is_open(stock: &Stock, now: i64) -> bool {
    let Some(fixed) = fixed_times(stock) else { return true };
    let days: Vec<i64> = match fixed.get("available_week_day").and_then(Value::as_array) {
        Some(days) => days.iter().filter_map(Value::as_i64).collect(),
        None => Vec::new(),
    };
    let second = |name: &str| fixed.get(name).and_then(Value::as_i64);
    let (begin, end) = (second("begin_time").unwrap_or_default(), second("end_time").unwrap_or(clock::DAY));
    (days.is_empty() || days.contains(&clock::weekday(now)))
        && (begin..=end).contains(&clock::second_of_day(now))
}

/// Whether a coupon with this period has a moment at which it can be used.
pub(super) fn has_usable_moment(stock: &Stock, (begin, end): (i64, i64)) -> bool {
    let opening = fixed_times(stock).and_then(|fixed| fixed.get("begin_time")).and_then(Value::as_i64);
    // It is open from a second of the day on, and each week is like the other.
    let week = clock::day(begin)..=clock::day(begin).saturating_add(7).min(clock::day(end));
    begin <= end
        && week
            .map(|day| clock::midnight(day).saturating_add(opening.unwrap_or_default()).max(begin))
            .any(|first| first <= end && is_open(stock, first))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::stock::tests::{NOW, a_running_stock};
    use super::*;

    fn with_times(times: Value) -> Stock {
        let mut stock = Stock { end: NOW + 3 * clock::DAY, ..a_running_stock() };
        stock.members["coupon_use_rule"]["coupon_available_time"] = times;
        stock
    }

    #[test]
    fn a_coupon_may_end_before_its_stock_and_never_after_it() {
        let stock = with_times(json!({ "available_time_after_receive": 10 }));
        assert_eq!(period(&stock, NOW), (NOW, NOW + 600));
        assert_eq!(period(&stock, stock.end - 10).1, stock.end);
        let stock = with_times(
            json!({ "available_begin_time": clock::rfc3339(NOW + 60), "available_end_time": clock::rfc3339(NOW + 120) }),
        );
        assert_eq!(period(&stock, NOW), (NOW + 60, NOW + 120));
    }

    #[test]
    fn a_coupon_of_the_second_day_begins_at_midnight() {
        let stock = with_times(json!({ "second_day_available": true, "available_time_after_receive": 10 }));
        let midnight = clock::midnight(clock::day(NOW) + 1);
        assert_eq!(period(&stock, NOW), (midnight, midnight + 600));
    }

    #[test]
    fn a_coupon_that_nobody_can_ever_use_is_known() {
        let has_moment = |times: Value| {
            let stock = with_times(times);
            has_usable_moment(&stock, period(&stock, NOW))
        };
        assert!(has_moment(json!({})));
        assert!(!has_moment(json!({ "available_end_time": clock::rfc3339(NOW - 1) })), "it is over");
        assert!(has_moment(json!({ "available_end_time": clock::rfc3339(NOW) })), "its last second");
        // It is noon of a Saturday, and the stock ends on Tuesday at noon.
        let fixed = |days: &[i64], begin: i64, end: i64| {
            let times = json!({ "available_week_day": days, "begin_time": begin, "end_time": end });
            has_moment(json!({ "fix_available_time": times }))
        };
        assert!(
            fixed(&[1], 0, 10)
                && fixed(&[2], 0, 43_200)
                && fixed(&[6], 50_000, 50_001)
                && fixed(&[], 100, 200)
        );
        assert!(!fixed(&[3], 0, 86_399) && !fixed(&[2], 43_201, 86_399) && !fixed(&[6], 0, 43_199));
        assert!(!fixed(&[], 200, 100), "it closes before it opens");
        let tomorrow = Stock { end: NOW + 60, ..with_times(json!({ "second_day_available": true })) };
        assert!(!has_usable_moment(&tomorrow, period(&tomorrow, NOW)), "the stock ends today");
    }

    #[test]
    fn weekdays_and_hours_of_the_stock_are_kept() {
        // It is noon of a Saturday.
        let fixed = |days: &[i64], begin: i64, end: i64| {
            let days = json!({ "available_week_day": days, "begin_time": begin, "end_time": end });
            is_open(&with_times(json!({ "fix_available_time": days })), NOW)
        };
        assert!(fixed(&[6], 43_200, 43_200) && fixed(&[], 0, 86_399));
        assert!(!fixed(&[0, 1], 0, 86_399) && !fixed(&[6], 43_201, 86_399) && !fixed(&[6], 0, 43_199));
        assert!(is_open(&a_running_stock(), NOW));
    }
}
