//! Notifications (回调通知): what waits in the outbox is posted to its receiver until the receiver acknowledges it, or the retry
//! table of its event ends.
//!
//! | file | what is in it |
//! |---|---|
//! | `sender` | what is due, and the attempts |
//! | `claim` | what this node has claimed, and until when |
//! | `outcome` | whether an attempt is still to be made, when the next one is due, and what is kept |
//! | `message` | the body and its signature, made for each attempt |
//! | `lookup` | looking up the names of receivers |
//! | `address` | where a `notify_url` leads, and which addresses may be called |
//! | `receiver` | one POST with its limits |
//! | `connections` | connections that stay open for the next one |
//! | `acknowledgement` | what a response means |
//! | `record` | what is kept of a notification and its attempts |
//! | `hold` | notifications that wait until they are released |
//! | `on_demand` | what a developer does to them |
//! | `release` | holding them, and releasing them in a certain order |
//! | `trigger` | one notification of any event: a sample, or of an order that the sandbox has |
//!
//! Where several nodes use one store, the database says who delivers: a node claims what is due for a time that is
//! longer than an attempt takes, and only the holder of the claim may store the result. A claim expires if its node
//! dies.
//!
//! A delivery that was acknowledged, and whose acknowledgement could not be kept because the process ended, is
//! repeated after the restart: a notification arrives at least once, and receivers recognize a duplicate by its `id`.
//! After its acknowledgement was committed it is sent again only on demand.

mod acknowledgement;
pub(crate) mod address;
mod claim;
mod connections;
pub(crate) mod event_name;
pub(crate) mod hold;
mod lookup;
mod message;
pub(crate) mod on_demand;
mod outcome;
mod receiver;
pub(crate) mod record;
pub(crate) mod release;
mod sender;
pub(crate) mod trigger;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{OutboxEntry, StoreError, Transaction};
pub(crate) use receiver::Receivers;
pub(crate) use sender::Sender;

/// The state that all deliveries of a platform share.
#[derive(Default)]
pub(crate) struct Deliveries {
    receivers: Receivers,
    /// Whether a body that says `FAIL` makes a status 2xx a failure.
    reads_bodies: bool,
    under_way: Mutex<UnderWay>,
}

/// The attempts that are being made.
#[derive(Default)]
struct UnderWay {
    /// The numbers of their notifications, and where they go.
    receivers: HashMap<i64, String>,
    /// Whether something may be due that found no slot: the end of an attempt makes room for it.
    is_waited_for: bool,
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deliveries")
    }
}

impl Deliveries {
    pub(crate) fn new(receivers: Receivers, reads_bodies: bool) -> Self {
        Self { receivers, reads_bodies, ..Self::default() }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a new notification beside its entry of the outbox, which is never due while its merchant is held.
pub(crate) fn keep_new(tx: &Transaction<'_>, entry: &mut OutboxEntry) -> Result<(), StoreError> {
    let (due, is_held) = hold::due(tx, &entry.mchid, entry.due)?;
    record::add(tx, entry, is_held)?;
    entry.due = due;
    Ok(())
}
