//! `weipay api list`: operations or notifications by product, method, version and words.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::Args;
use serde_json::json;
use weipay_catalog::{Catalog, Notification, Operation};

use super::ApiVersion;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::nearest::{closeness, nearest};
use crate::output::print;

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 something was found, 1 nothing was found, 2 a wrong command line.")]
pub(crate) struct List {
    /// Search words, Chinese or English. Each must occur in the title, product, path or document number. URLs work too.
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Only this product: its official name, such as 商家券, or the beginning of its paths, such as marketing/busifavor.
    #[arg(long, value_name = "PRODUCT", conflicts_with = "notifications")]
    product: Option<String>,
    /// Only this method.
    #[arg(long, value_parser = values::method, conflicts_with = "notifications")]
    method: Option<http::Method>,
    /// Only this version of the API.
    #[arg(long, value_enum)]
    api: Option<ApiVersion>,
    /// List notifications (回调通知) instead of operations.
    #[arg(long)]
    notifications: bool,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &List) -> Outcome {
    let rows = rows(arguments);
    if rows.is_empty() {
        if let Some(product) = arguments.product.as_deref().filter(|product| !is_known(product)) {
            return Err(Failure::failed(no_product(product)));
        }
        let kind = if arguments.notifications { "notification" } else { "operation" };
        return Err(Failure::failed(format!("no {kind} matches all of this; try fewer words or options")));
    }
    print(&if arguments.json { lines_of_json(&rows) } else { aligned(&rows) })
}

/// A line of the list.
struct Row {
    version: weipay_catalog::ApiVersion,
    kind: &'static str,
    /// The path; of a notification, version and event.
    name: String,
    title: &'static str,
    group: &'static str,
    docs: &'static [&'static str],
}

fn rows(arguments: &List) -> Vec<Row> {
    let catalog = Catalog::embedded();
    let version = arguments.api.map(weipay_catalog::ApiVersion::from);
    let words = words(&arguments.text);
    let rows: Vec<Row> = if arguments.notifications {
        catalog.notifications().map(Row::from).collect()
    } else {
        let method = arguments.method.as_ref();
        catalog
            .operations()
            .filter(|operation| method.is_none_or(|method| method == operation.method))
            .filter(|operation| {
                arguments
                    .product
                    .as_deref()
                    .is_none_or(|product| is_in_product(operation.path, operation.group, product))
            })
            .map(Row::from)
            .collect()
    };
    rows.into_iter()
        .filter(|row| version.is_none_or(|version| row.version == version))
        .filter(|row| words.iter().all(|word| row.has(word)))
        .collect()
}

impl From<&'static Operation> for Row {
    fn from(operation: &'static Operation) -> Self {
        Self {
            version: operation.version(),
            kind: operation.method,
            name: operation.path.to_owned(),
            title: operation.title,
            group: operation.group,
            docs: &operation.docs,
        }
    }
}

impl From<&'static Notification> for Row {
    fn from(notification: &'static Notification) -> Self {
        Self {
            version: notification.version,
            kind: "NOTIFY",
            name: format!("{} {}", notification.version, notification.event),
            title: notification.title,
            group: "",
            docs: &notification.docs,
        }
    }
}

impl Row {
    fn has(&self, word: &str) -> bool {
        let texts = [self.name.as_str(), self.title, self.group];
        texts.into_iter().chain(self.docs.iter().copied()).any(|text| text.to_lowercase().contains(word))
    }
}

/// The words to search for.
pub(crate) fn words(texts: &[String]) -> Vec<String> {
    texts.iter().flat_map(|text| text.split_whitespace()).map(word).collect()
}

/// Whether each word occurs in the title, product, path or document number of an operation.
pub(crate) fn has_words(operation: &'static Operation, words: &[String]) -> bool {
    let row = Row::from(operation);
    words.iter().all(|word| row.has(word))
}

/// A word to search for. Of an address it is the path, since rows have paths; `weipay api show` prints both.
fn word(text: &str) -> String {
    let text = text.to_lowercase();
    let Some((_, address)) = text.split_once("://") else { return text.trim_start_matches('/').to_owned() };
    let path = address.split_once('/').map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path.strip_prefix("doc/").unwrap_or(path).to_owned()
}

/// Whether an operation is of this product: a beginning of its path, or its label.
fn is_in_product(path: &str, group: &str, product: &str) -> bool {
    is_below(path, product) || group == product
}

fn is_known(product: &str) -> bool {
    Catalog::embedded().operations().any(|operation| is_in_product(operation.path, operation.group, product))
}

/// Says so, and suggests the nearest names.
fn no_product(product: &str) -> String {
    let operations = Catalog::embedded().operations();
    let names: BTreeSet<&str> = operations
        .flat_map(|operation| [operation.path.split('/').nth(1).unwrap_or_default(), operation.group])
        .filter(|name| !name.is_empty())
        .collect();
    match &nearest(names.into_iter().map(|name| (closeness(product, name), name)))[..] {
        [] => format!("no product is named {product}; `weipay api list {product}` searches by words"),
        near => format!("no product is named {product}; similar names are {}", near.join(", ")),
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
    for Row { kind, name, title, group, docs, .. } in rows {
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
