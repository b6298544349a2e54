//! What a product keeps, and how it is named.

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::StoredRecord;
use super::{IndexEntry, StoreError};

/// Something that a product keeps. It is stored as a JSON document.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// What the record is, unique among all products. It stands in data folders, so it never changes.
    const KIND: &'static str;

    /// What identifies the record among those of its kind; [`joined`] makes a key of several parts.
    fn key(&self) -> String;

    /// The values under which the record is found, beside its key.
    fn indexes(&self) -> Vec<IndexEntry> {
        Vec::new()
    }
}

impl StoredRecord {
    /// What it holds.
    pub(super) fn open<R: Record>(&self) -> Result<R, StoreError> {
        // The document may hold personal data: the error names the record only.
        serde_json::from_str(&self.document).map_err(|_| unreadable::<R>(&self.key))
    }
}

pub(super) fn unreadable<R: Record>(key: &str) -> StoreError {
    StoreError::Corrupt(named::<R>(key))
}

/// A record in a message, which comes to a log and to whoever sent the request: a key may be an openid, so its hash stands there.
pub(crate) fn named<R: Record>(key: &str) -> String {
    format!("{} with the key whose SHA-256 begins with {}", R::KIND, hash_of(key))
}

/// The beginning of a key's hash: enough to find the record, and to see that two messages are about the same one.
fn hash_of(key: &str) -> String {
    let hash = digest(&SHA256, key.as_bytes());
    base16ct::lower::encode_string(hash.as_ref().get(..8).unwrap_or_default())
}

/// One text made of two, such that no other two give the same: the first has its length in bytes before it.
pub(crate) fn joined(first: &str, second: &str) -> String {
    format!("{}:{first}:{second}", first.len())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// The text of each source file below a folder.
    fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }

    #[test]
    fn every_kind_of_record_is_one_type() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let mut kinds: HashMap<&str, &Path> = HashMap::new();
        for (file, text) in &files {
            // Tests of the store have kinds too, in databases that no product uses.
            if file.ends_with("tests.rs") || file.ends_with("store/model.rs") {
                continue;
            }
            for line in text.lines() {
                let Some(kind) = line.trim().strip_prefix("const KIND: &'static str = \"") else { continue };
                let other = kinds.insert(kind, file);
                assert_eq!(other, None, "{kind} is in {} too", file.display());
            }
        }
        assert!(kinds.len() > 50, "{}", kinds.len());
    }
}
