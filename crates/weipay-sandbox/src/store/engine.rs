//! The interface of a database inside one transaction: records, counters, idempotency keys, an outbox, due times.
//!
//! An engine knows no product: a record is a document of JSON text with a kind, a key, a version, and values under which it
//! is found. So a new product needs nothing of an engine, and another engine needs this trait alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::StoreError;

/// Is given one row after the other.
pub(crate) type EachRow<'a> = dyn FnMut(StoredRow) -> Result<(), StoreError> + 'a;

/// One open transaction of a database. It is isolated from all others: whatever it has read stays true until it ends.
pub(crate) trait Engine: WholeState {
    /// The record with a key.
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError>;

    /// The records that fulfil all conditions, the one that was added last first. Without a condition there are none.
    fn records(
        &self,
        kind: &str,
        conditions: &[IndexRange],
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// Records of a range in the order of its index and, under one value, of their addition, or all of that
    /// backwards; those after a place, which is in the range or at its beginning.
    fn scan(
        &self,
        kind: &str,
        range: &IndexRange,
        direction: Direction,
        after: &IndexPosition,
        limit: i64,
    ) -> Result<Vec<(IndexPosition, StoredRecord)>, StoreError>;

    /// How many records fulfil all conditions.
    fn count(&self, kind: &str, conditions: &[IndexRange]) -> Result<i64, StoreError>;

    /// Adds a record with version 1. Returns whether its key was free.
    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError>;

    /// Replaces the record that has this version, and raises the version by one. Returns whether there was one. Its
    /// index entries are written again only when they changed.
    fn update(&self, record: &NewRecord<'_>, version: i64, indexes_changed: bool)
    -> Result<bool, StoreError>;

    /// The next number of a series, whose first one this is.
    fn next_number(&self, series: &str, first: i64) -> Result<i64, StoreError>;

    /// The response that was given under an idempotency key.
    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError>;

    /// Stores the response to a new idempotency key.
    fn keep_response(&self, key: &IdempotencyKey<'_>, response: &StoredResponse) -> Result<(), StoreError>;

    /// The notifications of one merchant that wait for a retry at a [receiver](receiver_of), except the `newest` by
    /// number; the oldest first, and `limit` at most. Those that were never attempted, or wait without a time
    /// ([`NEVER`]), do not count.
    fn repeats_beyond(
        &self,
        mchid: &str,
        receiver: &str,
        newest: i64,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Puts a notification into the outbox.
    fn add_to_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError>;

    /// Notifications that are due at `now`, the one that has been due for longest first.
    fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Notifications that are due at `now` and that no node delivers, the one that has been due for longest first.
    /// This node claims them until [`LEASE`] is over. After that the node counts as dead, and its later results are
    /// ignored. A single-node engine needs no claims. What goes to one of the `busy` [receivers](receiver_of) is left
    /// out, and so are the numbers of what this node delivers already.
    fn claim_due(
        &self,
        now: i64,
        limit: usize,
        busy: &[String],
        under_way: &[i64],
    ) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Puts a notification into the outbox, if it is not there, and lets this node deliver it as [`Self::claim_due`]
    /// does. One that is there keeps its time and its count, unless it is to be `moved`. Returns the entry as it then
    /// is in the outbox; `None` if another node delivers it.
    fn claim(&self, entry: &OutboxEntry, moved: bool) -> Result<Option<OutboxEntry>, StoreError>;

    /// Stores how many deliveries of a notification have failed, and when the next one is due. From now on every node
    /// may deliver it. Returns whether this was stored: an entry that another node delivers now stays unchanged.
    fn postpone(&self, number: i64, attempts: u32, due: i64) -> Result<bool, StoreError>;

    /// Stores when the next delivery of a notification is due, even if another node delivers it now.
    fn change_due(&self, number: i64, due: i64) -> Result<(), StoreError>;

    /// Gives up the claim of this node, without a delivery.
    fn give_back(&self, number: i64) -> Result<(), StoreError>;

    /// Removes a notification from the outbox. Returns whether it is gone: one that another node delivers now stays.
    fn remove_from_outbox(&self, number: i64) -> Result<bool, StoreError>;

    /// Schedules work. The same kind and key again is another time for the same work.
    fn schedule(&self, due: &Due) -> Result<(), StoreError>;

    /// Unschedules the work of this time. Returns whether it was still scheduled.
    fn unschedule(&self, due: &Due) -> Result<bool, StoreError>;

    /// How often the state was [cleared](WholeState::clear) before this transaction, on any node. A single-node
    /// engine need not count.
    fn generation(&self) -> i64;

    /// Whether this node still delivers a notification: it has claimed it, and the claim has not run out.
    fn is_claimed(&self, number: i64) -> Result<bool, StoreError>;

    /// Work that is due at `now`, after the given one in the order of time, kind and key; the first `limit` of them.
    fn due_after(&self, now: i64, after: Option<&Due>, limit: i64) -> Result<Vec<Due>, StoreError>;
}

/// The interface for snapshots and resets: the whole state.
pub(crate) trait WholeState {
    /// Gives every row, and the records in the order in which they were added.
    fn rows(&self, each: &mut EachRow<'_>) -> Result<(), StoreError>;

    /// Every series of numbers, with the one that was given last.
    fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError>;

    /// Adds a row as it is, after those that are there. Whether its place was free.
    fn add_row(&self, row: &StoredRow) -> Result<bool, StoreError>;

    /// Takes everything away, except records of these kinds.
    fn clear(&self, kept: &[&str]) -> Result<(), StoreError>;
}

/// A record as a database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRecord {
    pub(crate) key: String,
    pub(crate) version: i64,
    pub(crate) document: String,
}

/// A record as it will be stored.
pub(crate) struct NewRecord<'a> {
    pub(crate) kind: &'a str,
    pub(crate) key: &'a str,
    pub(crate) document: &'a str,
    pub(crate) indexes: &'a [IndexEntry],
}

/// Anything that a database holds, as it stands in a snapshot.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum StoredRow {
    Record {
        kind: String,
        key: String,
        version: i64,
        indexes: Vec<(String, String)>,
        document: Box<RawValue>,
    },
    Counter {
        name: String,
        value: i64,
    },
    IdempotencyKey {
        operation: String,
        scope: String,
        request_no: String,
        fingerprint: Fingerprint,
        response: Box<RawValue>,
    },
    Notification(OutboxEntry),
    Due(Due),
}

impl StoredRow {
    /// The text of a document or a response, in one line.
    pub(super) fn json(text: String) -> Result<Box<RawValue>, StoreError> {
        let broken = |_| StoreError::Corrupt("a document that is not JSON".to_owned());
        if text.contains(['\n', '\r']) {
            // Somebody has laid it out with another tool.
            let value: Value = serde_json::from_str(&text).map_err(broken)?;
            return RawValue::from_string(value.to_string()).map_err(broken);
        }
        RawValue::from_string(text).map_err(broken)
    }
}

/// What waits without a time is due this much later than it was, which is never. So its time is still there.
pub(crate) const NEVER: i64 = 1 << 40;

/// The latest time at which anything can be due; what is due later waits without a time.
pub(crate) const LATEST: i64 = NEVER - 1;

/// Something that the clock will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Due {
    /// The kind of the work; a product has a handler for it.
    pub(crate) kind: String,
    /// The key of what it is done to.
    pub(crate) key: String,
    /// When, in unix seconds.
    pub(crate) at: i64,
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

/// In which order a range is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    /// The place before everything that is in a range.
    pub(super) fn beginning(self, range: &IndexRange) -> IndexPosition {
        let (value, number) = match self {
            Self::Ascending => (&range.from, i64::MIN),
            Self::Descending => (&range.to, i64::MAX),
        };
        IndexPosition { value: value.clone(), number }
    }

    /// What ends a range, and how SQL compares with the place, compares with the end, and sorts. The place is
    /// compared as one, and nothing else limits its side, so that a database begins there and does not pass
    /// over what lies before it.
    pub(super) fn sql(self, range: &IndexRange) -> (&str, [&'static str; 3]) {
        match self {
            Self::Ascending => (&range.to, [">", "<=", "ASC"]),
            Self::Descending => (&range.from, ["<", ">=", "DESC"]),
        }
    }
}

/// Where a record stands in an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IndexPosition {
    pub(crate) value: String,
    /// The number of the record. It grows with every addition.
    pub(crate) number: i64,
}

/// The identity of a request for a merchant: the operation, and the number that it gave the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdempotencyKey<'a> {
    pub(crate) operation: &'static str,
    /// Where the number is unique.
    pub(crate) scope: &'a str,
    pub(crate) request_no: &'a str,
}

/// The response to the first request with a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredResponse {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) response: Value,
}

/// A hash of a body: of members and values, not of their order or spacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) [u8; 32]);

/// As hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// As it is displayed.
impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (digits, mut bytes) = (String::deserialize(deserializer)?, [0; 32]);
        match base16ct::lower::decode(&digits, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err(serde::de::Error::custom("a fingerprint has 64 hexadecimal digits")),
        }
    }
}

/// Something that a merchant will be notified of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    /// The merchant that is notified; its APIv3 key encrypts the resource.
    pub(crate) mchid: String,
    /// Where the notification goes.
    pub(crate) notify_url: String,
    /// The serial of the platform key that signs it.
    pub(crate) platform_serial: String,
    /// `event_type` of the notification.
    pub(crate) event_type: &'static str,
    /// When it happened, in unix seconds.
    pub(crate) time: i64,
    /// The decrypted resource of the notification.
    pub(crate) resource: Value,
}

/// A notification that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboxEntry {
    /// Grows with every entry and is never used twice.
    pub(crate) number: i64,
    pub(crate) mchid: String,
    pub(crate) notify_url: String,
    pub(crate) platform_serial: String,
    pub(crate) event_type: String,
    pub(crate) time: i64,
    pub(crate) resource: Value,
    /// How many deliveries have failed.
    pub(crate) attempts: u32,
    /// When the next delivery is due, in unix seconds.
    pub(crate) due: i64,
}

/// How long a node has for a delivery that it has claimed. Three times what a receiver may take.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// The receiver in an address: scheme, host and port as they are written.
pub(crate) fn receiver_of(notify_url: &str) -> &str {
    let host = notify_url.find("://").map_or(0, |place| place + 3);
    let end = notify_url[host..].find(['/', '?', '#']).map_or(notify_url.len(), |place| host + place);
    &notify_url[..end]
}

impl OutboxEntry {
    /// A new entry, due at once.
    pub(super) fn new(number: i64, announcement: &Announcement) -> Self {
        let Announcement { mchid, notify_url, platform_serial, event_type, time, resource } =
            announcement.clone();
        let event_type = event_type.to_owned();
        Self {
            number,
            mchid,
            notify_url,
            platform_serial,
            event_type,
            time,
            resource,
            attempts: 0,
            due: time,
        }
    }
}
