//! What is kept of a notification: what it tells, where it goes, and its attempts.
//!
//! As many are kept as may wait in the outbox, in a ring: the record of a new one takes the place of the oldest, which has left
//! the outbox by then. So whatever waits has its record, and a receiver that is down does not fill the disk.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::message;
use crate::clock;
use crate::store::{IndexEntry, MAX_WAITING, OutboxEntry, Record, StoreError, Transaction};

/// The most attempts kept of one notification; the longest retry table has 65.
const MAX_ATTEMPTS: usize = 80;

/// A notification that the platform sends, or has sent.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notification {
    /// Grows with every notification.
    pub number: i64,
    /// `id`, by which a receiver knows a repeat.
    pub id: String,
    /// The merchant that is notified.
    pub mchid: String,
    /// Where it goes.
    pub notify_url: String,
    /// `event_type`.
    pub event_type: String,
    /// When it happened, in unix seconds: `create_time`.
    pub time: i64,
    /// What its encrypted part opens to. It may hold personal data.
    pub resource: Value,
    /// What has become of it.
    pub state: NotificationState,
    /// When the next attempt is due, in unix seconds.
    pub due: Option<i64>,
    /// The attempts so far. Of very many the last ones.
    pub attempts: Vec<Attempt>,
    pub(super) platform_serial: String,
    /// How many attempts of the retry table have failed.
    pub(super) failed: u32,
}

/// What has become of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotificationState {
    /// An attempt is under way, or follows.
    Waiting,
    /// It waits until it is released.
    Held,
    /// The receiver has acknowledged it.
    Acknowledged,
    /// The retry table of its event has ended without an acknowledgement.
    GivenUp,
}

impl NotificationState {
    pub(crate) const WORDS: [&str; 4] = ["waiting", "held", "acknowledged", "given_up"];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Acknowledged => "acknowledged",
            Self::GivenUp => "given_up",
        }
    }
}

/// Why an attempt was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptKind {
    /// It happened, or the retry table says so.
    Scheduled,
    /// Somebody wanted it again.
    Replay,
    /// One of several copies at the same time.
    Duplicate,
    /// With the wrong signature of a probe (探测流量).
    Probe,
    /// Nothing has happened for it: see [`Trigger`](crate::Trigger).
    Triggered,
}

impl AttemptKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Replay => "replay",
            Self::Duplicate => "duplicate",
            Self::Probe => "probe",
            Self::Triggered => "triggered",
        }
    }
}

/// One POST to a receiver, and what came of it.
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
    /// What the control API shows in a list: without what it tells, and with its last attempt.
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

    fn from_entry(entry: &OutboxEntry) -> Self {
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
        }
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
fn place(number: i64) -> String {
    number.rem_euclid(MAX_WAITING).to_string()
}

/// The index of the `id`, and that of the merchant.
pub(super) const ID: &str = "id";
pub(super) const MERCHANT: &str = "merchant";

impl Record for Notification {
    const KIND: &'static str = "notification";

    fn key(&self) -> String {
        place(self.number)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(ID, &*self.id), IndexEntry::new(MERCHANT, &*self.mchid)]
    }
}

/// Keeps a new notification, in the place of the oldest.
pub(super) fn add(tx: &Transaction<'_>, entry: &OutboxEntry, is_held: bool) -> Result<(), StoreError> {
    // Read first: a record is saved only over one that was read.
    tx.get_to_replace::<Notification>(&place(entry.number))?;
    let mut new = Notification::from_entry(entry);
    if is_held {
        (new.state, new.due) = (NotificationState::Held, None);
    }
    tx.save(&new)
}

/// What is kept of what waits in the outbox. `None` if it is gone: a reset may have come in between, and another may have its
/// number. What waited before there were records gets one, and so does what has a broken one: the outbox knows all that is sent.
pub(super) fn of_entry(
    tx: &Transaction<'_>,
    entry: &OutboxEntry,
) -> Result<Option<Notification>, StoreError> {
    let found: Option<Notification> = tx.get_to_replace(&place(entry.number))?;
    Ok(match found {
        None => Some(Notification::from_entry(entry)),
        // The id is made of the content, which is missing where the database holds a broken one.
        Some(found) => Some(found).filter(|found| {
            found.number == entry.number && (entry.resource.is_null() || found.id == message::id(entry))
        }),
    })
}

/// The notification with a number, if it is still kept.
pub(super) fn with_number(tx: &Transaction<'_>, number: i64) -> Result<Option<Notification>, StoreError> {
    let found: Option<Notification> = tx.get(&place(number))?;
    Ok(found.filter(|found| found.number == number))
}
