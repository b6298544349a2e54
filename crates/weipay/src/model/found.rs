//! What the JSON reader finds, before it is known what it becomes.

use serde_json::Number;

use super::Sensitive;

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
    /// A string that travels encrypted (敏感信息加密) and was not opened.
    Ciphertext(&'a str),
    /// A sensitive value that a model wrote.
    Sensitive(Sensitive),
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
            Found::Text(_) | Found::Ciphertext(_) => "a string",
            Found::Array => "an array",
            Found::Sensitive(_) | Found::Object => "an object",
        }
    }
}

/// How closely a value must be of the type of its field.
///
/// A response is read leniently: what happened must not turn into an error because the platform wrote a number as text. A
/// request is read strictly: what the caller wrote and we drop would be missing from an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// A number may stand for its text, and the other way round; what does not fit is left out.
    Lenient,
    /// Only the type of the field fits.
    Strict,
}
