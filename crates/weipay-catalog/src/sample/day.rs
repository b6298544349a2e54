//! Times of a sample: what begins begins today, and what ends ends in a month.

use crate::field::Field;

const DAY: i64 = 86_400;
const BEIJING: i64 = 8 * 3_600;

/// How long a sample lasts, in days: less than any period that the API limits.
const LASTS: i64 = 30;

/// What a label or a name says of an end.
const ENDS: [&str; 12] = [
    "结束",
    "截止",
    "失效",
    "过期",
    "到期",
    "终止",
    "end_time",
    "end_date",
    "expire",
    "expiration",
    "deadline",
    "_end",
];

/// A time for this field: 00:00:00 of today, or the last second of the last day.
pub(super) fn sample(field: &Field, now: i64) -> String {
    let today = now.saturating_add(BEIJING).div_euclid(DAY);
    let ends = ENDS.iter().any(|word| field.label.contains(word) || field.name.contains(word));
    let (day, time) = if ends { (today + LASTS, "23:59:59") } else { (today, "00:00:00") };
    let (year, month, day) = date(day);
    format!("{year:04}-{month:02}-{day:02}T{time}+08:00")
}

/// The date of a day, counted from 1970-01-01: years begin in March here, so that the leap day is a year's last, and 400 of
/// them are as many days whenever they begin.
fn date(day: i64) -> (i64, i64, i64) {
    let since_march_of_year_0 = day.saturating_add(719_468);
    let (cycle, in_cycle) =
        (since_march_of_year_0.div_euclid(146_097), since_march_of_year_0.rem_euclid(146_097));
    let year = (in_cycle - in_cycle / 1_460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    let month = if is_next_year { month - 9 } else { month + 3 };
    (cycle * 400 + year + i64::from(is_next_year), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (day, wanted) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (19_782, (2024, 2, 29)),
            (20_782, (2026, 11, 25)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(day), wanted, "{day}");
        }
    }
}
