//! A failed call, told in the words of the command line.

use std::fmt::Write;

use serde_json::Value;
use weipay::Error;
use weipay::error::{Failure, RequestProblem};

pub(super) fn told(error: &Error) -> String {
    if let Failure::Request(problem) = error.failure()
        && let Some(text) = of_the_command_line(problem)
    {
        return text;
    }
    let mut text = error.to_string();
    if let Some(detail) = error.detail() {
        // A String takes what is written into it.
        let _ = write!(text, "\n  {}", pointed(detail));
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

/// "/body/stock_id: 必填项缺失", or the detail as it came where it is of another shape.
fn pointed(detail: &Value) -> String {
    let text = |name: &str| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("field"), text("issue")) {
        (Some(field), Some(issue)) => format!("{field}: {issue}"),
        _ => detail.to_string(),
    }
}
