//! Fetching the certificates: when a call waits for it, when it goes on in the background, and that only one runs at a time.
//!
//! Both modes follow the same steps. Whoever wants a fetch takes a ticket, waits for its turn, and sends only if no fetch has
//! ended since it took the ticket. So a hundred calls that meet an unknown key send one fetch, and one that is cancelled leaves
//! its turn to the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http::header::AUTHORIZATION;

use super::ring::Outcome;
use crate::core::Core;
use crate::error::{ApiError, Error, ErrorKind};
use crate::failover::Host;
use crate::operation::Operation;
use crate::request::Request;
use crate::response::RawResponse;

/// How long a fetch may take. The call that it was begun for may allow less.
const MAX_FETCH: Duration = Duration::from_secs(10);

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

    /// How long a fetch on the way may take.
    fn left_to_fetch(&self) -> Duration {
        self.left().min(MAX_FETCH)
    }
}

/// The request for the list. The overseas host has it at another path.
fn request(core: &Core) -> Request {
    let path = if core.base_url.is_overseas() { "v3/global/certificates" } else { "v3/certificates" };
    let mut request = Request::new(path.to_owned());
    request.operation = Operation::find(&Method::GET, path);
    request
}

/// Judges the response to it.
fn take_in(core: &Core, response: http::Response<bytes::Bytes>) -> Result<(), Error> {
    let (parts, body) = response.into_parts();
    let response = RawResponse {
        status: parts.status,
        headers: parts.headers,
        body,
        verified: false,
        elements: None,
        attempts: Vec::new(),
        operation: None,
        unknown_members: Vec::new(),
        decryption_key: Arc::clone(&core.merchant.key),
    };
    let taken = match response.status.is_success() {
        true => core.merchant.ring().take_in(&response, core.now()),
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

/// Ends a fetch.
fn end(core: &Core, request: &Request, outcome: Result<(), Error>) -> Outcome {
    let outcome = outcome.map_err(|error| Arc::new(error.in_call(request)));
    core.merchant.ring().end(outcome, core.now())
}

/// Nobody's turn came before the call had to end.
fn too_late() -> Outcome {
    Err(Arc::new(crate::transport::timed_out(crate::error::Sent::No).into()))
}

#[cfg(feature = "async")]
mod asynchronous {
    use super::*;
    use crate::mode::{Async, Shared};
    use crate::platform_keys::ring::Ticket;
    use crate::transport::read_whole;

    impl Shared<Async> {
        /// Makes sure that there are keys before a call that needs one, and lets old ones be refreshed in the background.
        pub(crate) async fn provide_keys(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
            let ring = self.core.merchant.ring();
            if ring.is_unfetched() {
                return self.fetch(ring.ticket(), deadline).await.map_err(Error::without_keys);
            }
            if let Some(ticket) = ring.due(self.core.now())
                && let Ok(runtime) = tokio::runtime::Handle::try_current()
            {
                let shared = Arc::clone(self);
                // How it ended is noted in the ring. The keys that are there stay if it failed.
                runtime.spawn(async move { shared.fetch(ticket, Deadline::after(MAX_FETCH)).await.ok() });
            }
            Ok(())
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) async fn look_for(&self, serial: &str, deadline: Deadline) {
            if let Some(ticket) = self.core.merchant.ring().wish_for(serial, self.core.now()) {
                // Whether the key is there now, the verification will tell.
                self.fetch(ticket, deadline).await.ok();
            }
        }

        /// Fetches the certificates, unless a fetch has ended since the ticket was taken.
        pub(crate) async fn fetch(&self, ticket: Ticket, deadline: Deadline) -> Outcome {
            let ring = self.core.merchant.ring();
            let turn = match self.flight.try_lock() {
                Ok(turn) => turn,
                // Without a runtime there is no timer; the fetch that runs has its own limit.
                Err(_) if tokio::runtime::Handle::try_current().is_err() => self.flight.lock().await,
                Err(_) => match tokio::time::timeout(deadline.left(), self.flight.lock()).await {
                    Ok(turn) => turn,
                    Err(_) => return too_late(),
                },
            };
            if let Some(outcome) = ring.outcome_since(ticket) {
                return outcome;
            }
            let request = request(&self.core);
            let mut host = first_host(&self.core, &request);
            let mut outcome = self.fetch_once(&request, host, deadline).await;
            for _ in 1..MAX_ATTEMPTS {
                if is_to_repeat(&self.core, &request, &mut host, &outcome) {
                    outcome = self.fetch_once(&request, host, deadline).await;
                }
            }
            let outcome = end(&self.core, &request, outcome);
            drop(turn);
            outcome
        }

        async fn fetch_once(&self, request: &Request, host: Host, deadline: Deadline) -> Result<(), Error> {
            let signed = self.core.prepare(request, host)?;
            let authorization = signed.headers().get(AUTHORIZATION).cloned();
            let response = self.transport.send(signed.map(Into::into), deadline.left_to_fetch()).await?;
            let taken = take_in(&self.core, read_whole(response).await?);
            taken.map_err(|error| self.core.explain(request, authorization.as_ref(), error))
        }
    }
}

#[cfg(feature = "blocking")]
pub(crate) mod waiting {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex, PoisonError};
    use std::thread;

    use super::*;
    use crate::mode::{Blocking, Shared};
    use crate::platform_keys::ring::Ticket;
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
        /// Makes sure that there are keys before a call that needs one, and lets old ones be refreshed by another thread.
        pub(crate) fn provide_keys(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
            let ring = self.core.merchant.ring();
            if ring.is_unfetched() {
                return self.fetch(ring.ticket(), deadline).map_err(Error::without_keys);
            }
            if let Some(ticket) = ring.due(self.core.now())
                && let Some(place) = Place::take()
            {
                let shared = Arc::clone(self);
                let refresh = move || {
                    let _place = place;
                    // How it ended is noted in the ring. The keys that are there stay if it failed.
                    shared.fetch(ticket, Deadline::after(MAX_FETCH)).ok();
                };
                // Without a thread the call goes on with the keys that are there.
                thread::Builder::new().name("weipay-certificates".to_owned()).spawn(refresh).ok();
            }
            Ok(())
        }

        /// Fetches the certificates if the ring does not have the key that this serial names.
        pub(crate) fn look_for(&self, serial: &str, deadline: Deadline) {
            if let Some(ticket) = self.core.merchant.ring().wish_for(serial, self.core.now()) {
                // Whether the key is there now, the verification will tell.
                self.fetch(ticket, deadline).ok();
            }
        }

        /// Fetches the certificates, unless a fetch has ended since the ticket was taken.
        pub(crate) fn fetch(&self, ticket: Ticket, deadline: Deadline) -> Outcome {
            let Some(turn) = self.flight.take(deadline.left()) else { return too_late() };
            if let Some(outcome) = self.core.merchant.ring().outcome_since(ticket) {
                return outcome;
            }
            let request = request(&self.core);
            let mut host = first_host(&self.core, &request);
            let mut outcome = self.fetch_once(&request, host, deadline);
            for _ in 1..MAX_ATTEMPTS {
                if is_to_repeat(&self.core, &request, &mut host, &outcome) {
                    outcome = self.fetch_once(&request, host, deadline);
                }
            }
            let outcome = end(&self.core, &request, outcome);
            drop(turn);
            outcome
        }

        fn fetch_once(&self, request: &Request, host: Host, deadline: Deadline) -> Result<(), Error> {
            let signed = self.core.prepare(request, host)?;
            let authorization = signed.headers().get(AUTHORIZATION).cloned();
            let response = self.transport.send(signed.map(Into::into), deadline.left_to_fetch())?;
            let taken = take_in(&self.core, read_whole(response)?);
            taken.map_err(|error| self.core.explain(request, authorization.as_ref(), error))
        }
    }
}

#[cfg(test)]
mod tests {
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
                .into_core()
                .unwrap();
            let signed = core.prepare(&request(&core), crate::failover::Host::Main).unwrap();
            assert_eq!(signed.uri().to_string(), listed_at);
        }
    }
}
