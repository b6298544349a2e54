//! What the responses of a version have in common: members that do not tell of which operation a response is.

use crate::field::Field;
use crate::operation::ApiVersion;

/// What the responses of a version have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct AnyResponse {
    /// The protocol.
    pub version: ApiVersion,
    /// The official Chinese name.
    pub title: &'static str,
    /// Members that any response may have, also where its page does not name them.
    pub any: Vec<Field>,
    /// Members that say who takes part, when or in which state: responses of many operations have them, where their pages name
    /// them, so they do not prove which operation was carried out.
    pub usual: Vec<Field>,
}

impl AnyResponse {
    /// Both.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.any.iter().chain(&self.usual)
    }
}
