//! `weipay sandbox coverage`: which operations the sandbox carries out, and of which it only shows a response.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use weipay_catalog::Catalog;
use weipay_sandbox::Behaviour;

use crate::api;

pub(super) fn run(only: Option<&str>) -> ExitCode {
    let mut counts = BTreeMap::new();
    let mut text = String::new();
    let mut rows: Vec<_> = Catalog::embedded()
        .operations()
        .map(|operation| (Behaviour::from_operation(operation), operation))
        .collect();
    // What is kept comes first; the order of the catalogue stays within.
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
        "\n{} operations have state, {} answer an example and do nothing, {} (APIv2) are not served\n",
        count(Behaviour::State),
        count(Behaviour::Example),
        count(Behaviour::None),
    );
    api::print(&text)
}
