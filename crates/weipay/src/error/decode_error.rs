//! A response that cannot be read.

use std::{error, fmt};

/// Why a response cannot be read, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The JSON path, such as `data[2].amount.total`; empty for the whole body.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl DecodeError {
    /// The body as a whole cannot be read.
    pub(crate) fn whole(reason: String) -> Self {
        Self { path: String::new(), reason }
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
