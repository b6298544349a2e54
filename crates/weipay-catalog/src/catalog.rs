//! All operations, embedded in the program and parsed when first asked for.
//!
//! Start-up must cost nothing: only headings are read to find an operation, and an operation's text is parsed once, when
//! somebody wants it.

use std::sync::{LazyLock, OnceLock};

use crate::operation::Operation;
use crate::parse;
use crate::route::{End, Routed, Router, Unrouted};

static EMBEDDED: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::of_text(include_str!(concat!(env!("OUT_DIR"), "/catalog.txt"))));

/// The operations of the API.
#[derive(Debug, Default)]
pub struct Catalog {
    entries: Vec<Entry>,
    router: Router,
}

#[derive(Debug)]
struct Entry {
    method: &'static str,
    path: &'static str,
    text: &'static str,
    parsed: OnceLock<Operation>,
}

impl Entry {
    fn operation(&self) -> &Operation {
        // A test parses every embedded file, so that nothing here can fail in a released build.
        self.parsed.get_or_init(|| {
            parse::operation(self.text)
                .unwrap_or_else(|error| unreachable!("{} {}: {error}", self.method, self.path))
        })
    }
}

impl Catalog {
    /// The catalogue that this program was built with.
    pub fn embedded() -> &'static Catalog {
        &EMBEDDED
    }

    fn of_text(text: &'static str) -> Catalog {
        let mut catalog = Catalog::default();
        for (_, text) in parse::sections(text) {
            let Some((method, path)) = text.lines().next().and_then(parse::heading) else { continue };
            catalog.router.insert(path, catalog.entries.len());
            catalog.entries.push(Entry { method, path, text, parsed: OnceLock::new() });
        }
        catalog
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every operation, sorted by path.
    pub fn operations(&'static self) -> impl Iterator<Item = &'static Operation> {
        self.entries.iter().map(Entry::operation)
    }

    /// Method and path of every operation, without parsing any.
    pub fn headings(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.entries.iter().map(|entry| (entry.method, entry.path))
    }

    /// The operation with this method and this path template, such as `v3/.../stocks/{stock_id}`.
    pub fn find(&'static self, method: &str, template: &str) -> Option<&'static Operation> {
        let template = template.strip_prefix('/').unwrap_or(template);
        self.entries
            .iter()
            .find(|entry| entry.method == method && entry.path == template)
            .map(Entry::operation)
    }

    /// The operation that a concrete request line belongs to; `path` is without the query.
    pub fn route(&'static self, method: &str, path: &str) -> Result<Routed, Unrouted> {
        let mut others = Vec::new();
        for End { operations, path_values } in self.router.ends(path) {
            for index in operations {
                let entry = &self.entries[index];
                if entry.method == method {
                    return Ok(Routed { operation: entry.operation(), path_values });
                }
                others.push(entry.method);
            }
        }
        Err(if others.is_empty() { Unrouted::UnknownPath } else { Unrouted::OtherMethod(others) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_operation_parses_and_is_found_by_its_own_path() {
        let catalog = Catalog::embedded();
        assert!(!catalog.is_empty());
        for operation in catalog.operations() {
            let found = catalog.find(operation.method, operation.path).unwrap();
            assert_eq!(found.path, operation.path);
        }
    }

    #[test]
    fn a_literal_segment_wins_over_a_placeholder() {
        let catalog = Catalog::embedded();
        let send = catalog.route("POST", "/v3/marketing/busifavor/coupons/send").unwrap();
        assert_eq!(send.operation.path, "v3/marketing/busifavor/coupons/send");
        let card = catalog.route("POST", "/v3/marketing/busifavor/coupons/send/send").unwrap();
        assert_eq!(card.operation.path, "v3/marketing/busifavor/coupons/{card_id}/send");
        assert_eq!(card.path_values, [("card_id", "send".to_owned())]);
    }

    #[test]
    fn an_unknown_path_and_a_wrong_method_are_told_apart() {
        let catalog = Catalog::embedded();
        assert_eq!(catalog.route("POST", "/v3/no/such/path").unwrap_err(), Unrouted::UnknownPath);
        assert_eq!(
            catalog.route("GET", "/v3/marketing/busifavor/coupons/send").unwrap_err(),
            Unrouted::OtherMethod(vec!["POST"])
        );
        assert!(catalog.route("GET", "/v3/marketing/busifavor/stocks/").is_err());
    }
}
