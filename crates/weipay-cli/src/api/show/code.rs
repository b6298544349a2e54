//! An error code (错误码): what it means, and of which operations it is known.

use serde_json::{Value, json};
use weipay_catalog::{Catalog, ErrorCode, Operation};

use super::errors::table_of;
use super::page::Page;
use crate::output::BOLD;

/// So many operations are named.
const MAX_NAMED: usize = 8;

/// A meaning of a code, with the operations that have it.
pub(super) struct Meaning {
    known: &'static ErrorCode,
    operations: Vec<&'static Operation>,
}

/// What a code means, by the operations that have it; nothing if none has.
pub(super) fn find(text: &str) -> Vec<Meaning> {
    let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let mut meanings: Vec<Meaning> = Vec::new();
    for operation in Catalog::embedded().operations().filter(|_| is_one) {
        for known in operation.error_codes().filter(|known| known.code.eq_ignore_ascii_case(text)) {
            match meanings.iter_mut().find(|meaning| is_same(meaning.known, known)) {
                Some(meaning)
                    if meaning.operations.last().is_some_and(|last| std::ptr::eq(*last, operation)) => {}
                Some(meaning) => meaning.operations.push(operation),
                None => meanings.push(Meaning { known, operations: vec![operation] }),
            }
        }
    }
    // What most operations mean by it comes first.
    meanings.sort_by_key(|meaning| std::cmp::Reverse(meaning.operations.len()));
    meanings
}

/// Whether two rows say the same of a code.
fn is_same(one: &ErrorCode, other: &ErrorCode) -> bool {
    let said = |known: &ErrorCode| (known.status, known.code, known.advice, known.meaning, known.message);
    said(one) == said(other)
}

pub(super) fn show(meanings: &[Meaning], page: &mut Page) {
    for (index, meaning) in meanings.iter().enumerate() {
        if index == 0 {
            page.line(format_args!("{BOLD}{}{BOLD:#}", meaning.known.code));
        }
        let count = meaning.operations.len();
        let of = if count == 1 { "of one operation" } else { &format!("of {count} operations") };
        page.heading("错误码", of);
        table_of(&[meaning.known], page);
        for operation in meaning.operations.iter().take(MAX_NAMED) {
            page.line(format_args!("    {} {}  {}", operation.method, operation.path, operation.title));
        }
        if count > MAX_NAMED {
            page.line("    ... all of them: --json");
        }
    }
    if let [first, ..] = meanings {
        page.blank();
        page.line(format_args!("{BOLD}Rust{BOLD:#}"));
        let code = first.known.code;
        page.code(&format!("error.code() == Some(weipay::error_code::{code})"));
        page.code("error.meaning(), error.advice() // of the operation that was called");
        if code == "SIGN_ERROR" {
            page.code("error.sign_difference() // which line of the signed message (验签串) differs");
        }
    }
}

/// A line of JSON for each meaning.
pub(super) fn exported(meaning: &Meaning) -> Value {
    let Meaning { known, operations } = meaning;
    let operations: Vec<String> =
        operations.iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect();
    json!({
        "code": known.code,
        "status": known.status,
        "advice": known.advice.word(),
        "meaning": known.meaning,
        "message": known.message,
        "operations": operations,
    })
}
