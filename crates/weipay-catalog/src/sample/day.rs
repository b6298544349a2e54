//! Times of a sample: start times are today, end times in one month.

use weipay_rules::rfc3339::{BEIJING_OFFSET, Beijing};

use crate::field::Field;

const DAY: i64 = 86_400;

/// How long a sample lasts, in days: less than any period that the API limits.
const LASTS: i64 = 30;

/// What a label or a name says of an end. Names are read with `_` before them: `send_time` is not an end.
const ENDS: [&str; 12] = [
    "结束",
    "截止",
    "失效",
    "过期",
    "到期",
    "终止",
    "_end_time",
    "_end_date",
    "expire",
    "expiration",
    "deadline",
    "_end",
];

/// A time for this field: 00:00:00 of today, or the last second of the last day.
pub(super) fn sample(field: &Field, now: i64) -> String {
    let today = now.saturating_add(BEIJING_OFFSET).div_euclid(DAY);
    let name = format!("_{}", field.name);
    let ends = ENDS.iter().any(|word| field.label.contains(word) || name.contains(word));
    let last = today.saturating_add(LASTS).saturating_mul(DAY).saturating_add(DAY - 1);
    let seconds = if ends { last } else { today.saturating_mul(DAY) };
    Beijing(seconds.saturating_sub(BEIJING_OFFSET)).to_string()
}

/// A time written `yyyyMMddHHmmss` at which something begins that must not have begun: the last second of today.
pub(super) fn compact_beginning(now: i64) -> String {
    let today = now.saturating_add(BEIJING_OFFSET).div_euclid(DAY);
    let last = today.saturating_add(1).saturating_mul(DAY).saturating_sub(1 + BEIJING_OFFSET);
    Beijing(last).to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}
