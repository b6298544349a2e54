//! What a field can hold, and how each kind reads, writes and is checked.

use std::fmt::Debug;

use serde_json::{Number, Value as Json};

use super::check;
use super::field::Field;
use super::{Encryption, Found, Model, Strictness, Violation, encode};
use crate::upload::File;

/// What a field can hold.
pub trait Value: Sized + Debug {
    /// Begins with what was found in a response, or says what was expected.
    fn begin(found: Found<'_>, strictness: Strictness) -> Result<Self, &'static str>;

    /// Whether what was found says that there is none. `null` is how some back-ends write "absent".
    fn is_absent(found: &Found<'_>, _: Strictness) -> bool {
        matches!(found, Found::Null)
    }

    /// What is still to come into it.
    fn next(&mut self) -> Next<'_> {
        Next::Nothing
    }

    /// The file, if it is one.
    fn file(&self) -> Option<&File> {
        None
    }

    /// Writes it as JSON.
    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation>;

    /// Holds it against the rules of its row.
    fn check(&self, field: &Field) -> Result<(), Violation>;
}

/// A field of a struct, whatever it holds: what the one codec sees.
pub trait Slot: Debug {
    /// Fills the field with what was found, or says what was expected.
    fn fill(&mut self, found: Found<'_>, strictness: Strictness) -> Result<Next<'_>, &'static str>;

    /// Whether it is set.
    fn is_set(&self) -> bool;

    /// The file, if it holds one.
    fn file(&self) -> Option<&File>;

    /// The field as JSON; nothing when it is not set.
    fn json(&self, encryption: Encryption<'_>) -> Result<Option<Json>, Violation>;

    /// Holds the field against the rules of its row.
    fn check(&self, field: &Field) -> Result<(), Violation>;
}

impl<T: Value> Slot for Option<T> {
    fn fill(&mut self, found: Found<'_>, strictness: Strictness) -> Result<Next<'_>, &'static str> {
        // A second value of the same name replaces the first.
        *self = None;
        if T::is_absent(&found, strictness) {
            return Ok(Next::Nothing);
        }
        Ok(self.insert(T::begin(found, strictness)?).next())
    }

    fn is_set(&self) -> bool {
        self.is_some()
    }

    fn file(&self) -> Option<&File> {
        self.as_ref().and_then(T::file)
    }

    fn json(&self, encryption: Encryption<'_>) -> Result<Option<Json>, Violation> {
        self.as_ref().map(|value| value.to_json(encryption)).transpose()
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        match self {
            Some(value) => value.check(field),
            None if field.rules.required => Err(Violation::new("is required (必填) and not set")),
            None => Ok(()),
        }
    }
}

/// What is still to come into a value that has begun.
#[derive(Debug)]
#[non_exhaustive]
pub enum Next<'a> {
    /// It is whole.
    Nothing,
    /// The members of an object.
    Members(&'a mut dyn Model),
    /// The members of an array.
    Items(&'a mut dyn Items),
    /// Whatever there is.
    Json(&'a mut Json),
}

/// An array that is being read.
pub trait Items: Debug {
    /// Adds a member.
    fn push(&mut self, found: Found<'_>, strictness: Strictness) -> Result<Next<'_>, &'static str>;

    /// What one member takes of memory, without what it points to.
    fn member_size(&self) -> usize;
}

impl<T: Value> Items for Vec<T> {
    fn push(&mut self, found: Found<'_>, strictness: Strictness) -> Result<Next<'_>, &'static str> {
        Vec::push(self, T::begin(found, strictness)?);
        Ok(self.last_mut().map_or(Next::Nothing, T::next))
    }

    fn member_size(&self) -> usize {
        size_of::<T>()
    }
}

impl<T: Model + Default> Value for T {
    fn begin(found: Found<'_>, _: Strictness) -> Result<T, &'static str> {
        if matches!(found, Found::Object) { Ok(T::default()) } else { Err("an object") }
    }

    fn next(&mut self) -> Next<'_> {
        Next::Members(self)
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        encode::object(self, encryption)
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        check::check(self)
    }
}

impl Value for String {
    fn begin(found: Found<'_>, strictness: Strictness) -> Result<String, &'static str> {
        match found {
            Found::Text(text) => Ok(text.to_owned()),
            _ if strictness == Strictness::Strict => Err("a string"),
            // A number where the page says string: its text is what the caller wants.
            Found::Integer(number) => Ok(number.to_string()),
            // A transaction number has 28 digits: once it was read as a fraction, it would be another one.
            Found::Number(number) if !number.is_f64() => Ok(number.to_string()),
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
    fn begin(found: Found<'_>, strictness: Strictness) -> Result<i64, &'static str> {
        match found {
            Found::Integer(number) => Some(number),
            Found::Text(text) if strictness == Strictness::Lenient => text.parse().ok(),
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
    fn begin(found: Found<'_>, strictness: Strictness) -> Result<Number, &'static str> {
        match found {
            Found::Integer(number) => Some(number.into()),
            Found::Number(number) => Some(number),
            Found::Text(text) if strictness == Strictness::Lenient => text.parse().ok(),
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
    fn begin(found: Found<'_>, _: Strictness) -> Result<Json, &'static str> {
        Ok(match found {
            Found::Null | Found::Array | Found::Object | Found::Sensitive(_) => Json::Null,
            Found::Bool(truth) => Json::Bool(truth),
            Found::Integer(number) => Json::Number(number.into()),
            Found::Number(number) => Json::Number(number),
            Found::Text(text) | Found::Ciphertext(text) => Json::String(text.to_owned()),
        })
    }

    fn next(&mut self) -> Next<'_> {
        Next::Json(self)
    }

    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(self.clone())
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        Ok(())
    }
}

impl Value for bool {
    fn begin(found: Found<'_>, strictness: Strictness) -> Result<bool, &'static str> {
        match found {
            Found::Bool(truth) => Some(truth),
            Found::Text(text) if strictness == Strictness::Lenient => text.parse().ok(),
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
    fn begin(_: Found<'_>, _: Strictness) -> Result<File, &'static str> {
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
    fn begin(found: Found<'_>, _: Strictness) -> Result<Vec<T>, &'static str> {
        if matches!(found, Found::Array) { Ok(Vec::new()) } else { Err("an array") }
    }

    fn next(&mut self) -> Next<'_> {
        Next::Items(self)
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        let members = self.iter().enumerate();
        let members =
            members.map(|(index, member)| member.to_json(encryption).map_err(|problem| problem.at(index)));
        members.collect::<Result<_, _>>().map(Json::Array)
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        field.rules.check_items(self.len())?;
        let mut members = self.iter().enumerate();
        members.try_for_each(|(index, member)| member.check(field).map_err(|rule| rule.at(index)))
    }
}
