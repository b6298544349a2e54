//! Which state it is that work belongs to: by its generation inside a transaction, by its epoch (世代) outside of one.
//!
//! **Generation: one time for one state.** What is done to the state is done at its own time, also while another node exchanges it.
//! A reset or a restore waits for the requests of its own node. Those of other nodes it cannot wait for, and
//! a restore sets the clock of all nodes. So every transaction knows by its generation which state it works
//! on. If it is another one than that of which the clock was asked, nothing is done, the clock is asked
//! again, and the work begins anew. A transaction that was open meanwhile is refused by the database, since
//! it has read the generation, and comes here too.
//!
//! **Epoch: in which state something was read.** A reset and a restored snapshot begin the next one. Work that goes on outside of a
//! transaction, such as a delivery, remembers the epoch in which it began. What it comes to belongs to the state that was, and
//! changes nothing in the one that took its place, even where everything has the same numbers. The epoch stands in the database: so
//! it also counts for what the other nodes of a shared database do.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Platform;
use crate::reasons;
use crate::store::{Record, StoreError, Transaction};

/// How often work starts again. One more would mean that somebody restores as fast as that.
const MAX_TRIES: u32 = 50;
/// How long a move of the clock on this node, which is being kept, is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// A time, and the generation of the state of which it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(super) generation: i64,
    pub(crate) now: i64,
}

impl Platform {
    /// The generation that this node knows. It is asked before the clock, which may follow another one then,
    /// but never stay behind.
    pub(crate) fn generation(&self) -> i64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The time of the state of this generation.
    pub(crate) fn moment(&self, generation: i64) -> Moment {
        Moment { generation, now: self.clock.now() }
    }

    /// Does work in one transaction, on the state of which the time is; if that is gone, on the one in its
    /// place, at its own time.
    pub(crate) fn at_one_time<T, E: From<StoreError>>(
        &self,
        mut moment: Moment,
        mut work: impl FnMut(&Transaction<'_>, i64) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..MAX_TRIES {
            let done = self.store.transaction(|tx| match tx.generation() {
                generation if generation == moment.generation => work(tx, moment.now).map(Ok),
                other => Ok(Err(other)),
            })?;
            match done {
                Ok(done) => return Ok(done),
                Err(generation) => moment = self.moment_of(generation)?,
            }
        }
        Err(StoreError::Conflict(reasons::STATE_IS_EXCHANGED.to_owned()).into())
    }

    /// Goes on with a generation that another node has begun: by its clock.
    pub(super) fn moment_of(&self, generation: i64) -> Result<Moment, StoreError> {
        match self.take_over_clock()? {
            // Only now: who asks for the generation and then for the clock must not get the time before.
            Some(_) => self.generation.store(generation, Ordering::Release),
            None => thread::sleep(LOOK),
        }
        Ok(self.moment(self.generation()))
    }
}

/// The epoch of the state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch(i64);

/// The kind of the record, which neither a reset nor a snapshot takes away.
pub(super) const EPOCH: &str = "epoch of the state";

impl Record for Epoch {
    const KIND: &'static str = EPOCH;

    fn key(&self) -> String {
        EPOCH.to_owned()
    }
}

impl Epoch {
    /// The one that it is.
    pub(crate) fn current(tx: &Transaction<'_>) -> Result<Self, StoreError> {
        Ok(tx.get(EPOCH)?.unwrap_or_default())
    }

    /// Begins the next one.
    pub(crate) fn begin_next(tx: &Transaction<'_>) -> Result<(), StoreError> {
        let Self(number) = Self::current(tx)?;
        tx.save(&Self(number.wrapping_add(1)))
    }
}
