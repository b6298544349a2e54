//! The sealed part of an APIv2 refund notification (退款结果通知, `req_info`): AES-256 in ECB mode with PKCS#7 padding, under the
//! MD5 of the APIv2 key in lower-case hexadecimal.
//!
//! Nothing authenticates it, and the notification carries no signature: what it says is to be looked up before money moves.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::api_keys::ApiV2Key;

/// The longest `req_info` that is opened, in base64.
const MAX_LENGTH: usize = 64 * 1024;
/// The bytes of a block of AES.
const BLOCK: usize = 16;

impl ApiV2Key {
    /// Opens the `req_info` of a refund notification. The content, XML with the root `root`, is wiped when dropped.
    ///
    /// # Errors
    /// When the text is not the base64 of whole blocks, is too long, or does not open with this key.
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
    /// When the cryptographic library cannot do its work.
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

/// Why the `req_info` of a refund notification does not open.
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
    /// It does not open with this key.
    Refused,
    /// The cryptographic library could not do its work.
    Unavailable,
}

impl Display for ReqInfoError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => {
                write!(out, "req_info has {length} characters; at most {MAX_LENGTH} are read")
            }
            Self::NotBase64 => out.write_str("req_info is not standard base64 with padding; pass it on unchanged"),
            Self::NotBlocks { length } => write!(
                out,
                "req_info contains {length} bytes, but it must be a multiple of {BLOCK}; it was cut off on the way"
            ),
            Self::Refused => out.write_str(
                "req_info does not open with this APIv2 key (API密钥): check that the key is this merchant's and the one in \
                 force, and that it is not the APIv3 key",
            ),
            Self::Unavailable => out.write_str("the cryptographic library could not do its work; try again"),
        }
    }
}

impl Error for ReqInfoError {}
