//! What a field can hold, and how each kind reads, writes and is checked.

use std::fmt::Debug;

use serde_json::{Number, Value as Json};

use super::check::{Violation, length, matches_pattern, outside};
use super::field::Field;
use crate::error::DecodeProblem;

/// What a field can hold.
pub trait Value: Sized + Debug {
    /// Reads a JSON value, or notes why it does not read.
    fn from_json(json: Json, reading: &mut Reading) -> Option<Self>;

    /// Writes it as JSON.
    fn to_json(&self) -> Json;

    /// Holds it against the rules of its row.
    fn check(&self, field: &Field, path: &str) -> Result<(), Violation>;
}

/// A field of a struct, whatever it holds: what the one codec sees.
pub trait Slot: Debug {
    /// Fills the field.
    fn fill(&mut self, json: Json, reading: &mut Reading);

    /// Whether it is set.
    fn is_set(&self) -> bool;

    /// The field as JSON; nothing when it is not set.
    fn json(&self) -> Option<Json>;

    /// Holds the field against the rules of its row.
    fn check(&self, field: &Field, path: &str) -> Result<(), Violation>;
}

impl<T: Value> Slot for Option<T> {
    fn fill(&mut self, json: Json, reading: &mut Reading) {
        // `null` is how some back-ends write "absent".
        *self = if json.is_null() { None } else { T::from_json(json, reading) };
    }

    fn is_set(&self) -> bool {
        self.is_some()
    }

    fn json(&self) -> Option<Json> {
        self.as_ref().map(T::to_json)
    }

    fn check(&self, field: &Field, path: &str) -> Result<(), Violation> {
        match self {
            Some(value) => value.check(field, path),
            None if field.required => Err(Violation::new(path, "is required (必填) and not set")),
            None => Ok(()),
        }
    }
}

/// The state of reading one body: where it is, and what did not read.
#[derive(Debug, Default)]
pub struct Reading {
    path: String,
    pub(crate) misread: Vec<DecodeProblem>,
}

impl Reading {
    /// Notes that the value here is not what was expected.
    pub fn note(&mut self, expected: &str, found: &Json) {
        let kind = match found {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        };
        self.misread.push(DecodeProblem {
            path: self.path.clone(),
            reason: format!("expected {expected}, found {kind}"),
        });
    }

    pub(crate) fn inside<T>(&mut self, step: &str, read: impl FnOnce(&mut Reading) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = read(self);
        self.path.truncate(length);
        result
    }
}

impl Value for String {
    fn from_json(json: Json, reading: &mut Reading) -> Option<String> {
        match json {
            Json::String(text) => Some(text),
            // A number where the page says string: its text is what the caller wants.
            Json::Number(number) => Some(number.to_string()),
            other => {
                reading.note("a string", &other);
                None
            }
        }
    }

    fn to_json(&self) -> Json {
        Json::String(self.clone())
    }

    fn check(&self, field: &Field, path: &str) -> Result<(), Violation> {
        length(self, field, path)?;
        matches_pattern(self, field, path)
    }
}

impl Value for i64 {
    fn from_json(json: Json, reading: &mut Reading) -> Option<i64> {
        let number = match &json {
            Json::Number(number) => number.as_i64(),
            Json::String(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reading.note("an integer", &json);
        }
        number
    }

    fn to_json(&self) -> Json {
        Json::Number(Number::from(*self))
    }

    fn check(&self, field: &Field, path: &str) -> Result<(), Violation> {
        match field.range {
            Some((min, max)) if !(min..=max).contains(self) => {
                Err(Violation::new(path, &outside(&format!("is {self}"), min, max, "")))
            }
            _ => Ok(()),
        }
    }
}

/// A number with a possible fraction keeps the digits that it came with: money must not pass through binary fractions.
impl Value for Number {
    fn from_json(json: Json, reading: &mut Reading) -> Option<Number> {
        let number = match &json {
            Json::Number(number) => Some(number.clone()),
            Json::String(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reading.note("a number", &json);
        }
        number
    }

    fn to_json(&self) -> Json {
        Json::Number(self.clone())
    }

    fn check(&self, field: &Field, path: &str) -> Result<(), Violation> {
        match (self.as_i64(), field.range) {
            (Some(whole), Some(_)) => whole.check(field, path),
            _ => Ok(()),
        }
    }
}

/// An object that the pages do not describe further.
impl Value for Json {
    fn from_json(json: Json, _: &mut Reading) -> Option<Json> {
        Some(json)
    }

    fn to_json(&self) -> Json {
        self.clone()
    }

    fn check(&self, _: &Field, _: &str) -> Result<(), Violation> {
        Ok(())
    }
}

impl Value for bool {
    fn from_json(json: Json, reading: &mut Reading) -> Option<bool> {
        let truth = match &json {
            Json::Bool(truth) => Some(*truth),
            Json::String(text) => text.parse().ok(),
            _ => None,
        };
        if truth.is_none() {
            reading.note("a boolean", &json);
        }
        truth
    }

    fn to_json(&self) -> Json {
        Json::Bool(*self)
    }

    fn check(&self, _: &Field, _: &str) -> Result<(), Violation> {
        Ok(())
    }
}

impl<T: Value> Value for Vec<T> {
    fn from_json(json: Json, reading: &mut Reading) -> Option<Vec<T>> {
        let Json::Array(members) = json else {
            reading.note("an array", &json);
            return None;
        };
        let read =
            |(index, member)| reading.inside(&format!("[{index}]"), |reading| T::from_json(member, reading));
        Some(members.into_iter().enumerate().filter_map(read).collect())
    }

    fn to_json(&self) -> Json {
        Json::Array(self.iter().map(T::to_json).collect())
    }

    fn check(&self, field: &Field, path: &str) -> Result<(), Violation> {
        if let Some((min, max)) = field.items
            && !(min..=max).contains(&self.len())
        {
            return Err(Violation::new(path, &outside(&format!("has {}", self.len()), min, max, " members")));
        }
        self.iter()
            .enumerate()
            .try_for_each(|(index, member)| member.check(field, &format!("{path}[{index}]")))
    }
}
