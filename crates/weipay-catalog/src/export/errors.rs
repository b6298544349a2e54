//! Error codes in the JSON lines, and in the OpenAPI document.

use serde_json::{Map, Value};

use super::set_marks;
use crate::errors::ErrorCode;
use crate::operation::{Operation, document_address};
use crate::waiting::NotReady;

/// All codes that are known of an operation, those of every operation of its version included.
pub(super) fn codes(operation: &Operation) -> Value {
    operation.error_codes().map(code).collect()
}

/// An error that says that what is queried is still being made: its code, and its message where that is needed to tell.
pub(super) fn not_ready(error: &NotReady) -> Value {
    let mut object = Map::new();
    object.insert("code".into(), error.code.into());
    if !error.message.is_empty() {
        object.insert("message".into(), error.message.into());
    }
    Value::Object(object)
}

/// A code as a JSON object.
pub(crate) fn code(known: &ErrorCode) -> Value {
    let mut object = Map::new();
    if let Some(status) = known.status {
        object.insert("status".into(), status.into());
    }
    object.insert("code".into(), known.code.into());
    object.insert("meaning".into(), known.meaning.into());
    if !known.message.is_empty() {
        object.insert("message".into(), known.message.into());
    }
    object.insert("advice".into(), known.advice.word().into());
    let source = &known.source;
    object.insert("basis".into(), source.basis.word().into());
    if let Some(page) = source.page {
        object.insert("source".into(), document_address(page).into());
    }
    if let Some(date) = source.date {
        object.insert("page_date".into(), date.into());
    }
    set_marks(
        &mut object,
        [("cut", source.is_whole == Some(false)), ("complete", source.is_whole == Some(true))],
    );
    if known.is_unconfirmed() {
        object.insert("unconfirmed".into(), source.reason.into());
    }
    Value::Object(object)
}
