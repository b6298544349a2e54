//! Errors of the control API, and their responses.

use std::fmt;

use serde_json::{Value, json};

use crate::store::StoreError;

/// The error of a route. Nothing was changed.
#[derive(Debug)]
pub(crate) struct ControlError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ControlError {
    /// 400: the request is invalid.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: "INVALID", message: message.into() }
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: 404, code: "NOT_FOUND", message: message.into() }
    }

    /// 409: it exists already.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { status: 409, code: "CONFLICT", message: message.into() }
    }

    /// 500: the sandbox failed.
    pub(crate) fn failed(error: impl fmt::Display) -> Self {
        Self { status: 500, code: "FAILED", message: format!("{error:#}") }
    }

    /// 503: not yet, or not any more.
    pub(super) fn not_ready(error: impl fmt::Display) -> Self {
        Self { status: 503, code: "NOT_READY", message: format!("{error:#}") }
    }
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}

/// The response: a status, and JSON.
pub(super) struct ControlResponse {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl From<ControlError> for ControlResponse {
    fn from(error: ControlError) -> Self {
        let ControlError { status, code, message } = error;
        Self { status, body: Some(json!({ "code": code, "message": message })) }
    }
}
