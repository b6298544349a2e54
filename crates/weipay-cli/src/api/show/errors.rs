//! The error codes of an operation as a table: its own first, then those of every operation of the version.

use weipay_catalog::{ErrorCode, Operation};

use super::page::{Page, padded, width, wrapped};
use crate::output::{BOLD, DIM};

const STATUS: &str = "HTTP";
const CODE: &str = "错误码 code";
const ADVICE: &str = "建议 advice";
const MEANING: &str = "含义 meaning";

/// The least width of the last column. Where there is less, the meaning is below its code, indented by so much.
const MIN_LAST_COLUMN: usize = 30;
const INDENT_BELOW: usize = 8;

pub(super) fn error_codes(operation: &Operation, page: &mut Page) {
    let codes: Vec<&ErrorCode> = operation.error_codes().collect();
    if codes.is_empty() {
        return;
    }
    page.heading("错误码", "error codes that are known; the platform adds more without notice");
    table_of(&codes, page);
}

/// Codes with status, advice and meaning.
pub(super) fn table_of(codes: &[&ErrorCode], page: &mut Page) {
    let widest = |text: fn(&ErrorCode) -> usize, least: &str| {
        codes.iter().map(|code| text(code)).max().unwrap_or_default().max(width(least))
    };
    let columns = [
        width(STATUS),
        widest(|known| known.code.len(), CODE),
        widest(|known| known.advice.word().len(), ADVICE),
    ];
    let left = columns.iter().map(|columns| columns + 2).sum::<usize>() + 2;
    let beside = page.width.checked_sub(left).filter(|rest| *rest >= MIN_LAST_COLUMN);
    let row = |texts: [&str; 3]| {
        texts.iter().zip(columns).map(|(text, columns)| padded(text, columns)).collect::<Vec<_>>().join("  ")
    };
    page.line(format_args!("  {DIM}{}  {MEANING}{DIM:#}", row([STATUS, CODE, ADVICE])));
    for known in codes {
        let status = known.status.map(|status| status.to_string()).unwrap_or_default();
        let cells = row([&status, known.code, known.advice.word()]);
        let (status, others) = cells.split_at(width(STATUS) + 2);
        let (code, others) = others.split_at(known.code.len());
        let cells = format!("  {status}{BOLD}{code}{BOLD:#}{others}");
        let indent = " ".repeat(if beside.is_some() { left } else { INDENT_BELOW });
        let mut words = wrapped(&words(known), beside.unwrap_or(page.width - INDENT_BELOW)).into_iter();
        let first = beside.and_then(|_| words.next()).unwrap_or_default();
        page.line(format!("{cells}  {first}").trim_end());
        for more in words.filter(|more| !more.is_empty()) {
            page.line(format_args!("{indent}{more}"));
        }
    }
}

fn words(known: &ErrorCode) -> String {
    let mut words = known.meaning.to_owned();
    if !known.message.is_empty() {
        words.push_str(&format!("; {}", known.message));
    }
    if known.is_unconfirmed() {
        words.push_str(&format!(" (UNCONFIRMED: {})", known.source.reason));
    }
    words
}
