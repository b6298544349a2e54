//! Reads the `Authorization` header of a request, which only the platform's side does, and says what is wrong with one.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::{Authorization, SCHEME, may_stand_in_a_value};
use crate::scheme::Scheme;

/// The longest header that is read. A real one has about 550 bytes.
pub const MAX_AUTHORIZATION_LENGTH: usize = 4096;

impl FromStr for Authorization {
    type Err = AuthorizationError;

    /// Reads a header's value: the scheme, one space, then `name="value"` pairs joined by bare commas, in any
    /// order. Parameters with other names are ignored.
    ///
    /// UNCONFIRMED: whether the platform tolerates spaces beside the commas. They are refused here, because a
    /// sandbox that is laxer than the platform hides the mistake until production.
    fn from_str(text: &str) -> Result<Self, AuthorizationError> {
        if text.len() > MAX_AUTHORIZATION_LENGTH {
            return Err(AuthorizationError::TooLong { length: text.len() });
        }
        let mut found = Parameters::default();
        let (scheme, parameters) = scheme_and_parameters(text)?;
        for pair in parameters.split(',') {
            let (name, value) = name_and_value(pair).ok_or(AuthorizationError::Malformed)?;
            found.keep(name, value)?;
        }
        found.complete(scheme)
    }
}

/// Reads the scheme and gives what follows it.
fn scheme_and_parameters(text: &str) -> Result<(Scheme, &str), AuthorizationError> {
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.is_empty() || scheme.contains(['=', '"', ',']) {
        return Err(AuthorizationError::MissingScheme);
    }
    let Some(scheme) = Scheme::from_name(scheme) else {
        let shown = scheme.chars().filter(|character| character.is_ascii_graphic()).take(64).collect();
        return Err(AuthorizationError::OtherScheme { scheme: shown });
    };
    Ok((scheme, rest))
}

/// Takes `name="value"` apart; `None` when it is not of that shape.
fn name_and_value(pair: &str) -> Option<(&str, &str)> {
    let (name, quoted) = pair.split_once('=')?;
    let value = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (is_name(name) && value.chars().all(may_stand_in_a_value)).then_some((name, value))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The parameters met so far.
#[derive(Default)]
struct Parameters<'a> {
    mchid: Option<&'a str>,
    serial_no: Option<&'a str>,
    timestamp: Option<&'a str>,
    nonce_str: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn keep(&mut self, name: &str, value: &'a str) -> Result<(), AuthorizationError> {
        let (name, place) = match name {
            "mchid" => ("mchid", &mut self.mchid),
            "serial_no" => ("serial_no", &mut self.serial_no),
            "timestamp" => ("timestamp", &mut self.timestamp),
            "nonce_str" => ("nonce_str", &mut self.nonce_str),
            "signature" => ("signature", &mut self.signature),
            _ => return Ok(()),
        };
        match place.replace(value) {
            Some(_) => Err(AuthorizationError::Duplicate(name)),
            None => Ok(()),
        }
    }

    fn complete(self, scheme: Scheme) -> Result<Authorization, AuthorizationError> {
        Ok(Authorization {
            scheme,
            mchid: required("mchid", self.mchid)?.to_owned(),
            serial_no: required("serial_no", self.serial_no)?.to_owned(),
            timestamp: timestamp(required("timestamp", self.timestamp)?)?,
            nonce_str: required("nonce_str", self.nonce_str)?.to_owned(),
            signature: required("signature", self.signature)?.to_owned(),
        })
    }
}

fn required<'a>(name: &'static str, value: Option<&'a str>) -> Result<&'a str, AuthorizationError> {
    value.filter(|value| !value.is_empty()).ok_or(AuthorizationError::Missing(name))
}

/// Reads a timestamp only in the form in which it is printed: the signature covers the text, so `+1` and `01` are not 1.
fn timestamp(text: &str) -> Result<i64, AuthorizationError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(AuthorizationError::BadTimestamp)
}

/// Why a text is not an `Authorization` header of this scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The header is empty or starts with its parameters.
    MissingScheme,
    /// The header has another scheme, such as `Bearer`.
    OtherScheme {
        /// The scheme that was found, at most 64 characters of it.
        scheme: String,
    },
    /// The parameters are not `name="value"` pairs joined by commas.
    Malformed,
    /// This parameter is absent or empty.
    Missing(&'static str),
    /// This parameter occurs more than once.
    Duplicate(&'static str),
    /// The timestamp is not a plain number of seconds.
    BadTimestamp,
    /// The header is longer than [`MAX_AUTHORIZATION_LENGTH`].
    TooLong {
        /// How long it is, in bytes.
        length: usize,
    },
}

impl Display for AuthorizationError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingScheme => {
                write!(f, "the Authorization header has no scheme; start it with `{SCHEME} `")
            }
            Self::OtherScheme { scheme } => {
                write!(f, "the Authorization header has the scheme `{scheme}`; WeChat Pay accepts only `{SCHEME}`")?;
                for other in Scheme::ALL.iter().filter(|scheme| **scheme != Scheme::default()) {
                    write!(f, " and `{other}`")?;
                }
                Ok(())
            }
            Self::Malformed => f.write_str(
                "the Authorization header is not a list of name=\"value\" pairs separated by commas without spaces; \
                 quote each value, and use no `\"`, `,` or line break inside it",
            ),
            Self::Missing(name) => {
                write!(f, "the Authorization header has no `{name}`; add {name}=\"...\"")
            }
            Self::Duplicate(name) => {
                write!(f, "the Authorization header contains `{name}` more than once; write it once")
            }
            Self::BadTimestamp => f.write_str(
                "the timestamp in the Authorization header is not a plain number; write Unix time in seconds, with \
                 digits only",
            ),
            Self::TooLong { length } => write!(
                f,
                "the Authorization header has {length} bytes, and the limit is {MAX_AUTHORIZATION_LENGTH}; a normal one \
                 has about 550"
            ),
        }
    }
}

impl Error for AuthorizationError {}
