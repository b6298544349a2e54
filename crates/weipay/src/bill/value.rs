//! The two values of a bill that are not text: an amount and a time.

use std::fmt::{self, Display, Formatter};

/// An amount of a bill: yuan with up to five decimals, kept exactly. Order amounts have two decimals, fees (手续费) five.
///
/// ```
/// use weipay::bill::Amount;
///
/// let amount: Amount = "12.30".parse()?;
/// assert_eq!(amount.fen(), Some(1230));
/// let fee: Amount = "-0.00600".parse()?;
/// assert_eq!(fee.fen(), None); // less than a whole fen
/// assert_eq!(fee.hundred_thousandths_of_a_yuan(), -600);
/// # Ok::<_, weipay::bill::ValueError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i64);

const DECIMALS: usize = 5;
const PER_FEN: i64 = 1_000;

impl Amount {
    /// The amount in fen (分), where it is a whole number of them.
    #[must_use]
    pub fn fen(self) -> Option<i64> {
        (self.0 % PER_FEN == 0).then_some(self.0 / PER_FEN)
    }

    /// The amount in units of 0.00001 yuan, which holds every amount of a bill exactly.
    #[must_use]
    pub fn hundred_thousandths_of_a_yuan(self) -> i64 {
        self.0
    }
}

impl std::str::FromStr for Amount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        amount(text).map(Self).ok_or(ValueError("is not an amount in yuan such as 12.30"))
    }
}

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (yuan, rest) = (self.0.unsigned_abs() / 100_000, self.0.unsigned_abs() % 100_000);
        match rest % 1_000 {
            0 => write!(f, "{sign}{yuan}.{:02}", rest / 1_000),
            _ => write!(f, "{sign}{yuan}.{rest:05}"),
        }
    }
}

fn amount(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (yuan, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(yuan) || !all_digits(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let scale = 10_i64.pow(u32::try_from(DECIMALS - decimals.len()).ok()?);
    let value =
        yuan.parse::<i64>().ok()?.checked_mul(100_000)?.checked_add(decimals.parse::<i64>().ok()? * scale)?;
    Some(if negative { -value } else { value })
}

/// Reads a time of a bill, `2015-05-20 13:29:35` in Beijing time, as seconds since 1970.
pub(super) fn unix_seconds(text: &str) -> Result<i64, ValueError> {
    weipay_rules::rfc3339::parse_beijing(text).ok_or(ValueError("is not a time such as 2015-05-20 13:29:35"))
}

/// Why a text of a bill is not what its column holds. It does not hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueError(pub(super) &'static str);

impl Display for ValueError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the value {}", self.0)
    }
}

impl std::error::Error for ValueError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_become_fen_without_rounding() {
        let fen = |text: &str| text.parse::<Amount>().ok().map(Amount::fen);
        for (text, expected) in [
            ("0.00", Some(Some(0))),
            ("0.01", Some(Some(1))),
            ("1", Some(Some(100))),
            ("12.3", Some(Some(1230))),
            ("-12.30", Some(Some(-1230))),
            ("0.60000", Some(Some(60))),
            ("0.00600", Some(None)),
            ("92233720368547.75", Some(Some(9_223_372_036_854_775))),
        ] {
            assert_eq!(fen(text), expected, "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1.000000",
            "1e2",
            "+1",
            "1,000.00",
            " 1.00",
            "99999999999999999999",
            "￥1",
            "--1",
        ] {
            assert_eq!(fen(text), None, "{text}");
        }
    }

    #[test]
    fn an_amount_is_written_as_bills_write_it() {
        for text in ["0.00", "-0.01", "12.30", "0.00600", "-1.00001"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_time_is_beijing_time() {
        assert_eq!(unix_seconds("1970-01-01 08:00:00"), Ok(0));
        assert_eq!(unix_seconds("2015-05-20 13:29:35"), Ok(1_432_099_775));
        assert_eq!(unix_seconds("2024-02-29 23:59:59"), Ok(1_709_222_399));
        for text in [
            "",
            "2015-05-20",
            "2015-05-20T13:29:35",
            "2015-02-29 00:00:00",
            "2015-13-01 00:00:00",
            "2015-05-20 24:00:00",
            "２015-05-20 13:29:3",
        ] {
            assert!(unix_seconds(text).is_err(), "{text}");
        }
    }
}
