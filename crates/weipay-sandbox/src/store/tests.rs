use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::engine::NewRecord;
use super::*;

#[test]
fn what_the_database_says_is_printed_without_the_statement() {
    let connection = Connection::open_in_memory().unwrap();
    let error = sqlite::sql(|| connection.execute_batch("CREATE TABLE a (b); CREATE TABLE a (secret)"));
    let said = format!("{:#}", error.unwrap_err());
    assert_eq!(said, "the sandbox's database failed: table a already exists");
}

#[test]
fn an_error_takes_everything_back() {
    let store = Store::in_memory();
    let attempt: Result<(), StoreError> = store.transaction(|tx| {
        tx.next_number("stock")?;
        Err(StoreError::Corrupt("on purpose".to_owned()))
    });
    assert!(attempt.is_err());
    let next: Result<i64, StoreError> = store.transaction(|tx| tx.next_number("stock"));
    assert_eq!(next.unwrap(), 1);
}

#[test]
fn a_store_opens_again_with_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let count = || -> i64 {
        let next: Result<i64, StoreError> =
            Store::open(&file).unwrap().transaction(|tx| tx.next_number("stock"));
        next.unwrap()
    };
    assert_eq!((count(), count(), count()), (1, 2, 3));
}

#[test]
fn a_database_of_a_later_form_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    drop(Store::open(&file).unwrap());
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refusal = Store::open(&file).unwrap_err();
    assert!(matches!(refusal, StoreError::Version { found: 99, .. }), "{refusal}");
}

#[test]
fn a_database_that_is_broken_inside_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    drop(Store::open(&file).unwrap());
    let whole = std::fs::read(&file).unwrap();
    let broken_from = |byte: usize| {
        let mut bytes = whole.clone();
        bytes[byte..].fill(0xFF);
        std::fs::write(&file, bytes).unwrap();
        Store::open(&file).unwrap_err()
    };
    // After the header of the file, and after the page that says which tables there are.
    for byte in [100, 4096] {
        let refusal = broken_from(byte);
        assert!(
            matches!(refusal, StoreError::Database(_) | StoreError::Corrupt(_)),
            "from {byte}: {refusal}"
        );
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    std::fs::write(&file, "this is a letter to the reader, not a database at all").unwrap();
    assert!(matches!(Store::open(&file), Err(StoreError::Database(_))));
}

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

fn within<T>(store: &Store, work: impl FnMut(&Transaction<'_>) -> Result<T, StoreError>) -> T {
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
    // The beginning of the SHA-256 of `1`.
    let told = "the sandbox's database holds a broken record: letter with the key whose SHA-256 begins with 6b86b273ff34fce1";
    assert_eq!(error.to_string(), told);
}

#[test]
fn numbers_of_a_series_never_come_twice() {
    let store = Store::in_memory();
    let next = |series| within(&store, |tx| tx.next_number(series));
    assert_eq!((next("a"), next("a"), next("b"), next("a")), (1, 2, 1, 3));
}

#[test]
fn series_of_official_numbers_may_begin_by_chance_and_keep_to_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(&folder.path().join("state.db")).unwrap().beginning(Beginnings::Random);
    let next = |store: &Store, series| within(store, |tx| tx.next_number(series));
    let store = open();
    let first = next(&store, "a");
    assert!((1..=900_000_000).contains(&first));
    // One in nine hundred million runs gives the same.
    assert_ne!(next(&store, "b"), first);
    drop(store);
    let store = open();
    assert_eq!(next(&store, "a"), first + 1);
    for number in 0..100 {
        within(&store, |tx| tx.clear(&[]));
        assert!((1..=90).contains(&within(&store, |tx| tx.next_number_below("a", 100))), "{number}");
        assert_eq!(within(&store, |tx| tx.next_place("b")), 1);
    }
}

#[test]
fn an_idempotency_key_is_known_where_it_is_unique() {
    let store = Store::in_memory();
    let key = IdempotencyKey { operation: "send", scope: "1900000109", request_no: "1" };
    let answered = StoredResponse { fingerprint: Fingerprint([7; 32]), response: json!({ "a": 1 }) };
    within(&store, |tx| tx.keep_response(&key, &answered));
    within(&store, |tx| {
        assert_eq!(tx.stored_response(&key)?, Some(answered.clone()));
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
        assert_eq!(tx.due_after(90, Some(&due("b", 20)), 9)?, [due("a", 30), due("c", 90)]);
        assert_eq!(tx.due_after(90, None, 2)?, [due("b", 20), due("a", 30)]);
        tx.schedule(&due("b", 40))?;
        assert_eq!(tx.next_due(50, None)?, Some(due("a", 30)));
        assert!(!tx.unschedule(&due("b", 20))?, "it was moved");
        assert!(tx.unschedule(&due("a", 30))? && tx.unschedule(&due("b", 40))?);
        assert_eq!(tx.next_due(50, None)?, None);
        Ok(())
    });
}

#[test]
fn the_outbox_gives_what_is_due_and_forgets_nothing_that_waits() {
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
    within(&store, |tx| tx.reschedule(&first, 1, 70));
    assert_eq!((numbers(50, 5), within(&store, |tx| tx.outbox_due(80, 5))[1].attempts), (vec![1], 1));
    within(&store, |tx| tx.remove_from_outbox(&first));
    assert_eq!(numbers(100, 5), [1, 3]);
    within(&store, |tx| (0..10_000).try_for_each(|_| tx.announce(&announcement(100))));
    assert_eq!((numbers(100, 1), numbers(100, 20_000).len()), (vec![1], 10_002));
}

#[test]
fn two_parts_are_never_taken_for_two_others() {
    assert_eq!(joined("1001", "VIP-5"), "4:1001:VIP-5");
    assert_ne!(joined("a:b", "c"), joined("a", "b:c"));
    assert_ne!(joined("", "1::c"), joined("1:", "c"));
}

/// A record whose key is personal, and one of the same kind in another form.
#[derive(Debug, Serialize, Deserialize)]
struct Wallet {
    openid: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct OtherWallet {
    openid: i64,
}

impl Record for Wallet {
    const KIND: &'static str = "wallet";

    fn key(&self) -> String {
        self.openid.clone()
    }
}

impl Record for OtherWallet {
    const KIND: &'static str = Wallet::KIND;

    fn key(&self) -> String {
        self.openid.to_string()
    }
}

#[test]
fn an_error_of_a_record_never_shows_its_key() {
    let store = Store::in_memory();
    let wallet = Wallet { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned() };
    within(&store, |tx| tx.save(&wallet));
    let unreadable: Result<Option<OtherWallet>, StoreError> = store.transaction(|tx| tx.get(&wallet.openid));
    let unread: Result<(), StoreError> = store.transaction(|tx| tx.save(&wallet));
    for refusal in [unreadable.map(drop).unwrap_err(), unread.unwrap_err()] {
        let told = format!("{refusal:#} {refusal:?}");
        assert!(told.contains("wallet") && !told.contains("oUpF8"), "{told}");
    }
}

#[test]
fn the_records_of_one_owner_stand_in_the_order_of_time() {
    let values = [i64::MIN, 9, 10, 1_700_000_000, i64::MAX].map(|time| at_time("1900000109", time));
    assert!(values.is_sorted(), "{values:?}");
    assert_eq!(values[1], "1900000109@000000000009");
}
