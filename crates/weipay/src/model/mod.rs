//! Typed requests and answers as tables.
//!
//! A model is a plain struct and, beside it, one table with a row for each field. One piece of code walks the tables:
//! it checks a request, encodes it, and decodes an answer. So a thousand operations cost little to compile, and the row
//! that encodes a field is also the one that names it in an error.
//!
//! Requests are strict before they are sent, answers are lenient when they are read: a field that is missing, new or
//! odd never turns what happened into an error. It reads as `None`, and [`Reply::misread`](crate::Reply::misread)
//! tells about it.

pub(crate) mod check;
pub(crate) mod debug;
pub(crate) mod decode;
pub(crate) mod encode;
mod enumeration;
mod field;
mod structure;
mod time;
mod value;

pub use check::Violation;
pub use field::{Field, Place, body, header, query};
pub use time::Time;
pub use value::{Reading, Slot, Value};

pub(crate) use enumeration::open_enum;
pub(crate) use structure::{answer, implement_model, request};

/// A struct with its table of fields.
pub trait Model: Default + Clone + Send + Sync + 'static {
    /// The name of the type, for `Debug`.
    const NAME: &'static str;

    /// A row for each field, in the order of the slots.
    const FIELDS: &'static [Field];

    /// The fields, to read.
    fn slots(&self) -> Vec<&dyn Slot>;

    /// The fields, to fill.
    fn slots_mut(&mut self) -> Vec<&mut dyn Slot>;
}

/// The request of an operation that has nothing but its path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nothing;

impl Model for Nothing {
    const NAME: &'static str = "Nothing";
    const FIELDS: &'static [Field] = &[];

    fn slots(&self) -> Vec<&dyn Slot> {
        Vec::new()
    }

    fn slots_mut(&mut self) -> Vec<&mut dyn Slot> {
        Vec::new()
    }
}

impl crate::reply::Decode for Nothing {
    fn decode(_: &[u8]) -> Result<Nothing, crate::error::DecodeProblem> {
        Ok(Nothing)
    }
}

#[cfg(test)]
mod tests;
