//! Numbers: the integers that a field can hold, and numbers that travel as text.

use std::fmt;

/// A number of JSON, whole or with a fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Any that JSON readers keep exact: 64 bits, signed or unsigned.
    Whole(i128),
    /// One with a fraction or an exponent.
    Fraction(f64),
}

impl Number {
    pub(crate) fn is_less_than(self, limit: i64) -> bool {
        match self {
            Self::Whole(number) => number < i128::from(limit),
            Self::Fraction(number) => number < limit as f64,
        }
    }

    pub(crate) fn is_more_than(self, limit: i64) -> bool {
        match self {
            Self::Whole(number) => number > i128::from(limit),
            Self::Fraction(number) => number > limit as f64,
        }
    }
}

macro_rules! whole {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(number: $integer) -> Self {
                Self::Whole(number.into())
            }
        }
    )*};
}

whole!(i32, i64, u64, i128);

/// Counts of characters, bytes and members.
impl From<usize> for Number {
    fn from(count: usize) -> Self {
        Self::Whole(i128::try_from(count).unwrap_or(i128::MAX))
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Fraction(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Fraction(number) => write!(f, "{number}"),
        }
    }
}

/// The integers that a field can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerType {
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed: recorded of amounts whose page says `integer`.
    Int64,
    /// 32 bits, unsigned.
    Uint32,
    /// 64 bits, unsigned.
    Uint64,
}

impl IntegerType {
    /// Whether it can hold the number.
    #[must_use]
    pub fn holds(self, number: i128) -> bool {
        match self {
            Self::Int32 => i32::try_from(number).is_ok(),
            Self::Int64 => i64::try_from(number).is_ok(),
            Self::Uint32 => u32::try_from(number).is_ok(),
            Self::Uint64 => u64::try_from(number).is_ok(),
        }
    }
}

/// "a signed integer of 64 bits".
impl fmt::Display for IntegerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int32 => "a signed integer of 32 bits",
            Self::Int64 => "a signed integer of 64 bits",
            Self::Uint32 => "an unsigned integer of 32 bits",
            Self::Uint64 => "an unsigned integer of 64 bits",
        })
    }
}

/// A whole number that travels as text, as in a URL: digits, with a minus sign before them or none.
#[must_use]
pub fn parse_integer(text: &str) -> Option<i128> {
    // `parse` alone would take a plus sign, which no number of JSON has.
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// A number that travels as text: digits, a fraction, an exponent. Infinity and the like are not numbers of JSON.
#[must_use]
pub fn parse_number(text: &str) -> Option<f64> {
    let is_of_number = |byte: u8| byte.is_ascii_digit() || b"-.eE+".contains(&byte);
    let begins = text.strip_prefix('-').unwrap_or(text).starts_with(|first: char| first.is_ascii_digit());
    let is_number = begins && !text.ends_with('.') && text.bytes().all(is_of_number);
    if is_number { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_type_holds_what_its_bits_hold() {
        for (kind, min, max) in [
            (IntegerType::Int32, -2_147_483_648, 2_147_483_647),
            (IntegerType::Uint32, 0, 4_294_967_295),
            (IntegerType::Int64, -9_223_372_036_854_775_808, 9_223_372_036_854_775_807),
            (IntegerType::Uint64, 0, 18_446_744_073_709_551_615),
        ] {
            let held: Vec<bool> = [min - 1, min, max, max + 1].map(|number| kind.holds(number)).into();
            assert_eq!(held, [false, true, true, false], "{kind}");
        }
    }

    #[test]
    fn integers_as_text_are_digits() {
        assert_eq!(parse_integer("18446744073709551615"), Some(18_446_744_073_709_551_615));
        assert_eq!(parse_integer("-7"), Some(-7));
        for text in ["", "-", "+1", "1.0", "1e3", " 1", "0x1", "１", "--1"] {
            assert_eq!(parse_integer(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_as_text_are_those_of_json() {
        for (text, number) in [("1.5", 1.5), ("-0.25", -0.25), ("1e3", 1_000.0), ("10", 10.0)] {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for text in ["", "-", "+1", ".5", "5.", "nan", "inf", "infinity", "1e400", "1_0", "1,5", "0x1"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
