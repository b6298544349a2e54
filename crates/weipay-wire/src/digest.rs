//! The digest of a file, as uploads (上传) and downloads name it.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(digest(&SHA256, bytes).as_ref())
}
