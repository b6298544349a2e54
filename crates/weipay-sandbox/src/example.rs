//! Answers from the catalogue (示例应答): what an operation without behaviour gets.
//!
//! The values are the ones that the documentation shows, so that a client can decode them, and nothing pretends to have
//! happened: the answer says in a header where it comes from, and no state is read or changed.

use serde_json::{Map, Value, json};
use weipay_catalog::{Carrier, Field, Kind, Operation, sample};

/// The JSON of an operation's answer; `None` for an operation that answers without a body.
pub(crate) fn answer(operation: &Operation) -> Option<Value> {
    (operation.success != 204).then(|| object(&operation.answer))
}

fn object(fields: &[Field]) -> Value {
    let members: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), list_or_one(field))).collect();
    Value::Object(members)
}

fn list_or_one(field: &Field) -> Value {
    if field.list { json!([one(field)]) } else { one(field) }
}

fn one(field: &Field) -> Value {
    let example = field.example.as_deref();
    match (field.carrier, field.kind) {
        (Some(Carrier::JsonText), _) if !field.fields.is_empty() => object(&field.fields).to_string().into(),
        (Some(_), _) | (None, Kind::String) => sample::text(field).into(),
        (None, Kind::Object) => object(&field.fields),
        (None, Kind::Integer) => sample::whole(field).into(),
        (None, Kind::Number) => example.and_then(|text| text.parse::<f64>().ok()).unwrap_or_default().into(),
        (None, Kind::Boolean) => (example == Some("true")).into(),
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    fn find(method: &str, path: &str) -> &'static Operation {
        Catalog::embedded().find(method, path).unwrap()
    }

    #[test]
    fn the_catalogues_examples_are_answered() {
        let answer = answer(find("GET", "v3/marketing/busifavor/callbacks")).unwrap();
        assert_eq!(answer, json!({ "notify_url": "https://pay.weixin.qq.com", "mchid": "10000098" }));
    }

    #[test]
    fn an_operation_without_an_answer_gets_none() {
        assert_eq!(answer(find("PATCH", "v3/marketing/busifavor/stocks/{stock_id}")), None);
    }

    /// The answer is as well formed as a request would have to be: types as the catalogue says.
    #[test]
    fn every_answer_has_the_types_of_the_catalogue() {
        fn fits(field: &Field, value: &Value) -> bool {
            match (field.list, value) {
                (true, Value::Array(items)) => items.iter().all(|item| fits_one(field, item)),
                (false, value) => fits_one(field, value),
                _ => false,
            }
        }
        fn fits_one(field: &Field, value: &Value) -> bool {
            match (field.carrier, field.kind) {
                (Some(_), _) | (None, Kind::String) => value.is_string(),
                (None, Kind::Integer) => value.is_i64(),
                (None, Kind::Number) => value.is_number(),
                (None, Kind::Boolean) => value.is_boolean(),
                (None, Kind::Object) => {
                    value.is_object() && field.fields.iter().all(|field| fits(field, &value[field.name]))
                }
            }
        }
        for operation in Catalog::embedded().operations() {
            let answered = answer(operation).unwrap_or_default();
            for field in operation.answer.iter().filter(|_| operation.success != 204) {
                assert!(
                    fits(field, &answered[field.name]),
                    "{} {}: {}",
                    operation.method,
                    operation.path,
                    field.name
                );
            }
        }
    }
}
