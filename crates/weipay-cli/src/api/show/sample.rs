//! Sample values: what the documents show, else something of the right form.

use serde_json::{Map, Number, Value};
use weipay_catalog::names::request::is_sent_by_the_client;
use weipay_catalog::{Carrier, Field, Format, Kind};

/// The members that a sample has: the required ones; of an object that requires none, the first.
pub(super) fn wanted(fields: &[Field]) -> Vec<&Field> {
    let required = required(fields);
    if required.is_empty() { fields.iter().take(1).collect() } else { required }
}

/// The required fields, without those that the client fills in.
pub(super) fn required(fields: &[Field]) -> Vec<&Field> {
    fields.iter().filter(|field| field.required && !is_sent_by_the_client(field)).collect()
}

/// An object with a sample of each of these.
pub(super) fn object(fields: &[&Field]) -> Value {
    let members: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), value(field))).collect();
    Value::Object(members)
}

/// A field's value.
pub(super) fn value(field: &Field) -> Value {
    if field.list { Value::Array(vec![one(field)]) } else { one(field) }
}

/// One value, or one member of an array.
pub(super) fn one(field: &Field) -> Value {
    match field.kind {
        Kind::String => text(field).into(),
        Kind::Integer => whole(field).into(),
        Kind::Number => Value::Number(number(field)),
        Kind::Boolean => (field.example.as_deref() != Some("false")).into(),
        Kind::Object => object(&wanted(&field.fields)),
    }
}

/// Any value as text, for a place outside a body.
pub(super) fn plain(field: &Field) -> String {
    match one(field) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn whole(field: &Field) -> i64 {
    field.example.as_deref().and_then(|text| text.parse().ok()).or(field.limits.min).unwrap_or(1)
}

fn number(field: &Field) -> Number {
    let example = field.example.as_deref();
    example.and_then(|text| text.parse().ok()).unwrap_or_else(|| whole(field).into())
}

fn text(field: &Field) -> String {
    if field.carrier == Some(Carrier::JsonText) && !field.fields.is_empty() {
        return object(&wanted(&field.fields)).to_string();
    }
    match (&field.example, field.values.first()) {
        (Some(example), _) => example.to_string(),
        (None, Some(value)) => (*value).to_owned(),
        (None, None) => filler(field),
    }
}

fn filler(field: &Field) -> String {
    let text = match field.format {
        Some(Format::Rfc3339) => "2015-05-20T13:29:35+08:00",
        Some(Format::Date) => "2015-05-20",
        Some(Format::Compact) => "20150520132935",
        Some(Format::MonthYear) => "05/15",
        Some(Format::Base64) => "ZXhhbXBsZQ==",
        Some(Format::Url | Format::MediaUrl) => "https://example.com/",
        Some(Format::JsonObjectLike) => "{}",
        Some(Format::JsonArrayLike) => "[]",
        None | Some(Format::MediaId | Format::DataUrl) => "example",
        Some(_) => "1",
    };
    fitted(text, field)
}

/// As long as the field wants it.
fn fitted(text: &str, field: &Field) -> String {
    let size = |limit: Option<i64>| limit.and_then(|limit| usize::try_from(limit).ok());
    let mut fitted: String = text.chars().take(size(field.limits.max).unwrap_or(usize::MAX)).collect();
    while size(field.limits.min).is_some_and(|min| fitted.chars().count() < min) {
        fitted.push('x');
    }
    fitted
}
