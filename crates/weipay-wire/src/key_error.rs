//! Why a key or a certificate is rejected.
//!
//! A merchant has up to six files and texts that look alike. Most of these errors mean that one was given in place of
//! another. So the messages say what was given, what was expected, and where that is usually found.
//!
//! The cryptographic library does not say why it rejected a key. Reading a few members of the DER lets the
//! error say "1024 bits" or "not an RSA key".

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use x509_cert::der::{self, Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::key_format::KeyFormat;

/// The content of a PEM block, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemKind {
    /// `CERTIFICATE`: an X.509 certificate (证书).
    Certificate,
    /// `CERTIFICATE REQUEST`: a certificate signing request (证书请求串, CSR).
    CertificateRequest,
    /// `PRIVATE KEY`: a private key in PKCS#8 (私钥).
    PrivateKey,
    /// `RSA PRIVATE KEY`: an RSA private key in PKCS#1.
    RsaPrivateKey,
    /// `EC PRIVATE KEY`: an elliptic-curve private key.
    EcPrivateKey,
    /// `ENCRYPTED PRIVATE KEY`, or a PKCS#1 key with a `Proc-Type` header: a private key with a passphrase.
    EncryptedPrivateKey,
    /// `PUBLIC KEY`: a public key as SubjectPublicKeyInfo (公钥).
    PublicKey,
    /// `RSA PUBLIC KEY`: an RSA public key in PKCS#1.
    RsaPublicKey,
    /// Anything else.
    Other,
}

impl PemKind {
    pub(crate) fn from_label(label: &str) -> Self {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Self::Certificate,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
            "PRIVATE KEY" => Self::PrivateKey,
            "RSA PRIVATE KEY" => Self::RsaPrivateKey,
            "EC PRIVATE KEY" => Self::EcPrivateKey,
            "ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
            "PUBLIC KEY" => Self::PublicKey,
            "RSA PUBLIC KEY" => Self::RsaPublicKey,
            _ => Self::Other,
        }
    }

    /// The label in the first and the last line.
    pub(crate) fn label(self) -> Option<&'static str> {
        Some(match self {
            Self::Certificate => "CERTIFICATE",
            Self::CertificateRequest => "CERTIFICATE REQUEST",
            Self::PrivateKey => "PRIVATE KEY",
            Self::RsaPrivateKey => "RSA PRIVATE KEY",
            Self::EcPrivateKey => "EC PRIVATE KEY",
            Self::EncryptedPrivateKey => "ENCRYPTED PRIVATE KEY",
            Self::PublicKey => "PUBLIC KEY",
            Self::RsaPublicKey => "RSA PUBLIC KEY",
            Self::Other => return None,
        })
    }
}

impl Display for PemKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "a certificate (CERTIFICATE)",
            Self::CertificateRequest => "a certificate request (CERTIFICATE REQUEST)",
            Self::PrivateKey => "a private key (PRIVATE KEY)",
            Self::RsaPrivateKey => "an RSA private key (RSA PRIVATE KEY)",
            Self::EcPrivateKey => "an elliptic-curve private key (EC PRIVATE KEY)",
            Self::EncryptedPrivateKey => "an encrypted private key (ENCRYPTED PRIVATE KEY)",
            Self::PublicKey => "a public key (PUBLIC KEY)",
            Self::RsaPublicKey => "an RSA public key (RSA PUBLIC KEY)",
            Self::Other => "something that WeChat Pay does not use",
        })
    }
}

/// Where a PEM block is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemDamage {
    /// The `-----BEGIN ...` line does not end with five dashes.
    BeginLine,
    /// There is no `-----END ...-----` line.
    NoEndLine,
    /// The `-----END ...-----` line has another label than the `-----BEGIN ...-----` line, or too few dashes.
    EndLine,
    /// The content between the two lines is not valid base64.
    NotBase64,
}

impl Display for PemDamage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeginLine => "its `-----BEGIN ...-----` line does not end with five dashes",
            Self::NoEndLine => {
                "its `-----END ...-----` line is missing (some settings are cut off at the first line break: write line \
                 breaks as `\\n` there)"
            }
            Self::EndLine => "its `-----END ...-----` line is damaged, or its label differs from the first line",
            Self::NotBase64 => "the content between its first and last line is not valid base64",
        })
    }
}

/// Why a key or a certificate is rejected. No variant contains key material.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no text, or only white space.
    Empty {
        /// The expected kind.
        wanted: PemKind,
    },
    /// The text is longer than any key or certificate.
    TooLarge {
        /// The expected kind.
        wanted: PemKind,
        /// How long the text is, in bytes.
        length: usize,
    },
    /// There is no `-----BEGIN ...-----` line.
    NotPem {
        /// The expected kind.
        wanted: PemKind,
        /// The given kind, as far as its form shows.
        given: KeyFormat,
    },
    /// A PEM block is damaged.
    BrokenPem {
        /// The expected kind.
        wanted: PemKind,
        /// Where it is damaged.
        damage: PemDamage,
    },
    /// The PEM contains something else than expected.
    WrongKind {
        /// The expected kind.
        wanted: PemKind,
        /// Its content.
        found: PemKind,
    },
    /// The private key is encrypted with a passphrase.
    Encrypted,
    /// The key is well formed, but neither an RSA key nor one of SM2.
    NotRsa {
        /// The expected kind.
        wanted: PemKind,
    },
    /// The key is one of SM2 (国密), and this program is built without the feature `sm`.
    Sm2NotEnabled {
        /// The expected kind.
        wanted: PemKind,
    },
    /// The RSA key does not have 2048 bits.
    WrongSize {
        /// How many bits its modulus has.
        bits: u32,
    },
    /// The PEM block is intact, but its content is not what its label says.
    Malformed {
        /// The expected kind.
        wanted: PemKind,
    },
    /// The cryptographic library could not generate or export a key.
    Unavailable,
}

impl Display for KeyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { wanted } => write!(f, "the PEM is empty; {}", hint(*wanted)),
            Self::TooLarge { wanted, length } => {
                write!(f, "the PEM has {length} bytes, which is too large for a key or certificate; {}", hint(*wanted))
            }
            Self::NotPem { wanted, given } => write!(f, "{given}; {}", hint(*wanted)),
            Self::BrokenPem { wanted, damage } => {
                write!(f, "this PEM is damaged: {damage}; copy the whole file again; {}", hint(*wanted))
            }
            Self::WrongKind { wanted, found } => write!(f, "this PEM is {found}; {}", hint(*wanted)),
            Self::Encrypted => f.write_str(
                "this private key is encrypted with a passphrase; decrypt it first, with `openssl pkcs8 -topk8 \
                 -nocrypt -in encrypted.pem -out apiclient_key.pem`",
            ),
            Self::NotRsa { wanted } => {
                write!(f, "this key is not an RSA key; {SCHEME_NEEDS}; {}", hint(*wanted))
            }
            Self::Sm2NotEnabled { wanted } => write!(
                f,
                "this is an SM2 (国密) key, but this program is built without SM2; build it with the feature `sm` of \
                 weipay, or use RSA keys; {}",
                hint(*wanted)
            ),
            Self::WrongSize { bits } => write!(
                f,
                "this RSA key has {bits} bits; {SCHEME_NEEDS}, so this key cannot be from WeChat Pay; check which file \
                 it came from"
            ),
            Self::Malformed { wanted } => write!(
                f,
                "the content of this PEM is damaged, or is not what its first line says; download it again; {}",
                hint(*wanted)
            ),
            Self::Unavailable => f.write_str("the cryptographic library could not produce the key; try again"),
        }
    }
}

impl Error for KeyError {}

#[cfg(not(feature = "sm"))]
const SCHEME_NEEDS: &str = "WECHATPAY2-SHA256-RSA2048 needs a 2048-bit RSA key";
#[cfg(feature = "sm")]
const SCHEME_NEEDS: &str =
    "WECHATPAY2-SHA256-RSA2048 needs a 2048-bit RSA key, and WECHATPAY2-SM2-WITH-SM3 needs an SM2 key";

/// Where the expected file is usually found.
fn hint(wanted: PemKind) -> &'static str {
    match wanted {
        PemKind::Certificate => {
            "a certificate starts with `-----BEGIN CERTIFICATE-----`: the merchant API certificate (商户API证书) is \
             usually the file apiclient_cert.pem, and a platform certificate (平台证书) is usually named \
             wechatpay_<serial>.pem"
        }
        PemKind::PublicKey => {
            "the WeChat Pay public key (微信支付公钥) is usually the file pub_key.pem, and starts with \
             `-----BEGIN PUBLIC KEY-----`"
        }
        _ => "the merchant private key (商户API私钥) is usually the file apiclient_key.pem",
    }
}

/// The only key size that WeChat Pay uses.
pub(crate) const MODULUS_BITS: u32 = 2048;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// A key of some elliptic curve, whose parameter names the curve.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curve of SM2 (GM/T 0006).
const SM2_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// Whether a private key in PKCS#8 DER is one of SM2.
#[cfg(feature = "sm")]
pub(crate) fn is_sm2_pkcs8(der: &[u8]) -> bool {
    pkcs8(der).is_ok_and(|(algorithm, curve, _)| is_sm2(algorithm, curve))
}

/// Whether a public key in SubjectPublicKeyInfo DER is one of SM2.
pub(crate) fn is_sm2_spki(der: &[u8]) -> bool {
    SubjectPublicKeyInfoRef::from_der(der).is_ok_and(|info| {
        let curve = info.algorithm.parameters.and_then(|curve| curve.decode_as().ok());
        is_sm2(info.algorithm.oid, curve)
    })
}

fn is_sm2(algorithm: ObjectIdentifier, curve: Option<ObjectIdentifier>) -> bool {
    algorithm == EC_PUBLIC_KEY && curve == Some(SM2_CURVE)
}

/// Why a key of another algorithm than RSA is rejected.
fn not_rsa(wanted: PemKind, is_sm2: bool) -> KeyError {
    if is_sm2 { KeyError::Sm2NotEnabled { wanted } } else { KeyError::NotRsa { wanted } }
}

/// Why the library rejected a private key in PKCS#8 DER.
pub(crate) fn pkcs8_error(der: &[u8]) -> KeyError {
    let wanted = PemKind::PrivateKey;
    match pkcs8(der) {
        Ok((RSA_ENCRYPTION, _, key)) => pkcs1_error(key),
        Ok((algorithm, curve, _)) => not_rsa(wanted, is_sm2(algorithm, curve)),
        Err(_) => KeyError::Malformed { wanted },
    }
}

/// Why the library rejected a private key in PKCS#1 DER.
pub(crate) fn pkcs1_error(der: &[u8]) -> KeyError {
    let wanted = PemKind::PrivateKey;
    pkcs1_private_modulus(der).map_or(KeyError::Malformed { wanted }, |bits| size_error(bits, wanted))
}

/// Why the library rejected a public key in SubjectPublicKeyInfo or PKCS#1 DER.
pub(crate) fn public_key_error(der: &[u8]) -> KeyError {
    let wanted = PemKind::PublicKey;
    let pkcs1 = match SubjectPublicKeyInfoRef::from_der(der) {
        Ok(info) if info.algorithm.oid != RSA_ENCRYPTION => return not_rsa(wanted, is_sm2_spki(der)),
        Ok(info) => info.subject_public_key.raw_bytes(),
        Err(_) => der,
    };
    pkcs1_public_modulus(pkcs1).map_or(KeyError::Malformed { wanted }, |bits| size_error(bits, wanted))
}

fn size_error(bits: u32, wanted: PemKind) -> KeyError {
    if bits == MODULUS_BITS { KeyError::Malformed { wanted } } else { KeyError::WrongSize { bits } }
}

/// `PrivateKeyInfo`: version, algorithm with the name of its curve, key, and possibly attributes.
fn pkcs8(der: &[u8]) -> Result<(ObjectIdentifier, Option<ObjectIdentifier>, &[u8]), der::Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let _version: u8 = reader.decode()?;
        let (algorithm, curve) = reader.sequence(|reader| {
            let algorithm: ObjectIdentifier = reader.decode()?;
            let parameter: Option<AnyRef<'_>> =
                if reader.is_finished() { None } else { Some(reader.decode()?) };
            skip_rest(reader)?;
            Ok::<_, der::Error>((algorithm, parameter.and_then(|curve| curve.decode_as().ok())))
        })?;
        let key: &OctetStringRef = reader.decode()?;
        skip_rest(reader)?;
        Ok((algorithm, curve, key.as_bytes()))
    })
}

/// `RSAPrivateKey`: version, modulus, and the rest.
fn pkcs1_private_modulus(der: &[u8]) -> Result<u32, der::Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let _version: u8 = reader.decode()?;
        let modulus: UintRef<'_> = reader.decode()?;
        skip_rest(reader)?;
        Ok(bits(modulus.as_bytes()))
    })
}

/// `RSAPublicKey`: modulus and exponent.
fn pkcs1_public_modulus(der: &[u8]) -> Result<u32, der::Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let modulus: UintRef<'_> = reader.decode()?;
        let _exponent: UintRef<'_> = reader.decode()?;
        Ok(bits(modulus.as_bytes()))
    })
}

fn skip_rest<'a>(reader: &mut impl Reader<'a>) -> Result<(), der::Error> {
    while !reader.is_finished() {
        let _: AnyRef<'a> = reader.decode()?;
    }
    Ok(())
}

/// The length of a big-endian number without leading zeros.
fn bits(modulus: &[u8]) -> u32 {
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
    u32::try_from(modulus.len()).unwrap_or(u32::MAX / 8).saturating_mul(8).saturating_sub(unused)
}
