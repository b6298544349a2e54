//! What the merchant shows in the TLS handshake where APIv2 demands it (双向证书): the merchant API certificate
//! (商户API证书) and its private key.

use crate::certificate::Certificate;
use crate::pkcs12::{self, Pkcs12Error};
use crate::private_key::PrivateKey;

/// A certificate, its private key, and the certificates between it and its root.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    key: PrivateKey,
    certificate: Certificate,
    chain: Vec<Vec<u8>>,
}

impl ClientIdentity {
    /// Joins a certificate (`apiclient_cert.pem`) and its key (`apiclient_key.pem`); nothing if they do not belong together.
    #[must_use]
    pub fn new(certificate: Certificate, key: PrivateKey) -> Option<Self> {
        (*certificate.public_key() == key.public_key()).then_some(Self {
            key,
            certificate,
            chain: Vec::new(),
        })
    }

    /// Reads a PKCS#12 file (`apiclient_cert.p12`). The password is the merchant ID (商户号) unless somebody changed it.
    ///
    /// # Errors
    /// When the bytes are not such a file, the password is wrong, or there is no certificate of the key in it.
    pub fn from_pkcs12(bytes: &[u8], password: &str) -> Result<Self, Pkcs12Error> {
        let opened = pkcs12::open(bytes, password)?;
        let key = PrivateKey::from_pkcs8_der(&opened.key).map_err(Pkcs12Error::Key)?;
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
