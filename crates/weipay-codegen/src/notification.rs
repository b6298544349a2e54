//! The files of the notifications: what the platform posts, and what its sealed part opens to.

use weipay_catalog::names;
use weipay_catalog::{Field, Notification};

use crate::documentation::operation::links;
use crate::documentation::{lines, plain};
use crate::models::{Models, Root};
use crate::output::{Output, header};
use crate::shared::SharedObjects;

pub(crate) fn write(notifications: &[Notification], output: &mut Output) {
    for version in ["v2", "v3"] {
        let of_version: Vec<&Notification> =
            notifications.iter().filter(|notification| notification.version == version).collect();
        let mut modules: Vec<String> = Vec::new();
        if version == "v3" {
            // The envelope is the same for all: it is written once, and a notification only has its content.
            if let Some(any) = of_version.first() {
                output.add("notifications/v3/envelope.rs", envelope(any));
                modules.push("envelope".to_owned());
            }
        }
        for notification in of_version {
            let mut module = names::snake(notification.event);
            while modules.contains(&module) {
                module.push('_');
            }
            output.add(&format!("notifications/{version}/{module}.rs"), content(notification));
            modules.push(module);
        }
        let mut shared = SharedObjects::default();
        for notification in notifications.iter().filter(|notification| notification.version == version) {
            let is_posted_bare = version == "v2";
            notification.body.iter().filter(|_| is_posted_bare).for_each(|field| shared.add(field, false));
            notification.resource.iter().for_each(|field| shared.add(field, false));
        }
        if let Some(content) = shared.text() {
            let mut text = header("catalog/shared/");
            text.push_str("//! The objects that several notifications share.\n\n");
            text.push_str(&content);
            output.add(&format!("notifications/{version}/shared.rs"), text);
            modules.push("shared".to_owned());
        }
        modules.sort();
        let mut text = header(&format!("catalog/notifications/{version}/"));
        text.push_str(&format!("//! The notifications of API{version}, by their event.\n\n"));
        text.extend(modules.iter().map(|module| format!("pub mod {module};\n")));
        output.add(&format!("notifications/{version}.rs"), text);
    }
}

fn envelope(any: &Notification) -> String {
    let mut models = Models::new(&any.body);
    let doc = "What is posted, before its resource is opened.".to_owned();
    models.root(&Root { name: "Envelope", doc, titles: Vec::new() }, &all_in("body", &any.body));
    let mut text = header("catalog/notifications/v3/envelope.api");
    text.push_str("//! APIv3 回调通知: what every notification has in common.\n\n");
    text.push_str(&models.text("crate::notifications::v3::shared", 0));
    text
}

fn content(notification: &Notification) -> String {
    let Notification { version, event, title, .. } = notification;
    let posted = if *version == "v2" { &notification.body[..] } else { &[] };
    let mut models = Models::new(posted.iter().chain(&notification.resource));
    let mut root = |name, what: &str, fields: &[_]| {
        let doc = format!("{}: {what}.", plain(title));
        models.root(&Root { name, doc, titles: vec![title] }, fields);
    };
    // A few of APIv2 are posted as JSON; those name their event.
    let is_json = notification.body.iter().any(|field| field.name == "event_type");
    let place = if is_json { "body" } else { "xml" };
    if *version == "v2" {
        root("Body", "what is posted", &all_in(place, &notification.body));
    }
    if !notification.resource.is_empty() {
        root("Resource", "what the sealed part opens to", &all_in(place, &notification.resource));
    }
    let mut text = header(&format!("catalog/notifications/{version}/{event}.api"));
    let mut doc = format!("{} · `{event}`", plain(title));
    doc.push_str(&links(&notification.docs, event));
    text.push_str(&lines(&doc, "//!"));
    text.push('\n');
    text.push_str(&models.text(&format!("crate::notifications::{version}::shared"), 0));
    if *version == "v3" {
        let events: Vec<String> =
            std::iter::once(event).chain(&notification.sent_as).map(|event| format!("{event:?}")).collect();
        text.push_str(&format!(
            "\n/// The values of `event_type` that it comes with.\npub const EVENT_TYPES: &[&str] = &[{}];\n",
            events.join(", ")
        ));
    }
    text
}

fn all_in<'a>(place: &'static str, fields: &'a [Field]) -> Vec<(&'static str, &'a Field)> {
    fields.iter().map(|field| (place, field)).collect()
}
