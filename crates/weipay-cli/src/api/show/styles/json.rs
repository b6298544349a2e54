//! The body as JSON in Rust.

use serde_json::Value;
use weipay_catalog::Operation;

use super::sample;

/// The lines that make the body; nothing where the operation has none.
pub(super) fn body(operation: &Operation) -> Option<String> {
    let request = &operation.request;
    let fields = if request.json.is_empty() { &request.xml } else { &request.json };
    if fields.is_empty() {
        return None;
    }
    let object = sample::object(&sample::wanted(fields));
    let body = if request.json_is_array { Value::Array(vec![object]) } else { object };
    Some(format!("use serde_json::json;\n\nlet request = json!({});\n", literal(&body, 0)))
}

/// JSON as `json!` takes it, which reads numbers as Rust does.
pub(super) fn literal(value: &Value, level: usize) -> String {
    let (inner, outer) = ("    ".repeat(level + 1), "    ".repeat(level));
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => super::typed::digits(number),
        Value::Array(members) => {
            let members: Vec<String> = members.iter().map(|member| literal(member, level)).collect();
            format!("[{}]", members.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: String = members
                .iter()
                .map(|(name, value)| format!("{inner}{name:?}: {},\n", literal(value, level + 1)))
                .collect();
            format!("{{\n{members}{outer}}}")
        }
        other => other.to_string(),
    }
}
