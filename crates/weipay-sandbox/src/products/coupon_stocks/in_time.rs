//! Index values that stand in the order of a time: a text, and then the time.

use crate::store::{IndexRange, joined};

/// The value of a text at a time.
pub(crate) fn at(text: &str, time: i64) -> String {
    format!("{text}:{:020}", time.max(0))
}

/// The values of a text from one time to another, both included.
pub(crate) fn between(index: &'static str, text: &str, from: i64, to: i64) -> IndexRange {
    IndexRange { index, from: at(text, from), to: at(text, to) }
}

/// The values of all texts that begin with this part, at any time.
pub(crate) fn beginning_with(index: &'static str, part: &str) -> IndexRange {
    IndexRange { index, from: joined(part, ""), to: joined(part, "~") }
}

#[test]
fn values_of_one_text_stand_in_the_order_of_their_time() {
    let range = between("index", "text", 0, i64::MAX);
    let times = [0, 9, 10, i64::MAX].map(|time| at("text", time));
    assert!(times.is_sorted() && times.iter().all(|value| (&range.from..=&range.to).contains(&value)));
    assert!(at("texts", 5) > range.to && at("tex", 5) < range.from);
}
