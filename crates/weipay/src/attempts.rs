//! The attempts of a call, a download or a fetch of certificates: whether another one follows, at which host, and after which
//! wait. What the three differ in is their [`Plan`]. Each of them makes its attempts itself, because only it knows how.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::core::Core;
use crate::error::Error;
use crate::failover::{Host, HostStatus, Hosts, RetryAfterPerHost, WORTH_AN_ATTEMPT};
use crate::operation::Operation;
use crate::retry::{
    Attempt, AttemptOutcome, Budget, Progress, Repeatable, RetryClass, RetryConfig, RetryPolicy, SystemTimer,
    Timer,
};
use crate::transport::{ConnectTimeout, out_of_time};

/// How a client makes attempts, and what those of all its calls share.
pub(crate) struct DeliverySettings {
    pub(crate) retries: RetryConfig,
    /// The policy that chooses the delays in place of `retries`.
    pub(crate) policy: Option<Arc<dyn RetryPolicy>>,
    /// Whether calls may go to the backup host.
    pub(crate) failover: bool,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) budget: Budget,
    pub(crate) hosts: Mutex<Hosts>,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            retries: RetryConfig::default(),
            policy: None,
            failover: true,
            timer: Arc::new(SystemTimer::default()),
            budget: Budget::default(),
            hosts: Mutex::default(),
        }
    }
}

/// The settings for the attempts of one call, download or fetch.
pub(crate) struct Plan<'a> {
    pub(crate) retries: RetryConfig,
    /// The policy that chooses the delays in place of `retries`.
    pub(crate) policy: Option<&'a dyn RetryPolicy>,
    pub(crate) operation: Option<&'static Operation>,
    /// Whether the request may arrive twice.
    pub(crate) repeat: Repeatable,
    /// Whether it may go to the backup host.
    pub(crate) has_backup: bool,
    /// Whether a first attempt that stays silent ends early enough for one at the other host.
    pub(crate) shares_time: bool,
    /// Whether another attempt follows a first signature probe, whatever `retries` and the budget are.
    pub(crate) passes_probe: bool,
    /// When it began, by the timer, and how long it may take.
    pub(crate) began: Duration,
    pub(crate) limit: Duration,
    /// How long of that the caller waits for the outcome. A fetch of certificates continues without it.
    pub(crate) caller_limit: Duration,
}

/// How long the exchange of one attempt may take.
pub(crate) struct ExchangeLimits {
    pub(crate) whole: Duration,
    /// How long it may take of that to make a connection.
    connecting: Option<Duration>,
}

impl ExchangeLimits {
    /// Tells the transport what of the limits its time limit does not.
    pub(crate) fn tell<B>(&self, request: &mut http::Request<B>) {
        if let Some(limit) = self.connecting {
            request.extensions_mut().insert(ConnectTimeout(limit));
        }
    }
}

pub(crate) struct Attempts<'a> {
    core: &'a Core,
    plan: Plan<'a>,
    host: Host,
    retry_after: RetryAfterPerHost,
    /// The wait before the attempt that is made now.
    waited: Duration,
    /// Those that ended. What succeeds at once keeps none, nor does what could not be prepared: the outcome tells the same.
    ended: Vec<Attempt>,
}

impl<'a> Attempts<'a> {
    pub(crate) fn begin(core: &'a Core, plan: Plan<'a>) -> Self {
        let (retry_after, waited, ended) = (RetryAfterPerHost::default(), Duration::ZERO, Vec::new());
        let mut attempts = Self { core, plan, host: Host::Main, retry_after, waited, ended };
        if attempts.plan.has_backup {
            let (now, may_probe) = (attempts.now(), attempts.may_be_repeated());
            let left = attempts.plan.limit.saturating_sub(now.saturating_sub(attempts.plan.began));
            let time_for_both = if attempts.plan.shares_time { left } else { Duration::ZERO };
            attempts.host = attempts.hosts().choose_first(time_for_both, now, may_probe);
        }
        attempts
    }

    /// Where the next attempt is sent.
    pub(crate) fn host(&self) -> Host {
        self.host
    }

    /// How much of the time limit is left for the next attempt.
    ///
    /// # Errors
    ///
    /// If nothing is.
    pub(crate) fn left(&self) -> Result<Duration, Error> {
        match self.plan.limit.saturating_sub(self.elapsed()) {
            Duration::ZERO => Err(out_of_time().into()),
            left => Ok(left),
        }
    }

    /// How long an exchange may take of the time that is left: all of it, unless the other host is going to be asked where this
    /// one is silent. Connecting is limited so for every call: nothing of it has left before there is a connection.
    pub(crate) fn exchange_limits(&self, left: Duration) -> ExchangeLimits {
        let is_first_of_two = self.plan.has_backup && self.ended.is_empty();
        if !is_first_of_two {
            return ExchangeLimits { whole: left, connecting: None };
        }
        // Before the lock: a program may have its own timer.
        let now = self.now();
        let shares_all = self.plan.shares_time && self.may_be_repeated();
        if shares_all && self.hosts().take_patient_turn(now) {
            return ExchangeLimits { whole: left, connecting: None };
        }
        let left_to_caller = left.min(self.plan.caller_limit.saturating_sub(self.elapsed()));
        let (whole, connecting) = {
            let hosts = self.hosts();
            let whole = |left| hosts.first_share(self.host, left, now);
            let connecting = |left| hosts.connect_share(self.host, left);
            // Where the caller has too little time for both hosts, the attempts may still have enough.
            let left = if left_to_caller < WORTH_AN_ATTEMPT * 2 { left } else { left_to_caller };
            (whole(left), connecting(left))
        };
        let silent = RetryClass::Unknown { retry_after: None };
        let whole = whole.filter(|share| shares_all && self.has_another_after(*share, silent));
        let connecting = connecting.filter(|share| self.has_another_after(*share, RetryClass::NotSent));
        ExchangeLimits { whole: whole.unwrap_or(left), connecting }
    }

    /// Whether a first attempt that took so long, and ended so, is followed by one at the other host. What a policy will say is
    /// not known, but no call waits longer for its answer because of that.
    fn has_another_after(&self, taken: Duration, class: RetryClass) -> bool {
        let progress =
            Progress { attempts: 1, elapsed: self.elapsed().saturating_add(taken), ..self.progress() };
        self.plan.policy.is_some() || self.plan.retries.longest_possible_wait(class, &progress).is_some()
    }

    /// Notes how an attempt ended: with a success of this status or with an error, and what follows from that. Gives how long to
    /// wait before another one; `None` if there is none.
    pub(crate) fn next(
        &mut self,
        outcome: Result<StatusCode, &Error>,
        class: RetryClass,
    ) -> Option<Duration> {
        let settings = &self.core.delivery;
        let now = self.now();
        let status = HostStatus::of(outcome.err());
        let has_failed = self.plan.has_backup && status.has_failed();
        if self.plan.has_backup {
            self.hosts().note(self.host, status, now);
        }
        let class = class.for_hosts(self.plan.has_backup);
        let is_first = self.ended.is_empty();
        let has_succeeded = outcome.is_ok() && class == RetryClass::Settled;
        if is_first && has_succeeded {
            settings.budget.refill();
        }
        let is_unsent = outcome.is_err_and(Error::is_request);
        if is_first && (is_unsent || has_succeeded && self.host == Host::Main) {
            return None;
        }
        let is_probed = |attempt: &Attempt| *attempt.outcome() == AttemptOutcome::SignatureProbe;
        let is_first_probe = class == RetryClass::Probe && !self.ended.iter().any(is_probed);
        self.ended.push(Attempt::from_outcome(outcome, self.waited, self.core.backup_host(self.host)));
        if is_first_probe && self.plan.passes_probe {
            self.waited = Duration::ZERO;
            return Some(Duration::ZERO);
        }
        let class = if has_failed { self.retry_after.pass_on(self.host, class, now) } else { class };
        let wait = self.wait(class)?;
        // The other host has got nothing of this. The budget does not keep it from there, unless that host fails as well.
        let is_other_available = || self.hosts().is_available(self.host.other(), now);
        let is_first_elsewhere =
            is_first && has_failed && (class == RetryClass::NotSent || is_other_available());
        if !is_first_elsewhere && !settings.budget.take() {
            return None;
        }
        // A host that responds is not left for one that has asked to wait.
        if self.plan.has_backup && (has_failed || !self.retry_after.must_wait(self.host.other(), now + wait))
        {
            // Call `choose` last: it may take the probe of a failed host, which no other call can take then.
            let (failed, may_probe) = (has_failed.then_some(self.host), self.may_be_repeated());
            self.host = self.hosts().choose(now + wait, failed, may_probe);
        }
        self.waited = wait;
        Some(wait)
    }

    /// The outcome of each attempt.
    pub(crate) fn into_ended(self) -> Vec<Attempt> {
        self.ended
    }

    /// How long to wait for another attempt, if there may be one.
    fn wait(&self, class: RetryClass) -> Option<Duration> {
        let progress = self.progress();
        match self.plan.policy {
            Some(policy) => progress.wait_by(policy, class, self.ended.last()?, self.plan.operation),
            None => self.plan.retries.wait(class, &progress, random()),
        }
    }

    fn progress(&self) -> Progress {
        let attempts = u32::try_from(self.ended.len()).unwrap_or(u32::MAX);
        Progress { attempts, elapsed: self.elapsed(), limit: self.plan.limit, repeat: self.plan.repeat }
    }

    /// Whether it may be sent again at once after it may have arrived.
    fn may_be_repeated(&self) -> bool {
        self.plan.repeat == Repeatable::Yes
    }

    fn now(&self) -> Duration {
        self.core.delivery.timer.now()
    }

    fn elapsed(&self) -> Duration {
        self.now().saturating_sub(self.plan.began)
    }

    fn hosts(&self) -> MutexGuard<'a, Hosts> {
        self.core.delivery.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A random number for the jitter of a wait. Each `RandomState` has keys of its own, so this takes no dependency.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use weipay_wire::{MerchantId, MerchantSerial, PrivateKey, PublicKeyId};

    use super::*;
    use crate::ClientBuilder;
    use crate::error::{ErrorKind, FileError};

    const LIMIT: Duration = Duration::from_secs(10);

    fn plan(has_backup: bool) -> Plan<'static> {
        Plan {
            retries: RetryConfig::default(),
            policy: None,
            operation: None,
            repeat: Repeatable::Yes,
            has_backup,
            shares_time: false,
            passes_probe: false,
            began: Duration::ZERO,
            limit: LIMIT,
            caller_limit: LIMIT,
        }
    }

    fn core() -> Core {
        let platform = PrivateKey::generate().unwrap();
        ClientBuilder::default()
            .mchid(MerchantId::new("1900007291").unwrap())
            .merchant_serial(MerchantSerial::new("408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB").unwrap())
            .merchant_key(PrivateKey::generate().unwrap())
            .public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap(), platform.public_key())
            .into_core(false)
            .unwrap()
    }

    /// On a network where connecting takes longer than half of the time, at both hosts.
    #[test]
    fn a_read_has_all_of_its_time_for_connecting_once_neither_host_connected_in_half_of_it() {
        let core = core();
        let read = || Attempts::begin(&core, Plan { shares_time: true, ..plan(true) });
        let share = |attempts: &Attempts<'_>| attempts.exchange_limits(LIMIT).whole;
        let slow = Error::from(crate::transport::timed_out(crate::error::Sent::No));
        let mut first = read();
        assert!(share(&first) <= LIMIT / 2);
        assert!(first.next(Err(&slow), RetryClass::NotSent).is_some());
        assert!(first.next(Err(&slow), RetryClass::NotSent).is_some());
        let [patient, other] = [read(), read()];
        assert!(share(&patient) == LIMIT && share(&other) <= LIMIT / 2);
    }

    /// A file of which a part was written to a caller's writer must not be written a second time.
    #[test]
    fn what_is_settled_stays_so_whatever_answered() {
        let core = core();
        let page = Error::new(ErrorKind::File(FileError::WebPage));
        assert_eq!(RetryClass::from_error(&page, 0), RetryClass::Intermediary);
        for (class, has_backup, has_another) in [
            (RetryClass::Settled, true, false),
            (RetryClass::Intermediary, true, true),
            (RetryClass::Intermediary, false, false),
        ] {
            let mut attempts = Attempts::begin(&core, plan(has_backup));
            assert_eq!(attempts.next(Err(&page), class).is_some(), has_another, "{class:?} {has_backup}");
        }
    }
}
