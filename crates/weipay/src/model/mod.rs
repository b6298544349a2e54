//! Typed requests and answers as tables.
//!
//! A model is a plain struct and, beside it, one table with a row for each field. One piece of code walks the tables:
//! it checks a request, encodes it, and decodes a response. So a thousand operations cost little to compile, and the row
//! that encodes a field is also the one that names it in an error.
//!
//! Requests are strict before they are sent, answers are lenient when they are read: a field that is missing, new or
//! odd never turns what happened into an error. It reads as `None`, and [`Response::misread`](crate::Response::misread)
//! tells about it.
//!
//! The traits of this module are for this crate to implement; they and the tables change with its needs. What programs
//! use are the structs, which gain fields when the platform does: none can be written out or taken apart whole.
//! Operations whose objects are the same share one type; where the platform lets them differ one day, they will be two.

pub(crate) mod check;
pub(crate) mod debug;
pub(crate) mod decode;
pub(crate) mod encode;
mod enumeration;
mod field;
mod found;
mod json_text;
pub(crate) mod sensitive;
mod structure;
mod time;
mod value;

use std::fmt::Debug;

pub use check::Violation;
pub use field::{Field, Place, Purpose, body, file, header, meta, part, path, query, xml};
pub use found::{Found, Strictness};
pub use json_text::JsonText;
pub use sensitive::{Encryption, Sensitive};
pub use time::Time;
pub use value::{Items, Next, Slot, Value};
pub use weipay_rules::{Format, Limits, Rules};

#[doc(no_inline)]
pub use crate::upload::File;

#[allow(unused_imports, reason = "a product may need only some of the macros")]
pub(crate) use enumeration::open_enum;
#[allow(unused_imports, reason = "a product may need only some of the macros")]
pub(crate) use structure::{model, request, response};

/// A struct with its table of fields. The macros write it; the codec sees every model through it.
///
/// The slots come in the order of the table. They are lent to a function, and not returned, because that is what costs
/// least to compile, some thousands of times.
pub trait Model: Debug + Send + Sync + 'static {
    /// The rows.
    fn table(&self) -> &'static Table;

    /// Lends the fields to read.
    fn read(&self, see: &mut dyn FnMut(&[&dyn Slot]));

    /// Lends the fields to fill.
    fn write(&mut self, fill: &mut dyn FnMut(&mut [&mut dyn Slot]));
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

/// The request, or the response, of an operation that has nothing but its path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nothing;

impl Model for Nothing {
    fn table(&self) -> &'static Table {
        &Table { name: "Nothing", fields: &[] }
    }

    fn read(&self, see: &mut dyn FnMut(&[&dyn Slot])) {
        see(&[]);
    }

    fn write(&mut self, fill: &mut dyn FnMut(&mut [&mut dyn Slot])) {
        fill(&mut []);
    }
}

#[cfg(test)]
mod tests;
