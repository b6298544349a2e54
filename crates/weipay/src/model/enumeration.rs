//! The macro that writes an open enumeration: the values that the pages list, and whatever comes beyond them.

use std::borrow::Cow;

use super::{Strictness, Token, Value};

/// The text of a value. An enumeration takes what a string does.
#[allow(dead_code, reason = "a product may have no enumerations")]
pub(crate) fn begin_text(found: Token<'_>, strictness: Strictness) -> Result<Cow<'_, str>, &'static str> {
    match found {
        Token::Text(text) => Ok(Cow::Borrowed(text)),
        found => String::begin(found, strictness).map(Cow::Owned),
    }
}

/// `Clone`, `PartialEq`, `Hash` and `Debug` go by the text: derived code would name each value again, and there are thousands of
/// enumerations.
///
/// ```text
/// open_enum! {
///     /// 批次类型.
///     pub enum StockType {
///         Normal = "NORMAL",
///     }
/// }
/// ```
#[allow(unused_macros, reason = "a product may need only some of the macros")]
macro_rules! open_enum {
    ($($(#[$doc:meta])* pub enum $name:ident { $($variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`")]
                $variant,
            )*
            /// A value that this crate does not know: the platform adds values without notice.
            Unknown(String),
        }

        impl $name {
            /// The text on the wire.
            #[inline]
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $text,)*
                    $name::Unknown(text) => text,
                }
            }
        }

        impl Clone for $name {
            #[inline]
            fn clone(&self) -> Self {
                Self::from(self.as_str())
            }
        }

        impl PartialEq for $name {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            #[inline]
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl std::fmt::Debug for $name {
            #[inline]
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.as_str(), out)
            }
        }

        impl From<&str> for $name {
            #[inline]
            fn from(text: &str) -> Self {
                match text {
                    $($text => $name::$variant,)*
                    other => $name::Unknown(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            #[inline]
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl From<&String> for $name {
            #[inline]
            fn from(text: &String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl From<std::borrow::Cow<'_, str>> for $name {
            #[inline]
            fn from(text: std::borrow::Cow<'_, str>) -> Self {
                Self::from(&*text)
            }
        }

        impl $crate::model::Direct for $name {}
        impl $crate::model::Textual for $name {}

        impl serde::Serialize for $name {
            #[inline]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "deserialize")]
        impl<'de> serde::Deserialize<'de> for $name {
            #[inline]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }

        impl std::fmt::Display for $name {
            #[inline]
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl $crate::model::Value for $name {
            #[inline]
            fn begin(
                found: $crate::model::Token<'_>,
                strictness: $crate::model::Strictness,
            ) -> Result<Self, &'static str> {
                $crate::model::begin_text(found, strictness).map(|text| Self::from(&*text))
            }

            #[inline]
            fn to_json(
                &self,
                _: $crate::model::Encryption<'_>,
            ) -> Result<serde_json::Value, $crate::model::Violation> {
                Ok(serde_json::Value::from(self.as_str()))
            }

            #[inline]
            fn check(&self, field: &$crate::model::Field) -> Result<(), $crate::model::Violation> {
                $crate::model::check::text(self.as_str(), field)
            }

            #[inline]
            fn unlisted(&self) -> Option<(&str, &'static [&'static str])> {
                match self {
                    Self::Unknown(text) => Some((text, const { &[$($text),*] })),
                    _ => None,
                }
            }
        }
    )*};
}

#[allow(unused_imports, reason = "a product may need only some of the macros")]
pub(crate) use open_enum;
