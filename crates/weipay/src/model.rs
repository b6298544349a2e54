//! The types that requests and responses are made of.
//!
//! Each request and response is a plain struct; every field is an `Option`. A request has a setter for each field, and is
//! checked before it is sent. A response is read leniently: a field that is missing, new or odd never turns what happened
//! into an error. It reads as `None`, and [`Response::decode_errors`](crate::Response::decode_errors) lists it.
//!
//! The structs gain fields when the platform does, so all of them are `#[non_exhaustive]`.
//!
//! Each operation has its own request and response type. Objects inside them that the catalogue shares by name are one type for
//! the operations of a product, in the module `shared` of that product. The module of each operation shows them too.

#![cfg_attr(
    not(feature = "full"),
    allow(dead_code, unused_imports, unused_macros, reason = "a product may need only some kinds of models")
)]

// How it works: beside each struct stands one table with a row for each field. One piece of code walks the tables: it checks a
// request, encodes it, and decodes a response. So a thousand operations cost little to compile, and the row that encodes a
// field also names it in an error.

pub(crate) mod check;
pub(crate) mod decode;
pub(crate) mod enumeration;
mod into_field;
mod json_text;
mod money;
mod numbered;
mod private;
pub(crate) mod sensitive;
pub(crate) mod table;
mod time;
#[cfg(any(feature = "jiff", feature = "time", feature = "chrono"))]
mod time_crates;
pub(crate) mod value;

pub use check::{Hint, ValidationReport, Violation, nearest_word};
pub use into_field::{IntoField, IntoItem};
pub use json_text::JsonText;
pub use money::{Fen, MoneyError};
pub use numbered::Numbered;
pub use sensitive::Sensitive;
pub use time::Time;
#[cfg(any(feature = "jiff", feature = "time", feature = "chrono"))]
pub use time_crates::TimeError;

pub(crate) use into_field::{Converted, Direct, FromText, UnfitValues, set};
pub(crate) use private::is_private_name;
pub(crate) use sensitive::Encryption;
pub(crate) use value::{Model, Slot, Strictness, Table, Token, Value};

#[doc(no_inline)]
pub use crate::upload::UploadFile;

pub(crate) use enumeration::{Word, open_enum};
pub(crate) use table::{Field, body, file, header, meta, model, part, path, query, request, response, xml};

/// The request of an operation without fields beyond its path, or the response of one without a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Empty;

impl Model for Empty {
    fn read(&self, see: &mut dyn FnMut(&'static Table, &[&dyn Slot])) {
        see(&Table { name: "Empty", fields: &[] }, &[]);
    }

    fn write(&mut self, fill: &mut dyn FnMut(&mut [&mut dyn Slot])) {
        fill(&mut []);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdicts;
