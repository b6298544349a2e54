//! A second engine, of maps in memory, that is small enough to be believed: SQLite and PostgreSQL must give the same results.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::StoreError;
use super::engine::{
    Direction, Due, EachRow, Engine, Fingerprint, IdempotencyKey, IndexEntry, IndexPosition, IndexRange,
    LATEST, NEVER, NewRecord, OutboxEntry, Page, StoredRecord, StoredResponse, StoredRow, WholeState,
    receiver_of,
};
use super::sqlite::Sqlite;

/// A record with its indexes, in the order in which they were added.
type Kept = (String, StoredRecord, Vec<IndexEntry>);

#[derive(Default)]
struct Memory {
    records: RefCell<Vec<Kept>>,
    counters: RefCell<BTreeMap<String, i64>>,
    responses: RefCell<BTreeMap<[String; 3], StoredResponse>>,
    outbox: RefCell<BTreeMap<i64, OutboxEntry>>,
    due: RefCell<BTreeMap<(String, String), i64>>,
}

fn name(key: &IdempotencyKey<'_>) -> [String; 3] {
    [key.operation, key.scope, key.request_no].map(str::to_owned)
}

fn fulfils(entries: &[IndexEntry], conditions: &[IndexRange]) -> bool {
    let fits = |condition: &IndexRange| {
        let within = |value: &str| (&*condition.from..=&*condition.to).contains(&value);
        entries.iter().any(|entry| entry.index == condition.index && within(&entry.value))
    };
    !conditions.is_empty() && conditions.iter().all(fits)
}

impl Engine for Memory {
    fn record(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        let records = self.records.borrow();
        Ok(records.iter().find(|kept| kept.0 == kind && kept.1.key == key).map(|kept| kept.1.clone()))
    }

    fn records(
        &self,
        kind: &str,
        conditions: &[IndexRange],
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let records = self.records.borrow();
        let found = records.iter().rev().filter(|kept| kept.0 == kind && fulfils(&kept.2, conditions));
        let (offset, limit) = (page.offset.try_into().unwrap(), page.limit.try_into().unwrap());
        Ok(found.map(|kept| kept.1.clone()).skip(offset).take(limit).collect())
    }

    fn scan(
        &self,
        kind: &str,
        range: &IndexRange,
        direction: Direction,
        after: &IndexPosition,
        limit: i64,
    ) -> Result<Vec<(IndexPosition, StoredRecord)>, StoreError> {
        let records = self.records.borrow();
        let mut found: Vec<(IndexPosition, StoredRecord)> = (1..)
            .zip(records.iter())
            .filter(|(_, kept)| kept.0 == kind)
            .flat_map(|(number, (_, stored, indexes))| {
                let is_inside = |entry: &&IndexEntry| {
                    entry.index == range.index && (&range.from..=&range.to).contains(&&entry.value)
                };
                let place = move |entry: &IndexEntry| IndexPosition { value: entry.value.clone(), number };
                indexes.iter().filter(is_inside).map(move |entry| (place(entry), stored.clone()))
            })
            .collect();
        found.sort_by_key(|(place, _)| place.clone());
        if direction == Direction::Descending {
            found.reverse();
        }
        let is_behind = |place: &IndexPosition| match direction {
            Direction::Ascending => place > after,
            Direction::Descending => place < after,
        };
        found.retain(|(place, _)| is_behind(place));
        Ok(found.into_iter().take(limit.try_into().unwrap()).collect())
    }

    fn count(&self, kind: &str, conditions: &[IndexRange]) -> Result<i64, StoreError> {
        let all = Page { offset: 0, limit: i64::from(u32::MAX) };
        Ok(self.records(kind, conditions, all)?.len().try_into().unwrap())
    }

    fn insert(&self, record: &NewRecord<'_>) -> Result<bool, StoreError> {
        if self.record(record.kind, record.key)?.is_some() {
            return Ok(false);
        }
        let (key, document) = (record.key.to_owned(), record.document.to_owned());
        let stored = StoredRecord { key, version: 1, document };
        self.records.borrow_mut().push((record.kind.to_owned(), stored, record.indexes.to_vec()));
        Ok(true)
    }

    fn update(
        &self,
        record: &NewRecord<'_>,
        version: i64,
        indexes_changed: bool,
    ) -> Result<bool, StoreError> {
        let mut records = self.records.borrow_mut();
        let is_meant =
            |kept: &&mut Kept| kept.0 == record.kind && kept.1.key == record.key && kept.1.version == version;
        let Some((_, stored, indexes)) = records.iter_mut().find(is_meant) else { return Ok(false) };
        (stored.version, stored.document) = (version + 1, record.document.to_owned());
        if indexes_changed {
            *indexes = record.indexes.to_vec();
        }
        Ok(true)
    }

    fn next_number(&self, series: &str, first: i64) -> Result<i64, StoreError> {
        let mut counters = self.counters.borrow_mut();
        let value = counters.entry(series.to_owned()).and_modify(|value| *value += 1).or_insert(first);
        Ok(*value)
    }

    fn stored_response(&self, key: &IdempotencyKey<'_>) -> Result<Option<StoredResponse>, StoreError> {
        Ok(self.responses.borrow().get(&name(key)).cloned())
    }

    fn keep_response(&self, key: &IdempotencyKey<'_>, response: &StoredResponse) -> Result<(), StoreError> {
        self.responses.borrow_mut().insert(name(key), response.clone());
        Ok(())
    }

    fn add_to_outbox(&self, entry: &OutboxEntry) -> Result<(), StoreError> {
        self.outbox.borrow_mut().insert(entry.number, entry.clone());
        Ok(())
    }

    fn outbox_due(&self, now: i64, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut due: Vec<OutboxEntry> =
            self.outbox.borrow().values().filter(|entry| entry.due <= now).cloned().collect();
        due.sort_by_key(|entry| (entry.due, entry.number));
        due.truncate(limit);
        Ok(due)
    }

    fn repeats_beyond(
        &self,
        mchid: &str,
        receiver: &str,
        newest: i64,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let outbox = self.outbox.borrow();
        let counts = |entry: &&OutboxEntry| {
            let is_there = entry.mchid == mchid && receiver_of(&entry.notify_url) == receiver;
            is_there && entry.attempts > 0 && entry.due <= LATEST
        };
        let mut found: Vec<_> = outbox.values().filter(counts).cloned().collect();
        found.truncate(found.len().saturating_sub(usize::try_from(newest).unwrap()));
        found.truncate(usize::try_from(limit).unwrap());
        Ok(found)
    }

    fn claim_due(
        &self,
        now: i64,
        limit: usize,
        busy: &[String],
        under_way: &[i64],
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut due = self.outbox_due(now, usize::MAX)?;
        due.retain(|entry| busy.iter().all(|busy| busy != receiver_of(&entry.notify_url)));
        due.retain(|entry| !under_way.contains(&entry.number));
        due.truncate(limit);
        Ok(due)
    }

    fn claim(&self, entry: &OutboxEntry, moved: bool) -> Result<Option<OutboxEntry>, StoreError> {
        let mut outbox = self.outbox.borrow_mut();
        let found = outbox.entry(entry.number).or_insert_with(|| entry.clone());
        if moved {
            (found.attempts, found.due) = (entry.attempts, entry.due);
        }
        Ok(Some(found.clone()))
    }

    fn postpone(&self, number: i64, attempts: u32, due: i64) -> Result<bool, StoreError> {
        let mut outbox = self.outbox.borrow_mut();
        let Some(entry) = outbox.get_mut(&number) else { return Ok(false) };
        (entry.attempts, entry.due) = (attempts, due);
        Ok(true)
    }

    fn change_due(&self, number: i64, due: i64) -> Result<(), StoreError> {
        if let Some(entry) = self.outbox.borrow_mut().get_mut(&number) {
            entry.due = due;
        }
        Ok(())
    }

    fn give_back(&self, _: i64) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove_from_outbox(&self, number: i64) -> Result<bool, StoreError> {
        self.outbox.borrow_mut().remove(&number);
        Ok(true)
    }

    fn schedule(&self, due: &Due) -> Result<(), StoreError> {
        self.due.borrow_mut().insert((due.kind.clone(), due.key.clone()), due.at);
        Ok(())
    }

    fn unschedule(&self, due: &Due) -> Result<bool, StoreError> {
        let (mut entries, name) = (self.due.borrow_mut(), (due.kind.clone(), due.key.clone()));
        let is_there = entries.get(&name) == Some(&due.at);
        if is_there {
            entries.remove(&name);
        }
        Ok(is_there)
    }

    fn generation(&self) -> i64 {
        0
    }

    fn is_claimed(&self, _: i64) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn due_after(&self, now: i64, after: Option<&Due>, limit: i64) -> Result<Vec<Due>, StoreError> {
        let place = |due: &Due| (due.at, due.kind.clone(), due.key.clone());
        let entries = self.due.borrow();
        let all =
            entries.iter().map(|((kind, key), at)| Due { kind: kind.clone(), key: key.clone(), at: *at });
        let meant = all.filter(|due| due.at <= now && after.is_none_or(|after| place(due) > place(after)));
        let mut meant: Vec<Due> = meant.collect();
        meant.sort_by_key(place);
        meant.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(meant)
    }
}

impl WholeState for Memory {
    fn rows(&self, each: &mut EachRow<'_>) -> Result<(), StoreError> {
        for (kind, stored, indexes) in self.records.borrow().iter() {
            let mut indexes: Vec<_> =
                indexes.iter().map(|entry| (entry.index.to_owned(), entry.value.clone())).collect();
            indexes.sort();
            let (kind, key) = (kind.clone(), stored.key.clone());
            let document = StoredRow::json(stored.document.clone())?;
            each(StoredRow::Record { kind, key, version: stored.version, indexes, document })?;
        }
        for (name, value) in self.counters.borrow().iter() {
            each(StoredRow::Counter { name: name.clone(), value: *value })?;
        }
        for ([operation, scope, request_no], stored) in self.responses.borrow().clone() {
            let response = StoredRow::json(stored.response.to_string())?;
            let fingerprint = stored.fingerprint;
            each(StoredRow::IdempotencyKey { operation, scope, request_no, fingerprint, response })?;
        }
        self.outbox.borrow().values().try_for_each(|entry| each(StoredRow::Notification(entry.clone())))?;
        self.due_after(i64::MAX, None, i64::MAX)?.into_iter().try_for_each(|due| each(StoredRow::Due(due)))
    }

    fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        Ok(self.counters.borrow().clone())
    }

    fn add_row(&self, _: &StoredRow) -> Result<bool, StoreError> {
        unreachable!("rows of the model are given to the other engines")
    }

    fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        self.records.borrow_mut().retain(|(kind, _, _)| kept.contains(&&**kind));
        self.counters.borrow_mut().clear();
        self.responses.borrow_mut().clear();
        self.outbox.borrow_mut().clear();
        self.due.borrow_mut().clear();
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Insert { kind: u8, key: u8, value: u8 },
    Update { kind: u8, key: u8, version: i64, value: u8, indexes_changed: bool },
    Next { series: u8, first: u8 },
    Respond { scope: u8, request_no: u8, response: u8 },
    Announce { time: i64 },
    Claim { number: i64, due: i64, moved: bool },
    Postpone { number: i64, due: i64 },
    Hold { number: i64, due: i64 },
    Acknowledge { number: i64 },
    Schedule { key: u8, at: i64 },
    Unschedule { key: u8, at: i64 },
    Clear { kept: u8 },
}

/// Few kinds, keys and values, so that steps meet each other.
fn step() -> impl Strategy<Value = Step> {
    let (kind, key, value, at) = (0..2_u8, 0..4_u8, 0..3_u8, -2..3_i64);
    prop_oneof![
        (kind.clone(), key.clone(), value.clone()).prop_map(|(kind, key, value)| Step::Insert {
            kind,
            key,
            value
        }),
        (kind.clone(), key.clone(), 1..4_i64, value.clone(), any::<bool>()).prop_map(
            |(kind, key, version, value, indexes_changed)| Step::Update {
                kind,
                key,
                version,
                value,
                indexes_changed
            }
        ),
        (kind.clone(), 1..3_u8).prop_map(|(series, first)| Step::Next { series, first }),
        kind.clone().prop_map(|kept| Step::Clear { kept }),
        (kind, key.clone(), value).prop_map(|(scope, request_no, response)| Step::Respond {
            scope,
            request_no,
            response
        }),
        at.clone().prop_map(|time| Step::Announce { time }),
        (1..6_i64, at.clone()).prop_map(|(number, due)| Step::Postpone { number, due }),
        (1..6_i64, at.clone(), any::<bool>()).prop_map(|(number, due, moved)| Step::Claim {
            number,
            due,
            moved
        }),
        (1..6_i64, at.clone()).prop_map(|(number, due)| Step::Hold { number, due }),
        (1..6_i64).prop_map(|number| Step::Acknowledge { number }),
        (key.clone(), at.clone()).prop_map(|(key, at)| Step::Schedule { key, at }),
        (key, at).prop_map(|(key, at)| Step::Unschedule { key, at }),
    ]
}

fn due(key: u8, at: i64) -> Due {
    Due { kind: if key < 2 { "a" } else { "b" }.to_owned(), key: key.to_string(), at }
}

/// The first is the beginning of the second.
const RECEIVERS: [&str; 2] = ["http://127.0.0.1:80", "http://127.0.0.1:8080"];

fn entry(number: i64, time: i64) -> OutboxEntry {
    OutboxEntry {
        number,
        mchid: "1900000109".to_owned(),
        notify_url: if number % 2 == 0 { RECEIVERS[0].to_owned() } else { format!("{}/a", RECEIVERS[1]) },
        platform_serial: "01".to_owned(),
        event_type: "COUPON.SEND".to_owned(),
        time,
        resource: number.into(),
        attempts: 0,
        due: time,
    }
}

/// What a step gives, as text that two engines must agree on.
fn take(engine: &dyn Engine, step: &Step) -> Result<String, StoreError> {
    let entries = |value: u8| {
        vec![IndexEntry::new("value", value.to_string()), IndexEntry::new("parity", (value % 2).to_string())]
    };
    Ok(match *step {
        Step::Insert { kind, key, value } => {
            let (kind, key, document, indexes) =
                (kind.to_string(), key.to_string(), value.to_string(), entries(value));
            let new = NewRecord { kind: &kind, key: &key, document: &document, indexes: &indexes };
            format!("{}", engine.insert(&new)?)
        }
        Step::Update { kind, key, version, value, indexes_changed } => {
            let (kind, key, document, indexes) =
                (kind.to_string(), key.to_string(), value.to_string(), entries(value));
            let new = NewRecord { kind: &kind, key: &key, document: &document, indexes: &indexes };
            format!("{}", engine.update(&new, version, indexes_changed)?)
        }
        Step::Next { series, first } => {
            format!("{}", engine.next_number(&series.to_string(), i64::from(first))?)
        }
        Step::Respond { scope, request_no, response } => {
            let (scope, request_no) = (scope.to_string(), request_no.to_string());
            let key = IdempotencyKey { operation: "send", scope: &scope, request_no: &request_no };
            let known = engine.stored_response(&key)?;
            if known.is_none() {
                let response =
                    StoredResponse { fingerprint: Fingerprint([response; 32]), response: response.into() };
                engine.keep_response(&key, &response)?;
            }
            format!("{known:?}")
        }
        Step::Announce { time } => {
            let entry = entry(engine.next_number("outbox", 1)?, time);
            format!("{:?}", engine.add_to_outbox(&entry)?)
        }
        // Under a number that a later step does not add again.
        Step::Claim { number, due, moved } => format!("{:?}", engine.claim(&entry(-number, due), moved)?),
        Step::Postpone { number, due } => format!("{:?}", engine.postpone(number, 7, due)?),
        Step::Hold { number, due } => {
            engine.give_back(number)?;
            format!("{:?}", engine.change_due(number, if due < 0 { NEVER } else { due })?)
        }
        Step::Acknowledge { number } => format!("{:?}", engine.remove_from_outbox(number)?),
        Step::Schedule { key, at } => format!("{:?}", engine.schedule(&due(key, at))?),
        Step::Clear { kept } => format!("{:?}", engine.clear(&[&kept.to_string()])?),
        Step::Unschedule { key, at } => format!("{}", engine.unschedule(&due(key, at))?),
    })
}

/// Everything that can be asked.
fn look(engine: &dyn Engine) -> Result<String, StoreError> {
    let mut text = String::new();
    for kind in ["0", "1"] {
        for key in ["0", "1", "2", "3"] {
            text.push_str(&format!("{:?}\n", engine.record(kind, key)?));
        }
        let range =
            |from: &str, to: &str| IndexRange { index: "value", from: from.to_owned(), to: to.to_owned() };
        for conditions in [
            vec![],
            vec![IndexRange::equal("value", "0")],
            vec![IndexRange::equal("parity", "0")],
            vec![IndexRange::equal("parity", "1")],
            vec![IndexRange::equal("nothing", "0")],
            vec![range("0", "1")],
            vec![IndexRange::equal("parity", "0"), IndexRange::equal("value", "2")],
            vec![IndexRange::equal("parity", "0"), range("1", "9"), IndexRange::equal("value", "2")],
            vec![range("1", "2"), IndexRange::equal("parity", "0")],
        ] {
            let page = |offset, limit| engine.records(kind, &conditions, Page { offset, limit });
            let count = engine.count(kind, &conditions)?;
            text.push_str(&format!("{count} {:?} {:?}\n", page(0, 9)?, page(1, 1)?));
        }
        for (range, direction) in [
            (range("0", "9"), Direction::Ascending),
            (range("1", "2"), Direction::Descending),
            (IndexRange::equal("parity", "0"), Direction::Ascending),
            (IndexRange::equal("parity", "1"), Direction::Descending),
        ] {
            // Numbers are those of one database.
            let mut last = direction.beginning(&range);
            while let Some((place, stored)) =
                engine.scan(kind, &range, direction, &last, 2)?.into_iter().next()
            {
                text.push_str(&format!("{} {stored:?}\n", place.value));
                last = place;
            }
        }
    }
    engine.rows(&mut |row| {
        text.push_str(&format!("{}\n", serde_json::to_string(&row).unwrap()));
        Ok(())
    })?;
    for (newest, limit) in [(0, 9), (1, 1), (2, 9)] {
        for receiver in RECEIVERS {
            text.push_str(&format!("{:?}\n", engine.repeats_beyond("1900000109", receiver, newest, limit)?));
        }
    }
    for now in -3..3 {
        text.push_str(&format!("{:?}\n", engine.outbox_due(now, 2)?));
        let (mut last, all) = (None, engine.due_after(now, None, i64::MAX)?);
        loop {
            let page = engine.due_after(now, last.as_ref(), 2)?;
            let Some(end) = page.last() else { break };
            text.push_str(&format!("{now} {page:?} of {all:?}\n"));
            last = Some(end.clone());
        }
    }
    Ok(text)
}

/// Puts all rows of one engine in the place of those of another, and looks at it. No row has room twice.
fn copy(from: &dyn Engine, to: &dyn Engine) -> Result<String, StoreError> {
    to.clear(&[])?;
    from.rows(&mut |row| {
        assert!(to.add_row(&row)? && !to.add_row(&row)?, "{row:?}");
        Ok(())
    })?;
    look(to)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_does_what_the_engine_of_maps_does(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut sqlite, memory) = (Sqlite::in_memory().unwrap(), Memory::default());
        for step in &steps {
            // Each in its own transaction, so that what is read was committed.
            let done = sqlite.transaction(|engine| take(engine, step)).unwrap();
            prop_assert_eq!(done, take(&memory, step).unwrap(), "{:?}", step);
        }
        let seen = sqlite.transaction(look).unwrap();
        prop_assert_eq!(&seen, &look(&memory).unwrap());
        let copied = sqlite.transaction(|engine| copy(&memory, engine)).unwrap();
        prop_assert_eq!(seen, copied);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn postgresql_does_what_the_engine_of_maps_does() {
    use proptest::test_runner::TestRunner;

    use super::postgres::{Postgres, tests::new_database};

    let Some(address) = new_database() else { return };
    let postgres = Postgres::open(&address).unwrap();
    let within =
        |work: &dyn Fn(&dyn Engine) -> Result<String, StoreError>| postgres.transaction(work).unwrap();
    let mut runner = TestRunner::new(ProptestConfig { cases: 64, ..ProptestConfig::default() });
    let checked = runner.run(&proptest::collection::vec(step(), 1..60), |steps| {
        let memory = Memory::default();
        within(&|engine| engine.clear(&[]).map(|()| String::new()));
        for step in &steps {
            // Each in its own transaction, so that what is read was committed.
            prop_assert_eq!(within(&|engine| take(engine, step)), take(&memory, step).unwrap(), "{:?}", step);
        }
        let seen = within(&|engine| look(engine));
        prop_assert_eq!(&seen, &look(&memory).unwrap());
        prop_assert_eq!(seen, within(&|engine| copy(&memory, engine)));
        Ok(())
    });
    checked.unwrap();
}
