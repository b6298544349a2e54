//! The last requests: request, response and reason, masked.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::exchanges::Exchange;
use crate::explain::{Difference, SignatureExplanation};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/log", "The last requests, oldest first; GET /log/{number} shows one in full", LIST, list),
    Route::get("/log/{number}", "One request in full, without secrets: request, response, reason", &[], show),
];

const LIST: &[Member] = &[
    Member::integer("after", "`next` of the list before; without it the newest are listed"),
    Member::integer("limit", "Maximum number (default 100, at most 1000)"),
    Member::boolean("failed", "Only what was refused or did not arrive"),
    Member::integer("wait", "How many seconds to wait for a newer entry (at most 30)"),
];

const USUAL_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
const MAX_WAIT: u64 = 30;

/// Waits, if a request of the list asks for it. It costs no thread, as a handler that waits would.
pub(super) async fn wait(control: &Control, method: &str, target: &str) {
    let Some(("/log", query)) = target.split_once('?').filter(|_| method == "GET") else { return };
    let value = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let number = |name| value(name).and_then(|text| text.parse::<u64>().ok());
    let (Some(after), Some(seconds)) = (number("after"), number("wait")) else { return };
    let only_failed = value("failed").as_deref() == Some("true");
    let changed = control.platform.exchanges.changed_after(after, only_failed);
    // When nothing comes, the list is empty.
    let _ = timeout(Duration::from_secs(seconds.min(MAX_WAIT)), changed).await;
}

fn list(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let number =
        |name: &str| request.get(name).map(|value| value.as_u64().ok_or_else(|| negative(name))).transpose();
    number("wait")?;
    let limit = number("limit")?.map_or(USUAL_LIMIT, |limit| usize::try_from(limit).unwrap_or(MAX_LIMIT));
    let only_failed = request.get("failed").and_then(Value::as_bool).unwrap_or(false);
    let page = control.platform.exchanges.page(number("after")?, limit.clamp(1, MAX_LIMIT), only_failed);
    let entries: Vec<_> = page.exchanges.iter().map(|exchange| Value::Object(summary(exchange))).collect();
    Ok(json!({ "entries": entries, "next": page.next, "dropped": page.dropped }))
}

fn negative(name: &str) -> ControlError {
    ControlError::invalid(format!("`{name}` must not be negative"))
}

fn show(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let number = request.path("number").parse().ok();
    let found = number.and_then(|number| control.platform.exchanges.find(number));
    let exchange = found
        .ok_or_else(|| ControlError::not_found("no request with this number is kept; old ones go first"))?;
    let mut members = summary(&exchange);
    let headers = |fields: &[(String, String)]| -> Value {
        fields.iter().map(|(name, value)| json!([name, value])).collect()
    };
    members.insert("target".to_owned(), json!(exchange.target));
    members.insert(
        "request".to_owned(),
        json!({ "headers": headers(&exchange.request_headers), "body": exchange.request_body }),
    );
    members.insert(
        "response".to_owned(),
        json!({ "headers": headers(&exchange.response_headers), "body": exchange.response_body }),
    );
    members.insert("signature".to_owned(), exchange.signature.as_ref().map_or(Value::Null, signature));
    members.insert("text".to_owned(), json!(exchange.to_string()));
    Ok(Value::Object(members))
}

fn summary(exchange: &Exchange) -> Map<String, Value> {
    let entry = &exchange.entry;
    let members = json!({
        "number": exchange.number,
        "time": entry.time,
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "code": entry.code,
        "fault": entry.fault,
        "reason": entry.reason,
        "example": entry.is_example,
        "failed": exchange.is_failed(),
        "microseconds": u64::try_from(exchange.took.as_micros()).unwrap_or(u64::MAX),
        "line": entry.to_string(),
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn signature(explanation: &SignatureExplanation) -> Value {
    let difference = explanation.difference.as_ref().map(|found| {
        let Difference { offset, line, column, expected, signed } = found;
        json!({ "offset": offset, "line": line, "column": column, "expected": expected, "signed": signed })
    });
    json!({
        "cause": explanation.cause,
        "expected": explanation.expected,
        "expected_sha256": explanation.expected_sha256,
        "signed": explanation.signed,
        "signed_sha256": explanation.signed_sha256,
        "difference": difference,
    })
}
