//! Notifications as webhooks: the posted envelope, and its decrypted content.

use serde_json::{Map, Value, json};

use crate::field::{Carrier, Field};
use crate::notification::Notification;
use crate::operation::document_address;

use super::names::notification_identifier;
use super::operation::{first_page, header_parameters};
use super::schema::Schemas;
use super::{head, object};

pub(super) fn item(notification: &Notification, schemas: &mut Schemas) -> Value {
    let identifier = notification_identifier(notification);
    let docs: Vec<String> = notification.docs.iter().map(|page| document_address(page)).collect();
    let schema = delivery(notification, &identifier, schemas);
    let post = object([
        ("operationId", format!("on{identifier}").into()),
        ("tags", json!([head::NOTIFICATIONS])),
        ("summary", notification.title.into()),
        ("externalDocs", first_page(&docs)),
        ("parameters", header_parameters(&notification.headers, schemas)),
        ("requestBody", json!({ "required": true, "content": { "application/json": { "schema": schema } } })),
        ("responses", responses(notification, schemas)),
        ("x-retry", notification.retry.waits.clone().into()),
        ("x-also-sent-as", notification.sent_as.clone().into()),
        ("x-associated-data", notification.associated_data.into()),
        ("x-docs", docs.into()),
    ]);
    let mut item = json!({ "post": post });
    // The platform signs in the headers; the security scheme of merchants does not apply here.
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
    // It has no name: some generators drop named schemas that only webhooks use, and then fail.
    schema
}

/// Makes the encrypted field refer to the named schema of the resource.
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

fn responses(notification: &Notification, schemas: &mut Schemas) -> Value {
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
    let accepted = object([
        ("description", "Accepted (已接收); the body may be empty.".into()),
        ("headers", headers.into()),
        ("content", content.clone()),
    ]);
    json!({
        "200": accepted,
        "204": { "description": "Accepted (已接收)." },
        "default": { "description": "After any other response the notification is sent again (重发), see `x-retry`.", "content": content },
    })
}
