//! Holding (暂缓): notifications of one merchant, or of all, wait in the outbox until they are released.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::record::{self, Notification, NotificationState};
use crate::store::{LATEST, NEVER, OutboxEntry, Record, StoreError, Transaction};

/// The merchants whose notifications are held. This survives a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holds {
    /// Whether the notifications of all merchants are held.
    pub all: bool,
    /// These merchants, in addition.
    pub merchants: BTreeSet<String>,
}

/// A sentence for people; empty where nothing is held.
impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mchids = self.merchants.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (self.all, &*mchids) {
            (true, _) => f.write_str("the notifications of all merchants are held until they are released"),
            (false, "") => Ok(()),
            (false, mchids) => write!(f, "the notifications of {mchids} are held until they are released"),
        }
    }
}

impl Record for Holds {
    const KIND: &'static str = "notification holds";

    fn key(&self) -> String {
        KEY.to_owned()
    }
}

const KEY: &str = "holds";

impl Holds {
    /// Whether any notifications are held.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.all || !self.merchants.is_empty()
    }

    pub(crate) fn read(tx: &Transaction<'_>) -> Result<Self, StoreError> {
        Ok(tx.get(KEY)?.unwrap_or_default())
    }

    fn has(&self, mchid: &str) -> bool {
        self.all || self.merchants.contains(mchid)
    }
}

/// The time at which something is due for the outbox: never, if its merchant is held.
pub(super) fn due(tx: &Transaction<'_>, mchid: &str, due: i64) -> Result<(i64, bool), StoreError> {
    let is_held = Holds::read(tx)?.has(mchid);
    Ok((if is_held { held(due) } else { due }, is_held))
}

/// The time at which something is due while it is held.
pub(super) fn held(due: i64) -> i64 {
    if due > LATEST { due } else { due.saturating_add(NEVER) }
}

/// Everything that waits, the oldest first.
fn waiting(tx: &Transaction<'_>) -> Result<Vec<OutboxEntry>, StoreError> {
    let mut waiting = tx.outbox_due(i64::MAX, usize::MAX)?;
    waiting.sort_by_key(|entry| entry.number);
    Ok(waiting)
}

/// Holds the notifications of a merchant, or of all. How many wait.
pub(super) fn hold(tx: &Transaction<'_>, mchid: Option<&str>) -> Result<usize, StoreError> {
    let mut holds = Holds::read(tx)?;
    match mchid {
        None => holds.all = true,
        Some(mchid) => drop(holds.merchants.insert(mchid.to_owned())),
    }
    tx.save(&holds)?;
    let mut count = 0;
    for entry in waiting(tx)?.into_iter().filter(|entry| holds.has(&entry.mchid)) {
        // What is closed is there only until the node that delivers it now has ended.
        let Some(mut kept) = record::of_entry(tx, &entry)?.filter(|kept| !kept.is_closed()) else { continue };
        count += 1;
        // The node that delivers it now.
        tx.change_due(&entry, held(entry.due))?;
        if kept.state != NotificationState::Held {
            (kept.state, kept.due) = (NotificationState::Held, None);
            tx.save(&kept)?;
        }
    }
    Ok(count)
}

/// Ends the holding for a merchant, or for all, and gives what was held, the oldest first. `due` says when each is due now,
/// from when it was.
pub(super) fn release(
    tx: &Transaction<'_>,
    mchid: Option<&str>,
    due: impl Fn(i64) -> i64,
) -> Result<Vec<Notification>, StoreError> {
    let mut holds = Holds::read(tx)?;
    match mchid {
        None => holds = Holds::default(),
        Some(mchid) => drop(holds.merchants.remove(mchid)),
    }
    tx.save(&holds)?;
    let mut released = Vec::new();
    for entry in waiting(tx)?.into_iter().filter(|entry| !holds.has(&entry.mchid)) {
        let is_put_off = entry.due > LATEST;
        let Some(mut kept) = record::of_entry(tx, &entry)? else { continue };
        if kept.is_closed() {
            tx.remove_from_outbox(&entry)?;
            continue;
        }
        if !is_put_off && kept.state != NotificationState::Held {
            continue;
        }
        let due = due(if is_put_off { entry.due - NEVER } else { entry.due });
        tx.change_due(&entry, due)?;
        (kept.state, kept.due) = (NotificationState::Waiting, Some(due));
        tx.save(&kept)?;
        released.push(kept);
    }
    Ok(released)
}
