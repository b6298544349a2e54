//! Why a PKCS#12 file is not read. No variant carries anything of its content.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use super::MAX_PKCS12_LENGTH;
use crate::key_error::KeyError;
use crate::key_format::KeyFormat;

/// Why a PKCS#12 file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// The file is larger than any of a merchant.
    TooLarge {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The bytes are something else.
    NotPkcs12 {
        /// What they look like.
        given: KeyFormat,
    },
    /// The file is damaged.
    Malformed,
    /// The file is written in BER with open lengths, as some key chains export it.
    OpenLengths,
    /// The password does not open the file.
    Password,
    /// The file uses an algorithm that is not supported.
    Algorithm,
    /// The key derivation of the file demands too many iterations.
    TooCostly,
    /// The file does not contain a private key.
    NoKey,
    /// The file does not contain the certificate of its private key.
    NoCertificate,
    /// The private key cannot be used.
    Key(KeyError),
}

const CONVERT: &str = "convert it with `openssl pkcs12 -legacy -in apiclient_cert.p12 -nodes -out both.pem` and \
                       `openssl pkcs12 -export -in both.pem -out apiclient_cert.p12`, or give the two PEM files instead";

impl Display for Pkcs12Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => {
                write!(f, "the PKCS#12 file has {length} bytes; at most {MAX_PKCS12_LENGTH} are read")
            }
            Self::NotPkcs12 { given } => write!(
                f,
                "this is not a PKCS#12 file: {given}; the file of the merchant API certificate (商户API证书) is usually \
                 named apiclient_cert.p12"
            ),
            Self::Malformed => {
                f.write_str("the PKCS#12 file is damaged; copy it again, as a binary file: text mode changes its bytes")
            }
            Self::OpenLengths => {
                write!(f, "the PKCS#12 file uses indefinite lengths (BER), which are not supported; {CONVERT}")
            }
            Self::Password => f.write_str(
                "the password does not open the PKCS#12 file; it is the merchant ID (商户号) unless it was changed",
            ),
            Self::Algorithm => {
                write!(f, "the PKCS#12 file uses an algorithm that is not supported; {CONVERT}")
            }
            Self::TooCostly => write!(f, "the PKCS#12 file demands too many iterations of its key derivation; {CONVERT}"),
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
