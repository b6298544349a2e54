//! Records: what a product keeps, as a type that gives its key and the values under which it is found.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Something that a product keeps. It is stored as a JSON document.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// What the record is, unique among all products. It stands in data folders, so it never changes.
    const KIND: &'static str;

    /// What identifies the record among those of its kind; [`joined`] makes a key of several parts.
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

/// What an index must hold for a record to be found: a value from `from` to `to`, both included, in the order of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexRange {
    pub(crate) index: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl IndexRange {
    /// Exactly this value.
    pub(crate) fn equal(index: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self { index, from: value.clone(), to: value }
    }

    /// Whether only one value is meant.
    pub(crate) fn is_one_value(&self) -> bool {
        self.from == self.to
    }
}

/// Which of the records that were found are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// How many are passed over.
    pub(crate) offset: i64,
    /// How many are given at most.
    pub(crate) limit: i64,
}

/// One text made of two, such that no other two give the same: the first has its length in bytes before it.
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
