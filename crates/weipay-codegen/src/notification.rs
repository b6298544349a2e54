//! The files of the notifications: what the platform posts, and what its sealed part opens to.

use weipay_catalog::names;
use weipay_catalog::rust::module_types::Types;
use weipay_catalog::{ApiVersion, Field, Notification, Purpose};

use crate::documentation::operation::links;
use crate::documentation::{aliases, lines, plain};
use crate::models::Module;
use crate::output::{Output, header, indented};
use crate::shared::SharedTypes;

pub(crate) fn write(notifications: &[Notification], output: &mut Output) {
    for version in ApiVersion::ALL {
        let of_version: Vec<&Notification> =
            notifications.iter().filter(|notification| notification.version == version).collect();
        let mut modules: Vec<String> = Vec::new();
        if version == ApiVersion::V3 {
            // The envelope is the same for all: it is written once, and a notification only has its content.
            if let Some(any) = of_version.first() {
                output.add("notification/events/v3/envelope.rs", envelope(any));
                modules.push("envelope".to_owned());
            }
        }
        for notification in of_version {
            let mut module = names::snake(notification.event);
            while modules.contains(&module) {
                module.push('_');
            }
            output.add(&format!("notification/events/{version}/{module}.rs"), content(notification));
            modules.push(module);
        }
        let mut shared = SharedTypes::default();
        for notification in notifications.iter().filter(|notification| notification.version == version) {
            let is_posted_bare = version == ApiVersion::V2;
            notification.body.iter().filter(|_| is_posted_bare).for_each(|field| shared.add(field, false));
            notification.resource.iter().for_each(|field| shared.add(field, false));
        }
        if let Some(content) = shared.text(&["回调通知"]) {
            let mut text = header("catalog/{shared,values}/");
            text.push_str("//! The types that several notifications share.\n\n");
            text.push_str(&content);
            output.add(&format!("notification/events/{version}/shared.rs"), text);
            modules.push("shared".to_owned());
        }
        if version == ApiVersion::V3 {
            let of_version = notifications.iter().filter(|notification| notification.version == version);
            output.add("notification/events/event.rs", events(of_version));
        }
        if version == ApiVersion::V2 {
            let of_version = notifications.iter().filter(|notification| notification.version == version);
            output.add("notification/events/marks.rs", marks(of_version));
        }
        modules.sort();
        let mut text = header(&format!("catalog/notifications/{version}/"));
        text.push_str(&format!("//! The notifications of API{version}, by their event.\n\n"));
        text.extend(modules.iter().map(|module| format!("pub mod {module};\n")));
        output.add(&format!("notification/events/{version}.rs"), text);
    }
}

/// The enumeration of the events, which of them come under the name of another, and whom they are for. The macro that this fills in is written by
/// hand, because it is the same for every event.
fn events<'a>(notifications: impl Iterator<Item = &'a Notification>) -> String {
    let (mut variants, mut sent_as, mut told) = (String::new(), String::new(), String::new());
    for notification in notifications {
        let Notification { event, title, original_types, summary_has, .. } = notification;
        let (variant, module) = (names::camel(event), names::snake(event));
        variants.push_str(&lines(&format!("{} · `{event}`", plain(title)), "    ///"));
        variants.push_str(&indented(&aliases([*title]), 1));
        variants.push_str(&format!("    {variant}({module}) = {event:?},\n"));
        let required: Vec<&str> =
            notification.resource.iter().filter(|field| field.required).map(|field| field.name).collect();
        let who = notification.resource.iter().filter(|field| field.purpose == Some(Purpose::MerchantNumber));
        let who: Vec<&str> = who.map(|field| field.name).collect();
        if !who.is_empty() {
            told.push_str(&format!("    ({event:?}, &{who:?}),\n"));
        }
        for event_type in &notification.sent_as {
            sent_as.push_str(&format!(
                "    SentAs {{\n        event_type: {event_type:?},\n        event: {event:?},\n        original_types: &{original_types:?},\n        \
                 required: &{required:?},\n        summary_has: {summary_has:?},\n    }},\n"
            ));
        }
    }
    let mut text = header("catalog/notifications/v3/");
    text.push_str("//! Every event of APIv3, as one enumeration.\n\n");
    text.push_str("use crate::notification::{SentAs, events};\n\n");
    text.push_str(&format!("events! {{\n{variants}}}\n\n"));
    text.push_str("/// Events that are sent with the `event_type` of another event.\n");
    text.push_str(&format!("pub(crate) const SENT_AS: &[SentAs] = &[\n{sent_as}];\n\n"));
    text.push_str(
        "/// Events whose resource names the merchant whom they are for: one of these members does.\n",
    );
    text.push_str(&format!("pub(crate) const MERCHANTS: &[(&str, &[&str])] = &[\n{told}];\n"));
    text
}

/// What tells the events of APIv2 apart. The shortest mark comes first: what has it is nothing else.
fn marks<'a>(notifications: impl Iterator<Item = &'a Notification>) -> String {
    let mut merchants: Vec<&str> = Vec::new();
    let mut marks = Vec::new();
    for notification in notifications {
        merchants.extend(notification.merchant.filter(|name| !merchants.contains(name)));
        marks.extend((!notification.told_by.is_empty()).then_some(notification));
    }
    marks.sort_by_key(|mark| (mark.told_by.first().map(Vec::len), mark.event));
    let mut text = header("catalog/notifications/v2/");
    text.push_str("//! What tells the events of APIv2 apart, which have no names there.\n\n");
    text.push_str("use crate::notification::Mark;\n\n");
    text.push_str(
        "/// The elements with the number of the merchant whom a message is for: one in each event.\n",
    );
    text.push_str(&format!("pub(crate) const MERCHANTS: &[&str] = &{merchants:?};\n\n"));
    text.push_str(
        "/// The first that fits is the event.\n#[rustfmt::skip]\npub(crate) const MARKS: &[Mark] = &[\n",
    );
    for Notification { event, told_by, numbers, identity, .. } in marks {
        let told_by: Vec<String> = told_by.iter().map(|form| format!("&{form:?}")).collect();
        text.push_str(&format!(
            "    Mark {{ event: {event:?}, told_by: &[{}], numbers: &{numbers:?}, identity: &{identity:?} }},\n",
            told_by.join(", ")
        ));
    }
    text.push_str("];\n");
    text
}

fn envelope(any: &Notification) -> String {
    let types = Types::with_roots(vec![("Envelope", all_in("body", &any.body))]);
    let mut text = header("catalog/notifications/v3/envelope.api");
    text.push_str("//! APIv3 回调通知: what every notification has in common.\n\n");
    text.push_str(&module(&types, ApiVersion::V3, "", &["回调通知"]));
    text
}

fn content(notification: &Notification) -> String {
    let Notification { version, event, title, .. } = notification;
    // A few of APIv2 are posted as JSON; those name their event.
    let is_json = notification.body.iter().any(|field| field.name == "event_type");
    let place = if is_json { "body" } else { "xml" };
    let body = if *version == ApiVersion::V2 { &notification.body[..] } else { &[] };
    let roots = [("Body", all_in(place, body)), ("Resource", all_in(place, &notification.resource))];
    let types = Types::with_roots(roots.into_iter().filter(|(_, fields)| !fields.is_empty()).collect());
    let mut text = header(&format!("catalog/notifications/{version}/{event}.api"));
    let mut doc = format!("{} · `{event}`", plain(title));
    doc.push_str(&links(&notification.docs, event));
    text.push_str(&lines(&doc, "//!"));
    text.push('\n');
    text.push_str(&module(&types, *version, title, &[title]));
    if *version == ApiVersion::V3 {
        let events: Vec<String> =
            std::iter::once(event).chain(&notification.sent_as).map(|event| format!("{event:?}")).collect();
        text.push_str(&format!(
            "\n/// The values of `event_type` that it comes with.\npub const EVENT_TYPES: &[&str] = &[{}];\n",
            events.join(", ")
        ));
    }
    text
}

fn module(types: &Types, version: ApiVersion, title: &str, titles: &[&str]) -> String {
    let shared = format!("crate::notification::events::{version}::shared");
    let module = Module {
        types,
        shared: Some(&shared),
        level: 0,
        root_doc: &|name| {
            let what = match name {
                "Envelope" => return Some("The posted body, before its resource is decrypted.".to_owned()),
                "Resource" => "the decrypted resource",
                "Body" => "the posted body",
                _ => return None,
            };
            Some(format!("{}: {what}.", plain(title)))
        },
        titles,
    };
    module.text()
}

fn all_in<'a>(place: &'static str, fields: &'a [Field]) -> Vec<(&'static str, &'a Field)> {
    fields.iter().map(|field| (place, field)).collect()
}
