//! RSA keys of 2048 bits, and what is done with them: signing, verifying, encrypting and decrypting.
//!
//! A [`PrivateKey`] is the merchant's (商户API私钥), or, in the sandbox, the platform's. A [`PublicKey`] is the WeChat Pay public key
//! (微信支付公钥), that of a platform certificate, or the merchant's. Each is parsed once, when it is read: signing costs far more
//! than any other step of a call, so nothing around it parses or copies.
//!
//! A signature is RSASSA-PKCS1-v1_5 with SHA-256: 256 bytes, written as 344 characters of standard base64 with padding. Sensitive
//! fields (敏感信息加密) are RSAES-OAEP with SHA-1 and MGF1-SHA-1, in base64.

use std::error::Error;
use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key_error::{KeyError, PemKind};
use crate::key_error::{MODULUS_BITS, pkcs1_error, pkcs8_error, public_key_error};
use crate::pem;

/// A 2048-bit RSA private key. Clones share the parsed key; the library wipes it when the last one is dropped.
#[derive(Clone)]
pub struct PrivateKey {
    parsed: Arc<ParsedPrivate>,
}

struct ParsedPrivate {
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
        Ok(Self { parsed: Arc::new(ParsedPrivate { signing, decrypting, public }) })
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
        let ciphertext = self::ciphertext(ciphertext)?;
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
    parsed: Arc<ParsedPublic>,
}

struct ParsedPublic {
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
        Ok(Self { parsed: Arc::new(ParsedPublic { verifying, encrypting, spki_der }) })
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

/// The length in bytes of a signature, and of anything encrypted with a key of this size.
pub(crate) const SIGNATURE_BYTES: usize = 256;

/// The length of a signature in base64.
pub(crate) const SIGNATURE_CHARACTERS: usize = 344;

/// Decodes the base64 of exactly 256 bytes, without allocating.
pub(crate) fn decode(base64: &str) -> Result<[u8; SIGNATURE_BYTES], DecodeError> {
    if base64.len() > SIGNATURE_CHARACTERS {
        return Err(DecodeError::WrongLength);
    }
    // The decoder needs a buffer of its estimated length, which is a little above the exact one.
    let mut buffer = [0_u8; SIGNATURE_CHARACTERS / 4 * 3];
    let length = STANDARD.decode_slice(base64, &mut buffer).map_err(|_| DecodeError::NotBase64)?;
    buffer[..length].try_into().map_err(|_| DecodeError::WrongLength)
}

/// Why a text is not the base64 of 256 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    NotBase64,
    WrongLength,
}

/// Why a signature is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The signature is not standard base64 with padding.
    NotBase64,
    /// The signature does not match this message and this key.
    Mismatch,
    /// The cryptographic library could not sign.
    Unavailable,
}

impl Display for SignatureError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBase64 => {
                "the signature is not standard base64 with padding; pass the value of the header on unchanged"
            }
            Self::Mismatch => {
                "the signature does not match this message and this key; check that these are exactly the bytes that \
                 were sent, and that this is the key that belongs to the signer"
            }
            Self::Unavailable => "the cryptographic library could not sign; try again",
        })
    }
}

impl Error for SignatureError {}

/// SHA-1 is what the guide and both official libraries use; one FAQ page says SHA-256 and stands alone.
pub(crate) static OAEP: &OaepAlgorithm = &OAEP_SHA1_MGF1SHA1;

/// The longest text that one field can carry, in bytes: 256 minus two hashes of 20 bytes, minus 2.
pub const MAX_OAEP_PLAINTEXT: usize = 214;

/// Why a sensitive field cannot be encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OaepError {
    /// The plaintext is longer than [`MAX_OAEP_PLAINTEXT`].
    TooLong {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The encrypted text is not standard base64 with padding.
    NotBase64,
    /// The encrypted text is not 256 bytes long.
    WrongLength,
    /// The encrypted text cannot be decrypted with this key.
    Refused,
    /// The cryptographic library could not encrypt.
    Unavailable,
}

impl Display for OaepError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => write!(
                f,
                "this sensitive field has {length} bytes, and RSA-OAEP with a 2048-bit key can encrypt at most \
                 {MAX_OAEP_PLAINTEXT}; shorten it"
            ),
            Self::NotBase64 => {
                f.write_str("this encrypted field is not standard base64 with padding; pass it on unchanged")
            }
            Self::WrongLength => f.write_str(
                "this encrypted field does not have the 256 bytes that a 2048-bit key produces; it was truncated, or it \
                 is not encrypted",
            ),
            Self::Refused => f.write_str(
                "this encrypted field cannot be decrypted with this private key; it was encrypted with the public key \
                 of another certificate (for a request, check that Wechatpay-Serial names the key used to encrypt)",
            ),
            Self::Unavailable => f.write_str("the cryptographic library could not encrypt; try again"),
        }
    }
}

impl Error for OaepError {}

impl From<DecodeError> for OaepError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::NotBase64 => Self::NotBase64,
            DecodeError::WrongLength => Self::WrongLength,
        }
    }
}

/// The bytes of an encrypted field, which has the length of the key.
pub(crate) fn ciphertext(text: &str) -> Result<[u8; SIGNATURE_BYTES], OaepError> {
    Ok(decode(text)?)
}

/// Checks that a text has the form of an encrypted field. This finds plaintext that was passed as ciphertext by mistake,
/// but it proves nothing: long plaintext may have the same form.
///
/// # Errors
/// [`OaepError::NotBase64`] or [`OaepError::WrongLength`].
pub fn check_ciphertext(text: &str) -> Result<(), OaepError> {
    ciphertext(text).map(drop)
}
