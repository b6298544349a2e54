//! The error codes of an operation as a table, on its verb. Those of every operation of the version are not repeated.

use weipay_catalog::{ErrorCode, Operation, names};

use super::plain;
use crate::errors::{meaning, stated};

/// The table as a paragraph; empty if the catalogue knows no code that only this operation has.
pub(super) fn table(operation: &Operation) -> String {
    let rows: String = stated(operation).flat_map(|list| &list.codes).map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n\nError codes (错误码), with the [advice](crate::error::Advice):\n\n| HTTP | code | meaning | advice |\n|---|---|---|---|{rows}"
    )
}

fn row(known: &ErrorCode) -> String {
    let status = known.status.map(|status| status.to_string()).unwrap_or_default();
    let message =
        if known.message.is_empty() { String::new() } else { format!(" ({})", plain(known.message)) };
    let unconfirmed = if known.is_unconfirmed() { " UNCONFIRMED" } else { "" };
    format!(
        "\n| {status} | `{}` | {}{message}{unconfirmed} | `{}` |",
        known.code,
        meaning(known.meaning),
        names::camel(known.advice.word())
    )
}
