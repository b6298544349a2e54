//! JSON inside a string: some fields carry an object or an array as text.

use std::ops::{Deref, DerefMut};

use serde::de::IgnoredAny;
use serde_json::Value as Json;
use weipay_rules::Rules;

use super::value::{Container, Strictness, Token, Value, check_text};
use super::{Direct, Encryption, Field, ValidationReport, Violation};

/// A value that is sent as JSON text inside a string. It is used like the value itself.
///
/// Reading is lenient here too: a member that does not read is `None`. If the text is not JSON, the whole field is skipped.
/// An empty text counts as absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JsonText<T>(pub T);

impl<T> From<T> for JsonText<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T, const N: usize> From<[T; N]> for JsonText<Vec<T>> {
    fn from(members: [T; N]) -> Self {
        members.into_iter().collect()
    }
}

impl<const N: usize> From<[&str; N]> for JsonText<Vec<String>> {
    fn from(members: [&str; N]) -> Self {
        members.into_iter().map(str::to_owned).collect()
    }
}

impl From<Vec<&str>> for JsonText<Vec<String>> {
    fn from(members: Vec<&str>) -> Self {
        members.into_iter().map(str::to_owned).collect()
    }
}

impl<T> FromIterator<T> for JsonText<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl<T> Deref for JsonText<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for JsonText<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Value> Value for JsonText<T> {
    type Intake = Direct;

    /// Of a text only the beginning is read here: the reader reads what is in it.
    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        let Token::Text(text) = found else {
            // Without the quotes around it, it says the same.
            return T::begin(found, strictness).map(JsonText);
        };
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| "JSON text")?;
        let found = match text.trim_start().as_bytes().first() {
            Some(b'{') => Token::Object,
            Some(b'[') => Token::Array,
            _ => return Err("an object or an array as JSON text"),
        };
        T::begin(found, strictness).map(JsonText)
    }

    fn is_absent(found: &Token<'_>, strictness: Strictness) -> bool {
        match found {
            Token::Text(text) if strictness == Strictness::Lenient => text.trim_ascii().is_empty(),
            found => T::is_absent(found, strictness),
        }
    }

    fn container(&mut self) -> Container<'_> {
        self.0.container()
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        self.0.to_json(encryption).map(|json| Json::String(json.to_string()))
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        self.0.check(&inner_field(field))?;
        let text = self.0.to_json(Encryption::AsSet)?.to_string();
        check_text(&text, field)
    }

    fn inspect(&self, field: &Field) -> ValidationReport {
        let inner = self.0.inspect(&inner_field(field));
        if inner.is_ok() {
            ValidationReport { hints: inner.hints, ..self.check(field).into() }
        } else {
            inner
        }
    }
}

/// The limits of the field are those of the text, not of what is in it.
fn inner_field(field: &Field) -> Field {
    Field { rules: Rules::NONE, ..*field }
}
