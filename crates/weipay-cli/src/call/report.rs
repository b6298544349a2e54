//! The messages of `weipay call` on standard error: why a call failed, and that a response is an example.

use std::fmt::Write as _;

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use weipay::download::Downloaded;
use weipay::error::{ErrorKind, RequestError};
use weipay::{Error, Operation, Response};
use weipay_sandbox::{ANSWER_HEADER, Behaviour, REASON_HEADER, decode_reason};

use crate::output::note;

/// Warns that a response is an example: it must not be mistaken for something that happened.
pub(super) fn warn_of_example(headers: &HeaderMap) {
    let is_example = headers.get(ANSWER_HEADER).is_some_and(|origin| origin == Behaviour::Example.word());
    if is_example {
        note("this is an example: the sandbox does not implement this operation, so nothing happened");
    }
}

/// A few files have no digest, bills of APIv2 among them.
pub(super) fn warn_of_unproven(file: &Downloaded) {
    if !file.is_verified() {
        note("the platform provides no digest of this file, so only TLS verifies where it comes from");
    }
}

/// A few operations have responses without a signature, red packets among them.
pub(super) fn warn_of_unsigned(response: &Response<Value>) {
    if !response.is_verified() {
        note("the platform does not sign this response, so only TLS verifies where it comes from");
    }
}

/// A 202 (处理中) is neither a success nor a refusal, but for the few operations whose success it is.
pub(super) fn warn_of_undecided(response: &Response<Value>, operation: Option<&Operation>) {
    let is_usual = operation.is_some_and(|operation| operation.success_status() == StatusCode::ACCEPTED);
    if response.status() == StatusCode::ACCEPTED && !is_usual {
        let advice = advice(operation.filter(|operation| operation.is_safe_to_repeat()));
        note(format_args!("202: accepted and not decided yet; {advice}"));
    }
}

/// Describes why a call failed, with what to do about it.
pub(crate) fn describe(error: &Error) -> String {
    if let ErrorKind::Request(problem) = error.kind()
        && let Some(text) = with_options(problem)
    {
        return text;
    }
    let mut text = format!("{error:#}");
    if let Some(meaning) = error.meaning() {
        // Where it is not the case, the reason says which.
        let names_a_field = error.message().is_some_and(|message| message.contains(['/', '“', '`']));
        let meaning =
            if names_a_field { meaning } else { meaning.trim_end_matches(", and the message says which") };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  meaning: {meaning}");
    }
    if let Some(detail) = error.detail() {
        let _ = write!(text, "\n  {}", describe_detail(detail));
    }
    if let Some(reason) = error.headers().and_then(sandbox_reason) {
        let _ = write!(text, "\n  reason: {reason}");
    }
    // The sandbox says so where it has refused and APIv2 has no code for it. A code says itself whether the outcome is open.
    let is_refused = error.is_api()
        && error.code().is_none()
        && !error.is_unverified()
        && error.headers().is_some_and(|headers| headers.contains_key(REASON_HEADER))
        && error.status().is_some_and(|status| status.as_u16() < 500);
    if error.may_have_taken_effect() && !error.is_read_only() && !is_refused {
        let _ = write!(
            text,
            "\n  the call may have taken effect: {}",
            advice(error.operation().filter(|_| error.is_safe_to_repeat()))
        );
    }
    text
}

/// Why the sandbox rejected a request, where the official message alone says little.
fn sandbox_reason(headers: &HeaderMap) -> Option<String> {
    Some(decode_reason(headers.get(REASON_HEADER)?.to_str().ok()?))
}

/// What to do about a call that may have taken effect, of an operation that is safe to repeat, if it is known to be.
fn advice(safe: Option<&Operation>) -> String {
    match safe {
        None => "query the result before you repeat it; it is not known whether a repeat is safe".to_owned(),
        Some(operation) => match operation.request_number() {
            Some(number) => {
                format!(
                    "query the result, or repeat it with the same {number} and the same content, which is safe"
                )
            }
            None => "query the result, or repeat it with the same content, which is safe".to_owned(),
        },
    }
}

/// The report about a call that a signal ended while it was on its way: `None` if it only reads. `number` is the value of its
/// number, if it has one.
pub(super) fn interrupted(method: &Method, path: &str, number: Option<&str>) -> Option<String> {
    let operation = Operation::find(method, path);
    if operation.map_or(*method == Method::GET, Operation::is_read_only) {
        return None;
    }
    let named = operation.and_then(Operation::request_number).zip(number);
    let called = match named {
        Some((name, number)) => format!("{method} {path}, {name} {}", printable(number)),
        None => format!("{method} {path}"),
    };
    let has_its_number = |known: &&Operation| known.request_number().is_none() || number.is_some();
    let safe = operation.filter(|known| known.is_safe_to_repeat()).filter(has_its_number);
    Some(format!("interrupted; the call may have taken effect ({called}): {}", advice(safe)))
}

/// The same problem in terms of the command line: where the SDK's message names a method, this one names an option.
fn with_options(problem: &RequestError) -> Option<String> {
    Some(match problem {
        RequestError::UnfilledPlaceholder(name) => {
            format!("{{{name}}} in the path has no value: set it with --path {name}=VALUE")
        }
        RequestError::PathCharacter(letter) => format!(
            "the path contains `{}`, which must be percent-encoded in a URL: write {{name}} in its place, and set the \
             value with --path name=VALUE",
            letter.escape_debug()
        ),
        RequestError::QueryCharacter(letter) => format!(
            "the query in the path contains `{}`, which must be percent-encoded in a URL: set it with --query name=VALUE",
            letter.escape_debug()
        ),
        RequestError::UnknownPlaceholder(name) => format!(
            "the path has no placeholder {{{name}}}: remove --path {name}=..., or write the placeholder into the path"
        ),
        _ => return None,
    })
}

/// The most characters of a detail that are printed.
const MAX_DETAIL: usize = 2_000;

/// "/body/stock_id: 必填项缺失", or the whole detail if it has another shape.
fn describe_detail(detail: &Value) -> String {
    let text = |name: &str| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("field"), text("issue")) {
        (Some(field), Some(issue)) => printable(&format!("{field}: {issue}")),
        _ => printable(&detail.to_string()),
    }
}

/// On one line, not too long, and without control characters for a terminal.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        match character {
            _ if count == MAX_DETAIL => {
                shown.push('…');
                break;
            }
            _ if character.is_control() => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_advised_only_where_it_is_known_to_be_safe() {
        let advice = |path: &str| {
            let known = Operation::find(&weipay::http::Method::POST, path);
            advice(known.filter(|operation| operation.is_safe_to_repeat()))
        };
        assert_eq!(
            advice("v3/refund/domestic/refunds"),
            "query the result, or repeat it with the same out_refund_no and the same content, which is safe"
        );
        assert!(advice("v2/pay/closeorder").contains("with the same content, which is safe"));
        for path in ["v3/pay/transactions/codepay", "v3/never/heard/of"] {
            assert!(advice(path).contains("not known whether a repeat is safe"), "{path}");
        }
    }

    #[test]
    fn a_detail_is_printed_on_one_line_and_within_bounds() {
        let detail = serde_json::json!({"field": "/a\u{1b}[2J", "issue": "b\nc"});
        assert_eq!(describe_detail(&detail), r"/a\u{1b}[2J: b\nc");
        assert_eq!(describe_detail(&serde_json::json!(["x\u{9b}"])), r#"["x\u{9b}"]"#);
        assert_eq!(describe_detail(&Value::String("x".repeat(9_000))).chars().count(), MAX_DETAIL + 1);
    }
}
