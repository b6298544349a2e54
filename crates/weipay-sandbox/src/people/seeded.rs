//! The people of seed files, who are there again after a reset. They stand in the state, because any node of
//! a shared database may be told to reset it.

use serde::{Deserialize, Serialize};

use super::Person;
use crate::platform::Platform;
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction};

/// A person of a seed file, with the openids that the file gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeededPerson(Person);

/// The kind of the records, which neither a reset nor a snapshot takes away.
pub(crate) const KIND: &str = "person of a seed file";

impl Record for SeededPerson {
    const KIND: &'static str = KIND;

    fn key(&self) -> String {
        self.0.unionid.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        // One value, so that all can be found.
        vec![IndexEntry::new("all", "")]
    }
}

/// Adds them to a state that was emptied.
pub(crate) fn add_again(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let all = Page { offset: 0, limit: i64::MAX };
    let people = tx.find::<SeededPerson>(&[IndexRange::equal("all", "")], all)?;
    // The one that was added last comes first.
    people.iter().rev().try_for_each(|SeededPerson(person)| tx.save(person))
}

impl Platform {
    /// Keeps the people of a seed file. Those of another one stay: nothing is ever taken away.
    pub(crate) fn keep_seeded_people(&self, people: Vec<Person>) -> Result<(), StoreError> {
        let people: Vec<_> = people.into_iter().map(SeededPerson).collect();
        self.store.transaction(|tx| {
            for person in &people {
                if tx.get::<SeededPerson>(&person.0.unionid)?.as_ref() != Some(person) {
                    tx.save(person)?;
                }
            }
            Ok(())
        })
    }
}
