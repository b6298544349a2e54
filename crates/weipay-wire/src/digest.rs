//! The digest of a file, as uploads (上传) and downloads name it.

use aws_lc_rs::digest::{SHA256, digest};
use sm3::{Digest as _, Sm3};

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(digest(&SHA256, bytes).as_ref())
}

/// SM3 (国密, GB/T 32905-2016) in lower-case hexadecimal: the digest of invoices (电子发票) and of some electronic receipts
/// (电子回单).
#[must_use]
pub fn sm3_hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sm3::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_are_the_known_ones() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        // The two examples of GB/T 32905-2016, appendix A.
        assert_eq!(sm3_hex(b"abc"), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(
            sm3_hex(&b"abcd".repeat(16)),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
        );
    }
}
