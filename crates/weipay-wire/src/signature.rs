//! The shape of a signature: RSASSA-PKCS1-v1_5 with SHA-256 under a 2048-bit key, 256 bytes, written as 344
//! characters of standard base64 with padding.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The length in bytes of a signature, and of anything encrypted with a key of this size.
pub(crate) const SIGNATURE_BYTES: usize = 256;

/// The length of a signature in base64.
pub(crate) const SIGNATURE_CHARACTERS: usize = 344;

/// Decodes the base64 of exactly 256 bytes, without allocating.
pub(crate) fn decode(base64: &str) -> Result<[u8; SIGNATURE_BYTES], DecodeError> {
    if base64.len() > SIGNATURE_CHARACTERS {
        return Err(DecodeError::WrongLength);
    }
    // The decoder needs a buffer of its estimated length, which is a little above the exact one.
    let mut buffer = [0_u8; SIGNATURE_CHARACTERS / 4 * 3];
    let length = STANDARD.decode_slice(base64, &mut buffer).map_err(|_| DecodeError::NotBase64)?;
    buffer[..length].try_into().map_err(|_| DecodeError::WrongLength)
}

/// Why a text is not the base64 of 256 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    NotBase64,
    WrongLength,
}

/// Why a signature is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not standard base64 with padding.
    NotBase64,
    /// The signature does not match this message and this key.
    Mismatch,
    /// The cryptographic library could not sign.
    Unavailable,
}

impl Display for SignatureError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBase64 => {
                "the signature is not standard base64 with padding; pass the value of the header on unchanged"
            }
            Self::Mismatch => {
                "the signature does not match this message and this key; check that these are exactly the bytes that \
                 were sent, and that this is the key that belongs to the signer"
            }
            Self::Unavailable => "the cryptographic library could not sign; try again",
        })
    }
}

impl Error for SignatureError {}
