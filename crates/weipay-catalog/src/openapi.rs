//! APIv3 as one OpenAPI 3.1 document: operations as paths, notifications as webhooks.
//!
//! Extensions express what OpenAPI cannot; `info.description` lists them. Four choices need an explanation:
//!
//! - **Listed values are not an `enum`.** The platform adds values without notice. A client that was generated with closed
//!   values would turn the response of a successful payment into an error. The values are in `x-extensible-enum`, a common
//!   extension for open enumerations, and the type stays `string`. An `anyOf` of the values and any string would be open
//!   too, but TypeScript generators make plain `string` of it, and Go generators a union without a type.
//! - **Required members stay required in responses**, as in the official pages. To accept incomplete responses, generate
//!   without that check.
//! - **Two paths that differ only in the name of a placeholder** are one path in OpenAPI. The later one is written without
//!   `/v3`, which its server has instead. The URL is the same, and `x-path` has the complete path.
//! - **Objects inside others have titles**, because generators number objects without one.

mod errors;
mod head;
mod names;
mod operation;
mod schema;
mod webhook;

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::operation::ApiVersion;
use names::Titles;
use schema::Schemas;

/// The usual host.
const HOST: &str = "https://api.mch.weixin.qq.com";

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let catalog = Catalog::embedded();
    let mut schemas = Schemas::default();
    let operations: Vec<_> =
        catalog.operations().filter(|operation| operation.version() == ApiVersion::V3).collect();
    let mut paths = operation::paths(&operations, &mut schemas);
    let mut webhooks: Value = catalog
        .notifications()
        .filter(|notification| notification.version == ApiVersion::V3)
        .map(|notification| (notification.event.to_owned(), webhook::item(notification, &mut schemas)))
        .collect::<Map<String, Value>>()
        .into();
    let mut components = head::components();
    let mut schemas = schemas.into_value();
    let mut titles = Titles::from_schemas(&mut schemas);
    titles.add_to_items(&mut paths, "Body");
    titles.add_to_items(&mut webhooks, "Delivery");
    components["schemas"] = schemas;
    json!({
        "openapi": "3.1.0",
        "info": head::info(),
        "servers": [{ "url": HOST }],
        "security": [{ (head::SECURITY): [] }],
        "tags": head::tags(&operations),
        "paths": paths,
        "webhooks": webhooks,
        "components": components,
    })
}

/// An object with these members, without empty ones.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let members = members.into_iter().filter(|(_, value)| !is_empty(value));
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests;
