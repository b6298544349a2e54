//! Fetching the certificates: when a call waits for it, when it goes on in the background, and that only one runs at a time.
//!
//! Both modes follow the same steps. Whoever wants a fetch takes a ticket, waits for its turn, and sends only
//! if no fetch has ended since it took the ticket. So a hundred calls that meet an unknown key send one
//! fetch. A call whose time is over, or that is dropped, leaves its fetch on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http::header::AUTHORIZATION;
use serde_json::Value;
use weipay_wire::{ApiV3Key, Certificate, Envelope, EnvelopeAlgorithm, is_same_serial};

use super::Outcome;
use crate::core::Core;
use crate::error::{ApiError, Error, ErrorKind};
use crate::failover::Host;
use crate::json;
#[cfg(feature = "notifications")]
use crate::notification::FetchesCertificates;
use crate::operation::Operation;
use crate::request::Request;
use crate::response::RawResponse;

/// How long a fetch may take. The call that it was begun for may allow less.
const MAX_FETCH: Duration = Duration::from_secs(10);

/// A fetch that failed without a response says something of the platform if it had so long. One that had less may only have been
/// begun for a call that had to end.
const FAIR_FETCH: Duration = Duration::from_secs(9);

/// How long the attempts of one fetch may take together.
#[cfg(feature = "async")]
const MAX_TURN: Duration = Duration::from_secs(20);

/// How much later than it should a fetch ends that stood still, because nobody drove its runtime.
const STOOD_STILL: Duration = Duration::from_secs(2);

/// How many fetches one turn makes: one more if the platform tests the client with a wrong signature, which it does not do twice,
/// or if the host cannot be reached and has a backup.
const MAX_ATTEMPTS: usize = 2;

/// When a call must have ended.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    began: Instant,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { began: Instant::now(), limit }
    }

    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.began.elapsed())
    }

    /// Whether a fetch that had so long failed because the call that it was begun for had to end, or because it stood still.
    fn cut_short(&self, given: Duration, error: &Error) -> bool {
        let stood_still = self.began.elapsed() >= self.limit.saturating_add(STOOD_STILL);
        error.status().is_none() && (given < FAIR_FETCH && self.left().is_zero() || stood_still)
    }

    /// How long a fetch on the way may take.
    fn left_to_fetch(&self) -> Duration {
        self.left().min(MAX_FETCH)
    }
}

/// The request for the list. The overseas host has it at another path. A merchant of 国密 asks for certificates
/// of SM2, and gets them sealed by SM4; without the parameter the list has those of RSA.
fn request(core: &Core) -> Request {
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

/// Judges the response to it.
fn take_in(core: &Core, response: http::Response<bytes::Bytes>) -> Result<(), Error> {
    let response = RawResponse::new(response, core.merchant.key.clone());
    let taken = match response.status.is_success() {
        true => core.merchant.ring.take_in(&response, core.now()),
        false => Err(ErrorKind::Api(ApiError::read(&response.body))),
    };
    taken.map_err(|kind| Error::with_response(kind, response))
}

/// The host that is asked first.
fn first_host(core: &Core, request: &Request) -> Host {
    let delivery = &core.delivery;
    match core.has_backup(request, delivery.retries) {
        true => delivery.hosts.choose(delivery.timer.now(), None),
        false => Host::Main,
    }
}

/// Whether the list is asked for once more, and of which host.
fn is_to_repeat(core: &Core, request: &Request, host: &mut Host, outcome: &Result<(), Error>) -> bool {
    let delivery = &core.delivery;
    if outcome.as_ref().is_err_and(Error::is_signature_probe) {
        return true;
    }
    if !core.has_backup(request, delivery.retries) {
        return false;
    }
    let now = delivery.timer.now();
    let has_failed = delivery.hosts.note(*host, outcome.as_ref().err(), now);
    if has_failed {
        *host = delivery.hosts.choose(now, Some(*host));
    }
    has_failed
}

/// Ends a fetch. Those who wait learn how it ended, unless its call cut it short: then the next of them
/// fetches, within its own time.
fn end(core: &Core, request: &Request, outcome: Result<(), Error>, is_cut_short: bool) -> Outcome {
    let outcome = outcome.map_err(|error| Arc::new(error.in_call(request)));
    if is_cut_short { outcome } else { core.merchant.ring.end(outcome, core.now()) }
}

/// Nobody's turn came before the call had to end.
fn too_late() -> Outcome {
    Err(Arc::new(crate::transport::timed_out(crate::error::Sent::No).into()))
}

#[cfg(feature = "async")]
pub(crate) mod asynchronous {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use tokio::runtime::Handle;
    use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
    use tokio::time::timeout;

    use super::*;
    use crate::delivery::{Async, Shared};
    use crate::platform_keys::{Need, Ticket};
    use crate::transport::read_whole;

    /// Lets one task fetch at a time. The others wait, but not beyond their time, and not for a task that
    /// stands still because its runtime, which may have only one thread, is not driven any more.
    #[derive(Default)]
    pub struct Flight(Mutex<Current>);

    #[derive(Default)]
    struct Current {
        turns: Arc<Turns<()>>,
        /// When the last turn must have ended, or else it stands still.
        ends: Option<Instant>,
    }

    /// The turn of a task, until it is dropped.
    type Turn = OwnedMutexGuard<()>;

    impl Flight {
        fn current(&self) -> MutexGuard<'_, Current> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits for a turn, which lasts as long as this at most.
        async fn take(&self, deadline: Deadline, lasts: Duration) -> Option<Turn> {
            loop {
                let (turns, ends) = {
                    let current = self.current();
                    (Arc::clone(&current.turns), current.ends)
                };
                let turn = match Arc::clone(&turns).try_lock_owned() {
                    Ok(turn) => turn,
                    // Without a runtime there is no timer; the fetch that runs has its own limit.
                    Err(_) if Handle::try_current().is_err() => Arc::clone(&turns).lock_owned().await,
                    Err(_) => {
                        // Whoever has the turn has noted its end in a moment.
                        let ends_in =
                            ends.map_or(STOOD_STILL, |at| at.saturating_duration_since(Instant::now()));
                        match timeout(deadline.left().min(ends_in), Arc::clone(&turns).lock_owned()).await {
                            Ok(turn) => turn,
                            Err(_) if deadline.left().is_zero() => return None,
                            Err(_) => {
                                self.leave_behind(&turns);
                                continue;
                            }
                        }
                    }
                };
                let mut current = self.current();
                // A turn that was left behind meanwhile is no turn any more.
                if Arc::ptr_eq(&current.turns, &turns) {
                    current.ends = Some(Instant::now() + lasts);
                    return Some(turn);
                }
            }
        }

        /// Nobody waits any more for a turn that has lasted longer than a fetch can.
        fn leave_behind(&self, turns: &Arc<Turns<()>>) {
            let mut current = self.current();
            let is_over = current.ends.is_none_or(|at| at <= Instant::now());
            if is_over && Arc::ptr_eq(&current.turns, turns) {
                *current = Current::default();
            }
        }
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
            }
        }

        /// Fetches the certificates in the background. How it ended is noted in the ring; the keys that are
        /// there stay if it failed.
        pub(crate) fn refresh(self: &Arc<Self>, ticket: Ticket) {
            let Ok(runtime) = Handle::try_current() else { return };
            let shared = Arc::clone(self);
            runtime.spawn(async move { shared.fetch(ticket, MAX_FETCH).await.ok() });
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) async fn look_for(self: &Arc<Self>, serial: &str, limit: Duration) {
            if let Some(ticket) = self.core.merchant.ring.wish_for(serial, self.core.now()) {
                // Whether the key is there now, the verification will tell.
                self.fetch(ticket, limit).await.ok();
            }
        }

        /// Fetches the certificates, unless a fetch has ended since the ticket was taken. The call waits for
        /// them only as long as it may take itself. The fetch is a task of its own: one that needs longer, or
        /// whose call was dropped, goes on. Or else calls with little time would begin one after another, and
        /// never get any.
        pub(crate) async fn fetch(self: &Arc<Self>, ticket: Ticket, limit: Duration) -> Outcome {
            let deadline = Deadline::after(limit);
            let own_limit = limit.clamp(MAX_FETCH, MAX_TURN);
            let turn = self.flight.take(deadline, own_limit + STOOD_STILL).await;
            let Some(turn) = turn else { return too_late() };
            if let Some(outcome) = self.core.merchant.ring.outcome_since(ticket) {
                return outcome;
            }
            let Ok(runtime) = Handle::try_current() else { return self.fetch_in(turn, deadline).await };
            let shared = Arc::clone(self);
            let own_deadline = Deadline::after(own_limit);
            let fetch = runtime.spawn(async move { shared.fetch_in(turn, own_deadline).await });
            match timeout(deadline.left(), fetch).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                _ => too_late(),
            }
        }

        async fn fetch_in(&self, turn: Turn, deadline: Deadline) -> Outcome {
            let (request, given) = (request(&self.core), deadline.left());
            let mut host = first_host(&self.core, &request);
            let mut outcome = self.fetch_once(&request, host, deadline).await;
            for _ in 1..MAX_ATTEMPTS {
                if is_to_repeat(&self.core, &request, &mut host, &outcome) {
                    outcome = self.fetch_once(&request, host, deadline).await;
                }
            }
            let is_cut_short = outcome.as_ref().is_err_and(|error| deadline.cut_short(given, error));
            let outcome = end(&self.core, &request, outcome, is_cut_short);
            drop(turn);
            outcome
        }

        async fn fetch_once(&self, request: &Request, host: Host, deadline: Deadline) -> Result<(), Error> {
            let signed = self.signed(self.core.prepare(request, host)?, deadline.left_to_fetch()).await?;
            let authorization = signed.headers().get(AUTHORIZATION).cloned();
            let response = self.transport.send(signed.map(Into::into), deadline.left_to_fetch()).await?;
            let taken = take_in(&self.core, read_whole(response).await?);
            taken.map_err(|error| self.core.explain(request, authorization.as_ref(), error))
        }
    }

    /// It needs the runtime that the notification was received on. How a fetch ended is noted in the ring.
    #[cfg(feature = "notifications")]
    impl FetchesCertificates for Arc<Shared<Async>> {
        fn begin_fetch(&self, serial: &str) -> bool {
            let Ok(runtime) = Handle::try_current() else { return false };
            let Some(ticket) = self.core.merchant.ring.wish_for_notified(serial, self.core.now()) else {
                return false;
            };
            let shared = Self::clone(self);
            runtime.spawn(async move { shared.fetch(ticket, MAX_FETCH).await.ok() });
            true
        }

        fn begin_refresh(&self) -> bool {
            let ticket =
                Handle::try_current().ok().and_then(|_| self.core.merchant.ring.due(self.core.now()));
            ticket.inspect(|ticket| self.refresh(*ticket)).is_some()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn block_on<T>(future: impl Future<Output = T>) -> T {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(future)
        }

        #[test]
        fn one_task_has_the_turn_and_the_next_gets_it_when_that_ends() {
            let (flight, soon) = (Flight::default(), Deadline::after(Duration::from_millis(20)));
            let turn = block_on(flight.take(soon, MAX_FETCH)).unwrap();
            assert!(block_on(flight.take(soon, MAX_FETCH)).is_none());
            drop(turn);
            assert!(block_on(flight.take(Deadline::after(MAX_FETCH), MAX_FETCH)).is_some());
        }

        #[test]
        fn nobody_waits_for_a_turn_that_lasts_longer_than_a_fetch_can() {
            let flight = Flight::default();
            // Its own length counts, not that of the next.
            let stands_still = block_on(flight.take(Deadline::after(MAX_FETCH), Duration::ZERO)).unwrap();
            let next = block_on(flight.take(Deadline::after(MAX_FETCH), MAX_FETCH)).unwrap();
            // What was left behind ends at last, and frees no turn of others.
            drop(stands_still);
            let soon = Deadline::after(Duration::from_millis(20));
            assert!(block_on(flight.take(soon, MAX_FETCH)).is_none());
            drop(next);
            assert!(block_on(flight.take(Deadline::after(MAX_FETCH), MAX_FETCH)).is_some());
        }
    }
}

#[cfg(feature = "blocking")]
pub(crate) mod waiting {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
    use std::sync::{Condvar, Mutex, PoisonError};
    use std::thread;

    use super::*;
    use crate::delivery::{Blocking, Shared};
    use crate::platform_keys::{Need, Ticket};
    use crate::transport::blocking::read_whole;

    /// Lets one thread fetch at a time. The others wait, but not beyond their time.
    #[derive(Default)]
    pub struct Flight {
        is_taken: Mutex<bool>,
        freed: Condvar,
    }

    /// The turn of a thread, until it is dropped.
    struct Turn<'a>(&'a Flight);

    impl Flight {
        fn is_taken(&self) -> bool {
            *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn take(&self, wait: Duration) -> Option<Turn<'_>> {
            let is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.freed.wait_timeout_while(is_taken, wait, |is_taken| *is_taken);
            let (mut is_taken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() && *is_taken {
                return None;
            }
            *is_taken = true;
            Some(Turn(self))
        }
    }

    impl Drop for Turn<'_> {
        fn drop(&mut self) {
            *self.0.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
            self.0.freed.notify_one();
        }
    }

    /// How many threads of this process refresh certificates. They live as long as one fetch. A client that gets none tries again
    /// a minute later.
    static REFRESHING: AtomicUsize = AtomicUsize::new(0);
    const MAX_REFRESHING: usize = 8;

    /// One of those threads, until it is dropped.
    struct Place;

    impl Place {
        fn take() -> Option<Self> {
            let one_more = |count| (count < MAX_REFRESHING).then_some(count + 1);
            REFRESHING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            REFRESHING.fetch_sub(1, Ordering::Relaxed);
        }
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
            }
        }

        /// Fetches the certificates in the background, unless too many do.
        pub(crate) fn refresh(self: &Arc<Self>, ticket: Ticket) {
            if let Some(place) = Place::take() {
                self.fetch_elsewhere(ticket, place);
            }
        }

        /// Fetches the certificates on another thread, and gives the end where somebody waits for it.
        fn fetch_elsewhere(self: &Arc<Self>, ticket: Ticket, place: Place) -> Receiver<Outcome> {
            let shared = Arc::clone(self);
            let (tell, ended) = sync_channel(1);
            let fetch = move || {
                let _place = place;
                // How it ended is noted in the ring too. The keys that are there stay if it failed.
                tell.send(shared.fetch(ticket, Deadline::after(MAX_FETCH))).ok();
            };
            // Without a thread the program goes on with the keys that are there.
            thread::Builder::new().name("weipay-certificates".to_owned()).spawn(fetch).ok();
            ended
        }

        /// Fetches the certificates that a call needs. The call waits for them only as long as it may take
        /// itself; a fetch that needs longer goes on without it, or else calls with short limits would begin
        /// one after another and never get any.
        pub(crate) fn fetch_for_call(self: &Arc<Self>, ticket: Ticket, limit: Duration) -> Outcome {
            let deadline = Deadline::after(limit);
            if let Some(outcome) = self.core.merchant.ring.outcome_since(ticket) {
                return outcome;
            }
            // Who only waits for the fetch of another needs no thread.
            let place = if limit < MAX_FETCH && !self.flight.is_taken() { Place::take() } else { None };
            let Some(place) = place else { return self.fetch(ticket, deadline) };
            match self.fetch_elsewhere(ticket, place).recv_timeout(limit) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => too_late(),
                // There was no thread.
                Err(RecvTimeoutError::Disconnected) => self.fetch(ticket, deadline),
            }
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) fn look_for(self: &Arc<Self>, serial: &str, limit: Duration) {
            if let Some(ticket) = self.core.merchant.ring.wish_for(serial, self.core.now()) {
                // Whether the key is there now, the verification will tell.
                self.fetch_for_call(ticket, limit).ok();
            }
        }

        /// Fetches the certificates, unless a fetch has ended since the ticket was taken.
        pub(crate) fn fetch(&self, ticket: Ticket, deadline: Deadline) -> Outcome {
            let Some(turn) = self.flight.take(deadline.left()) else { return too_late() };
            if let Some(outcome) = self.core.merchant.ring.outcome_since(ticket) {
                return outcome;
            }
            let (request, given) = (request(&self.core), deadline.left());
            let mut host = first_host(&self.core, &request);
            let mut outcome = self.fetch_once(&request, host, deadline);
            for _ in 1..MAX_ATTEMPTS {
                if is_to_repeat(&self.core, &request, &mut host, &outcome) {
                    outcome = self.fetch_once(&request, host, deadline);
                }
            }
            let is_cut_short = outcome.as_ref().is_err_and(|error| deadline.cut_short(given, error));
            let outcome = end(&self.core, &request, outcome, is_cut_short);
            drop(turn);
            outcome
        }

        fn fetch_once(&self, request: &Request, host: Host, deadline: Deadline) -> Result<(), Error> {
            let signed = self.signed(self.core.prepare(request, host)?, deadline.left_to_fetch())?;
            let authorization = signed.headers().get(AUTHORIZATION).cloned();
            let response = self.transport.send(signed.map(Into::into), deadline.left_to_fetch())?;
            let taken = take_in(&self.core, read_whole(response)?);
            taken.map_err(|error| self.core.explain(request, authorization.as_ref(), error))
        }
    }

    #[cfg(feature = "notifications")]
    impl FetchesCertificates for Arc<Shared<Blocking>> {
        fn begin_fetch(&self, serial: &str) -> bool {
            let Some(place) = Place::take() else { return false };
            let Some(ticket) = self.core.merchant.ring.wish_for_notified(serial, self.core.now()) else {
                return false;
            };
            self.fetch_elsewhere(ticket, place);
            true
        }

        fn begin_refresh(&self) -> bool {
            let (ring, now) = (&self.core.merchant.ring, self.core.now());
            if !ring.is_due(now) {
                return false;
            }
            // Where too many threads fetch, it stays due.
            let Some(place) = Place::take() else { return false };
            let Some(ticket) = ring.due(now) else { return false };
            self.fetch_elsewhere(ticket, place);
            true
        }
    }
}

/// How many entries are read. The platform lists one certificate, or two while they change.
const MAX_ENTRIES: usize = 64;

/// The certificates that the APIv3 key decrypts. Entries of another algorithm (国密, without the feature `sm`) are left out.
///
/// # Errors
///
/// If there is none. The reason continues a sentence about the response.
pub(super) fn read_list(body: &[u8], key: &ApiV3Key) -> Result<Vec<Certificate>, String> {
    if !json::fits(body) {
        return Err(json::too_large());
    }
    let list: Value = serde_json::from_slice(body).map_err(|error| json::reason(&error))?;
    let entries = member(&list, "data").and_then(Value::as_array);
    let entries = entries.ok_or_else(|| "it has no list `data` of certificates".to_owned())?;
    let mut certificates = Vec::new();
    let mut problem = "it lists no certificate".to_owned();
    for entry in entries.iter().take(MAX_ENTRIES) {
        match open(entry, key) {
            Ok(certificate) => certificates.push(certificate),
            Err(reason) => problem = format!("no certificate in it can be used: {reason}"),
        }
    }
    if certificates.is_empty() { Err(problem) } else { Ok(certificates) }
}

fn open(entry: &Value, key: &ApiV3Key) -> Result<Certificate, String> {
    let sealed = member(entry, "encrypt_certificate").ok_or("`encrypt_certificate` is missing")?;
    let text = |name: &str| member(sealed, name).and_then(Value::as_str);
    let envelope = Envelope {
        nonce: text("nonce").ok_or("`nonce` is missing")?,
        associated_data: text("associated_data").unwrap_or_default(),
        ciphertext: text("ciphertext").ok_or("`ciphertext` is missing")?,
    };
    let algorithm = match text("algorithm").map(str::trim) {
        Some(name) => EnvelopeAlgorithm::from_name(name).ok_or("`algorithm` is not supported")?,
        None => EnvelopeAlgorithm::default(),
    };
    let pem = key.open_with(algorithm, &envelope).map_err(|error| error.to_string())?;
    let certificate = Certificate::from_pem_bytes(&pem).map_err(|error| error.to_string())?;
    match member(entry, "serial_no").and_then(Value::as_str) {
        Some(serial) if !is_same_serial(serial.trim(), certificate.serial()) => {
            Err("`serial_no` is not the serial of the certificate inside".to_owned())
        }
        _ => Ok(certificate),
    }
}

/// A member by its name. Official examples write some names with a blank at the end.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.as_object()?.iter().find(|(written, _)| written.trim() == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_a_fetch_that_had_little_time_and_no_response_is_cut_short() {
        let over = Deadline::after(Duration::ZERO);
        let lost = || Error::from(crate::transport::timed_out(crate::error::Sent::Perhaps));
        assert!(over.cut_short(Duration::from_millis(1), &lost()));
        assert!(!over.cut_short(MAX_FETCH - Duration::from_millis(1), &lost()), "it had all of its time");
        assert!(!Deadline::after(MAX_FETCH).cut_short(Duration::from_secs(1), &lost()), "it ended before");
        let mut refused = http::Response::new(bytes::Bytes::new());
        *refused.status_mut() = http::StatusCode::NOT_FOUND;
        let refused = RawResponse::new(refused, None);
        let refused = Error::with_response(ErrorKind::Api(ApiError::read(b"{}")), refused);
        assert!(!over.cut_short(Duration::from_millis(1), &refused), "the platform has answered");
    }
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
    use serde_json::json;
    use weipay_wire::{ApiV3Key, MerchantId, MerchantSerial, PrivateKey};

    use super::*;
    use crate::ClientBuilder;

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
            let prepared = core.prepare(&request(&core), crate::failover::Host::Main).unwrap();
            let crate::core::Prepared::Signed(prepared) = prepared else { panic!() };
            assert_eq!(prepared.uri().to_string(), listed_at);
        }
    }

    fn key() -> ApiV3Key {
        ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap()
    }

    fn entry(sealed_with: &ApiV3Key, content: &str, serial: &str) -> Value {
        let ciphertext = sealed_with.seal("61f9c719728a", "certificate", content.as_bytes()).unwrap();
        json!({
            "serial_no": serial,
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": "61f9c719728a",
                "associated_data": "certificate",
                "ciphertext": ciphertext,
            },
        })
    }

    fn certificate() -> (String, String) {
        let pem = PrivateKey::generate().unwrap().to_pkcs8_pem().unwrap();
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256).unwrap();
        let pem = CertificateParams::default().self_signed(&pair).unwrap().pem();
        let serial = Certificate::from_pem(&pem).unwrap().serial().to_owned();
        (pem, serial)
    }

    fn serials(body: &Value) -> Result<Vec<String>, String> {
        let found = read_list(body.to_string().as_bytes(), &key())?;
        Ok(found.iter().map(|one| one.serial().to_owned()).collect())
    }

    #[test]
    fn names_with_blanks_and_serials_in_lower_case_are_read() {
        let (pem, serial) = certificate();
        let mut written = entry(&key(), &pem, &serial.to_lowercase());
        let sealed = written.as_object_mut().unwrap().remove("encrypt_certificate").unwrap();
        written["encrypt_certificate "] = sealed;
        assert_eq!(serials(&json!({"data ": [written], "more": 1})), Ok(vec![serial]));
    }

    #[test]
    fn what_cannot_be_used_is_left_out_while_one_can() {
        let (pem, serial) = certificate();
        let other = ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap();
        let list = json!({"data": [
            entry(&other, &pem, "1"),
            entry(&key(), "-----BEGIN NOTHING-----", "2"),
            entry(&key(), &pem, "0C4A"),
            7,
            entry(&key(), &pem, &serial),
        ]});
        assert_eq!(serials(&list), Ok(vec![serial]));
    }

    #[test]
    fn a_list_without_a_usable_certificate_says_why() {
        let (pem, serial) = certificate();
        let other = ApiV3Key::new("0123456789abcdef0123456789abcdef").unwrap();
        for (list, reason) in [
            (json!({"data": []}), "lists no certificate"),
            (json!({}), "no list `data`"),
            (json!([]), "no list `data`"),
            (json!({"data": "x"}), "no list `data`"),
            (json!({"data": [entry(&other, &pem, &serial)]}), "APIv3密钥"),
            (json!({"data": [{"serial_no": serial}]}), "`encrypt_certificate` is missing"),
            (json!({"data": [entry(&key(), &pem, "0C4A")]}), "`serial_no`"),
        ] {
            let problem = serials(&list).unwrap_err();
            assert!(problem.contains(reason), "{problem}");
        }
        assert!(read_list(b"<html>", &key()).is_err());
        assert!(read_list(b"", &key()).is_err());
    }

    #[test]
    fn a_long_list_is_read_up_to_a_limit() {
        let (pem, serial) = certificate();
        let entries: Vec<_> = (0..1_000).map(|_| entry(&key(), &pem, &serial)).collect();
        assert_eq!(serials(&json!({"data": entries})).unwrap().len(), MAX_ENTRIES);
    }
}
