//! Encrypted content of notifications and certificates, in both APIs.
//!
//! The envelope of APIv3 (加密数据对象) is encrypted with the APIv3 key, by AES-256-GCM (`AEAD_AES_256_GCM`) or,
//! with the feature `sm`, by SM4-GCM (`AEAD_SM4_GCM`). Notifications carry their resource in one, and the
//! platform delivers its certificates in them. An envelope opens only if nothing in it was changed, but it
//! does not prove who encrypted it, or when. Always verify the signature first.
//!
//! The sealed part of an APIv2 refund notification (退款结果通知, `req_info`) is AES-256 in ECB mode with PKCS#7
//! padding, under the MD5 of the APIv2 key in lower-case hexadecimal. Nothing authenticates it, and the
//! notification carries no signature: query the refund before money moves.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::api_keys::{ApiV2Key, ApiV3Key};
#[cfg(feature = "sm")]
use crate::sm;

/// The length of an envelope's nonce in bytes.
pub const ENVELOPE_NONCE_LENGTH: usize = 12;

/// The length of the authentication tag at the end of the ciphertext.
const TAG_LENGTH: usize = 16;

/// The algorithm of an envelope, which `algorithm` (加密算法类型) names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EnvelopeAlgorithm {
    /// `AEAD_AES_256_GCM`.
    #[default]
    Aes256Gcm,
    /// `AEAD_SM4_GCM` (国密). It needs the feature `sm`.
    #[cfg(feature = "sm")]
    Sm4Gcm,
}

impl EnvelopeAlgorithm {
    const ALL: &'static [Self] = &[
        Self::Aes256Gcm,
        #[cfg(feature = "sm")]
        Self::Sm4Gcm,
    ];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
            #[cfg(feature = "sm")]
            Self::Sm4Gcm => "AEAD_SM4_GCM",
        }
    }

    /// The algorithm of this name, written exactly so; `None` for any other.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }
}

/// The `resource` of a notification (通知资源数据) or the `encrypt_certificate` of a download, as received.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// `nonce` (加密使用的随机串): 12 bytes of text.
    pub nonce: &'a str,
    /// `associated_data` (附加数据), which may be empty.
    pub associated_data: &'a str,
    /// `ciphertext` (数据密文) in base64, with the tag at its end.
    pub ciphertext: &'a str,
}

impl ApiV3Key {
    /// Decrypts an envelope that is sealed by AES-256-GCM. The content is wiped when it is dropped.
    ///
    /// # Errors
    ///
    /// If the envelope is malformed, or was not encrypted with this key.
    pub fn open(&self, envelope: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        self.open_with(EnvelopeAlgorithm::Aes256Gcm, envelope)
    }

    /// Decrypts an envelope that is sealed by this algorithm. The content is wiped when it is dropped.
    ///
    /// # Errors
    ///
    /// If the envelope is malformed, or was not encrypted with this key.
    pub fn open_with(
        &self,
        algorithm: EnvelopeAlgorithm,
        envelope: &Envelope<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let nonce = nonce(envelope.nonce)?;
        // Full capacity from the start: growing would leave plaintext behind in freed memory.
        let mut content = Zeroizing::new(Vec::with_capacity(envelope.ciphertext.len()));
        STANDARD.decode_vec(envelope.ciphertext, &mut content).map_err(|_| EnvelopeError::NotBase64)?;
        let length = content.len().checked_sub(TAG_LENGTH).ok_or(EnvelopeError::TooShort)?;
        match algorithm {
            EnvelopeAlgorithm::Aes256Gcm => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let associated_data = Aad::from(envelope.associated_data);
                let opened = self.cipher()?.open_in_place(nonce, associated_data, &mut content);
                opened.map_err(|_| EnvelopeError::Refused)?;
            }
            #[cfg(feature = "sm")]
            EnvelopeAlgorithm::Sm4Gcm => {
                sm::open(self.as_bytes(), &nonce, envelope.associated_data.as_bytes(), &mut content)?;
            }
        }
        content.truncate(length);
        Ok(content)
    }

    /// Encrypts `plaintext` by AES-256-GCM with this nonce and associated data, and returns the ciphertext in base64.
    ///
    /// Never use a nonce twice with one key.
    ///
    /// # Errors
    ///
    /// If the nonce is not 12 bytes long.
    pub fn seal(
        &self,
        nonce: &str,
        associated_data: &str,
        plaintext: &[u8],
    ) -> Result<String, EnvelopeError> {
        Ok(STANDARD.encode(self.seal_bytes(nonce, associated_data, plaintext)?))
    }

    /// Encrypts `plaintext` by this algorithm, and returns the ciphertext in base64.
    ///
    /// Never use a nonce twice with one key.
    ///
    /// # Errors
    ///
    /// If the nonce is not 12 bytes long.
    pub fn seal_with(
        &self,
        algorithm: EnvelopeAlgorithm,
        nonce: &str,
        associated_data: &str,
        plaintext: &[u8],
    ) -> Result<String, EnvelopeError> {
        Ok(STANDARD.encode(self.sealed(algorithm, nonce, associated_data, plaintext)?))
    }

    /// Encrypts `plaintext` as [`seal`](Self::seal) does, but returns the ciphertext as bytes. Files are encrypted so.
    ///
    /// # Errors
    ///
    /// If the nonce is not 12 bytes long.
    pub fn seal_bytes(
        &self,
        nonce: &str,
        associated_data: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, EnvelopeError> {
        self.sealed(EnvelopeAlgorithm::Aes256Gcm, nonce, associated_data, plaintext)
    }

    fn sealed(
        &self,
        algorithm: EnvelopeAlgorithm,
        nonce: &str,
        associated_data: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, EnvelopeError> {
        let nonce = self::nonce(nonce)?;
        let mut content = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG_LENGTH));
        content.extend_from_slice(plaintext);
        match algorithm {
            EnvelopeAlgorithm::Aes256Gcm => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let associated_data = Aad::from(associated_data);
                let sealed = self.cipher()?.seal_in_place_append_tag(nonce, associated_data, &mut *content);
                sealed.map_err(|_| EnvelopeError::Unavailable)?;
            }
            #[cfg(feature = "sm")]
            EnvelopeAlgorithm::Sm4Gcm => {
                sm::seal(self.as_bytes(), &nonce, associated_data.as_bytes(), &mut content)?;
            }
        }
        Ok(std::mem::take(&mut *content))
    }

    fn cipher(&self) -> Result<LessSafeKey, EnvelopeError> {
        UnboundKey::new(&AES_256_GCM, self.as_bytes())
            .map(LessSafeKey::new)
            .map_err(|_| EnvelopeError::Unavailable)
    }
}

fn nonce(text: &str) -> Result<[u8; ENVELOPE_NONCE_LENGTH], EnvelopeError> {
    text.as_bytes().try_into().map_err(|_| EnvelopeError::NonceLength { length: text.len() })
}

/// Why an envelope cannot be decrypted or encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The nonce is not 12 bytes long.
    NonceLength {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The ciphertext is not standard base64 with padding.
    NotBase64,
    /// The ciphertext is shorter than its tag.
    TooShort,
    /// The envelope was not encrypted with this key, or was changed afterwards.
    Refused,
    /// The cryptographic library failed.
    Unavailable,
}

impl Display for EnvelopeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonceLength { length } => write!(
                f,
                "the nonce of this envelope has {length} bytes, but must have {ENVELOPE_NONCE_LENGTH}; pass the \
                 resource on unchanged"
            ),
            Self::NotBase64 => f.write_str(
                "the ciphertext of this envelope is not standard base64 with padding; pass the resource on unchanged",
            ),
            Self::TooShort => {
                f.write_str("the ciphertext of this envelope is too short to be complete; it was truncated")
            }
            Self::Refused => f.write_str(
                "this envelope cannot be decrypted with this APIv3 key (APIv3密钥): it was encrypted with another key, or \
                 its nonce, associated data or ciphertext was changed; check that the key belongs to this merchant, is \
                 the current one, and is not the APIv2 key",
            ),
            Self::Unavailable => f.write_str("the cryptographic library failed; try again"),
        }
    }
}

impl Error for EnvelopeError {}

/// The longest `req_info` that is decrypted, in base64.
const MAX_LENGTH: usize = 64 * 1024;
/// The bytes of a block of AES.
const BLOCK: usize = 16;

impl ApiV2Key {
    /// Opens the `req_info` of a refund notification. The content, XML with the root `root`, is wiped when dropped.
    ///
    /// # Errors
    ///
    /// If the text is not the base64 of whole blocks, is too long, or cannot be decrypted with this key.
    pub fn open_req_info(&self, req_info: &str) -> Result<Zeroizing<Vec<u8>>, ReqInfoError> {
        if req_info.len() > MAX_LENGTH {
            return Err(ReqInfoError::TooLarge { length: req_info.len() });
        }
        // Full capacity from the start: growing would leave plain text behind in freed memory.
        let mut content = Zeroizing::new(Vec::with_capacity(req_info.len()));
        STANDARD.decode_vec(req_info.trim(), &mut content).map_err(|_| ReqInfoError::NotBase64)?;
        if content.is_empty() || !content.len().is_multiple_of(BLOCK) {
            return Err(ReqInfoError::NotBlocks { length: content.len() });
        }
        let key = UnboundCipherKey::new(&AES_256, self.md5_hex()?.as_slice())
            .and_then(PaddedBlockDecryptingKey::ecb_pkcs7)
            .map_err(|_| ReqInfoError::Unavailable)?;
        let opened = key.decrypt(&mut content, DecryptionContext::None).map_err(|_| ReqInfoError::Refused)?;
        let length = opened.len();
        content.truncate(length);
        Ok(content)
    }

    /// Seals what a refund notification carries, for the sandbox; gives it in base64.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot do its work.
    pub fn seal_req_info(&self, content: &[u8]) -> Result<String, ReqInfoError> {
        let key = UnboundCipherKey::new(&AES_256, self.md5_hex()?.as_slice())
            .and_then(PaddedBlockEncryptingKey::ecb_pkcs7)
            .map_err(|_| ReqInfoError::Unavailable)?;
        let mut sealed = Zeroizing::new(Vec::with_capacity(content.len() + BLOCK));
        sealed.extend_from_slice(content);
        key.encrypt(&mut *sealed).map_err(|_| ReqInfoError::Unavailable)?;
        Ok(STANDARD.encode(&*sealed))
    }

    /// The MD5 of the key, as the 32 ASCII bytes of its lower-case hexadecimal, leading zeros included.
    fn md5_hex(&self) -> Result<Zeroizing<[u8; 32]>, ReqInfoError> {
        let digest = Zeroizing::new(<[u8; 16]>::from(Md5::digest(self.as_bytes())));
        let mut hex = Zeroizing::new([0_u8; 32]);
        base16ct::lower::encode(&*digest, &mut *hex).map_err(|_| ReqInfoError::Unavailable)?;
        Ok(hex)
    }
}

/// Why the `req_info` of a refund notification cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReqInfoError {
    /// It is longer than any that the platform sends.
    TooLarge {
        /// How long it is, in bytes.
        length: usize,
    },
    /// It is not standard base64 with padding.
    NotBase64,
    /// Its length is not a multiple of 16 bytes.
    NotBlocks {
        /// How many bytes it holds.
        length: usize,
    },
    /// It cannot be decrypted with this key.
    Refused,
    /// The cryptographic library failed.
    Unavailable,
}

impl Display for ReqInfoError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => {
                write!(f, "req_info has {length} characters; at most {MAX_LENGTH} are read")
            }
            Self::NotBase64 => f.write_str("req_info is not standard base64 with padding; pass it on unchanged"),
            Self::NotBlocks { length } => write!(
                f,
                "req_info contains {length} bytes, but it must be a multiple of {BLOCK}; it was cut off on the way"
            ),
            Self::Refused => f.write_str(
                "req_info cannot be decrypted with this APIv2 key (API密钥): check that the key is this merchant's and \
                 the one in \
                 force, and that it is not the APIv3 key",
            ),
            Self::Unavailable => f.write_str("the cryptographic library failed; try again"),
        }
    }
}

impl Error for ReqInfoError {}
