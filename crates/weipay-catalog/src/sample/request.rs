//! A sample of a request that the platform would take: which members it has, and what their values are.
//!
//! The examples of the documents are years old, and their merchant numbers are other people's. A sample has the numbers that
//! every sandbox gives its merchant, and times of today, so that a command that shows it can be run as it is.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::own::Own;
use super::{day, sensitive, text, whole};
use crate::field::{Carrier, Field, Format, Kind};
use crate::operation::{Operation, Place};

/// The operation with examples that a caller could send at this moment, in unix seconds.
#[must_use]
pub fn with_current_values(operation: &Operation, now: i64) -> Operation {
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
    match (Own::of_field(field.name).map(Own::sample), field.format) {
        (Some(own), _) if field.check_text(own).is_ok() => field.example = Some(Cow::Borrowed(own)),
        (_, Some(Format::Rfc3339)) => field.example = Some(Cow::Owned(day::sample(field, now))),
        _ if begins_in_digits(field) => field.example = Some(Cow::Owned(day::compact_beginning(now))),
        _ => {}
    }
}

/// Whether it is the beginning of a service (支付分), which is written `yyyyMMddHHmmss`.
fn begins_in_digits(field: &Field) -> bool {
    let is_time = |text: &str| text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
    field.name == "start_time" && field.example.as_deref().is_some_and(is_time)
}

/// The members that a sample has: the required ones; of an object that requires none, the first.
#[must_use]
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
    fields.into_iter().filter(|field| is_required(field) && !field.is_sent_by_the_client()).collect()
}

/// An object with a sample of each of these.
#[must_use]
pub fn object(fields: &[&Field]) -> Value {
    let members: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), value(field))).collect();
    Value::Object(members)
}

/// A field's value.
#[must_use]
pub fn value(field: &Field) -> Value {
    if field.list { Value::Array(vec![one(field); members(field)]) } else { one(field) }
}

/// How many members the sample of an array has: as few as it may.
#[must_use]
pub fn members(field: &Field) -> usize {
    field.items.min.and_then(|least| usize::try_from(least).ok()).unwrap_or(1).max(1)
}

/// One value, or one member of an array.
#[must_use]
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
#[must_use]
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
        return json_text(field).to_string();
    }
    text(field)
}

/// What a JSON text holds. Of an array its only member says what is in it.
fn json_text(field: &Field) -> Value {
    match (&field.fields[..], field.format) {
        ([item], Some(Format::JsonArrayLike)) => Value::Array(vec![one(item); members(item)]),
        _ => object(&wanted(&field.fields)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalog;
    use crate::sample::{APPID, MCHID};

    /// Midday of 2026-11-25 in Beijing.
    const NOW: i64 = 1_795_579_200;

    fn body(method: &str, path: &str) -> Value {
        let sample = with_current_values(Catalog::embedded().find(method, path).unwrap(), NOW);
        object(&wanted(&sample.request.json))
    }

    #[test]
    fn a_sample_has_the_callers_numbers_and_times_of_today() {
        let stock = body("POST", "v3/marketing/busifavor/stocks");
        assert_eq!(stock["belong_merchant"], MCHID);
        let rule = &stock["coupon_use_rule"];
        let times = &rule["coupon_available_time"];
        assert_eq!(times["available_begin_time"], "2026-11-25T00:00:00+08:00");
        assert_eq!(times["available_end_time"], "2026-12-25T23:59:59+08:00");
        let of_normal = json!({ "discount_amount": 5, "transaction_minimum": 100 });
        assert_eq!(rule["fixed_normal_coupon"], of_normal);
        assert!(rule.get("discount_coupon").is_none() && rule.get("mini_programs_appid").is_none());
        assert_eq!(stock["stock_send_rule"]["max_coupons"], 100);
        let card = body("POST", "v3/marketing/busifavor/coupons/{card_id}/send");
        assert_eq!(card["send_time"], "2026-11-25T00:00:00+08:00");
    }

    #[test]
    fn what_a_partner_says_of_its_merchant_is_not_its_own() {
        let order = body("POST", "v3/pay/partner/transactions/jsapi");
        assert_eq!((&order["sp_mchid"], &order["sp_appid"]), (&json!(MCHID), &json!(APPID)));
        assert_ne!(order["sub_mchid"], MCHID);
    }

    #[test]
    fn a_json_text_that_is_an_array_holds_what_its_only_member_says() {
        let operation = Catalog::embedded().find("POST", "v2/secapi/pay/profitsharing").unwrap();
        let receivers = operation.request.xml.iter().find(|field| field.name == "receivers").unwrap();
        let text: Value = serde_json::from_str(one(receivers).as_str().unwrap()).unwrap();
        assert_eq!(text[0]["type"], "MERCHANT_ID", "{text}");
        let license = body("POST", "v3/apply4subject/applyment");
        let dates = license.pointer("/subject_info/business_license_info/licence_valid_date").unwrap();
        let dates: Value = serde_json::from_str(dates.as_str().unwrap()).unwrap();
        assert!(dates[0].is_string(), "{dates}");
    }

    #[test]
    fn an_array_has_as_many_members_as_it_must() {
        let combined = body("POST", "v3/combine-transactions/native");
        let least = Catalog::embedded().find("POST", "v3/combine-transactions/native").unwrap();
        let orders = least.request.json.iter().find(|field| field.name == "sub_orders").unwrap();
        assert_eq!(combined["sub_orders"].as_array().map(Vec::len), Some(members(orders)));
    }
}
