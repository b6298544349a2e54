//! Sensitive fields (敏感信息加密): RSAES-OAEP with SHA-1 and MGF1-SHA-1, in base64.
//!
//! [`PublicKey::encrypt_oaep`](crate::PublicKey::encrypt_oaep) and
//! [`PrivateKey::decrypt_oaep`](crate::PrivateKey::decrypt_oaep) are the two directions; this file holds what
//! they share.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepAlgorithm};

use crate::signature::{DecodeError, SIGNATURE_BYTES, decode};

/// SHA-1 is what the guide and both official libraries use; one FAQ page says SHA-256 and stands alone.
pub(crate) static OAEP: &OaepAlgorithm = &OAEP_SHA1_MGF1SHA1;

/// The longest text that one field can carry, in bytes: 256 minus two hashes of 20 bytes, minus 2.
pub const MAX_OAEP_PLAINTEXT: usize = 214;

/// Why a sensitive field cannot be encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OaepError {
    /// The plaintext is longer than [`MAX_OAEP_PLAINTEXT`].
    TooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The encrypted text is not standard base64 with padding.
    NotBase64,
    /// The encrypted text is not 256 bytes long.
    WrongLength,
    /// The encrypted text cannot be decrypted with this key.
    Refused,
    /// The cryptographic library could not encrypt.
    Unavailable,
}

impl Display for OaepError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => write!(
                f,
                "this sensitive field has {length} bytes, and RSA-OAEP with a 2048-bit key can encrypt at most \
                 {MAX_OAEP_PLAINTEXT}; shorten it"
            ),
            Self::NotBase64 => {
                f.write_str("this encrypted field is not standard base64 with padding; pass it on unchanged")
            }
            Self::WrongLength => f.write_str(
                "this encrypted field does not have the 256 bytes that a 2048-bit key produces; it was truncated, or it \
                 is not encrypted",
            ),
            Self::Refused => f.write_str(
                "this encrypted field cannot be decrypted with this private key; it was encrypted with the public key \
                 of another certificate (for a request, check that Wechatpay-Serial names the key used to encrypt)",
            ),
            Self::Unavailable => f.write_str("the cryptographic library could not encrypt; try again"),
        }
    }
}

impl Error for OaepError {}

impl From<DecodeError> for OaepError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::NotBase64 => Self::NotBase64,
            DecodeError::WrongLength => Self::WrongLength,
        }
    }
}

/// The bytes of an encrypted field, which has the length of the key.
pub(crate) fn ciphertext(text: &str) -> Result<[u8; SIGNATURE_BYTES], OaepError> {
    Ok(decode(text)?)
}

/// Checks that a text has the form of an encrypted field. This finds plaintext that was passed as ciphertext by mistake,
/// but it proves nothing: long plaintext may have the same form.
///
/// # Errors
/// [`OaepError::NotBase64`] or [`OaepError::WrongLength`].
pub fn check_ciphertext(text: &str) -> Result<(), OaepError> {
    ciphertext(text).map(drop)
}
