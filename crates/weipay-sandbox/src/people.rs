//! People (用户) who pay and receive. A person has one unionid, and an openid under each appid.
//!
//! Every well-formed openid is a user, whether or not a person was added with it, so that a story needs no set-up.
//! The openids of an added person belong together.
//!
//! The people of seed files are there again after a reset. They stand in the state, because any node of a shared database may be
//! told to reset it.

pub(crate) mod account;
pub(crate) mod of_person;
pub(crate) mod openid;

use std::collections::BTreeMap;

use account::AccountState;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use self::openid::LENGTH;
use crate::ledger::take_over_wallet;
use crate::platform::Platform;
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

/// A person that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Person {
    /// The unionid, which is the same for all appids.
    pub unionid: String,
    /// The openid under each appid that was asked for.
    pub openids: BTreeMap<String, String>,
}

const OPENID: &str = "openid";
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

impl Record for Person {
    const KIND: &'static str = "person";

    fn key(&self) -> String {
        self.unionid.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        self.openids.values().map(|openid| IndexEntry::new(OPENID, openid.as_str())).collect()
    }
}

impl Person {
    /// The openid under an appid: what was said about it, or one that follows from the unionid.
    pub(crate) fn openid(&self, appid: &str) -> String {
        if let Some(openid) = self.openids.get(appid) {
            return openid.clone();
        }
        let hash = digest(&SHA256, joined(&self.unionid, appid).as_bytes());
        let letters =
            hash.as_ref().iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        std::iter::once('o').chain(letters).take(LENGTH).collect()
    }

    /// Whether an openid is of a person who has another one under this appid. An openid without a person record is
    /// the same under every appid.
    pub(crate) fn has_another_openid(
        tx: &Transaction<'_>,
        openid: &str,
        appid: &str,
    ) -> Result<bool, StoreError> {
        Ok(Self::find(tx, openid)?.is_some_and(|person| person.openid(appid) != openid))
    }

    /// The openid under an appid of the person who has this one. It is kept, so that the person is found by it from then on.
    pub(crate) fn openid_under(
        tx: &Transaction<'_>,
        openid: &str,
        appid: &str,
        now: i64,
    ) -> Result<String, StoreError> {
        match Self::find(tx, openid)? {
            Some(person) => person.keep_openid(tx, appid, now),
            None => Ok(openid.to_owned()),
        }
    }

    fn keep_openid(mut self, tx: &Transaction<'_>, appid: &str, now: i64) -> Result<String, StoreError> {
        let openid = self.openid(appid);
        if self.openids.insert(appid.to_owned(), openid.clone()).is_none() {
            // It follows from the person, so that somebody may have paid to it already.
            AccountState::take_over(tx, &openid, &self.unionid)?;
            take_over_wallet(tx, &openid, &self.unionid, now)?;
            tx.save(&self)?;
        }
        Ok(openid)
    }

    /// Every openid under which the person with this one can have received something.
    pub(crate) fn all_openids(tx: &Transaction<'_>, openid: &str) -> Result<Vec<String>, StoreError> {
        let mut openids = vec![openid.to_owned()];
        if let Some(person) = Self::find(tx, openid)? {
            openids.extend(person.openids.into_values());
            openids.push(person.unionid);
        }
        openids.sort_unstable();
        openids.dedup();
        Ok(openids)
    }

    /// People that were made and have an openid, the newest first.
    pub(crate) fn list(tx: &Transaction<'_>, most: usize) -> Result<Vec<Self>, StoreError> {
        // A person is there under each of the openids.
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_mul(8);
        let every_openid = IndexRange { index: OPENID, from: "o".to_owned(), to: "p".to_owned() };
        let mut people: Vec<Self> = Vec::new();
        for person in tx.find::<Self>(&[every_openid], Page { offset: 0, limit })? {
            if people.len() < most && people.iter().all(|known| known.unionid != person.unionid) {
                people.push(person);
            }
        }
        Ok(people)
    }

    /// A person by unionid, or by one of the openids.
    pub(crate) fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        if let Some(person) = tx.get(id)? {
            return Ok(Some(person));
        }
        tx.find_one(OPENID, id)
    }
}

impl Platform {
    /// Adds a person with an openid under each of these appids.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn add_person(&self, appids: &[String]) -> Result<Person, StoreError> {
        let unionid = format!("o{}", self.entropy.letters_and_digits(LENGTH - 1));
        let mut person = Person { unionid, openids: BTreeMap::new() };
        for appid in appids {
            person.openids.insert(appid.clone(), person.openid(appid));
        }
        self.act(|tx, _| tx.save(&person))?;
        Ok(person)
    }

    /// Stores a person with these openids, in addition to those that it has. Earlier data of these openids moves to
    /// the person. Returns an openid that already belongs to another person; then nothing is stored.
    pub(crate) fn keep_person(&self, person: &Person) -> Result<Option<String>, StoreError> {
        self.act(|tx, now| {
            for openid in person.openids.values() {
                if Person::find(tx, openid)?.is_some_and(|owner| owner.unionid != person.unionid) {
                    return Ok(Some(openid.clone()));
                }
            }
            let mut kept = person.clone();
            let mut new: Vec<&String> = person.openids.values().collect();
            if let Some(there) = tx.get::<Person>(&person.unionid)? {
                new.retain(|openid| !there.openids.values().any(|known| known == *openid));
                let openids = there.openids.clone().into_iter().chain(person.openids.clone()).collect();
                if openids == there.openids {
                    return Ok(None);
                }
                kept.openids = openids;
            }
            for openid in new {
                AccountState::take_over(tx, openid, &person.unionid)?;
                take_over_wallet(tx, openid, &person.unionid, now)?;
            }
            tx.save(&kept).map(|()| None)
        })
    }

    /// The openid of a person under an appid.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn openid(&self, person: &Person, appid: &str) -> Result<String, StoreError> {
        self.act(|tx, now| {
            let Some(person) = tx.get::<Person>(&person.unionid)? else {
                return Ok(person.openid(appid));
            };
            person.keep_openid(tx, appid, now)
        })
    }
}

/// A person of a seed file, with the openids that the file gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeededPerson(Person);

/// The kind of the records, which neither a reset nor a snapshot takes away.
pub(crate) const SEEDED_PERSON: &str = "person of a seed file";

impl Record for SeededPerson {
    const KIND: &'static str = SEEDED_PERSON;

    fn key(&self) -> String {
        self.0.unionid.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        // One value, so that all can be found.
        vec![IndexEntry::new("all", "")]
    }
}

/// Adds them to a state that was emptied.
pub(crate) fn add_seeded_again(tx: &Transaction<'_>) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests {
    use super::openid::is_openid;
    use super::*;
    use crate::ledger::{Owner, sum_of_everything};
    use crate::sandbox::Sandbox;

    #[test]
    fn a_person_has_one_openid_under_each_appid_and_is_found_by_each() {
        let sandbox = Sandbox::start().unwrap();
        let platform = sandbox.platform();
        let person = platform.add_person(&["wx1".to_owned(), "wx2".to_owned()]).unwrap();
        assert!(person.openids.values().all(|openid| is_openid(openid)));
        assert_ne!(person.openids["wx1"], person.openids["wx2"]);
        let third = platform.openid(&person, "wx3").unwrap();
        assert_eq!(platform.openid(&person, "wx3").unwrap(), third);
        let other = platform.add_person(&["wx1".to_owned()]).unwrap();
        let listed = platform.store.transaction(|tx| Person::list(tx, 10)).unwrap();
        let unionids: Vec<_> = listed.iter().map(|person| &person.unionid).collect();
        assert!(
            unionids.len() == 2 && unionids.contains(&&person.unionid) && unionids.contains(&&other.unionid)
        );
        assert_eq!(platform.store.transaction(|tx| Person::list(tx, 1)).unwrap().len(), 1);
        for id in [&person.unionid, &person.openids["wx1"], &third] {
            let found = platform.store.transaction(|tx| Person::find(tx, id)).unwrap().unwrap();
            assert_eq!((&found.unionid, &found.openids["wx3"]), (&person.unionid, &third));
        }
    }

    #[test]
    fn what_came_to_an_openid_before_it_was_a_persons_is_the_persons() {
        let sandbox = Sandbox::start().unwrap();
        let platform = sandbox.platform();
        let openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
        assert_eq!(platform.top_up_wallet(openid, 500).unwrap(), 500);
        platform.set_account_state(openid, AccountState::Frozen).unwrap();
        let stored = Owner::person(openid);
        let unionid = "oUnionAlice0000000000000001a".to_owned();
        assert_eq!(platform.top_up_wallet(&unionid, 20).unwrap(), 20);
        let openids = BTreeMap::from([("wx1".to_owned(), openid.to_owned())]);
        let person = Person { unionid: unionid.clone(), openids };
        for _ in 0..2 {
            assert_eq!(platform.keep_person(&person).unwrap(), None);
            assert_eq!((platform.wallet(openid).unwrap(), platform.wallet(&unionid).unwrap()), (520, 520));
        }
        let (found, account) = platform
            .store
            .transaction(|tx| {
                Ok::<_, StoreError>((stored.as_of_now(tx)?, AccountState::of_person(tx, openid)?))
            })
            .unwrap();
        assert_eq!((found, account), (Owner::person(unionid), AccountState::Frozen));
        assert_eq!(platform.store.transaction(sum_of_everything).unwrap(), 0);
    }
}
