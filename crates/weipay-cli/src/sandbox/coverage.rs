//! `weipay sandbox coverage`: which operations have state, and which only return examples.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use weipay_catalog::Catalog;
use weipay_sandbox::Behaviour;

use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Coverage {
    /// Only operations of this kind.
    #[arg(long, value_name = "KIND", value_parser = ["state", "example", "none"])]
    only: Option<String>,
}

pub(super) fn run(arguments: &Coverage) -> Outcome {
    print(&table(arguments.only.as_deref()))
}

/// A table of the operations that the sandbox implements, and of those for which it only returns an example.
fn table(only: Option<&str>) -> String {
    let mut counts = BTreeMap::new();
    let mut text = String::new();
    let mut rows: Vec<_> = Catalog::embedded()
        .operations()
        .map(|operation| (Behaviour::from_operation(operation), operation))
        .collect();
    // Operations with state come first; otherwise the order of the catalogue is kept.
    rows.sort_by_key(|(behaviour, _)| *behaviour);
    for (behaviour, operation) in rows {
        *counts.entry(behaviour).or_insert(0) += 1;
        if only.is_none_or(|only| only == behaviour.word()) {
            // Writing to a String cannot fail.
            let word = behaviour.word();
            let _ =
                writeln!(text, "{word:<7}  {:<6}  {}  {}", operation.method, operation.path, operation.title);
        }
    }
    let count = |behaviour| counts.get(&behaviour).copied().unwrap_or_default();
    let _ = write!(
        text,
        "\n{} operations have state, {} return an example and do nothing, {} (pages and uploads of APIv2) are not available\n",
        count(Behaviour::State),
        count(Behaviour::Example),
        count(Behaviour::None),
    );
    text
}
