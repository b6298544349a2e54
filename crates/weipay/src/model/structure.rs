//! The macros that write models: an answer is a struct and its table; a request has setters as well.

/// ```text
/// answer! {
///     /// What is answered.
///     pub struct Answer {
///         /// 批次号. Required.
///         stock_id: String = body("stock_id").required(),
///     }
/// }
/// ```
macro_rules! answer {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $row:expr,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$kind>,)*
        }

        impl $crate::model::Model for $name {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [$crate::model::Field] = &[$($row),*];

            fn slots(&self) -> Vec<&dyn $crate::model::Slot> {
                vec![$(&self.$field),*]
            }

            fn slots_mut(&mut self) -> Vec<&mut dyn $crate::model::Slot> {
                vec![$(&mut self.$field),*]
            }
        }

        $crate::model::implement_model!($name);
    )*};
}

/// Like [`answer`], with a constructor and a setter for each field: those of answers would be compiled for nobody.
macro_rules! request {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $row:expr,)*
    })*) => {$(
        $crate::model::answer! {
            $(#[$doc])*
            pub struct $name {
                $($(#[$field_doc])* $field: $kind = $row,)*
            }
        }

        impl $name {
            /// With nothing set.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                pub fn $field(mut self, value: impl Into<$kind>) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )*
        }
    )*};
}

/// The traits that every model has, through its table.
macro_rules! implement_model {
    ($name:ident) => {
        impl $crate::model::Value for $name {
            fn from_json(json: serde_json::Value, reading: &mut $crate::model::Reading) -> Option<Self> {
                match json {
                    serde_json::Value::Object(members) => {
                        Some($crate::model::decode::object(members, reading))
                    }
                    other => {
                        reading.note("an object", &other);
                        None
                    }
                }
            }

            fn to_json(&self) -> serde_json::Value {
                $crate::model::encode::object(self)
            }

            fn check(&self, _: &$crate::model::Field, path: &str) -> Result<(), $crate::model::Violation> {
                $crate::model::check::members(self, path)
            }
        }

        impl $crate::reply::Decode for $name {
            fn decode(body: &[u8]) -> Result<Self, $crate::error::DecodeProblem> {
                $crate::model::decode::decode(body)
            }

            fn misread(body: &[u8]) -> Vec<$crate::error::DecodeProblem> {
                $crate::model::decode::misread::<Self>(body)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::model::debug::debug(self, out)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::model::Value::to_json(self).serialize(serializer)
            }
        }
    };
}

pub(crate) use {answer, implement_model, request};
