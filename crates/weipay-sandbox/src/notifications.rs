//! Notifications (回调通知): what waits in the outbox is posted to its receiver until the receiver acknowledges it, or the retry
//! table of its event ends.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | what is due, the attempts, what a response means, the next attempt |
//! | `message` | the body and its signature, made anew for each attempt |
//! | `receiver` | which addresses may be called, and one POST with its limits |
//!
//! Where several nodes use one store, the database says who delivers: a node claims what is due for a time that is longer than an
//! attempt takes, and only who holds the claim keeps what came of it. The claim of a node that has ended runs out.
//!
//! A delivery that was acknowledged, and whose acknowledgement could not be kept because the process ended, is repeated after
//! the restart: a notification arrives at least once, and receivers know a repeat by its `id`.

mod message;
mod receiver;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use weipay_catalog::Catalog;

use crate::log::{Log, LogEntry};
use crate::platform::Platform;
use crate::store::{LEASE, OutboxEntry, StoreError};

/// So many receivers are called at once.
const MAX_ATTEMPTS_AT_ONCE: usize = 64;
/// A receiver must have responded by then. Documented for product coupons; most pages do not say.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How often the outbox is looked at when nothing asks for it.
const LOOK: Duration = Duration::from_secs(1);

/// What empties the outbox of a platform.
#[derive(Clone)]
pub(crate) struct Sender {
    platform: Arc<Platform>,
    log: Option<Arc<Log>>,
    under_way: Arc<Mutex<HashSet<i64>>>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The receiver responded with this status.
    Status(u16),
    /// It did not respond, or it could not be called.
    Failed(String),
}

impl Outcome {
    /// UNCONFIRMED(acknowledgement) beyond 200 and 204, and whether the body counts: any 2xx acknowledges; a redirect is not followed and does
    /// not.
    fn is_acknowledged(&self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// When the attempt after this one is due, by the retry table of the event. UNCONFIRMED(retry-wait): that the wait begins with the attempt,
/// and not when it timed out.
fn next_attempt(entry: &OutboxEntry, started: i64) -> Option<i64> {
    let described = Catalog::embedded().notification("v3", &entry.event_type)?;
    let wait = described.retry.waits.get(usize::try_from(entry.attempts).ok()?)?;
    Some(started.saturating_add(i64::from(*wait)))
}

impl Sender {
    pub(crate) fn new(platform: Arc<Platform>, log: Option<Arc<Log>>) -> Self {
        Self { platform, log, under_way: Arc::default() }
    }

    /// Delivers what is due, whenever something is.
    pub(crate) async fn run(self) {
        loop {
            // An attempt that ends while the outbox is read may have settled what was read. Its end asks for another look.
            let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let claimed = Instant::now();
            // What is claimed from others is delivered now, so no more than there are places.
            let limit = match self.platform.store.is_shared() {
                true => MAX_ATTEMPTS_AT_ONCE.saturating_sub(under_way.len()),
                false => MAX_ATTEMPTS_AT_ONCE,
            };
            // A failure of the database is told by the request that meets it; the next look tries again.
            for entry in self.due(limit).await.unwrap_or_default() {
                if under_way.contains(&entry.number) {
                    continue;
                }
                if let Some(place) = self.take_place(entry.number) {
                    tokio::spawn(self.clone().attempt(entry, place, claimed));
                }
            }
            let _ = timeout(LOOK, self.platform.store.outbox_changed()).await;
        }
    }

    async fn due(&self, limit: usize) -> Result<Vec<OutboxEntry>, StoreError> {
        let platform = Arc::clone(&self.platform);
        let due = spawn_blocking(move || {
            let now = platform.clock.now();
            platform.store.transaction(|tx| tx.claim_due(now, limit))
        });
        due.await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// A place for an attempt, unless one is under way for the same notification, or too many are.
    fn take_place(&self, number: i64) -> Option<Place> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = under_way.len() < MAX_ATTEMPTS_AT_ONCE && under_way.insert(number);
        is_free.then(|| Place { sender: self.clone(), number })
    }

    async fn attempt(self, entry: OutboxEntry, place: Place, claimed: Instant) {
        if claimed.elapsed() + TIME_LIMIT * 2 > LEASE {
            // This process stood still. Another node may deliver it by now; if none does, it is claimed again.
            return;
        }
        let started = self.platform.clock.now();
        let outcome = self.post(&entry).await;
        let next = if outcome.is_acknowledged() { None } else { next_attempt(&entry, started) };
        let line = entry_of_log(&entry, &outcome, next.map(|next| next - started));
        self.platform.exchanges.note(line.clone());
        if let Some(log) = &self.log {
            log(line);
        }
        let platform = Arc::clone(&self.platform);
        let kept = spawn_blocking(move || {
            platform.store.transaction(|tx| match next {
                Some(due) => tx.postpone(&entry, due),
                None => tx.remove_from_outbox(&entry),
            })
        });
        if !matches!(kept.await, Ok(Ok(()))) {
            // It stays due, and the receiver must not hear of it without a pause.
            sleep(LOOK).await;
        }
        drop(place);
    }

    async fn post(&self, entry: &OutboxEntry) -> Outcome {
        let (platform, entry_to_sign) = (Arc::clone(&self.platform), entry.clone());
        let time = platform.clock.time_of_signatures();
        let message = spawn_blocking(move || message::make(&platform, &entry_to_sign, time)).await;
        let message = match message {
            Ok(Ok(message)) => message,
            Ok(Err(reason)) => return Outcome::Failed(reason),
            Err(_) => return Outcome::Failed("the notification could not be made".to_owned()),
        };
        let posted = receiver::post(&entry.notify_url, message, self.platform.private_receivers);
        match timeout(TIME_LIMIT, posted).await {
            Ok(Ok(status)) => Outcome::Status(status),
            Ok(Err(reason)) => Outcome::Failed(reason),
            Err(_) => Outcome::Failed(format!("no response within {} seconds", TIME_LIMIT.as_secs())),
        }
    }
}

/// The place of an attempt; free again when it is dropped.
struct Place {
    sender: Sender,
    number: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sender.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        self.sender.platform.store.look_at_outbox();
    }
}

fn entry_of_log(entry: &OutboxEntry, outcome: &Outcome, wait: Option<i64>) -> LogEntry {
    let number = entry.attempts.saturating_add(1);
    let after = match wait {
        Some(wait) => format!("; the next attempt follows after {wait} s"),
        None => "; no more attempts follow".to_owned(),
    };
    let (status, reason) = match outcome {
        Outcome::Status(status) if outcome.is_acknowledged() => (Some(*status), None),
        Outcome::Status(status) => {
            (Some(*status), Some(format!("attempt {number} was not acknowledged{after}")))
        }
        Outcome::Failed(reason) => (None, Some(format!("attempt {number}: {reason}{after}"))),
    };
    LogEntry::notification(&entry.event_type, &receiver::shown(&entry.notify_url), status, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn entry(event_type: &str, attempts: u32) -> OutboxEntry {
        OutboxEntry {
            number: 1,
            mchid: String::new(),
            notify_url: "http://someone@127.0.0.1:8000/a/b".to_owned(),
            platform_serial: String::new(),
            event_type: event_type.to_owned(),
            time: 0,
            resource: Value::Null,
            attempts,
            due: 0,
        }
    }

    /// From the first attempt to the last, in seconds.
    fn schedule(event_type: &str) -> Vec<i64> {
        let mut times = vec![0];
        while let Some(next) =
            next_attempt(&entry(event_type, times.len() as u32 - 1), times[times.len() - 1])
        {
            times.push(next);
        }
        times
    }

    #[test]
    fn each_event_is_repeated_by_its_own_table() {
        let coupon = schedule("COUPON.SEND");
        assert_eq!((coupon.len(), coupon[1], coupon[11]), (12, 60, 660));
        let payment = schedule("TRANSACTION.SUCCESS");
        assert_eq!(payment[..7], [0, 15, 30, 60, 240, 840, 2040]);
        assert_eq!((payment.len(), payment[15]), (16, 86_640));
        assert_eq!(schedule("NO.SUCH.EVENT"), [0]);
    }

    #[test]
    fn any_2xx_acknowledges_and_nothing_else_does() {
        for (outcome, acknowledged) in [
            (Outcome::Status(200), true),
            (Outcome::Status(204), true),
            (Outcome::Status(301), false),
            (Outcome::Status(404), false),
            (Outcome::Status(500), false),
            (Outcome::Failed(String::new()), false),
        ] {
            assert_eq!(outcome.is_acknowledged(), acknowledged, "{outcome:?}");
        }
    }

    #[test]
    fn an_attempt_is_a_line_that_names_event_host_and_what_follows() {
        let line = |outcome, wait| {
            let line = entry_of_log(&entry("COUPON.SEND", 0), &outcome, wait).to_string();
            line.split_once(' ').unwrap().1.to_owned()
        };
        let begin = "NOTIFY COUPON.SEND to http://127.0.0.1:8000";
        assert_eq!(line(Outcome::Status(204), None), format!("{begin} 204"));
        assert_eq!(
            line(Outcome::Status(500), Some(60)),
            format!("{begin} 500 (attempt 1 was not acknowledged; the next attempt follows after 60 s)")
        );
        assert_eq!(
            line(Outcome::Failed("connection refused".to_owned()), None),
            format!("{begin} - (attempt 1: connection refused; no more attempts follow)")
        );
    }
}
