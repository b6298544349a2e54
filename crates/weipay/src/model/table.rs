//! A model is a struct and its table, which has a row for each field: its name on the wire, where it travels, and its rules.
//!
//! The macros write both: a response is read leniently; a request has setters as well, and is read strictly. Every function is
//! `#[inline]`: thousands of them are compiled only in the programs that call them.

use std::fmt;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::value::{Model, object};
use super::{Encryption, sensitive};

/// `Debug` of every model: what is set, in the order of the table. Sensitive values keep their text out themselves.
#[allow(dead_code, reason = "without a product there is no model")]
pub(crate) fn debug(model: &dyn Model, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut done = Ok(());
    model.read(&mut |table, slots| {
        let mut shown = f.debug_struct(table.name);
        for (field, slot) in table.fields.iter().zip(slots).filter(|(_, slot)| slot.is_set()) {
            shown.field(field.name, slot);
        }
        done = shown.finish();
    });
    done
}

/// `PartialEq` of every model: equal is what was filled in with the same values.
#[allow(dead_code, reason = "without a product there is no model")]
pub(crate) fn equal(one: &dyn Model, other: &dyn Model) -> bool {
    // Nothing is encrypted here. A request with a value that does not fit is equal to none.
    match (object(one, Encryption::AsSet), object(other, Encryption::AsSet)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// `Clone` of every model: field by field, through the table. Derived code would be as long as the struct, thousands of times.
#[allow(dead_code, reason = "without a product there is no model")]
pub(crate) fn copied<M: Model + Default>(from: &M) -> M {
    let mut copy = M::default();
    copy_fields(from, &mut copy);
    copy
}

fn copy_fields(from: &dyn Model, to: &mut dyn Model) {
    from.read(&mut |_, fields| {
        to.write(&mut |copies| {
            for (field, copy) in fields.iter().zip(copies) {
                field.copy_to(copy.as_any());
            }
        });
    });
}

/// `Serialize` of every model: as it is sent, except for what travels encrypted. Plain text is written as plain text, so keep it
/// out of logs, and ciphertext as `{"ciphertext": "..."}`, so that it reads back as what it is. A call without types does not
/// take a model with such plain text: it could not encrypt it.
#[allow(dead_code, reason = "without a product there is no model")]
pub(crate) fn serialize<S: Serializer>(model: &dyn Model, serializer: S) -> Result<S::Ok, S::Error> {
    sensitive::json(model).map_err(S::Error::custom)?.serialize(serializer)
}

/// What requests and responses have in common: the struct, its table, and how it is compared, printed and written.
#[allow(unused_macros, reason = "a product may need only some of the macros")]
macro_rules! model {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $row:expr,)*
    } $(unfit $unfit:ident)?)*) => {$(
        $(#[$doc])*
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$kind>,)*
            $($unfit: $crate::model::UnfitValues,)?
        }

        impl Default for $name {
            #[inline]
            fn default() -> Self {
                Self { $($field: None,)* $($unfit: $crate::model::UnfitValues::default(),)? }
            }
        }

        impl Clone for $name {
            #[inline]
            fn clone(&self) -> Self {
                $crate::model::table::copied(self)
            }
        }

        impl $crate::model::Model for $name {
            #[inline]
            fn read(&self, see: &mut dyn FnMut(&'static $crate::model::Table, &[&dyn $crate::model::Slot])) {
                let table = const { &$crate::model::Table { name: stringify!($name), fields: &[$($row),*] } };
                see(table, &[$(&self.$field,)* $(&self.$unfit)?]);
            }

            #[inline]
            fn write(&mut self, fill: &mut dyn FnMut(&mut [&mut dyn $crate::model::Slot])) {
                fill(&mut [$(&mut self.$field,)* $(&mut self.$unfit)?]);
            }
        }

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                $crate::model::table::equal(self, other)
            }
        }

        impl std::fmt::Debug for $name {
            #[inline]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::model::table::debug(self, f)
            }
        }

        /// As it is sent, with sensitive fields as they were set.
        impl serde::Serialize for $name {
            #[inline]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::model::table::serialize(self, serializer)
            }
        }
    )*};
}

/// ```text
/// response! {
///     /// What comes back.
///     pub struct Response {
///         /// 批次号. Required.
///         stock_id: String = body("stock_id").required(),
///     }
/// }
/// ```
#[allow(unused_macros, reason = "a product may need only some of the macros")]
macro_rules! response {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $row:expr,)*
    })*) => {$(
        $crate::model::model! {
            $(#[$doc])*
            pub struct $name {
                $($(#[$field_doc])* $field: $kind = $row,)*
            }
        }

        /// As a response is read: what is missing or odd is `None`.
        #[cfg(feature = "deserialize")]
        impl<'de> serde::Deserialize<'de> for $name {
            #[inline]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::model::decode::deserialize(deserializer, $crate::model::Strictness::Lenient)
            }
        }
    )*};
}

/// Like [`response`], with a constructor and a setter for each field: those of responses would be compiled for nobody.
#[allow(unused_macros, reason = "a product may need only some of the macros")]
macro_rules! request {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $row:expr,)*
    })*) => {$(
        $crate::model::model! {
            $(#[$doc])*
            #[must_use = "a request does nothing before it is sent"]
            pub struct $name {
                $($(#[$field_doc])* $field: $kind = $row,)*
            }
            unfit unfit_values
        }

        /// Strictly: an unknown member, a value of the wrong type, and a member that is given twice are errors with their
        /// path. What was written for an order must not be missing from it.
        #[cfg(feature = "deserialize")]
        impl<'de> serde::Deserialize<'de> for $name {
            #[inline]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::model::decode::deserialize(deserializer, $crate::model::Strictness::Strict)
            }
        }

        #[cfg_attr(test, allow(dead_code, reason = "a request of a test may need none of them"))]
        impl $name {
            /// With nothing set.
            #[inline]
            pub fn new() -> Self {
                Self::default()
            }

            /// Checks it as a client does before it is sent, and finds words that look mistyped.
            #[inline]
            #[cfg_attr(test, allow(dead_code, reason = "the models of tests are private"))]
            pub fn check(&self) -> $crate::model::Checked {
                $crate::model::check::inspect(self)
            }

            /// Sets a field where there is a value, and changes nothing where there is none:
            /// `Request::new().maybe(option, Request::field)`.
            #[inline]
            #[cfg_attr(test, allow(dead_code, reason = "the models of tests are private"))]
            pub fn maybe<V>(self, value: Option<V>, set: impl FnOnce(Self, V) -> Self) -> Self {
                match value {
                    Some(value) => set(self, value),
                    None => self,
                }
            }

            $(
                $(#[$field_doc])*
                pub fn $field(mut self, value: impl $crate::model::IntoField<$kind>) -> Self {
                    $crate::model::set(&mut self.$field, &mut self.unfit_values, stringify!($field), value);
                    self
                }
            )*
        }
    )*};
}

#[allow(unused_imports, reason = "a product may need only some of the macros")]
pub(crate) use {model, request, response};
