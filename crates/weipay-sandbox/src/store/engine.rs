//! What a database must be able to do inside one transaction: records, counters, idempotency keys, an outbox, due times.
//!
//! An engine knows no product: a record is a document of JSON text with a kind, a key, a version, and values under which it
//! is found. So a new product needs nothing of an engine, and another engine needs this trait alone.

use super::StoreError;
use super::idempotency::{IdempotencyKey, StoredResponse};
use super::outbox::OutboxEntry;
use super::record::{IndexEntry, IndexRange, Page};

/// One open transaction of a database. It is isolated from all others: whatever it has read stays true until it ends.
pub(crate) trait Engine {
    /// The record with a key.
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError>;

    /// The records that fulfil all conditions, the one that was added last first. Without a condition there are none.
    fn records(
        &self,
        kind: &str,
        conditions: &[IndexRange],
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// How many records fulfil all conditions.
    fn count(&self, kind: &str, conditions: &[IndexRange]) -> Result<i64, StoreError>;

    /// Adds a record with version 1. Whether its key was free.
    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError>;

    /// Replaces the record that has this version, and raises the version by one. Whether there was one. Its index entries
    /// are written again only when they changed.
    fn update(&self, record: &NewRecord<'_>, version: i64, indexes_changed: bool)
    -> Result<bool, StoreError>;

    /// The next number of a series, from 1.
    fn next_number(&self, series: &str) -> Result<i64, StoreError>;

    /// The response that was given under an idempotency key.
    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError>;

    /// Keeps the response to a new idempotency key.
    fn keep_response(&self, key: &IdempotencyKey<'_>, response: &StoredResponse) -> Result<(), StoreError>;

    /// Puts a notification into the outbox.
    fn add_to_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError>;

    /// Notifications that are due at `now`, the one that has been due for longest first.
    fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Keeps how many deliveries of a notification have failed, and when the next one is due.
    fn postpone(&self, number: i64, attempts: u32, due: i64) -> Result<(), StoreError>;

    /// Takes a notification out of the outbox.
    fn remove_from_outbox(&self, number: i64) -> Result<(), StoreError>;

    /// Takes all notifications up to this number out of the outbox.
    fn remove_from_outbox_up_to(&self, number: i64) -> Result<(), StoreError>;

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

/// A record as it is to be stored.
pub(crate) struct NewRecord<'a> {
    pub(crate) kind: &'a str,
    pub(crate) key: &'a str,
    pub(crate) document: &'a str,
    pub(crate) indexes: &'a [IndexEntry],
}

/// Something that the clock will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// What is to be done; a product has a handler for it.
    pub(crate) kind: String,
    /// The key of what it is done to.
    pub(crate) key: String,
    /// When, in unix seconds.
    pub(crate) at: i64,
}
