//! Names in the document: identifiers of operations and notifications, and titles of objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::names::camel;
use crate::notification::Notification;
use crate::operation::{Operation, placeholder};

/// Identifiers of operations, made from method and path. Each is unique.
#[derive(Debug)]
pub(super) struct Identifiers(BTreeMap<String, usize>);

impl Identifiers {
    pub(super) fn new(operations: &[&Operation]) -> Self {
        let mut users = BTreeMap::new();
        for operation in operations {
            *users.entry(plain(operation).to_lowercase()).or_default() += 1;
        }
        Self(users)
    }

    /// The identifier of an operation. If two paths differ only in the spelling of a segment, such as `policy-periods` and
    /// `policy_periods`, the one with an underscore gets a suffix.
    pub(super) fn identifier(&self, operation: &Operation) -> String {
        let mut identifier = plain(operation);
        let has_twin = self.0.get(&identifier.to_lowercase()).is_some_and(|users| *users > 1);
        let mut segments = operation.path.split('/').filter(|segment| placeholder(segment).is_none());
        if has_twin && segments.any(|segment| segment.contains('_')) {
            identifier.push_str("Underscored");
        }
        identifier
    }
}

/// `GetMarketingBusifavorStocksByStockId` of `GET v3/marketing/busifavor/stocks/{stock_id}`.
fn plain(operation: &Operation) -> String {
    let mut identifier = camel(operation.method);
    for segment in operation.path.split('/').skip(1) {
        match placeholder(segment) {
            None => identifier.push_str(&camel(segment)),
            Some(name) => identifier.push_str(&format!("By{}", camel(name))),
        }
    }
    identifier
}

/// `RefundSuccess` of `REFUND.SUCCESS`.
pub(super) fn notification_identifier(notification: &Notification) -> String {
    camel(notification.event)
}

/// The identifier with a small first letter, as for `operationId`.
pub(super) fn decapitalize(identifier: &str) -> String {
    let mut letters = identifier.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

/// Gives a title to each object that has no name. Generators name such an object by its title; without one, they use the
/// property and a number, such as `Amount73`, which changes when an operation is added.
///
/// Holds the titles that were given, and the names of schemas, from which generators make types too.
#[derive(Debug, Default)]
pub(super) struct Titles(BTreeSet<String>);

impl Titles {
    /// Collects the names of all schemas, and adds titles to the objects inside them.
    pub(super) fn from_schemas(schemas: &mut Value) -> Self {
        let mut titles = Self::default();
        let Value::Object(schemas) = schemas else { return titles };
        titles.0.extend(schemas.keys().map(|name| name.to_lowercase()));
        for (name, schema) in schemas {
            titles.add_inside(schema, name);
        }
        titles
    }

    /// Adds titles to the schemas of operations in paths or webhooks.
    pub(super) fn add_to_items(&mut self, items: &mut Value, ending: &str) {
        let operations = items.as_object_mut().into_iter().flat_map(Map::values_mut);
        for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            let identifier = camel(operation["operationId"].as_str().unwrap_or_default());
            for parameter in
                operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
            {
                let name = camel(parameter["name"].as_str().unwrap_or_default());
                self.add(parameter.get_mut("schema"), &format!("{identifier}{name}"));
            }
            self.add_to_content(operation.get_mut("requestBody"), &format!("{identifier}{ending}"));
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            for (status, response) in responses.into_iter().flatten() {
                self.add_to_content(Some(response), &format!("{identifier}Response{status}"));
            }
            self.add(operation.get_mut("x-other"), &format!("{identifier}Other"));
        }
    }

    fn add_to_content(&mut self, body: Option<&mut Value>, name: &str) {
        let content = body.and_then(|body| body.get_mut("content")).and_then(Value::as_object_mut);
        for media in content.into_iter().flat_map(Map::values_mut) {
            self.add(media.get_mut("schema"), name);
        }
    }

    /// Adds a title to a schema if it is an object with members, and to the objects inside it.
    fn add(&mut self, schema: Option<&mut Value>, name: &str) {
        let Some(schema) = schema else { return };
        if schema.get("properties").is_some() {
            let title = self.unused(name);
            schema["title"] = title.as_str().into();
            self.add_inside(schema, &title);
        } else {
            self.add_inside(schema, name);
        }
    }

    fn add_inside(&mut self, schema: &mut Value, name: &str) {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (property, member) in properties.into_iter().flatten() {
            self.add(Some(member), &format!("{name}{}", camel(property)));
        }
        // The members of an array, and the content of a string, have the name of what contains them.
        for holder in ["items", "contentSchema", "x-opens-to"] {
            self.add(schema.get_mut(holder), name);
        }
    }

    fn unused(&mut self, name: &str) -> String {
        let mut title = name.to_owned();
        let mut number = 2;
        while !self.0.insert(title.to_lowercase()) {
            title = format!("{name}{number}");
            number += 1;
        }
        title
    }
}
