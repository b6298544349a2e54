//! Whether an example keeps the rules of its own field.

use crate::field::{Field, Format, Kind};

/// The rule that the example breaks, as the end of a sentence.
pub(crate) fn broken_rule(
    field: &Field,
    example: &str,
    matches: &mut dyn FnMut(&'static str) -> bool,
) -> Option<String> {
    let by_kind = match field.kind {
        Kind::String => text(field, example, matches),
        Kind::Integer => match example.parse::<i128>() {
            Ok(number) => outside(field, number).map(|rule| format!("is {rule}")),
            Err(_) => Some("is not an integer".to_owned()),
        },
        Kind::Number => example.parse::<f64>().is_err().then(|| "is not a number".to_owned()),
        Kind::Boolean => (!matches!(example, "true" | "false")).then(|| "is not true or false".to_owned()),
        Kind::Object => Some("cannot be: an object's members have examples of their own".to_owned()),
    };
    let unlisted = || !field.values.is_empty() && !field.values.contains(&example);
    by_kind.or_else(|| unlisted().then(|| "is not one of the listed values".to_owned()))
}

/// The format that the example shows and the field does not say, as the end of a sentence.
pub(super) fn missing_format(field: &Field, example: &str) -> Option<String> {
    let is_plain = field.kind == Kind::String && field.format.is_none() && field.values.is_empty();
    (is_plain && is_rfc3339(example)).then(|| "is RFC 3339 and the field does not say rfc3339".to_owned())
}

fn text(field: &Field, example: &str, matches: &mut dyn FnMut(&'static str) -> bool) -> Option<String> {
    let (length, unit) = match field.in_bytes {
        true => (example.len(), "bytes"),
        false => (example.chars().count(), "characters"),
    };
    if let Some(rule) = outside(field, i128::try_from(length).unwrap_or(i128::MAX)) {
        return Some(format!("has {length} {unit}, {rule}"));
    }
    if field.pattern.is_some_and(|pattern| !matches(pattern)) {
        return Some("does not match the pattern".to_owned());
    }
    match field.format {
        Some(Format::Rfc3339) if !is_rfc3339(example) => {
            Some("is not a time such as 2015-05-20T13:29:35+08:00".to_owned())
        }
        Some(Format::Date) if !is_date(example) => Some("is not a day such as 2015-05-20".to_owned()),
        _ => None,
    }
}

fn outside(field: &Field, value: i128) -> Option<String> {
    let below = field.limits.min.filter(|min| value < i128::from(*min));
    let above = field.limits.max.filter(|max| value > i128::from(*max));
    below.map(|min| format!("below {min}")).or_else(|| above.map(|max| format!("above {max}")))
}

fn is_date(text: &str) -> bool {
    shaped(text, "0000-00-00") && at_most(text, 5, 12) && at_most(text, 8, 31)
}

/// Whether the two digits there are no more than that.
fn at_most(text: &str, from: usize, most: u8) -> bool {
    text.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok()).is_some_and(|value| value <= most)
}

/// The shape of RFC 3339 with its zone; a fraction is allowed.
fn is_rfc3339(text: &str) -> bool {
    let (Some(day), Some(time), Some(mut rest)) = (text.get(..10), text.get(10..19), text.get(19..)) else {
        return false;
    };
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
        if rest.len() == fraction.len() {
            return false;
        }
    }
    is_date(day)
        && shaped(time, "T00:00:00")
        && at_most(time, 1, 23)
        && at_most(time, 4, 59)
        // A leap second is no example.
        && at_most(time, 7, 59)
        && (rest == "Z" || shaped(rest, "+00:00") || shaped(rest, "-00:00"))
}

/// Whether the text has a digit where the shape has 0, and the shape's own letter everywhere else.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            wanted => byte == wanted,
        })
}
