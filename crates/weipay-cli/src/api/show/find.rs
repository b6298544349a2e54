//! What is shown for a path or an event: the operations or notifications that it names, or a suggestion.

use std::borrow::Cow;

use weipay_catalog::operation::placeholder;
use weipay_catalog::{Catalog, Notification, Operation};

use super::command_line::quoted_word;
use crate::nearest::{closeness, nearest};

#[derive(Debug)]
pub(super) enum Found {
    Operation(&'static Operation),
    Notification(&'static Notification),
}

/// Everything that the text means, or a sentence why nothing is shown.
pub(super) fn find(text: &str, method: Option<&http::Method>) -> Result<Vec<Found>, String> {
    let catalog = Catalog::embedded();
    let events: Vec<Found> = catalog
        .notification_headings()
        .filter(|(_, event)| event.eq_ignore_ascii_case(text))
        .filter_map(|(version, event)| catalog.notification(version, event).map(Found::Notification))
        .collect();
    if !events.is_empty() {
        return Ok(events);
    }
    let path = path_of(text);
    let mut operations = catalog.all_at(&path);
    if operations.is_empty() {
        operations = catalog.all_at(&with_other_end(&path));
    }
    if operations.is_empty() {
        return Err(unknown(text, &path));
    }
    let Some(method) = method else { return Ok(operations.into_iter().map(Found::Operation).collect()) };
    let wanted: Vec<Found> = operations
        .iter()
        .filter(|operation| method == operation.method)
        .map(|operation| Found::Operation(operation))
        .collect();
    if wanted.is_empty() {
        let methods: Vec<&str> = operations.iter().map(|operation| operation.method).collect();
        return Err(format!("{path} has no {method}: it has {}", methods.join(", ")));
    }
    Ok(wanted)
}

/// The path in a path or URL, from the version on.
pub(super) fn path_of(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let path =
        text.split_once("://").map_or(text, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.trim_start_matches('/');
    // Hosts of other regions have something before the version.
    let segments: Vec<&str> = path.split('/').collect();
    match segments.iter().position(|segment| ["v3", "v2"].contains(segment)) {
        Some(at) => segments[at..].join("/"),
        // The addresses of APIv2 have no version.
        None => format!("v2/{path}"),
    }
}

/// The operation with the values of a concrete path as the examples of its placeholders.
pub(super) fn with_ids_of(mut operation: Operation, path: &str) -> Operation {
    for (known, given) in operation.path.split('/').zip(path.split('/')) {
        let Some(name) = placeholder(known).filter(|_| placeholder(given).is_none()) else { continue };
        if let Some(field) = operation.request.path.iter_mut().find(|field| field.name == name) {
            field.example = Some(Cow::Owned(given.to_owned()));
        }
    }
    operation
}

/// The path with a slash at its end where it has none, and without where it has one: the page shows what is right.
fn with_other_end(path: &str) -> String {
    path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned)
}

fn unknown(text: &str, path: &str) -> String {
    let catalog = Catalog::embedded();
    let events = catalog.notification_headings().map(|(_, event)| event);
    let event = text.to_uppercase();
    let paths = catalog.headings().map(|(_, known)| (closeness(path, known), known));
    let names = nearest(paths.chain(events.map(|known| (closeness(&event, known), known))));
    let names: Vec<String> = names.iter().map(|name| format!("\n  weipay api show '{name}'")).collect();
    let by_words = if text.trim_matches('/').is_empty() { "TEXT".to_owned() } else { quoted_word(text) };
    let near = if names.is_empty() { String::new() } else { format!("Did you mean{}\n", names.concat()) };
    format!(
        "there is no operation, notification or error code named {text:?}. {near}`weipay api list {by_words}` searches by words"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let name = |found: Found| match found {
            Found::Operation(operation) => format!("{} {}", operation.method, operation.path),
            Found::Notification(notification) => notification.event.to_owned(),
        };
        find(text, None).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn an_operation_is_found_by_every_spelling_of_its_path() {
        for text in [
            "v3/refund/domestic/refunds/{out_refund_no}",
            "/v3/refund/domestic/refunds/1217752501201407033233368018",
            "https://api.mch.weixin.qq.com/v3/refund/domestic/refunds/12177525?sub_mchid=1900000109",
        ] {
            assert_eq!(found(text), ["GET v3/refund/domestic/refunds/{out_refund_no}"], "{text}");
        }
        assert_eq!(found("https://apihk.mch.weixin.qq.com/hk/v3/statements"), ["GET v3/statements"]);
        assert_eq!(found("https://api.mch.weixin.qq.com/pay/micropay"), ["POST v2/pay/micropay"]);
    }

    #[test]
    fn a_slash_at_the_end_is_forgiven_and_shown_as_it_is_right() {
        for text in [
            "v3/applyment4sub/applyment/",
            "v3/applyment4sub/applyment",
            "https://api.mch.weixin.qq.com/v3/applyment4sub/applyment/",
        ] {
            assert_eq!(found(text), ["POST v3/applyment4sub/applyment/"], "{text}");
        }
        assert_eq!(found("v3/pay/transactions/native/"), ["POST v3/pay/transactions/native"]);
        assert_eq!(found("v3/marketing/busifavor/stocks/"), ["POST v3/marketing/busifavor/stocks"]);
    }

    #[test]
    fn a_path_shows_all_its_methods_unless_one_is_named() {
        let stock = "v3/marketing/busifavor/stocks/{stock_id}";
        assert_eq!(found(stock).len(), 2);
        assert_eq!(find(stock, Some(&http::Method::PATCH)).unwrap().len(), 1);
        assert!(find(stock, Some(&http::Method::PUT)).unwrap_err().contains("GET, PATCH"));
    }

    #[test]
    fn a_notification_is_found_by_its_event() {
        assert_eq!(found("refund.success"), ["REFUND.SUCCESS"]);
    }

    #[test]
    fn a_mistyped_path_or_event_gets_the_one_that_is_meant() {
        let suggested = |text: &str| find(text, None).unwrap_err();
        assert!(suggested("v3/pay/transaction/jsapi").contains("v3/pay/transactions/jsapi"));
        assert!(
            suggested("v3/marketing/busifavor/coupon/send").contains("v3/marketing/busifavor/coupons/send")
        );
        assert!(suggested("REFUND.SUCESS").contains("REFUND.SUCCESS"));
        assert_eq!(
            suggested("退款"),
            "there is no operation, notification or error code named \"退款\". `weipay api list 退款` searches by words"
        );
        assert_eq!(
            suggested("/"),
            "there is no operation, notification or error code named \"/\". `weipay api list TEXT` searches by words"
        );
    }

    #[test]
    fn an_id_in_the_path_is_the_sample_of_its_placeholder() {
        let path = "v3/marketing/busifavor/users/{openid}/coupons";
        let operation = Catalog::embedded().find("GET", path).unwrap();
        let example = |asked: &str| with_ids_of(operation.clone(), asked).request.path[0].example.clone();
        assert_eq!(example("v3/marketing/busifavor/users/oABC/coupons").as_deref(), Some("oABC"));
        assert_eq!(example(path), operation.request.path[0].example);
        assert_eq!(example("v3/marketing/busifavor/users/{x}/coupons"), operation.request.path[0].example);
    }
}
