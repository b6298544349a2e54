//! The attempts of one call: each is prepared, judged, and perhaps followed by another. Both modes go through the same steps and
//! wait between them in their own way.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::core::{Core, Prepared};
use crate::error::Error;
use crate::failover::{BACKUP, Host, Hosts};
use crate::request::Request;
use crate::response::RawResponse;
use crate::retry::{Attempt, Budget, Ending, Repeatable, Retries, RetryPolicy, SoFar, SystemTimer, Timer};
use crate::upload::Payload;

/// How a client delivers calls.
pub(crate) struct DeliverySettings {
    pub(crate) retries: Retries,
    /// What chooses the waits in place of `retries`.
    pub(crate) policy: Option<Arc<dyn RetryPolicy>>,
    /// Whether calls may go to the backup host.
    pub(crate) failover: bool,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) budget: Budget,
    pub(crate) hosts: Hosts,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            retries: Retries::default(),
            policy: None,
            failover: true,
            timer: Arc::new(SystemTimer::default()),
            budget: Budget::default(),
            hosts: Hosts::default(),
        }
    }
}

/// A call on its way.
pub(crate) struct Delivery<'a> {
    core: &'a Core,
    request: &'a Request,
    retries: Retries,
    began: Duration,
    limit: Duration,
    /// Whether the call may go to the backup host.
    failover: bool,
    host: Host,
    waited: Duration,
    /// The attempts that ended. A call with one attempt keeps none: its outcome tells the same.
    attempts: Vec<Attempt>,
}

/// What follows an attempt.
pub(crate) enum Next {
    /// The call has ended.
    End(Result<RawResponse, Error>),
    /// Another attempt, after a wait.
    Again(Duration),
}

impl<'a> Delivery<'a> {
    /// A call that began at this time of the timer.
    pub(crate) fn begin(core: &'a Core, request: &'a Request, began: Duration) -> Self {
        let settings = &core.delivery;
        let retries = request.retries.unwrap_or(settings.retries);
        let failover = core.has_backup(request, retries);
        let host = if failover { settings.hosts.choose(settings.timer.now(), None) } else { Host::Main };
        let limit = core.timeout(request);
        Self {
            core,
            request,
            retries,
            began,
            limit,
            failover,
            host,
            waited: Duration::ZERO,
            attempts: Vec::new(),
        }
    }

    /// The request of the next attempt, prepared and signed anew, and how long it may take.
    pub(crate) fn prepare(&self) -> Result<(Prepared<Payload>, Duration), Error> {
        let prepared = self.core.prepare(self.request, self.host)?;
        Ok((prepared, self.limit.saturating_sub(self.elapsed())))
    }

    fn elapsed(&self) -> Duration {
        self.core.delivery.timer.now().saturating_sub(self.began)
    }

    /// Judges an attempt.
    pub(crate) fn next(&mut self, outcome: Result<RawResponse, Error>) -> Next {
        let settings = &self.core.delivery;
        let has_failed =
            self.failover && settings.hosts.note(self.host, outcome.as_ref().err(), settings.timer.now());
        let is_first = self.attempts.is_empty();
        if is_first && outcome.as_ref().is_err_and(Error::is_request) {
            return Next::End(outcome);
        }
        let ending = Ending::of(&outcome, (self.core.clock)());
        if is_first && ending == Ending::Final && outcome.is_ok() {
            settings.budget.refill();
            if self.host == Host::Main {
                return Next::End(outcome);
            }
        }
        let backup_host = (self.host == Host::Backup).then_some(BACKUP);
        self.attempts.push(Attempt::of(&outcome, self.waited, backup_host));
        match self.wait(ending) {
            Some(wait) if settings.budget.take() => {
                self.waited = wait;
                if self.failover {
                    let failed = has_failed.then_some(self.host);
                    self.host = settings.hosts.choose(settings.timer.now() + wait, failed);
                }
                Next::Again(wait)
            }
            _ => Next::End(self.end(outcome)),
        }
    }

    /// How long to wait for another attempt, if there may be one.
    fn wait(&self, ending: Ending) -> Option<Duration> {
        if ending == Ending::Final {
            return None;
        }
        let so_far = SoFar {
            attempts: u32::try_from(self.attempts.len()).unwrap_or(u32::MAX),
            elapsed: self.elapsed(),
            limit: self.limit,
            repeat: Repeatable::of_request(self.request),
        };
        match (&self.core.delivery.policy, self.request.retries) {
            // What was asked for this one call stands above the client's policy.
            (Some(policy), None) => {
                so_far.wait_by(&**policy, ending, self.attempts.last()?, self.request.operation)
            }
            _ => self.retries.wait(ending, &so_far, RandomState::new().build_hasher().finish()),
        }
    }

    /// Tells the outcome what became of all attempts.
    fn end(&mut self, outcome: Result<RawResponse, Error>) -> Result<RawResponse, Error> {
        let attempts = std::mem::take(&mut self.attempts);
        match outcome {
            Ok(mut response) => {
                response.attempts = attempts;
                Ok(response)
            }
            Err(error) => Err(error.after(attempts)),
        }
    }
}
