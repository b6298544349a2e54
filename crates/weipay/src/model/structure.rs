//! The macro that writes a model: the struct, its table, its setters.

/// ```text
/// model! {
///     /// What is sent.
///     pub struct Request {
///         /// 批次号. Required; 1 to 20 characters.
///         stock_id: String = body("stock_id").required().length(1, 20),
///     }
/// }
/// ```
macro_rules! model {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $kind:ty = $row:expr,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$kind>,)*
        }

        impl $name {
            /// With nothing set.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$field_doc])*
                pub fn $field(mut self, value: impl Into<$kind>) -> Self {
                    self.$field = Some(value.into());
                    self
                }
            )*
        }

        impl $crate::model::Model for $name {
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

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::model::Value::to_json(self).serialize(serializer)
            }
        }
    };
}

pub(crate) use {implement_model, model};
