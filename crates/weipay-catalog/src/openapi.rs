//! APIv3 as one OpenAPI 3.1 document: operations as paths, notifications as webhooks.
//!
//! What OpenAPI cannot say stands in extensions, which `info.description` lists. Four choices may surprise:
//!
//! - **Listed values are not `enum`.** They are open: the platform adds values without notice, and a client that was
//!   generated with closed ones would turn the response of a successful payment into an error. They stand in
//!   `x-extensible-enum`, as others write open enumerations, and the type stays `string`. An `anyOf` of the values and of
//!   any string would be open as well; but TypeScript makes plain `string` of it, and Go a union without a type.
//! - **Required stays required in answers**, as the pages say. Who needs lenient answers generates without it.
//! - **Two paths that differ only in a placeholder's name** are one path to OpenAPI. The later one stands without `/v3`,
//!   which its server has instead; the URL is the same, and `x-path` has the path whole.
//! - **Objects inside others have titles**, as generators number the objects that have none.

mod body;
mod head;
mod operation;
mod parameter;
mod schema;
mod title;
mod webhook;

use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::operation::Version;
use schema::Schemas;
use title::Titles;

/// The host of an operation that names no other.
const HOST: &str = "https://api.mch.weixin.qq.com";

/// The whole document.
pub fn document() -> Value {
    let catalog = Catalog::embedded();
    let mut schemas = Schemas::default();
    let operations: Vec<_> =
        catalog.operations().filter(|operation| operation.version() == Version::V3).collect();
    let mut paths = operation::paths(&operations, &mut schemas);
    let mut webhooks: Value = catalog
        .notifications()
        .filter(|notification| notification.version == "v3")
        .map(|notification| (notification.event.to_owned(), webhook::item(notification, &mut schemas)))
        .collect::<Map<String, Value>>()
        .into();
    let mut components = head::components();
    let mut schemas = schemas.into_value();
    let mut titles = Titles::of_schemas(&mut schemas);
    titles.of_items(&mut paths, "Body");
    titles.of_items(&mut webhooks, "Delivery");
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

/// An object of these, without those that say nothing.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let says_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let said = members.into_iter().filter(|(_, value)| !says_nothing(value));
    Value::Object(said.map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests;
