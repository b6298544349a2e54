//! Whether an example keeps the rules of its own field.

use weipay_rules::{parse_integer, parse_number};

use crate::field::{Field, Format, Kind};

/// The rule that the example breaks, as the end of a sentence.
pub(crate) fn broken_rule(field: &Field, example: &str) -> Option<String> {
    let rules = field.rules();
    let judged = match field.kind {
        Kind::String => rules.check_text(example),
        Kind::Integer => match parse_integer(example) {
            Some(number) => rules.check_integer(number),
            None => return Some("is not an integer".to_owned()),
        },
        Kind::Number => match parse_number(example) {
            Some(number) => rules.check_number(number),
            None => return Some("is not a number".to_owned()),
        },
        Kind::Boolean if matches!(example, "true" | "false") => Ok(()),
        Kind::Boolean => return Some("is not true or false".to_owned()),
        Kind::Object => return Some("cannot be: an object's members have examples of their own".to_owned()),
    };
    judged.and_then(|()| rules.check_listed(example, &field.values)).err().map(|rule| rule.to_string())
}

/// The format that the example shows and the field does not say, as the end of a sentence.
pub(super) fn missing_format(field: &Field, example: &str) -> Option<String> {
    let is_plain = field.kind == Kind::String && field.format.is_none() && field.values.is_empty();
    (is_plain && Format::Rfc3339.fits(example))
        .then(|| "is RFC 3339 and the field does not say rfc3339".to_owned())
}
