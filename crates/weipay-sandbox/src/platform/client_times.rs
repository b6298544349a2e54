//! By which clock the client of each merchant signs, where the sandbox's clock shows another time than the
//! machine's: notifications are signed by the same. It is found out by requests. It is written only where it
//! changes, and so also known after a restart, and to the other nodes of a shared database.

use serde::{Deserialize, Serialize};

use super::{Platform, Task};
use crate::clock::{ClockControl, ClockMode};
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction};

/// The last request of the client of one merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ClientTime {
    mchid: String,
    is_at_machine_time: bool,
}

/// The kind of the records, which neither a reset nor a snapshot takes away: they tell of programs, not of what these did.
pub(super) const CLIENT_TIME: &str = "time of a client";

impl Record for ClientTime {
    const KIND: &'static str = CLIENT_TIME;

    fn key(&self) -> String {
        self.mchid.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        // One value, so that all can be found.
        vec![IndexEntry::new("all", "")]
    }
}

/// Tells a clock what the state knows of clients.
pub(crate) fn tell_clock(tx: &Transaction<'_>, clock: &ClockControl) -> Result<(), StoreError> {
    // There is one for each merchant at most.
    let all = Page { offset: 0, limit: i64::MAX };
    for known in tx.find::<ClientTime>(&[IndexRange::equal("all", "")], all)? {
        clock.set_client(&known.mchid, known.is_at_machine_time);
    }
    Ok(())
}

impl Platform {
    /// Keeps what was learnt of the client of a merchant.
    pub(crate) fn keep_client_time(&self, mchid: &str, is_at_machine_time: bool) {
        let known = ClientTime { mchid: mchid.to_owned(), is_at_machine_time };
        let kept = self.store.transaction(|tx| match tx.get_to_replace::<ClientTime>(mchid)? {
            Some(kept) if kept == known => Ok(()),
            _ => tx.save(&known),
        });
        // What is not kept is only not known after a restart and to other nodes. It is told.
        let _ = self.watched(Task::KeepClock, kept);
    }

    /// [`ClockControl::time_of_signatures`], after another node may have served the client: it looks into a shared database.
    pub(crate) fn refresh_time_of_signatures(&self, mchid: &str) -> i64 {
        if self.store.is_shared()
            && self.clock.mode() != ClockMode::Real
            && let Ok(Some(known)) = self.watched(Task::FollowClock, self.store.peek::<ClientTime>(mchid))
        {
            // Another node may have served the client.
            self.clock.set_client(mchid, known.is_at_machine_time);
        }
        self.clock.time_of_signatures(mchid)
    }
}
