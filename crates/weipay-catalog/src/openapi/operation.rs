//! Operations as path items: parameters, the request body, the responses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::field::{Carrier, Field, Kind};
use crate::names::identifier::Identifiers;
use crate::operation::{Operation, Repeat, Request, document_address, placeholder};

use super::names::decapitalize;
use super::schema::Schemas;
use super::{HOST, errors, head, object};

/// Every path with its operations.
pub(super) fn paths(operations: &[&Operation], schemas: &mut Schemas) -> Value {
    let identifiers = Identifiers::new(operations);
    let mut paths: Map<String, Value> = Map::new();
    // The first path of each form: in OpenAPI, paths of one form are the same path.
    let mut forms: BTreeMap<String, &str> = BTreeMap::new();
    for operation in operations {
        let is_first = *forms.entry(form(operation.path)).or_insert(operation.path) == operation.path;
        let (path, prefix) = match operation.path.strip_prefix("v3/") {
            Some(rest) if !is_first => (format!("/{rest}"), "/v3"),
            _ => (format!("/{}", operation.path), ""),
        };
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[operation.method.to_ascii_lowercase()] =
            describe(operation, &identifiers.identifier(operation), prefix, schemas);
    }
    Value::Object(paths)
}

/// The path without the names of its placeholders.
fn form(path: &str) -> String {
    let segments = path.split('/').map(|segment| placeholder(segment).map_or(segment, |_| "{}"));
    segments.collect::<Vec<_>>().join("/")
}

fn describe(operation: &Operation, identifier: &str, prefix: &str, schemas: &mut Schemas) -> Value {
    let whole_path = if prefix.is_empty() { String::new() } else { format!("/{}", operation.path) };
    let docs: Vec<String> = operation.docs.iter().map(|page| document_address(page)).collect();
    let other = match operation.request.other.is_empty() {
        true => Value::Null,
        false => schemas.object(&operation.request.other),
    };
    object([
        ("operationId", decapitalize(identifier).into()),
        ("tags", json!([head::tag(operation.path)])),
        ("summary", operation.title.into()),
        ("externalDocs", first_page(&docs)),
        ("servers", servers(operation, prefix)),
        ("parameters", parameters(&operation.request, schemas)),
        ("requestBody", request_body(operation, identifier, schemas)),
        ("responses", responses(operation, identifier, schemas)),
        ("x-path", whole_path.into()),
        ("x-partner-path", operation.partner_path.into()),
        ("x-unsigned", operation.unsigned.into()),
        ("x-signed-digest", operation.signed_digest.into()),
        ("x-error-codes", errors::elsewhere(operation)),
        ("x-repeat", operation.repeat.map(Repeat::word).into()),
        ("x-repeat-after-seconds", operation.repeat_after.into()),
        ("x-repeat-reason", operation.repeat_reason.into()),
        ("x-group", operation.group.into()),
        ("x-roles", operation.roles.clone().into()),
        ("x-docs", docs.into()),
        ("x-other", other),
    ])
}

/// Null for the usual host.
fn servers(operation: &Operation, prefix: &str) -> Value {
    match (operation.base_url, prefix) {
        (None, "") => Value::Null,
        (base, prefix) => {
            let base = base.unwrap_or(HOST).trim_end_matches('/');
            let why = match prefix {
                "" => "",
                _ => {
                    "Another path differs only in the names of placeholders: the server contains the part that distinguishes them."
                }
            };
            json!([object([("url", format!("{base}{prefix}").into()), ("description", why.into())])])
        }
    }
}

pub(super) fn first_page(docs: &[String]) -> Value {
    docs.first().map(|url| json!({ "url": url, "description": "官方文档" })).into()
}

/// Header fields that OpenAPI describes elsewhere.
const DESCRIBED_ELSEWHERE: [&str; 3] = ["Accept", "Authorization", "Content-Type"];

fn parameters(request: &Request, schemas: &mut Schemas) -> Value {
    let places = [("path", &request.path), ("query", &request.query), ("header", &request.headers)];
    places
        .into_iter()
        .flat_map(|(place, fields)| fields.iter().map(move |field| (place, field)))
        .map(|(place, field)| parameter(place, field, schemas))
        .collect()
}

pub(super) fn header_parameters(headers: &[Field], schemas: &mut Schemas) -> Value {
    let stated = headers.iter().filter(|field| !DESCRIBED_ELSEWHERE.contains(&field.name));
    stated.map(|field| parameter("header", field, schemas)).collect()
}

fn parameter(place: &str, field: &Field, schemas: &mut Schemas) -> Value {
    object([
        ("name", field.name.into()),
        ("in", place.into()),
        ("required", (field.required || place == "path").into()),
        ("description", field.label.into()),
        ("schema", schemas.field(&Field { label: "", ..field.clone() })),
    ])
}

/// The body of a request; null if there is none.
fn request_body(operation: &Operation, identifier: &str, schemas: &mut Schemas) -> Value {
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

/// The parts of an upload. In the catalogue, a file is an object without members; here it is bytes.
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

/// How each part is encoded. Without an entry, a string is plain text.
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

/// The success, and all other responses.
fn responses(operation: &Operation, identifier: &str, schemas: &mut Schemas) -> Value {
    let mut success = json!({ "description": operation.title });
    if !operation.response.is_empty() {
        let schema = schemas.object(&operation.response);
        let schema = schemas.named(&format!("{identifier}Response"), schema);
        success["content"] = json!({ "application/json": { "schema": schema } });
    } else if operation.has_file_response {
        let bytes =
            json!({ "type": "string", "format": "binary", "contentMediaType": "application/octet-stream" });
        success["content"] = json!({ "application/octet-stream": { "schema": bytes } });
    }
    let error = json!({ "$ref": "#/components/responses/ApiError" });
    let mut responses = errors::responses(operation);
    responses.extend([(operation.success.to_string(), success), ("default".to_owned(), error)]);
    Value::Object(responses)
}
