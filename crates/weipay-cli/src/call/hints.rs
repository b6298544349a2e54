//! Words that look mistyped: `NORML` where the catalogue lists `NORMAL`. They are pointed out and sent all the same, because
//! the platform adds words without notice.

use std::io::Write as _;

use serde_json::Value;
use weipay::Inspection;
use weipay::model::nearest_word;
use weipay_catalog::{Carrier, Field, Operation};

use super::Arguments;
use super::sensitive::pointer;
use crate::output::NOTE;

/// A body can repeat a mistake for each member of an array.
const MAX_HINTS: usize = 10;

/// Says on standard error which words of a call look mistyped.
pub(super) fn warn_of_near_words(arguments: &Arguments, operation: Option<&Operation>) {
    let Some(operation) = operation else { return };
    for hint in find(arguments, operation).iter().take(MAX_HINTS) {
        // If standard error is closed, the call is sent all the same.
        writeln!(anstream::stderr(), "{NOTE}hint:{NOTE:#} {hint}").ok();
    }
}

/// Says on standard error which members the catalogue does not know. They are sent all the same.
pub(super) fn warn_of_unknown_members(found: &Inspection) {
    for member in found.unknown_members.iter().take(MAX_HINTS) {
        let place = pointer(member);
        writeln!(
            anstream::stderr(),
            "{NOTE}hint:{NOTE:#} the catalogue does not know {place}; it is sent anyway"
        )
        .ok();
    }
}

fn find(arguments: &Arguments, operation: &Operation) -> Vec<String> {
    let request = &operation.request;
    let mut hints = Vec::new();
    for (place, fields, pairs) in
        [("/path", &request.path, &arguments.values), ("/query", &request.query, &arguments.query)]
    {
        for (name, value) in pairs {
            if let Some(field) = fields.iter().find(|field| field.name == name) {
                word(field, value, &format!("{place}/{name}"), &mut hints);
            }
        }
    }
    let body = arguments.json.as_ref().and_then(|json| serde_json::from_str(json.get()).ok());
    if let Some(body) = body {
        members(&request.json, &body, "/body", &mut hints);
    }
    hints
}

fn members(fields: &[Field], json: &Value, path: &str, hints: &mut Vec<String>) {
    match json {
        Value::Object(object) => {
            for field in fields {
                if let Some(json) = object.get(field.name) {
                    value(field, json, &format!("{path}/{}", field.name), hints);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                members(fields, item, &format!("{path}/{index}"), hints);
            }
        }
        _ => {}
    }
}

fn value(field: &Field, json: &Value, path: &str, hints: &mut Vec<String>) {
    match json {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                value(field, item, &format!("{path}/{index}"), hints);
            }
        }
        Value::Object(_) => members(&field.fields, json, path, hints),
        Value::String(text) if field.carrier == Some(Carrier::JsonText) => {
            if let Ok(inner) = serde_json::from_str(text) {
                members(&field.fields, &inner, path, hints);
            }
        }
        Value::String(text) => word(field, text, path, hints),
        _ => {}
    }
}

/// The text is shown, because it is near to a word that is public.
fn word(field: &Field, text: &str, path: &str, hints: &mut Vec<String>) {
    if field.carrier.is_none()
        && let Some(meant) = nearest_word(text, &field.values)
    {
        let text = text.escape_debug();
        hints.push(format!("{path} is `{text}`, which is not a documented value: did you mean `{meant}`?"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn near_words_are_pointed_out_with_their_path_and_others_are_not() {
        let operation = Catalog::embedded().find("POST", "v3/marketing/busifavor/stocks").unwrap();
        let found = |body: Value| {
            let mut hints = Vec::new();
            members(&operation.request.json, &body, "/body", &mut hints);
            hints
        };
        assert_eq!(
            found(json!({"stock_type": "NORML", "coupon_use_rule": {"use_method": "off_line"}})),
            [
                "/body/stock_type is `NORML`, which is not a documented value: did you mean `NORMAL`?",
                "/body/coupon_use_rule/use_method is `off_line`, which is not a documented value: did you mean `OFF_LINE`?",
            ]
        );
        for body in [
            json!({"stock_type": "NORMAL", "stock_name": "NORML", "unknown": "NORML"}),
            json!({"stock_type": "13800138000"}),
            json!({"stock_type": 7}),
            json!("NORML"),
            json!(null),
        ] {
            assert_eq!(found(body.clone()), [""; 0], "{body}");
        }
    }
}
