//! A failed call, told in the words of the command line.

use std::fmt::Write;

use serde_json::Value;
use weipay::error::{ErrorKind, RequestError};
use weipay::{Error, Operation};

use super::note;

pub(super) fn told(error: &Error) -> String {
    if let ErrorKind::Request(problem) = error.kind()
        && let Some(text) = of_the_command_line(problem)
    {
        return text;
    }
    let mut text = format!("{error:#}");
    if let Some(detail) = error.detail() {
        // A String takes what is written into it.
        let _ = write!(text, "\n  {}", pointed(detail));
    }
    if let Some(reason) = error.headers().and_then(note::reason) {
        let _ = write!(text, "\n  reason: {reason}");
    }
    let reads = error.operation().is_some_and(|operation| operation.starts_with("GET "));
    if error.may_have_taken_effect() && !reads {
        let _ = write!(text, "\n  the call may have taken effect: {}", advice(error.known_operation()));
    }
    text
}

/// What to do about a call that may have taken effect. What is not known to be safe may not be repeated blindly.
fn advice(operation: Option<&Operation>) -> String {
    match operation.filter(|operation| operation.is_safe_to_repeat()) {
        None => {
            "look up what became of it before you repeat it; nothing says that a repeat is safe".to_owned()
        }
        Some(operation) => match operation.request_number() {
            Some(number) => {
                format!("look it up, or repeat it with the same {number} and the same content, which is safe")
            }
            None => "look it up, or repeat it with the same content, which is safe".to_owned(),
        },
    }
}

/// Where the SDK's words name a method, the command line has an option.
fn of_the_command_line(problem: &RequestError) -> Option<String> {
    Some(match problem {
        RequestError::UnfilledPlaceholder(name) => {
            format!("the path's {{{name}}} has no value: give it with --path {name}=VALUE")
        }
        RequestError::PathCharacter(letter) => format!(
            "the path holds `{}`, which no URL takes as it is: write {{name}} in its place and give the value with \
             --path name=VALUE",
            letter.escape_debug()
        ),
        RequestError::QueryCharacter(letter) => format!(
            "the query in the path holds `{}`, which no URL takes as it is: give it with --query name=VALUE",
            letter.escape_debug()
        ),
        _ => return None,
    })
}

/// The most characters that are told of a detail.
const MAX_DETAIL: usize = 2_000;

/// "/body/stock_id: 必填项缺失", or the detail as it came where it is of another shape.
fn pointed(detail: &Value) -> String {
    let text = |name: &str| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("field"), text("issue")) {
        (Some(field), Some(issue)) => printable(&format!("{field}: {issue}")),
        _ => printable(&detail.to_string()),
    }
}

/// On one line, within bounds, and without what a terminal would obey.
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
        let advice = |path: &str| advice(Operation::find(&weipay::http::Method::POST, path));
        assert_eq!(
            advice("v3/refund/domestic/refunds"),
            "look it up, or repeat it with the same out_refund_no and the same content, which is safe"
        );
        assert!(advice("v2/pay/closeorder").contains("with the same content, which is safe"));
        for path in ["v3/pay/transactions/codepay", "v3/never/heard/of"] {
            assert!(advice(path).contains("nothing says that a repeat is safe"), "{path}");
        }
    }

    #[test]
    fn a_detail_is_told_on_one_line_and_within_bounds() {
        let detail = serde_json::json!({"field": "/a\u{1b}[2J", "issue": "b\nc"});
        assert_eq!(pointed(&detail), r"/a\u{1b}[2J: b\nc");
        assert_eq!(pointed(&serde_json::json!(["x\u{9b}"])), r#"["x\u{9b}"]"#);
        assert_eq!(pointed(&Value::String("x".repeat(9_000))).chars().count(), MAX_DETAIL + 1);
    }
}
