//! The platform's keys: which there are, which one a request names, and how certificates come and go while a client runs.
//!
//! [`PlatformKeySet`] is one state of them and never changes. [`KeyRing`] holds the current set and swaps it. Calls take the set
//! with one clone of an `Arc`, so no lock is held while they sign or verify.

mod fetch;
mod key_set;
mod list;
mod schedule;
mod single_flight;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use weipay_wire::{ApiV3Key, Certificate, PlatformSerial, PublicKey, PublicKeyId, Scheme, VerifyError};

use crate::core::verify;
use crate::error::{DecodeError, ErrorKind, RequestError};
use crate::response::RawResponse;
pub(crate) use key_set::PlatformKeySet;
use schedule::{EndedFetch, Schedule};
pub(crate) use schedule::{FetchOutcome, Ticket};
#[cfg(feature = "async")]
pub(crate) use single_flight::asynchronous::SingleFlight as AsyncFlight;
#[cfg(feature = "blocking")]
pub(crate) use single_flight::blocking::SingleFlight as BlockingFlight;

/// The current keys of one merchant, and when certificates are fetched.
pub(crate) struct KeyRing {
    /// Given when the client was made. They never change.
    public_keys: Vec<(PublicKeyId, PublicKey)>,
    /// Decrypts the list of certificates; without it, the ring stays as it was made.
    key: Option<ApiV3Key>,
    /// How the merchant signs.
    scheme: Scheme,
    current: RwLock<Arc<PlatformKeySet>>,
    schedule: Mutex<Schedule>,
}

/// The action that the keys need before a call.
pub(crate) enum RequiredAction {
    /// There are keys, and they are not old.
    Nothing,
    /// There are none yet: the call waits for this fetch.
    Fetch(Ticket),
    /// They are old: this fetch goes on in the background.
    Refresh(Ticket),
    /// All of them have expired: the call waits for this fetch. If that fails, it is made only if it encrypts nothing.
    Renew(Ticket),
}

impl KeyRing {
    pub(crate) fn new(
        public_keys: Vec<(PublicKeyId, PublicKey)>,
        certificates: &[Certificate],
        key: Option<ApiV3Key>,
        scheme: Scheme,
    ) -> Self {
        let current = PlatformKeySet::new(&public_keys, certificates, scheme);
        let (current, schedule) = (RwLock::new(Arc::new(current)), Mutex::default());
        Self { public_keys, key, scheme, current, schedule }
    }

    /// The keys as they are now.
    pub(crate) fn current(&self) -> Arc<PlatformKeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the client has no key yet, and can fetch certificates.
    pub(crate) fn is_unfetched(&self) -> bool {
        self.key.is_some() && self.current().is_empty()
    }

    /// Whether certificates can be fetched.
    pub(crate) fn check_can_fetch(&self) -> Result<(), RequestError> {
        self.key.as_ref().map(|_| ()).ok_or(RequestError::MissingApiV3Key)
    }

    /// A request for a fetch that ends after now.
    pub(crate) fn new_ticket(&self) -> Ticket {
        self.schedule().new_ticket()
    }

    /// The action that the keys need before a call that uses them.
    pub(crate) fn required_action(&self, now: i64) -> RequiredAction {
        if self.is_unfetched() {
            return RequiredAction::Fetch(self.schedule().polite_ticket(now));
        }
        // The platform rejects fields that are encrypted with an expired key.
        if self.lacks_valid(now) {
            return RequiredAction::Renew(self.schedule().renewal_ticket(now));
        }
        self.take_due_refresh(now).map_or(RequiredAction::Nothing, RequiredAction::Refresh)
    }

    /// Whether the client has no valid key, and can fetch certificates. Requests with fields to encrypt wait for them.
    pub(crate) fn lacks_valid(&self, now: i64) -> bool {
        self.key.is_some() && self.public_keys.is_empty() && !self.current().has_valid_certificate(now)
    }

    /// A request for a refresh in the background, if it is time for one: it counts as begun.
    pub(crate) fn take_due_refresh(&self, now: i64) -> Option<Ticket> {
        self.key.as_ref()?;
        self.schedule().take_due_refresh(now, !self.public_keys.is_empty())
    }

    /// Whether it is time for a refresh in the background.
    #[cfg(all(feature = "blocking", feature = "notifications"))]
    pub(crate) fn is_refresh_due(&self, now: i64) -> bool {
        self.key.is_some() && self.schedule().is_refresh_due(now, !self.public_keys.is_empty())
    }

    /// A request for a fetch because of a serial that the ring does not have. An ID of a public key is not a reason: only
    /// certificates are fetched.
    pub(crate) fn request_fetch(&self, serial: &str, now: i64) -> Option<Ticket> {
        self.is_worth_fetching(serial).then(|| self.schedule().unknown_serial_ticket(now))
    }

    /// A request for a fetch because of a serial that a notification names; `None` if there is no reason for one, or
    /// one was given within a minute.
    #[cfg(feature = "notifications")]
    pub(crate) fn request_fetch_for_notification(&self, serial: &str, now: i64) -> Option<Ticket> {
        self.is_worth_fetching(serial).then(|| self.schedule().notification_ticket(now)).flatten()
    }

    /// Notes a serial by which a notification of another merchant was verified, and tells whether a fetch may bring the
    /// certificate with it.
    #[cfg(feature = "notifications")]
    pub(crate) fn note_foreign_serial(&self, serial: &str) -> bool {
        self.is_worth_fetching(serial) && self.schedule().note_foreign_serial(serial)
    }

    /// Whether certificates can be fetched, and this may be the serial of one that the ring does not have.
    pub(crate) fn is_worth_fetching(&self, serial: &str) -> bool {
        self.key.is_some() && self.current().get(serial).is_none() && PlatformSerial::new(serial).is_ok()
    }

    /// How the fetch ended that met a request; `None` if none has ended since.
    pub(crate) fn outcome_since(&self, ticket: Ticket) -> Option<FetchOutcome> {
        self.schedule().outcome_since(ticket)
    }

    /// Records how a fetch ended.
    pub(crate) fn record_outcome(&self, outcome: FetchOutcome, now: i64) -> FetchOutcome {
        let fetch = EndedFetch::new(outcome.clone(), now);
        self.schedule().record(fetch, now);
        outcome
    }

    /// Installs a list of certificates. It must be signed with a public key of the ring, or with one of the certificates that it
    /// brings: only who knows the APIv3 key can have encrypted those. It replaces all certificates that were there before, so
    /// that retired ones do not come back.
    pub(crate) fn install_list(&self, response: &RawResponse, now: i64) -> Result<(), ErrorKind> {
        let Some(key) = &self.key else { return Ok(()) };
        let listed = list::read(&response.body, key).map_err(|reason| {
            match verify(response, self.current().keys(), now) {
                // Such as the page of a proxy.
                Err(missing @ VerifyError::Missing(_)) => ErrorKind::Unverified(missing),
                _ => ErrorKind::Decode(DecodeError::whole(reason)),
            }
        })?;
        let set = PlatformKeySet::new(&self.public_keys, &listed.certificates, self.scheme);
        verify(response, set.keys(), now).map_err(|error| match error {
            VerifyError::Probe => ErrorKind::SignatureProbe,
            VerifyError::UnknownSerial { serial, .. } if listed.is_cut => {
                let most = list::MAX_ENTRIES;
                ErrorKind::Decode(DecodeError::whole(format!(
                    "it lists more than {most} certificates, and the one that it is signed with, {serial}, is not among the first \
                     {most}, which are read"
                )))
            }
            error => ErrorKind::Unverified(error),
        })?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(())
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use weipay_wire::PrivateKey;

    use super::*;
    use crate::error::{Error, NetworkError, Sent};

    const NOW: i64 = 1_782_864_000;
    const SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";

    fn ring(with_public_key: bool) -> KeyRing {
        let public_keys = match with_public_key {
            true => vec![(
                PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap(),
                PrivateKey::generate().unwrap().public_key(),
            )],
            false => Vec::new(),
        };
        let key = ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap();
        KeyRing::new(public_keys, &[], Some(key), Scheme::default())
    }

    #[test]
    fn a_public_key_alone_needs_no_certificates() {
        let ring = ring(true);
        assert!(!ring.is_unfetched());
        assert_eq!(ring.take_due_refresh(NOW), None);
        ring.record_outcome(Ok(()), NOW).unwrap();
        assert_eq!(ring.take_due_refresh(NOW + 12 * 3600), Some(1), "they were needed once");
    }

    #[test]
    fn without_any_key_a_call_waits_for_a_fetch() {
        let ring = ring(false);
        assert!(ring.is_unfetched() && matches!(ring.required_action(NOW), RequiredAction::Fetch(0)));
    }

    /// An error whose causes ask the ring.
    #[derive(Debug)]
    struct Asking(Arc<KeyRing>);

    impl std::fmt::Display for Asking {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("lost")
        }
    }

    impl std::fmt::Debug for KeyRing {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("KeyRing")
        }
    }

    impl std::error::Error for Asking {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.0.new_ticket();
            None
        }
    }

    #[test]
    fn causes_of_an_error_are_looked_at_without_a_lock() {
        let ring = Arc::new(ring(true));
        let source = Asking(Arc::clone(&ring)).into();
        let lost = Error::from(NetworkError { sent: Sent::No, source });
        let (tell, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            ring.request_fetch(SERIAL, NOW);
            ring.record_outcome(Err(Arc::new(lost)), NOW).unwrap_err();
            tell.send(ring.request_fetch(SERIAL, NOW + 5))
        });
        assert_eq!(ended.recv_timeout(std::time::Duration::from_secs(60)), Ok(Some(1)));
    }

    #[test]
    fn what_cannot_be_the_serial_of_a_certificate_is_no_reason_to_fetch() {
        let ring = ring(true);
        for serial in ["", "PUB_KEY_ID_0119000000012026", "PUB_KEY_ID_1", "x", "5157 F09E", "../../a"] {
            assert_eq!(ring.request_fetch(serial, NOW), None, "{serial}");
            #[cfg(feature = "notifications")]
            {
                assert_eq!(ring.request_fetch_for_notification(serial, NOW), None, "{serial}");
                assert!(!ring.note_foreign_serial(serial), "{serial}");
            }
        }
        assert_eq!(ring.request_fetch(SERIAL, NOW), Some(0));
        let without_key = KeyRing::new(Vec::new(), &[], None, Scheme::default());
        assert_eq!((without_key.request_fetch(SERIAL, NOW), without_key.take_due_refresh(NOW)), (None, None));
    }
}
