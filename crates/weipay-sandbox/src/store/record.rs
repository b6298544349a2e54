//! Records: what a product keeps, as a type that says its key and the values under which it is found.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that a product keeps. It is held as a document of JSON.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// What the record is, unique among all products. It stands in data folders, so that it never changes.
    const KIND: &'static str;

    /// What makes the record one of its kind; [`joined`] makes it of several parts.
    fn key(&self) -> String;

    /// The values under which the record is found.
    fn indexes(&self) -> Vec<IndexEntry>;
}

/// A value under a named index. The names stand in data folders too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) index: &'static str,
    pub(crate) value: String,
}

impl IndexEntry {
    pub(crate) fn new(index: &'static str, value: impl Into<String>) -> Self {
        Self { index, value: value.into() }
    }
}

/// One text of two, such that no other two give the same: the first has its length in bytes before it.
pub(crate) fn joined(first: &str, second: &str) -> String {
    format!("{}:{first}:{second}", first.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_are_never_taken_for_two_others() {
        assert_eq!(joined("1001", "VIP-5"), "4:1001:VIP-5");
        assert_ne!(joined("a:b", "c"), joined("a", "b:c"));
        assert_ne!(joined("", "1::c"), joined("1:", "c"));
    }
}
