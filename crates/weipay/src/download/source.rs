//! What names a file: a URL, or a response with the members that the catalogue has for one.

use serde_json::Value;
use weipay_wire::DigestAlgorithm;

use super::seal::Seal;
use crate::error::RequestError;
use crate::model::{Model, sensitive};
use crate::response::{Decode, Response};

/// The catalogue's names of the members that name a file.
const URL: &str = "download_url";
const HASH_TYPE: &str = "hash_type";
const HASH_VALUE: &str = "hash_value";
/// A file that travels encrypted has its key and its nonce beside its address (子商户资金账单).
const KEY: &str = "encrypt_key";
const NONCE: &str = "nonce";
/// How a model with a key that did not open is written.
const CIPHERTEXT: &str = "ciphertext";

/// A file: its address, its digest if one is announced, and how it is encrypted if it is.
#[derive(Clone)]
#[doc(hidden)]
pub struct FileLink {
    pub(super) url: String,
    pub(super) digest: Option<Digest>,
    pub(super) seal: Option<Seal>,
}

/// What names a file to download: a [`Response`] or a part of one with `download_url`, and with `hash_type` and `hash_value` if
/// the platform announces a digest; or the URL itself, which announces none. A file that travels encrypted (加密账单) has
/// `encrypt_key` and `nonce` too: it is decrypted.
///
/// Where a response has a list of files, give an item of the list.
pub trait FileSource {
    /// The file.
    ///
    /// # Errors
    ///
    /// If there is none, or its digest cannot be checked.
    #[doc(hidden)]
    fn file_link(&self) -> Result<FileLink, RequestError>;
}

impl FileSource for str {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        Ok(FileLink { url: self.to_owned(), digest: None, seal: None })
    }
}

impl FileSource for String {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        self.as_str().file_link()
    }
}

impl FileSource for Value {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        let error = |reason: &str| RequestError::DownloadUrl(reason.to_owned());
        let text = |name: &str| self.get(name).and_then(Self::as_str).filter(|text| !text.is_empty());
        let url = text(URL).ok_or_else(|| {
            error("is missing: the response has no `download_url`. If it has a list of files, give an item of the list")
        })?;
        let key = self.get(KEY).and_then(|key| key.get(CIPHERTEXT).unwrap_or(key).as_str());
        let seal = match (key.filter(|key| !key.is_empty()), text(NONCE)) {
            (Some(key), Some(nonce)) => Some(Seal::new(key, nonce)),
            (Some(_), None) => {
                return Err(error("is of an encrypted file (`encrypt_key`), but has no `nonce` beside it"));
            }
            (None, _) => None,
        };
        let digest = match (text(HASH_TYPE), text(HASH_VALUE)) {
            (Some(hash_type), Some(hash_value)) => Some(Digest::new(hash_type, hash_value)?),
            (None, None) => None,
            (Some(_), None) => return Err(RequestError::Digest("has no `hash_value`".to_owned())),
            (None, Some(_)) => return Err(RequestError::Digest("has no `hash_type`".to_owned())),
        };
        Ok(FileLink { url: url.to_owned(), digest, seal })
    }
}

impl<T: Model> FileSource for T {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        sensitive::json(self)?.file_link()
    }
}

impl<T: Decode> FileSource for Response<T> {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        let json =
            self.json().map_err(|error| RequestError::DownloadUrl(format!("cannot be read: {error}")))?;
        json.file_link()
    }
}

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
    use serde_json::json;
    use weipay_catalog::{Catalog, Field};

    use super::*;

    /// Each object of responses that names a file, as the names of its members.
    fn each_link(fields: &[Field], see: &mut dyn FnMut(&[&str])) {
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        if names.contains(&URL) || names.contains(&HASH_TYPE) || names.contains(&HASH_VALUE) {
            see(&names);
        }
        fields.iter().for_each(|field| each_link(&field.fields, see));
    }

    #[test]
    fn the_names_of_a_files_members_are_those_of_the_catalogue() {
        let (mut links, mut sealed) = (0, 0);
        for operation in Catalog::embedded().operations() {
            each_link(&operation.response, &mut |names| {
                let has = |name| names.contains(&name);
                assert_eq!(has(HASH_TYPE), has(HASH_VALUE), "{}: {names:?}", operation.path);
                assert!(!has(KEY) || has(NONCE) && has(URL), "{}: {names:?}", operation.path);
                // No other member of the object may be the address of the file or its digest.
                let is_strange = |name: &&&str| {
                    ![URL, HASH_TYPE, HASH_VALUE].contains(*name)
                        && (name.contains("download") || name.contains("hash") || name.contains("digest"))
                };
                assert_eq!(names.iter().find(is_strange), None, "{}", operation.path);
                links += usize::from(has(URL));
                sealed += usize::from(has(KEY));
            });
        }
        assert!(links > 20 && sealed > 0, "{links} {sealed}");
    }

    const SHA1: &str = "79bb0f45fc4c42234a918000b2668d689e2bde04";

    #[test]
    fn a_file_is_named_by_the_members_of_the_catalogue() {
        let link =
            json!({"hash_type": "SHA1", "hash_value": SHA1, "download_url": "https://a/b"}).file_link();
        let link = link.unwrap();
        assert_eq!((link.url.as_str(), link.digest), ("https://a/b", Digest::new("SHA1", SHA1).ok()));
        // Invoices and overseas bills announce no digest.
        assert!(json!({"download_url": "https://a/b"}).file_link().unwrap().digest.is_none());
    }

    #[test]
    fn a_digest_that_cannot_be_checked_is_an_error_and_not_left_out() {
        for (json, reason) in [
            (json!({"download_url": "https://a/b", "hash_type": "SHA1"}), "hash_value"),
            (json!({"download_url": "https://a/b", "hash_value": SHA1}), "hash_type"),
            (json!({"download_url": "https://a/b", "hash_type": "MD5", "hash_value": SHA1}), "`MD5`"),
            (json!({"download_url": "https://a/b", "hash_type": "SHA256", "hash_value": SHA1}), "64"),
            (json!({"download_url": "https://a/b", "encrypt_key": "a"}), "`nonce`"),
            (json!({"download_bill_list": []}), "an item of the list"),
            (json!(null), "download_url"),
        ] {
            let error = json.file_link().err().unwrap().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

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
