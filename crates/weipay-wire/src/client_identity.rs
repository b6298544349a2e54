//! The client certificate of the merchant for the TLS handshake where APIv2 requires it (双向证书): the merchant API certificate
//! (商户API证书) and its private key, and the file in which a merchant gets both together, `apiclient_cert.p12` in PKCS#12 (RFC
//! 7292).
//!
//! Only what such files hold is read: one private key and certificates, protected by one password. The platform's own
//! tool writes the old schemes (3DES for the key, RC2 of 40 bits for the certificate, SHA-1); OpenSSL 3 writes AES with PBKDF2.
//! Both are read. The work that a file may ask for is bounded: its iterations are counted together.

mod ciphers;
mod encode;
mod structure;

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Display, Formatter};

use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::key_error::{KeyError, PemKind};
use crate::key_format::KeyFormat;
use crate::rsa::PrivateKey;
use crate::scheme::Scheme;

/// A certificate, its private key, and the certificates between it and its root.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    key: PrivateKey,
    certificate: Certificate,
    chain: Vec<Vec<u8>>,
}

impl ClientIdentity {
    /// Joins a certificate (`apiclient_cert.pem`) and its key (`apiclient_key.pem`); nothing if they do not belong together, or
    /// are of SM2 (国密): TLS shows RSA here.
    #[must_use]
    pub fn new(certificate: Certificate, key: PrivateKey) -> Option<Self> {
        let is_pair = key.scheme() == Scheme::Sha256Rsa2048 && *certificate.public_key() == key.public_key();
        is_pair.then_some(Self { key, certificate, chain: Vec::new() })
    }

    /// Reads a PKCS#12 file (`apiclient_cert.p12`). The password is the merchant ID (商户号) unless it was changed.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a file, the password is wrong, or there is no certificate of the key in it.
    pub fn from_pkcs12(bytes: &[u8], password: &str) -> Result<Self, Pkcs12Error> {
        let opened = open(bytes, password)?;
        let key = PrivateKey::from_pkcs8_der(&opened.key).map_err(Pkcs12Error::Key)?;
        if key.scheme() != Scheme::Sha256Rsa2048 {
            return Err(Pkcs12Error::Key(KeyError::NotRsa { wanted: PemKind::PrivateKey }));
        }
        let mut leaf = None;
        let mut chain = Vec::new();
        for der in opened.certificates {
            match Certificate::from_der(&der) {
                Ok(certificate) if leaf.is_none() && *certificate.public_key() == key.public_key() => {
                    leaf = Some(certificate);
                }
                _ => chain.push(der),
            }
        }
        let certificate = leaf.ok_or(Pkcs12Error::NoCertificate)?;
        Ok(Self { key, certificate, chain })
    }

    /// Writes the certificate and its key as a PKCS#12 file, as merchants get one (`apiclient_cert.p12`). The certificates above it
    /// are left out. The file is encrypted as every old program reads it, with 3DES, SHA-1 and 2,048 rounds, so it needs as much
    /// care as the key itself.
    ///
    /// # Errors
    ///
    /// If the cryptographic library cannot export the key.
    pub fn to_pkcs12(&self, password: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let password = Password { text: password, budget: Cell::new(0) };
        encode::pkcs12(&self.key.to_pkcs8_der()?, self.certificate.as_der(), &password)
    }

    /// The private key.
    #[must_use]
    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The certificate of the key.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate and those above it, in DER, as a TLS handshake shows them.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.certificate.as_der()).chain(self.chain.iter().map(Vec::as_slice))
    }
}

/// The largest file that is read. One with a key and a chain of certificates has a few kB.
pub(crate) const MAX_PKCS12_LENGTH: usize = 64 * 1024;
/// The most iterations of all derivations of a file together. OpenSSL asks for 2,048 each, Java for 10,000.
const MAX_ITERATIONS: u32 = 2_000_000;

/// What was in a file.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The private key, in PKCS#8.
    pub(crate) key: Zeroizing<Vec<u8>>,
    /// Certificates in DER, in the order of the file.
    pub(crate) certificates: Vec<Vec<u8>>,
}

/// A password, and the iterations that may still be spent on it.
struct Password<'a> {
    text: &'a str,
    budget: Cell<u32>,
}

impl Password<'_> {
    /// Counts iterations before they are done.
    fn spend(&self, iterations: u32) -> Result<u32, Pkcs12Error> {
        let left = self.budget.get().checked_sub(iterations).ok_or(Pkcs12Error::TooCostly)?;
        self.budget.set(left);
        if iterations == 0 { Err(Pkcs12Error::Malformed) } else { Ok(iterations) }
    }

    /// As the old schemes take it: UTF-16, big end first, with a zero at its end.
    fn utf16(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * self.text.len() + 2));
        bytes.extend(self.text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
        bytes
    }
}

/// Opens a file: its integrity is checked first, which also shows whether the password is right.
pub(crate) fn open(bytes: &[u8], password: &str) -> Result<Opened, Pkcs12Error> {
    if bytes.is_empty() {
        return Err(Pkcs12Error::Empty);
    }
    if bytes.len() > MAX_PKCS12_LENGTH {
        return Err(Pkcs12Error::TooLarge { length: bytes.len() });
    }
    structure::open(bytes, &Password { text: password, budget: Cell::new(MAX_ITERATIONS) })
}

/// Why a PKCS#12 file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// The file is larger than any of a merchant.
    TooLarge {
        /// How long it is, in bytes.
        length: usize,
    },
    /// There are no bytes.
    Empty,
    /// The bytes are something else.
    NotPkcs12 {
        /// What they look like.
        given: KeyFormat,
    },
    /// The file is damaged.
    Malformed,
    /// The file is written in BER with open lengths, as some key chains export it.
    OpenLengths,
    /// The password is wrong.
    Password,
    /// The file uses an algorithm that is not supported.
    Algorithm,
    /// The key derivation of the file requires too many iterations.
    TooCostly,
    /// The file does not contain a private key.
    NoKey,
    /// The file does not contain the certificate of its private key.
    NoCertificate,
    /// The private key cannot be used.
    Key(KeyError),
}

const USUALLY: &str =
    "the PKCS#12 file of the merchant API certificate (商户API证书) is usually named apiclient_cert.p12";

const CONVERT: &str = "convert it with `openssl pkcs12 -legacy -in apiclient_cert.p12 -nodes -out both.pem` and \
                       `openssl pkcs12 -export -in both.pem -out apiclient_cert.p12`, or give the two PEM files instead";

impl Display for Pkcs12Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => {
                write!(f, "the PKCS#12 file has {length} bytes; at most {MAX_PKCS12_LENGTH} are read")
            }
            Self::Empty => write!(f, "the PKCS#12 file is empty: copy or download it again; {USUALLY}"),
            Self::NotPkcs12 { given } => {
                match given {
                    KeyFormat::Pem => f.write_str("this is a PEM, which is text, not a PKCS#12 file"),
                    KeyFormat::Base64OfPkcs12 => f.write_str(
                        "this is the base64 of a PKCS#12 file, not the file: decode it first with `base64 -d`",
                    ),
                    KeyFormat::Der(kind) => write!(f, "this is {kind} in DER, not a PKCS#12 file"),
                    KeyFormat::Pkcs7 => f.write_str("this is a PKCS#7 file (.p7b), not a PKCS#12 file"),
                    KeyFormat::JavaKeyStore => f.write_str("this is a Java key store (.jks), not a PKCS#12 file"),
                    KeyFormat::Archive => {
                        f.write_str("this is a ZIP or gzip file, not a PKCS#12 file: unpack it first")
                    }
                    KeyFormat::Binary => f.write_str("this is not a PKCS#12 file, or its header is damaged"),
                    _ => f.write_str("this is text, not a PKCS#12 file, which is binary"),
                }?;
                write!(f, "; {USUALLY}")
            }
            Self::Malformed => f.write_str(
                "the PKCS#12 file is damaged or cut off; copy it again, as a binary file (text mode changes its bytes), or \
                 download it again",
            ),
            Self::OpenLengths => {
                write!(f, "the PKCS#12 file uses indefinite lengths (BER), which are not supported; {CONVERT}")
            }
            Self::Password => f.write_str(
                "the password does not open the PKCS#12 file; it is the merchant ID (商户号) unless it was changed",
            ),
            Self::Algorithm => {
                write!(f, "the PKCS#12 file uses an algorithm that is not supported; {CONVERT}")
            }
            Self::TooCostly => write!(f, "the key derivation of the PKCS#12 file requires too many iterations; {CONVERT}"),
            Self::NoKey => f.write_str(
                "the PKCS#12 file does not contain a private key; export it together with the certificate, or download it again",
            ),
            Self::NoCertificate => {
                f.write_str("the PKCS#12 file does not contain the certificate of its private key; download it again")
            }
            Self::Key(_) => f.write_str("the private key in the PKCS#12 file cannot be used"),
        }
    }
}

impl Error for Pkcs12Error {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}
