//! The envelope (加密数据对象): AES-256-GCM under the APIv3 key (`AEAD_AES_256_GCM`), in which notifications carry their
//! resource and the platform delivers its certificates.
//!
//! An envelope opens only whole and untouched, but it says nothing of who sealed it when: the signature is
//! verified first, always.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::api_keys::ApiV3Key;

/// How many bytes the nonce of an envelope has.
pub const ENVELOPE_NONCE_LENGTH: usize = 12;

/// The authentication tag at the end of the cipher text.
const TAG_LENGTH: usize = 16;

/// The `resource` of a notification (通知资源数据) or the `encrypt_certificate` of a download, as received.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// `nonce` (加密使用的随机串): 12 bytes of text.
    pub nonce: &'a str,
    /// `associated_data` (附加数据), which may be empty.
    pub associated_data: &'a str,
    /// `ciphertext` (数据密文) in base64, the tag at its end.
    pub ciphertext: &'a str,
}

impl ApiV3Key {
    /// Opens an envelope. The content is wiped when dropped.
    ///
    /// # Errors
    /// When the envelope is not of the right shape, or was not sealed so with this key.
    pub fn open(&self, envelope: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let nonce = nonce(envelope.nonce)?;
        // Full capacity from the start: growing would leave plain text behind in freed memory.
        let mut content = Zeroizing::new(Vec::with_capacity(envelope.ciphertext.len()));
        STANDARD.decode_vec(envelope.ciphertext, &mut content).map_err(|_| EnvelopeError::NotBase64)?;
        let length = content.len().checked_sub(TAG_LENGTH).ok_or(EnvelopeError::TooShort)?;
        self.cipher()?
            .open_in_place(nonce, Aad::from(envelope.associated_data), &mut content)
            .map_err(|_| EnvelopeError::Refused)?;
        content.truncate(length);
        Ok(content)
    }

    /// Seals `plaintext` into an envelope with this nonce and associated data; gives the cipher text in base64.
    ///
    /// A nonce must never be used twice with one key.
    ///
    /// # Errors
    /// When the nonce is not 12 bytes long.
    pub fn seal(
        &self,
        nonce: &str,
        associated_data: &str,
        plaintext: &[u8],
    ) -> Result<String, EnvelopeError> {
        Ok(STANDARD.encode(self.seal_bytes(nonce, associated_data, plaintext)?))
    }

    /// Seals `plaintext` as [`seal`](Self::seal) does, and gives the cipher text as bytes, as files are sealed.
    ///
    /// # Errors
    /// When the nonce is not 12 bytes long.
    pub fn seal_bytes(
        &self,
        nonce: &str,
        associated_data: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, EnvelopeError> {
        let nonce = self::nonce(nonce)?;
        let mut content = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LENGTH));
        content.extend_from_slice(plaintext);
        self.cipher()?
            .seal_in_place_append_tag(nonce, Aad::from(associated_data), &mut *content)
            .map_err(|_| EnvelopeError::Unavailable)?;
        Ok(std::mem::take(&mut *content))
    }

    fn cipher(&self) -> Result<LessSafeKey, EnvelopeError> {
        UnboundKey::new(&AES_256_GCM, self.as_bytes())
            .map(LessSafeKey::new)
            .map_err(|_| EnvelopeError::Unavailable)
    }
}

fn nonce(text: &str) -> Result<Nonce, EnvelopeError> {
    Nonce::try_assume_unique_for_key(text.as_bytes())
        .map_err(|_| EnvelopeError::NonceLength { length: text.len() })
}

/// Why an envelope cannot be opened or sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The nonce is not 12 bytes long.
    NonceLength {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The cipher text is not standard base64 with padding.
    NotBase64,
    /// The cipher text is shorter than its tag.
    TooShort,
    /// The envelope was not sealed so with this key.
    Refused,
    /// The cryptographic library could not do its work.
    Unavailable,
}

impl Display for EnvelopeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonceLength { length } => write!(
                f,
                "the nonce of this envelope has {length} bytes and must have {ENVELOPE_NONCE_LENGTH}; pass the \
                 resource on unchanged"
            ),
            Self::NotBase64 => f.write_str(
                "the cipher text of this envelope is not standard base64 with padding; pass the resource on \
                 unchanged",
            ),
            Self::TooShort => {
                f.write_str("the cipher text of this envelope is shorter than its tag; it was cut on the way")
            }
            Self::Refused => f.write_str(
                "this envelope does not open with this APIv3 key (APIv3密钥): it was sealed with another key, or its \
                 nonce, associated data or cipher text was changed; check that the key is this merchant's and the \
                 one in force, and that it is not the APIv2 key",
            ),
            Self::Unavailable => f.write_str("the cryptographic library could not do its work; try again"),
        }
    }
}

impl Error for EnvelopeError {}
