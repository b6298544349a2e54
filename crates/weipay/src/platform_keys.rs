//! The platform's keys: which there are, which one a request names, and how certificates come and go while a client runs.
//!
//! [`PlatformKeySet`] is one state of them and never changes. [`KeyRing`] holds the current set and swaps it. Calls take the set
//! with one clone of an `Arc`, so no lock is held while they sign or verify.

mod fetch;
mod list;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use weipay_wire::{
    ApiV3Key, Certificate, PlatformKeys, PlatformSerial, PublicKey, PublicKeyId, Scheme, VerifyError,
    is_same_serial,
};

use crate::core::verify;
use crate::error::{DecodeError, Error, ErrorKind, RequestError};
use crate::response::RawResponse;
use crate::retry::RetryClass;
#[cfg(feature = "async")]
pub(crate) use fetch::asynchronous::Flight as AsyncFlight;
#[cfg(feature = "blocking")]
pub(crate) use fetch::waiting::Flight as BlockingFlight;

/// The platform's keys at one time: public keys (微信支付公钥) and certificates (平台证书) together.
pub(crate) struct PlatformKeySet {
    keys: PlatformKeys,
    /// The ID of the first public key of the merchant's scheme.
    public_key_id: Option<String>,
    certificates: Vec<Validity>,
}

/// A certificate's serial, and when it may be used, in Unix seconds.
struct Validity {
    serial: String,
    start: i64,
    end: i64,
    /// Whether its key has the merchant's scheme, or no key has.
    may_be_preferred: bool,
}

impl PlatformKeySet {
    /// `scheme` is how the merchant signs. A key of another one (国密 beside RSA) verifies, but is not preferred unless there
    /// is no other.
    pub(crate) fn new(
        public_keys: &[(PublicKeyId, PublicKey)],
        certificates: &[Certificate],
        scheme: Scheme,
    ) -> Self {
        let all =
            || public_keys.iter().map(|(_, key)| key).chain(certificates.iter().map(Certificate::public_key));
        let has_scheme = all().any(|key| key.scheme() == scheme);
        let may_be_preferred = |key: &PublicKey| !has_scheme || key.scheme() == scheme;
        let mut keys = PlatformKeys::new();
        for (id, key) in public_keys {
            keys.insert_public_key(id.clone(), key.clone());
        }
        for certificate in certificates {
            keys.insert_certificate(certificate);
        }
        let validity = |certificate: &Certificate| Validity {
            serial: certificate.serial().to_owned(),
            start: certificate.not_before(),
            end: certificate.not_after(),
            may_be_preferred: may_be_preferred(certificate.public_key()),
        };
        Self {
            keys,
            public_key_id: public_keys
                .iter()
                .find(|(_, key)| may_be_preferred(key))
                .map(|(id, _)| id.to_string()),
            certificates: certificates.iter().map(validity).collect(),
        }
    }

    /// The keys that may sign a response.
    pub(crate) fn keys(&self) -> &PlatformKeys {
        &self.keys
    }

    /// The key with this serial or ID, to encrypt with. It is not that of an expired certificate: the platform refuses what
    /// was encrypted with it, as a fault of the request.
    pub(crate) fn to_encrypt(&self, serial: &str, now: i64) -> Option<&PublicKey> {
        let has_ended =
            self.certificates.iter().any(|one| is_same_serial(&one.serial, serial) && now > one.end);
        if has_ended { None } else { self.get(serial) }
    }

    /// The key with this serial or ID.
    pub(crate) fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.keys.get(serial)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The serial or ID that is sent as `Wechatpay-Serial` if the caller sets none; nothing if there is no key yet. While a
    /// merchant migrates from certificates to a public key, it decides which of the two signs the response. Sensitive fields are
    /// encrypted with its key. A public key is preferred to certificates, and the first one to others, because a merchant who has
    /// one has begun to migrate. Of certificates it is the one with the latest start that is valid now: while certificates
    /// change there are several.
    pub(crate) fn preferred(&self, now: i64) -> Option<&str> {
        let of_certificate = || latest(&self.certificates, now).map(|found| found.serial.as_str());
        self.public_key_id.as_deref().or_else(of_certificate)
    }
}

/// The one with the latest start among those that are valid; of equal ones the first. If none is valid, the same among all, so
/// that the platform reports what is wrong.
fn latest(all: &[Validity], now: i64) -> Option<&Validity> {
    let rank = |one: &&Validity| ((one.start..=one.end).contains(&now), one.start);
    // Of equals `max_by_key` takes the last.
    all.iter().rev().filter(|one| one.may_be_preferred).max_by_key(rank)
}

/// The platform wants certificates to be fetched again before 12 hours have passed.
const REFRESH_AFTER: u64 = 11 * 60 * 60;

/// How long a failed refresh is not repeated in the background.
const RETRY_AFTER: u64 = 60;

/// How often an unknown serial leads to a fetch.
const UNKNOWN_AFTER: u64 = 60;

/// How soon the next fetch may follow a temporary failure: each call in between may be a payment whose response cannot be
/// verified.
const PASSING_AFTER: u64 = 5;

/// The longest `Retry-After`, in seconds, that delays the next fetch.
const MAX_LEFT_ALONE: u64 = 60;

/// How many serials of other merchants are remembered.
#[cfg(feature = "notifications")]
const MAX_OF_OTHERS: usize = 64;

/// How a fetch ended. Those who waited for it share it.
pub(crate) type Outcome = Result<(), Arc<Error>>;

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

#[derive(Default)]
struct Schedule {
    /// How many fetches have ended, and how the last one did.
    ended: Ticket,
    outcome: Option<Outcome>,
    /// Whether it failed only for the moment.
    is_transient: bool,
    /// Until when no fetch may begin, by the `Retry-After` of the last one, if that failed.
    left_alone_until: Option<i64>,
    /// When the platform last responded with its certificates, or that there are none.
    responded_at: Option<i64>,
    /// When a refresh was last begun in the background.
    begun_at: Option<i64>,
    /// When an unknown serial of a response last led to a fetch, and the fetches that had ended before.
    unknown: Option<(i64, Ticket)>,
    /// When a fetch was last requested because all certificates have expired, and the fetches that had ended before.
    ended_keys: Option<(i64, Ticket)>,
    /// How many fetches had ended when the platform last responded so.
    #[cfg(feature = "notifications")]
    responded: Ticket,
    /// When an unknown serial of a notification last led to a fetch.
    #[cfg(feature = "notifications")]
    notified_at: Option<i64>,
    /// Serials by which notifications of other merchants were verified, and the fetches that had ended before.
    #[cfg(feature = "notifications")]
    of_others: Vec<(String, Ticket)>,
}

impl Schedule {
    /// The ticket for a fetch that ends after now; or for the one that failed, while its `Retry-After` holds.
    fn ticket(&self, now: i64) -> Ticket {
        let is_left_alone = self.left_alone_until.is_some_and(|until| now < until);
        if is_left_alone { self.ended.saturating_sub(1) } else { self.ended }
    }

    /// A ticket that requests for the same reason share within so many seconds, with its time. After a temporary failure they
    /// share it only for [`PASSING_AFTER`] seconds.
    fn shared(&self, last: Option<(i64, Ticket)>, now: i64, within: u64) -> (i64, Ticket) {
        match last {
            Some((at, ticket)) => {
                let within = if self.ended > ticket && self.is_transient { PASSING_AFTER } else { within };
                if now.abs_diff(at) < within { (at, ticket) } else { (now, self.ticket(now)) }
            }
            None => (now, self.ticket(now)),
        }
    }
}

/// A request for a fetch: the number of fetches that had ended when it was made. A later one meets the request.
pub(crate) type Ticket = u64;

/// The action that the keys need before a call.
pub(crate) enum Need {
    /// There are keys, and they are not old.
    Nothing,
    /// There are none yet: the call waits for this fetch.
    Fetch(Ticket),
    /// They are old: this fetch goes on in the background.
    Refresh(Ticket),
    /// All of them have ended: the call waits for this fetch. If that fails, it is made only if it encrypts nothing.
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
    pub(crate) fn ticket(&self) -> Ticket {
        self.schedule().ended
    }

    /// The action that the keys need before a call that uses them.
    pub(crate) fn need(&self, now: i64) -> Need {
        if self.is_unfetched() {
            return Need::Fetch(self.schedule().ticket(now));
        }
        if let Some(ticket) = self.renew(now) {
            return Need::Renew(ticket);
        }
        self.due(now).map_or(Need::Nothing, Need::Refresh)
    }

    /// Whether the client has no valid key, and can fetch certificates. Requests with fields to encrypt wait for them.
    pub(crate) fn lacks_valid(&self, now: i64) -> bool {
        let has_valid =
            || self.current().certificates.iter().any(|one| one.may_be_preferred && now <= one.end);
        self.key.is_some() && self.public_keys.is_empty() && !has_valid()
    }

    /// A request for a fetch because no key is valid any more: what is encrypted with one would be refused. Within a minute
    /// all such requests are one.
    fn renew(&self, now: i64) -> Option<Ticket> {
        if !self.lacks_valid(now) {
            return None;
        }
        let mut schedule = self.schedule();
        let request = schedule.shared(schedule.ended_keys, now, RETRY_AFTER);
        schedule.ended_keys = Some(request);
        Some(request.1)
    }

    /// A request for a refresh in the background, if it is time for one.
    pub(crate) fn due(&self, now: i64) -> Option<Ticket> {
        let mut schedule = self.schedule();
        self.is_due_by(&schedule, now).then(|| {
            schedule.begun_at = Some(now);
            schedule.ended
        })
    }

    /// Whether it is time for a refresh in the background.
    #[cfg(all(feature = "blocking", feature = "notifications"))]
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.is_due_by(&self.schedule(), now)
    }

    /// A client with a public key has no need of certificates before an unknown serial has shown that the platform uses them.
    fn is_due_by(&self, schedule: &Schedule, now: i64) -> bool {
        let is_old = match schedule.responded_at {
            Some(at) => now.abs_diff(at) >= REFRESH_AFTER,
            None => self.public_keys.is_empty(),
        };
        let has_begun = schedule.begun_at.is_some_and(|at| now.abs_diff(at) < RETRY_AFTER);
        self.key.is_some() && is_old && !has_begun
    }

    /// A request for a fetch because of a serial that the ring does not have. Within a minute all such requests are one, so that
    /// one fetch meets all, unless that failed in passing. An ID of a public key is not a reason: only certificates are fetched.
    pub(crate) fn request_fetch(&self, serial: &str, now: i64) -> Option<Ticket> {
        self.check_worth_fetching(serial)?;
        let mut schedule = self.schedule();
        let request = schedule.shared(schedule.unknown, now, UNKNOWN_AFTER);
        schedule.unknown = Some(request);
        Some(request.1)
    }

    /// A request for a fetch because of a serial that a notification names; `None` if there is no reason for one, or
    /// one was given within a minute. Strangers can post whatever they like, so these requests are counted apart: they
    /// never use up that of a call.
    #[cfg(feature = "notifications")]
    pub(crate) fn request_fetch_for_notification(&self, serial: &str, now: i64) -> Option<Ticket> {
        self.check_worth_fetching(serial)?;
        let mut schedule = self.schedule();
        if schedule.notified_at.is_some_and(|at| now.abs_diff(at) < UNKNOWN_AFTER) {
            return None;
        }
        schedule.notified_at = Some(now);
        Some(schedule.ended)
    }

    /// Whether certificates can be fetched, and this may be the serial of one that the ring does not have.
    #[cfg(feature = "notifications")]
    pub(crate) fn is_worth_fetching(&self, serial: &str) -> bool {
        self.check_worth_fetching(serial).is_some()
    }

    /// Whether a fetch may bring the certificate with this serial, by which a notification of another
    /// merchant was verified. It may until the platform has responded once since that was first asked:
    /// merchants may have certificates of their own.
    #[cfg(feature = "notifications")]
    pub(crate) fn may_have(&self, serial: &str) -> bool {
        if !self.is_worth_fetching(serial) {
            return false;
        }
        let mut schedule = self.schedule();
        if let Some((_, asked)) = schedule.of_others.iter().find(|(known, _)| known == serial) {
            return schedule.responded <= *asked;
        }
        if schedule.of_others.len() == MAX_OF_OTHERS {
            schedule.of_others.remove(0);
        }
        let ended = schedule.ended;
        schedule.of_others.push((serial.to_owned(), ended));
        true
    }

    /// Whether certificates can be fetched, and this may be the serial of one that the ring does not have.
    fn check_worth_fetching(&self, serial: &str) -> Option<()> {
        self.key.as_ref()?;
        (self.current().get(serial).is_none() && PlatformSerial::new(serial).is_ok()).then_some(())
    }

    /// How the fetch ended that met a request; `None` if none has ended since.
    pub(crate) fn outcome_since(&self, ticket: Ticket) -> Option<Outcome> {
        let schedule = self.schedule();
        if schedule.ended > ticket { schedule.outcome.clone() } else { None }
    }

    /// Notes how a fetch ended.
    pub(crate) fn end(&self, outcome: Outcome, now: i64) -> Outcome {
        // Before the lock: the causes of a caller's error may do whatever they like.
        let has_responded = outcome.as_ref().map_or_else(|error| has_none(error), |()| true);
        let error = outcome.as_ref().err();
        let left_alone_until = error.and_then(|error| left_alone_until(error, now));
        let is_transient = error.is_some_and(|error| has_failed_in_passing(error, now));
        let mut schedule = self.schedule();
        schedule.ended += 1;
        if has_responded {
            schedule.responded_at = Some(now);
            #[cfg(feature = "notifications")]
            {
                schedule.responded = schedule.ended;
            }
        }
        schedule.left_alone_until = left_alone_until;
        schedule.is_transient = is_transient;
        schedule.outcome = Some(outcome.clone());
        outcome
    }

    /// Takes in a list of certificates. It must be signed with a public key of the ring, or with one of the certificates that it
    /// brings: only who knows the APIv3 key can have encrypted those. It replaces all certificates that were there before, so
    /// that retired ones do not come back.
    pub(crate) fn take_in(&self, response: &RawResponse, now: i64) -> Result<(), ErrorKind> {
        let Some(key) = &self.key else { return Ok(()) };
        let certificates = list::read(&response.body, key).map_err(|reason| {
            match verify(response, self.current().keys(), now) {
                // Such as the page of a proxy.
                Err(missing @ VerifyError::Missing(_)) => ErrorKind::Unverified(missing),
                _ => ErrorKind::Decode(DecodeError::whole(reason)),
            }
        })?;
        let set = PlatformKeySet::new(&self.public_keys, &certificates, self.scheme);
        verify(response, set.keys(), now).map_err(|error| match error {
            VerifyError::Probe => ErrorKind::SignatureProbe,
            error => ErrorKind::Unverified(error),
        })?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(())
    }

    fn schedule(&self) -> std::sync::MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the failure is temporary, so that a fetch may succeed a moment later.
fn has_failed_in_passing(error: &Error, now: i64) -> bool {
    error.is_from_intermediary() || RetryClass::from_error(error, now) != RetryClass::Settled
}

/// Until when no fetch may begin after this error, by its `Retry-After`.
fn left_alone_until(error: &Error, now: i64) -> Option<i64> {
    let RetryClass::Unknown { retry_after: Some(wait) } = RetryClass::from_error(error, now) else {
        return None;
    };
    let seconds = wait.as_secs().min(MAX_LEFT_ALONE);
    Some(now.saturating_add(i64::try_from(seconds).unwrap_or_default()))
}

/// Whether the platform says that the merchant has no certificates, as it does to those who were given a public key. It will say
/// the same in a minute.
fn has_none(error: &Error) -> bool {
    error.status() == Some(http::StatusCode::NOT_FOUND) && error.code() == Some("RESOURCE_NOT_EXISTS")
}

#[cfg(test)]
mod tests {
    use weipay_wire::PrivateKey;

    use super::*;

    fn start_of(all: &[(i64, i64)], now: i64) -> Option<i64> {
        let validity = |(start, end): &(i64, i64)| Validity {
            serial: String::new(),
            start: *start,
            end: *end,
            may_be_preferred: true,
        };
        latest(&all.iter().map(validity).collect::<Vec<_>>(), now).map(|one| one.start)
    }

    #[test]
    fn the_latest_start_among_the_valid_ones_wins_in_any_order() {
        for all in [[(10, 100), (20, 110), (60, 150)], [(60, 150), (20, 110), (10, 100)]] {
            assert_eq!(start_of(&all, 50), Some(20), "one of them is not valid yet");
            assert_eq!(start_of(&all, 60), Some(60));
            assert_eq!(start_of(&all, 15), Some(10));
        }
        assert_eq!(start_of(&[(20, 30), (10, 100)], 50), Some(10), "the later one has ended");
    }

    #[test]
    fn one_is_taken_even_if_none_is_valid() {
        assert_eq!(start_of(&[(10, 20), (15, 25)], 50), Some(15));
        assert_eq!(start_of(&[], 50), None);
    }

    #[test]
    fn of_equal_ones_the_first_is_taken() {
        let named = |serial: &str| {
            let serial = serial.to_owned();
            Validity { serial, start: 10, end: 100, may_be_preferred: true }
        };
        let all = [named("first"), named("second")];
        assert_eq!(latest(&all, 50).map(|one| one.serial.as_str()), Some("first"));
    }

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

    /// A refusal of the list, with its `Retry-After`.
    fn refused(status: u16, retry_after: Option<&str>) -> Outcome {
        let mut response = http::Response::builder().status(status);
        if let Some(asked) = retry_after {
            response = response.header(http::header::RETRY_AFTER, asked);
        }
        let body = br#"{"code":"SYSTEM_ERROR","message":"m"}"#;
        let kind = ErrorKind::Api(crate::error::ApiError::read(body));
        let response = response.body(bytes::Bytes::from_static(body)).unwrap();
        Err(Arc::new(Error::with_response(kind, RawResponse::new(response, None))))
    }

    fn failure() -> Outcome {
        Err(Arc::new(Error::new(ErrorKind::SignatureProbe)))
    }

    #[test]
    fn certificates_are_due_within_twelve_hours_and_a_minute_after_a_failure() {
        let ring = ring(false);
        assert_eq!(ring.due(NOW), Some(0));
        assert_eq!(ring.due(NOW), None, "it has begun");
        ring.end(failure(), NOW).unwrap_err();
        assert_eq!(ring.due(NOW + 59), None);
        assert_eq!(ring.due(NOW + 60), Some(1));
        ring.end(Ok(()), NOW + 60).unwrap();
        assert_eq!(ring.due(NOW + 60 + 10 * 3600), None);
        assert_eq!(ring.due(NOW + 60 + 12 * 3600 - 1), Some(2));
    }

    #[cfg(feature = "notifications")]
    #[test]
    fn an_unknown_certificate_may_be_this_merchants_until_the_platform_says() {
        for ring in [ring(false), ring(true)] {
            ring.end(Ok(()), NOW).unwrap();
            assert!(ring.may_have(SERIAL), "what was responded before says nothing of it");
            ring.end(failure(), NOW + 1).unwrap_err();
            assert!(ring.may_have(SERIAL));
            ring.end(Ok(()), NOW + 2).unwrap();
            assert!(!ring.may_have(SERIAL));
            assert!(!ring.may_have("PUB_KEY_ID_0119000000012027"), "only certificates are fetched");
        }
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_refreshing() {
        let ring = ring(false);
        ring.end(Ok(()), NOW + 100 * 365 * 86_400).unwrap();
        assert_eq!(ring.due(NOW), Some(1));
    }

    #[test]
    fn a_public_key_alone_needs_no_certificates() {
        let ring = ring(true);
        assert!(!ring.is_unfetched());
        assert_eq!(ring.due(NOW), None);
        ring.end(Ok(()), NOW).unwrap();
        assert_eq!(ring.due(NOW + 12 * 3600), Some(1), "they were needed once");
    }

    #[test]
    fn within_a_minute_all_unknown_serials_request_one_fetch() {
        let ring = ring(true);
        assert_eq!(ring.request_fetch(SERIAL, NOW), Some(0));
        assert!(ring.outcome_since(0).is_none());
        let lasting = Err(Arc::new(RequestError::MissingApiV3Key.into()));
        ring.end(lasting, NOW).unwrap_err();
        assert_eq!(ring.request_fetch(&SERIAL.replace('5', "6"), NOW + 59), Some(0));
        assert!(ring.outcome_since(0).is_some());
        assert_eq!(ring.request_fetch(SERIAL, NOW + 60), Some(1));
        assert!(ring.outcome_since(1).is_none());
    }

    /// Or each call of a minute could not be verified, because of one status of 500.
    #[test]
    fn a_fetch_that_failed_in_passing_is_soon_followed_by_another() {
        let ring = ring(true);
        assert_eq!(ring.request_fetch(SERIAL, NOW), Some(0));
        ring.end(refused(500, None), NOW).unwrap_err();
        assert_eq!(ring.request_fetch(SERIAL, NOW + 4), Some(0));
        assert_eq!(ring.request_fetch(SERIAL, NOW + 5), Some(1));
        ring.end(Ok(()), NOW + 5).unwrap();
        assert_eq!(ring.request_fetch(SERIAL, NOW + 64), Some(1));
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
            self.0.ticket();
            None
        }
    }

    #[test]
    fn causes_of_an_error_are_looked_at_without_a_lock() {
        let ring = Arc::new(ring(true));
        let source = Asking(Arc::clone(&ring)).into();
        let lost = crate::error::NetworkError { sent: crate::error::Sent::No, source };
        let (tell, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            ring.request_fetch(SERIAL, NOW);
            ring.end(Err(Arc::new(lost.into())), NOW).unwrap_err();
            tell.send(ring.request_fetch(SERIAL, NOW + 5))
        });
        assert_eq!(ended.recv_timeout(std::time::Duration::from_secs(60)), Ok(Some(1)));
    }

    #[test]
    fn a_platform_that_wants_to_be_left_alone_is() {
        let (without, with_certificates) = (ring(false), ring(true));
        let need = |now| match without.need(now) {
            Need::Fetch(ticket) => ticket,
            _ => unreachable!(),
        };
        for (asked, alone) in [("20", 20), ("3600", 60)] {
            let ended = without.end(refused(429, Some(asked)), NOW);
            ended.unwrap_err();
            let last = without.ticket();
            assert!(
                [0, 1, alone - 1].map(|later| need(NOW + later)).iter().all(|ticket| *ticket == last - 1)
            );
            assert!(without.outcome_since(last - 1).is_some_and(|outcome| outcome.is_err()));
            assert_eq!(need(NOW + alone), last);
            with_certificates.end(refused(429, Some(asked)), NOW).unwrap_err();
            assert_eq!(with_certificates.request_fetch(SERIAL, NOW + alone - 1), Some(last - 1));
            assert_eq!(with_certificates.request_fetch(SERIAL, NOW + alone + 60), Some(last));
        }
    }

    #[cfg(feature = "notifications")]
    #[test]
    fn notifications_request_one_fetch_a_minute_apart_from_calls() {
        let ring = ring(true);
        assert_eq!(ring.request_fetch_for_notification(SERIAL, NOW), Some(0));
        for made_up in ["5157F09EFDC096DE15EBE81A47057A7232F1B8E2", SERIAL] {
            assert_eq!(ring.request_fetch_for_notification(made_up, NOW + 59), None);
        }
        ring.end(failure(), NOW).unwrap_err();
        assert_eq!(ring.request_fetch(SERIAL, NOW + 1), Some(1), "a call may fetch again");
        assert_eq!(ring.request_fetch_for_notification(SERIAL, NOW + 60), Some(1));
        assert_eq!(ring.request_fetch_for_notification("PUB_KEY_ID_1", NOW + 200), None);
    }

    #[test]
    fn what_cannot_be_the_serial_of_a_certificate_is_no_reason_to_fetch() {
        let ring = ring(true);
        for serial in ["", "PUB_KEY_ID_0119000000012026", "PUB_KEY_ID_1", "x", "5157 F09E", "../../a"] {
            assert_eq!(ring.request_fetch(serial, NOW), None, "{serial}");
        }
        let without_key = KeyRing::new(Vec::new(), &[], None, Scheme::default());
        assert_eq!((without_key.request_fetch(SERIAL, NOW), without_key.due(NOW)), (None, None));
    }
}
