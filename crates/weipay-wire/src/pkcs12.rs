//! PKCS#12 (RFC 7292), the file `apiclient_cert.p12` in which a merchant gets certificate and key together.
//!
//! Only reading, and only what such files hold: one private key and certificates, behind one password. The platform's own
//! tool writes the old schemes (3DES for the key, RC2 of 40 bits for the certificate, SHA-1); OpenSSL 3 writes AES with PBKDF2.
//! Both are read. The work that a file may ask for is bounded: its iterations are counted together.

mod ciphers;
mod error;
mod kdf;
mod structure;

pub use error::Pkcs12Error;

use std::cell::Cell;

use zeroize::Zeroizing;

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

/// Opens a file: its integrity is checked first, which also tells whether the password is right.
pub(crate) fn open(bytes: &[u8], password: &str) -> Result<Opened, Pkcs12Error> {
    if bytes.len() > MAX_PKCS12_LENGTH {
        return Err(Pkcs12Error::TooLarge { length: bytes.len() });
    }
    structure::open(bytes, &Password { text: password, budget: Cell::new(MAX_ITERATIONS) })
}
