//! The attempts of one download. It changes nothing at the platform, so it may be repeated whenever what was written can be taken
//! back: before the first byte, or where the file is started again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use crate::core::{Core, MAX_TIMEOUT};
use crate::error::Error;
use crate::failover::{AskedWaits, Host};
use crate::request::Request;
use crate::retry::{Attempt, Ending, Repeatable, Retries, SoFar};
use crate::transport::out_of_time;

pub(super) struct Attempts<'a> {
    core: &'a Core,
    retries: Retries,
    began: Duration,
    limit: Duration,
    waited: Duration,
    ended: Vec<Attempt>,
    /// Whether it may go to the backup host. An address has its host in it.
    failover: bool,
    host: Host,
    asked: AskedWaits,
}

impl<'a> Attempts<'a> {
    /// `call` is the one whose response the file is, if it is one.
    pub(super) fn begin(
        core: &'a Core,
        call: Option<&Request>,
        retries: Option<Retries>,
        limit: Duration,
    ) -> Self {
        let retries = retries.unwrap_or(core.delivery.retries);
        let began = core.delivery.timer.now();
        let limit = limit.min(MAX_TIMEOUT);
        let failover = call.is_some_and(|call| core.has_backup(call, retries));
        let host = if failover { core.delivery.hosts.choose(began, None, true) } else { Host::Main };
        let asked = AskedWaits::default();
        Self { core, retries, began, limit, waited: Duration::ZERO, ended: Vec::new(), failover, host, asked }
    }

    /// Where the next attempt is sent.
    pub(super) fn host(&self) -> Host {
        self.host
    }

    /// The file came.
    pub(super) fn succeeded(&self) {
        if self.failover {
            self.core.delivery.hosts.note(self.host, None, self.core.delivery.timer.now());
        }
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
        let (hosts, now) = (&self.core.delivery.hosts, self.core.delivery.timer.now());
        let has_failed = self.failover && hosts.note(self.host, Some(&error), now);
        let backup_host = self.core.backup_host(self.host);
        self.ended.push(Attempt::from_error(&error, self.waited, backup_host));
        let ending = if has_failed { self.asked.move_on(self.host, ending, now) } else { ending };
        if let Some(wait) = self.retries.wait(ending, &so_far, RandomState::new().build_hasher().finish()) {
            let is_other_open = || hosts.is_open(self.host.other(), now);
            let is_first_elsewhere =
                self.ended.len() == 1 && has_failed && (ending == Ending::NotSent || is_other_open());
            if is_first_elsewhere || self.core.delivery.budget.take() {
                if self.failover && (has_failed || !self.asked.has_asked(self.host.other(), now + wait)) {
                    self.host = hosts.choose(now + wait, has_failed.then_some(self.host), true);
                }
                self.waited = wait;
                return Ok(wait);
            }
        }
        let ended = std::mem::take(&mut self.ended);
        // An error after one attempt tells the same as that.
        Err(if ended.len() > 1 { error.after(ended) } else { error })
    }

    fn elapsed(&self) -> Duration {
        self.core.delivery.timer.now().saturating_sub(self.began)
    }
}
