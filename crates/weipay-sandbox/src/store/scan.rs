//! Reading a long range of records, part by part.

use std::marker::PhantomData;

use super::engine::{Direction, Engine, IndexPosition, StoredRecord};
use super::{IndexRange, Record, StoreError};

/// How many records are read at once.
const PART: i64 = 256;

/// The records of a range: see [`Transaction::scan`](super::Transaction::scan). It ends after an error.
pub(crate) struct Scan<'a, R> {
    engine: &'a dyn Engine,
    range: IndexRange,
    direction: Direction,
    /// The records that were read and not yet returned.
    part: std::vec::IntoIter<(IndexPosition, StoredRecord)>,
    /// The place of the last that was read.
    last: IndexPosition,
    is_complete: bool,
    record: PhantomData<fn() -> R>,
}

impl<'a, R: Record> Scan<'a, R> {
    pub(super) fn new(engine: &'a dyn Engine, range: IndexRange, direction: Direction) -> Self {
        let last = direction.beginning(&range);
        let part = Vec::new().into_iter();
        Self { engine, range, direction, part, last, is_complete: false, record: PhantomData }
    }

    fn read_part(&mut self) -> Result<(), StoreError> {
        let part = self.engine.scan(R::KIND, &self.range, self.direction, &self.last, PART)?;
        self.is_complete = i64::try_from(part.len()) != Ok(PART);
        if let Some((place, _)) = part.last() {
            self.last = place.clone();
        }
        self.part = part.into_iter();
        Ok(())
    }

    /// The next record as it is stored.
    pub(super) fn next_stored(&mut self) -> Option<Result<StoredRecord, StoreError>> {
        if self.part.len() == 0
            && !self.is_complete
            && let Err(error) = self.read_part()
        {
            self.is_complete = true;
            return Some(Err(error));
        }
        self.part.next().map(|(_, stored)| Ok(stored))
    }
}

impl<R: Record> Iterator for Scan<'_, R> {
    type Item = Result<R, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_stored().map(|stored| stored?.open())
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::store::{IndexEntry, Store};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Event {
        number: u32,
        time: u32,
    }

    impl Record for Event {
        const KIND: &'static str = "event";

        fn key(&self) -> String {
            self.number.to_string()
        }

        fn indexes(&self) -> Vec<IndexEntry> {
            vec![IndexEntry::new("time", format!("{:04}", self.time))]
        }
    }

    #[test]
    fn every_record_of_a_range_is_given_once_in_its_order() {
        let store = Store::in_memory();
        // Many in one second, and each part ends inside of it.
        let times = (0..700).map(|number| if number % 7 == 0 { number } else { 300 });
        let events: Vec<Event> = (0..).zip(times).map(|(number, time)| Event { number, time }).collect();
        let done: Result<(), StoreError> = store.transaction(|tx| {
            events.iter().try_for_each(|event| tx.save(event))?;
            let range = || IndexRange { index: "time", from: "0007".to_owned(), to: "0693".to_owned() };
            let mut expected: Vec<(u32, u32)> =
                events.iter().map(|event| (event.time, event.number)).filter(|event| event.0 >= 7).collect();
            expected.sort_unstable();
            for direction in [Direction::Ascending, Direction::Descending] {
                let found: Result<Vec<Event>, StoreError> = tx.scan(range(), direction).collect();
                let found: Vec<_> = found?.iter().map(|event| (event.time, event.number)).collect();
                assert_eq!(found, expected);
                expected.reverse();
            }
            Ok(())
        });
        done.unwrap();
    }
}
