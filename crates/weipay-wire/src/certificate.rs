//! An X.509 certificate: the merchant's (商户API证书) or the platform's (平台证书).
//!
//! The protocol uses two parts of a certificate: the serial number, which headers carry, and the public key. Its dates
//! matter when several platform certificates overlap. The chain is not validated: trust comes from the APIv3 key with
//! which the certificate was encrypted when it was downloaded.

use std::fmt::{self, Debug, Formatter};

use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::key_error::{KeyError, PemKind};
use crate::pem;
use crate::rsa::PublicKey;

/// A certificate with a 2048-bit RSA key, or, with the feature `sm`, a key of SM2 (国密).
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    serial: String,
    public_key: PublicKey,
    not_before: i64,
    not_after: i64,
    subject: Option<String>,
    issuer: Option<String>,
    der: Box<[u8]>,
}

impl Certificate {
    /// Reads a `CERTIFICATE` PEM. If there are several certificates, the first one is read.
    ///
    /// # Errors
    ///
    /// If the text is not a `CERTIFICATE` PEM, or its key is not supported. The error says which, and what to do.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (_, der) = pem::read(text, &[PemKind::Certificate])?;
        Self::from_der(&der)
    }

    /// Reads the content of a file that should be such a PEM. Unlike [`from_pem`](Self::from_pem), it accepts any bytes,
    /// and the error says so if they are PKCS#12, DER or UTF-16.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pem_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem(&pem::decode_text(bytes, PemKind::Certificate)?)
    }

    /// Reads a certificate in DER.
    ///
    /// # Errors
    ///
    /// If the bytes are not a certificate, or the key in it cannot be used.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { wanted: PemKind::Certificate };
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| malformed.clone())?;
        let parsed = parsed.tbs_certificate();
        let spki = parsed.subject_public_key_info().to_der().map_err(|_| malformed.clone())?;
        let public_key =
            PublicKey::from_spki_der(&spki).map_err(|error| certificate_error(error, malformed))?;
        Ok(Self {
            serial: serial(parsed.serial_number().as_bytes()),
            public_key,
            not_before: unix_seconds(parsed.validity().not_before),
            not_after: unix_seconds(parsed.validity().not_after),
            subject: common_name(parsed.subject()),
            issuer: common_name(parsed.issuer()),
            der: der.into(),
        })
    }

    /// The serial number (证书序列号) in upper-case hex with its leading zeros, as `openssl x509 -noout -serial`
    /// prints it and as the headers carry it.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The public key in this certificate.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The first second of validity (启用时间), in Unix time.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// The last second of validity (过期时间), in Unix time.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The subject's common name: for a merchant certificate the merchant ID (商户号).
    #[must_use]
    pub fn subject_common_name(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The issuer's common name.
    #[must_use]
    pub fn issuer_common_name(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The certificate in DER.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as a `CERTIFICATE` PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::write("CERTIFICATE", &self.der).to_string()
    }
}

/// Makes the error speak of the certificate, where it would otherwise speak of a public key file.
fn certificate_error(error: KeyError, malformed: KeyError) -> KeyError {
    match error {
        KeyError::NotRsa { .. } => KeyError::NotRsa { wanted: PemKind::Certificate },
        KeyError::Sm2NotEnabled { .. } => KeyError::Sm2NotEnabled { wanted: PemKind::Certificate },
        KeyError::Malformed { .. } => malformed,
        error => error,
    }
}

/// Writes whole bytes, so a first digit of zero stays; the sign byte of DER goes.
fn serial(bytes: &[u8]) -> String {
    let magnitude = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    };
    base16ct::upper::encode_string(magnitude)
}

fn unix_seconds(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn common_name(name: &Name) -> Option<String> {
    name.common_name().ok().flatten().map(|name| name.value().into_owned())
}

impl Debug for Certificate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial", &self.serial)
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}
