//! The delivery of a call: each attempt is prepared, sent, judged, and perhaps [followed by another](crate::attempts).
//!
//! The two ways to wait, async and blocking, are one type parameter: everything that names and fills in a
//! call is written once. Both go through the same steps and wait between them in their own way.

use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(any(feature = "async", feature = "blocking"))]
use http::header::AUTHORIZATION;

use crate::attempts::{Attempts, Plan};
use crate::builder::{ClientBuilder, ConfigError, TRANSPORT_SHARED};
use crate::core::Core;
use crate::error::Error;
use crate::operation::Operation;
use crate::request::{Body, Request};
use crate::response::{Decode, RawResponse};
use crate::retry::{Repeatable, RetryClass};
use crate::sub_merchant::SubMerchant;

mod sealed {
    pub trait Sealed {}
}

/// How a client waits for responses: [`Async`] or [`Blocking`].
pub trait Mode: sealed::Sealed + Sized + Send + Sync + 'static {
    /// The transport of this client kind.
    type Transport: ?Sized + Send + Sync;
    /// The return type of a verb: a future, or the result itself.
    type Output<T: Decode>;

    /// The signer that may replace the merchant private key.
    type Signer: ?Sized + Send + Sync;

    /// Lets one fetch of certificates run at a time.
    #[doc(hidden)]
    type Flight: Default + Send + Sync;

    /// The signer among the settings.
    #[doc(hidden)]
    fn take_signer(settings: &mut ClientBuilder) -> Option<Arc<Self::Signer>>;

    /// Whether the settings have a transport of this client kind.
    #[doc(hidden)]
    fn has_transport(settings: &ClientBuilder) -> bool;

    /// Sends a request, or reports that it could not be prepared.
    #[doc(hidden)]
    fn send<T: Decode>(shared: &Arc<Shared<Self>>, request: Box<Request>) -> Self::Output<T>;
}

/// The state that the parts of one client share.
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
        if M::has_transport(&settings) || settings.has_connection_options() {
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
    use std::fmt;
    use std::future::Future;
    use std::marker::PhantomData;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll};

    use super::*;
    use crate::error::Sent;
    use crate::observer::{AttemptWatch, Watch};
    use crate::platform_keys::{AsyncFlight, RequiredAction};
    use crate::response::Response;
    use crate::runtime;
    use crate::signer::Signer;
    use crate::transport::{Transport, read_whole, timed_out};

    /// The grace period for a custom transport that ignores its time limit. One that keeps it ends earlier, and knows whether
    /// anything was sent.
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

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, mut request: Box<Request>) -> CallFuture<T> {
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
        watch.end(&outcome);
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
        shared.ensure_keys(request, shared.core.timeout(request)).await?;
        // Once for all attempts: what is encrypted again has other bytes.
        request.complete(&shared.core)?;
        let mut attempts = begin_attempts(&shared.core, request, began);
        loop {
            let mut attempt_watch = watch.attempt();
            let outcome = attempt(shared, request, &attempts, &mut attempt_watch).await;
            // The meaning of an error code depends on the operation.
            let outcome = outcome.map_err(|error| error.in_call(request));
            attempt_watch.end(&outcome);
            match next_delay(&shared.core, &mut attempts, &outcome) {
                Some(wait) => timer.sleep(wait).await,
                None => return with_attempts(attempts, outcome),
            }
        }
    }

    async fn attempt(
        shared: &Arc<Shared<Async>>,
        request: &Request,
        attempts: &Attempts<'_>,
        watch: &mut AttemptWatch<'_>,
    ) -> Result<RawResponse, Error> {
        let keys = shared.core.platform();
        let deadline = Deadline::after(attempts.left()?);
        let prepared = shared.core.prepare_request(request, attempts.host())?;
        let mut signed = shared.signed(prepared, deadline.left()).await?;
        watch.sends(&signed);
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let limits = attempts.exchange_limits(deadline.left());
        limits.tell(&mut signed);
        let share = Deadline::after(limits.whole);
        let sent = shared.transport.send(signed.map(Into::into), share.left());
        let response = pin!(async { read_whole(sent.await?).await });
        // A transport and a timer of the caller's may do without the timers of tokio.
        let response = runtime::timeout(share.left() + AFTER_TRANSPORT, response).await;
        let response = response.unwrap_or_else(|_| Err(timed_out(Sent::Perhaps)))?;
        if let Some(serial) = Core::serial_to_verify(request, &response, &keys) {
            shared.fetch_unknown_key(serial, deadline.left()).await;
        }
        let concluded = shared.core.verify_response(request, response, &keys);
        concluded.map_err(|error| shared.core.explain(request, authorization.as_ref(), error))
    }

    impl Shared<Async> {
        /// Makes sure of the keys that a call needs before it is sent: fetches them if there are none yet, and refreshes old ones
        /// in the background.
        pub(crate) async fn ensure_keys(
            self: &Arc<Self>,
            call: &Request,
            limit: Duration,
        ) -> Result<(), Error> {
            if !Core::needs_keys(call) {
                return Ok(());
            }
            match self.core.merchant.ring.required_action(self.core.now()) {
                RequiredAction::Nothing => Ok(()),
                RequiredAction::Refresh(ticket) => {
                    self.refresh(ticket);
                    Ok(())
                }
                RequiredAction::Fetch(ticket) => self.fetch(ticket, limit).await.map_err(Error::without_keys),
                RequiredAction::Renew(ticket) => {
                    proceed_without_keys(call, self.fetch(ticket, limit / 2).await)
                }
            }
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) async fn fetch_unknown_key(self: &Arc<Self>, serial: &str, limit: Duration) {
            if let Some(ticket) = self.core.merchant.ring.request_fetch(serial, self.core.now()) {
                // If the key is still missing, the verification fails.
                self.fetch(ticket, limit).await.ok();
            }
        }
    }

    /// The future of a call: it sends the call when it is awaited, and gives `Result<Response<T>, Error>`. It is `Send` and
    /// `'static`, and signs the request when it is polled. If it is dropped before its end, the call may have taken effect: see
    /// [`observer`](crate::observer#calls-that-are-dropped).
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

    impl<T> fmt::Debug for CallFuture<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("CallFuture").finish_non_exhaustive()
        }
    }
}

#[cfg(feature = "async")]
pub use asynchronous::CallFuture;

#[cfg(feature = "blocking")]
mod blocking {
    use super::*;
    use crate::observer::{AttemptWatch, Watch};
    use crate::platform_keys::{BlockingFlight, RequiredAction};
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

        fn send<T: Decode>(shared: &Arc<Shared<Self>>, mut request: Box<Request>) -> Self::Output<T> {
            deliver(shared, &mut request).map(Response::new)
        }
    }

    fn deliver(shared: &Arc<Shared<Blocking>>, request: &mut Request) -> Result<RawResponse, Error> {
        let watch = Watch::begin(&shared.core, request);
        let outcome = watch.within(|| attempts(shared, request, &watch));
        let outcome = outcome.map_err(|error| error.in_call(request));
        watch.end(&outcome);
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
        shared.ensure_keys(request, shared.core.timeout(request))?;
        // Once for all attempts: what is encrypted again has other bytes.
        request.complete(&shared.core)?;
        let mut attempts = begin_attempts(&shared.core, request, began);
        loop {
            let mut attempt_watch = watch.attempt();
            let outcome = attempt(shared, request, &attempts, &mut attempt_watch);
            // The meaning of an error code depends on the operation.
            let outcome = outcome.map_err(|error| error.in_call(request));
            attempt_watch.end(&outcome);
            match next_delay(&shared.core, &mut attempts, &outcome) {
                Some(wait) => timer.sleep_blocking(wait),
                None => return with_attempts(attempts, outcome),
            }
        }
    }

    fn attempt(
        shared: &Arc<Shared<Blocking>>,
        request: &Request,
        attempts: &Attempts<'_>,
        watch: &mut AttemptWatch<'_>,
    ) -> Result<RawResponse, Error> {
        let keys = shared.core.platform();
        let deadline = Deadline::after(attempts.left()?);
        let prepared = shared.core.prepare_request(request, attempts.host())?;
        let mut signed = shared.signed(prepared, deadline.left())?;
        watch.sends(&signed);
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let limits = attempts.exchange_limits(deadline.left());
        limits.tell(&mut signed);
        let share = Deadline::after(limits.whole);
        let response = read_whole(shared.transport.send(signed.map(Into::into), share.left())?)?;
        if let Some(serial) = Core::serial_to_verify(request, &response, &keys) {
            shared.fetch_unknown_key(serial, deadline.left());
        }
        let concluded = shared.core.verify_response(request, response, &keys);
        concluded.map_err(|error| shared.core.explain(request, authorization.as_ref(), error))
    }

    impl Shared<Blocking> {
        /// Makes sure of the keys that a call needs before it is sent: fetches them if there are none yet, and refreshes old ones
        /// in the background.
        pub(crate) fn ensure_keys(self: &Arc<Self>, call: &Request, limit: Duration) -> Result<(), Error> {
            if !Core::needs_keys(call) {
                return Ok(());
            }
            match self.core.merchant.ring.required_action(self.core.now()) {
                RequiredAction::Nothing => Ok(()),
                RequiredAction::Refresh(ticket) => {
                    self.refresh(ticket);
                    Ok(())
                }
                RequiredAction::Fetch(ticket) => {
                    self.fetch_for_call(ticket, limit).map_err(Error::without_keys)
                }
                RequiredAction::Renew(ticket) => {
                    proceed_without_keys(call, self.fetch_for_call(ticket, limit / 2))
                }
            }
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) fn fetch_unknown_key(self: &Arc<Self>, serial: &str, limit: Duration) {
            if let Some(ticket) = self.core.merchant.ring.request_fetch(serial, self.core.now()) {
                // If the key is still missing, the verification fails.
                self.fetch_for_call(ticket, limit).ok();
            }
        }
    }
}

/// Whether a call is sent although all certificates have expired and the fetch failed. A request with encrypted fields is not:
/// the platform rejects fields that are encrypted with an expired certificate, as a fault of the request.
fn proceed_without_keys(call: &Request, fetched: Result<(), Arc<Error>>) -> Result<(), Error> {
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

/// The attempts of a call that began at this time of the timer.
fn begin_attempts<'a>(core: &'a Core, request: &'a Request, began: Duration) -> Attempts<'a> {
    let settings = &core.delivery;
    let retries = request.retries.unwrap_or(settings.retries);
    // The setting of this one call comes before the client's policy.
    let policy = settings.policy.as_deref().filter(|_| request.retries.is_none());
    // Files take their time in both directions.
    let has_file = matches!(request.body, Some(Body::Upload(_) | Body::Form { .. }))
        || request.operation.is_some_and(Operation::has_file_response);
    let plan = Plan {
        retries,
        policy,
        operation: request.operation,
        repeat: Repeatable::from_request(request),
        has_backup: core.has_backup(request, retries),
        // A policy may not want a second attempt.
        shares_time: !has_file && policy.is_none(),
        passes_probe: false,
        began,
        limit: core.timeout(request),
        caller_limit: core.timeout(request),
    };
    Attempts::begin(core, plan)
}

/// How long to wait before another attempt of a call; `None` if it has ended.
fn next_delay(
    core: &Core,
    attempts: &mut Attempts<'_>,
    outcome: &Result<RawResponse, Error>,
) -> Option<Duration> {
    let class = RetryClass::from_outcome(outcome, core.now());
    attempts.next(outcome.as_ref().map(|response| response.status), class)
}

/// The outcome of a call, with what became of all its attempts.
fn with_attempts(attempts: Attempts<'_>, outcome: Result<RawResponse, Error>) -> Result<RawResponse, Error> {
    let attempts = attempts.into_ended();
    match outcome {
        Ok(response) => Ok(RawResponse { attempts, ..response }),
        Err(error) => Err(error.after(attempts)),
    }
}
