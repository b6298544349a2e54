//! The digest of a file, as uploads (上传) and downloads (下载) name it.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use sm3::{Digest as _, Sm3};

/// How a digest (摘要) is computed: the values of `hash_type` in responses that name a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-1, of bills (账单).
    Sha1,
    /// SHA-256, of receipts (电子回单) and of uploads.
    Sha256,
    /// SM3, of receipts and invoices (电子发票).
    Sm3,
}

impl DigestAlgorithm {
    /// The algorithm of a `hash_type`, such as `SHA1`, in capitals or not, with a hyphen or not; `None` for any other.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name: String = name.trim().chars().filter(|character| !"-_".contains(*character)).collect();
        match name.to_ascii_uppercase().as_str() {
            "SHA1" => Some(Self::Sha1),
            "SHA256" => Some(Self::Sha256),
            "SM3" => Some(Self::Sm3),
            _ => None,
        }
    }

    /// How many hexadecimal digits a digest has.
    #[must_use]
    pub const fn hex_length(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 | Self::Sm3 => 64,
        }
    }

    /// The digest of bytes in lower-case hexadecimal.
    #[must_use]
    pub fn hex(self, bytes: &[u8]) -> String {
        let mut digester = Digester::new(self);
        digester.update(bytes);
        digester.finish_hex()
    }

    /// Whether `digest` (hexadecimal, in upper or lower case) is the digest of `bytes`.
    #[must_use]
    pub fn fits(self, digest: &str, bytes: &[u8]) -> bool {
        self.hex(bytes).eq_ignore_ascii_case(digest)
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sm3 => "SM3",
        })
    }
}

/// Computes the digest of bytes that come in pieces.
///
/// ```
/// use weipay_wire::{DigestAlgorithm, Digester};
///
/// let mut digester = Digester::new(DigestAlgorithm::Sha1);
/// digester.update(b"a");
/// digester.update(b"bc");
/// assert_eq!(digester.finish_hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
/// ```
#[derive(Clone)]
pub struct Digester(State);

#[derive(Clone)]
enum State {
    Sha(Context),
    Sm3(Sm3),
}

impl Digester {
    /// Begins with no bytes.
    #[must_use]
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha1 => State::Sha(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            DigestAlgorithm::Sha256 => State::Sha(Context::new(&SHA256)),
            DigestAlgorithm::Sm3 => State::Sm3(Sm3::new()),
        })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha(context) => context.update(bytes),
            State::Sm3(sm3) => sm3.update(bytes),
        }
    }

    /// The digest of all bytes in lower-case hexadecimal.
    #[must_use]
    pub fn finish_hex(self) -> String {
        match self.0 {
            State::Sha(context) => base16ct::lower::encode_string(context.finish().as_ref()),
            State::Sm3(sm3) => base16ct::lower::encode_string(&sm3.finalize()),
        }
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester")
    }
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    DigestAlgorithm::Sha256.hex(bytes)
}

/// SM3 (国密, GB/T 32905-2016) in lower-case hexadecimal: the digest of invoices (电子发票) and of some electronic receipts
/// (电子回单).
#[must_use]
pub fn sm3_hex(bytes: &[u8]) -> String {
    DigestAlgorithm::Sm3.hex(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_of_abc_are_the_known_ones() {
        // FIPS 180-2 and GB/T 32905-2016.
        for (name, digest) in [
            ("SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("SM3", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ] {
            let algorithm = DigestAlgorithm::from_name(name).unwrap();
            assert_eq!(algorithm.hex(b"abc"), digest);
            assert_eq!(algorithm.hex_length(), digest.len());
        }
        assert_eq!(DigestAlgorithm::from_name("MD5"), None);
        // The second example of GB/T 32905-2016.
        let digest = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732";
        assert_eq!(sm3_hex(&b"abcd".repeat(16)), digest);
    }

    #[test]
    fn pieces_of_any_length_give_the_digest_of_the_whole() {
        let text: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for algorithm in [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256, DigestAlgorithm::Sm3] {
            for length in [1, 7, 63, 64, 65, 128, 999] {
                let mut digester = Digester::new(algorithm);
                text.chunks(length).for_each(|piece| digester.update(piece));
                assert_eq!(digester.finish_hex(), algorithm.hex(&text), "{algorithm} {length}");
            }
        }
    }
}
