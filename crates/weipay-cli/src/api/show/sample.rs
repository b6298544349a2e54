//! Sample values of the catalogue as JSON, and which members a sample has.

use serde_json::{Map, Number, Value};
use weipay_catalog::{Carrier, Field, Kind, sample};

use super::sensitive;

/// The members that a sample has: the required ones; of an object that requires none, the first.
pub(super) fn wanted(fields: &[Field]) -> Vec<&Field> {
    let required = required(fields);
    if required.is_empty() { fields.iter().take(1).collect() } else { required }
}

/// The required fields, without those that the client fills in.
pub(super) fn required<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<&'a Field> {
    let fields: Vec<&Field> = fields.into_iter().collect();
    // Of two modes the first: no caller is in both.
    let mode = fields.iter().find_map(|field| field.required_in);
    let is_required = |field: &Field| field.required || (mode.is_some() && field.required_in == mode);
    fields.into_iter().filter(|field| is_required(field) && !field.is_sent_by_the_client()).collect()
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
        Kind::Integer => sample::whole(field).into(),
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

fn number(field: &Field) -> Number {
    let example = field.example.as_deref();
    example.and_then(|text| text.parse().ok()).unwrap_or_else(|| sample::whole(field).into())
}

fn text(field: &Field) -> String {
    // Before the format, which is that of the ciphertext.
    if field.is_encrypted() {
        return sensitive::plain_text(field).to_owned();
    }
    if field.carrier == Some(Carrier::JsonText) && !field.fields.is_empty() {
        return object(&wanted(&field.fields)).to_string();
    }
    sample::text(field)
}
