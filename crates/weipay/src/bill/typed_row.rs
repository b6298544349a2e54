//! The macro that writes a typed row: a method for each column, which finds its place once for a whole bill.

/// Writes a struct with a method for each column. Each column has every name that bills give it.
macro_rules! typed_row {
    (
        $(#[$row_doc:meta])* $row:ident in $field:ident, $count:literal;
        $($(#[$doc:meta])* $method:ident: $kind:ident = $name:literal $(| $older:literal)*,)+
    ) => {
        /// The columns by place in [`super::Columns`], each under every name that bills give it.
        pub(super) const COLUMNS: [&[&str]; $count] = [$(&[$name $(, $older)*]),+];

        #[allow(non_camel_case_types, reason = "named by the method, for their order alone")]
        enum Place {
            $($method,)+
        }

        $(#[$row_doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $row<'a>(&'a super::Row);

        impl<'a> $row<'a> {
            pub(super) fn new(row: &'a super::Row) -> Self {
                Self(row)
            }

            fn value(&self, place: Place) -> &'a str {
                self.0.columns.$field[place as usize].map_or("", |at| self.0.value(at.into()))
            }

            fn some(&self, place: Place) -> Option<&'a str> {
                Some(self.value(place)).filter(|value| !value.is_empty())
            }

            $(typed_row! { @$kind $(#[$doc])* $method $name })+
        }
    };
    (@text $(#[$doc:meta])* $method:ident $name:literal) => {
        $(#[$doc])*
        #[doc = concat!("(", $name, ")")]
        #[must_use]
        pub fn $method(&self) -> &'a str {
            self.value(Place::$method)
        }
    };
    (@amount $(#[$doc:meta])* $method:ident $name:literal) => {
        $(#[$doc])*
        #[doc = concat!("(", $name, "), in yuan")]
        ///
        /// # Errors
        ///
        /// If the value is not an amount.
        pub fn $method(&self) -> Result<Option<super::Amount>, super::ValueError> {
            self.some(Place::$method).map(str::parse).transpose()
        }
    };
    (@seconds $(#[$doc:meta])* $method:ident $name:literal) => {
        $(#[$doc])*
        #[doc = concat!("(", $name, "), in seconds since 1970")]
        ///
        /// # Errors
        ///
        /// If the value is not a time.
        pub fn $method(&self) -> Result<Option<i64>, super::ValueError> {
            self.some(Place::$method).map(super::value::seconds).transpose()
        }
    };
}

pub(super) use typed_row;
