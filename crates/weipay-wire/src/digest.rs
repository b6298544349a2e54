//! The digest of a file, as uploads (上传) and downloads name it.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let halves =
        digest(&SHA256, bytes).as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]).collect::<Vec<_>>();
    halves.into_iter().map(|half| char::from(DIGITS[usize::from(half)])).collect()
}
