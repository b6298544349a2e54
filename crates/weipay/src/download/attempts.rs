//! The attempts of one download. It changes nothing at the platform, so it may be repeated whenever what was written can be taken
//! back: before the first byte, or where the file is started again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use crate::core::{Core, MAX_TIMEOUT};
use crate::error::Error;
use crate::retry::{Attempt, Ending, Repeatable, Retries, SoFar};
use crate::transport::out_of_time;

pub(super) struct Attempts<'a> {
    core: &'a Core,
    retries: Retries,
    began: Duration,
    limit: Duration,
    waited: Duration,
    ended: Vec<Attempt>,
}

impl<'a> Attempts<'a> {
    pub(super) fn begin(core: &'a Core, retries: Option<Retries>, limit: Duration) -> Self {
        let retries = retries.unwrap_or(core.delivery.retries);
        let began = core.delivery.timer.now();
        let limit = limit.min(MAX_TIMEOUT);
        Self { core, retries, began, limit, waited: Duration::ZERO, ended: Vec::new() }
    }

    /// How much of the time limit is left for the next attempt.
    ///
    /// # Errors
    ///
    /// If nothing is.
    pub(super) fn left(&self) -> Result<Duration, Error> {
        match self.limit.saturating_sub(self.elapsed()) {
            Duration::ZERO => Err(out_of_time().into()),
            left => Ok(left),
        }
    }

    /// How long to wait before another attempt; the error if there is none. `can_restart` says whether what was written can be
    /// taken back.
    pub(super) fn after(&mut self, error: Error, can_restart: bool) -> Result<Duration, Error> {
        let is_retryable = error.is_retryable();
        let ending = match Ending::from_error(&error, (self.core.clock)()) {
            _ if !can_restart => Ending::Final,
            // A damaged file, or one that is not the announced one.
            Ending::Final if is_retryable => Ending::Open { retry_after: None },
            ending => ending,
        };
        let so_far = SoFar {
            attempts: u32::try_from(self.ended.len() + 1).unwrap_or(u32::MAX),
            elapsed: self.elapsed(),
            limit: self.limit,
            repeat: Repeatable::Yes,
        };
        self.ended.push(Attempt::from_error(&error, self.waited, None));
        if let Some(wait) = self.retries.wait(ending, &so_far, RandomState::new().build_hasher().finish())
            && self.core.delivery.budget.take()
        {
            self.waited = wait;
            return Ok(wait);
        }
        let ended = std::mem::take(&mut self.ended);
        // An error after one attempt tells the same as that.
        Err(if ended.len() > 1 { error.after(ended) } else { error })
    }

    fn elapsed(&self) -> Duration {
        self.core.delivery.timer.now().saturating_sub(self.began)
    }
}
