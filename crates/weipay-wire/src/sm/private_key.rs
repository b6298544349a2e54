//! A private key of SM2.

use std::hint::black_box;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sm2::dsa::SigningKey;
use sm2::dsa::signature::RandomizedSigner as _;
use sm2::elliptic_curve::Generate as _;
use sm2::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use sm2::pke::DecryptingKey;
use sm2::{NonZeroScalar, SecretKey};
use zeroize::Zeroizing;

use super::public_key::{Sm2PublicKey, ciphertext};
use super::{SIGNER, SystemRandom};
use crate::key_error::{KeyError, PemKind};
use crate::rsa::SignatureError;
use crate::sensitive::SensitiveError;

pub(crate) struct Sm2PrivateKey {
    /// They stay at one place in memory, where they are overwritten.
    keys: Box<Keys>,
}

#[derive(Clone)]
struct Keys {
    signing: SigningKey,
    decrypting: DecryptingKey,
}

impl Sm2PrivateKey {
    pub(crate) fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        SecretKey::from_pkcs8_der(der).map_err(|_| malformed()).and_then(|key| Self::new(&key))
    }

    /// Reads the content of an `EC PRIVATE KEY` (SEC 1). It is refused if it names another curve.
    pub(crate) fn from_sec1_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = SecretKey::from_sec1_der(der);
        key.map_err(|_| KeyError::NotRsa { wanted: PemKind::PrivateKey }).and_then(|key| Self::new(&key))
    }

    pub(crate) fn generate() -> Result<Self, KeyError> {
        let key = SecretKey::try_generate_from_rng(&mut SystemRandom).map_err(|_| KeyError::Unavailable)?;
        Self::new(&key)
    }

    fn new(key: &SecretKey) -> Result<Self, KeyError> {
        Keys::new(key.to_nonzero_scalar()).map(|keys| Self { keys: Box::new(keys) }).ok_or_else(malformed)
    }

    pub(crate) fn public_key(&self) -> Result<Sm2PublicKey, KeyError> {
        Sm2PublicKey::new(self.keys.signing.verifying_key().into())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<String, SignatureError> {
        let signature = self.keys.signing.try_sign_with_rng(&mut SystemRandom, message);
        let signature = signature.map_err(|_| SignatureError::Unavailable)?;
        Ok(STANDARD.encode(signature.to_der().as_bytes()))
    }

    pub(crate) fn decrypt(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, SensitiveError> {
        let plaintext = self.keys.decrypting.decrypt_der(&ciphertext(text)?);
        plaintext.map(Zeroizing::new).map_err(|_| SensitiveError::Refused)
    }

    pub(crate) fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let key = SecretKey::from(self.keys.signing.as_nonzero_scalar());
        Ok(key.to_pkcs8_der().map_err(|_| KeyError::Unavailable)?.to_bytes())
    }
}

impl Keys {
    /// Fails for a key that SM2 does not allow: one that is one less than the order of the curve.
    fn new(scalar: NonZeroScalar) -> Option<Self> {
        let signing = SigningKey::from_nonzero_scalar(SIGNER, scalar).ok()?;
        let decrypting = DecryptingKey::from_nonzero_scalar(scalar).ok()?;
        Some(Self { signing, decrypting })
    }

    /// Keys that protect nothing, to overwrite others with.
    fn worthless() -> Option<&'static Self> {
        static WORTHLESS: OnceLock<Option<Keys>> = OnceLock::new();
        let one = || {
            let mut scalar = [0; 32];
            scalar[31] = 1;
            Self::new(NonZeroScalar::try_from(scalar.as_slice()).ok()?)
        };
        WORTHLESS.get_or_init(one).as_ref()
    }
}

impl Drop for Sm2PrivateKey {
    fn drop(&mut self) {
        if let Some(worthless) = Keys::worthless() {
            *self.keys = worthless.clone();
            // Whoever looked here would see what was written, so the compiler must write it.
            black_box(&mut *self.keys);
        }
    }
}

fn malformed() -> KeyError {
    KeyError::Malformed { wanted: PemKind::PrivateKey }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_overwrite_others_exist() {
        assert!(Keys::worthless().is_some());
    }

    #[test]
    fn two_signatures_of_one_message_differ() {
        let key = Sm2PrivateKey::generate().unwrap();
        assert_ne!(key.sign(b"message").unwrap(), key.sign(b"message").unwrap());
    }
}
