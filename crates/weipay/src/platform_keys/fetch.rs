//! Fetching the certificates: when a call waits for it, and when it goes on in the background.
//!
//! Both clients follow the same steps. A caller takes a ticket, waits for its turn, and fetches only if no fetch has ended since
//! it took the ticket (single flight). So a hundred calls that meet an unknown key send one fetch. The fetch of a call that ends
//! or is dropped before it continues.

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};

use super::FetchOutcome;
use crate::attempts::{Attempts, ExchangeLimits, Plan};
use crate::core::Core;
use crate::delivery::Deadline;
use crate::error::{ApiError, Error, NetworkError, Sent};
use crate::failover::Host;
#[cfg(feature = "notifications")]
use crate::notification::FetchesCertificates;
use crate::operation::Operation;
use crate::request::Request;
use crate::response::RawResponse;
use crate::retry::{Repeatable, RetryClass};

/// How long a fetch may take. The call that it was begun for may allow less.
pub(super) const MAX_FETCH: Duration = Duration::from_secs(10);

/// A fetch that failed without a response says something of the platform if it had so long. One that had less may only have been
/// begun for a call that had to end.
const FAIR_FETCH: Duration = Duration::from_secs(9);

/// How long the attempts of one fetch may take together.
#[cfg(feature = "async")]
const MAX_TURN: Duration = Duration::from_secs(20);

/// The delay after which a fetch counts as stalled, because its runtime is not running.
pub(super) const STALL_GRACE: Duration = Duration::from_secs(2);

impl Deadline {
    /// Whether a fetch failed because the call that it was begun for had to end, or because it stood still.
    fn cut_short(&self, error: &Error) -> bool {
        let stood_still = self.began.elapsed() >= self.limit.saturating_add(STALL_GRACE);
        error.status().is_none() && (self.limit < FAIR_FETCH && self.left().is_zero() || stood_still)
    }

    /// How long a fetch on the way may take.
    fn left_to_fetch(&self) -> Duration {
        self.left().min(MAX_FETCH)
    }
}

/// The request for the list. The overseas host has it at another path. A merchant of 国密 asks for certificates
/// of SM2, and gets them sealed by SM4; without the parameter the list has those of RSA.
fn list_request(core: &Core) -> Request {
    let path = if core.base_url.is_overseas() { "v3/global/certificates" } else { "v3/certificates" };
    let mut request = Request::new(path.to_owned());
    request.operation = Operation::find(&Method::GET, path);
    // The list is verified with the certificates that it brings, and those that are there may be retired ones.
    request.names_certificate = false;
    #[cfg(feature = "sm")]
    if core.merchant.scheme == weipay_wire::Scheme::Sm2WithSm3 {
        request.query.push(("algorithm_type".to_owned(), "SM2".to_owned()));
    }
    request
}

/// The attempts of one fetch. It is repeated like any call that only reads, within its own time. The caller may have less, and
/// the first host leaves as much of that to the other one as it does in a call.
fn attempts<'a>(core: &'a Core, request: &Request, deadline: Deadline, caller: Deadline) -> Attempts<'a> {
    let delivery = &core.delivery;
    let plan = Plan {
        retries: delivery.retries,
        policy: None,
        operation: request.operation,
        repeat: Repeatable::Yes,
        has_backup: core.has_backup(request, delivery.retries),
        shares_time: true,
        // The platform does not probe twice, so the response to a repeat is there for those without retries, too.
        passes_probe: true,
        began: delivery.timer.now(),
        limit: deadline.limit,
        caller_limit: caller.left(),
    };
    Attempts::begin(core, plan)
}

/// How long to wait before the list is asked for once more; `None` if the fetch has ended so.
fn next_delay(core: &Core, attempts: &mut Attempts<'_>, outcome: &Result<(), Error>) -> Option<Duration> {
    match outcome {
        Ok(()) => attempts.next(Ok(StatusCode::OK), RetryClass::Settled),
        Err(error) => attempts.next(Err(error), RetryClass::from_error(error, core.now())),
    }
}

/// Judges the response to it.
fn install_list(core: &Core, response: http::Response<bytes::Bytes>) -> Result<(), Error> {
    let response = RawResponse::new(response, core.merchant.key.clone());
    let taken = match response.status.is_success() {
        true => core.merchant.ring.install_list(&response, core.now()),
        false => Err(core.refusal(ApiError::read(&response.body), &response, &core.platform())),
    };
    taken.map_err(|kind| Error::with_response(kind, response))
}

/// Ends a fetch. Those who wait learn how it ended, unless its call cut it short: then the next of them
/// fetches, within its own time.
fn finish_fetch(
    core: &Core,
    request: &Request,
    deadline: Deadline,
    outcome: Result<(), Error>,
) -> FetchOutcome {
    let is_cut_short = outcome.as_ref().is_err_and(|error| deadline.cut_short(error));
    let outcome = outcome.map_err(|error| Arc::new(error.in_call(request)));
    if is_cut_short { outcome } else { core.merchant.ring.record_outcome(outcome, core.now()) }
}

/// The error of a call that ended before the fetch.
fn fetch_timed_out() -> FetchOutcome {
    let late = "the platform certificates did not arrive within the time limit of the call; their fetch continues in the background";
    let source = std::io::Error::new(std::io::ErrorKind::TimedOut, late).into();
    Err(Arc::new(NetworkError { sent: Sent::No, source }.into()))
}

#[cfg(feature = "async")]
mod asynchronous {
    use tokio::runtime::Handle;

    use super::*;
    use crate::delivery::{Async, Shared};
    use crate::platform_keys::Ticket;
    use crate::platform_keys::single_flight::asynchronous::FlightGuard;
    use crate::runtime::timeout;
    use crate::transport::read_whole;

    impl Shared<Async> {
        /// Fetches the certificates in the background. How it ended is noted in the ring; the keys that are
        /// there stay if it failed.
        pub(crate) fn refresh(self: &Arc<Self>, ticket: Ticket) {
            let Ok(runtime) = Handle::try_current() else { return };
            let shared = Arc::clone(self);
            runtime.spawn(async move { shared.fetch(ticket, MAX_FETCH).await.ok() });
        }

        /// Fetches the certificates, unless a fetch has ended since the ticket was taken. The call waits for
        /// them only as long as it may take itself. The fetch is a task of its own: one that needs longer, or
        /// whose call was dropped, goes on. Or else calls with little time would begin one after another, and
        /// never get any.
        pub(crate) async fn fetch(self: &Arc<Self>, ticket: Ticket, limit: Duration) -> FetchOutcome {
            let deadline = Deadline::after(limit);
            let own_limit = limit.clamp(MAX_FETCH, MAX_TURN);
            let turn = self.flight.take(deadline, own_limit + STALL_GRACE).await;
            let Some(turn) = turn else { return fetch_timed_out() };
            if let Some(outcome) = self.core.merchant.ring.outcome_since(ticket) {
                return outcome;
            }
            let Ok(runtime) = Handle::try_current() else {
                // Boxed: its future is larger than all else in that of a call, which hardly ever fetches.
                return Box::pin(self.fetch_in(turn, deadline, deadline)).await;
            };
            let shared = Arc::clone(self);
            let own_deadline = Deadline::after(own_limit);
            let fetch = runtime.spawn(async move { shared.fetch_in(turn, own_deadline, deadline).await });
            match timeout(deadline.left(), fetch).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => fetch_timed_out(),
            }
        }

        async fn fetch_in(&self, turn: FlightGuard, deadline: Deadline, caller: Deadline) -> FetchOutcome {
            // It has had to wait for its turn.
            let deadline = Deadline::after(deadline.left());
            let request = list_request(&self.core);
            let mut attempts = attempts(&self.core, &request, deadline, caller);
            let outcome = loop {
                let limits = attempts.exchange_limits(deadline.left());
                let outcome = self.fetch_once(&request, attempts.host(), &limits).await;
                match next_delay(&self.core, &mut attempts, &outcome) {
                    Some(wait) => self.core.delivery.timer.sleep(wait).await,
                    None => break outcome,
                }
            };
            let outcome = finish_fetch(&self.core, &request, deadline, outcome);
            drop(turn);
            outcome
        }

        async fn fetch_once(
            &self,
            request: &Request,
            host: Host,
            limits: &ExchangeLimits,
        ) -> Result<(), Error> {
            let deadline = Deadline::after(limits.whole);
            let mut signed =
                self.signed(self.core.prepare_request(request, host)?, deadline.left_to_fetch()).await?;
            limits.tell(&mut signed);
            let authorization = signed.headers().get(AUTHORIZATION).cloned();
            let response = self.transport.send(signed.map(Into::into), deadline.left_to_fetch()).await?;
            let taken = install_list(&self.core, read_whole(response).await?);
            taken.map_err(|error| self.core.explain(request, authorization.as_ref(), error))
        }
    }

    /// It needs the runtime that the notification was received on. How a fetch ended is noted in the ring.
    #[cfg(feature = "notifications")]
    impl FetchesCertificates for Arc<Shared<Async>> {
        fn begin_fetch(&self, serial: &str) -> bool {
            let Ok(runtime) = Handle::try_current() else { return false };
            let Some(ticket) =
                self.core.merchant.ring.request_fetch_for_notification(serial, self.core.now())
            else {
                return false;
            };
            let shared = Self::clone(self);
            runtime.spawn(async move { shared.fetch(ticket, MAX_FETCH).await.ok() });
            true
        }

        fn begin_refresh(&self) -> bool {
            let ticket = Handle::try_current()
                .ok()
                .and_then(|_| self.core.merchant.ring.take_due_refresh(self.core.now()));
            ticket.inspect(|ticket| self.refresh(*ticket)).is_some()
        }
    }
}

#[cfg(feature = "blocking")]
mod blocking {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
    use std::thread;

    use super::*;
    use crate::delivery::{Blocking, Shared};
    use crate::platform_keys::Ticket;
    use crate::transport::blocking::read_whole;

    /// How many threads of this process refresh certificates. They live as long as one fetch. A client that gets none tries again
    /// a minute later.
    static REFRESHING: AtomicUsize = AtomicUsize::new(0);
    const MAX_REFRESHING: usize = 8;

    /// One of those threads, until it is dropped.
    struct ThreadPermit;

    impl ThreadPermit {
        fn take() -> Option<Self> {
            let one_more = |count| (count < MAX_REFRESHING).then_some(count + 1);
            REFRESHING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self)
        }
    }

    impl Drop for ThreadPermit {
        fn drop(&mut self) {
            REFRESHING.fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl Shared<Blocking> {
        /// Fetches the certificates in the background, unless too many do.
        pub(crate) fn refresh(self: &Arc<Self>, ticket: Ticket) {
            if let Some(permit) = ThreadPermit::take() {
                self.fetch_elsewhere(ticket, permit, Deadline::after(MAX_FETCH));
            }
        }

        /// Fetches the certificates on another thread, and sends the outcome to the receiver. The caller waits until its deadline.
        fn fetch_elsewhere(
            self: &Arc<Self>,
            ticket: Ticket,
            permit: ThreadPermit,
            caller: Deadline,
        ) -> Receiver<FetchOutcome> {
            let shared = Arc::clone(self);
            let (tell, ended) = sync_channel(1);
            let fetch = move || {
                let _permit = permit;
                // How it ended is noted in the ring too. The keys that are there stay if it failed.
                tell.send(shared.fetch(ticket, Deadline::after(MAX_FETCH), caller)).ok();
            };
            // Without a thread the program goes on with the keys that are there.
            thread::Builder::new().name("weipay-certificates".to_owned()).spawn(fetch).ok();
            ended
        }

        /// Fetches the certificates that a call needs. The call waits for them only as long as it may take
        /// itself; a fetch that needs longer goes on without it, or else calls with short limits would begin
        /// one after another and never get any.
        pub(crate) fn fetch_for_call(self: &Arc<Self>, ticket: Ticket, limit: Duration) -> FetchOutcome {
            let deadline = Deadline::after(limit);
            if let Some(outcome) = self.core.merchant.ring.outcome_since(ticket) {
                return outcome;
            }
            // A caller that only waits for the fetch of another needs no thread.
            let permit =
                if limit < MAX_FETCH && !self.flight.is_taken() { ThreadPermit::take() } else { None };
            let Some(permit) = permit else { return self.fetch(ticket, deadline, deadline) };
            match self.fetch_elsewhere(ticket, permit, deadline).recv_timeout(limit) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => fetch_timed_out(),
                // There was no thread.
                Err(RecvTimeoutError::Disconnected) => self.fetch(ticket, deadline, deadline),
            }
        }

        /// Fetches the certificates, unless a fetch has ended since the ticket was taken.
        pub(crate) fn fetch(&self, ticket: Ticket, deadline: Deadline, caller: Deadline) -> FetchOutcome {
            let Some(turn) = self.flight.take(deadline.left()) else { return fetch_timed_out() };
            if let Some(outcome) = self.core.merchant.ring.outcome_since(ticket) {
                return outcome;
            }
            // It has had to wait for its turn.
            let deadline = Deadline::after(deadline.left());
            let request = list_request(&self.core);
            let mut attempts = attempts(&self.core, &request, deadline, caller);
            let outcome = loop {
                let limits = attempts.exchange_limits(deadline.left());
                let outcome = self.fetch_once(&request, attempts.host(), &limits);
                match next_delay(&self.core, &mut attempts, &outcome) {
                    Some(wait) => self.core.delivery.timer.sleep_blocking(wait),
                    None => break outcome,
                }
            };
            let outcome = finish_fetch(&self.core, &request, deadline, outcome);
            drop(turn);
            outcome
        }

        fn fetch_once(&self, request: &Request, host: Host, limits: &ExchangeLimits) -> Result<(), Error> {
            let deadline = Deadline::after(limits.whole);
            let mut signed =
                self.signed(self.core.prepare_request(request, host)?, deadline.left_to_fetch())?;
            limits.tell(&mut signed);
            let authorization = signed.headers().get(AUTHORIZATION).cloned();
            let response = self.transport.send(signed.map(Into::into), deadline.left_to_fetch())?;
            let taken = install_list(&self.core, read_whole(response)?);
            taken.map_err(|error| self.core.explain(request, authorization.as_ref(), error))
        }
    }

    #[cfg(feature = "notifications")]
    impl FetchesCertificates for Arc<Shared<Blocking>> {
        fn begin_fetch(&self, serial: &str) -> bool {
            let Some(permit) = ThreadPermit::take() else { return false };
            let Some(ticket) =
                self.core.merchant.ring.request_fetch_for_notification(serial, self.core.now())
            else {
                return false;
            };
            self.fetch_elsewhere(ticket, permit, Deadline::after(MAX_FETCH));
            true
        }

        fn begin_refresh(&self) -> bool {
            let (ring, now) = (&self.core.merchant.ring, self.core.now());
            if !ring.is_refresh_due(now) {
                return false;
            }
            // Where too many threads fetch, it stays due.
            let Some(permit) = ThreadPermit::take() else { return false };
            let Some(ticket) = ring.take_due_refresh(now) else { return false };
            self.fetch_elsewhere(ticket, permit, Deadline::after(MAX_FETCH));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use weipay_wire::{ApiV3Key, MerchantId, MerchantSerial, PrivateKey};

    use super::*;
    use crate::ClientBuilder;
    use crate::error::ErrorKind;

    #[test]
    fn only_a_fetch_that_had_little_time_and_no_response_is_cut_short() {
        let over = |limit| Deadline { began: Instant::now() - limit, limit };
        let little = Duration::from_secs(1);
        let lost = || Error::from(crate::transport::timed_out(crate::error::Sent::Perhaps));
        assert!(over(little).cut_short(&lost()));
        assert!(!over(MAX_FETCH).cut_short(&lost()), "it had all of its time");
        assert!(!Deadline::after(little).cut_short(&lost()), "it ended before");
        let stood_still = Deadline { began: Instant::now() - MAX_FETCH - STALL_GRACE, limit: MAX_FETCH };
        assert!(stood_still.cut_short(&lost()));
        let mut refused = http::Response::new(bytes::Bytes::new());
        *refused.status_mut() = http::StatusCode::NOT_FOUND;
        let refused = RawResponse::new(refused, None);
        let refused = Error::with_response(ErrorKind::Api(ApiError::read(b"{}")), refused);
        assert!(!over(little).cut_short(&refused), "the platform has answered");
    }

    #[test]
    fn the_overseas_host_has_the_list_at_its_own_path() {
        for (base_url, listed_at) in [
            ("https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com/v3/certificates"),
            ("https://apihk.mch.weixin.qq.com/", "https://apihk.mch.weixin.qq.com/v3/global/certificates"),
            ("http://127.0.0.1:8880", "http://127.0.0.1:8880/v3/certificates"),
        ] {
            let core = ClientBuilder::default()
                .base_url(base_url)
                .mchid(MerchantId::new("1900000001").unwrap())
                .merchant_serial(MerchantSerial::new("0C4AEF34B89340881BB2B25226393DC2E47F094B").unwrap())
                .merchant_key(PrivateKey::generate().unwrap())
                .api_v3_key(ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap())
                .into_core(false)
                .unwrap();
            let prepared = core.prepare_request(&list_request(&core), crate::failover::Host::Main).unwrap();
            let crate::core::Prepared::Signed(prepared) = prepared else { panic!() };
            assert_eq!(prepared.uri().to_string(), listed_at);
        }
    }
}
