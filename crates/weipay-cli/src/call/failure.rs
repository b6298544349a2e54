//! A failed call, told in the words of the command line.

use std::fmt::Write;

use serde_json::Value;
use weipay::Error;
use weipay::error::{Failure, RequestProblem};

use super::note;

pub(super) fn told(error: &Error) -> String {
    if let Failure::Request(RequestProblem::UnfilledPlaceholder(name)) = error.failure() {
        return format!("the path's {{{name}}} has no value: give it with --path {name}=VALUE");
    }
    let mut text = error.to_string();
    if let Some(detail) = error.detail() {
        // A String takes what is written into it.
        let _ = write!(text, "\n  {}", pointed(detail));
    }
    if let Some(reason) = error.headers().and_then(note::reason) {
        let _ = write!(text, "\n  reason: {reason}");
    }
    text
}

/// "/body/stock_id: 必填项缺失", or the detail as it came where it is of another shape.
fn pointed(detail: &Value) -> String {
    let text = |name: &str| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("field"), text("issue")) {
        (Some(field), Some(issue)) => format!("{field}: {issue}"),
        _ => detail.to_string(),
    }
}
