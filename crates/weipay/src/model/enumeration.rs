//! The macro that writes an open enumeration: the values that the pages list, and whatever comes beyond them.

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
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $text,)*
                    $name::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => $name::$variant,)*
                    other => $name::Unknown(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl $crate::model::Value for $name {
            fn from_json(json: serde_json::Value, reading: &mut $crate::model::Reading) -> Option<Self> {
                <String as $crate::model::Value>::from_json(json, reading).map(|text| Self::from(text.as_str()))
            }

            fn to_json(&self) -> serde_json::Value {
                serde_json::Value::String(self.as_str().to_owned())
            }

            fn check(&self, _: &$crate::model::Field, _: &str) -> Result<(), $crate::model::Violation> {
                Ok(())
            }
        }
    )*};
}

pub(crate) use open_enum;
