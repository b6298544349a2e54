//! Money: the API counts it in fen (分), people write it in yuan (元).

use std::fmt;

use super::check::Violation;
use super::into_field::{IntoItem, Seal};

/// An amount of money in fen (分), a hundredth of a yuan (元).
///
/// Requests and responses hold amounts as `i64`, which this is made from and turns into: setters take it as it is. It
/// converts from and to yuan exactly: a fraction of a fen is an error and is never rounded.
///
/// ```
/// use weipay::model::Fen;
///
/// let price = Fen::from_yuan("12.5")?;
/// assert_eq!(price, Fen::new(1250));
/// assert_eq!(price.to_yuan(), "12.50");
/// assert!(Fen::from_yuan("0.005").is_err());
/// # Ok::<(), weipay::model::MoneyError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fen(i64);

impl Fen {
    /// An amount in fen.
    #[must_use]
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// An amount that is written in yuan, such as `12`, `12.5` or `-0.01`.
    ///
    /// # Errors
    ///
    /// If the text is not a decimal number, has a fraction of a fen, or is too large.
    pub fn from_yuan(text: &str) -> Result<Self, MoneyError> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, fraction) =
            digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !fraction.is_none_or(is_number) {
            return Err(MoneyError::NotANumber);
        }
        let mut cents = fraction.unwrap_or_default().bytes().map(|byte| i64::from(byte - b'0'));
        let (tens, ones) = (cents.next().unwrap_or(0), cents.next().unwrap_or(0));
        if cents.any(|digit| digit != 0) {
            return Err(MoneyError::FractionOfFen);
        }
        let add = |fen: i64, digit: i64| fen.checked_mul(10)?.checked_add(sign * digit);
        let whole = whole.bytes().map(|byte| i64::from(byte - b'0'));
        whole.chain([tens, ones]).try_fold(0, add).map(Self).ok_or(MoneyError::OutOfRange)
    }

    /// The amount in fen.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The amount in yuan, with two digits after the point: `12.50`.
    #[must_use]
    pub fn to_yuan(self) -> String {
        let (fen, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        format!("{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl From<i64> for Fen {
    fn from(fen: i64) -> Self {
        Self(fen)
    }
}

impl From<Fen> for i64 {
    fn from(fen: Fen) -> Self {
        fen.0
    }
}

impl IntoItem<i64> for Fen {
    fn into_item(self, _: Seal) -> Result<i64, Violation> {
        Ok(self.0)
    }
}

impl IntoItem<i64> for &Fen {
    fn into_item(self, _: Seal) -> Result<i64, Violation> {
        Ok(self.0)
    }
}

/// Why a text in yuan is not an amount in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoneyError {
    /// It is not written as `12`, `12.5` or `-0.01`.
    NotANumber,
    /// It has a fraction of a fen.
    FractionOfFen,
    /// It is more than 64 bits of fen.
    OutOfRange,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not an amount in yuan (元): write it as 12.50",
            Self::FractionOfFen => {
                "an amount in yuan (元) has at most two digits after the point: a fen (分) cannot be \
            divided"
            }
            Self::OutOfRange => "the amount is too large",
        })
    }
}

impl std::error::Error for MoneyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_become_fen_exactly() {
        for (yuan, fen) in [
            ("12", 1_200),
            ("12.5", 1_250),
            ("0.01", 1),
            ("-0.01", -1),
            ("007.10", 710),
            ("1.2300", 123),
            ("4.35", 435),
            ("92233720368547758.07", i64::MAX),
            ("-92233720368547758.08", i64::MIN),
        ] {
            assert_eq!(Fen::from_yuan(yuan), Ok(Fen::new(fen)), "{yuan}");
            assert_eq!(Fen::from_yuan(&Fen::new(fen).to_yuan()), Ok(Fen::new(fen)), "{yuan}");
        }
        assert_eq!(Fen::new(-1).to_yuan(), "-0.01");
        assert_eq!(Fen::new(i64::MIN).to_yuan(), "-92233720368547758.08");
    }

    #[test]
    fn what_is_not_an_amount_is_refused_and_nothing_is_rounded() {
        for text in
            ["", "-", ".5", "5.", "1,000", "1e2", "+1", " 1", "1 ", "¥1", "１", "1.-1", "--1", "0x1", "1.2.3"]
        {
            assert_eq!(Fen::from_yuan(text), Err(MoneyError::NotANumber), "{text}");
        }
        for text in ["0.001", "1.999", "-0.005", "1.2300000001"] {
            assert_eq!(Fen::from_yuan(text), Err(MoneyError::FractionOfFen), "{text}");
        }
        for text in ["92233720368547758.08", "-92233720368547758.09", &"9".repeat(400)] {
            assert_eq!(Fen::from_yuan(text), Err(MoneyError::OutOfRange), "{text}");
        }
    }
}
