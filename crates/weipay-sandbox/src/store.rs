//! The store (存储): the state of a platform, one transaction per request.
//!
//! A transaction is committed before its response is signed, so whatever a response says is there after a restart.
//! With write-ahead logging and `synchronous=NORMAL` a commit survives the death of the process at any moment (`kill
//! -9` included), because the operating system has the bytes. After a power failure the last commits may be missing,
//! but never a part of one. `synchronous=FULL` would prevent this, at the cost of a disk flush for each request, from
//! some hundred microseconds to several milliseconds.
//!
//! A handler works on a [`Transaction`]: records with a key and named indexes, counters, idempotency keys, an outbox and due
//! times. What a database must be able to do for that is the trait in `engine`; `sqlite` is SQLite doing it, `postgres` is
//! PostgreSQL with any number of nodes on it. None knows a product.
//!
//! The outbox (发件箱) has the notifications for merchants, stored in the same transaction as the change that they
//! report. An entry stays until its receiver has acknowledged it, or until the retry table of its event has ended.
//! The [sender](crate::notifications) empties it.

mod address;
mod engine;
mod error;
#[cfg(test)]
mod model;
#[cfg(feature = "postgres")]
mod postgres;
mod scan;
pub(crate) mod snapshot;
mod sqlite;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::entropy::Entropy;
use crate::notifications;
pub use address::StoreAddress;
pub(crate) use engine::{
    Announcement, Direction, Due, Fingerprint, IdempotencyKey, IndexEntry, IndexRange, LEASE, OutboxEntry,
    Page, StoredResponse, StoredRow, receiver_of,
};
use engine::{EachRow, Engine, NewRecord, StoredRecord};
pub(crate) use engine::{LATEST, NEVER};
pub use error::StoreError;
#[cfg(feature = "postgres")]
use postgres::Postgres;
pub(crate) use scan::Scan;
use sqlite::Sqlite;

/// The state of a platform.
pub(crate) struct Store {
    database: Database,
    /// Where it is, for messages.
    place: String,
    /// Wakes the sender of notifications.
    outbox_changed: Notify,
    /// Where new series of official numbers begin.
    beginnings: Beginnings,
}

/// Where series of official numbers begin in a new state, and with a seed after a reset too. The state keeps where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginnings {
    /// At 1: the same numbers in each run.
    Same,
    /// By chance: a shop whose database outlives the state gets no number of a second order that it has of a first one.
    Random,
}

enum Database {
    /// One connection, one writer: a request's transaction is far shorter than its signature, so that waiting here
    /// costs less than conflicts between writers would.
    Own(Mutex<Sqlite>),
    #[cfg(feature = "postgres")]
    Shared(Box<Postgres>),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Whether other nodes may use it at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.database, Database::Own(_))
    }

    /// Where it is, for messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Does one request's work. An error takes everything back. Where other nodes use the same state, the work is done again when
    /// one of them came in between.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let work = |engine: &dyn Engine| {
            let tx = Transaction::new(engine, self.beginnings);
            let done = work(&tx)?;
            Ok::<_, E>((done, tx.has_announced()))
        };
        let (done, has_announced) = match &self.database {
            Database::Own(sqlite) => locked(sqlite).transaction(work)?,
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => postgres.transaction(work)?,
        };
        if has_announced {
            self.look_at_outbox();
        }
        Ok(done)
    }

    /// Wakes the sender of notifications.
    pub(crate) fn look_at_outbox(&self) {
        self.outbox_changed.notify_one();
    }

    /// Waits for the next [`Self::look_at_outbox`], or returns at once when one has come since the last wait.
    pub(crate) async fn outbox_changed(&self) {
        self.outbox_changed.notified().await;
    }

    /// A record as it is now, for who changes nothing.
    pub(crate) fn peek<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        match &self.database {
            Database::Own(_) => self.transaction(|tx| tx.get(key)),
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => {
                postgres.peek(R::KIND, key)?.map(|stored| stored.open()).transpose()
            }
        }
    }

    /// What of a merchant waits for a repeat at a [receiver](receiver_of), beyond the `newest` by number, as it is now; the
    /// oldest first, and `limit` at most. What was never attempted or is held does not count.
    pub(crate) fn repeats_beyond(
        &self,
        mchid: &str,
        receiver: &str,
        newest: i64,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        match &self.database {
            Database::Own(_) => {
                self.transaction(|tx| tx.engine.repeats_beyond(mchid, receiver, newest, limit))
            }
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => {
                postgres.look(|engine| engine.repeats_beyond(mchid, receiver, newest, limit))
            }
        }
    }

    /// Whether anything is due, asked without a transaction that writes: the answer is no nearly every time.
    pub(crate) fn is_anything_due(&self, now: i64) -> Result<bool, StoreError> {
        match &self.database {
            Database::Own(sqlite) => locked(sqlite).is_anything_due(now),
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => postgres.is_anything_due(now),
        }
    }
}

fn locked(sqlite: &Mutex<Sqlite>) -> MutexGuard<'_, Sqlite> {
    // A panic under the lock has rolled its transaction back by dropping it.
    sqlite.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request's view of the state.
///
/// It remembers the version of every record that it has read. A record is saved only over the version that was read, so
/// that no change of somebody else is lost, whatever the database isolates.
pub(crate) struct Transaction<'a> {
    engine: &'a dyn Engine,
    beginnings: Beginnings,
    known: RefCell<HashMap<(&'static str, String), Known>>,
    has_announced: Cell<bool>,
    #[cfg(test)]
    has_saved: Cell<bool>,
}

/// A record that was read or written.
struct Known {
    version: i64,
    indexes: Vec<IndexEntry>,
    /// Nobody knows under which values it is found.
    is_broken: bool,
}

impl<'a> Transaction<'a> {
    fn new(engine: &'a dyn Engine, beginnings: Beginnings) -> Self {
        Self {
            engine,
            beginnings,
            known: RefCell::default(),
            has_announced: Cell::default(),
            #[cfg(test)]
            has_saved: Cell::default(),
        }
    }

    /// The record with a key.
    pub(crate) fn get<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        self.engine.record(R::KIND, key)?.map(|stored| self.read(stored)).transpose()
    }

    /// The record with a key, to save another one in its place. A corrupt one counts as missing.
    pub(crate) fn get_to_replace<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        let Some(stored) = self.engine.record(R::KIND, key)? else { return Ok(None) };
        let record: Option<R> = match stored.open() {
            Err(StoreError::Corrupt(_)) => None,
            opened => Some(opened?),
        };
        let (indexes, is_broken) = (record.as_ref().map_or_else(Vec::new, Record::indexes), record.is_none());
        self.remember::<R>(stored, indexes, is_broken);
        Ok(record)
    }

    /// The record with a key, for who does not save it: it is not remembered.
    pub(crate) fn peek<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        self.engine.record(R::KIND, key)?.map(|stored| stored.open()).transpose()
    }

    /// A page of the records that fulfil all conditions, the one that was added last first.
    pub(crate) fn find<R: Record>(
        &self,
        conditions: &[IndexRange],
        page: Page,
    ) -> Result<Vec<R>, StoreError> {
        let stored = self.engine.records(R::KIND, conditions, page)?;
        stored.into_iter().map(|stored| self.read(stored)).collect()
    }

    /// Of the records that fulfil all conditions, the one that was added last.
    pub(crate) fn newest<R: Record>(&self, conditions: &[IndexRange]) -> Result<Option<R>, StoreError> {
        Ok(self.find(conditions, Page { offset: 0, limit: 1 })?.pop())
    }

    /// The record with a value in an index, such as a number (单号); the one that was added last if several have it.
    pub(crate) fn find_one<R: Record>(
        &self,
        index: &'static str,
        value: impl Into<String>,
    ) -> Result<Option<R>, StoreError> {
        self.newest(&[IndexRange::equal(index, value)])
    }

    /// Up to two records with this index value, to detect an ambiguous number.
    pub(crate) fn find_up_to_two<R: Record>(
        &self,
        index: &'static str,
        value: impl Into<String>,
    ) -> Result<Vec<R>, StoreError> {
        self.find(&[IndexRange::equal(index, value)], Page { offset: 0, limit: 2 })
    }

    /// Up to two records with this index value that `is_meant` accepts, the newest first.
    pub(crate) fn find_up_to_two_that<R: Record>(
        &self,
        index: &'static str,
        value: &str,
        is_meant: impl Fn(&R) -> bool,
    ) -> Result<Vec<R>, StoreError> {
        let mut all = self.scan::<R>(IndexRange::equal(index, value), Direction::Descending);
        let mut meant = Vec::new();
        while meant.len() < 2
            && let Some(stored) = all.next_stored()
        {
            let stored = stored?;
            let record: R = stored.open()?;
            if is_meant(&record) {
                // Like one that was read by its key, it can be saved.
                self.remember::<R>(stored, record.indexes(), false);
                meant.push(record);
            }
        }
        Ok(meant)
    }

    /// The record with this key, or else up to two records with this index value, to detect an ambiguous number.
    pub(crate) fn find_key_or_two<R: Record>(
        &self,
        index: &'static str,
        number: &str,
    ) -> Result<Vec<R>, StoreError> {
        match self.get(number)? {
            Some(found) => Ok(vec![found]),
            None => self.find_up_to_two(index, number),
        }
    }

    /// All records of a range, in the order of its index and, under one value, of their addition. They are read in
    /// parts, so that a long range takes little memory, and are not remembered: to save one, get it by its key.
    pub(crate) fn scan<R: Record>(&self, range: IndexRange, direction: Direction) -> Scan<'_, R> {
        Scan::new(self.engine, range, direction)
    }

    /// How many records fulfil all conditions.
    pub(crate) fn count<R: Record>(&self, conditions: &[IndexRange]) -> Result<i64, StoreError> {
        self.engine.count(R::KIND, conditions)
    }

    /// Saves a record: a new one, or one that this transaction has read.
    pub(crate) fn save<R: Record>(&self, record: &R) -> Result<(), StoreError> {
        let (key, indexes) = (record.key(), record.indexes());
        let document = serde_json::to_string(record).map_err(|_| unreadable::<R>(&key))?;
        let mut known = self.known.borrow_mut();
        let new = NewRecord { kind: R::KIND, key: &key, document: &document, indexes: &indexes };
        let (is_saved, version) = match known.get(&(R::KIND, key.clone())) {
            None => (self.engine.insert(&new)?, 1),
            Some(old) => {
                let indexes_changed = old.is_broken || old.indexes != indexes;
                let is_saved = self.engine.update(&new, old.version, indexes_changed)?;
                (is_saved, old.version.saturating_add(1))
            }
        };
        if !is_saved {
            return Err(changed_meanwhile::<R>(&key));
        }
        known.insert((R::KIND, key), Known { version, indexes, is_broken: false });
        #[cfg(test)]
        self.has_saved.set(true);
        Ok(())
    }

    /// Whether this transaction has saved a record.
    #[cfg(test)]
    pub(crate) fn has_saved(&self) -> bool {
        self.has_saved.get()
    }

    /// The next number of a series that merchants see inside of official numbers, which have room for ten digits of it.
    pub(crate) fn next_number(&self, series: &'static str) -> Result<i64, StoreError> {
        self.next_number_below(series, 1_000_000_000)
    }

    /// The same where an official number has less room: the series begins below nine tenths of it.
    pub(crate) fn next_number_below(&self, series: &'static str, room: i64) -> Result<i64, StoreError> {
        let first = match self.beginnings {
            Beginnings::Same => 1,
            Beginnings::Random => 1 + Entropy::system().below(room / 10 * 9),
        };
        self.engine.next_number(series, first)
    }

    /// The next place of a series that only the sandbox and its developers see, from 1.
    pub(crate) fn next_place(&self, series: &'static str) -> Result<i64, StoreError> {
        self.engine.next_number(series, 1)
    }

    /// The response that was given under an idempotency key.
    pub(crate) fn stored_response(
        &self,
        key: &IdempotencyKey<'_>,
    ) -> Result<Option<StoredResponse>, StoreError> {
        self.engine.stored_response(key)
    }

    /// Keeps the response to a new idempotency key.
    pub(crate) fn keep_response(
        &self,
        key: &IdempotencyKey<'_>,
        response: &StoredResponse,
    ) -> Result<(), StoreError> {
        self.engine.keep_response(key, response)
    }

    /// Puts a notification into the outbox. It stays until it is acknowledged, or its retry table has ended, or very many newer
    /// ones of the same merchant wait for a repeat: however many come after it for others.
    pub(crate) fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        let number = self.next_place(NOTIFICATIONS)?;
        let mut entry = OutboxEntry::new(number, announcement);
        notifications::keep_new(self, &mut entry)?;
        self.put_into_outbox(&entry)
    }

    /// Whether this transaction has put anything into the outbox.
    fn has_announced(&self) -> bool {
        self.has_announced.get()
    }

    /// Notifications that are due at `now`, the one that has been due for longest first.
    pub(crate) fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        self.engine.outbox_due(now, limit)
    }

    /// The same, for delivery: no other node gets them before [`LEASE`] is over.
    /// What goes to one of the busy [receivers](receiver_of) is left out, and what this node delivers already.
    pub(crate) fn claim_due(
        &self,
        now: i64,
        limit: usize,
        busy: &[String],
        under_way: &[i64],
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.engine.claim_due(now, limit, busy, under_way)
    }

    /// Puts a notification into the outbox, if it is not there, and lets this node deliver it: no other node
    /// does before [`LEASE`] is over, or the notification is rescheduled or removed. One that is there keeps
    /// its time, unless it is to be `moved` to that of the entry. `None` if another node delivers it now.
    pub(crate) fn claim(&self, entry: &OutboxEntry, moved: bool) -> Result<Option<OutboxEntry>, StoreError> {
        self.engine.claim(entry, moved)
    }

    /// Puts a notification into the outbox, as it is.
    pub(crate) fn put_into_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError> {
        self.engine.add_to_outbox(entry)?;
        self.has_announced.set(true);
        Ok(())
    }

    /// Keeps how many deliveries have failed, and when the next one is due. Whether it was kept: what another
    /// node delivers now stays as it is.
    pub(crate) fn reschedule(
        &self,
        entry: &OutboxEntry,
        attempts: u32,
        due: i64,
    ) -> Result<bool, StoreError> {
        self.engine.postpone(entry.number, attempts, due)
    }

    /// Keeps when the next delivery is due, whoever delivers it now.
    pub(crate) fn change_due(&self, entry: &OutboxEntry, due: i64) -> Result<(), StoreError> {
        self.engine.change_due(entry.number, due)
    }

    /// Lets other nodes deliver what this one has [claimed](Self::claim_due) and does not deliver.
    pub(crate) fn give_back(&self, entry: &OutboxEntry) -> Result<(), StoreError> {
        self.engine.give_back(entry.number)
    }

    /// Takes a notification out of the outbox.
    ///
    /// Whether it is not there any more: what another node delivers now stays.
    pub(crate) fn remove_from_outbox(&self, entry: &OutboxEntry) -> Result<bool, StoreError> {
        self.engine.remove_from_outbox(entry.number)
    }

    /// Which state this is: another number after each reset and restore on any node. Always the same where there is one node.
    pub(crate) fn generation(&self) -> i64 {
        self.engine.generation()
    }

    /// Whether this node still holds the [claim](Self::claim_due).
    pub(crate) fn is_claimed(&self, entry: &OutboxEntry) -> Result<bool, StoreError> {
        self.engine.is_claimed(entry.number)
    }

    /// Passes all rows of the store to `each`.
    pub(crate) fn rows(&self, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        self.engine.rows(each)
    }

    /// The unseeded counters, with their last values. A reset and a restore keep them, because their numbers must
    /// stay unique. (Seeded numbers come again in each run. The counter of the outbox goes back with its entries.)
    pub(crate) fn given_numbers(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        match self.beginnings {
            Beginnings::Same => Ok(BTreeMap::new()),
            Beginnings::Random => {
                let mut counters = self.engine.counters()?;
                counters.remove(NOTIFICATIONS);
                Ok(counters)
            }
        }
    }

    /// Continues the counters of a cleared state after these values.
    pub(crate) fn go_on_after(&self, given: BTreeMap<String, i64>) -> Result<(), StoreError> {
        given
            .into_iter()
            .try_for_each(|(name, value)| self.add_row(&StoredRow::Counter { name, value }).map(drop))
    }

    /// Adds a row that [`Self::rows`] gave, as it is. Whether its place was free.
    pub(crate) fn add_row(&self, row: &StoredRow) -> Result<bool, StoreError> {
        self.engine.add_row(row)
    }

    /// Deletes everything, except records of these kinds.
    pub(crate) fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        self.known.borrow_mut().clear();
        self.engine.clear(kept)
    }

    /// Lets something fall due. The same kind and key again is another time for the same thing.
    pub(crate) fn schedule(&self, due: &Due) -> Result<(), StoreError> {
        self.engine.schedule(due)
    }

    /// Takes something away that was to fall due at this time. Whether it was still there.
    pub(crate) fn unschedule(&self, due: &Due) -> Result<bool, StoreError> {
        self.engine.unschedule(due)
    }

    /// The first that is due at `now`, after the given one in the order of time, kind and key.
    pub(crate) fn next_due(&self, now: i64, after: Option<&Due>) -> Result<Option<Due>, StoreError> {
        Ok(self.engine.due_after(now, after, 1)?.into_iter().next())
    }

    /// The first `limit` of those.
    pub(crate) fn due_after(
        &self,
        now: i64,
        after: Option<&Due>,
        limit: i64,
    ) -> Result<Vec<Due>, StoreError> {
        self.engine.due_after(now, after, limit)
    }

    fn read<R: Record>(&self, stored: StoredRecord) -> Result<R, StoreError> {
        let record: R = stored.open()?;
        self.remember::<R>(stored, record.indexes(), false);
        Ok(record)
    }

    fn remember<R: Record>(&self, stored: StoredRecord, indexes: Vec<IndexEntry>, is_broken: bool) {
        let StoredRecord { key, version, .. } = stored;
        self.known.borrow_mut().insert((R::KIND, key), Known { version, indexes, is_broken });
    }
}

/// The series that numbers notifications.
const NOTIFICATIONS: &str = "notification";

/// Something that a product keeps. It is stored as a JSON document.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// The name of the kind, unique among all products. Data folders contain it, so it never changes.
    const KIND: &'static str;

    /// The key of the record among those of its kind; [`joined`] makes a key of several parts.
    fn key(&self) -> String;

    /// The values under which the record is found, in addition to its key.
    fn indexes(&self) -> Vec<IndexEntry> {
        Vec::new()
    }
}

impl StoredRecord {
    /// Its value.
    fn open<R: Record>(&self) -> Result<R, StoreError> {
        // The document may hold personal data: the error names the record only.
        serde_json::from_str(&self.document).map_err(|_| unreadable::<R>(&self.key))
    }
}

/// Other requests have changed a record meanwhile.
pub(crate) fn changed_meanwhile<R: Record>(key: &str) -> StoreError {
    StoreError::Conflict(format!("another request changed {} at the same time", named::<R>(key)))
}

fn unreadable<R: Record>(key: &str) -> StoreError {
    StoreError::Corrupt(named::<R>(key))
}

/// A record in a message that is logged and sent to the client: a key may be an openid, so its hash is shown.
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

/// The value of an index in which the records of one owner stand in the order of time.
pub(crate) fn at_time(owner: &str, time: i64) -> String {
    format!("{owner}@{:012}", time.clamp(0, MAX_TIME))
}

/// The last second that twelve digits can name.
const MAX_TIME: i64 = 999_999_999_999;

#[cfg(test)]
mod tests;
