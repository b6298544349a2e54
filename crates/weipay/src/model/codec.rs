//! What the codec sees of every model: its table, its fields as slots, and what the JSON reader hands to them.
//!
//! These traits are public for the compiler's sake only. Their module is private: no other crate can name or implement them.

use std::any::Any;
use std::fmt::Debug;

use serde_json::{Number, Value as Json};

use super::field::Field;
use super::{Checked, Encryption, Sensitive, UnfitValues, Violation, Word, checked, enumeration};
use crate::upload::File;

/// A struct with its table of fields. The macros write it; the codec sees every model through it.
///
/// The slots come in the order of the table; after them, a request has one more with what its setters were given that does not
/// fit. They are lent to a function, and not returned, because that is what costs
/// least to compile, some thousands of times.
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

/// What is known of a struct: its name, and a row for each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// The name of the type.
    pub name: &'static str,
    /// The rows.
    pub fields: &'static [Field],
}

/// What a field can hold.
pub trait Value: Clone + Sized + Debug + 'static {
    /// How setters take it.
    type Intake;

    /// Begins with what was found in a response, or says what was expected.
    fn begin(found: Token<'_>, strictness: Strictness) -> Result<Self, &'static str>;

    /// Whether what was found says that there is none. `null` is how some back-ends write "absent".
    fn is_absent(found: &Token<'_>, _: Strictness) -> bool {
        matches!(found, Token::Null)
    }

    /// What it still takes in, after its beginning.
    fn container(&mut self) -> Container<'_> {
        Container::Complete
    }

    /// The file, if it is one.
    fn file(&self) -> Option<&File> {
        None
    }

    /// Its text, if it is an open enumeration.
    fn word(&self) -> Option<Word<'_>> {
        None
    }

    /// Writes it as JSON. Everything but an enumeration does that itself: there are so many of those that each function of
    /// theirs counts.
    fn to_json(&self, _: Encryption<'_>) -> Result<Json, Violation> {
        Ok(enumeration::word_json(self.word()))
    }

    /// Checks it against the rules of its row. Everything but an enumeration does that itself.
    fn check(&self, field: &Field) -> Result<(), Violation> {
        enumeration::check_word(self.word(), field)
    }

    /// Everything that is wrong with it or looks wrong.
    fn inspect(&self, field: &Field) -> Checked {
        checked::inspect_value(self, field)
    }
}

/// A field of a struct, whatever it holds: what the one codec sees.
pub trait Slot: Debug {
    /// Fills the field with what was found, or says what was expected.
    fn fill(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str>;

    /// Whether it is set.
    fn is_set(&self) -> bool;

    /// The file, if it holds one.
    fn file(&self) -> Option<&File>;

    /// The field as JSON; nothing when it is not set.
    fn json(&self, encryption: Encryption<'_>) -> Result<Option<Json>, Violation>;

    /// Checks the field against the rules of its row.
    fn check(&self, field: &Field) -> Result<(), Violation>;

    /// Everything that is wrong with the field or looks wrong.
    fn inspect(&self, field: &Field) -> Checked;

    /// Writes a copy into the same field of another struct of its type.
    fn copy_to(&self, other: &mut dyn Any);

    /// The field itself, for [`Slot::copy_to`].
    fn as_any(&mut self) -> &mut dyn Any;

    /// What setters were given that does not fit, in the slot after the fields.
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

    fn inspect(&self, field: &Field) -> Checked {
        match self {
            Some(value) => value.inspect(field),
            None => Slot::check(self, field).into(),
        }
    }
}

/// What a value that has begun still takes in.
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

    /// What one member takes of memory, without what it points to.
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

/// What the JSON reader hands over before it is known what it becomes: a scalar, or the beginning of an array or object.
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
    /// A string that travels encrypted (敏感信息加密) and was not opened.
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
