//! A member of a sample that gets another value, by its path.

use serde_json::{Map, Value};
use weipay_catalog::{Carrier, Field, Kind};

use super::names::hint;

/// The most items of an array that can be set.
const MAX_ITEMS: usize = 50;

/// Sets the member at a path such as `amount.total` or `sub_orders.0.mchid`.
pub(super) fn apply(
    fields: &[Field],
    members: &mut Map<String, Value>,
    path: &str,
    text: &str,
) -> Result<(), String> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let field = fields.iter().find(|field| field.name == name).ok_or_else(|| {
        let known = fields.iter().map(|field| field.name);
        format!(
            "there is no member {}{}; it has: {}",
            name.escape_debug(),
            hint(name, known.clone()),
            known.collect::<Vec<_>>().join(", ")
        )
    })?;
    let Some(rest) = rest else {
        members.insert(name.to_owned(), value(field, path, text)?);
        return Ok(());
    };
    if field.fields.is_empty() {
        return Err(format!("{name} has no members"));
    }
    let is_text = field.carrier == Some(Carrier::JsonText);
    let slot = members.entry(name).or_insert(Value::Null);
    if is_text {
        *slot = slot.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    }
    let (object, rest) = if field.list { item(field, slot, rest)? } else { (slot, rest) };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Value::Object(members) = object {
        apply(&field.fields, members, rest, text).map_err(|error| format!("{name}: {error}"))?;
    }
    if is_text && let Some(slot) = members.get_mut(name) {
        *slot = slot.to_string().into();
    }
    Ok(())
}

/// The item of an array that a path begins with, and the rest of the path. Items before it that are missing are added.
fn item<'a, 'p>(
    field: &Field,
    slot: &'a mut Value,
    path: &'p str,
) -> Result<(&'a mut Value, &'p str), String> {
    let (number, rest) = path.split_once('.').unwrap_or((path, ""));
    let number = number.parse::<usize>().ok().filter(|number| *number < MAX_ITEMS);
    let number = number.ok_or_else(|| {
        format!(
            "{name} is an array: add the index of an item, 0 to {}, as {name}.0.{}",
            MAX_ITEMS - 1,
            field.fields[0].name,
            name = field.name
        )
    })?;
    let mut items = match slot.take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    if items.len() <= number {
        items.resize(number + 1, Value::Object(Map::new()));
    }
    *slot = Value::Array(items);
    Ok((&mut slot[number], rest))
}

/// The value of a member, of its type.
fn value(field: &Field, path: &str, text: &str) -> Result<Value, String> {
    let parsed = || serde_json::from_str::<Value>(text).ok();
    if field.list {
        return parsed().filter(Value::is_array).ok_or_else(|| format!("{path} must be a JSON array"));
    }
    if field.carrier.is_some() {
        return Ok(text.into());
    }
    let (value, wanted) = match field.kind {
        Kind::String => (Some(text.into()), ""),
        Kind::Integer => (text.parse::<i64>().ok().map(Value::from), "a whole number"),
        Kind::Number => (parsed().filter(Value::is_number), "a number"),
        Kind::Boolean => (text.parse::<bool>().ok().map(Value::from), "true or false"),
        Kind::Object => (parsed().filter(Value::is_object), "a JSON object"),
    };
    value.ok_or_else(|| format!("{path} must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_catalog::Catalog;

    use super::*;

    fn set(event: &str, mut value: Value, path: &str, text: &str) -> Value {
        let described = Catalog::embedded().notifications().find(|one| one.event == event).unwrap();
        let fields = if described.resource.is_empty() { &described.body } else { &described.resource };
        apply(fields, value.as_object_mut().unwrap(), path, text).unwrap();
        value
    }

    #[test]
    fn items_of_arrays_and_members_of_json_text_are_set_too() {
        assert_eq!(
            set("TRANSACTION.PAY_BACK", json!({}), "transaction_id", "4"),
            json!({ "transaction_id": "4" })
        );
        let payment = json!({ "amount": { "total": 1, "currency": "CNY" } });
        let paid = set("REFUND.SUCCESS", payment, "amount.total", "7");
        assert_eq!(paid, json!({ "amount": { "total": 7, "currency": "CNY" } }));
        let risk = json!({ "transaction_id_list": r#"{"data":{"transaction_id":["1"]}}"# });
        let risk =
            set("transactions-risk-occurred", risk, "transaction_id_list.data.transaction_id", r#"["2"]"#);
        assert_eq!(risk["transaction_id_list"], r#"{"data":{"transaction_id":["2"]}}"#);
    }
}
