//! Names in the document: identifiers of notifications, and titles of objects. Those of operations are in
//! [`identifier`](crate::names::identifier), because the SDK has them too.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::names::camel;
use crate::notification::Notification;

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
