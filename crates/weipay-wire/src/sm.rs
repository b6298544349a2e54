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

mod cipher;
mod private_key;
mod public_key;

pub(crate) use cipher::{open, seal};
pub(crate) use private_key::Sm2PrivateKey;
pub(crate) use public_key::{Sm2PublicKey, is_ciphertext};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use sm2::elliptic_curve::rand_core::{TryCryptoRng, TryRng};

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
