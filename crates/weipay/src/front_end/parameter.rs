//! The values that a front end is given: how each is checked, and what an error says.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use weipay_wire::SignatureError;

use crate::signer::SignerError;

/// Why there are no parameters. It never contains a given value.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParameterError {
    /// A value does not have its form.
    Value {
        /// Which value.
        name: &'static str,
        /// The reason, as the end of a sentence.
        why: &'static str,
    },
    /// The parameters are signed with the APIv2 key (API密钥), which was not given.
    NoApiV2Key,
    /// The private key is one of SM2 (国密). The pages of the front end name `RSA` as the only value of
    /// `signType` for APIv3. UNCONFIRMED: no public source says how a front end is told of an SM2 signature:
    /// the official Java SDK lets its caller choose the value, and the guide of 国密 is given only on request.
    /// A wrong value would fail only on the payer's phone, so none is signed.
    NotRsa,
    /// The key could not sign.
    Signing(SignatureError),
    /// The signer failed.
    Signer(SignerError),
    /// The `FrontEnd` has an async signer, but a blocking method was called.
    AsyncSigner,
}

impl Display for ParameterError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { name, why } => write!(f, "the {name} {why}"),
            Self::NotRsa => f.write_str(
                "the parameters of the front end are signed with RSA, but the merchant private key is an SM2 (国密) key: \
                 make a \
                 `FrontEnd` with the RSA key of the merchant",
            ),
            Self::AsyncSigner => f.write_str(
                "this `FrontEnd` has an async signer: call `jsapi_async` or another `..._async` method",
            ),
            Self::NoApiV2Key => f.write_str(
                "these parameters are signed with the APIv2 key (API密钥), which was not given: `.api_v2_key(...)`",
            ),
            Self::Signing(_) | Self::Signer(_) => f.write_str("the parameters of the front end could not be signed"),
        }
    }
}

impl Error for ParameterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Value { .. } | Self::NoApiV2Key | Self::NotRsa | Self::AsyncSigner => None,
            Self::Signing(error) => Some(error),
            Self::Signer(error) => Some(&**error),
        }
    }
}

/// A line of what is signed. A line break in it would move the border between two lines under one signature.
pub(super) fn checked(name: &'static str, value: &str) -> Result<String, ParameterError> {
    match value {
        "" => Err(ParameterError::Value { name, why: "is empty" }),
        _ if value.bytes().any(|byte| !byte.is_ascii_graphic()) => Err(ParameterError::Value {
            name,
            why: "contains a space, a line break or a character beyond ASCII",
        }),
        _ => Ok(value.to_owned()),
    }
}

/// A `&` in a value would make two values of one under the same signature.
pub(super) fn without_separator(name: &'static str, value: String) -> Result<String, ParameterError> {
    match value.contains('&') {
        true => Err(ParameterError::Value {
            name,
            why: "contains `&`, which separates the values that are signed",
        }),
        false => Ok(value),
    }
}

/// The commonest mistake is to give `package`, or the address of a Native order, in place of the bare number.
pub(super) fn checked_prepay_id(value: &str) -> Result<String, ParameterError> {
    let why = if value.starts_with("prepay_id=") {
        "starts with `prepay_id=`: give the order's prepay_id alone"
    } else if value.contains("://") {
        "is an address: a Native or H5 order is opened by its code_url or h5_url, without a signature"
    } else {
        return without_separator("prepay_id", checked("prepay_id", value)?);
    };
    Err(ParameterError::Value { name: "prepay_id", why })
}

pub(super) fn checked_url<'a>(name: &'static str, value: &'a str) -> Result<&'a str, ParameterError> {
    if value.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err(ParameterError::Value { name, why: "contains a space or a control character" });
    }
    if !value.starts_with("https://") && !value.starts_with("http://") {
        return Err(ParameterError::Value { name, why: "does not start with https://" });
    }
    Ok(value)
}
