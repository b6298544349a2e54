//! A failed call, told in the words of the command line.

use std::fmt::Write;

use serde_json::Value;
use weipay::Error;
use weipay::error::{Failure, RequestProblem};

use super::note;

pub(super) fn told(error: &Error) -> String {
    if let Failure::Request(problem) = error.failure()
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
        text.push_str(
            "\n  the call may have taken effect: look it up, or repeat it with the same request number and content",
        );
    }
    text
}

/// Where the SDK's words name a method, the command line has an option.
fn of_the_command_line(problem: &RequestProblem) -> Option<String> {
    Some(match problem {
        RequestProblem::UnfilledPlaceholder(name) => {
            format!("the path's {{{name}}} has no value: give it with --path {name}=VALUE")
        }
        RequestProblem::PathLetter(letter) => format!(
            "the path holds `{}`, which no URL takes as it is: write {{name}} in its place and give the value with \
             --path name=VALUE",
            letter.escape_debug()
        ),
        RequestProblem::QueryLetter(letter) => format!(
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
    fn a_detail_is_told_on_one_line_and_within_bounds() {
        let detail = serde_json::json!({"field": "/a\u{1b}[2J", "issue": "b\nc"});
        assert_eq!(pointed(&detail), r"/a\u{1b}[2J: b\nc");
        assert_eq!(pointed(&serde_json::json!(["x\u{9b}"])), r#"["x\u{9b}"]"#);
        assert_eq!(pointed(&Value::String("x".repeat(9_000))).chars().count(), MAX_DETAIL + 1);
    }
}
