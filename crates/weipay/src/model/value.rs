//! The values of fields: how each kind is read, written and checked. And the models as the codec sees them: their fields as
//! slots.
//!
//! These traits are public for the compiler's sake only. Their module is private: no other crate can name or implement them.

use std::any::Any;
use std::fmt::Debug;

use serde_json::{Map, Number, Value as Json};

use super::into_field::unfit_values;
use super::table::Field;
use super::{
    Converted, Direct, Encryption, Sensitive, UnfitValues, ValidationReport, Violation, Word, check,
    enumeration,
};
use crate::upload::UploadFile;

/// A struct with its table of fields. The macros write it; the codec sees every model through it.
///
/// The slots come in the order of the table; after them, a request has one more with what its setters were given that does not
/// fit. They are passed to a function and not returned, because that compiles fastest, and there are thousands of models.
pub trait Model: Debug + Send + Sync + 'static {
    /// Lends the fields to read, with their rows.
    fn read(&self, see: &mut dyn FnMut(&'static Table, &[&dyn Slot]));

    /// Lends the fields to fill.
    fn write(&mut self, fill: &mut dyn FnMut(&mut [&mut dyn Slot]));

    /// The rows.
    fn table(&self) -> &'static Table {
        let mut known = &Table { name: "", fields: &[] };
        self.read(&mut |table, _| known = table);
        known
    }
}

/// The description of a struct: its name, and a row for each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// The name of the type.
    pub name: &'static str,
    /// The rows.
    pub fields: &'static [Field],
}

/// A type that a field can have.
pub trait Value: Clone + Sized + Debug + 'static {
    /// How setters take it.
    type Intake;

    /// Begins with what was found in a response, or says what was expected.
    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str>;

    /// Whether what was found says that there is none. `null` is how some back-ends write "absent".
    fn is_absent(found: &Token<'_>, _: Strictness) -> bool {
        matches!(found, Token::Null)
    }

    /// The container for its members.
    fn container(&mut self) -> Container<'_> {
        Container::Complete
    }

    /// The file, if it is one.
    fn file(&self) -> Option<&UploadFile> {
        None
    }

    /// Its text, if it is an open enumeration.
    fn word(&self) -> Option<Word<'_>> {
        None
    }

    /// Writes it as JSON. Everything but an enumeration does that itself: there are many of those, and each function of
    /// theirs counts.
    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(enumeration::word_json(self.word()))
    }

    /// Checks it against the rules of its row. Everything but an enumeration does that itself.
    fn check(&self, field: &Field) -> Result<(), Violation> {
        enumeration::check_word(self.word(), field)
    }

    /// Everything that is wrong with it or looks wrong.
    fn inspect(&self, field: &Field) -> ValidationReport {
        check::inspect_value(self, field)
    }
}

/// A field of a struct, whatever it holds: what the one codec sees.
pub trait Slot: Debug {
    /// Fills the field with what was found, or says what was expected.
    fn fill(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str>;

    /// Whether it is set.
    fn is_set(&self) -> bool;

    /// The file, if it holds one.
    fn file(&self) -> Option<&UploadFile>;

    /// The field as JSON; nothing when it is not set.
    fn json(&self, encryption: Encryption<'_>) -> Result<Option<Json>, Violation>;

    /// Checks the field against the rules of its row.
    fn check(&self, field: &Field) -> Result<(), Violation>;

    /// Everything that is wrong with the field or looks wrong.
    fn inspect(&self, field: &Field) -> ValidationReport;

    /// Writes a copy into the same field of another struct of its type.
    fn copy_to(&self, other: &mut dyn Any);

    /// The field itself, for [`Slot::copy_to`].
    fn as_any(&mut self) -> &mut dyn Any;

    /// The values that setters could not convert, in the slot after the fields.
    fn unfit(&self) -> Option<&UnfitValues> {
        None
    }
}

impl<T: Value> Slot for Option<T> {
    fn fill(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str> {
        // A second value of the same name replaces the first.
        *self = None;
        if T::is_absent(&found, strictness) {
            return Ok(Container::Complete);
        }
        Ok(self.insert(T::begin(found, strictness)?).container())
    }

    fn copy_to(&self, other: &mut dyn Any) {
        if let Some(other) = other.downcast_mut::<Self>() {
            other.clone_from(self);
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn is_set(&self) -> bool {
        self.is_some()
    }

    fn file(&self) -> Option<&UploadFile> {
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

    fn inspect(&self, field: &Field) -> ValidationReport {
        match self {
            Some(value) => value.inspect(field),
            None => Slot::check(self, field).into(),
        }
    }
}

/// The members that a value still takes in after its beginning.
#[derive(Debug)]
#[non_exhaustive]
pub enum Container<'a> {
    /// Nothing: it is complete.
    Complete,
    /// The members of an object.
    Object(&'a mut dyn Model),
    /// The members of an array.
    Array(&'a mut dyn Sequence),
    /// Any JSON.
    Any(&'a mut Json),
}

/// An array that is being read.
pub trait Sequence: Debug {
    /// Adds a member.
    fn push(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str>;

    /// The size of one member in memory, without the heap memory that it points to.
    fn member_size(&self) -> usize;
}

impl<T: Value> Sequence for Vec<T> {
    fn push(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str> {
        Self::push(self, T::begin(found, strictness)?);
        Ok(self.last_mut().map_or(Container::Complete, T::container))
    }

    fn member_size(&self) -> usize {
        size_of::<T>()
    }
}

/// A token of the JSON reader: a scalar, or the beginning of an array or object.
#[derive(Debug)]
#[non_exhaustive]
pub enum Token<'a> {
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
    /// An encrypted string (敏感信息加密) that was not decrypted.
    Ciphertext(&'a str),
    /// A sensitive value that a model wrote.
    Sensitive(Sensitive),
    /// `[`.
    Array,
    /// `{`.
    Object,
}

impl Token<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Token::Null => "null",
            Token::Bool(_) => "a boolean",
            Token::Integer(_) | Token::Number(_) => "a number",
            Token::Text(_) | Token::Ciphertext(_) => "a string",
            Token::Array => "an array",
            Token::Sensitive(_) | Token::Object => "an object",
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

impl<T: Model + Default + Clone> Value for T {
    type Intake = Direct;

    fn begin(found: Token<'_>, _: Strictness) -> Result<T, &'static str> {
        if matches!(found, Token::Object) { Ok(T::default()) } else { Err("an object") }
    }

    fn container(&mut self) -> Container<'_> {
        Container::Object(self)
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        object(self, encryption)
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        check(self)
    }

    fn inspect(&self, _: &Field) -> ValidationReport {
        check::inspect(self)
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
        check_text(self, field)
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

/// A file is a separate part of the body; as JSON it is what distinguishes it from another.
impl Value for UploadFile {
    type Intake = Direct;

    fn begin(_: Token<'_>, _: Strictness) -> Result<Self, &'static str> {
        Err("a file cannot be read from JSON: set it in code")
    }

    fn file(&self) -> Option<&UploadFile> {
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

    fn inspect(&self, field: &Field) -> ValidationReport {
        check::inspect_items(self, field, check_count(self.len(), field))
    }
}

/// The rules of a text.
pub(crate) fn check_text(text: &str, field: &Field) -> Result<(), Violation> {
    Ok(field.rules.check_text(text)?)
}

/// The rule of the number of members.
fn check_count(count: usize, field: &Field) -> Result<(), Violation> {
    Ok(field.rules.check_items(count)?)
}

pub(super) fn object(model: &dyn Model, encryption: Encryption<'_>) -> Result<Json, Violation> {
    let mut members = Map::new();
    each(model, encryption, |field, json| drop(members.insert(field.name.to_owned(), json)))?;
    Ok(Json::Object(members))
}

/// The first rule that a request breaks, if any.
pub(crate) fn check(model: &dyn Model) -> Result<(), Violation> {
    if let Some(unfit) = unfit_values(model).into_iter().next() {
        return Err(unfit);
    }
    let mut found = Ok(());
    model.read(&mut |table, slots| {
        found = table
            .fields
            .iter()
            .zip(slots)
            .try_for_each(|(field, slot)| slot.check(field).map_err(|rule| rule.within(field.name)));
    });
    found
}

/// Every field that is set, as it is sent.
pub(crate) fn each(
    model: &dyn Model,
    encryption: Encryption<'_>,
    mut take: impl FnMut(&'static Field, Json),
) -> Result<(), Violation> {
    // A value that does not fit is never sent, even if requests are not checked.
    if let Some(unfit) = unfit_values(model).into_iter().next() {
        return Err(unfit);
    }
    let mut done = Ok(());
    model.read(&mut |table, slots| {
        done = table.fields.iter().zip(slots).try_for_each(|(field, slot)| {
            if let Some(json) = slot.json(encryption).map_err(|problem| problem.within(field.name))? {
                take(field, json);
            }
            Ok(())
        });
    });
    done
}
