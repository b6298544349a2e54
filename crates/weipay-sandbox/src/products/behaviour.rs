//! How the sandbox serves an operation: with state, by an example, or not at all.

use weipay_catalog::Operation;

use super::{PRODUCTS, downloads, handler};
use crate::gate;
use crate::v2;

/// How the sandbox serves an operation: with state, or with an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// It does what is asked, and keeps it.
    State,
    /// It only shows what a response looks like.
    Example,
    /// It does not serve the operation: 404.
    None,
}

impl Behaviour {
    /// How the sandbox serves an operation of the catalogue.
    #[must_use]
    pub fn from_operation(operation: &Operation) -> Self {
        match handler(PRODUCTS, operation) {
            Some(_) => Self::State,
            None if downloads::has_state(operation) => Self::State,
            None if gate::serves(operation) || v2::serves(operation) => Self::Example,
            None => Self::None,
        }
    }

    /// One word: `state`, `example` or `none`. The first two are what [`ANSWER_HEADER`](crate::ANSWER_HEADER) says.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Example => "example",
            Self::None => "none",
        }
    }
}
