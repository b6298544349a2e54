//! APIv2 elements as JSON, and the other way round: calls without types take and return JSON, and models are encoded and
//! decoded as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use weipay_wire::{SignType, XmlContent, XmlElements};

use crate::error::RequestError;
use crate::model::table::Purpose;
use crate::model::value::Container;
use crate::model::{Model, Strictness, Token};

/// The highest number of a numbered element that is read, such as 19 in `coupon_fee_19`. A refund query returns at most fifty
/// refunds.
const MAX_NUMBER: usize = 999;

/// An object as the elements that are sent. `null` is left out, and nested values become JSON text, as APIv2 expects them.
pub(crate) fn elements_of(members: &Map<String, Value>) -> Result<XmlElements, RequestError> {
    let mut elements = XmlElements::new();
    for (name, value) in members {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_f64() => {
                let rule =
                    "is a number with a fraction, which APIv2 does not accept: use a whole number or a text";
                return Err(RequestError::Field { path: name.clone(), rule: rule.to_owned() });
            }
            value => value.to_string(),
        };
        elements.push(name.as_str(), text);
    }
    Ok(elements)
}

/// Elements as JSON: texts, because XML has no other type; an array for an element that repeats.
pub(crate) fn json_of(elements: &XmlElements) -> Value {
    let mut members = Map::new();
    for (name, content) in elements.iter() {
        let value = match content {
            XmlContent::Text(text) => Value::String(text.clone()),
            XmlContent::Elements(elements) => json_of(elements),
        };
        match members.get_mut(name) {
            None => drop(members.insert(name.to_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(members)
}

/// Elements as the JSON that a model is decoded from. An empty element counts as absent, and numbered elements, `coupon_fee_0`,
/// `coupon_fee_1`, are one array under the name of their row, `coupon_fee_$n`. `model` is only asked what its fields hold.
pub(crate) fn json_for(model: &mut dyn Model, elements: &XmlElements) -> Value {
    let fields = model.table().fields;
    let mut members = Map::new();
    let mut numbered: BTreeMap<&str, Numbers> = BTreeMap::new();
    let mut nested: Vec<(usize, Vec<&XmlElements>)> = Vec::new();
    for (name, content) in elements.iter() {
        let index = fields.iter().position(|field| field.name == name);
        match (content, index) {
            (XmlContent::Text(text), _) if text.is_empty() => {}
            (XmlContent::Text(text), Some(_)) => drop(members.insert(name.to_owned(), text.as_str().into())),
            (XmlContent::Text(text), None) => {
                let row = fields.iter().find_map(|field| Some((field.name, numbers_in(name, field.name)?)));
                if let Some((row, numbers)) = row {
                    numbered.entry(row).or_default().insert(&numbers, text);
                }
            }
            (XmlContent::Elements(elements), Some(index)) => {
                match nested.iter_mut().find(|(known, _)| *known == index) {
                    Some((_, all)) => all.push(elements),
                    None => nested.push((index, vec![elements])),
                }
            }
            (XmlContent::Elements(_), None) => {}
        }
    }
    members.extend(numbered.into_iter().map(|(row, numbers)| (row.to_owned(), numbers.json())));
    model.write(&mut |slots| {
        for (index, all) in &nested {
            let (Some(field), Some(slot)) = (fields.get(*index), slots.get_mut(*index)) else { continue };
            members.insert(field.name.to_owned(), nested_json(&mut **slot, all));
        }
    });
    Value::Object(members)
}

fn nested_json(slot: &mut dyn crate::model::Slot, all: &[&XmlElements]) -> Value {
    if let ([elements], Ok(Container::Object(model))) = (all, slot.fill(Token::Object, Strictness::Lenient)) {
        return json_for(model, elements);
    }
    if let Ok(Container::Array(items)) = slot.fill(Token::Array, Strictness::Lenient) {
        let values = all.iter().map(|elements| match items.push(Token::Object, Strictness::Lenient) {
            Ok(Container::Object(model)) => json_for(model, elements),
            _ => json_of(elements),
        });
        return Value::Array(values.collect());
    }
    all.last().map_or(Value::Null, |elements| json_of(elements))
}

/// The numbers in a name that belongs to a row such as `coupon_fee_$n_$m`.
fn numbers_in(name: &str, row: &str) -> Option<Vec<usize>> {
    let mut parts = row.split('$');
    let mut rest = name.strip_prefix(parts.next()?)?;
    let mut numbers = Vec::new();
    for part in parts {
        // The letter that names the number is not in the name.
        let behind = part.get(1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        if digits == 0 || digits > 1 && number.starts_with('0') {
            return None;
        }
        numbers.push(number.parse().ok().filter(|number| *number <= MAX_NUMBER)?);
        rest = after.strip_prefix(behind)?;
    }
    (!numbers.is_empty() && rest.is_empty()).then_some(numbers)
}

/// Values by their numbers, one level or two.
#[derive(Default)]
struct Numbers {
    text: Option<String>,
    below: BTreeMap<usize, Self>,
}

impl Numbers {
    fn insert(&mut self, numbers: &[usize], text: &str) {
        match numbers {
            [] => self.text = Some(text.to_owned()),
            [first, rest @ ..] => self.below.entry(*first).or_default().insert(rest, text),
        }
    }

    /// An array with each value at its number, and `null` where a number is missing.
    fn json(self) -> Value {
        if let Some(text) = self.text {
            return Value::String(text);
        }
        let length = self.below.last_key_value().map_or(0, |(last, _)| last + 1);
        let mut values = vec![Value::Null; length];
        for (number, below) in self.below {
            if let Some(value) = values.get_mut(number) {
                *value = below.json();
            }
        }
        Value::Array(values)
    }
}

/// Sets the kind of signature of a request of APIv2, where the field is required and not set.
pub(crate) fn fill_in_sign_type(model: &mut dyn Model) {
    let fields = model.table().fields;
    model.write(&mut |slots| {
        for (field, slot) in fields.iter().zip(slots).filter(|(_, slot)| !slot.is_set()) {
            if field.purpose == Some(Purpose::SignType) && field.rules.required {
                // It is a text in every table; a field of another type would stay unset.
                let _ = slot.fill(Token::Text(SignType::HmacSha256.as_str()), Strictness::Lenient);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_become_elements_and_what_is_nested_becomes_json_text() {
        let body = json!({"a": " x ", "b": 100, "c": true, "d": null, "e": {"f": [1]}, "g": [], "h": ""});
        let elements = elements_of(body.as_object().unwrap()).unwrap();
        assert_eq!(
            elements.texts().collect::<Vec<_>>(),
            [("a", " x "), ("b", "100"), ("c", "true"), ("e", r#"{"f":[1]}"#), ("g", "[]"), ("h", "")]
        );
        let fraction = json!({"total_fee": 1.0});
        assert!(elements_of(fraction.as_object().unwrap()).is_err(), "money is whole");
    }

    #[test]
    fn elements_that_repeat_become_an_array() {
        let xml =
            b"<xml><a>1</a><l><i><b>1</b></i></l><m><i><b>1</b></i><i><b>2</b></i><i><b>3</b></i></m></xml>";
        let elements = XmlElements::read(xml, "xml").unwrap();
        let expected =
            json!({"a": "1", "l": {"i": {"b": "1"}}, "m": {"i": [{"b": "1"}, {"b": "2"}, {"b": "3"}]}});
        assert_eq!(json_of(&elements), expected);
    }

    #[test]
    fn a_numbered_name_is_known_by_its_row() {
        for (name, row, numbers) in [
            ("coupon_fee_0", "coupon_fee_$n", Some(vec![0])),
            ("coupon_fee_999", "coupon_fee_$n", Some(vec![999])),
            ("coupon_fee_1_20", "coupon_fee_$n_$m", Some(vec![1, 20])),
            ("a_7_state", "a_$n_state", Some(vec![7])),
            ("coupon_fee_1_20", "coupon_fee_$n", None),
            ("coupon_fee_1", "coupon_fee_$n_$m", None),
            ("coupon_fee_", "coupon_fee_$n", None),
            ("coupon_fee_x", "coupon_fee_$n", None),
            ("coupon_fee_00", "coupon_fee_$n", None),
            ("coupon_fee_1000", "coupon_fee_$n", None),
            ("coupon_fee_99999999999999999999", "coupon_fee_$n", None),
            ("coupon_fee", "coupon_fee", None),
        ] {
            assert_eq!(numbers_in(name, row), numbers, "{name} {row}");
        }
    }
}
