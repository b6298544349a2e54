//! A model is a struct and its table, which has a row for each field: its name on the wire, its place in the request, its
//! rules, and what it is for.
//!
//! The macros write both: a response is read leniently; a request has setters as well, and is read strictly. Every function is
//! `#[inline]`: thousands of them are compiled only in the programs that call them.

use std::fmt;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use weipay_rules::{Format, Limits, Rules};

use super::value::{Model, object};
use super::{Encryption, is_private_name, sensitive};

/// `Debug` of every model: what is set, in the order of the table. Sensitive values keep their text out themselves; of other
/// private ones it shows only that they are set.
pub(crate) fn debug(model: &dyn Model, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut done = Ok(());
    model.read(&mut |table, slots| {
        let mut shown = f.debug_struct(table.name);
        for (field, slot) in table.fields.iter().zip(slots).filter(|(_, slot)| slot.is_set()) {
            match !field.encrypted && is_private_name(field.name) {
                true => shown.field(field.name, &format_args!("..")),
                false => shown.field(field.name, slot),
            };
        }
        done = shown.finish();
    });
    done
}

/// `PartialEq` of every model: equal is what was filled in with the same values.
pub(crate) fn equal(one: &dyn Model, other: &dyn Model) -> bool {
    // Nothing is encrypted here. A request with a value that does not fit is equal to none.
    match (object(one, Encryption::AsSet), object(other, Encryption::AsSet)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// `Clone` of every model: field by field, through the table. Derived code would be as long as the struct, thousands of times.
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

/// `Serialize` of every model: as it is sent, except for sensitive fields. Plain text is written as plain text, so keep it
/// out of logs, and ciphertext as `{"ciphertext": "..."}`, so that it reads back as what it is. A call without types does not
/// take a model with such plain text: it could not encrypt it.
pub(crate) fn serialize<S: Serializer>(model: &dyn Model, serializer: S) -> Result<S::Ok, S::Error> {
    sensitive::json(model).map_err(S::Error::custom)?.serialize(serializer)
}

/// The common part of requests and responses: the struct, its table, and how it is compared, printed and written.
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

/// Like [`response`], with a constructor and a setter for each field: those of responses would be compiled without a use.
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

            /// Checks this by the rules that a client applies before sending, and suggests corrections for mistyped words.
            #[inline]
            #[cfg_attr(test, allow(dead_code, reason = "the models of tests are private"))]
            pub fn check(&self) -> $crate::model::ValidationReport {
                $crate::model::check::inspect(self)
            }

            /// Calls a setter if there is a value, and does nothing for `None`:
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

pub(crate) use {model, request, response};

/// The place of a field in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// In the JSON body.
    Body,
    /// In the path, for a placeholder. Such a row belongs to a step of the chain, not to a table.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
    /// In the XML body (APIv2).
    Xml,
    /// In the `meta` part of an upload.
    Meta,
    /// A file, as a part of an upload.
    File,
    /// Another part of a body of several parts (APIv2).
    Part,
}

/// A row of a model's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name on the wire.
    pub name: &'static str,
    /// Its place in the request.
    pub place: Place,
    /// The rules of its value.
    pub rules: Rules,
    /// Whether it is encrypted (敏感信息加密).
    pub encrypted: bool,
    /// The purpose of the field, if the client must know it.
    pub purpose: Option<Purpose>,
}

const fn field(name: &'static str, place: Place) -> Field {
    Field { name, place, rules: Rules::NONE, encrypted: false, purpose: None }
}

/// A field of the JSON body.
pub const fn body(name: &'static str) -> Field {
    field(name, Place::Body)
}

/// The value of a placeholder of the path.
pub const fn path(name: &'static str) -> Field {
    field(name, Place::Path)
}

/// A field of the query string.
pub const fn query(name: &'static str) -> Field {
    field(name, Place::Query)
}

/// A header.
pub const fn header(name: &'static str) -> Field {
    field(name, Place::Header)
}

/// An element of the XML body (APIv2).
pub const fn xml(name: &'static str) -> Field {
    field(name, Place::Xml)
}

/// A member of the `meta` part of an upload.
pub const fn meta(name: &'static str) -> Field {
    field(name, Place::Meta)
}

/// The file of an upload.
pub const fn file(name: &'static str) -> Field {
    field(name, Place::File)
}

/// Another part of a body of several parts (APIv2).
pub const fn part(name: &'static str) -> Field {
    field(name, Place::Part)
}

impl Field {
    /// The request must have it.
    pub const fn required(mut self) -> Self {
        self.rules.required = true;
        self
    }

    /// The fewest and the most characters.
    pub const fn length(mut self, min: usize, max: usize) -> Self {
        self.rules.limits = counts(min, max);
        self
    }

    /// The fewest and the most bytes in UTF-8.
    pub const fn bytes(mut self, min: usize, max: usize) -> Self {
        self.rules.limits = counts(min, max);
        self.rules.in_bytes = true;
        self
    }

    /// The lowest and the highest value.
    pub const fn range(mut self, min: i64, max: i64) -> Self {
        self.rules.limits = Limits::new(
            if min == i64::MIN { None } else { Some(min) },
            if max == i64::MAX { None } else { Some(max) },
        );
        self
    }

    /// The fewest and the most members.
    pub const fn items(mut self, min: usize, max: usize) -> Self {
        self.rules.items = counts(min, max);
        self
    }

    /// It is encrypted (敏感信息加密).
    pub const fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// A regular expression.
    pub const fn pattern(mut self, pattern: &'static str) -> Self {
        self.rules.pattern = Some(pattern);
        self
    }
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $purpose:ident,)* ; $($(#[$member_doc:meta])* $member:ident,)*) => {
        /// The purpose of a field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Purpose {
            $($(#[$doc])* $purpose,)*
            $($(#[$member_doc])* $member,)*
        }

        /// Purposes, by the words of the catalogue.
        impl Field {
            $(
                $(#[$doc])*
                pub const fn $name(mut self) -> Self {
                    self.purpose = Some(Purpose::$purpose);
                    self
                }
            )*
        }
    };
}

purposes! {
    /// The number of the request itself (商户请求单号): the platform knows a repeated request by it.
    request_number = RequestNumber,
    /// The name of the file that is uploaded with it.
    file_name = FileName,
    /// The SHA-256 of the file that is uploaded with it.
    file_sha256 = FileSha256,
    /// The SM3 (国密) of the file that is uploaded with it.
    file_sm3 = FileSm3,
    /// The serial number of the platform key that sensitive fields are encrypted with.
    platform_serial = PlatformSerial,
    /// A random text that is signed with the request (APIv2).
    nonce = Nonce,
    /// The signature of the request (APIv2).
    signature = Signature,
    /// How the request is signed (APIv2).
    sign_type = SignType,
    /// The number of the merchant who signs the request.
    merchant_number = MerchantNumber,
    /// How many items of a list come before the page.
    page_offset = PageOffset,
    /// How many items of a list the page has at most.
    page_limit = PageLimit,
    /// The number of the page, counted from 1.
    page_number = PageNumber,
    /// The number of the page, counted from 0.
    page_index = PageIndex,
    /// The token of the page, which the previous page returned.
    page_cursor = PageCursor,
    /// Of a response: the address of a file.
    download_url = DownloadUrl,
    /// Of a response: the algorithm of the file's digest.
    download_hash_type = DownloadHashType,
    /// Of a response: the digest of the file, in hexadecimal.
    download_hash = DownloadHash,
    /// Of a response: the key that the file is encrypted with.
    download_key = DownloadKey,
    /// Of a response: the nonce that the file is encrypted with.
    download_nonce = DownloadNonce,

    // No table of a model has these: the members of an operation have them.
    ;
    /// The file that is uploaded.
    File,
    /// Of a response: how many items a list has.
    PageTotal,
    /// Of a response: the items of the page.
    PageItems,
    /// Of a response: names the next page.
    PageNext,
    /// Of a response: repeats the field of the request with this name.
    Echo,
    /// The same, and every response of the operation has it.
    EchoInEveryResponse,
    /// Of a response: the number of a merchant that need not be the one of the request with this name.
    OtherMerchant,
}

/// Limits of a length or a number of members; `0` and `usize::MAX` say that there is none.
const fn counts(min: usize, max: usize) -> Limits {
    // Both are written in a table and small.
    let min = if min == 0 { None } else { Some(min as i64) };
    let max = if max == usize::MAX { None } else { Some(max as i64) };
    Limits::new(min, max)
}

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $format:ident,)*) => {
        /// Formats, by the words of the catalogue.
        impl Field {
            $(
                $(#[$doc])*
                pub const fn $name(mut self) -> Self {
                    self.rules.format = Some(Format::$format);
                    self
                }
            )*
        }
    };
}

formats! {
    /// A URL that the platform calls (通知地址): http or https, without a query.
    notify_url = NotifyUrl,
    /// A URL.
    url = Url,
    /// A `data:` URL.
    data_url = DataUrl,
    /// A point in time such as `2015-05-20T13:29:35+08:00`.
    rfc3339 = Rfc3339,
    /// A point in time such as `20150520132935`.
    compact_time = Compact,
    /// A day such as `2015-05-20`.
    date = Date,
    /// Month and year such as `05/26`.
    month_year = MonthYear,
    /// An IPv4 or IPv6 address.
    ip = Ip,
    /// Bytes in standard base64.
    base64 = Base64,
    /// A 32-bit signed integer.
    int32 = Int32,
    /// A 64-bit signed integer.
    int64 = Int64,
    /// A 32-bit unsigned integer.
    uint32 = Uint32,
    /// A 64-bit unsigned integer.
    uint64 = Uint64,
    /// A whole number that is sent as text.
    integer_text = Integer,
    /// A number that is sent as text.
    numeric = Numeric,
    /// Text that looks like a JSON object.
    json_object_like = JsonObjectLike,
    /// Text that looks like a JSON array.
    json_array_like = JsonArrayLike,
}
