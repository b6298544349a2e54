//! Two counters that detect a reset or a restore. Both are in the database, so that they also work across nodes.
//!
//! **Generation: inside a transaction.** Work on a state must use the time of that state. A reset or a restore waits
//! for the requests of its own node, but not for those of other nodes, and a restore sets the clock of all nodes. So
//! each transaction reads the generation with its `BEGIN`. If it differs from the generation under which the clock
//! was read, the transaction is abandoned, the clock is read again, and the work is retried. A transaction that was
//! open meanwhile is aborted by the database, because it has read the generation, and is retried in the same way.
//!
//! **Epoch (世代): outside of a transaction.** A reset and a restore begin the next one. Work that continues outside
//! of a transaction, such as a delivery, remembers the epoch in which it began. If the epoch has changed, its result
//! is discarded: the new state may use the same numbers for other things.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Platform;
use crate::reasons;
use crate::store::{Record, StoreError, Transaction};

/// How often work is tried. More would mean that the state is replaced all the time.
const MAX_TRIES: u32 = 50;
/// How long to wait while a change of the clock on this node is being stored.
const LOOK: Duration = Duration::from_millis(10);

/// A time, and the generation of its state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(super) generation: i64,
    pub(crate) now: i64,
}

/// The result of work on the state of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InState<T> {
    Done(T),
    /// Nothing was done: another node has replaced the state by that of this generation, in which another time counts.
    Replaced {
        generation: i64,
    },
}

impl Moment {
    /// Works on the state of the moment, in a transaction that has read its generation.
    pub(super) fn work_on<T, E>(
        self,
        tx: &Transaction<'_>,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<InState<T>, E> {
        match tx.generation() {
            generation if generation == self.generation => work().map(InState::Done),
            generation => Ok(InState::Replaced { generation }),
        }
    }
}

impl Platform {
    /// The generation that this node knows. It is read before the clock: then the clock may be that of a later
    /// generation, but never of an earlier one.
    pub(crate) fn generation(&self) -> i64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The time of the state of this generation.
    pub(crate) fn moment(&self, generation: i64) -> Moment {
        Moment { generation, now: self.clock.now() }
    }

    /// Runs work in one transaction, on the state of the moment. If the state was replaced, on the new one, at its
    /// time.
    pub(crate) fn transaction_at<T, E: From<StoreError>>(
        &self,
        mut moment: Moment,
        mut work: impl FnMut(&Transaction<'_>, i64) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..MAX_TRIES {
            match self.store.transaction(|tx| moment.work_on(tx, || work(tx, moment.now)))? {
                InState::Done(done) => return Ok(done),
                InState::Replaced { generation } => moment = self.adopt_generation(generation)?,
            }
        }
        Err(StoreError::Conflict(reasons::STATE_IS_EXCHANGED.to_owned()).into())
    }

    /// Takes over a generation that another node has begun, with its clock.
    pub(super) fn adopt_generation(&self, generation: i64) -> Result<Moment, StoreError> {
        match self.take_over_clock()? {
            // Only after the clock: a thread that reads the generation and then the clock must not get the old time.
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
    /// The current epoch.
    pub(crate) fn current(tx: &Transaction<'_>) -> Result<Self, StoreError> {
        Ok(tx.get(EPOCH)?.unwrap_or_default())
    }

    /// Begins the next epoch.
    pub(crate) fn begin_next(tx: &Transaction<'_>) -> Result<(), StoreError> {
        let Self(number) = Self::current(tx)?;
        tx.save(&Self(number.wrapping_add(1)))
    }
}
