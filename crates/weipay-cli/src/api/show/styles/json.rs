//! The body as JSON in Rust.

use serde_json::Value;
use weipay_catalog::{Field, Kind, Operation};

use super::{sample, sensitive};

/// The lines that make the body; nothing where the operation has none.
pub(super) fn body(operation: &Operation) -> Option<String> {
    let request = &operation.request;
    let fields = if request.json.is_empty() { &request.xml } else { &request.json };
    if fields.is_empty() {
        return None;
    }
    let wanted = sample::wanted(fields);
    // APIv2 encrypts with another key.
    let body = match request.xml.is_empty() {
        true => object(&wanted, 0),
        false => literal(&sample::object(&wanted), 0),
    };
    Some(format!("use serde_json::json;\n\nlet request = json!({body});\n"))
}

fn object(fields: &[&Field], level: usize) -> String {
    members(fields.iter().map(|field| (field.name, value(field, level + 1))), level)
}

/// A sample of a field.
pub(super) fn value(field: &Field, level: usize) -> String {
    let one = match field.kind {
        Kind::Object => object(&sample::wanted(&field.fields), level),
        _ => encrypted(field).unwrap_or_else(|| literal(&sample::one(field), level)),
    };
    if field.list { format!("[{}]", vec![one; sample::members(field)].join(", ")) } else { one }
}

/// The call that encrypts a sensitive field, where nothing knows the types that would do it.
pub(super) fn encrypted(field: &Field) -> Option<String> {
    field.is_encrypted().then(|| format!("client.encrypt_sensitive({:?})?", sensitive::plain_text(field)))
}

/// JSON as `json!` takes it, which reads numbers as Rust does.
fn literal(value: &Value, level: usize) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => super::typed::digits(number),
        Value::Array(members) => {
            let members: Vec<String> = members.iter().map(|member| literal(member, level)).collect();
            format!("[{}]", members.join(", "))
        }
        Value::Object(object) => {
            members(object.iter().map(|(name, value)| (name.as_str(), literal(value, level + 1))), level)
        }
        other => other.to_string(),
    }
}

/// An object, a member a line.
fn members<'a>(members: impl Iterator<Item = (&'a str, String)>, level: usize) -> String {
    let (inner, outer) = ("    ".repeat(level + 1), "    ".repeat(level));
    let lines: String = members.map(|(name, value)| format!("{inner}{name:?}: {value},\n")).collect();
    if lines.is_empty() { "{}".to_owned() } else { format!("{{\n{lines}{outer}}}") }
}
