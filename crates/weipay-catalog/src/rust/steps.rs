//! The way to an operation in the pure chain, segment by segment, and the module of its types.

use std::collections::{BTreeMap, BTreeSet};

use crate::names;
use crate::operation::{Operation, placeholder};

/// The names of all steps. The name of a segment depends on the segments beside it, so they are made of all paths.
#[derive(Debug)]
pub struct StepNames {
    /// By the path down to the segment.
    names: BTreeMap<String, String>,
}

/// A segment of the path of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// The name of its method and module.
    pub name: &'a str,
    /// The placeholder whose value the method takes.
    pub placeholder: Option<&'static str>,
}

impl StepNames {
    /// The names of all steps of these paths.
    #[must_use]
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut below: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for path in paths {
            let mut above = String::new();
            for segment in segments(path) {
                below.entry(above.clone()).or_default().insert(segment);
                above = joined(&above, segment);
            }
        }
        let mut names = BTreeMap::new();
        for (above, segments) in below {
            let named = names::steps(segments.into_iter());
            names.extend(named.into_iter().map(|(name, segment)| (joined(&above, segment), name)));
        }
        Self { names }
    }

    /// The steps to an operation, the version first.
    #[must_use]
    pub fn steps(&self, operation: &Operation) -> Vec<Step<'_>> {
        let mut at = String::new();
        let step = |segment| {
            at = joined(&at, segment);
            let name = self.names.get(&at).map_or("", String::as_str);
            Step { name, placeholder: placeholder(segment) }
        };
        segments(operation.path).map(step).collect()
    }

    /// The module of the operation's types, such as `v3::marketing::busifavor::stocks::post`.
    #[must_use]
    pub fn module(&self, operation: &Operation) -> String {
        let steps = self.steps(operation).into_iter().map(|step| format!("{}::", step.name));
        steps.collect::<String>() + &names::verb(operation)
    }
}

/// A slash at the end adds no step.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_end_matches('/').split('/')
}

fn joined(above: &str, segment: &str) -> String {
    if above.is_empty() { segment.to_owned() } else { format!("{above}/{segment}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    #[test]
    fn an_operation_is_reached_by_the_names_of_its_segments() {
        let catalog = Catalog::embedded();
        let names = StepNames::new(catalog.headings().map(|(_, path)| path));
        let module = |method: &str, path: &str| names.module(catalog.find(method, path).unwrap());
        assert_eq!(module("POST", "v3/applyment4sub/applyment/"), "v3::applyment4sub::applyment::post");
        assert_eq!(
            module("GET", "v3/marketing/busifavor/stocks/{stock_id}"),
            "v3::marketing::busifavor::stocks::stock_id::get"
        );
    }
}
