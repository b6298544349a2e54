//! Sample values (示例值): what the documents show of a field, else something of the right form.
//!
//! The command's pages show them and the sandbox's examples have them, so both say the same of a field.

#[cfg(any(test, feature = "samples"))]
mod day;
pub mod own;
#[cfg(any(test, feature = "samples"))]
pub mod request;
#[cfg(any(test, feature = "samples"))]
pub mod sensitive;

use crate::field::{Field, Format, Limits};

/// The merchant number (商户号) of the caller, which the merchant of every sandbox has.
pub const MCHID: &str = "1900057215";
/// The appid that is bound to it.
pub const APPID: &str = "wx57e15a0db0c5d1e8";
/// A user of that appid.
pub const OPENID: &str = "oWeiPaySandboxUser-000000001";

/// A text: the example, else the first listed value, else one that the field's format allows, as long as its limits want.
#[must_use]
pub fn text(field: &Field) -> String {
    match (&field.example, field.values.first()) {
        (Some(example), _) => example.to_string(),
        (None, Some(value)) => (*value).to_owned(),
        (None, None) => fitted(of_format(field.format), field.limits),
    }
}

/// A whole number: the example, else the least that is allowed.
#[must_use]
pub fn whole(field: &Field) -> i64 {
    field.example.as_deref().and_then(|text| text.parse().ok()).or(field.limits.min).unwrap_or(1)
}

fn of_format(format: Option<Format>) -> &'static str {
    match format {
        None | Some(Format::MediaId) => "example",
        Some(Format::Rfc3339) => "2015-05-20T13:29:35+08:00",
        Some(Format::Date) => "2015-05-20",
        Some(Format::Compact) => "20150520132935",
        Some(Format::MonthYear) => "05/15",
        Some(Format::Ip) => "127.0.0.1",
        Some(Format::Base64) => "ZXhhbXBsZQ==",
        Some(Format::Url | Format::MediaUrl | Format::NotifyUrl) => "https://example.com/",
        Some(Format::DataUrl) => "data:,example",
        Some(Format::JsonObjectLike) => "{}",
        Some(Format::JsonArrayLike) => "[]",
        Some(
            Format::Fen
            | Format::Minor
            | Format::Int32
            | Format::Int64
            | Format::Uint32
            | Format::Uint64
            | Format::Uint
            | Format::Integer
            | Format::Numeric
            | Format::Float,
        ) => "1",
    }
}

/// As long as the field wants it.
fn fitted(text: &str, limits: Limits) -> String {
    let size = |limit: Option<i64>| limit.and_then(|limit| usize::try_from(limit).ok());
    let mut fitted: String = text.chars().take(size(limits.max).unwrap_or(usize::MAX)).collect();
    // A longer number is still a number.
    let filler = if fitted.bytes().all(|byte| byte.is_ascii_digit()) { '0' } else { 'x' };
    while size(limits.min).is_some_and(|min| fitted.chars().count() < min) {
        fitted.push(filler);
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use crate::field::Kind;
    use crate::lint::broken_rule;

    /// A pattern is the one rule that a sample may break: the catalogue has examples for most of them.
    fn check(fields: &[Field], at: &str) {
        for field in fields {
            if field.kind == Kind::String && field.carrier.is_none() {
                let broken = broken_rule(&Field { pattern: None, ..field.clone() }, &text(field));
                assert_eq!(broken, None, "{at}: {} as {}", field.name, text(field));
            }
            check(&field.fields, at);
        }
    }

    #[test]
    fn every_sample_keeps_the_rules_of_its_field() {
        for operation in Catalog::embedded().operations() {
            for place in crate::operation::Place::ALL {
                check(operation.request.fields(place), operation.path);
            }
            check(&operation.response, operation.path);
        }
        for notification in Catalog::embedded().notifications() {
            check(&notification.resource, notification.event);
        }
    }

    #[test]
    fn a_sample_is_the_example_then_a_listed_value_then_of_the_format() {
        let texts = |lines: &'static str| -> Vec<String> {
            let shared = crate::shared::Shared::default();
            let fields = crate::parse::object(lines, shared.resolver()).unwrap();
            fields.iter().map(text).collect()
        };
        let lines = "OBJECT x\n  a string (A | B) # 标 = B\n  b string (A | B)\n  c string date\n  d string 9..\n  e string ..3\n  f string 3.. numeric\n";
        assert_eq!(texts(lines), ["B", "A", "2015-05-20", "examplexx", "exa", "100"]);
    }
}
