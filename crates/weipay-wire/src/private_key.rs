//! A private key: the merchant's (商户API私钥), or, in the sandbox, the platform's.
//!
//! It is parsed once. Signing costs far more than any other step of a call, so nothing around it parses or copies.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key_error::{KeyError, PemKind};
use crate::oaep::{self, OAEP, OaepError};
use crate::pem;
use crate::public_key::PublicKey;
use crate::rsa_key_check::{pkcs1_error, pkcs8_error};
use crate::signature::{SIGNATURE_BYTES, SignatureError};

/// A 2048-bit RSA private key. Clones share the parsed key; the library wipes it when the last one is dropped.
#[derive(Clone)]
pub struct PrivateKey {
    parsed: Arc<Parsed>,
}

struct Parsed {
    signing: KeyPair,
    decrypting: OaepPrivateDecryptingKey,
    public: PublicKey,
}

impl PrivateKey {
    /// Reads a PEM: `PRIVATE KEY` (PKCS#8), or `RSA PRIVATE KEY` (PKCS#1), without a passphrase.
    ///
    /// # Errors
    /// If the text is not such a PEM, or the key is not a 2048-bit RSA key. The error says which, and what to do.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (kind, der) = pem::read(text, &[PemKind::PrivateKey, PemKind::RsaPrivateKey])?;
        if kind == PemKind::PrivateKey {
            return Self::from_pkcs8_der(&der);
        }
        KeyPair::from_der(&der).map_err(|_| pkcs1_error(&der)).and_then(Self::from_key_pair)
    }

    /// Reads the content of a file that should be such a PEM. Unlike [`from_pem`](Self::from_pem), it accepts any bytes,
    /// and the error says so if they are PKCS#12, DER or UTF-16.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem(&pem::decode_text(bytes, PemKind::PrivateKey)?)
    }

    /// Reads a PKCS#8 key in DER, without a passphrase.
    ///
    /// # Errors
    /// If the bytes are not such a key, or the key is not a 2048-bit RSA key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(der).map_err(|_| pkcs8_error(der)).and_then(Self::from_key_pair)
    }

    /// Generates a new key, for the sandbox's credentials kit (凭证包).
    ///
    /// # Errors
    /// If the cryptographic library cannot generate one.
    pub fn generate() -> Result<Self, KeyError> {
        KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Unavailable).and_then(Self::from_key_pair)
    }

    fn from_key_pair(signing: KeyPair) -> Result<Self, KeyError> {
        let pkcs8 = pkcs8(&signing)?;
        let decrypting =
            PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(|_| KeyError::Unavailable)?;
        let public = PublicKey::from_encrypting_key(decrypting.public_key())?;
        let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(|_| KeyError::Unavailable)?;
        Ok(Self { parsed: Arc::new(Parsed { signing, decrypting, public }) })
    }

    /// Signs a message (RSASSA-PKCS1-v1_5 with SHA-256), in base64.
    ///
    /// # Errors
    /// If the cryptographic library cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<String, SignatureError> {
        let mut signature = [0_u8; SIGNATURE_BYTES];
        // This padding is deterministic: the function takes a random source, but does not use it.
        self.parsed
            .signing
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SignatureError::Unavailable)?;
        Ok(STANDARD.encode(signature))
    }

    /// Decrypts a sensitive field (敏感字段) that was encrypted with the public half of this key.
    ///
    /// The result is wiped when it is dropped. Its `Debug` prints the text: keep it out of logs.
    ///
    /// # Errors
    /// If the text is not the base64 of 256 bytes, or cannot be decrypted with this key.
    pub fn decrypt_oaep(&self, ciphertext: &str) -> Result<Zeroizing<Vec<u8>>, OaepError> {
        let ciphertext = oaep::ciphertext(ciphertext)?;
        let mut buffer = Zeroizing::new([0_u8; SIGNATURE_BYTES]);
        let plaintext = self
            .parsed
            .decrypting
            .decrypt(OAEP, &ciphertext, &mut *buffer, None)
            .map_err(|_| OaepError::Refused)?;
        Ok(Zeroizing::new(plaintext.to_vec()))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.parsed.public.clone()
    }

    /// The key as PKCS#8 in DER, which is wiped when it is dropped.
    ///
    /// # Errors
    /// If the cryptographic library cannot export the key.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Ok(Zeroizing::new(pkcs8(&self.parsed.signing)?.as_ref().to_vec()))
    }

    /// The key as a `PRIVATE KEY` PEM, which is wiped when it is dropped.
    ///
    /// # Errors
    /// If the cryptographic library cannot export the key.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(pem::write("PRIVATE KEY", pkcs8(&self.parsed.signing)?.as_ref()))
    }
}

fn pkcs8(key: &KeyPair) -> Result<Pkcs8V1Der<'static>, KeyError> {
    key.as_der().map_err(|_| KeyError::Unavailable)
}

impl Debug for PrivateKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}
