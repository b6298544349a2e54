//! The files of the notifications: what the platform posts, and what its sealed part opens to.

use weipay_catalog::names;
use weipay_catalog::rust::types::Types;
use weipay_catalog::{Field, Notification};

use crate::documentation::operation::links;
use crate::documentation::{lines, plain};
use crate::homes::Homes;
use crate::models;
use crate::output::{Output, header};

pub(crate) fn write(notifications: &[Notification], output: &mut Output) {
    let mut homes = Homes::default();
    for version in ["v2", "v3"] {
        let of_version: Vec<&Notification> =
            notifications.iter().filter(|notification| notification.version == version).collect();
        let mut modules: Vec<String> = Vec::new();
        if version == "v3" {
            // The envelope is the same for all: it is written once, and a notification only has its content.
            if let Some(any) = of_version.first() {
                output.add("notifications/v3/envelope.rs", envelope(any, &mut homes));
                modules.push("envelope".to_owned());
            }
        }
        for notification in of_version {
            let mut module = names::snake(notification.event);
            while modules.contains(&module) {
                module.push('_');
            }
            output.add(
                &format!("notifications/{version}/{module}.rs"),
                content(notification, &module, &mut homes),
            );
            modules.push(module);
        }
        modules.sort();
        let mut text = header(&format!("catalog/notifications/{version}/"));
        text.push_str(&format!("//! The notifications of API{version}, by their event.\n\n"));
        text.extend(modules.iter().map(|module| format!("pub mod {module};\n")));
        output.add(&format!("notifications/{version}.rs"), text);
    }
}

fn envelope(any: &Notification, homes: &mut Homes) -> String {
    let mut types = Types::default();
    types.root("Envelope", &all_in("body", &any.body));
    let mut text = header("catalog/notifications/v3/envelope.api");
    text.push_str("//! APIv3 回调通知: what every notification has in common.\n\n");
    text.push_str(&models::text(&types, "crate::notifications::v3::envelope", homes));
    text
}

fn content(notification: &Notification, module: &str, homes: &mut Homes) -> String {
    let Notification { version, event, .. } = notification;
    let mut types = Types::default();
    // A few of APIv2 are posted as JSON; those name their event.
    let is_json = notification.body.iter().any(|field| field.name == "event_type");
    let place = if is_json { "body" } else { "xml" };
    if *version == "v2" {
        types.root("Body", &all_in(place, &notification.body));
    }
    if !notification.resource.is_empty() {
        types.root("Resource", &all_in(place, &notification.resource));
    }
    let mut text = header(&format!("catalog/notifications/{version}/{event}.api"));
    let mut doc = format!("{} · `{event}`", plain(notification.title));
    doc.push_str(&links(&notification.docs));
    text.push_str(&lines(&doc, "//!"));
    text.push('\n');
    text.push_str(&models::text(&types, &format!("crate::notifications::{version}::{module}"), homes));
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
