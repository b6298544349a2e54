//! `weipay api list`: operations or notifications by product, method, version and words.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::json;
use weipay_catalog::{Catalog, Notification, Operation};

use crate::api::print;
use crate::arguments;
use crate::exit;

pub(super) fn run(arguments: &arguments::List) -> ExitCode {
    let rows = rows(arguments);
    if rows.is_empty() {
        let kind = if arguments.notifications { "notification" } else { "operation" };
        return exit::with(exit::FAILED, &format!("no {kind} has all of that; fewer words find more"));
    }
    print(&if arguments.json { lines_of_json(&rows) } else { aligned(&rows) })
}

/// What a line is made of.
struct Row {
    kind: &'static str,
    /// The path; of a notification, version and event.
    name: String,
    title: &'static str,
    group: &'static str,
    docs: &'static [&'static str],
}

fn rows(arguments: &arguments::List) -> Vec<Row> {
    let catalog = Catalog::embedded();
    let version = arguments.api.map(arguments::Version::name);
    let words: Vec<String> =
        arguments.text.iter().flat_map(|text| text.split_whitespace()).map(str::to_lowercase).collect();
    let rows: Vec<Row> = if arguments.notifications {
        catalog.notifications().map(of_notification).collect()
    } else {
        let method = arguments.method.as_ref();
        catalog
            .operations()
            .filter(|operation| method.is_none_or(|method| method == operation.method))
            .filter(|operation| {
                arguments.product.as_deref().is_none_or(|product| is_below(operation.path, product))
            })
            .map(of_operation)
            .collect()
    };
    rows.into_iter()
        .filter(|row| version.is_none_or(|version| row.name.starts_with(version)))
        .filter(|row| words.iter().all(|word| row.has(word)))
        .collect()
}

fn of_operation(operation: &'static Operation) -> Row {
    Row {
        kind: operation.method,
        name: operation.path.to_owned(),
        title: operation.title,
        group: operation.group,
        docs: &operation.docs,
    }
}

fn of_notification(notification: &'static Notification) -> Row {
    Row {
        kind: "NOTIFY",
        name: format!("{} {}", notification.version, notification.event),
        title: notification.title,
        group: "",
        docs: &notification.docs,
    }
}

impl Row {
    fn has(&self, word: &str) -> bool {
        let texts = [self.name.as_str(), self.title, self.group];
        texts.into_iter().chain(self.docs.iter().copied()).any(|text| text.to_lowercase().contains(word))
    }
}

/// Whether the path begins with these segments, the version before them or not.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_matches('/');
    let below = |path: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    below(path) || path.split_once('/').is_some_and(|(_, path)| below(path))
}

/// Titles come last, so that only ASCII must be aligned.
fn aligned(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Row { kind, name, title, .. } in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{kind:<6}  {name:<width$}  {title}");
    }
    text
}

fn lines_of_json(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { kind, name, title, group, docs } in rows {
        let line = match name.split_once(' ') {
            Some((version, event)) => {
                json!({"version": version, "event": event, "title": title, "docs": docs})
            }
            None => json!({"method": kind, "path": name, "title": title, "group": group, "docs": docs}),
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_whole_segments_with_or_without_the_version() {
        for prefix in ["marketing", "/marketing/", "marketing/busifavor", "v3/marketing"] {
            assert!(is_below("v3/marketing/busifavor/stocks", prefix), "{prefix}");
        }
        for prefix in ["market", "busifavor", "v2/marketing", "marketing/busifavor/stocks/{stock_id}"] {
            assert!(!is_below("v3/marketing/busifavor/stocks", prefix), "{prefix}");
        }
    }
}
