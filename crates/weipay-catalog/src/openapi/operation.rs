//! Operations as path items.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::names::identifier::{self, Identifiers};
use crate::operation::{Operation, Repeat, document_address, placeholder};

use super::schema::Schemas;
use super::{HOST, body, head, object, parameter};

/// Every path with its operations.
pub(super) fn paths(operations: &[&Operation], schemas: &mut Schemas) -> Value {
    let identifiers = Identifiers::from_operations(operations);
    let mut paths: Map<String, Value> = Map::new();
    // Which path has each form, as paths of one form are one path to OpenAPI.
    let mut forms: BTreeMap<String, &str> = BTreeMap::new();
    for operation in operations {
        let is_first = *forms.entry(form(operation.path)).or_insert(operation.path) == operation.path;
        let (path, prefix) = match operation.path.strip_prefix("v3/") {
            Some(rest) if !is_first => (format!("/{rest}"), "/v3"),
            _ => (format!("/{}", operation.path), ""),
        };
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[operation.method.to_ascii_lowercase()] =
            describe(operation, &identifiers.of_operation(operation), prefix, schemas);
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
        ("operationId", identifier::small(identifier).into()),
        ("tags", json!([head::tag(operation.path)])),
        ("summary", operation.title.into()),
        ("externalDocs", first_page(&docs)),
        ("servers", servers(operation, prefix)),
        ("parameters", parameter::of_request(&operation.request, schemas)),
        ("requestBody", body::request(operation, identifier, schemas)),
        ("responses", body::responses(operation, identifier, schemas)),
        ("x-path", whole_path.into()),
        ("x-unsigned", operation.unsigned.into()),
        ("x-repeat", operation.repeat.map(Repeat::word).into()),
        ("x-repeat-reason", operation.repeat_reason.into()),
        ("x-group", operation.group.into()),
        ("x-roles", operation.roles.clone().into()),
        ("x-docs", docs.into()),
        ("x-other", other),
    ])
}

/// Null for the host of all others.
fn servers(operation: &Operation, prefix: &str) -> Value {
    match (operation.base_url, prefix) {
        (None, "") => Value::Null,
        (base, prefix) => {
            let base = base.unwrap_or(HOST).trim_end_matches('/');
            let why = match prefix {
                "" => "",
                _ => "Its path has the form of another's: the server has the part that tells them apart.",
            };
            json!([object([("url", format!("{base}{prefix}").into()), ("description", why.into())])])
        }
    }
}

pub(super) fn first_page(docs: &[String]) -> Value {
    docs.first().map(|url| json!({ "url": url, "description": "官方文档" })).into()
}
