//! The digest (摘要) that a response announces for its file.

use weipay_wire::DigestAlgorithm;

use crate::error::RequestError;

/// The announced digest of a file: an algorithm, and the value in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub(crate) algorithm: DigestAlgorithm,
    /// In lower case.
    pub(crate) hex: String,
}

impl Digest {
    /// From `hash_type` (`SHA1`, `SHA256` or `SM3`) and `hash_value` of a response.
    ///
    /// # Errors
    ///
    /// If the algorithm is another one, or the value is not a digest of that algorithm in hexadecimal.
    pub fn new(hash_type: &str, hash_value: &str) -> Result<Self, RequestError> {
        let error = |reason: String| RequestError::Digest(reason);
        let algorithm = DigestAlgorithm::from_name(hash_type).ok_or_else(|| {
            let named: String = hash_type.chars().take(32).collect();
            error(format!("uses the algorithm `{}`; SHA1, SHA256 and SM3 are known", named.escape_debug()))
        })?;
        let hex = hash_value.trim().to_ascii_lowercase();
        let length = algorithm.hex_length();
        if hex.len() != length || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(error(format!("is not {length} hexadecimal digits, as {algorithm} has")));
        }
        Ok(Self { algorithm, hex })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_in_any_case_and_checked_for_its_length() {
        let lower = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let digest = Digest::new("SHA1", &lower.to_uppercase()).unwrap();
        assert_eq!((digest.algorithm, digest.hex.as_str()), (DigestAlgorithm::Sha1, lower));
        for (name, value) in
            [("SHA256", lower), ("SHA1", ""), ("SHA1", &lower.replace('a', "g")), ("MD5", lower)]
        {
            assert!(Digest::new(name, value).is_err(), "{name} {value}");
        }
        let unknown = Digest::new("MD5", lower).unwrap_err().to_string();
        assert!(unknown.contains("`MD5`"), "{unknown}");
    }
}
