//! `weipay sandbox coverage`: which operations have state, and which only return examples.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use weipay_catalog::Catalog;
use weipay_sandbox::Behaviour;

use crate::api::list::{has_words, words};
use crate::failure::{Failure, Outcome};
use crate::output::print;

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 something was found, 1 nothing was found, 2 a wrong command line.")]
pub(crate) struct Coverage {
    /// Search words, Chinese or English, as in weipay api list: each must occur in the title, product, path or document number.
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Only operations of this kind.
    #[arg(long, value_name = "KIND", value_parser = ["state", "example", "none"])]
    only: Option<String>,
}

pub(super) fn run(arguments: &Coverage) -> Outcome {
    let table = table(arguments.only.as_deref(), &words(&arguments.text));
    print(
        &table
            .ok_or_else(|| Failure::failed("no operation matches all of this; try fewer words or options"))?,
    )
}

/// A table of the operations that the sandbox implements, and of those for which it only returns an example; `None`
/// when it is empty.
fn table(only: Option<&str>, words: &[String]) -> Option<String> {
    let mut counts = BTreeMap::new();
    let mut text = String::new();
    let mut rows: Vec<_> = Catalog::embedded()
        .operations()
        .filter(|operation| has_words(operation, words))
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
    if text.is_empty() {
        return None;
    }
    let count = |behaviour| counts.get(&behaviour).copied().unwrap_or_default();
    let _ = write!(
        text,
        "\noperations with state: {}; with an example that does nothing: {}; not available (pages and uploads of APIv2): {}\n",
        count(Behaviour::State),
        count(Behaviour::Example),
        count(Behaviour::None),
    );
    Some(text)
}
