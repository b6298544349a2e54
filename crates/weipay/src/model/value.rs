//! What a field can hold, and how each kind reads, writes and is checked.

use serde_json::{Number, Value as Json};

use super::check;
use super::codec::{Container, Model, Strictness, Token, Value};
use super::field::Field;
use super::{Checked, Converted, Direct, Encryption, Violation, checked, encode};
use crate::upload::File;

impl<T: Model + Default + Clone> Value for T {
    type Intake = Direct;

    fn begin(found: Token<'_>, _: Strictness) -> Result<T, &'static str> {
        if matches!(found, Token::Object) { Ok(T::default()) } else { Err("an object") }
    }

    fn container(&mut self) -> Container<'_> {
        Container::Object(self)
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        encode::object(self, encryption)
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        check::check(self)
    }

    fn inspect(&self, _: &Field) -> Checked {
        checked::inspect(self)
    }
}

impl Value for String {
    type Intake = Direct;

    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        match found {
            Token::Text(text) => Ok(text.to_owned()),
            _ if strictness == Strictness::Strict => Err("a string"),
            // A number where the page says string: its text is what the caller wants.
            Token::Integer(number) => Ok(number.to_string()),
            // A transaction number has 28 digits: once it was read as a fraction, it would be another one.
            Token::Number(number) if !number.is_f64() => Ok(number.to_string()),
            _ => Err("a string"),
        }
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(Json::String(self.clone()))
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        check::text(self, field)
    }
}

impl Value for i64 {
    type Intake = Converted;

    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        match found {
            Token::Integer(number) => Some(number),
            Token::Text(text) if strictness == Strictness::Lenient => text.parse().ok(),
            _ => None,
        }
        .ok_or("an integer")
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(Json::Number(Number::from(*self)))
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        Ok(field.rules.check_integer(*self)?)
    }
}

/// A number that may have a fraction: a share, a weight, and money of the few operations whose pages count it so.
///
/// It is `serde_json`'s own, which a program may widen to any number of digits (its feature `arbitrary_precision`).
impl Value for Number {
    type Intake = Converted;

    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        match found {
            Token::Integer(number) => Some(number.into()),
            Token::Number(number) => Some(number),
            Token::Text(text) if strictness == Strictness::Lenient => text.parse().ok(),
            _ => None,
        }
        .ok_or("a number")
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(Json::Number(self.clone()))
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        let whole = self.as_i64().map(i128::from).or_else(|| self.as_u64().map(i128::from));
        match (whole, self.as_f64()) {
            (Some(whole), _) => Ok(field.rules.check_number(whole)?),
            (None, Some(fraction)) => Ok(field.rules.check_number(fraction)?),
            (None, None) => Ok(()),
        }
    }
}

/// An object that the pages do not describe further.
impl Value for Json {
    type Intake = Direct;

    fn begin(found: Token<'_>, _: Strictness) -> Result<Self, &'static str> {
        Ok(match found {
            Token::Null | Token::Array | Token::Object | Token::Sensitive(_) => Self::Null,
            Token::Bool(truth) => Self::Bool(truth),
            Token::Integer(number) => Self::Number(number.into()),
            Token::Number(number) => Self::Number(number),
            Token::Text(text) | Token::Ciphertext(text) => Self::String(text.to_owned()),
        })
    }

    fn container(&mut self) -> Container<'_> {
        Container::Any(self)
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(self.clone())
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        Ok(())
    }
}

impl Value for bool {
    type Intake = Direct;

    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str> {
        match found {
            Token::Bool(truth) => Some(truth),
            Token::Text(text) if strictness == Strictness::Lenient => text.parse().ok(),
            _ => None,
        }
        .ok_or("a boolean")
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(Json::Bool(*self))
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        Ok(())
    }
}

/// A file is a part of the body of its own; as JSON it is what tells it from another.
impl Value for File {
    type Intake = Direct;

    fn begin(_: Token<'_>, _: Strictness) -> Result<Self, &'static str> {
        Err("a file, which is set in code: JSON cannot hold one")
    }

    fn file(&self) -> Option<&File> {
        Some(self)
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(serde_json::json!({"filename": self.name, "sha256": self.sha256()}))
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        Ok(())
    }
}

impl<T: Value> Value for Vec<T> {
    type Intake = Converted;

    fn begin(found: Token<'_>, _: Strictness) -> Result<Self, &'static str> {
        if matches!(found, Token::Array) { Ok(Self::new()) } else { Err("an array") }
    }

    fn container(&mut self) -> Container<'_> {
        Container::Array(self)
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        let members = self.iter().enumerate();
        let members =
            members.map(|(index, member)| member.to_json(encryption).map_err(|problem| problem.at(index)));
        members.collect::<Result<_, _>>().map(Json::Array)
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        check_count(self.len(), field)?;
        let mut members = self.iter().enumerate();
        members.try_for_each(|(index, member)| member.check(field).map_err(|rule| rule.at(index)))
    }

    fn inspect(&self, field: &Field) -> Checked {
        checked::inspect_items(self, field, check_count(self.len(), field))
    }
}

/// The rule of the number of members.
fn check_count(count: usize, field: &Field) -> Result<(), Violation> {
    Ok(field.rules.check_items(count)?)
}
