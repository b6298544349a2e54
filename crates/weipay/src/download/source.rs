//! Names of files: a URL, or an object with members that the catalogue marks as the address of a file, its digest and its
//! key.

use std::sync::LazyLock;

use serde_json::Value;
use weipay_wire::{DigestAlgorithm, PrivateKey, SealedFile};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, FileError, RequestError};
use crate::members::{Members, Place};
use crate::model::table::Purpose;
use crate::model::{Model, sensitive};
use crate::operation::operations;
use crate::response::{Decode, Response};

/// How a model with a key that did not open is written.
const CIPHERTEXT: &str = "ciphertext";

/// A file: its address, its digest if one is announced, and how it is encrypted if it is.
#[derive(Clone)]
#[doc(hidden)]
pub struct FileLink {
    pub(super) url: String,
    /// An error if one is announced that cannot be checked.
    pub(super) digest: Result<Option<Digest>, RequestError>,
    pub(super) seal: Option<Seal>,
}

/// The source of a file to download: a [`Response`] or a part of one with the URL of the file
/// (`download_url`, in a few operations `url`), and with its digest if the platform announces one
/// (`hash_type` and `hash_value`); or the URL itself, which announces none. An encrypted file
/// (加密账单) has `encrypt_key` and `nonce` too: it is decrypted. The catalogue knows which members these are.
///
/// If a response has a list of files, give an item of the list.
pub trait FileSource {
    /// The file.
    ///
    /// # Errors
    ///
    /// If there is none.
    #[doc(hidden)]
    fn file_link(&self) -> Result<FileLink, RequestError>;
}

impl FileSource for str {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        Ok(FileLink { url: self.to_owned(), digest: Ok(None), seal: None })
    }
}

impl FileSource for String {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        self.as_str().file_link()
    }
}

/// Of which operation the JSON is a part is not known, so its members tell what names the file.
impl FileSource for Value {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        // Of two that fit alike, the first.
        let fits = |names: &&Names| names.all().filter(|name| self.get(name).is_some()).count();
        match ALL_NAMES.iter().rev().max_by_key(fits) {
            Some(names) => names.link(self),
            None => Err(no_address("download_url")),
        }
    }
}

impl<T: Model> FileSource for T {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        let rows = self.table().fields.iter();
        let named = rows.filter_map(|field| Some((field.purpose?, field.name)));
        let json = sensitive::json(self)?;
        Names::new(named).map_or_else(|| json.file_link(), |names| names.link(&json))
    }
}

impl<T: Decode> FileSource for Response<T> {
    fn file_link(&self) -> Result<FileLink, RequestError> {
        let json = self.json();
        let json = json.map_err(|error| RequestError::DownloadUrl(format!("cannot be read: {error}")))?;
        let members = self.operation().map_or(Members::NONE, |operation| operation.members(Place::Response));
        if let Some(names) = Names::of_members(members) {
            return names.link(&json);
        }
        match members.with_purpose(Purpose::DownloadUrl) {
            Some((around, url)) if !around.is_empty() => {
                let list: Vec<_> = around.iter().map(|member| member.name).collect();
                let (list, url) = (list.join("."), url.name);
                let reason = format!("is in `{list}`: give an item of this list, which has `{url}`");
                Err(RequestError::DownloadUrl(reason))
            }
            _ => json.file_link(),
        }
    }
}

/// The names of the members of an object that name a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    url: &'static str,
    hash_type: Option<&'static str>,
    hash: Option<&'static str>,
    key: Option<&'static str>,
    nonce: Option<&'static str>,
}

/// Those of all operations, each once.
static ALL_NAMES: LazyLock<Vec<Names>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for operation in operations() {
        Names::collect(operation.members(Place::Response), &mut all);
    }
    all.sort_unstable();
    all.dedup();
    all
});

impl Names {
    /// From members with their purposes; `None` if none of them is an address.
    fn new(named: impl Iterator<Item = (Purpose, &'static str)>) -> Option<Self> {
        let (mut url, mut hash_type, mut hash, mut key, mut nonce) = (None, None, None, None, None);
        for (purpose, name) in named {
            match purpose {
                Purpose::DownloadUrl => url = Some(name),
                Purpose::DownloadHashType => hash_type = Some(name),
                Purpose::DownloadHash => hash = Some(name),
                Purpose::DownloadKey => key = Some(name),
                Purpose::DownloadNonce => nonce = Some(name),
                _ => {}
            }
        }
        Some(Self { url: url?, hash_type, hash, key, nonce })
    }

    /// Those of an object itself.
    fn of_members(members: Members) -> Option<Self> {
        Self::new(members.iter().filter_map(|member| Some((member.purpose?, member.name))))
    }

    /// Those of an object and of all objects in it.
    fn collect(members: Members, all: &mut Vec<Self>) {
        all.extend(Self::of_members(members));
        members.iter().filter_map(|member| member.members).for_each(|inside| Self::collect(inside, all));
    }

    fn all(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.url), self.hash_type, self.hash, self.key, self.nonce].into_iter().flatten()
    }

    /// The file that an object names by members with these names.
    fn link(&self, json: &Value) -> Result<FileLink, RequestError> {
        let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let url = text(self.url).ok_or_else(|| no_address(self.url))?.to_owned();
        let key = self
            .key
            .and_then(|name| json.get(name))
            .and_then(|key| key.get(CIPHERTEXT).unwrap_or(key).as_str());
        let seal = match (key.filter(|key| !key.is_empty()), self.nonce.and_then(text)) {
            (Some(key), Some(nonce)) => Some(Seal::new(key, nonce)),
            (Some(_), None) => {
                let (key, nonce) = (self.key.unwrap_or_default(), self.nonce.unwrap_or_default());
                let reason = format!("is of an encrypted file (`{key}`), but has no `{nonce}` beside it");
                return Err(RequestError::DownloadUrl(reason));
            }
            (None, _) => None,
        };
        Ok(FileLink { url, digest: self.digest(text), seal })
    }

    fn digest<'a>(&self, text: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Digest>, RequestError> {
        let missing =
            |name: Option<&str>| Err(RequestError::Digest(format!("has no `{}`", name.unwrap_or_default())));
        match (self.hash_type.and_then(&text), self.hash.and_then(&text)) {
            (Some(hash_type), Some(hash)) => Digest::new(hash_type, hash).map(Some),
            (None, None) => Ok(None),
            (Some(_), None) => missing(self.hash),
            (None, Some(hash)) if self.hash_type.is_none() => Digest::without_type(hash).map(Some),
            (None, Some(_)) => missing(self.hash_type),
        }
    }
}

fn no_address(name: &str) -> RequestError {
    RequestError::DownloadUrl(format!(
        "is missing: the response has no `{name}`. It is not there until the file is ready. If the response has a \
         list of files, give an item of the list"
    ))
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
        let algorithm = DigestAlgorithm::from_name(hash_type).ok_or_else(|| {
            let named: String = hash_type.chars().take(32).collect();
            let named = named.escape_debug();
            RequestError::Digest(format!("uses the algorithm `{named}`; SHA1, SHA256 and SM3 are known"))
        })?;
        let hex = hash_value.trim().to_ascii_lowercase();
        let length = algorithm.hex_length();
        if hex.len() != length || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            let reason = format!("is not {length} hexadecimal digits, as {algorithm} has");
            return Err(RequestError::Digest(reason));
        }
        Ok(Self { algorithm, hex })
    }

    /// From a digest whose algorithm no member names: only SHA-1 has 40 digits. Those of 64 digits are of SHA-256 or SM3, which
    /// nothing tells apart.
    fn without_type(hash: &str) -> Result<Self, RequestError> {
        Self::new("SHA1", hash).map_err(|_| {
            let reason =
                "is announced without its algorithm, and does not look like SHA1: set it with `digest`";
            RequestError::Digest(reason.to_owned())
        })
    }
}

/// The lengths of the keys of AES-256 and SM4. A key that is still encrypted is longer: 344 characters with
/// RSA, and more than 100 with SM2.
const KEY_LENGTHS: [usize; 2] = [32, 16];

/// How a file is encrypted.
#[derive(Clone)]
pub(super) struct Seal {
    /// `encrypt_key`: encrypted for the merchant, or as a typed response has it, which has decrypted it.
    key: Zeroizing<String>,
    nonce: String,
}

impl Seal {
    pub(super) fn new(key: &str, nonce: &str) -> Self {
        Self { key: Zeroizing::new(key.to_owned()), nonce: nonce.to_owned() }
    }

    /// Decrypts the key with the merchant's private key, unless that was done.
    pub(super) fn open(&self, merchant: &PrivateKey) -> Result<SealedFile, Error> {
        let key = match KEY_LENGTHS.contains(&self.key.len()) {
            true => Zeroizing::new(self.key.as_bytes().to_vec()),
            false => {
                let opened = merchant.decrypt_sensitive(&self.key);
                opened.map_err(|error| Error::new(ErrorKind::Decryption(error.into())))?
            }
        };
        Ok(SealedFile::new(&key, self.nonce.as_bytes()).map_err(FileError::Sealed)?)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;
    use crate::operation::Operation;

    const SHA1: &str = "79bb0f45fc4c42234a918000b2668d689e2bde04";

    #[test]
    fn a_file_is_named_by_the_members_that_the_catalogue_marks() {
        let sha1 = Digest::new("SHA1", SHA1).unwrap();
        for json in [
            json!({"hash_type": "SHA1", "hash_value": SHA1, "download_url": "https://a/b"}),
            // Files of cash coupons (代金券).
            json!({"hash_type": "SHA1", "hash_value": SHA1, "url": "https://a/b"}),
            json!({"stock_useflow_hash": SHA1, "stock_useflow_count": "1", "url": "https://a/b"}),
            json!({"stock_refundflow_hash": SHA1, "stock_refundflow_count": "1", "url": "https://a/b"}),
            // The platform adds members.
            json!({"hash_type": "SHA1", "hash_value": SHA1, "download_url": "https://a/b", "url": "https://c"}),
        ] {
            let link = json.file_link().unwrap();
            assert_eq!((link.url.as_str(), link.digest), ("https://a/b", Ok(Some(sha1.clone()))), "{json}");
        }
        // Invoices and overseas bills announce no digest.
        let invoice = json!({"download_url": "https://a/b", "fapiao_id": "1"}).file_link().unwrap();
        assert_eq!((invoice.url.as_str(), invoice.digest), ("https://a/b", Ok(None)));
    }

    #[test]
    fn every_object_of_the_catalogue_that_names_a_file_is_known() {
        let urls: Vec<_> = ALL_NAMES.iter().map(|names| names.url).collect();
        assert!(
            ALL_NAMES.len() >= 5 && urls.contains(&"url") && urls.contains(&"download_url"),
            "{ALL_NAMES:?}"
        );
        let with_files = operations().filter(|operation| {
            operation.members(Place::Response).with_purpose(Purpose::DownloadUrl).is_some()
        });
        assert!(with_files.count() > 30);
        let bill = Operation::find(&Method::GET, "v3/bill/sub-merchant-fundflowbill").unwrap();
        let (list, _) = bill.members(Place::Response).with_purpose(Purpose::DownloadUrl).unwrap();
        let names = Names::of_members(list[0].members.unwrap()).unwrap();
        assert_eq!((names.key, names.nonce), (Some("encrypt_key"), Some("nonce")));
    }

    #[test]
    fn what_names_no_file_is_told() {
        for (json, reason) in [
            (json!({"download_url": "https://a/b", "encrypt_key": "a"}), "`nonce`"),
            (json!({"download_url": ""}), "`download_url`"),
            (json!({"url": 1}), "`url`"),
            (json!({"download_bill_list": []}), "an item of the list"),
            (json!(null), "`download_url`"),
        ] {
            let error = json.file_link().err().unwrap().to_string();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }

    #[test]
    fn a_digest_that_cannot_be_checked_is_an_error_and_not_left_out() {
        let sha256 = format!("{SHA1}{}", &SHA1[..24]);
        for (json, reason) in [
            (json!({"download_url": "https://a/b", "hash_type": "SHA1"}), "hash_value"),
            (json!({"download_url": "https://a/b", "hash_value": SHA1}), "hash_type"),
            (json!({"download_url": "https://a/b", "hash_type": "MD5", "hash_value": SHA1}), "`MD5`"),
            (json!({"download_url": "https://a/b", "hash_type": "SHA256", "hash_value": SHA1}), "64"),
            (json!({"url": "https://a/b", "stock_useflow_hash": sha256}), "without its algorithm"),
        ] {
            let error = json.file_link().unwrap().digest.unwrap_err().to_string();
            assert!(error.contains(reason), "{json}: {error}");
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

    #[cfg(feature = "sm")]
    #[test]
    fn a_file_key_is_decrypted_with_the_merchants_sm2_key() {
        let merchant = PrivateKey::generate_sm2().unwrap();
        for key in ["0123456789abcdef", "0123456789abcdef0123456789abcdef"] {
            let encrypted = merchant.public_key().encrypt_sensitive(key.as_bytes()).unwrap();
            assert!(encrypted.len() > 100);
            assert!(Seal::new(&encrypted, "a8607ef79034c49c").open(&merchant).is_ok());
        }
        let stranger = PrivateKey::generate_sm2().unwrap();
        let encrypted = stranger.public_key().encrypt_sensitive(b"0123456789abcdef").unwrap();
        assert!(Seal::new(&encrypted, "a8607ef79034c49c").open(&merchant).is_err());
    }
}
