//! What the JSON reader finds, before it is known what it becomes.

use serde_json::Number;

/// A scalar, or the beginning of an array or object.
#[derive(Debug)]
#[non_exhaustive]
pub enum Found<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(Number),
    /// A string.
    Text(&'a str),
    /// `[`.
    Array,
    /// `{`.
    Object,
}

impl Found<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Found::Null => "null",
            Found::Bool(_) => "a boolean",
            Found::Integer(_) | Found::Number(_) => "a number",
            Found::Text(_) => "a string",
            Found::Array => "an array",
            Found::Object => "an object",
        }
    }
}
