//! The digest (摘要) that `meta` gives of the file.

use weipay_catalog::Field;
use weipay_wire::sha256_hex;

use crate::sm3::sm3_hex;

/// Which algorithm a digest is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha256,
    /// SHA-256 or SM3. UNCONFIRMED where no member says which: the pages of `file_digest` and `digest` do not.
    Either,
}

/// Whether a member of `meta` is the digest of the file, and of which algorithm.
pub(super) fn kind(field: &Field) -> Option<Algorithm> {
    match field.name {
        "sha256" => Some(Algorithm::Sha256),
        "digest" | "file_digest" => Some(Algorithm::Either),
        _ => None,
    }
}

/// Whether a digest is of the file, in either case; `None` when the member is not a digest.
pub(crate) fn is_of(field: &Field, digest: &str, file: &[u8]) -> Option<bool> {
    let is = |computed: String| computed.eq_ignore_ascii_case(digest);
    Some(match kind(field)? {
        Algorithm::Sha256 => is(sha256_hex(file)),
        Algorithm::Either => is(sha256_hex(file)) || is(sm3_hex(file)),
    })
}
