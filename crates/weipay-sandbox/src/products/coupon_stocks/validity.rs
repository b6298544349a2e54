//! When a coupon of a stock can be used (券可核销时间).
//!
//! The stock has a period; a coupon's own time inside it may start some days after it was received and last some days
//! or seconds; and within all that, only some weekdays, hours or intervals may count.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::{self, DAY};

/// How the requests of a product name these rules.
pub(crate) struct Dialect {
    pub(crate) days: &'static str,
    pub(crate) seconds: &'static str,
    pub(crate) week: &'static str,
    /// The weekdays, in the object of the week.
    pub(crate) weekdays: &'static str,
    /// The hours of such a day, in the same object.
    pub(crate) hours: &'static str,
    pub(crate) intervals: &'static str,
    /// The number of a weekday, from 0 for Sunday.
    pub(crate) weekday: fn(&Value) -> Option<i64>,
    /// The name of a weekday.
    pub(crate) weekday_rule: &'static str,
}

/// A stock's rules of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) begin: i64,
    pub(crate) end: i64,
    days_after_receive: Option<i64>,
    seconds_after_receive: Option<i64>,
    wait_days: i64,
    week: Option<Week>,
    /// Free intervals (无规律的有效时间段).
    intervals: Vec<(i64, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Week {
    /// 0 is Sunday.
    days: Vec<i64>,
    /// Seconds of the day, both ends included.
    segments: Vec<(i64, i64)>,
}

/// The time of one coupon: from when until when it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) start: i64,
    pub(crate) expire: i64,
}

impl Window {
    /// Whether a coupon that is received at this moment can be used then or later.
    pub(crate) fn is_usable_after(self, received: i64) -> bool {
        self.start.max(received) <= self.expire
    }
}

impl Validity {
    /// The longest period of a stock: one year, of which the longest has 366 days.
    const MAX_PERIOD: i64 = 366 * DAY;
    const MAX_SEGMENTS: usize = 2;

    /// Reads the rules of a stock, or says which one its members break.
    pub(crate) fn read(times: &Value, dialect: &Dialect) -> Result<Self, Cow<'static, str>> {
        let begin = times.get("available_begin_time").and_then(time);
        let begin = begin.ok_or("available_begin_time must be an RFC 3339 time")?;
        let end = times.get("available_end_time").and_then(time);
        let end = end.ok_or("available_end_time must be an RFC 3339 time")?;
        let number = |name: &str| times.get(name).and_then(Value::as_i64);
        let validity = Self {
            begin,
            end,
            days_after_receive: number(dialect.days),
            seconds_after_receive: number(dialect.seconds),
            wait_days: number("wait_days_after_receive").unwrap_or_default(),
            week: match times.get(dialect.week) {
                Some(week) => Some(Week::read(week, dialect)?).filter(|week| !week.days.is_empty()),
                None => None,
            },
            intervals: intervals(times.get(dialect.intervals), time)
                .ok_or_else(|| begins_late(dialect.intervals))?,
        };
        validity.check_consistent(dialect)?;
        Ok(validity)
    }

    fn check_consistent(&self, dialect: &Dialect) -> Result<(), Cow<'static, str>> {
        if self.begin >= self.end {
            return Err("available_end_time must be after available_begin_time".into());
        }
        if self.end.saturating_sub(self.begin) > Self::MAX_PERIOD {
            return Err("available_end_time may be at most one year after available_begin_time".into());
        }
        if self.wait_days > 0 && self.days_after_receive.is_none() {
            return Err(format!("wait_days_after_receive needs {}", dialect.days).into());
        }
        Ok(())
    }

    /// The smallest numbers that a new stock may have. What is stored was checked when it was created, maybe by other rules.
    pub(crate) fn check_numbers(&self, dialect: &Dialect) -> Result<(), Cow<'static, str>> {
        for (number, name) in
            [(self.days_after_receive, dialect.days), (self.seconds_after_receive, dialect.seconds)]
        {
            if number.is_some_and(|number| number < 1) {
                return Err(format!("{name} must be at least 1").into());
            }
        }
        if self.wait_days < 0 {
            return Err("wait_days_after_receive must be at least 0".into());
        }
        Ok(())
    }

    /// The time of a coupon that is received now.
    pub(crate) fn window(&self, received: i64) -> Window {
        // A coupon that is received before the period counts from the period's first day.
        let counted_from = received.max(self.begin);
        let first_day = clock::day(counted_from).saturating_add(self.wait_days);
        let start = if self.wait_days > 0 || self.days_after_receive.is_some() {
            // Real coupons that last days began at midnight of the day they were received, even without a wait.
            clock::midnight(first_day).max(self.begin)
        } else {
            counted_from
        };
        let by_days = self.days_after_receive.map(|days| {
            // INFERRED(last-day): the last of the days counts in full.
            clock::midnight(first_day.saturating_add(days)).saturating_sub(1)
        });
        let by_seconds = self.seconds_after_receive.map(|seconds| counted_from.saturating_add(seconds));
        let expire = [by_days, by_seconds].into_iter().flatten().fold(self.end, i64::min);
        Window { start, expire }
    }

    /// Whether the stock's weekdays, hours and intervals let a coupon be used at this moment.
    pub(crate) fn allows(&self, now: i64) -> bool {
        let within = |&(begin, end): &(i64, i64)| (begin..=end).contains(&now);
        self.week.as_ref().is_none_or(|week| week.allows(now))
            && (self.intervals.is_empty() || self.intervals.iter().any(within))
    }
}

impl Week {
    fn read(week: &Value, dialect: &Dialect) -> Result<Self, Cow<'static, str>> {
        let days = week.get(dialect.weekdays).and_then(Value::as_array).into_iter().flatten();
        let days: Option<Vec<i64>> = days.map(dialect.weekday).collect();
        let days = days.ok_or(dialect.weekday_rule)?;
        let segments = intervals(week.get(dialect.hours), Value::as_i64);
        let segments = segments.ok_or_else(|| begins_late(dialect.hours))?;
        // Hours without a weekday say nothing.
        if days.is_empty() && !segments.is_empty() {
            return Err(format!("{} needs {}", dialect.hours, dialect.weekdays).into());
        }
        if segments.len() > Validity::MAX_SEGMENTS {
            return Err(format!("{} may have at most two members", dialect.hours).into());
        }
        Ok(Self { days, segments })
    }

    fn allows(&self, now: i64) -> bool {
        let second = clock::second_of_day(now);
        self.days.contains(&clock::weekday(now))
            && (self.segments.is_empty()
                || self.segments.iter().any(|(begin, end)| (*begin..=*end).contains(&second)))
    }
}

fn begins_late(list: &str) -> Cow<'static, str> {
    format!("each {list} needs a begin_time that is not after its end_time").into()
}

fn time(value: &Value) -> Option<i64> {
    clock::parse(value.as_str()?)
}

fn intervals(list: Option<&Value>, read: fn(&Value) -> Option<i64>) -> Option<Vec<(i64, i64)>> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|interval| {
            let (begin, end) = (read(interval.get("begin_time")?)?, read(interval.get("end_time")?)?);
            (begin <= end).then_some((begin, end))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::products::merchant_coupons::definition::BUSIFAVOR_TIMES;

    fn at(text: &str) -> i64 {
        clock::parse(text).unwrap()
    }

    fn validity(extra: &Value) -> Result<Validity, Cow<'static, str>> {
        let mut times = json!({
            "available_begin_time": "2020-05-01T12:00:00+08:00",
            "available_end_time": "2020-06-30T23:59:59+08:00"
        });
        for (name, value) in extra.as_object().unwrap() {
            times[name] = value.clone();
        }
        Validity::read(&times, &BUSIFAVOR_TIMES)
    }

    #[test]
    fn without_day_rules_a_coupon_is_usable_from_receipt_to_the_end() {
        let window = validity(&json!({})).unwrap().window(at("2020-05-15T10:34:48+08:00"));
        assert_eq!(
            window,
            Window { start: at("2020-05-15T10:34:48+08:00"), expire: at("2020-06-30T23:59:59+08:00") }
        );
    }

    #[test]
    fn days_count_from_the_day_of_receipt_and_end_with_the_last_day() {
        let validity = validity(&json!({ "available_day_after_receive": 3 })).unwrap();
        let window = validity.window(at("2020-05-15T10:34:48+08:00"));
        assert_eq!(
            window,
            Window { start: at("2020-05-15T00:00:00+08:00"), expire: at("2020-05-17T23:59:59+08:00") }
        );
    }

    #[test]
    fn the_end_of_the_period_caps_every_coupon() {
        let validity = validity(&json!({ "available_day_after_receive": 30 })).unwrap();
        assert_eq!(validity.window(at("2020-06-20T10:00:00+08:00")).expire, at("2020-06-30T23:59:59+08:00"));
    }

    #[test]
    fn a_wait_starts_at_midnight_days_later() {
        let validity =
            validity(&json!({ "available_day_after_receive": 2, "wait_days_after_receive": 1 })).unwrap();
        let window = validity.window(at("2020-05-15T10:34:48+08:00"));
        assert_eq!(
            window,
            Window { start: at("2020-05-16T00:00:00+08:00"), expire: at("2020-05-17T23:59:59+08:00") }
        );
    }

    #[test]
    fn a_coupon_received_early_counts_from_the_first_day_of_the_period() {
        let days = validity(&json!({ "available_day_after_receive": 2 })).unwrap();
        let window = days.window(at("2020-04-01T00:00:00+08:00"));
        assert_eq!(
            window,
            Window { start: at("2020-05-01T12:00:00+08:00"), expire: at("2020-05-02T23:59:59+08:00") }
        );
        let seconds = validity(&json!({ "available_second_after_receive": 60 })).unwrap();
        assert_eq!(seconds.window(0).expire, at("2020-05-01T12:01:00+08:00"));
    }

    #[test]
    fn weekdays_hours_and_intervals_narrow_the_time() {
        let week =
            json!({ "week_day": [5], "available_day_time": [{ "begin_time": 3600, "end_time": 7200 }] });
        let weekly = validity(&json!({ "available_week": week })).unwrap();
        // 2020-05-15 was a Friday.
        assert!(weekly.allows(at("2020-05-15T01:30:00+08:00")));
        assert!(!weekly.allows(at("2020-05-15T02:00:01+08:00")));
        assert!(!weekly.allows(at("2020-05-16T01:30:00+08:00")));
        let interval =
            json!([{ "begin_time": "2020-05-20T00:00:00+08:00", "end_time": "2020-05-20T23:59:59+08:00" }]);
        let irregular = validity(&json!({ "irregulary_avaliable_time": interval })).unwrap();
        assert!(irregular.allows(at("2020-05-20T12:00:00+08:00")));
        assert!(!irregular.allows(at("2020-05-21T12:00:00+08:00")));
    }

    #[test]
    fn contradictions_are_not_read() {
        for wrong in [
            json!({ "available_end_time": "2020-05-01T12:00:00+08:00" }),
            json!({ "available_end_time": "2021-06-01T12:00:00+08:00" }),
            json!({ "wait_days_after_receive": 1 }),
            json!({ "available_week": { "available_day_time": [{ "begin_time": 0, "end_time": 1 }] } }),
            json!({ "available_week": { "week_day": [7] } }),
            json!({ "irregulary_avaliable_time": [{ "begin_time": "2020-05-20T00:00:00+08:00" }] }),
        ] {
            assert!(validity(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_window_can_be_empty_or_over() {
        let waits =
            validity(&json!({ "available_day_after_receive": 3, "wait_days_after_receive": 20 })).unwrap();
        let usable = |validity: &Validity, at: i64| validity.window(at).is_usable_after(at);
        assert!(usable(&waits, at("2020-06-10T23:59:59+08:00")));
        assert!(!usable(&waits, at("2020-06-11T00:00:00+08:00")));
        let over = validity(&json!({ "available_second_after_receive": -1 })).unwrap();
        assert!(!usable(&over, at("2020-05-15T10:34:48+08:00")));
        let always = validity(&json!({})).unwrap();
        assert!(usable(&always, 0) && usable(&always, always.end) && !usable(&always, always.end + 1));
    }

    #[test]
    fn numbers_of_a_new_stock_are_not_too_small() {
        let checked = |extra: Value| validity(&extra).unwrap().check_numbers(&BUSIFAVOR_TIMES);
        for wrong in [
            json!({ "available_day_after_receive": 0 }),
            json!({ "available_second_after_receive": 0 }),
            json!({ "available_second_after_receive": -1 }),
            json!({ "available_day_after_receive": 1, "wait_days_after_receive": -1 }),
        ] {
            assert!(checked(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(checked(json!({})), Ok(()));
        let smallest = json!({
            "available_day_after_receive": 1, "available_second_after_receive": 1, "wait_days_after_receive": 0
        });
        assert_eq!(checked(smallest), Ok(()));
    }

    #[test]
    fn an_empty_list_of_intervals_means_every_time() {
        let validity = validity(&json!({ "irregulary_avaliable_time": [], "available_week": {} })).unwrap();
        assert!(validity.allows(0));
    }

    proptest! {
        #[test]
        fn a_window_never_leaves_the_period(received in any::<i64>(), days in 1..365i64, wait in 0..30i64) {
            let validity =
                validity(&json!({ "available_day_after_receive": days, "wait_days_after_receive": wait })).unwrap();
            let window = validity.window(received);
            prop_assert!(window.start >= validity.begin);
            prop_assert!(window.expire <= validity.end);
        }
    }
}
