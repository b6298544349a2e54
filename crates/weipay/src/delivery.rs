//! The delivery of a call: each attempt is prepared, sent, judged, and perhaps followed by another.
//!
//! The two ways to wait, async and blocking, are one type parameter: everything that names and fills in a
//! call is written once. Both go through the same steps and wait between them in their own way.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
#[cfg(any(feature = "async", feature = "blocking"))]
use http::header::AUTHORIZATION;

use crate::builder::{ClientBuilder, ConfigError, TRANSPORT_SHARED};
use crate::core::{Core, Prepared};
use crate::error::Error;
use crate::failover::{AskedWaits, Host, Hosts};
use crate::operation::Operation;
use crate::request::{Body, Request};
use crate::response::{Decode, RawResponse};
use crate::retry::{Attempt, Budget, Ending, Repeatable, Retries, RetryPolicy, SoFar, SystemTimer, Timer};
use crate::sub_merchant::SubMerchant;
use crate::transport::out_of_time;
use crate::upload::Payload;

mod sealed {
    pub trait Sealed {}
}

/// How a client waits for responses: [`Async`] or [`Blocking`].
pub trait Mode: sealed::Sealed + Sized + Send + Sync + 'static {
    /// What carries requests.
    type Transport: ?Sized + Send + Sync;
    /// What a verb gives back: a future, or the result itself.
    type Output<T: Decode>;

    /// What signs in place of the merchant private key.
    type Signer: ?Sized + Send + Sync;

    /// Lets one fetch of certificates run at a time.
    #[doc(hidden)]
    type Flight: Default + Send + Sync;

    /// The signer among the settings.
    #[doc(hidden)]
    fn take_signer(settings: &mut ClientBuilder) -> Option<Arc<Self::Signer>>;

    /// Whether there is a transport among the settings.
    #[doc(hidden)]
    fn has_transport(settings: &ClientBuilder) -> bool;

    /// Sends a request, or reports that it could not be prepared.
    #[doc(hidden)]
    fn send<T: Decode>(shared: &Arc<Shared<Self>>, request: Request) -> Self::Output<T>;
}

/// What the parts of one client share.
#[doc(hidden)]
pub struct Shared<M: Mode> {
    pub(crate) core: Core,
    pub(crate) transport: Arc<M::Transport>,
    pub(crate) signer: Option<Arc<M::Signer>>,
    /// Of all handles with the same key ring.
    pub(crate) flight: Arc<M::Flight>,
}

impl<M: Mode> Shared<M> {
    pub(crate) fn new(
        mut settings: ClientBuilder,
        transport: Arc<M::Transport>,
    ) -> Result<Self, ConfigError> {
        let signer = M::take_signer(&mut settings);
        let core = settings.into_core(signer.is_some())?;
        Ok(Self { core, transport, signer, flight: Arc::default() })
    }

    /// The same client with other credentials.
    pub(crate) fn for_merchant(&self, mut settings: ClientBuilder) -> Result<Self, ConfigError> {
        if M::has_transport(&settings) || settings.has_connections() {
            return Err(ConfigError::Mismatch(TRANSPORT_SHARED));
        }
        let signer = M::take_signer(&mut settings);
        let core = settings.into_core_like(&self.core, signer.is_some())?;
        Ok(Self { core, transport: Arc::clone(&self.transport), signer, flight: Arc::default() })
    }

    /// The same client with another sub-merchant.
    pub(crate) fn for_sub_merchant(&self, sub_merchant: SubMerchant) -> Self {
        Self {
            core: Core { sub_merchant: Some(Arc::new(sub_merchant)), ..self.core.clone() },
            transport: Arc::clone(&self.transport),
            signer: self.signer.clone(),
            flight: Arc::clone(&self.flight),
        }
    }
}

/// Verbs give futures.
#[cfg(feature = "async")]
#[derive(Debug, Clone, Copy)]
pub enum Async {}

/// Verbs return when the response is there.
#[cfg(feature = "blocking")]
#[derive(Debug, Clone, Copy)]
pub enum Blocking {}

#[cfg(feature = "async")]
mod asynchronous {
    use std::future::Future;
    use std::marker::PhantomData;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;
    use crate::error::Sent;
    use crate::observer::{AttemptWatch, Outcome, Watch};
    use crate::platform_keys::{AsyncFlight, Need};
    use crate::response::Response;
    use crate::runtime;
    use crate::signer::Signer;
    use crate::transport::{Transport, read_whole, timed_out};

    /// How much longer than its time limit a transport of the caller's is waited for that forgets it. One that keeps it ends
    /// before, and knows whether anything was sent.
    const AFTER_TRANSPORT: Duration = Duration::from_millis(100);

    impl sealed::Sealed for Async {}

    impl Mode for Async {
        type Transport = dyn Transport;
        type Output<T: Decode> = CallFuture<T>;
        type Signer = dyn Signer;
        type Flight = AsyncFlight;

        fn take_signer(settings: &mut ClientBuilder) -> Option<Arc<dyn Signer>> {
            settings.signer.take()
        }

        fn has_transport(settings: &ClientBuilder) -> bool {
            settings.transport.is_some()
        }

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, mut request: Request) -> CallFuture<T> {
            let shared = Arc::clone(shared);
            let call = async move { deliver(&shared, &mut request).await };
            CallFuture { call: Box::pin(call), body: PhantomData }
        }
    }

    /// Compiled once for all operations. The request is signed when the future is first polled, so that its timestamp is fresh
    /// even if the future is polled much later.
    async fn deliver(shared: &Arc<Shared<Async>>, request: &mut Request) -> Result<RawResponse, Error> {
        let watch = Watch::begin(&shared.core, request);
        let outcome = watch.during(attempts(shared, request, &watch)).await;
        let outcome = outcome.map_err(|error| error.in_call(request));
        watch.end(Outcome::from_call(&outcome));
        outcome
    }

    async fn attempts(
        shared: &Arc<Shared<Async>>,
        request: &mut Request,
        watch: &Watch<'_>,
    ) -> Result<RawResponse, Error> {
        let timer = &shared.core.delivery.timer;
        let began = timer.now();
        shared.core.check_before_keys(request)?;
        shared.have_keys(request, shared.core.timeout(request)).await?;
        // Once for all attempts: what is encrypted again has other bytes.
        request.complete(&shared.core)?;
        let mut delivery = Delivery::begin(&shared.core, request, began);
        loop {
            let mut attempt_watch = watch.attempt();
            let outcome = attempt(shared, request, &delivery, &mut attempt_watch).await;
            // What its code means depends on the operation.
            let outcome = outcome.map_err(|error| error.in_call(request));
            attempt_watch.end(Outcome::from_call(&outcome));
            match delivery.next(outcome) {
                Next::End(outcome) => return outcome,
                Next::Again(wait) => timer.sleep(wait).await,
            }
        }
    }

    async fn attempt(
        shared: &Arc<Shared<Async>>,
        request: &Request,
        delivery: &Delivery<'_>,
        watch: &mut AttemptWatch<'_>,
    ) -> Result<RawResponse, Error> {
        let keys = shared.core.platform();
        let (prepared, left) = delivery.prepare()?;
        let deadline = Deadline::after(left);
        let signed = match prepared {
            Prepared::Signed(request) => request,
            Prepared::ForSigner(request, unsigned) => shared.sign(request, unsigned, left).await?,
        };
        watch.sends(&signed);
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let share = Deadline::after(delivery.share_of(deadline.left()));
        let sent = shared.transport.send(signed.map(Into::into), share.left());
        let response = async { read_whole(sent.await?).await };
        // A transport and a timer of the caller's may do without the timers of tokio.
        let response = runtime::timeout(share.left() + AFTER_TRANSPORT, response).await;
        let response = response.unwrap_or_else(|_| Err(timed_out(Sent::Perhaps)))?;
        if let Some(serial) = Core::serial_to_verify(request, &response, &keys) {
            shared.look_for(serial, deadline.left()).await;
        }
        let concluded = shared.core.conclude(request, response, &keys);
        concluded.map_err(|error| shared.core.explain(request, authorization.as_ref(), error))
    }

    impl Shared<Async> {
        /// Has the keys that a call needs before it is sent: fetches them if there are none yet, and refreshes old ones in the
        /// background.
        pub(crate) async fn have_keys(
            self: &Arc<Self>,
            call: &Request,
            limit: Duration,
        ) -> Result<(), Error> {
            if !Core::needs_keys(call) {
                return Ok(());
            }
            match self.core.merchant.ring.need(self.core.now()) {
                Need::Nothing => Ok(()),
                Need::Refresh(ticket) => {
                    self.refresh(ticket);
                    Ok(())
                }
                Need::Fetch(ticket) => self.fetch(ticket, limit).await.map_err(Error::without_keys),
                Need::Renew(ticket) => go_on_without(call, self.fetch(ticket, limit / 2).await),
            }
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) async fn look_for(self: &Arc<Self>, serial: &str, limit: Duration) {
            if let Some(ticket) = self.core.merchant.ring.request_fetch(serial, self.core.now()) {
                // Whether the key is there now, the verification will tell.
                self.fetch(ticket, limit).await.ok();
            }
        }
    }

    /// The future of a call: it sends the call when it is awaited, and gives `Result<Response<T>, Error>`.
    #[must_use = "a call is sent when it is awaited"]
    pub struct CallFuture<T> {
        call: Pin<Box<dyn Future<Output = Result<RawResponse, Error>> + Send>>,
        body: PhantomData<fn() -> T>,
    }

    impl<T: Decode> Future for CallFuture<T> {
        type Output = Result<Response<T>, Error>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            self.call.as_mut().poll(context).map(|done| done.map(Response::new))
        }
    }
}

#[cfg(feature = "async")]
pub use asynchronous::CallFuture;

#[cfg(feature = "blocking")]
mod waiting {
    use super::*;
    use crate::observer::{AttemptWatch, Outcome, Watch};
    use crate::platform_keys::{BlockingFlight, Need};
    use crate::response::Response;
    use crate::signer::blocking::Signer;
    use crate::transport::blocking::{Transport, read_whole};

    impl sealed::Sealed for Blocking {}

    impl Mode for Blocking {
        type Transport = dyn Transport;
        type Output<T: Decode> = Result<Response<T>, Error>;
        type Signer = dyn Signer;
        type Flight = BlockingFlight;

        fn take_signer(settings: &mut ClientBuilder) -> Option<Arc<dyn Signer>> {
            settings.blocking_signer.take()
        }

        fn has_transport(settings: &ClientBuilder) -> bool {
            settings.blocking_transport.is_some()
        }

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, mut request: Request) -> Self::Output<T> {
            deliver(shared, &mut request).map(Response::new)
        }
    }

    fn deliver(shared: &Arc<Shared<Blocking>>, request: &mut Request) -> Result<RawResponse, Error> {
        let watch = Watch::begin(&shared.core, request);
        let outcome = watch.within(|| attempts(shared, request, &watch));
        let outcome = outcome.map_err(|error| error.in_call(request));
        watch.end(Outcome::from_call(&outcome));
        outcome
    }

    fn attempts(
        shared: &Arc<Shared<Blocking>>,
        request: &mut Request,
        watch: &Watch<'_>,
    ) -> Result<RawResponse, Error> {
        let timer = &shared.core.delivery.timer;
        let began = timer.now();
        shared.core.check_before_keys(request)?;
        shared.have_keys(request, shared.core.timeout(request))?;
        // Once for all attempts: what is encrypted again has other bytes.
        request.complete(&shared.core)?;
        let mut delivery = Delivery::begin(&shared.core, request, began);
        loop {
            let mut attempt_watch = watch.attempt();
            let outcome = attempt(shared, request, &delivery, &mut attempt_watch);
            // What its code means depends on the operation.
            let outcome = outcome.map_err(|error| error.in_call(request));
            attempt_watch.end(Outcome::from_call(&outcome));
            match delivery.next(outcome) {
                Next::End(outcome) => return outcome,
                Next::Again(wait) => timer.sleep_blocking(wait),
            }
        }
    }

    fn attempt(
        shared: &Arc<Shared<Blocking>>,
        request: &Request,
        delivery: &Delivery<'_>,
        watch: &mut AttemptWatch<'_>,
    ) -> Result<RawResponse, Error> {
        let keys = shared.core.platform();
        let (prepared, left) = delivery.prepare()?;
        let deadline = Deadline::after(left);
        let signed = match prepared {
            Prepared::Signed(request) => request,
            Prepared::ForSigner(request, unsigned) => shared.sign(request, unsigned, left)?,
        };
        watch.sends(&signed);
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let share = Deadline::after(delivery.share_of(deadline.left()));
        let response = read_whole(shared.transport.send(signed.map(Into::into), share.left())?)?;
        if let Some(serial) = Core::serial_to_verify(request, &response, &keys) {
            shared.look_for(serial, deadline.left());
        }
        let concluded = shared.core.conclude(request, response, &keys);
        concluded.map_err(|error| shared.core.explain(request, authorization.as_ref(), error))
    }

    impl Shared<Blocking> {
        /// Has the keys that a call needs before it is sent: fetches them if there are none yet, and refreshes old ones in the
        /// background.
        pub(crate) fn have_keys(self: &Arc<Self>, call: &Request, limit: Duration) -> Result<(), Error> {
            if !Core::needs_keys(call) {
                return Ok(());
            }
            match self.core.merchant.ring.need(self.core.now()) {
                Need::Nothing => Ok(()),
                Need::Refresh(ticket) => {
                    self.refresh(ticket);
                    Ok(())
                }
                Need::Fetch(ticket) => self.fetch_for_call(ticket, limit).map_err(Error::without_keys),
                Need::Renew(ticket) => go_on_without(call, self.fetch_for_call(ticket, limit / 2)),
            }
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) fn look_for(self: &Arc<Self>, serial: &str, limit: Duration) {
            if let Some(ticket) = self.core.merchant.ring.request_fetch(serial, self.core.now()) {
                // Whether the key is there now, the verification will tell.
                self.fetch_for_call(ticket, limit).ok();
            }
        }
    }
}

/// Whether a call can be made although all certificates have ended and no new ones came. The platform refuses what is encrypted
/// with one that has ended, as a fault of the request; of anything else it reports itself what is wrong.
fn go_on_without(call: &Request, fetched: Result<(), Arc<Error>>) -> Result<(), Error> {
    match fetched {
        Err(fetch) if call.is_pending() => Err(Error::without_keys(fetch)),
        _ => Ok(()),
    }
}

/// When a call must have ended.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) began: Instant,
    pub(crate) limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { began: Instant::now(), limit }
    }

    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.began.elapsed())
    }
}

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
    asked: AskedWaits,
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
        let may_try = Repeatable::from_request(request) == Repeatable::Yes;
        let (limit, now) = (core.timeout(request), settings.timer.now());
        let left = limit.saturating_sub(now.saturating_sub(began));
        let host = if failover { settings.hosts.choose_first(left, now, may_try) } else { Host::Main };
        Self {
            core,
            request,
            retries,
            began,
            limit,
            failover,
            host,
            asked: AskedWaits::default(),
            waited: Duration::ZERO,
            attempts: Vec::new(),
        }
    }

    /// The request of the next attempt, prepared and signed again, and how much of the time limit is left.
    pub(crate) fn prepare(&self) -> Result<(Prepared<Payload>, Duration), Error> {
        let left = self.limit.saturating_sub(self.elapsed());
        if left.is_zero() {
            return Err(out_of_time().into());
        }
        Ok((self.core.prepare(self.request, self.host)?, left))
    }

    /// How much of the time that is left an exchange may take: all of it, unless the other host is going to be asked where this
    /// one is silent. Files take their time in both directions, and a policy of the caller's may not want another attempt.
    fn share_of(&self, left: Duration) -> Duration {
        let settings = &self.core.delivery;
        let is_first_of_two = self.failover && self.attempts.is_empty();
        let has_policy = settings.policy.is_some() && self.request.retries.is_none();
        let is_small = !matches!(self.request.body, Some(Body::Upload(_) | Body::Form { .. }))
            && !self.request.operation.is_some_and(Operation::has_file_response);
        if !is_first_of_two || !is_small || has_policy {
            return left;
        }
        let share = settings.hosts.first_share(self.host, left, settings.timer.now());
        share.filter(|share| self.has_another_after(*share)).unwrap_or(left)
    }

    /// Whether a first attempt that stays silent for so long is followed by one on the other host.
    fn has_another_after(&self, silence: Duration) -> bool {
        let so_far = SoFar {
            attempts: 1,
            elapsed: self.elapsed().saturating_add(silence),
            limit: self.limit,
            repeat: Repeatable::from_request(self.request),
        };
        let silent = Ending::Open { retry_after: None };
        self.may_be_repeated() && self.retries.longest_possible_wait(silent, &so_far).is_some()
    }

    /// Whether it may be sent again at once after it may have arrived.
    fn may_be_repeated(&self) -> bool {
        Repeatable::from_request(self.request) == Repeatable::Yes
    }

    fn elapsed(&self) -> Duration {
        self.core.delivery.timer.now().saturating_sub(self.began)
    }

    /// Judges an attempt. The success of a first one on the main host ends the call at once, as almost always.
    pub(crate) fn next(&mut self, outcome: Result<RawResponse, Error>) -> Next {
        let settings = &self.core.delivery;
        let has_failed =
            self.failover && settings.hosts.note(self.host, outcome.as_ref().err(), settings.timer.now());
        let is_first = self.attempts.is_empty();
        let is_settled = outcome.as_ref().is_ok_and(|response| response.status != StatusCode::ACCEPTED);
        if is_first && is_settled {
            settings.budget.refill();
        }
        let is_unsent = outcome.as_ref().is_err_and(Error::is_request);
        if is_first && (is_unsent || is_settled && self.host == Host::Main) {
            return Next::End(outcome);
        }
        let ending = Ending::from_outcome(&outcome, (self.core.clock)());
        let backup_host = self.core.backup_host(self.host);
        self.attempts.push(Attempt::from_outcome(&outcome, self.waited, backup_host));
        let ending = match has_failed {
            true => self.asked.move_on(self.host, ending, settings.timer.now()),
            false => ending,
        };
        let Some(wait) = self.wait(ending) else { return Next::End(self.end(outcome)) };
        // The other host has got nothing of this call. The budget does not keep the call from it, unless it fails as well.
        let is_other_open = || settings.hosts.is_open(self.host.other(), settings.timer.now());
        let is_first_elsewhere = is_first && has_failed && (ending == Ending::NotSent || is_other_open());
        if !is_first_elsewhere && !settings.budget.take() {
            return Next::End(self.end(outcome));
        }
        let at = settings.timer.now() + wait;
        // A host that responds is not left for one that has asked to wait.
        if self.failover && (has_failed || !self.asked.has_asked(self.host.other(), at)) {
            // Last of all: it may be the turn to try a host that failed, which nobody else has then.
            let (failed, may_try) = (has_failed.then_some(self.host), self.may_be_repeated());
            self.host = settings.hosts.choose(at, failed, may_try);
        }
        self.waited = wait;
        Next::Again(wait)
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
            repeat: Repeatable::from_request(self.request),
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
