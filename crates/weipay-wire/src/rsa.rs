//! Keys of RSA with 2048 bits, or, with the feature `sm`, of SM2 (see `sm`), and what is done with them:
//! signing, verifying, encrypting and decrypting.
//!
//! A [`PrivateKey`] is the merchant's (商户API私钥), or, in the sandbox, the platform's. A [`PublicKey`] is the WeChat Pay public key
//! (微信支付公钥), that of a platform certificate, or the merchant's. Each is parsed once, when it is read: signing costs far more
//! than any other step of a call, so nothing around it parses or copies.
//!
//! A signature of RSA is RSASSA-PKCS1-v1_5 with SHA-256: 256 bytes, written as 344 characters of standard
//! base64 with padding. Sensitive fields (敏感信息加密) are RSAES-OAEP with SHA-1 and MGF1-SHA-1, in base64.

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
#[cfg(feature = "sm")]
use crate::key_error::{is_sm2_pkcs8, is_sm2_spki};
use crate::pem;
use crate::scheme::Scheme;
use crate::sensitive::SensitiveError;
#[cfg(feature = "sm")]
use crate::sm::{Sm2PrivateKey, Sm2PublicKey};

/// A private key: RSA with 2048 bits, or, with the feature `sm`, SM2 (国密). Clones share the parsed key, which is wiped when the
/// last one is dropped.
#[derive(Clone)]
pub struct PrivateKey {
    parsed: Arc<ParsedPrivate>,
}

struct ParsedPrivate {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa {
        signing: KeyPair,
        decrypting: OaepPrivateDecryptingKey,
    },
    #[cfg(feature = "sm")]
    Sm2(Sm2PrivateKey),
}

impl PrivateKey {
    /// Reads a PEM: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` (PKCS#1), or, with the feature `sm`, `EC PRIVATE KEY` (SEC 1) of
    /// SM2, without a passphrase.
    ///
    /// # Errors
    ///
    /// If the text is not such a PEM, or the key is neither a 2048-bit RSA key nor, with the feature `sm`, one of SM2. The error
    /// says which, and what to do.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (kind, der) = pem::read(text, ACCEPTED)?;
        match kind {
            PemKind::PrivateKey => Self::from_pkcs8_der(&der),
            #[cfg(feature = "sm")]
            PemKind::EcPrivateKey => Sm2PrivateKey::from_sec1_der(&der).and_then(Self::from_sm2),
            _ => KeyPair::from_der(&der).map_err(|_| pkcs1_error(&der)).and_then(Self::from_key_pair),
        }
    }

    /// Reads the content of a file that should be such a PEM. Unlike [`from_pem`](Self::from_pem), it accepts any bytes,
    /// and the error says so if they are PKCS#12, DER or UTF-16.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem(&pem::decode_text(bytes, PemKind::PrivateKey)?)
    }

    /// Reads a PKCS#8 key in DER, without a passphrase.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a key, or the key is neither a 2048-bit RSA key nor, with the feature `sm`, one of SM2.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        #[cfg(feature = "sm")]
        if is_sm2_pkcs8(der) {
            return Sm2PrivateKey::from_pkcs8_der(der).and_then(Self::from_sm2);
        }
        KeyPair::from_pkcs8(der).map_err(|_| pkcs8_error(der)).and_then(Self::from_key_pair)
    }

    /// Generates a new RSA key, for the sandbox's credentials kit (凭证包).
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot generate one.
    pub fn generate() -> Result<Self, KeyError> {
        KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Unavailable).and_then(Self::from_key_pair)
    }

    /// Generates a new key of SM2 (国密), for tests and sandboxes.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot generate one.
    #[cfg(feature = "sm")]
    pub fn generate_sm2() -> Result<Self, KeyError> {
        Sm2PrivateKey::generate().and_then(Self::from_sm2)
    }

    #[cfg(feature = "sm")]
    fn from_sm2(key: Sm2PrivateKey) -> Result<Self, KeyError> {
        let public = PublicKey::from_sm2(key.public_key()?);
        Ok(Self { parsed: Arc::new(ParsedPrivate { pair: Pair::Sm2(key), public }) })
    }

    fn from_key_pair(signing: KeyPair) -> Result<Self, KeyError> {
        let pkcs8 = pkcs8(&signing)?;
        let decrypting =
            PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(|_| KeyError::Unavailable)?;
        let public = PublicKey::from_encrypting_key(decrypting.public_key())?;
        let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(|_| KeyError::Unavailable)?;
        Ok(Self { parsed: Arc::new(ParsedPrivate { pair: Pair::Rsa { signing, decrypting }, public }) })
    }

    /// The scheme of its signatures: what `Authorization` begins with.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self.parsed.pair {
            Pair::Rsa { .. } => Scheme::Sha256Rsa2048,
            #[cfg(feature = "sm")]
            Pair::Sm2(_) => Scheme::Sm2WithSm3,
        }
    }

    /// Signs a message, in base64: RSASSA-PKCS1-v1_5 with SHA-256, or SM2 with SM3.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<String, SignatureError> {
        match &self.parsed.pair {
            Pair::Rsa { signing, .. } => sign_rsa(signing, message),
            #[cfg(feature = "sm")]
            Pair::Sm2(key) => key.sign(message),
        }
    }

    /// Decrypts a sensitive field (敏感字段) that was encrypted with the public half of this key, as the key requires:
    /// RSAES-OAEP, or SM2.
    ///
    /// The result is wiped when it is dropped. Its `Debug` prints the text: keep it out of logs.
    ///
    /// # Errors
    ///
    /// If the text does not have the form of such a field, or cannot be decrypted with this key.
    pub fn decrypt_sensitive(&self, ciphertext: &str) -> Result<Zeroizing<Vec<u8>>, SensitiveError> {
        match &self.parsed.pair {
            Pair::Rsa { decrypting, .. } => decrypt_rsa(decrypting, ciphertext),
            #[cfg(feature = "sm")]
            Pair::Sm2(key) => key.decrypt(ciphertext),
        }
    }

    /// Decrypts a sensitive field (敏感字段) with RSAES-OAEP. See [`decrypt_sensitive`](Self::decrypt_sensitive), which does what
    /// the key requires.
    ///
    /// The result is wiped when it is dropped. Its `Debug` prints the text: keep it out of logs.
    ///
    /// # Errors
    ///
    /// If the text is not the base64 of 256 bytes, or cannot be decrypted with this key, or the key is not one of RSA.
    pub fn decrypt_oaep(&self, ciphertext: &str) -> Result<Zeroizing<Vec<u8>>, SensitiveError> {
        match &self.parsed.pair {
            Pair::Rsa { decrypting, .. } => decrypt_rsa(decrypting, ciphertext),
            #[cfg(feature = "sm")]
            Pair::Sm2(_) => Err(SensitiveError::NotRsa),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.parsed.public.clone()
    }

    /// The key as PKCS#8 in DER, which is wiped when it is dropped.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot export the key.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match &self.parsed.pair {
            Pair::Rsa { signing, .. } => Ok(Zeroizing::new(pkcs8(signing)?.as_ref().to_vec())),
            #[cfg(feature = "sm")]
            Pair::Sm2(key) => key.to_pkcs8_der(),
        }
    }

    /// The key as a `PRIVATE KEY` PEM, which is wiped when it is dropped.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot export the key.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(pem::write("PRIVATE KEY", &self.to_pkcs8_der()?))
    }
}

/// The PEM blocks that are read. The first is named in errors.
const ACCEPTED: &[PemKind] = &[
    PemKind::PrivateKey,
    PemKind::RsaPrivateKey,
    #[cfg(feature = "sm")]
    PemKind::EcPrivateKey,
];

fn sign_rsa(key: &KeyPair, message: &[u8]) -> Result<String, SignatureError> {
    let mut signature = [0_u8; SIGNATURE_BYTES];
    // This padding is deterministic: the function takes a random source, but does not use it.
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| SignatureError::Unavailable)?;
    Ok(STANDARD.encode(signature))
}

fn decrypt_rsa(
    key: &OaepPrivateDecryptingKey,
    ciphertext: &str,
) -> Result<Zeroizing<Vec<u8>>, SensitiveError> {
    let ciphertext = self::ciphertext(ciphertext)?;
    let mut buffer = Zeroizing::new([0_u8; SIGNATURE_BYTES]);
    let plaintext =
        key.decrypt(OAEP, &ciphertext, &mut *buffer, None).map_err(|_| SensitiveError::Refused)?;
    Ok(Zeroizing::new(plaintext.to_vec()))
}

fn pkcs8(key: &KeyPair) -> Result<Pkcs8V1Der<'static>, KeyError> {
    key.as_der().map_err(|_| KeyError::Unavailable)
}

impl Debug for PrivateKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A public key: RSA with 2048 bits, or, with the feature `sm`, SM2 (国密). Clones share the parsed key.
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

enum ParsedPublic {
    Rsa(Rsa),
    #[cfg(feature = "sm")]
    Sm2(Sm2PublicKey),
}

struct Rsa {
    verifying: ParsedPublicKey,
    encrypting: OaepPublicEncryptingKey,
    /// SubjectPublicKeyInfo as the library writes it, so that equal keys have equal bytes.
    spki_der: Box<[u8]>,
}

impl PublicKey {
    /// Reads a PEM: `PUBLIC KEY` (SubjectPublicKeyInfo), or `RSA PUBLIC KEY` (PKCS#1).
    ///
    /// # Errors
    ///
    /// If the text is not such a PEM, or the key is neither a 2048-bit RSA key nor, with the feature `sm`, one of SM2. The error
    /// says which, and what to do.
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
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem(&pem::decode_text(bytes, PemKind::PublicKey)?)
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a key, or the key is neither a 2048-bit RSA key nor, with the feature `sm`, one of SM2.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        #[cfg(feature = "sm")]
        if is_sm2_spki(der) {
            return Sm2PublicKey::from_spki_der(der).map(Self::from_sm2);
        }
        PublicEncryptingKey::from_der(der)
            .map_err(|_| public_key_error(der))
            .and_then(Self::from_encrypting_key)
    }

    #[cfg(feature = "sm")]
    pub(crate) fn from_sm2(key: Sm2PublicKey) -> Self {
        Self { parsed: Arc::new(ParsedPublic::Sm2(key)) }
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
        Ok(Self { parsed: Arc::new(ParsedPublic::Rsa(Rsa { verifying, encrypting, spki_der })) })
    }

    /// The scheme of signatures that it verifies.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match *self.parsed {
            ParsedPublic::Rsa(_) => Scheme::Sha256Rsa2048,
            #[cfg(feature = "sm")]
            ParsedPublic::Sm2(_) => Scheme::Sm2WithSm3,
        }
    }

    /// Verifies that `signature`, in base64, was made over `message` with the private half of this key:
    /// RSASSA-PKCS1-v1_5 with SHA-256, or SM2 with SM3.
    ///
    /// # Errors
    ///
    /// If it was not.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), SignatureError> {
        match &*self.parsed {
            ParsedPublic::Rsa(key) => key.verify(message, signature),
            #[cfg(feature = "sm")]
            ParsedPublic::Sm2(key) => key.verify(message, signature),
        }
    }

    /// Encrypts a sensitive field (敏感字段) as this key requires, in base64: RSAES-OAEP, or SM2.
    ///
    /// # Errors
    ///
    /// If the text is longer than [`MAX_OAEP_PLAINTEXT`] or, for a key of SM2, `MAX_SM2_PLAINTEXT`; or empty, for a key of SM2.
    pub fn encrypt_sensitive(&self, plaintext: &[u8]) -> Result<String, SensitiveError> {
        match &*self.parsed {
            ParsedPublic::Rsa(key) => key.encrypt(plaintext),
            #[cfg(feature = "sm")]
            ParsedPublic::Sm2(key) => key.encrypt(plaintext),
        }
    }

    /// Encrypts a sensitive field (敏感字段) with RSAES-OAEP, in base64. See [`encrypt_sensitive`](Self::encrypt_sensitive), which
    /// does what the key requires. UNCONFIRMED: public reports say that a few old operations (小微商户, some of overseas and of face
    /// payment) take RSAES-PKCS1-v1_5, which is not made here.
    ///
    /// # Errors
    ///
    /// If the text is longer than [`MAX_OAEP_PLAINTEXT`], or the key is not one of RSA.
    pub fn encrypt_oaep(&self, plaintext: &[u8]) -> Result<String, SensitiveError> {
        match &*self.parsed {
            ParsedPublic::Rsa(key) => key.encrypt(plaintext),
            #[cfg(feature = "sm")]
            ParsedPublic::Sm2(_) => Err(SensitiveError::NotRsa),
        }
    }

    /// The key as SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn as_spki_der(&self) -> &[u8] {
        match &*self.parsed {
            ParsedPublic::Rsa(key) => &key.spki_der,
            #[cfg(feature = "sm")]
            ParsedPublic::Sm2(key) => key.as_spki_der(),
        }
    }

    /// The key as a `PUBLIC KEY` PEM.
    #[must_use]
    pub fn to_spki_pem(&self) -> String {
        pem::write("PUBLIC KEY", self.as_spki_der()).to_string()
    }

    /// The key as an `RSA PUBLIC KEY` PEM (PKCS#1), the form that `v2/risk/getpublickey` shows; `None` for a key of SM2.
    #[must_use]
    pub fn to_pkcs1_pem(&self) -> Option<String> {
        let key = aws_lc_rs::rsa::PublicKey::from_der(self.as_spki_der()).ok()?;
        Some(pem::write("RSA PUBLIC KEY", key.as_ref()).to_string())
    }
}

impl Rsa {
    fn verify(&self, message: &[u8], signature: &str) -> Result<(), SignatureError> {
        let signature = decode(signature).map_err(|error| match error {
            DecodeError::NotBase64 => SignatureError::NotBase64,
            DecodeError::WrongLength => SignatureError::Mismatch,
        })?;
        self.verifying.verify_sig(message, &signature).map_err(|_| SignatureError::Mismatch)
    }

    fn encrypt(&self, plaintext: &[u8]) -> Result<String, SensitiveError> {
        if plaintext.len() > MAX_OAEP_PLAINTEXT {
            return Err(SensitiveError::TooLong { length: plaintext.len(), limit: MAX_OAEP_PLAINTEXT });
        }
        let mut ciphertext = [0_u8; SIGNATURE_BYTES];
        let ciphertext = self
            .encrypting
            .encrypt(OAEP, plaintext, &mut ciphertext, None)
            .map_err(|_| SensitiveError::Unavailable)?;
        Ok(STANDARD.encode(ciphertext))
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
        f.write_str(match *self.parsed {
            ParsedPublic::Rsa(_) => "PublicKey(RSA-2048)",
            #[cfg(feature = "sm")]
            ParsedPublic::Sm2(_) => "PublicKey(SM2)",
        })
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

/// The bytes of an encrypted field, which has the length of the key.
pub(crate) fn ciphertext(text: &str) -> Result<[u8; SIGNATURE_BYTES], SensitiveError> {
    Ok(decode(text)?)
}
