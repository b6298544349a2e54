//! 国密 (商密, ShangMi): SM2 for signatures and sensitive fields, SM4-GCM for envelopes. SM3 is in [`digest`](crate::digest).
//!
//! **Time.** The crate `sm2` computes with formulas and field arithmetic that are meant to take the same time for every secret.
//! Nobody has audited it, and the machine code was not measured. `sm4` looks up a table of 256 bytes, so a program on the same
//! processor may learn something of a key from its cache. If you cannot accept that, sign outside of this process.
//!
//! **Memory.** The two key objects of `sm2` do not wipe themselves. [`Sm2PrivateKey`] holds them at one place
//! and overwrites them when it is dropped. Keys and states of SM3, SM4 and GHASH are wiped by their crates.
//! Copies that the compiler makes on the stack are not wiped.
//!
//! **Nonces.** A signature's secret number is derived from key, message and fresh randomness (RFC 6979 with
//! extra data): neither a bad random source nor a fault in one signature gives the key away.

mod private_key;
mod public_key;

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
use aes_gcm::{AesGcm, Nonce};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use sm2::elliptic_curve::rand_core::{TryCryptoRng, TryRng};
use sm3::{Digest as _, Sm3};
use sm4::Sm4;
use zeroize::{Zeroize as _, Zeroizing};

use crate::envelope::{ENVELOPE_NONCE_LENGTH, EnvelopeError};

pub(crate) use private_key::Sm2PrivateKey;
pub(crate) use public_key::{Sm2PublicKey, is_ciphertext};

/// Whose signature it is, as GM/T 0009 wants it to be hashed: the number that stands for nobody in particular. The official Java
/// SDK uses it too.
const SIGNER: &str = "1234567812345678";

/// The random source of aws-lc-rs, as `sm2` wants it.
struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = Unspecified;

    fn try_next_u32(&mut self) -> Result<u32, Unspecified> {
        let mut bytes = [0; 4];
        rand::fill(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Unspecified> {
        let mut bytes = [0; 8];
        rand::fill(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Unspecified> {
        rand::fill(bytes)
    }
}

impl TryCryptoRng for SystemRandom {}

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
