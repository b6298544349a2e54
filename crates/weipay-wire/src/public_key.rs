//! A public key: the WeChat Pay public key (微信支付公钥), that of a platform certificate, or the merchant's.
//!
//! It is parsed once, when it is read. Verifying and encrypting use the parsed key.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key_error::{KeyError, PemKind};
use crate::oaep::{MAX_OAEP_PLAINTEXT, OAEP, OaepError};
use crate::pem;
use crate::rsa_key_check::{MODULUS_BITS, public_key_error};
use crate::signature::{DecodeError, SIGNATURE_BYTES, SignatureError, decode};

/// A 2048-bit RSA public key. Clones share the parsed key.
///
/// Two values are equal if they are the same key. This tells whether a certificate belongs to a private key:
///
/// ```
/// # fn main() -> Result<(), weipay_wire::KeyError> {
/// let (mine, other) = (weipay_wire::PrivateKey::generate()?, weipay_wire::PrivateKey::generate()?);
/// assert_eq!(mine.public_key(), weipay_wire::PublicKey::from_pem(&mine.public_key().to_spki_pem())?);
/// assert_ne!(mine.public_key(), other.public_key(), "this certificate does not belong to this key");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PublicKey {
    parsed: Arc<Parsed>,
}

struct Parsed {
    verifying: ParsedPublicKey,
    encrypting: OaepPublicEncryptingKey,
    /// SubjectPublicKeyInfo as the library writes it, so that equal keys have equal bytes.
    spki_der: Box<[u8]>,
}

impl PublicKey {
    /// Reads a PEM: `PUBLIC KEY` (SubjectPublicKeyInfo), or `RSA PUBLIC KEY` (PKCS#1).
    ///
    /// # Errors
    /// If the text is not such a PEM, or the key is not a 2048-bit RSA key. The error says which, and what to do.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (kind, der) = pem::read(text, &[PemKind::PublicKey, PemKind::RsaPublicKey])?;
        if kind == PemKind::PublicKey {
            return Self::from_spki_der(&der);
        }
        let key = aws_lc_rs::rsa::PublicKey::from_der(&der).map_err(|_| public_key_error(&der))?;
        let spki: PublicKeyX509Der<'_> = key.as_der().map_err(|_| KeyError::Unavailable)?;
        Self::from_spki_der(spki.as_ref())
    }

    /// Reads the content of a file that should be such a PEM. Unlike [`from_pem`](Self::from_pem), it accepts any bytes,
    /// and the error says so if they are DER or UTF-16.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem(&pem::decode_text(bytes, PemKind::PublicKey)?)
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    /// If the bytes are not such a key, or the key is not a 2048-bit RSA key.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        PublicEncryptingKey::from_der(der)
            .map_err(|_| public_key_error(der))
            .and_then(Self::from_encrypting_key)
    }

    pub(crate) fn from_encrypting_key(key: PublicEncryptingKey) -> Result<Self, KeyError> {
        let bits = u32::try_from(key.key_size_bits()).unwrap_or(u32::MAX);
        if bits != MODULUS_BITS {
            return Err(KeyError::WrongSize { bits });
        }
        let spki: PublicKeyX509Der<'_> = key.as_der().map_err(|_| KeyError::Unavailable)?;
        let verifying = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.as_ref())
            .map_err(|_| KeyError::Malformed { wanted: PemKind::PublicKey })?;
        let encrypting = OaepPublicEncryptingKey::new(key).map_err(|_| KeyError::Unavailable)?;
        let spki_der = spki.as_ref().into();
        Ok(Self { parsed: Arc::new(Parsed { verifying, encrypting, spki_der }) })
    }

    /// Verifies that `signature`, in base64, was made over `message` with the private half of this key
    /// (RSASSA-PKCS1-v1_5 with SHA-256).
    ///
    /// # Errors
    /// If it was not.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), SignatureError> {
        let signature = decode(signature).map_err(|error| match error {
            DecodeError::NotBase64 => SignatureError::NotBase64,
            DecodeError::WrongLength => SignatureError::Mismatch,
        })?;
        self.parsed.verifying.verify_sig(message, &signature).map_err(|_| SignatureError::Mismatch)
    }

    /// Encrypts a sensitive field (敏感字段) with this key, in base64.
    ///
    /// # Errors
    /// If the text is longer than [`MAX_OAEP_PLAINTEXT`].
    pub fn encrypt_oaep(&self, plaintext: &[u8]) -> Result<String, OaepError> {
        if plaintext.len() > MAX_OAEP_PLAINTEXT {
            return Err(OaepError::TooLong { length: plaintext.len() });
        }
        let mut ciphertext = [0_u8; SIGNATURE_BYTES];
        let ciphertext = self
            .parsed
            .encrypting
            .encrypt(OAEP, plaintext, &mut ciphertext, None)
            .map_err(|_| OaepError::Unavailable)?;
        Ok(STANDARD.encode(ciphertext))
    }

    /// The key as SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn as_spki_der(&self) -> &[u8] {
        &self.parsed.spki_der
    }

    /// The key as a `PUBLIC KEY` PEM.
    #[must_use]
    pub fn to_spki_pem(&self) -> String {
        pem::write("PUBLIC KEY", self.as_spki_der()).to_string()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_spki_der() == other.as_spki_der()
    }
}

impl Eq for PublicKey {}

impl Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(RSA-2048)")
    }
}
