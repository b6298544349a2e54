//! Notifications as webhooks: the posted envelope, and what its ciphertext opens to.

use serde_json::{Map, Value, json};

use crate::field::{Carrier, Field};
use crate::names::identifier;
use crate::notification::Notification;
use crate::operation::document_address;

use super::operation::first_page;
use super::schema::Schemas;
use super::{head, object, parameter};

pub(super) fn item(notification: &Notification, schemas: &mut Schemas) -> Value {
    let identifier = identifier::of_notification(notification);
    let docs: Vec<String> = notification.docs.iter().map(|page| document_address(page)).collect();
    let schema = delivery(notification, &identifier, schemas);
    let post = object([
        ("operationId", format!("on{identifier}").into()),
        ("tags", json!([head::NOTIFICATIONS])),
        ("summary", notification.title.into()),
        ("externalDocs", first_page(&docs)),
        ("parameters", parameter::of_headers(&notification.headers, schemas)),
        ("requestBody", json!({ "required": true, "content": { "application/json": { "schema": schema } } })),
        ("responses", replies(notification, schemas)),
        ("x-retry", notification.retry.waits.clone().into()),
        ("x-also-sent-as", notification.sent_as.clone().into()),
        ("x-associated-data", notification.associated_data.into()),
        ("x-docs", docs.into()),
    ]);
    let mut item = json!({ "post": post });
    // The platform proves itself with its signature in the headers; what merchants sign with is of no use here.
    item["post"]["security"] = json!([]);
    item
}

fn delivery(notification: &Notification, identifier: &str, schemas: &mut Schemas) -> Value {
    let mut schema = schemas.object(&notification.delivered());
    if !notification.resource.is_empty() {
        let resource = schemas.object(&notification.resource);
        let resource = schemas.named(&format!("{identifier}Resource"), resource);
        point(&mut schema, &notification.body, &resource);
    }
    // Without a name of its own: some generators drop named schemas that only webhooks point to, and then miss them.
    schema
}

/// Makes the sealed field point to the resource, which has a name of its own.
fn point(schema: &mut Value, fields: &[Field], resource: &Value) {
    for field in fields {
        let property = &mut schema["properties"][field.name];
        match field.carrier {
            Some(Carrier::Sealed) => property["x-opens-to"] = resource.clone(),
            _ if field.fields.is_empty() => {}
            _ => point(property, &field.fields, resource),
        }
    }
}

fn replies(notification: &Notification, schemas: &mut Schemas) -> Value {
    let headers: Map<String, Value> = notification
        .response_headers
        .iter()
        .map(|field| {
            let header = object([("required", field.required.into()), ("schema", schemas.field(field))]);
            (field.name.to_owned(), header)
        })
        .collect();
    let schema = schemas.object(&notification.response);
    let content = json!({ "application/json": { "schema": schema } });
    let taken = object([
        ("description", "Taken (已接收); the body may be empty.".into()),
        ("headers", headers.into()),
        ("content", content.clone()),
    ]);
    json!({
        "200": taken,
        "204": { "description": "Taken (已接收)." },
        "default": { "description": "Anything else is sent again (重发), as `x-retry` says.", "content": content },
    })
}
