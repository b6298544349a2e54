//! Checks lists of values: one that several descriptions of a product write out to the letter must be shared by name, since
//! the SDK would otherwise have a type for each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Linter, Place};
use crate::field::{Field, Kind};
use crate::parse::Heading;

/// The lists of values of a catalogue's products.
#[derive(Debug, Default)]
pub(super) struct ValueLists(BTreeMap<ListKey, Uses>);

/// A list that would be the same type: the product, the name of the field, and the values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ListKey {
    product: String,
    field: &'static str,
    values: Vec<&'static str>,
}

/// How the fields of a product have a list.
#[derive(Debug, Default)]
struct Uses {
    /// The name, where it is shared.
    shared: Option<&'static str>,
    /// The descriptions that write it out, each with the first line that does.
    written_out: BTreeMap<Heading, usize>,
}

impl ValueLists {
    /// Adds the lists of these fields and of those inside them. `described` is what describes the fields.
    fn add(&mut self, product: &str, described: Heading, fields: &[Field]) {
        for field in fields {
            if field.kind == Kind::String && !field.can_have_members() && !field.values.is_empty() {
                let key =
                    ListKey { product: product.to_owned(), field: field.name, values: field.values.clone() };
                let uses = self.0.entry(key).or_default();
                match field.shared {
                    Some(name) => uses.shared = Some(name),
                    None => {
                        uses.written_out.entry(described).or_insert(field.line);
                    }
                }
            }
            let inside = field.shared.filter(|_| field.can_have_members()).map_or(described, Heading::Object);
            self.add(product, inside, &field.fields);
        }
    }
}

impl Linter {
    /// Collects the lists in a place of an operation or a notification.
    pub(super) fn collect_lists(&mut self, described: Heading, fields: &[Field]) {
        self.lists.add(&product(described), described, fields);
    }

    pub(super) fn check_lists(&mut self) {
        let mut reported = BTreeSet::new();
        for (key, uses) in std::mem::take(&mut self.lists).0 {
            let mut written_out = uses.written_out.into_iter();
            let problem = match uses.shared {
                Some(name) => format!("`{}` lists the values of <{name}>: write <{name}> instead", key.field),
                None => {
                    let Some((first, line)) = written_out.next() else { continue };
                    let Some((file, line)) = self.position(first, line) else { continue };
                    let place = format!("{}:{line}", file.display());
                    format!(
                        "`{}` lists the same values as in {place}: share them by name in values/{}.api, or under a name that says more",
                        key.field, key.field
                    )
                }
            };
            for (described, line) in written_out {
                // A shared object may be in several products.
                if reported.insert((described, line))
                    && let Some((file, line)) = self.position(described, line)
                {
                    self.report(Place { file: &file, first: line, text: "" }, 1, problem.clone());
                }
            }
        }
    }

    /// The file of a description, and a line in it that is counted from its heading.
    fn position(&self, described: Heading, line: usize) -> Option<(std::path::PathBuf, usize)> {
        self.headings.get(&described).map(|(file, first)| (file.clone(), first + line - 1))
    }
}

/// What has its own shared types in the SDK: `v3/pay`, or all notifications of a version.
fn product(described: Heading) -> String {
    let place = described.place();
    place.split('/').take(2).collect::<Vec<_>>().join("/")
}
