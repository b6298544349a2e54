//! The transaction (事务): what a handler reads and writes, all of it or nothing.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::StoreError;
use super::engine::{Due, Engine, NewRecord, StoredRecord};
use super::idempotency::{IdempotencyKey, StoredResponse};
use super::outbox::{Announcement, MAX_WAITING, OutboxEntry};
use super::record::{IndexEntry, IndexRange, Page, Record};

/// One request's view of the state.
///
/// It remembers the version of every record that it has read. A record is saved only over the version that was read, so
/// that no change of somebody else is lost, whatever the database isolates.
pub(crate) struct Transaction<'a> {
    engine: &'a dyn Engine,
    known: RefCell<HashMap<(&'static str, String), Known>>,
    has_announced: Cell<bool>,
}

/// What was read or written of a record.
struct Known {
    version: i64,
    indexes: Vec<IndexEntry>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(engine: &'a dyn Engine) -> Self {
        Self { engine, known: RefCell::default(), has_announced: Cell::default() }
    }

    /// The record with a key.
    pub(crate) fn get<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        self.engine.record(R::KIND, key)?.map(|stored| self.read(stored)).transpose()
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

    /// How many records fulfil all conditions.
    pub(crate) fn count<R: Record>(&self, conditions: &[IndexRange]) -> Result<i64, StoreError> {
        self.engine.count(R::KIND, conditions)
    }

    /// Keeps a record as it is now: a new one, or one that this transaction has read.
    pub(crate) fn save<R: Record>(&self, record: &R) -> Result<(), StoreError> {
        let (key, indexes) = (record.key(), record.indexes());
        let document = serde_json::to_string(record).map_err(|_| unreadable::<R>(&key))?;
        let mut known = self.known.borrow_mut();
        let new = NewRecord { kind: R::KIND, key: &key, document: &document, indexes: &indexes };
        let (is_saved, version) = match known.get(&(R::KIND, key.clone())) {
            None => (self.engine.insert(&new)?, 1),
            Some(old) => {
                let is_saved = self.engine.update(&new, old.version, old.indexes != indexes)?;
                (is_saved, old.version.saturating_add(1))
            }
        };
        if !is_saved {
            return Err(StoreError::Conflict(format!("{} {key}", R::KIND)));
        }
        known.insert((R::KIND, key), Known { version, indexes });
        Ok(())
    }

    /// The next number of a series, from 1.
    pub(crate) fn next_number(&self, series: &'static str) -> Result<i64, StoreError> {
        self.engine.next_number(series)
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

    /// Puts a notification into the outbox. When too many wait, the oldest is given up.
    pub(crate) fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        let number = self.engine.next_number(NOTIFICATIONS)?;
        self.engine.add_to_outbox(&OutboxEntry::new(number, announcement))?;
        self.has_announced.set(true);
        self.engine.remove_from_outbox_up_to(number - MAX_WAITING)
    }

    /// Whether this transaction has put anything into the outbox.
    pub(super) fn has_announced(&self) -> bool {
        self.has_announced.get()
    }

    /// Notifications that are due at `now`, the one that has been due for longest first.
    pub(crate) fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        self.engine.outbox_due(now, limit)
    }

    /// Keeps that a delivery has failed, and when the next one is due.
    pub(crate) fn postpone(&self, entry: &OutboxEntry, due: i64) -> Result<(), StoreError> {
        self.engine.postpone(entry.number, entry.attempts.saturating_add(1), due)
    }

    /// Takes a notification out of the outbox.
    pub(crate) fn remove_from_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError> {
        self.engine.remove_from_outbox(entry.number)
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
        self.engine.next_due(now, after)
    }

    fn read<R: Record>(&self, stored: StoredRecord) -> Result<R, StoreError> {
        let StoredRecord { key, version, document } = stored;
        // The document may hold personal data: the error names the record only.
        let record: R = serde_json::from_str(&document).map_err(|_| unreadable::<R>(&key))?;
        self.known.borrow_mut().insert((R::KIND, key), Known { version, indexes: record.indexes() });
        Ok(record)
    }
}

/// The series that numbers notifications.
const NOTIFICATIONS: &str = "notification";

fn unreadable<R: Record>(key: &str) -> StoreError {
    StoreError::Corrupt(format!("{} {key}", R::KIND))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::store::Store;
    use crate::store::idempotency::Fingerprint;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Letter {
        number: u32,
        to: String,
    }

    impl Record for Letter {
        const KIND: &'static str = "letter";

        fn key(&self) -> String {
            self.number.to_string()
        }

        fn indexes(&self) -> Vec<IndexEntry> {
            vec![IndexEntry::new("to", self.to.as_str())]
        }
    }

    fn letter(number: u32, to: &str) -> Letter {
        Letter { number, to: to.to_owned() }
    }

    const ALL: Page = Page { offset: 0, limit: 100 };

    fn find(tx: &Transaction<'_>, index: &'static str, value: &str) -> Result<Vec<Letter>, StoreError> {
        tx.find(&[IndexRange::equal(index, value)], ALL)
    }

    fn within<T>(store: &Store, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> T {
        store.transaction(work).unwrap()
    }

    #[test]
    fn records_are_found_by_key_and_by_index_the_newest_first() {
        let store = Store::in_memory();
        within(&store, |tx| {
            [letter(1, "Li"), letter(2, "Wang"), letter(3, "Li")].iter().try_for_each(|one| tx.save(one))
        });
        within(&store, |tx| {
            assert_eq!(tx.get::<Letter>("2")?, Some(letter(2, "Wang")));
            assert_eq!(tx.get::<Letter>("4")?, None);
            assert_eq!(find(tx, "to", "Li")?, [letter(3, "Li"), letter(1, "Li")]);
            let second = Page { offset: 1, limit: 1 };
            assert_eq!(tx.find::<Letter>(&[IndexRange::equal("to", "Li")], second)?, [letter(1, "Li")]);
            let count = |index, value: &str| tx.count::<Letter>(&[IndexRange::equal(index, value)]);
            assert_eq!((count("to", "Li")?, count("to", "Zhao")?, count("from", "Li")?), (2, 0, 0));
            Ok(())
        });
    }

    #[test]
    fn a_changed_record_is_found_under_its_new_values_only() {
        let store = Store::in_memory();
        within(&store, |tx| tx.save(&letter(1, "Li")));
        within(&store, |tx| {
            let one: Letter = tx.get("1")?.unwrap();
            tx.save(&Letter { to: "Wang".to_owned(), ..one })
        });
        within(&store, |tx| {
            assert_eq!(find(tx, "to", "Li")?, []);
            assert_eq!(find(tx, "to", "Wang")?, [letter(1, "Wang")]);
            Ok(())
        });
    }

    #[test]
    fn a_record_is_not_saved_over_one_that_was_not_read() {
        let store = Store::in_memory();
        within(&store, |tx| tx.save(&letter(1, "Li")));
        let unread = store.transaction(|tx| tx.save(&letter(1, "Wang")));
        assert!(matches!(unread, Err(StoreError::Conflict(_))));
        assert_eq!(within(&store, |tx| tx.get::<Letter>("1")), Some(letter(1, "Li")));
    }

    #[test]
    fn a_version_that_is_not_the_one_that_was_read_is_a_conflict() {
        let store = Store::in_memory();
        within(&store, |tx| tx.save(&letter(1, "Li")));
        let stale: Result<(), StoreError> = store.transaction(|tx| {
            let one: Letter = tx.get("1")?.unwrap();
            // As somebody else would between reading and saving.
            assert!(tx.engine.update(
                &NewRecord { kind: Letter::KIND, key: "1", document: "{}", indexes: &[] },
                1,
                false
            )?);
            tx.save(&one)
        });
        assert!(matches!(stale, Err(StoreError::Conflict(_))));
    }

    #[test]
    fn a_document_that_cannot_be_read_is_named_without_what_it_holds() {
        let store = Store::in_memory();
        within(&store, |tx| {
            let new = NewRecord { kind: Letter::KIND, key: "1", document: r#"{"to":"Li"}"#, indexes: &[] };
            tx.engine.insert(&new).map(drop)
        });
        let error = store.transaction(|tx| tx.get::<Letter>("1")).unwrap_err();
        assert_eq!(error.to_string(), "the sandbox's database holds a broken record: letter 1");
    }

    #[test]
    fn numbers_of_a_series_never_come_twice() {
        let store = Store::in_memory();
        let next = |series| within(&store, |tx| tx.next_number(series));
        assert_eq!((next("a"), next("a"), next("b"), next("a")), (1, 2, 1, 3));
    }

    #[test]
    fn an_idempotency_key_is_known_where_it_is_unique() {
        let store = Store::in_memory();
        let key = IdempotencyKey { operation: "send", scope: "1900000109", request_no: "1" };
        let answered = StoredResponse { fingerprint: Fingerprint([7; 32]), response: json!({ "a": 1 }) };
        within(&store, |tx| tx.keep_response(&key, &answered));
        within(&store, |tx| {
            assert_eq!(tx.stored_response(&key)?, Some(answered));
            assert_eq!(tx.stored_response(&IdempotencyKey { scope: "1900000110", ..key })?, None);
            assert_eq!(tx.stored_response(&IdempotencyKey { operation: "use", ..key })?, None);
            Ok(())
        });
    }

    #[test]
    fn what_is_due_comes_in_the_order_of_time_and_can_be_moved_and_taken_away() {
        let store = Store::in_memory();
        let due = |key: &str, at| Due { kind: "close".to_owned(), key: key.to_owned(), at };
        within(&store, |tx| {
            tx.schedule(&due("b", 20))?;
            tx.schedule(&due("a", 30))?;
            tx.schedule(&due("c", 90))?;
            assert_eq!(tx.next_due(19, None)?, None);
            assert_eq!(tx.next_due(50, None)?, Some(due("b", 20)));
            assert_eq!(tx.next_due(50, Some(&due("b", 20)))?, Some(due("a", 30)));
            assert_eq!(tx.next_due(50, Some(&due("a", 30)))?, None);
            tx.schedule(&due("b", 40))?;
            assert_eq!(tx.next_due(50, None)?, Some(due("a", 30)));
            assert!(!tx.unschedule(&due("b", 20))?, "it was moved");
            assert!(tx.unschedule(&due("a", 30))? && tx.unschedule(&due("b", 40))?);
            assert_eq!(tx.next_due(50, None)?, None);
            Ok(())
        });
    }

    #[test]
    fn the_outbox_gives_what_is_due_and_forgets_the_oldest_when_it_is_full() {
        let store = Store::in_memory();
        let announcement = |time| Announcement {
            mchid: "1900000109".to_owned(),
            notify_url: "http://127.0.0.1/".to_owned(),
            platform_serial: "01".to_owned(),
            event_type: "COUPON.SEND",
            time,
            resource: json!({ "a": 1 }),
        };
        let numbers = |now, limit| -> Vec<i64> {
            within(&store, |tx| tx.outbox_due(now, limit)).iter().map(|entry| entry.number).collect()
        };
        within(&store, |tx| [20, 10, 90].iter().try_for_each(|time| tx.announce(&announcement(*time))));
        assert_eq!((numbers(9, 5), numbers(50, 5), numbers(50, 1)), (vec![], vec![2, 1], vec![2]));
        let first = within(&store, |tx| tx.outbox_due(10, 1)).remove(0);
        assert_eq!(first, OutboxEntry::new(2, &announcement(10)));
        within(&store, |tx| tx.postpone(&first, 70));
        assert_eq!((numbers(50, 5), within(&store, |tx| tx.outbox_due(80, 5))[1].attempts), (vec![1], 1));
        within(&store, |tx| tx.remove_from_outbox(&first));
        assert_eq!(numbers(100, 5), [1, 3]);
        within(&store, |tx| (0..MAX_WAITING - 1).try_for_each(|_| tx.announce(&announcement(100))));
        assert_eq!(numbers(100, 1), [3]);
    }
}
