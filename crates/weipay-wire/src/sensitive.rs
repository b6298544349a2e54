//! Sensitive fields (敏感信息加密): a name, a phone number, the number of an account, each encrypted alone and written in base64.
//!
//! The key decides how: RSAES-OAEP with a key of RSA (see `rsa.rs`), SM2 with a key of SM2.
//! [`PublicKey::encrypt_sensitive`](crate::PublicKey::encrypt_sensitive) and
//! [`PrivateKey::decrypt_sensitive`](crate::PrivateKey::decrypt_sensitive) are the two directions.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use crate::rsa::{self, DecodeError};

/// The longest text in bytes that one field can carry if the key is one of SM2. SM2 itself has no limit; the longest fields have
/// some hundred bytes.
#[cfg(feature = "sm")]
pub const MAX_SM2_PLAINTEXT: usize = 4096;

/// Why a sensitive field cannot be encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SensitiveError {
    /// The plaintext is longer than the key can encrypt.
    TooLong {
        /// How long it is, in bytes.
        length: usize,
        /// The most bytes that the key can encrypt.
        limit: usize,
    },
    /// The plaintext is empty, which SM2 cannot encrypt.
    Empty,
    /// RSA-OAEP was asked of a key of SM2.
    NotRsa,
    /// The encrypted text is not standard base64 with padding.
    NotBase64,
    /// The encrypted text has a length that the key does not produce.
    WrongLength,
    /// The encrypted text cannot be decrypted with this key.
    Refused,
    /// The cryptographic library could not encrypt.
    Unavailable,
}

impl Display for SensitiveError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, limit } => write!(
                f,
                "this sensitive field has {length} bytes, but this key can encrypt at most {limit}; shorten it"
            ),
            Self::Empty => f.write_str("this sensitive field is empty, and SM2 encrypts no empty text; leave the field out"),
            Self::NotRsa => f.write_str(
                "RSA-OAEP needs an RSA key, but this is an SM2 (国密) key; use `encrypt_sensitive` and \
                 `decrypt_sensitive`, which support both",
            ),
            Self::NotBase64 => {
                f.write_str("this encrypted field is not standard base64 with padding; pass it on unchanged")
            }
            Self::WrongLength => f.write_str(
                "this encrypted field does not have the length that this key produces (256 bytes for a 2048-bit RSA \
                 key); it was truncated, or it is not encrypted",
            ),
            Self::Refused => f.write_str(
                "this encrypted field cannot be decrypted with this private key; it was encrypted with the public key \
                 of another certificate (for a request, check that Wechatpay-Serial names the key used to encrypt)",
            ),
            Self::Unavailable => f.write_str("the cryptographic library could not encrypt; try again"),
        }
    }
}

impl Error for SensitiveError {}

impl From<DecodeError> for SensitiveError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::NotBase64 => Self::NotBase64,
            DecodeError::WrongLength => Self::WrongLength,
        }
    }
}

/// Checks that a text has the form of an encrypted field. This finds plaintext that was passed as ciphertext by mistake,
/// but it proves nothing: long plaintext may have the same form. With the feature `sm`, the form that SM2 gives is right too.
///
/// # Errors
///
/// [`SensitiveError::NotBase64`] or [`SensitiveError::WrongLength`].
pub fn check_ciphertext(text: &str) -> Result<(), SensitiveError> {
    #[cfg(feature = "sm")]
    if crate::sm::is_ciphertext(text) {
        return Ok(());
    }
    rsa::ciphertext(text).map(drop)
}
