//! Files whose digest is signed in place of their bytes: overseas statements (境外对账单). A header has the SHA-1 of the file, and the
//! signature is over `{"sha1":"<value of that header>"}`. Which operations these are, the catalogue says.
//!
//! UNCONFIRMED: of which bytes the SHA-1 is where the file comes compressed. A public SDK says that it is of
//! the plain text; here the bytes as they came are accepted too.

use http::HeaderMap;
use weipay_wire::DigestAlgorithm;

use super::v3::SIGNATURE;
use crate::download::{self, Digest};
use crate::error::FileError;
use crate::request::Request;

/// The digest in the header of a response.
pub(super) struct SignedDigest<'a>(&'a str);

/// The digest of a response to this request, if the response has one and is signed. Without either there is nothing to verify.
pub(super) fn find<'a>(request: &Request, headers: &'a HeaderMap) -> Option<SignedDigest<'a>> {
    let header = request.operation?.signed_digest()?;
    headers.get(SIGNATURE.0)?;
    // A value that is not text counts as an empty digest, which no file has.
    headers.get(header).map(|value| SignedDigest(value.to_str().unwrap_or_default().trim()))
}

impl SignedDigest<'_> {
    /// The text that the platform signs.
    pub(super) fn signed_text(&self) -> String {
        format!(r#"{{"sha1":"{}"}}"#, self.0)
    }

    pub(super) fn digest(&self) -> Digest {
        Digest { algorithm: DigestAlgorithm::Sha1, hex: self.0.to_ascii_lowercase() }
    }

    /// Whether this is the file with that digest.
    pub(super) fn check(&self, file: &[u8]) -> Result<(), FileError> {
        let digest = self.digest();
        if DigestAlgorithm::Sha1.hex(file) == digest.hex {
            return Ok(());
        }
        download::check(file, digest)
    }
}
