//! SM4 in Galois/Counter Mode (`AEAD_SM4_GCM`).
//!
//! The key is the first half of the SM3 digest of the APIv3 key.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{AesGcm, Nonce};
use sm3::{Digest as _, Sm3};
use sm4::Sm4;
use zeroize::{Zeroize as _, Zeroizing};

use crate::envelope::{ENVELOPE_NONCE_LENGTH, EnvelopeError};

const KEY_LENGTH: usize = 16;

type Sm4Gcm = AesGcm<Sm4, U12>;

/// Decrypts in place. The tag is at the end, and is cut off.
pub(crate) fn open(
    api_key: &[u8],
    nonce: &[u8; ENVELOPE_NONCE_LENGTH],
    associated_data: &[u8],
    content: &mut Vec<u8>,
) -> Result<(), EnvelopeError> {
    cipher(api_key)?
        .decrypt_in_place(&Nonce::from(*nonce), associated_data, content)
        .map_err(|_| EnvelopeError::Refused)
}

/// Encrypts in place, and adds the tag.
pub(crate) fn seal(
    api_key: &[u8],
    nonce: &[u8; ENVELOPE_NONCE_LENGTH],
    associated_data: &[u8],
    content: &mut Vec<u8>,
) -> Result<(), EnvelopeError> {
    cipher(api_key)?
        .encrypt_in_place(&Nonce::from(*nonce), associated_data, content)
        .map_err(|_| EnvelopeError::Unavailable)
}

fn cipher(api_key: &[u8]) -> Result<Sm4Gcm, EnvelopeError> {
    let mut digest = Sm3::digest(api_key);
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    key.copy_from_slice(&digest[..KEY_LENGTH]);
    digest.zeroize();
    Sm4Gcm::new_from_slice(&*key).map_err(|_| EnvelopeError::Unavailable)
}
