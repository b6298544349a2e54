//! What a database must be able to do inside one transaction: records, counters, idempotency keys, an outbox, due times.
//!
//! An engine knows no product: a record is a document of JSON text with a kind, a key, a version, and values under which it
//! is found. So a new product needs nothing of an engine, and another engine needs this trait alone.

use super::StoreError;
use super::idempotency::{IdempotencyKey, StoredResponse};
use super::record::IndexEntry;
use super::schedule::{Announcement, Due};

/// One open transaction of a database. It is isolated from all others: whatever it has read stays true until it ends.
pub(crate) trait Engine {
    /// The record with a key.
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError>;

    /// The records that have a value under an index, the one that was added last first.
    fn records(&self, kind: &str, index: &str, value: &str) -> Result<Vec<StoredRecord>, StoreError>;

    /// How many records have a value under an index.
    fn count(&self, kind: &str, index: &str, value: &str) -> Result<i64, StoreError>;

    /// Adds a record with version 1. Whether its key was free.
    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError>;

    /// Replaces the record that has this version, and raises the version by one. Whether there was one. The indexes stay
    /// as they are where none are given.
    fn update(&self, record: &NewRecord<'_>, version: i64, indexes_changed: bool)
    -> Result<bool, StoreError>;

    /// The next number of a series, from 1.
    fn next_number(&self, series: &str) -> Result<i64, StoreError>;

    /// What was answered under an idempotency key.
    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError>;

    /// Keeps what was answered under a new idempotency key.
    fn keep_response(&self, key: &IdempotencyKey<'_>, answered: &StoredResponse) -> Result<(), StoreError>;

    /// Puts an announcement into the outbox.
    fn announce(&self, announcement: &Announcement) -> Result<(), StoreError>;

    /// Everything in the outbox, the oldest first.
    #[cfg(test)]
    fn outbox(&self) -> Result<Vec<(String, serde_json::Value)>, StoreError>;

    /// Lets something fall due. The same kind and key again is another time for the same thing.
    fn schedule(&self, due: &Due) -> Result<(), StoreError>;

    /// Takes something away that was to fall due at this time. Whether it was still there.
    fn unschedule(&self, due: &Due) -> Result<bool, StoreError>;

    /// The first that is due at `now`, after the given one in the order of time, kind and key.
    fn next_due(&self, now: i64, after: Option<&Due>) -> Result<Option<Due>, StoreError>;
}

/// A record as a database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRecord {
    pub(crate) key: String,
    pub(crate) version: i64,
    pub(crate) document: String,
}

/// A record as it is to be held.
pub(crate) struct NewRecord<'a> {
    pub(crate) kind: &'a str,
    pub(crate) key: &'a str,
    pub(crate) document: &'a str,
    pub(crate) indexes: &'a [IndexEntry],
}
