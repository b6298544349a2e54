//! The macro that writes an open enumeration: the values that the pages list, and whatever comes beyond them.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::value::check_text;
use super::{Field, Strictness, Token, Value, Violation};

/// The text of a value, and the values that are listed where it is not one of them.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) listed: Option<&'static [&'static str]>,
}

/// Begins an enumeration. It takes what a string does.
pub(crate) fn begin<T: for<'a> From<&'a str>>(
    found: Token<'_>,
    strictness: Strictness,
) -> Result<T, &'static str> {
    let text = match found {
        Token::Text(text) => Cow::Borrowed(text),
        found => Cow::Owned(String::begin(found, strictness)?),
    };
    Ok(T::from(&text))
}

/// An enumeration as JSON.
pub(super) fn word_json(word: Option<Word<'_>>) -> Json {
    word.map_or(Json::Null, |word| Json::from(word.text))
}

/// The rules of an enumeration are those of a text.
pub(super) fn check_word(word: Option<Word<'_>>, field: &Field) -> Result<(), Violation> {
    word.map_or(Ok(()), |word| check_text(word.text, field))
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
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl<T: AsRef<str>> From<T> for $name {
            fn from(text: T) -> Self {
                match text.as_ref() {
                    $($text => $name::$variant,)*
                    other => $name::Unknown(other.to_owned()),
                }
            }
        }

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
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::model::Value for $name {
            type Intake = $crate::model::FromText;

            #[inline]
            fn begin(
                found: $crate::model::Token<'_>,
                strictness: $crate::model::Strictness,
            ) -> Result<Self, &'static str> {
                $crate::model::enumeration::begin(found, strictness)
            }

            #[inline]
            fn word(&self) -> Option<$crate::model::Word<'_>> {
                let listed: Option<&'static [&'static str]> = match self {
                    Self::Unknown(_) => Some(&[$($text),*]),
                    _ => None,
                };
                Some($crate::model::Word { text: self.as_str(), listed })
            }
        }
    )*};
}

pub(crate) use open_enum;
