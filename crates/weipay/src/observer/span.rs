//! The span of a call and the events of its attempts. The table in [`observer`](super) says which fields they
//! have; nothing else may get into them.

use tracing::field::Empty;
use tracing::{Span, debug, info_span, warn};

use super::{DroppedCall, EndedAttempt, EndedCall};
use crate::core::Core;
use crate::credentials::Account;
use crate::error::{Error, ErrorClass};
use crate::operation::Operation;
use crate::request::Request;

/// The target that log filters of programs name.
const TARGET: &str = "weipay";

/// The `error.type` of a call whose future was dropped.
const DROPPED: &str = "dropped";

pub(super) fn call_span(core: &Core, request: &Request) -> Span {
    let span = info_span!(
        target: TARGET,
        "weipay.call",
        "otel.name" = Empty,
        "otel.kind" = "client",
        "otel.status_code" = Empty,
        "http.request.method" = request.method.as_str(),
        "url.template" = Empty,
        "server.address" = Empty,
        "server.port" = Empty,
        "http.response.status_code" = Empty,
        "http.request.resend_count" = Empty,
        "http.client.request.duration" = Empty,
        "error.type" = Empty,
        "weipay.operation" = request.operation.map(Operation::title),
        "weipay.account" = Empty,
        "weipay.sub_mchid" = core.sub_merchant.as_ref().map(|sub_merchant| sub_merchant.mchid().as_str()),
        "weipay.error_code" = Empty,
        "weipay.request_id" = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    span.record(
        "weipay.account",
        match &core.merchant.account {
            Account::Merchant(mchid) => mchid.as_str(),
            Account::Brand(brand_id) => brand_id.as_str(),
        },
    );
    match request.operation {
        Some(operation) => {
            let template = format!("/{}", operation.path());
            span.record("otel.name", format!("{} {template}", request.method).as_str());
            span.record("url.template", template.as_str());
        }
        None => drop(span.record("otel.name", request.method.as_str())),
    }
    span
}

/// The error code (错误码), if it has the form of one.
fn code(error: Option<&Error>) -> Option<&str> {
    error.and_then(Error::code).filter(|code| crate::retry::is_code(code))
}

/// The `Request-ID`, if it has the form of one: the header may come from a proxy.
fn request_id(text: Option<&str>) -> Option<&str> {
    let is_plain = |text: &&str| {
        text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    text.filter(is_plain)
}

pub(super) fn end_attempt(span: &Span, attempt: &EndedAttempt<'_>) {
    span.record("server.address", attempt.server_address());
    span.record("server.port", attempt.server_port());
    debug!(
        target: TARGET,
        parent: span,
        {
            "server.address" = attempt.server_address(),
            "server.port" = attempt.server_port(),
            "http.request.resend_count" = attempt.number().saturating_sub(1),
            "http.response.status_code" = attempt.status().map(|status| status.as_u16()),
            "http.client.request.duration" = attempt.duration().as_secs_f64(),
            "error.type" = attempt.error_class().map(ErrorClass::as_str),
            "weipay.error_code" = code(attempt.error()),
            "weipay.request_id" = request_id(attempt.request_id()),
        },
        "attempt ended"
    );
}

pub(super) fn end_call(span: &Span, call: &EndedCall<'_>) {
    span.record("http.request.resend_count", call.attempts().saturating_sub(1));
    span.record("http.client.request.duration", call.duration().as_secs_f64());
    if let Some(status) = call.status() {
        span.record("http.response.status_code", status.as_u16());
    }
    if let Some(id) = request_id(call.request_id()) {
        span.record("weipay.request_id", id);
    }
    if let Some(class) = call.error_class() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", class.as_str());
    }
    if let Some(code) = code(call.error()) {
        span.record("weipay.error_code", code);
    }
}

pub(super) fn drop_call(span: &Span, call: &DroppedCall<'_>, is_read_only: bool) {
    span.record("http.request.resend_count", call.attempts().saturating_sub(1));
    span.record("http.client.request.duration", call.duration().as_secs_f64());
    span.record("otel.status_code", "ERROR");
    span.record("error.type", DROPPED);
    let (repeats, perhaps) = (call.attempts().saturating_sub(1), call.may_have_taken_effect());
    if perhaps && !is_read_only {
        warn!(
            target: TARGET,
            parent: span,
            { "error.type" = DROPPED, "http.request.resend_count" = repeats, "weipay.may_have_taken_effect" = perhaps },
            "the call was dropped before it ended, and may have taken effect: query its result"
        );
    } else {
        debug!(
            target: TARGET,
            parent: span,
            { "error.type" = DROPPED, "http.request.resend_count" = repeats, "weipay.may_have_taken_effect" = perhaps },
            "the call was dropped before it ended"
        );
    }
}
