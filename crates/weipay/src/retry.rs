//! When a call is sent again: a pure decision from what happened to it, how often it was sent, and how much time is left.
//!
//! Whether a repeat is safe does not follow from the method or the error. It follows from what the platform may have seen, and
//! from what the catalogue says of the operation. A call is sent again only if no byte of it left, or if its
//! operation is known to be safe to repeat.

mod attempt;
mod policy;
mod timer;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use weipay_rules::rfc3339;

use crate::error::{Error, ErrorKind, Sent, codes};
use crate::request::Request;
use crate::response::RawResponse;
use crate::transport::NotOfHost;

#[cfg(feature = "tracing")]
pub(crate) use attempt::is_code;
pub use attempt::{Attempt, AttemptOutcome};
pub use policy::{RetryContext, RetryPolicy};
pub(crate) use timer::SystemTimer;
pub use timer::{Sleep, Timer};

/// How often and after which delays a client repeats a call that failed.
///
/// A call is sent again only where that cannot make it take effect twice:
///
/// - No connection, so that nothing was sent ([`Sent::No`]): whatever the operation is.
/// - If the operation is [safe to repeat](crate::Operation::is_safe_to_repeat): status 202, also with an error such as
///   `USERPAYING` in its body, 408, 425, 429, 499 or 5xx but 501 and 505; a code such as `SYSTEM_ERROR` whose official
///   advice is to repeat the call; a request that was sent, and no complete response came; an error response with a
///   signature that does not verify.
/// - After a signature probe (签名探测), if the operation is safe to repeat: at once, because the platform does not
///   probe a repeat.
/// - If there is another host to go to, and the operation is safe to repeat: a web page (HTML) with a status of success, or a
///   redirect, without any header of a signature. A proxy or the login page of a network answered in place of the platform.
/// - Never after any other response (such as a success that cannot be verified, or a rejection), and not if it would fail
///   again in the same way: the response is larger than 8 MiB, or a file to upload cannot be read.
///
/// An operation that has a request number (商户请求单号) counts as safe only if the request carries it. A path that the
/// catalogue does not have counts as not safe.
///
/// Each attempt is signed again, with its own nonce and timestamp, and has the same content. The [time
/// limit](crate::ClientBuilder::timeout) is for all attempts together: no wait goes beyond it. Before the second attempt the
/// client waits a random time up to [`base_delay`](Self::base_delay), then up to twice as long each time (full jitter). A
/// `Retry-After` of the platform comes before that random time. If it does not fit into the time limit, the call ends. In a
/// 502, 503 or 504 response it applies only to the host that sent it: the call may go to the other host at once.
///
/// A refund (申请退款) that may have arrived is sent again after one minute at the earliest, because the platform wants
/// refunds of an order that far apart; only after a signature probe is it sent again at once. With the default time
/// limit it is therefore not sent again: query it, and repeat it with the same number.
///
/// All calls, downloads and fetches of certificates of a client share a budget: 20 repeats, and one more for every ten of them
/// that succeed with their first attempt. Clients made from it by `for_merchant` and `for_sub_merchant` share it too. So
/// retries do not make an outage worse. The first attempt at the other host does not use the budget if nothing was sent to the
/// host that failed, or if the other host works.
///
/// ```
/// use std::time::Duration;
/// use weipay::{ClientBuilder, RetryConfig};
///
/// let patient = ClientBuilder::default().retries(RetryConfig::default().max_attempts(5).base_delay(Duration::from_secs(1)));
/// let once = ClientBuilder::default().retries(RetryConfig::none());
/// # let _ = (patient, once);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    max_attempts: u32,
    base_delay: Duration,
    max_delay: Duration,
}

impl Default for RetryConfig {
    /// At most three attempts; delays of up to 250 ms, then up to 500 ms.
    fn default() -> Self {
        Self { max_attempts: 3, base_delay: Duration::from_millis(250), max_delay: Duration::from_secs(8) }
    }
}

impl RetryConfig {
    /// Each call is sent once, to the host of the base URL. This switches off retries and failover.
    #[must_use]
    pub const fn none() -> Self {
        Self { max_attempts: 1, base_delay: Duration::ZERO, max_delay: Duration::ZERO }
    }

    /// The maximum number of attempts of a call, with the first one; 3 by default. 0 and 1 are the same.
    #[must_use]
    pub const fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// The maximum of the random wait before the second attempt; 250 ms by default. It doubles with each further attempt.
    #[must_use]
    pub const fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The maximum wait before any attempt; 8 s by default. A `Retry-After` may be longer.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Whether calls are sent once.
    pub(crate) const fn is_none(self) -> bool {
        self.max_attempts <= 1
    }

    /// How long to wait before the next attempt; `None` if there is none. `random` is any number, which spreads the waits.
    pub(crate) fn wait(self, class: RetryClass, progress: &Progress, random: u64) -> Option<Duration> {
        let jitter = fraction(self.max_jitter(progress.attempts), random);
        self.wait_with(class, progress, jitter)
    }

    /// The same with the longest wait that may come: what fits is sure to follow.
    pub(crate) fn longest_possible_wait(self, class: RetryClass, progress: &Progress) -> Option<Duration> {
        self.wait_with(class, progress, self.max_jitter(progress.attempts))
    }

    /// The longest random wait after so many attempts.
    fn max_jitter(self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.base_delay.saturating_mul(1 << doublings).min(self.max_delay)
    }

    fn wait_with(self, class: RetryClass, progress: &Progress, jitter: Duration) -> Option<Duration> {
        if progress.attempts >= self.max_attempts {
            return None;
        }
        let min_delay = progress.min_delay(class)?;
        let wait = match class {
            RetryClass::Unknown { retry_after } => {
                retry_after.unwrap_or_default().saturating_add(jitter).max(min_delay)
            }
            RetryClass::Probe => min_delay,
            RetryClass::Settled | RetryClass::NotSent | RetryClass::Intermediary => jitter,
        };
        (progress.elapsed.saturating_add(wait) < progress.limit).then_some(wait)
    }
}

/// A random part of a duration.
fn fraction(most: Duration, random: u64) -> Duration {
    let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(most.checked_add(1).map_or(random, |values| random % values))
}

/// The progress of a call when an attempt has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// How many attempts were made.
    pub(crate) attempts: u32,
    /// The time since the call began.
    pub(crate) elapsed: Duration,
    /// The time that all of it may take.
    pub(crate) limit: Duration,
    /// Whether the request may arrive twice.
    pub(crate) repeat: Repeatable,
}

impl Progress {
    /// The minimum delay before another attempt, also with a policy; `None` if there must be no other attempt.
    fn min_delay(&self, class: RetryClass) -> Option<Duration> {
        match class {
            RetryClass::Settled | RetryClass::Intermediary => None,
            RetryClass::NotSent => Some(Duration::ZERO),
            RetryClass::Unknown { .. } | RetryClass::Probe if self.repeat == Repeatable::No => None,
            RetryClass::Probe => Some(Duration::ZERO),
            RetryClass::Unknown { retry_after } => {
                let apart = match self.repeat {
                    Repeatable::After(apart) => apart,
                    Repeatable::No | Repeatable::Yes => Duration::ZERO,
                };
                Some(retry_after.unwrap_or_default().max(apart))
            }
        }
    }
}

/// Whether a request may arrive twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeatable {
    No,
    Yes,
    /// So far apart.
    After(Duration),
}

impl Repeatable {
    pub(crate) fn from_request(request: &Request) -> Self {
        match request.operation.filter(|_| request.is_safe_to_repeat()).map(crate::Operation::repeat_after) {
            None => Self::No,
            Some(Duration::ZERO) => Self::Yes,
            Some(apart) => Self::After(apart),
        }
    }
}

/// How an attempt ended, as far as a retry depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// It settles the call.
    Settled,
    /// No byte of the request left.
    NotSent,
    /// The request may have been carried out, or will be, and the advice is to send it again.
    Unknown {
        /// The delay that the platform asks for.
        retry_after: Option<Duration>,
    },
    /// The platform tested the client with a wrong signature.
    Probe,
    /// Something between the client and the platform answered. It would do so again, so only another host is worth an attempt.
    Intermediary,
}

impl RetryClass {
    /// The class for a call that has another host to go to, or none. On the way to the other one may be no intermediary. The
    /// platform never saw the call, or may have carried it out.
    pub(crate) fn for_hosts(self, has_backup: bool) -> Self {
        match self {
            Self::Intermediary if has_backup => Self::Unknown { retry_after: None },
            Self::Intermediary => Self::Settled,
            class => class,
        }
    }

    /// The class of an attempt. `now` is the time of day, for a `Retry-After` that is a date.
    pub(crate) fn from_outcome(outcome: &Result<RawResponse, Error>, now: i64) -> Self {
        match outcome {
            Ok(response) if response.status == StatusCode::ACCEPTED => {
                Self::Unknown { retry_after: retry_after(&response.headers, now) }
            }
            Ok(_) => Self::Settled,
            Err(error) => Self::from_error(error, now),
        }
    }

    /// The class of an attempt that failed.
    pub(crate) fn from_error(error: &Error, now: i64) -> Self {
        match error.kind() {
            // A response beyond the size limit, an upload whose file is gone, or no runtime: the same call ends so again.
            ErrorKind::Network(problem) if NotOfHost::lasts(problem) => Self::Settled,
            ErrorKind::Network(problem) if problem.sent == Sent::No => Self::NotSent,
            ErrorKind::Network(_) => Self::Unknown { retry_after: None },
            ErrorKind::SignatureProbe => Self::Probe,
            // Its own response may still come.
            ErrorKind::Api(problem) if problem.is_wrongly_signed() && !has_passing_status(error) => {
                Self::Unknown { retry_after: None }
            }
            ErrorKind::Api(_) if asks_for_a_repeat(error) => match error.headers() {
                Some(headers) => Self::Unknown { retry_after: retry_after(headers, now) },
                None => Self::Unknown { retry_after: None },
            },
            _ if error.is_from_intermediary() => Self::Intermediary,
            _ => Self::Settled,
        }
    }
}

fn asks_for_a_repeat(error: &Error) -> bool {
    // A refusal settles the call, whatever its status.
    error.may_have_taken_effect()
        && (has_passing_status(error) || error.code().is_some_and(codes::asks_for_a_repeat))
}

fn has_passing_status(error: &Error) -> bool {
    error.status().is_some_and(is_passing_status)
}

/// Whether the same call may succeed later after this status. 202 asks for a repeat with the same parameters,
/// with a body or without.
pub(crate) fn is_passing_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 202 | 408 | 425 | 429 | 499 | 500..) && !is_lasting_status(status)
}

/// Whether a server that responds with this status will not serve the call later either.
pub(crate) fn is_lasting_status(status: StatusCode) -> bool {
    [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED].contains(&status)
}

/// The tokens that a repeat takes from the bucket.
const REPEAT: u32 = 10;
/// A full bucket: twenty repeats.
const FULL: u32 = 20 * REPEAT;

/// The budget of a client. A call that succeeds with its first attempt puts a tenth of a repeat into it.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl Budget {
    /// Takes a repeat, if there is one.
    pub(crate) fn take(&self) -> bool {
        let less = |tokens: u32| tokens.checked_sub(REPEAT);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// A call succeeded at once. A full bucket, as it almost always is, is only read.
    pub(crate) fn refill(&self) {
        if self.0.load(Ordering::Relaxed) < FULL {
            let more = |tokens: u32| (tokens < FULL).then_some(tokens + 1);
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok();
        }
    }
}

/// The delay that the platform asks for in `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date. `None` if it
/// cannot be read. `now` is the time of day in seconds since 1970.
fn retry_after(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than a number holds are more than any time limit.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let wait = date(text)?.saturating_sub(now);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

/// A date such as `Wed, 21 Oct 2015 07:28:00 GMT`, in seconds since 1970. The two obsolete forms are not read.
fn date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (_, day, month, year, time, zone) = (word()?, word()?, word()?, word()?, word()?, word()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    rfc3339::parse(&format!("{year}-{month:02}-{day}T{time}Z")).map(|moment| moment.seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const UNKNOWN: RetryClass = RetryClass::Unknown { retry_after: None };

    const MINUTE_APART: Repeatable = Repeatable::After(Duration::from_secs(60));

    fn progress(attempts: u32, repeat: Repeatable) -> Progress {
        Progress { attempts, elapsed: Duration::ZERO, limit: LIMIT, repeat }
    }

    fn wait(class: RetryClass, repeat: Repeatable) -> Option<Duration> {
        RetryConfig::default().wait(class, &progress(1, repeat), 0)
    }

    #[test]
    fn what_was_not_sent_is_sent_again_whatever_the_operation() {
        for repeat in [Repeatable::No, Repeatable::Yes, MINUTE_APART] {
            assert!(wait(RetryClass::NotSent, repeat).is_some(), "{repeat:?}");
            assert_eq!(wait(RetryClass::Settled, repeat), None);
        }
    }

    #[test]
    fn what_may_have_arrived_is_sent_again_only_if_that_is_safe() {
        for class in [UNKNOWN, RetryClass::Probe, RetryClass::Unknown { retry_after: Some(Duration::ZERO) }] {
            assert_eq!(wait(class, Repeatable::No), None, "{class:?}");
            assert!(wait(class, Repeatable::Yes).is_some(), "{class:?}");
        }
    }

    #[test]
    fn refunds_are_a_minute_apart_and_so_beyond_the_default_time_limit() {
        assert_eq!(wait(UNKNOWN, MINUTE_APART), None);
        let patient = Progress { limit: Duration::from_secs(90), ..progress(1, MINUTE_APART) };
        let wait = RetryConfig::default().wait(UNKNOWN, &patient, u64::MAX).unwrap();
        assert_eq!(wait, Duration::from_secs(60));
    }

    #[test]
    fn no_wait_reaches_the_end_of_the_time_limit() {
        let class = RetryClass::Unknown { retry_after: Some(Duration::from_secs(20)) };
        let at = |elapsed| {
            let progress = Progress { elapsed: Duration::from_secs(elapsed), ..progress(1, Repeatable::Yes) };
            RetryConfig::default().wait(class, &progress, 0)
        };
        assert_eq!(at(9), Some(Duration::from_secs(20)));
        assert_eq!(at(10), None);
        assert_eq!(at(40), None);
    }

    #[test]
    fn waits_double_up_to_the_longest_one() {
        let retries = RetryConfig::default()
            .max_attempts(100)
            .base_delay(Duration::from_secs(1))
            .max_delay(Duration::from_secs(5));
        let most = |attempts| {
            let waits = (0..2_000).map(|random: u64| random.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            waits
                .filter_map(|random| retries.wait(UNKNOWN, &progress(attempts, Repeatable::Yes), random))
                .max()
                .unwrap()
        };
        for (attempts, seconds) in [(1, 1), (2, 2), (3, 4), (4, 5), (99, 5)] {
            let (most, bound) = (most(attempts), Duration::from_secs(seconds));
            assert!(most <= bound && most > bound / 2, "{attempts}: {most:?}");
        }
    }

    #[test]
    fn none_means_one_attempt() {
        for retries in [
            RetryConfig::none(),
            RetryConfig::default().max_attempts(0),
            RetryConfig::default().max_attempts(1),
        ] {
            assert!(retries.is_none());
            assert_eq!(retries.wait(RetryClass::NotSent, &progress(1, Repeatable::Yes), 0), None);
        }
    }

    fn endings() -> impl Strategy<Value = RetryClass> {
        let retry_after = prop::option::of((0..100_u64).prop_map(Duration::from_secs));
        prop_oneof![
            Just(RetryClass::Settled),
            Just(RetryClass::NotSent),
            Just(RetryClass::Probe),
            Just(RetryClass::Intermediary),
            retry_after.prop_map(|retry_after| RetryClass::Unknown { retry_after }),
        ]
    }

    proptest! {
        /// For any sequence of events and any configuration.
        #[test]
        fn what_is_not_safe_is_never_sent_again_after_it_may_have_arrived(
            sequence in prop::collection::vec((endings(), any::<u64>(), 0..20_000_u64), 1..12),
            max_attempts in any::<u32>(),
            base_delay in any::<u32>(),
            max_delay in any::<u32>(),
            limit in 0..100_u64,
        ) {
            let retries = RetryConfig::default()
                .max_attempts(max_attempts)
                .base_delay(Duration::from_micros(base_delay.into()))
                .max_delay(Duration::from_micros(max_delay.into()));
            let limit = Duration::from_secs(limit);
            let (mut may_have_arrived, mut elapsed) = (false, Duration::ZERO);
            for (made, (class, random, took)) in (1..).zip(sequence) {
                // It is sent here.
                prop_assert!(!may_have_arrived);
                may_have_arrived |= class != RetryClass::NotSent;
                elapsed += Duration::from_millis(took);
                let progress = Progress { attempts: made, elapsed, limit, repeat: Repeatable::No };
                let Some(wait) = retries.wait(class, &progress, random) else { break };
                prop_assert!(made < max_attempts);
                elapsed += wait;
                prop_assert!(elapsed < limit, "beyond the time limit");
            }
        }
    }

    #[test]
    fn the_budget_is_used_up_and_filled_by_what_succeeds() {
        let budget = Budget::default();
        budget.refill();
        assert_eq!((0..30).filter(|_| budget.take()).count(), 20);
        for _ in 0..9 {
            budget.refill();
        }
        assert!(!budget.take());
        budget.refill();
        assert!(budget.take());
        for _ in 0..1_000 {
            budget.refill();
        }
        assert_eq!((0..30).filter(|_| budget.take()).count(), 20);
    }

    fn asked(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().unwrap());
        // Wed, 21 Oct 2015 07:28:00 GMT, the example of RFC 9110, 5.6.7, less a minute.
        retry_after(&headers, 1_445_412_480 - 60)
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        assert_eq!(asked("0"), Some(Duration::ZERO));
        assert_eq!(asked("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(asked("Tue, 20 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn a_retry_after_that_is_neither_seconds_nor_a_date_asks_for_nothing() {
        for text in
            ["", "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 CET", "Wed, 21 Nix 2015 07:28:00 GMT", "Wed"]
        {
            assert_eq!(asked(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), 0), None);
    }
}
