//! A field as a JSON Schema, and the schemas that have a name.

use serde_json::{Map, Value, json};

use crate::export::{format_name, value};
use crate::field::{Carrier, Field, Format, Kind, Limits};
use crate::names::camel;

use super::{head, object};

/// The named schemas.
#[derive(Debug)]
pub(super) struct Schemas(Map<String, Value>);

impl Default for Schemas {
    fn default() -> Self {
        Self(Map::from_iter([("ApiError".to_owned(), head::error_schema())]))
    }
}

impl Schemas {
    /// Gives a schema a name, and points there.
    pub(super) fn named(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// An object with these members.
    pub(super) fn object(&mut self, fields: &[Field]) -> Value {
        let properties: Map<String, Value> =
            fields.iter().map(|field| (field.name.to_owned(), self.field(field))).collect();
        let required: Vec<&str> =
            fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }

    /// A field with its label.
    pub(super) fn field(&mut self, field: &Field) -> Value {
        let mut schema = self.one(field);
        if field.list {
            schema = json!({ "type": "array", "items": schema });
            set_limits(&mut schema, field.items, ["minItems", "maxItems"]);
        }
        if !field.label.is_empty() {
            schema["description"] = field.label.into();
        }
        if let Some(mode) = field.required_in {
            schema["x-required-in"] = mode.into();
        }
        if field.private {
            schema["x-private"] = true.into();
        }
        if let Some(purpose) = field.purpose {
            schema["x-purpose"] = purpose.word().into();
        }
        if let Some(name) = field.echo_of {
            schema["x-echo-of"] = name.into();
        }
        if let Some(case) = field.needed_in {
            schema["x-needed-in"] = case.into();
        }
        schema
    }

    /// A value, or a member of an array.
    fn one(&mut self, field: &Field) -> Value {
        match field.kind {
            Kind::Object => self.members(field),
            Kind::String => {
                let mut schema = text(field);
                self.carry(field, &mut schema);
                schema
            }
            Kind::Integer | Kind::Number | Kind::Boolean => plain(field),
        }
    }

    fn members(&mut self, field: &Field) -> Value {
        match field.shared {
            Some(shared) => {
                let schema = self.object(&field.fields);
                self.named(&camel(shared), schema)
            }
            None if field.fields.is_empty() => json!({ "type": "object" }),
            None => self.object(&field.fields),
        }
    }

    /// How a string holds something else.
    fn carry(&mut self, field: &Field, schema: &mut Value) {
        let content = match field.carrier {
            None => return,
            Some(Carrier::Encrypted) => {
                schema["x-encrypted"] = "rsa-pubkey".into();
                return;
            }
            Some(Carrier::Signed) => {
                schema["x-signed"] = true.into();
                return;
            }
            Some(Carrier::Sealed) => {
                schema["x-encrypted"] = "aes-gcm".into();
                "x-opens-to"
            }
            Some(Carrier::JsonText) => {
                schema["contentMediaType"] = "application/json".into();
                "contentSchema"
            }
            Some(Carrier::UrlText) => {
                schema["contentMediaType"] = "application/x-www-form-urlencoded".into();
                "contentSchema"
            }
        };
        if !field.fields.is_empty() {
            schema[content] = self.members(field);
        }
    }

    pub(super) fn into_value(self) -> Value {
        let mut schemas: Vec<(String, Value)> = self.0.into_iter().collect();
        schemas.sort_by(|(name, _), (other, _)| name.cmp(other));
        Value::Object(schemas.into_iter().collect())
    }
}

fn text(field: &Field) -> Value {
    let (format, encoding) = match field.format {
        Some(Format::Rfc3339) => ("date-time", ""),
        Some(Format::Date) => ("date", ""),
        Some(Format::Url | Format::NotifyUrl) => ("uri", ""),
        Some(Format::Base64) => ("", "base64"),
        _ => ("", ""),
    };
    let other = field.format.filter(|_| format.is_empty() && encoding.is_empty());
    let mut schema = object([
        ("type", "string".into()),
        ("format", format.into()),
        ("contentEncoding", encoding.into()),
        ("x-format", other.map(format_name).into()),
        ("pattern", field.pattern.into()),
    ]);
    if field.in_bytes {
        set_limits(&mut schema, field.limits, ["x-min-bytes", "x-max-bytes"]);
    }
    set_limits(&mut schema, in_characters(field), ["minLength", "maxLength"]);
    set_values(&mut schema, field);
    schema
}

/// JSON Schema counts characters. What is known of them where the platform counts bytes: no character has more than four
/// bytes, nor less than one.
fn in_characters(field: &Field) -> Limits {
    match field.in_bytes {
        false => field.limits,
        true => Limits { min: field.limits.min.map(|bytes| (bytes + 3) / 4), max: field.limits.max },
    }
}

fn plain(field: &Field) -> Value {
    let is_integer = field.kind == Kind::Integer;
    // Widths are seldom stated; 64 bits hold every one.
    let format = match field.format {
        Some(format @ (Format::Int32 | Format::Uint32 | Format::Uint64)) => format.word(),
        _ if is_integer => "int64",
        _ => "",
    };
    let unit = field.format.and_then(Format::unit);
    let other = field.format.filter(|known| {
        unit.is_none() && !matches!(known, Format::Int32 | Format::Int64 | Format::Uint32 | Format::Uint64)
    });
    let mut schema = object([
        ("type", field.kind.word().into()),
        ("format", format.into()),
        ("x-unit", unit.into()),
        ("x-format", other.map(format_name).into()),
    ]);
    set_limits(&mut schema, field.limits, ["minimum", "maximum"]);
    set_values(&mut schema, field);
    schema
}

fn set_limits(schema: &mut Value, limits: Limits, [min, max]: [&str; 2]) {
    for (name, limit) in [(min, limits.min), (max, limits.max)] {
        if let Some(limit) = limit {
            schema[name] = limit.into();
        }
    }
}

fn set_values(schema: &mut Value, field: &Field) {
    if !field.values.is_empty() {
        schema["x-extensible-enum"] = field.values.iter().map(|listed| value(field.kind, listed)).collect();
    }
    if let Some(example) = field.example.as_deref() {
        schema["examples"] = json!([value(field.kind, example)]);
    }
}
