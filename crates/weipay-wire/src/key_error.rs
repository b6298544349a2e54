//! Why a key or a certificate is refused.
//!
//! A merchant holds up to six files and texts that all look alike. Most refusals here are one thing given in the
//! place of another, so the sentences say what was given, what was wanted, and where that is usually found.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use crate::key_format::KeyFormat;

/// What a PEM block says that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemKind {
    /// `CERTIFICATE`: an X.509 certificate (证书).
    Certificate,
    /// `CERTIFICATE REQUEST`: a request for a certificate (证书请求串, CSR).
    CertificateRequest,
    /// `PRIVATE KEY`: a private key in PKCS#8 (私钥).
    PrivateKey,
    /// `RSA PRIVATE KEY`: an RSA private key in PKCS#1.
    RsaPrivateKey,
    /// `EC PRIVATE KEY`: a private key on an elliptic curve.
    EcPrivateKey,
    /// `ENCRYPTED PRIVATE KEY`, or a PKCS#1 key with a `Proc-Type` header: a private key behind a passphrase.
    EncryptedPrivateKey,
    /// `PUBLIC KEY`: a public key as SubjectPublicKeyInfo (公钥).
    PublicKey,
    /// `RSA PUBLIC KEY`: an RSA public key in PKCS#1.
    RsaPublicKey,
    /// Anything else.
    Other,
}

impl PemKind {
    pub(crate) fn of_label(label: &str) -> Self {
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

    /// What stands in the first and the last line.
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
            Self::Other => "of a kind that WeChat Pay does not use",
        })
    }
}

/// Where a PEM block is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemDamage {
    /// The `-----BEGIN ...` line has no dashes at its end.
    BeginLine,
    /// There is no `-----END ...-----` line.
    NoEndLine,
    /// The `-----END ...-----` line names another thing than the `-----BEGIN ...-----` line, or lacks dashes.
    EndLine,
    /// What is between the two lines is not base64, or not all of it.
    NotBase64,
}

impl Display for PemDamage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeginLine => "its `-----BEGIN ...-----` line does not end in five dashes",
            Self::NoEndLine => {
                "its `-----END ...-----` line is missing (a setting that is cut off at its first line break loses it: \
                 write line breaks as `\\n` there)"
            }
            Self::EndLine => "its `-----END ...-----` line is damaged, or is not of the same kind as its first line",
            Self::NotBase64 => "what is between its first and its last line is not base64, or not all of it",
        })
    }
}

/// Why a key or a certificate is refused. No variant carries key material.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no text, or only white space.
    Empty {
        /// What was wanted.
        wanted: PemKind,
    },
    /// The text is longer than any key or certificate is.
    TooLarge {
        /// What was wanted.
        wanted: PemKind,
        /// How long the text is, in bytes.
        length: usize,
    },
    /// There is no `-----BEGIN ...-----` line.
    NotPem {
        /// What was wanted.
        wanted: PemKind,
        /// What was given, as far as its form tells.
        given: KeyFormat,
    },
    /// A PEM block is damaged.
    BrokenPem {
        /// What was wanted.
        wanted: PemKind,
        /// Where it is damaged.
        damage: PemDamage,
    },
    /// The PEM holds one thing and another was wanted.
    WrongKind {
        /// What was wanted.
        wanted: PemKind,
        /// What was given.
        found: PemKind,
    },
    /// The private key is protected by a passphrase.
    Encrypted,
    /// The key is well formed but not an RSA key.
    NotRsa {
        /// What was wanted.
        wanted: PemKind,
    },
    /// The RSA key is not of 2048 bits.
    WrongSize {
        /// How many bits its modulus has.
        bits: u32,
    },
    /// The PEM block is intact but its content is not what its label says.
    Malformed {
        /// What was wanted.
        wanted: PemKind,
    },
    /// The cryptographic library could not make or write out a key.
    Unavailable,
}

impl Display for KeyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { wanted } => write!(f, "the PEM is empty; {}", hint(*wanted)),
            Self::TooLarge { wanted, length } => {
                write!(f, "the PEM has {length} bytes, more than a key or certificate ever has; {}", hint(*wanted))
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
            Self::WrongSize { bits } => write!(
                f,
                "this RSA key has {bits} bits; {SCHEME_NEEDS}, so it is not a key that WeChat Pay issued or signed: \
                 check which file it came from"
            ),
            Self::Malformed { wanted } => write!(
                f,
                "the content of this PEM is damaged or not what its first line says; download it again; {}",
                hint(*wanted)
            ),
            Self::Unavailable => f.write_str("the cryptographic library could not produce the key; try again"),
        }
    }
}

impl Error for KeyError {}

const SCHEME_NEEDS: &str = "WECHATPAY2-SHA256-RSA2048 takes RSA keys of 2048 bits";

/// Where the thing that was wanted is usually found.
fn hint(wanted: PemKind) -> &'static str {
    match wanted {
        PemKind::Certificate => {
            "a certificate starts with `-----BEGIN CERTIFICATE-----`: the merchant API certificate (商户API证书) is \
             the file usually named apiclient_cert.pem, a platform certificate (平台证书) is usually named \
             wechatpay_<serial>.pem"
        }
        PemKind::PublicKey => {
            "the WeChat Pay public key (微信支付公钥) is the file usually named pub_key.pem and starts with \
             `-----BEGIN PUBLIC KEY-----`"
        }
        _ => "the merchant private key (商户API私钥) is the file usually named apiclient_key.pem",
    }
}
