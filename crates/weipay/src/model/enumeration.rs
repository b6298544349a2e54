//! The macro that writes an open enumeration: the values that the pages list, and whatever comes beyond them.

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
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
                match found {
                    $crate::model::Token::Text(text) => Ok(Self::from(text)),
                    found => <String as $crate::model::Value>::begin(found, strictness).map(Self::from),
                }
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
