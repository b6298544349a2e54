//! What is sent and what is answered, with named schemas.

use serde_json::{Map, Value, json};

use crate::field::{Carrier, Field, Kind};
use crate::operation::Operation;

use super::schema::Schemas;

/// The body of a request; null where there is none.
pub(super) fn request(operation: &Operation, identifier: &str, schemas: &mut Schemas) -> Value {
    let request = &operation.request;
    let name = format!("{identifier}Request");
    if !request.multipart.is_empty() {
        let schema = parts(&request.multipart, schemas);
        let schema = schemas.named(&name, schema);
        let media = json!({ "schema": schema, "encoding": encoding(&request.multipart) });
        return json!({ "required": true, "content": { "multipart/form-data": media } });
    }
    if request.json.is_empty() {
        return Value::Null;
    }
    let schema = schemas.object(&request.json);
    let schema = schemas.named(&name, schema);
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

/// The parts of an upload: a file is an object without members in the catalogue, and bytes here.
fn parts(fields: &[Field], schemas: &mut Schemas) -> Value {
    let mut schema = schemas.object(fields);
    for file in fields.iter().filter(|field| is_file(field)) {
        let bytes =
            json!({ "type": "string", "format": "binary", "contentMediaType": "application/octet-stream" });
        let mut bytes = bytes;
        if !file.label.is_empty() {
            bytes["description"] = file.label.into();
        }
        if let Some(max) = file.limits.max {
            bytes["x-max-bytes"] = max.into();
        }
        schema["properties"][file.name] = bytes;
    }
    schema
}

fn is_file(field: &Field) -> bool {
    field.kind == Kind::Object && field.fields.is_empty()
}

/// How each part travels; a string is text unless it is said.
fn encoding(fields: &[Field]) -> Value {
    let media = |field: &Field| match field.carrier {
        _ if is_file(field) => Some("application/octet-stream"),
        Some(Carrier::JsonText) => Some("application/json"),
        _ => None,
    };
    let named = fields
        .iter()
        .filter_map(|field| Some((field.name.to_owned(), json!({ "contentType": media(field)? }))));
    Value::Object(named.collect())
}

/// A success, and whatever else may come.
pub(super) fn responses(operation: &Operation, identifier: &str, schemas: &mut Schemas) -> Value {
    let mut success = json!({ "description": operation.title });
    if !operation.response.is_empty() {
        let schema = schemas.object(&operation.response);
        let schema = schemas.named(&format!("{identifier}Response"), schema);
        success["content"] = json!({ "application/json": { "schema": schema } });
    } else if operation.answers_file {
        let bytes =
            json!({ "type": "string", "format": "binary", "contentMediaType": "application/octet-stream" });
        success["content"] = json!({ "application/octet-stream": { "schema": bytes } });
    }
    let error = json!({ "$ref": "#/components/responses/ApiError" });
    Value::Object(Map::from_iter([(operation.success.to_string(), success), ("default".to_owned(), error)]))
}
