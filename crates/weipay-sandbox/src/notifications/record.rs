//! The record of a notification: its content, its address, and its attempts.
//!
//! Notifications are stored in a ring of 10,000 places. A new one replaces the one in its place, if that is finished.
//! If it still waits or is held, the new one goes to the next shelf (层) of that place. A shelf that was needed once
//! stays: what is finished there is kept until its place is needed again. So a place has at most one record more than
//! notifications have waited in it at one time. A reset deletes all.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::message;
use crate::clock;
use crate::store::{IndexEntry, OutboxEntry, Record, StoreError, Transaction};
use crate::words::words;

/// Maximum number of attempts kept of one notification; the longest retry table has 65.
const MAX_ATTEMPTS: usize = 80;

/// The number of places of the ring. So many of the newest notifications are always stored; older ones while they
/// wait, or until their places are needed.
const PLACES: i64 = 10_000;

/// A notification that the platform sends, or has sent.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notification {
    /// Sequence number.
    pub number: i64,
    /// `id`, by which a receiver recognizes a duplicate.
    pub id: String,
    /// The merchant that is notified.
    pub mchid: String,
    /// Where it goes.
    pub notify_url: String,
    /// `event_type`.
    pub event_type: String,
    /// When it happened, in unix seconds: `create_time`.
    pub time: i64,
    /// The decrypted resource. It may contain personal data.
    pub resource: Value,
    /// Its delivery state.
    pub state: NotificationState,
    /// When the next attempt is due, in unix seconds.
    pub due: Option<i64>,
    /// The attempts, at most the last 80.
    pub attempts: Vec<Attempt>,
    pub(super) platform_serial: String,
    /// How many attempts of the retry table have failed.
    pub(super) failed: u32,
    /// Its shelf. Not 0 only where the others at its place still waited when this one came.
    #[serde(default, skip_serializing_if = "is_first")]
    shelf: u32,
}

fn is_first(shelf: &u32) -> bool {
    *shelf == 0
}

words! {
    /// The delivery state of a notification.
    #[non_exhaustive]
    pub enum NotificationState {
        /// An attempt is under way, or follows.
        Waiting = "waiting",
        /// It waits until it is released.
        Held = "held",
        /// The receiver has acknowledged it.
        Acknowledged = "acknowledged",
        /// The retry table of its event has ended without an acknowledgement; or ten thousand newer ones of its merchant
        /// waited for a retry at its receiver, such as where that is gone and the clock is frozen.
        GivenUp = "given_up",
    }
    pub(crate) fn from_word;
    pub(crate) const WORDS;
}

words! {
    /// The kind of a delivery attempt.
    #[non_exhaustive]
    pub enum AttemptKind {
        /// The first attempt, or one of the retry schedule.
        Scheduled = "scheduled",
        /// A replay on demand.
        Replay = "replay",
        /// One of several copies at the same time.
        Duplicate = "duplicate",
        /// With the wrong signature of a probe (探测流量).
        Probe = "probe",
        /// Nothing has happened for it: see [`Trigger`](crate::Trigger).
        Triggered = "triggered",
    }
}

/// One POST to a receiver, and the result of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Why it was made.
    pub kind: AttemptKind,
    /// When it began, in unix seconds of the sandbox's clock.
    pub time: i64,
    /// How long it took.
    pub milliseconds: u64,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The beginning of the response's body.
    pub body: String,
    /// Why there was no response, or what is wrong with it.
    pub reason: Option<String>,
    /// Whether the response acknowledges the notification.
    pub acknowledged: bool,
}

impl Attempt {
    /// As JSON, with a time that people read.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut shown = json!(self);
        shown["time"] = clock::rfc3339(self.time).into();
        shown
    }
}

/// The content is personal.
impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("number", &self.number)
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Notification {
    /// A notification in a list of the control API: without its content, and with its last attempt.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "number": self.number,
            "id": self.id,
            "event_type": self.event_type,
            "mchid": self.mchid,
            "notify_url": self.notify_url,
            "create_time": clock::rfc3339(self.time),
            "state": self.state,
            "next_attempt": self.due.map(clock::rfc3339),
            "attempts": self.attempts.len(),
            "last_attempt": self.attempts.last().map(Attempt::to_json),
        })
    }

    /// All of it.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = self.summary();
        shown["attempts"] = self.attempts.iter().map(Attempt::to_json).collect();
        shown["resource"] = self.resource.clone();
        if let Some(members) = shown.as_object_mut() {
            members.remove("last_attempt");
        }
        shown
    }

    fn from_entry(entry: &OutboxEntry, shelf: u32) -> Self {
        let OutboxEntry {
            number,
            mchid,
            notify_url,
            platform_serial,
            event_type,
            time,
            resource,
            attempts,
            due,
        } = entry.clone();
        Self {
            number,
            id: message::id(entry),
            mchid,
            notify_url,
            event_type,
            time,
            resource,
            state: NotificationState::Waiting,
            due: Some(due),
            attempts: Vec::new(),
            platform_serial,
            failed: attempts,
            shelf,
        }
    }

    /// Whether it has everything that the `id` of this entry is made of, which is then its own: asked first, because to
    /// make an `id` costs more.
    fn tells_of(&self, entry: &OutboxEntry) -> bool {
        self.number == entry.number
            && self.time == entry.time
            && self.mchid == entry.mchid
            && self.event_type == entry.event_type
            && self.resource == entry.resource
    }

    /// Its place in the outbox, when it is due at this time.
    pub(super) fn entry(&self, due: i64) -> OutboxEntry {
        OutboxEntry {
            number: self.number,
            mchid: self.mchid.clone(),
            notify_url: self.notify_url.clone(),
            platform_serial: self.platform_serial.clone(),
            event_type: self.event_type.clone(),
            time: self.time,
            resource: self.resource.clone(),
            attempts: self.failed,
            due,
        }
    }

    /// Whether nothing more follows by the retry table.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, NotificationState::Acknowledged | NotificationState::GivenUp)
    }

    pub(super) fn add_attempt(&mut self, attempt: Attempt) {
        if self.attempts.len() >= MAX_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// The place of a notification in the ring.
fn place(number: i64, shelf: u32) -> String {
    let place = number.rem_euclid(PLACES);
    if shelf == 0 { place.to_string() } else { format!("{place}/{shelf}") }
}

/// The index of the `id`, and that of the merchant.
pub(super) const ID: &str = "id";
pub(super) const MERCHANT: &str = "merchant";

impl Record for Notification {
    const KIND: &'static str = "notification";

    fn key(&self) -> String {
        place(self.number, self.shelf)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(ID, &*self.id), IndexEntry::new(MERCHANT, &*self.mchid)]
    }
}

/// Keeps a new notification, in the place of an old one that is finished.
pub(super) fn add(tx: &Transaction<'_>, entry: &OutboxEntry, is_held: bool) -> Result<(), StoreError> {
    let mut shelf = 0;
    // Read first: a record is saved only over one that was read.
    while let Some(kept) = tx.get_to_replace::<Notification>(&place(entry.number, shelf))?
        && !kept.is_closed()
    {
        shelf += 1;
    }
    let mut new = Notification::from_entry(entry, shelf);
    if is_held {
        (new.state, new.due) = (NotificationState::Held, None);
    }
    tx.save(&new)
}

/// The record of an entry in the outbox. `None` if it is gone: a reset may have come in between, and another may have its
/// number. What waited before there were records gets one, and so does what has a broken one: the outbox knows all that is sent.
pub(super) fn of_entry(
    tx: &Transaction<'_>,
    entry: &OutboxEntry,
) -> Result<Option<Notification>, StoreError> {
    for shelf in 0.. {
        let place = place(entry.number, shelf);
        match tx.get_to_replace::<Notification>(&place)? {
            // The id is made of the content, which is missing where the database holds a broken one.
            Some(found) if found.number == entry.number => {
                let is_it =
                    entry.resource.is_null() || found.tells_of(entry) || found.id == message::id(entry);
                return Ok(is_it.then_some(found));
            }
            Some(_) => {}
            None if shelf == 0 || tx.peek::<Notification>(&place).is_err() => {
                return Ok(Some(Notification::from_entry(entry, shelf)));
            }
            None => break,
        }
    }
    Ok(None)
}

/// The notification with a number, if it is still kept.
pub(super) fn with_number(tx: &Transaction<'_>, number: i64) -> Result<Option<Notification>, StoreError> {
    for shelf in 0.. {
        match tx.get::<Notification>(&place(number, shelf))? {
            Some(found) if found.number != number => {}
            found => return Ok(found),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::outcome::close;
    use crate::store::{Announcement, Store};

    fn announce(tx: &Transaction<'_>, mchid: &str) -> Result<(), StoreError> {
        tx.announce(&Announcement {
            mchid: mchid.to_owned(),
            notify_url: "http://127.0.0.1/".to_owned(),
            platform_serial: "01".to_owned(),
            event_type: "COUPON.SEND",
            time: 20,
            resource: json!({ "a": 1 }),
        })
    }

    /// The notifications of a merchant that are in the outbox, the oldest first.
    fn outbox(tx: &Transaction<'_>, mchid: &str) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut waiting = tx.outbox_due(i64::MAX, usize::MAX)?;
        waiting.retain(|entry| entry.mchid == mchid);
        waiting.sort_by_key(|entry| entry.number);
        Ok(waiting)
    }

    #[test]
    fn what_waits_stays_however_many_others_are_finished() {
        let store = Store::in_memory();
        let numbers: Result<Vec<Option<i64>>, StoreError> = store.transaction(|tx| {
            announce(tx, "1900000109")?;
            for _ in 0..PLACES + 2 {
                announce(tx, "1900000208")?;
            }
            for entry in outbox(tx, "1900000208")? {
                let mut kept = of_entry(tx, &entry)?.unwrap();
                assert_eq!(kept.number, entry.number);
                close(tx, &mut kept, &entry, NotificationState::Acknowledged)?;
                tx.save(&kept)?;
            }
            // The second round: what is finished makes place, what waits does not.
            for _ in 0..2 {
                announce(tx, "1900000208")?;
            }
            let waiting = outbox(tx, "1900000109")?.pop().unwrap();
            assert_eq!(
                (waiting.number, of_entry(tx, &waiting)?.unwrap().state),
                (1, NotificationState::Waiting)
            );
            assert_eq!(outbox(tx, "1900000208")?.len(), 2);
            [1, 2, 3, 4, 5, 10_001, 10_002, 10_004, 10_005]
                .into_iter()
                .map(|number| Ok(with_number(tx, number)?.map(|notification| notification.number)))
                .collect()
        });
        let expected =
            [Some(1), Some(2), Some(3), None, None, Some(10_001), Some(10_002), Some(10_004), Some(10_005)];
        assert_eq!(numbers.unwrap(), expected);
    }

    #[test]
    fn a_broken_record_of_what_waits_is_made_again_and_what_is_gone_is_not() {
        let store = Store::in_memory();
        let done: Result<(), StoreError> = store.transaction(|tx| {
            announce(tx, "1900000109")?;
            let first = outbox(tx, "1900000109")?.remove(0);
            let other = OutboxEntry { number: 1 + PLACES, ..first.clone() };
            assert_eq!(of_entry(tx, &other)?, None, "the place has the record of another one");
            assert_eq!(of_entry(tx, &OutboxEntry { number: 2, ..first })?.map(|kept| kept.number), Some(2));
            Ok(())
        });
        done.unwrap();
    }
}
