//! When certificates are fetched: which requests for a fetch are met by the same one, and when the next one may begin.
//!
//! Nothing here waits or sends. Whoever wants a fetch gets a [`Ticket`], and a fetch that ends later meets it.

use std::sync::Arc;

use crate::error::Error;
use crate::retry::RetryClass;

/// The platform wants certificates to be fetched again before 12 hours have passed.
const REFRESH_AFTER: u64 = 11 * 60 * 60;

/// How long a failed refresh is not repeated in the background.
const RETRY_AFTER: u64 = 60;

/// How often an unknown serial leads to a fetch.
const UNKNOWN_SERIAL_AFTER: u64 = 60;

/// How soon the next fetch may follow a temporary failure: each call in between may be a payment whose response cannot be
/// verified.
const TRANSIENT_RETRY_AFTER: u64 = 5;

/// The longest `Retry-After`, in seconds, that delays the next fetch.
const MAX_RETRY_AFTER: u64 = 60;

/// How many serials of other merchants are remembered.
#[cfg(feature = "notifications")]
const MAX_FOREIGN_SERIALS: usize = 64;

/// How a fetch ended. Those who waited for it share it.
pub(crate) type FetchOutcome = Result<(), Arc<Error>>;

/// A request for a fetch: the number of fetches that had ended when it was made. A later one meets the request.
pub(crate) type Ticket = u64;

#[derive(Default)]
pub(super) struct Schedule {
    /// How many fetches have ended, and how the last one did.
    ended: Ticket,
    outcome: Option<FetchOutcome>,
    /// Whether it failed only for the moment.
    is_transient: bool,
    /// Until when no fetch may begin, by the `Retry-After` of the last one, if that failed.
    retry_after_until: Option<i64>,
    /// When the platform last responded with its certificates, or that there are none.
    responded_at: Option<i64>,
    /// When a refresh was last begun in the background.
    refresh_begun_at: Option<i64>,
    /// When an unknown serial of a response last led to a fetch, with the ticket.
    unknown_serial: Option<(i64, Ticket)>,
    /// When a fetch was last requested because all certificates have expired, with the ticket.
    renewal: Option<(i64, Ticket)>,
    /// How many fetches had ended when the platform last responded so.
    #[cfg(feature = "notifications")]
    responded: Ticket,
    /// When an unknown serial of a notification last led to a fetch.
    #[cfg(feature = "notifications")]
    notified_at: Option<i64>,
    /// Serials by which notifications of other merchants were verified, and the fetches that had ended before.
    #[cfg(feature = "notifications")]
    foreign_serials: Vec<(String, Ticket)>,
}

impl Schedule {
    /// The ticket for a fetch that ends after now, whatever the platform asked to wait.
    pub(super) fn new_ticket(&self) -> Ticket {
        self.ended
    }

    /// The same; but the ticket of the fetch that failed, while its `Retry-After` holds.
    pub(super) fn polite_ticket(&self, now: i64) -> Ticket {
        let must_wait = self.retry_after_until.is_some_and(|until| now < until);
        if must_wait { self.ended.saturating_sub(1) } else { self.ended }
    }

    /// A ticket that requests for the same reason share within so many seconds, with its time. After a temporary failure they
    /// share it only for [`TRANSIENT_RETRY_AFTER`] seconds.
    fn coalesced_ticket(&self, last: Option<(i64, Ticket)>, now: i64, within: u64) -> (i64, Ticket) {
        let Some((at, ticket)) = last else { return (now, self.polite_ticket(now)) };
        let has_failed_briefly = self.ended > ticket && self.is_transient;
        let within = if has_failed_briefly { TRANSIENT_RETRY_AFTER } else { within };
        if now.abs_diff(at) < within { (at, ticket) } else { (now, self.polite_ticket(now)) }
    }

    /// A request because no certificate is valid any more. Within a minute all such requests are one.
    pub(super) fn renewal_ticket(&mut self, now: i64) -> Ticket {
        let request = self.coalesced_ticket(self.renewal, now, RETRY_AFTER);
        self.renewal = Some(request);
        request.1
    }

    /// A request because of a serial that the ring does not have. Within a minute all such requests are one, so that one fetch
    /// meets all, unless that failed only for the moment.
    pub(super) fn unknown_serial_ticket(&mut self, now: i64) -> Ticket {
        let request = self.coalesced_ticket(self.unknown_serial, now, UNKNOWN_SERIAL_AFTER);
        self.unknown_serial = Some(request);
        request.1
    }

    /// A request because of a serial that a notification names; `None` if one was made within a minute. Strangers can post
    /// whatever they like, so these requests are counted apart: they never use up that of a call.
    #[cfg(feature = "notifications")]
    pub(super) fn notification_ticket(&mut self, now: i64) -> Option<Ticket> {
        if self.notified_at.is_some_and(|at| now.abs_diff(at) < UNKNOWN_SERIAL_AFTER) {
            return None;
        }
        self.notified_at = Some(now);
        Some(self.ended)
    }

    /// A request for a refresh in the background, if it is time for one: it counts as begun.
    pub(super) fn take_due_refresh(&mut self, now: i64, has_public_key: bool) -> Option<Ticket> {
        self.is_refresh_due(now, has_public_key).then(|| {
            self.refresh_begun_at = Some(now);
            self.ended
        })
    }

    /// Whether it is time for a refresh in the background. A client with a public key has no need of certificates before an
    /// unknown serial has shown that the platform uses them.
    pub(super) fn is_refresh_due(&self, now: i64, has_public_key: bool) -> bool {
        let is_old = match self.responded_at {
            Some(at) => now.abs_diff(at) >= REFRESH_AFTER,
            None => !has_public_key,
        };
        let has_begun = self.refresh_begun_at.is_some_and(|at| now.abs_diff(at) < RETRY_AFTER);
        is_old && !has_begun
    }

    /// Notes a serial by which a notification of another merchant was verified, and tells whether a fetch may bring it. It may
    /// until the platform has responded once since the serial was first noted: merchants may have certificates of their own.
    #[cfg(feature = "notifications")]
    pub(super) fn note_foreign_serial(&mut self, serial: &str) -> bool {
        if let Some((_, noted)) = self.foreign_serials.iter().find(|(known, _)| known == serial) {
            return self.responded <= *noted;
        }
        if self.foreign_serials.len() == MAX_FOREIGN_SERIALS {
            self.foreign_serials.remove(0);
        }
        self.foreign_serials.push((serial.to_owned(), self.ended));
        true
    }

    /// How the fetch ended that met a request; `None` if none has ended since.
    pub(super) fn outcome_since(&self, ticket: Ticket) -> Option<FetchOutcome> {
        if self.ended > ticket { self.outcome.clone() } else { None }
    }

    /// Records that a fetch ended.
    pub(super) fn record(&mut self, fetch: EndedFetch, now: i64) {
        self.ended += 1;
        if fetch.has_responded {
            self.responded_at = Some(now);
            #[cfg(feature = "notifications")]
            {
                self.responded = self.ended;
            }
        }
        self.retry_after_until = fetch.retry_after_until;
        self.is_transient = fetch.is_transient;
        self.outcome = Some(fetch.outcome);
    }
}

/// A fetch that ended, and what that means for the next. It is made before the schedule is locked: the causes of a caller's error
/// may do whatever they like.
pub(super) struct EndedFetch {
    outcome: FetchOutcome,
    has_responded: bool,
    is_transient: bool,
    retry_after_until: Option<i64>,
}

impl EndedFetch {
    pub(super) fn new(outcome: FetchOutcome, now: i64) -> Self {
        let error = outcome.as_ref().err();
        Self {
            has_responded: error.is_none_or(|error| says_no_certificates(error)),
            is_transient: error.is_some_and(|error| is_transient(error, now)),
            retry_after_until: error.and_then(|error| retry_after_until(error, now)),
            outcome,
        }
    }
}

/// Whether the failure is temporary, so that a fetch may succeed a moment later.
fn is_transient(error: &Error, now: i64) -> bool {
    RetryClass::from_error(error, now) != RetryClass::Settled
}

/// Until when no fetch may begin after this error, by its `Retry-After`.
fn retry_after_until(error: &Error, now: i64) -> Option<i64> {
    let RetryClass::Unknown { retry_after: Some(wait) } = RetryClass::from_error(error, now) else {
        return None;
    };
    let seconds = wait.as_secs().min(MAX_RETRY_AFTER);
    Some(now.saturating_add(i64::try_from(seconds).unwrap_or_default()))
}

/// Whether the platform says that the merchant has no certificates, as it does to those who were given a public key. It will say
/// the same in a minute.
fn says_no_certificates(error: &Error) -> bool {
    error.status() == Some(http::StatusCode::NOT_FOUND) && error.code() == Some("RESOURCE_NOT_EXISTS")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ApiError, ErrorKind, RequestError};
    use crate::response::RawResponse;

    const NOW: i64 = 1_782_864_000;
    #[cfg(feature = "notifications")]
    const SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";

    fn ended(schedule: &mut Schedule, outcome: FetchOutcome, now: i64) {
        schedule.record(EndedFetch::new(outcome, now), now);
    }

    /// A refusal of the list, with its `Retry-After`.
    fn refused(status: u16, retry_after: Option<&str>) -> FetchOutcome {
        let mut response = http::Response::builder().status(status);
        if let Some(asked) = retry_after {
            response = response.header(http::header::RETRY_AFTER, asked);
        }
        let body = br#"{"code":"SYSTEM_ERROR","message":"m"}"#;
        let kind = ErrorKind::Api(ApiError::read(body));
        let response = response.body(bytes::Bytes::from_static(body)).unwrap();
        Err(Arc::new(Error::with_response(kind, RawResponse::new(response, None))))
    }

    fn failure() -> FetchOutcome {
        Err(Arc::new(Error::new(ErrorKind::SignatureProbe)))
    }

    #[test]
    fn certificates_are_due_within_twelve_hours_and_a_minute_after_a_failure() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.take_due_refresh(NOW, false), Some(0));
        assert_eq!(schedule.take_due_refresh(NOW, false), None, "it has begun");
        ended(&mut schedule, failure(), NOW);
        assert_eq!(schedule.take_due_refresh(NOW + 59, false), None);
        assert_eq!(schedule.take_due_refresh(NOW + 60, false), Some(1));
        ended(&mut schedule, Ok(()), NOW + 60);
        assert_eq!(schedule.take_due_refresh(NOW + 60 + 10 * 3600, false), None);
        assert_eq!(schedule.take_due_refresh(NOW + 60 + 12 * 3600 - 1, false), Some(2));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_refreshing() {
        let mut schedule = Schedule::default();
        ended(&mut schedule, Ok(()), NOW + 100 * 365 * 86_400);
        assert_eq!(schedule.take_due_refresh(NOW, false), Some(1));
    }

    #[test]
    fn beside_a_public_key_certificates_are_refreshed_once_they_were_needed() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.take_due_refresh(NOW, true), None);
        ended(&mut schedule, Ok(()), NOW);
        assert_eq!(schedule.take_due_refresh(NOW + 12 * 3600, true), Some(1));
    }

    #[cfg(feature = "notifications")]
    #[test]
    fn an_unknown_certificate_may_be_this_merchants_until_the_platform_says() {
        let mut schedule = Schedule::default();
        ended(&mut schedule, Ok(()), NOW);
        assert!(schedule.note_foreign_serial(SERIAL), "what was responded before says nothing of it");
        ended(&mut schedule, failure(), NOW + 1);
        assert!(schedule.note_foreign_serial(SERIAL));
        ended(&mut schedule, Ok(()), NOW + 2);
        assert!(!schedule.note_foreign_serial(SERIAL));
    }

    #[test]
    fn within_a_minute_all_unknown_serials_request_one_fetch() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.unknown_serial_ticket(NOW), 0);
        assert!(schedule.outcome_since(0).is_none());
        ended(&mut schedule, Err(Arc::new(RequestError::MissingApiV3Key.into())), NOW);
        assert_eq!(schedule.unknown_serial_ticket(NOW + 59), 0);
        assert!(schedule.outcome_since(0).is_some());
        assert_eq!(schedule.unknown_serial_ticket(NOW + 60), 1);
        assert!(schedule.outcome_since(1).is_none());
    }

    /// Or each call of a minute could not be verified, because of one status of 500.
    #[test]
    fn a_fetch_that_failed_briefly_is_soon_followed_by_another() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.unknown_serial_ticket(NOW), 0);
        ended(&mut schedule, refused(500, None), NOW);
        assert_eq!(schedule.unknown_serial_ticket(NOW + 4), 0);
        assert_eq!(schedule.unknown_serial_ticket(NOW + 5), 1);
        ended(&mut schedule, Ok(()), NOW + 5);
        assert_eq!(schedule.unknown_serial_ticket(NOW + 64), 1);
    }

    #[test]
    fn a_platform_that_wants_to_be_left_alone_is() {
        for (asked, alone) in [("20", 20), ("3600", 60)] {
            let mut schedule = Schedule::default();
            ended(&mut schedule, Ok(()), NOW - 100);
            ended(&mut schedule, refused(429, Some(asked)), NOW);
            for later in [0, 1, alone - 1] {
                assert_eq!(schedule.polite_ticket(NOW + later), 1);
            }
            assert!(schedule.outcome_since(1).is_some_and(|outcome| outcome.is_err()));
            assert_eq!(schedule.unknown_serial_ticket(NOW + alone - 1), 1);
            assert_eq!(schedule.polite_ticket(NOW + alone), 2);
            assert_eq!(schedule.unknown_serial_ticket(NOW + alone + 60), 2);
        }
    }

    #[cfg(feature = "notifications")]
    #[test]
    fn notifications_request_one_fetch_a_minute_apart_from_calls() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.notification_ticket(NOW), Some(0));
        assert_eq!(schedule.notification_ticket(NOW + 59), None);
        ended(&mut schedule, failure(), NOW);
        assert_eq!(schedule.unknown_serial_ticket(NOW + 1), 1, "a call may fetch again");
        assert_eq!(schedule.notification_ticket(NOW + 60), Some(1));
    }
}
