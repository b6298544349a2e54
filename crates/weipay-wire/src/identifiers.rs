//! The identifiers in a merchant's calls: merchant ID, certificate serial numbers, public key ID.
//!
//! All of them are short texts that people copy from one page to another. If one is wrong, the platform reports a
//! signature error, which says little. So each is a type, and if a text is in the wrong place, the error says what the
//! text looks like.

use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

/// The longest serial number in hex: 20 bytes by RFC 5280.
const MAX_SERIAL_DIGITS: usize = 40;

/// The prefix of a WeChat Pay public key ID (微信支付公钥ID).
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_";

/// The most digits that a public key ID may have. Those we have seen have at most 40.
const MAX_PUBLIC_KEY_ID_DIGITS: usize = 64;

/// The most digits that a brand ID may have: those of the largest 64-bit number.
const MAX_BRAND_ID_DIGITS: usize = 20;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $called:literal, $accept:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes the text after checking it.
            ///
            /// # Errors
            ///
            /// If the text does not have this form. The error says what it looks like instead.
            pub fn new(text: impl Into<String>) -> Result<Self, IdentifierError> {
                $accept(text.into()).map(Self).map_err(|problem| IdentifierError { called: $called, problem })
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;

            fn from_str(text: &str) -> Result<Self, IdentifierError> {
                Self::new(text)
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Debug for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

identifier! {
    /// A merchant ID (商户号): 8 to 15 digits.
    MerchantId, "merchant ID (商户号)", merchant_id
}

identifier! {
    /// The ID of a brand (品牌ID): digits. How many is UNCONFIRMED; those we have seen have 4 to 9.
    BrandId, "brand ID (品牌ID)", brand_id
}

identifier! {
    /// The serial number of a merchant API certificate (商户API证书序列号): hex, in upper case, leading zeros kept.
    MerchantSerial, "merchant API certificate serial number (商户API证书序列号)", serial
}

identifier! {
    /// The serial number of a platform certificate (平台证书序列号): hex, in upper case, leading zeros kept.
    PlatformSerial, "platform certificate serial number (平台证书序列号)", serial
}

identifier! {
    /// The ID of a WeChat Pay public key (微信支付公钥ID): `PUB_KEY_ID_` and digits.
    PublicKeyId, "WeChat Pay public key ID (微信支付公钥ID)", public_key_id
}

fn merchant_id(text: String) -> Result<String, Problem> {
    check_blank(&text)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (8..=15).contains(&text.len()) { Ok(text) } else { Err(Problem::NotMerchantId) }
}

fn brand_id(text: String) -> Result<String, Problem> {
    check_blank(&text)?;
    if are_digits(&text, MAX_BRAND_ID_DIGITS) { Ok(text) } else { Err(Problem::NotBrandId) }
}

fn serial(mut text: String) -> Result<String, Problem> {
    check_blank(&text)?;
    if text.starts_with(PUBLIC_KEY_ID) {
        return Err(Problem::IsPublicKeyId);
    }
    if text.len() > MAX_SERIAL_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::IsDecimal);
    }
    if text.contains(':') || text.starts_with("0x") || text.starts_with("0X") {
        return Err(Problem::IsDecoratedHex);
    }
    if text.len() > MAX_SERIAL_DIGITS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::NotHex);
    }
    if text.len() % 2 == 1 {
        return Err(Problem::LostZero);
    }
    text.make_ascii_uppercase();
    Ok(text)
}

fn public_key_id(text: String) -> Result<String, Problem> {
    check_blank(&text)?;
    match text.strip_prefix(PUBLIC_KEY_ID) {
        Some(digits) if are_digits(digits, MAX_PUBLIC_KEY_ID_DIGITS) => Ok(text),
        Some(_) => Err(Problem::NotPublicKeyId),
        None if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => Err(Problem::IsSerial),
        None => Err(Problem::NotPublicKeyId),
    }
}

fn are_digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_blank(text: &str) -> Result<(), Problem> {
    match text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}') {
        "" => Err(Problem::Empty),
        trimmed if trimmed.len() != text.len() => Err(Problem::WhiteSpace),
        _ => Ok(()),
    }
}

/// Why a text is not a valid identifier of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierError {
    called: &'static str,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Empty,
    WhiteSpace,
    NotMerchantId,
    NotBrandId,
    IsPublicKeyId,
    IsDecimal,
    IsDecoratedHex,
    NotHex,
    LostZero,
    IsSerial,
    NotPublicKeyId,
}

impl Display for IdentifierError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the {} is invalid: {}", self.called, self.problem.sentence())
    }
}

impl Problem {
    fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::WhiteSpace => "it starts or ends with white space or a byte order mark; remove that",
            Self::NotMerchantId => {
                "it must be 8 to 15 digits; copy it from the merchant platform (商户平台, 账户中心)"
            }
            Self::NotBrandId => {
                "it must be 1 to 20 digits; copy it from the platform's page of the brand (品牌)"
            }
            Self::IsPublicKeyId => {
                "this is a public key ID (微信支付公钥ID), not the serial number of a certificate; use it together with \
                 the WeChat Pay public key (微信支付公钥)"
            }
            Self::IsDecimal => {
                "this looks like the serial number in decimal; write it in hex, as `openssl x509 -noout -serial` prints it"
            }
            Self::IsDecoratedHex => {
                "write only the hex digits, without `0x` and colons, as `openssl x509 -noout -serial` prints them"
            }
            Self::NotHex => "it must be at most 40 hex digits, as `openssl x509 -noout -serial` prints them",
            Self::LostZero => {
                "it has an odd number of hex digits, so its leading zero is probably missing; copy it as `openssl x509 \
                 -noout -serial` prints it"
            }
            Self::IsSerial => {
                "this looks like the serial number of a certificate; a public key ID starts with `PUB_KEY_ID_`; use the \
                 serial number together with the platform certificate (平台证书)"
            }
            Self::NotPublicKeyId => {
                "it must be `PUB_KEY_ID_` followed by digits; copy it from the merchant platform (商户平台, API安全)"
            }
        }
    }
}

impl Error for IdentifierError {}

/// Whether two texts name the same certificate or public key.
///
/// Serial numbers (证书序列号) are numbers, so lower case and missing leading zeros make no difference. A WeChat Pay public key
/// ID (微信支付公钥ID) is used in the same headers, but is compared as text.
///
/// ```
/// use weipay_wire::is_same_serial;
///
/// assert!(is_same_serial("0C4AEF34B89340881BB2B25226393DC2E47F094B", "c4aef34b89340881bb2b25226393dc2e47f094b"));
/// assert!(!is_same_serial("PUB_KEY_ID_01", "PUB_KEY_ID_1"));
/// ```
#[must_use]
pub fn is_same_serial(one: &str, other: &str) -> bool {
    match (serial_number(one), serial_number(other)) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

/// The significant digits of a hexadecimal number.
fn serial_number(text: &str) -> Option<&str> {
    let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| text.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";

    #[test]
    fn case_and_leading_zeros_do_not_matter() {
        for same in [SERIAL, &SERIAL.to_lowercase(), &SERIAL[1..], &format!("000{SERIAL}")] {
            assert!(is_same_serial(SERIAL, same) && is_same_serial(same, SERIAL), "{same}");
        }
    }

    #[test]
    fn another_number_is_another_serial() {
        for other in
            ["", "0", "0C4AEF34B89340881BB2B25226393DC2E47F094C", "C4AEF34B89340881BB2B25226393DC2E47F094B0"]
        {
            assert!(!is_same_serial(SERIAL, other), "{other}");
        }
        assert!(!is_same_serial("", "0"));
    }

    #[test]
    fn a_public_key_id_is_text() {
        assert!(is_same_serial("PUB_KEY_ID_0119", "PUB_KEY_ID_0119"));
        for other in ["pub_key_id_0119", "PUB_KEY_ID_119", "0119", "PUB_KEY_ID_0119 "] {
            assert!(!is_same_serial("PUB_KEY_ID_0119", other), "{other}");
        }
    }
}
