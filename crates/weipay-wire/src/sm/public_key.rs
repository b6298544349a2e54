//! A public key of SM2, and the form of what is signed and encrypted with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sm2::dsa::signature::Verifier as _;
use sm2::dsa::{Signature, VerifyingKey};
use sm2::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use sm2::pke::{Cipher, EncryptingKey};
use x509_cert::der::Decode as _;

use super::{SIGNER, SystemRandom};
use crate::key_error::{KeyError, PemKind};
use crate::rsa::SignatureError;
use crate::sensitive::{MAX_SM2_PLAINTEXT, SensitiveError};

/// The most bytes of a signature: a sequence of two numbers of up to 33 bytes.
const MAX_SIGNATURE_BYTES: usize = 72;

/// The most bytes that encryption adds: two numbers of up to 33 bytes, a digest of 32, and the lengths of each.
const MAX_OVERHEAD: usize = 128;

pub(crate) struct Sm2PublicKey {
    verifying: VerifyingKey,
    encrypting: EncryptingKey,
    /// SubjectPublicKeyInfo as the library writes it, so that equal keys have equal bytes.
    spki_der: Box<[u8]>,
}

impl Sm2PublicKey {
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        sm2::PublicKey::from_public_key_der(der).map_err(|_| malformed()).and_then(Self::new)
    }

    pub(crate) fn new(key: sm2::PublicKey) -> Result<Self, KeyError> {
        let spki_der = key.to_public_key_der().map_err(|_| KeyError::Unavailable)?;
        let verifying = VerifyingKey::new(SIGNER, key).map_err(|_| malformed())?;
        let spki_der = spki_der.as_bytes().into();
        Ok(Self { verifying, encrypting: EncryptingKey::new(key), spki_der })
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> Result<(), SignatureError> {
        if signature.len() > MAX_SIGNATURE_BYTES.div_ceil(3) * 4 {
            return Err(SignatureError::Mismatch);
        }
        let signature = STANDARD.decode(signature).map_err(|_| SignatureError::NotBase64)?;
        let signature = Signature::from_der(&signature).map_err(|_| SignatureError::Mismatch)?;
        self.verifying.verify(message, &signature).map_err(|_| SignatureError::Mismatch)
    }

    pub(crate) fn encrypt(&self, plaintext: &[u8]) -> Result<String, SensitiveError> {
        if plaintext.is_empty() {
            return Err(SensitiveError::Empty);
        }
        if plaintext.len() > MAX_SM2_PLAINTEXT {
            return Err(SensitiveError::TooLong { length: plaintext.len(), limit: MAX_SM2_PLAINTEXT });
        }
        let ciphertext = self.encrypting.encrypt_der(&mut SystemRandom, plaintext);
        Ok(STANDARD.encode(ciphertext.map_err(|_| SensitiveError::Unavailable)?))
    }

    pub(crate) fn as_spki_der(&self) -> &[u8] {
        &self.spki_der
    }
}

/// The bytes of an encrypted field: a sequence of point, digest and content in DER (C1C3C2), in base64.
pub(super) fn ciphertext(text: &str) -> Result<Vec<u8>, SensitiveError> {
    if text.len() > (MAX_SM2_PLAINTEXT + MAX_OVERHEAD).div_ceil(3) * 4 {
        return Err(SensitiveError::WrongLength);
    }
    STANDARD.decode(text).map_err(|_| SensitiveError::NotBase64)
}

/// Whether a text has the form of an encrypted field.
pub(crate) fn is_ciphertext(text: &str) -> bool {
    ciphertext(text).is_ok_and(|bytes| Cipher::<sm2::Sm2>::from_der(&bytes).is_ok())
}

fn malformed() -> KeyError {
    KeyError::Malformed { wanted: PemKind::PublicKey }
}
