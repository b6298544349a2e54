//! A sample of a request that the platform would take: which members it has, and what their values are.
//!
//! The documents' own examples are of one day years ago and of merchants that nobody is. What must be the caller's own is
//! that of every sandbox's merchant here, and times are of today: a command that shows this sample can be run as it is.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::{APPID, MCHID, OPENID, day, sensitive, text, whole};
use crate::field::{Carrier, Field, Format, Kind};
use crate::names::request::is_sent_by_the_client;
use crate::operation::{Operation, Place};

/// Fields that hold the caller's own: what a partner says of its sub-merchant (`sub_mchid`) is not among them.
const OWN: [(&str, &[&str]); 3] = [
    (
        MCHID,
        &[
            "mchid",
            "mch_id",
            "sp_mchid",
            "combine_mchid",
            "belong_merchant",
            "creator_merchant",
            "sender_merchant",
            "creator_mchid",
            "stock_creator_mchid",
        ],
    ),
    (APPID, &["appid", "sp_appid", "combine_appid"]),
    (OPENID, &["openid", "sp_openid"]),
];

/// The operation with examples that a caller could send at this moment, in unix seconds.
pub fn of(operation: &Operation, now: i64) -> Operation {
    let mut sample = operation.clone();
    for place in Place::ALL {
        sample.request.fields_mut(place).iter_mut().for_each(|field| adapt(field, now));
    }
    sample
}

fn adapt(field: &mut Field, now: i64) {
    field.fields.iter_mut().for_each(|member| adapt(member, now));
    if field.kind != Kind::String || field.carrier.is_some() {
        return;
    }
    let own = OWN.iter().find(|(_, names)| names.contains(&field.name)).map(|(value, _)| *value);
    match (own, field.format) {
        (Some(own), _) if takes(field, own) => field.example = Some(Cow::Borrowed(own)),
        (_, Some(Format::Rfc3339)) => field.example = Some(Cow::Owned(day::sample(field, now))),
        _ => {}
    }
}

/// Whether the field's own rules let it have the value.
fn takes(field: &Field, own: &str) -> bool {
    let length = i64::try_from(own.len()).unwrap_or(i64::MAX);
    let fits =
        |limit: Option<i64>, fits: fn(&i64, &i64) -> bool| limit.is_none_or(|limit| fits(&length, &limit));
    field.values.is_empty() && fits(field.limits.min, i64::ge) && fits(field.limits.max, i64::le)
}

/// The members that a sample has: the required ones; of an object that requires none, the first.
pub fn wanted(fields: &[Field]) -> Vec<&Field> {
    let required = required(fields);
    if required.is_empty() { fields.iter().take(1).collect() } else { required }
}

/// The required fields, without those that the client fills in.
pub fn required<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<&'a Field> {
    let fields: Vec<&Field> = fields.into_iter().collect();
    // Of two modes the first: no caller is in both. Of several cases the first, too.
    let mode = fields.iter().find_map(|field| field.required_in);
    let case = fields.iter().find_map(|field| field.needed_in);
    let is_required = |field: &Field| {
        field.required
            || (mode.is_some() && field.required_in == mode)
            || (case.is_some() && field.needed_in == case)
    };
    fields.into_iter().filter(|field| is_required(field) && !is_sent_by_the_client(field)).collect()
}

/// An object with a sample of each of these.
pub fn object(fields: &[&Field]) -> Value {
    let members: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), value(field))).collect();
    Value::Object(members)
}

/// A field's value.
pub fn value(field: &Field) -> Value {
    if field.list { Value::Array(vec![one(field); members(field)]) } else { one(field) }
}

/// How many members the sample of an array has: as few as it may.
pub fn members(field: &Field) -> usize {
    field.items.min.and_then(|least| usize::try_from(least).ok()).unwrap_or(1).max(1)
}

/// One value, or one member of an array.
pub fn one(field: &Field) -> Value {
    match field.kind {
        Kind::String => string(field).into(),
        Kind::Integer => whole(field).into(),
        Kind::Number => Value::Number(number(field)),
        Kind::Boolean => (field.example.as_deref() != Some("false")).into(),
        Kind::Object => object(&wanted(&field.fields)),
    }
}

/// Any value as text, for a place outside a body.
pub fn plain(field: &Field) -> String {
    match one(field) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn number(field: &Field) -> Number {
    let example = field.example.as_deref();
    example.and_then(|text| text.parse().ok()).unwrap_or_else(|| whole(field).into())
}

fn string(field: &Field) -> String {
    // Before the format, which is that of the ciphertext.
    if field.is_encrypted() {
        return sensitive::plain_text(field).to_owned();
    }
    if field.carrier == Some(Carrier::JsonText) && !field.fields.is_empty() {
        return object(&wanted(&field.fields)).to_string();
    }
    text(field)
}
