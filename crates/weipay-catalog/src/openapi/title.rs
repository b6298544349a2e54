//! A title for every object that has no name of its own.
//!
//! Generators name such an object by its title, or else by the property alone and a number, which changes whenever an
//! operation is added: `Amount73`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::names::camel;

/// The titles that were given, and the names of schemas, which generators make types of too.
#[derive(Debug, Default)]
pub(super) struct Titles(BTreeSet<String>);

impl Titles {
    /// Takes the names of all schemas, and gives titles to the objects inside them.
    pub(super) fn of_schemas(schemas: &mut Value) -> Self {
        let mut titles = Self::default();
        let Value::Object(schemas) = schemas else { return titles };
        titles.0.extend(schemas.keys().map(|name| name.to_lowercase()));
        for (name, schema) in schemas {
            titles.inside(schema, name);
        }
        titles
    }

    /// Gives titles to the schemas of a path's or a webhook's operations.
    pub(super) fn of_items(&mut self, items: &mut Value, ending: &str) {
        let operations = items.as_object_mut().into_iter().flat_map(Map::values_mut);
        for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            let identifier = camel(operation["operationId"].as_str().unwrap_or_default());
            for parameter in
                operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
            {
                let name = camel(parameter["name"].as_str().unwrap_or_default());
                self.give(parameter.get_mut("schema"), &format!("{identifier}{name}"));
            }
            self.of_content(operation.get_mut("requestBody"), &format!("{identifier}{ending}"));
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            for (status, response) in responses.into_iter().flatten() {
                self.of_content(Some(response), &format!("{identifier}Response{status}"));
            }
            self.give(operation.get_mut("x-other"), &format!("{identifier}Other"));
        }
    }

    fn of_content(&mut self, body: Option<&mut Value>, name: &str) {
        let content = body.and_then(|body| body.get_mut("content")).and_then(Value::as_object_mut);
        for media in content.into_iter().flat_map(Map::values_mut) {
            self.give(media.get_mut("schema"), name);
        }
    }

    /// Gives a title to a schema, if it is an object with members, and to those inside it.
    fn give(&mut self, schema: Option<&mut Value>, name: &str) {
        let Some(schema) = schema else { return };
        if schema.get("properties").is_some() {
            let title = self.unused(name);
            schema["title"] = title.as_str().into();
            self.inside(schema, &title);
        } else {
            self.inside(schema, name);
        }
    }

    fn inside(&mut self, schema: &mut Value, name: &str) {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (property, member) in properties.into_iter().flatten() {
            self.give(Some(member), &format!("{name}{}", camel(property)));
        }
        // The members of an array, and what a string holds, are called what holds them is.
        for holder in ["items", "contentSchema", "x-opens-to"] {
            self.give(schema.get_mut(holder), name);
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
