//! Scheduled work: what the clock does without a request.

use std::panic::{self, AssertUnwindSafe};
use std::sync::PoisonError;

use super::generation::InState;
use super::{Epoch, Moment, Platform, Task};
use crate::gate::Replays;
use crate::log::LogEntry;
use crate::people;
use crate::products::{self, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Due, LATEST, StoreError, Transaction};

/// Maximum number of entries in one tick; the next tick does the others.
const MAX_DUE_AT_ONCE: usize = 10_000;

/// How often a tick starts again because another node has exchanged the state.
const MAX_TRIES: u32 = 3;

/// How many entries that one tick puts aside are logged one by one; the others share one line.
const MAX_TOLD: usize = 20;

/// Records that a reset keeps: merchants have kits on disk, and the clock is the developer's.
pub(super) const KEPT: [&str; 7] = [
    crate::merchants::KIND,
    crate::kit::shared::KIND,
    super::events::CLOCK,
    super::client_times::CLIENT_TIME,
    super::generation::EPOCH,
    super::seeded_starts::SEEDED_STARTS,
    crate::people::SEEDED_PERSON,
];

impl Platform {
    /// Deletes all records, and starts the seeded sequence of numbers again. Merchants, their kits and the people of
    /// the seed file stay.
    ///
    /// # Errors
    ///
    /// If the database fails; then nothing was deleted.
    pub fn reset(&self) -> Result<(), StoreError> {
        let _alone = self.state_lock.write().unwrap_or_else(PoisonError::into_inner);
        self.store.transaction(|tx| {
            let given = tx.given_numbers()?;
            tx.clear(&KEPT)?;
            tx.go_on_after(given)?;
            Epoch::begin_next(tx)?;
            people::add_seeded_again(tx)
        })?;
        self.replays.iter().for_each(Replays::clear);
        self.entropy.restart(!self.store.is_shared());
        Ok(())
    }

    /// Runs the work that is due at `now`; returns the number of entries that were done. The server calls this every
    /// second, and a [clock that is controlled](crate::ClockControl) whenever it is moved. An entry with a temporary error stays due;
    /// one with a permanent error, or one that a rule refuses, is put aside and logged. Neither stops the others.
    ///
    /// # Errors
    ///
    /// If the database fails. This is also logged.
    pub fn tick(&self, now: i64) -> Result<usize, StoreError> {
        // Another node may have moved the clock.
        let is_moved = self.watched(Task::FollowClock, self.follow_clock()).unwrap_or_default();
        self.do_what_is_due(if is_moved { self.clock.now() } else { now })
    }

    /// [`tick`](Self::tick) without reading the stored clock of other nodes first.
    pub(crate) fn do_what_is_due(&self, now: i64) -> Result<usize, StoreError> {
        self.watched(Task::Clock, self.do_all_that_is_due(now.min(LATEST)))
    }

    fn do_all_that_is_due(&self, now: i64) -> Result<usize, StoreError> {
        let generation = self.generation();
        // What a node that is ahead has said to this one may be of a state that is gone.
        let now = if self.store.is_shared() { now.min(self.clock.now()) } else { now };
        let _state_guard = self.state_lock.read().unwrap_or_else(PoisonError::into_inner);
        self.store.look_at_outbox();
        // A failure is retried by the next tick.
        let _ = self.watched(Task::Merchants, self.look_at_merchants());
        if !self.store.is_anything_due(now)? {
            return Ok(0);
        }
        let mut moment = Moment { generation, now };
        let mut done = 0;
        for _ in 0..MAX_TRIES {
            match self.do_due_in(moment, &mut done)? {
                InState::Done(()) => return Ok(done),
                InState::Replaced { generation } => moment = self.adopt_generation(generation)?,
            }
        }
        // The next tick does it.
        Err(StoreError::Conflict(reasons::STATE_IS_EXCHANGED.to_owned()))
    }

    /// Does what is due in the state of a moment.
    fn do_due_in(&self, moment: Moment, done: &mut usize) -> Result<InState<()>, StoreError> {
        let (mut failed, mut last, mut put_aside, mut end) = (None, None, Vec::new(), InState::Done(()));
        for _ in 0..MAX_DUE_AT_ONCE {
            let due = match self.next_due(moment, last.as_ref())? {
                InState::Done(Some(due)) => due,
                InState::Done(None) => break,
                InState::Replaced { generation } => {
                    end = InState::Replaced { generation };
                    break;
                }
            };
            match self.do_due(&due, moment.generation) {
                Ok(is_done) => {
                    *done += usize::from(is_done);
                    self.background.forget_failures(&due);
                }
                Err(error) => match self.failed(&due, without_refusal(&due, error)) {
                    Ok(told) => put_aside.extend(told),
                    Err(error) => failed = Some(error),
                },
            }
            last = Some(due);
        }
        let untold = put_aside.len().saturating_sub(MAX_TOLD);
        put_aside.into_iter().take(MAX_TOLD).for_each(|line| self.tell(line));
        if untold > 0 {
            let reason = format!("{untold} more were put aside; `weipay sandbox clock put-aside` lists them");
            self.tell(LogEntry::background("what-was-due", &reason));
        }
        failed.map_or(Ok(end), Err)
    }

    /// The next scheduled work.
    fn next_due(&self, moment: Moment, last: Option<&Due>) -> Result<InState<Option<Due>>, StoreError> {
        self.store.transaction(|tx| moment.work_on(tx, || tx.next_due(moment.now, last)))
    }

    /// Runs one entry, in one transaction. Returns whether it was still to be done: in another state it may be early.
    fn do_due(&self, due: &Due, generation: i64) -> Result<bool, HandlerError> {
        let handler = products::due_handler(self.products, &due.kind).ok_or_else(|| {
            StoreError::Internal(format!("no product handles due entries of the kind {}", due.kind))
        })?;
        let work = |tx: &Transaction<'_>| {
            // First, so that the handler may let the same thing fall due again.
            let is_there = tx.generation() == generation && tx.unschedule(due)?;
            if is_there {
                handler(tx, &due.key, due.at)?;
            }
            Ok(is_there)
        };
        // A handler that panics must not end the tick, and with it everything that is due later. Its transaction is taken back.
        panic::catch_unwind(AssertUnwindSafe(|| self.store.transaction(work))).unwrap_or_else(|_| {
            Err(StoreError::Internal(format!("the handler of {} panicked", due.kind)).into())
        })
    }
}

/// There is no caller to refuse. What a rule refuses although it was scheduled must not disappear: money may wait for it.
fn without_refusal(due: &Due, error: HandlerError) -> StoreError {
    match error {
        HandlerError::Failed(error) => error,
        HandlerError::Refused(Refusal { reason, message, .. }) => {
            StoreError::Internal(format!("{} was refused: {}", due.kind, reason.unwrap_or(message)))
        }
    }
}
