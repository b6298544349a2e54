//! A response that cannot be read.

use std::{error, fmt};

use crate::json;
use crate::model::decode::is_name;

/// Why a response cannot be read, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The JSON path, such as `data[2].amount.total`; empty for the whole body.
    pub path: String,
    /// The reason, such as `expected an integer, found a string`.
    pub reason: String,
}

impl DecodeError {
    /// The body as a whole cannot be read.
    pub(crate) fn whole(reason: String) -> Self {
        Self { path: String::new(), reason }
    }
}

impl DecodeError {
    /// A member that JSON has twice in one object: see [`json::repeated_member`]. A name that may be a value is not shown.
    pub(crate) fn of_repeated_member(json: &[u8]) -> Option<Self> {
        let name = json::repeated_member(json)?;
        let path = if is_name(&name) { name } else { String::new() };
        let reason = "a JSON object contains a duplicate member, so its value is ambiguous: query the result"
            .to_owned();
        Some(Self { path, reason })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the response cannot be read: {}", self.reason),
            path => write!(f, "the response cannot be read at `{path}`: {}", self.reason),
        }
    }
}

impl error::Error for DecodeError {}
