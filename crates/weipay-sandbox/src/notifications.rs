//! Notifications (回调通知): what waits in the outbox is posted to its receiver until the receiver acknowledges it, or the retry
//! table of its event ends.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | what is due, the attempts, the next attempt |
//! | `message` | the body and its signature, made for each attempt |
//! | `lookup` | looking up the names of receivers |
//! | `receiver` | which addresses may be called, and one POST with its limits |
//! | `acknowledgement` | what a response means |
//! | `record` | what is kept of a notification and its attempts |
//! | `hold` | notifications that wait until they are released |
//! | `on_demand` | what a developer does to them |
//! | `trigger` | one notification of any event, for which nothing has happened |
//!
//! Where several nodes use one store, the database says who delivers: a node claims what is due for a time that is longer than an
//! attempt takes, and only who holds the claim keeps what came of it. The claim of a node that has ended runs out.
//!
//! A delivery that was acknowledged, and whose acknowledgement could not be kept because the process ended, is repeated after
//! the restart: a notification arrives at least once, and receivers know a repeat by its `id`. After its acknowledgement was
//! committed it arrives only if somebody asks for it.

mod acknowledgement;
mod hold;
mod lookup;
mod message;
pub(crate) mod on_demand;
mod receiver;
pub(crate) mod record;
pub(crate) mod trigger;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::log::LogEntry;
use crate::merchants::change::MerchantError;
use crate::platform::{Epoch, Platform, Task};
use crate::store::{LATEST, LEASE, OutboxEntry, StoreError, Transaction, receiver_of};
use message::{Message, Signature};
pub(crate) use receiver::Receivers;
use receiver::{Reading, TIME_LIMIT};
use record::{Attempt, AttemptKind, Notification, NotificationState};

/// So many receivers are called at once.
const MAX_ATTEMPTS_AT_ONCE: usize = 64;
/// So many of them at one receiver: one that is slow must not delay the others.
const MAX_ATTEMPTS_AT_ONE_RECEIVER: usize = 4;
/// So many are read at once: most often all are for one receiver, which takes few, and the others are read again.
const MAX_READ_AT_ONCE: usize = 8;
/// How often the outbox is looked at when nothing asks for it.
const LOOK: Duration = Duration::from_secs(1);

/// What is told where a thread panicked.
const PANICKED: &str = "the outbox could not be read";
const NOT_MADE: &str = "the notification could not be made";

/// What deliveries of a platform have in common.
#[derive(Default)]
pub(crate) struct Deliveries {
    receivers: Receivers,
    /// Whether a body that says `FAIL` makes a status 2xx a failure.
    reads_bodies: bool,
    /// The numbers of notifications, and where they go.
    under_way: Mutex<HashMap<i64, String>>,
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deliveries")
    }
}

impl Deliveries {
    pub(crate) fn new(receivers: Receivers, reads_bodies: bool) -> Self {
        Self { receivers, reads_bodies, ..Self::default() }
    }

    fn under_way(&self) -> HashMap<i64, String> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What this node has taken out of the outbox to deliver it.
#[derive(Debug, Clone)]
struct Taken {
    entry: OutboxEntry,
    /// In which state it was.
    epoch: Epoch,
    claimed: Claimed,
}

/// When this node began to claim what it delivers.
#[derive(Debug, Clone, Copy)]
struct Claimed {
    instant: Instant,
    /// On some systems the other clock stands still while the machine sleeps.
    time: SystemTime,
}

impl Claimed {
    fn now() -> Self {
        Self { instant: Instant::now(), time: SystemTime::now() }
    }

    /// Whether another node may deliver it by now: this process, its machine or the database stood still.
    fn may_be_anothers(&self) -> bool {
        let by_time = self.time.elapsed().unwrap_or_default();
        self.instant.elapsed().max(by_time) + TIME_LIMIT * 2 > LEASE
    }
}

/// Keeps a new notification beside its entry of the outbox, which is never due while its merchant is held.
pub(crate) fn keep_new(tx: &Transaction<'_>, entry: &mut OutboxEntry) -> Result<(), StoreError> {
    let (due, is_held) = hold::due(tx, &entry.mchid, entry.due)?;
    record::add(tx, entry, is_held)?;
    entry.due = due;
    Ok(())
}

/// What empties the outbox of a platform.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    platform: Arc<Platform>,
}

/// When the attempt after this one is due, by the retry table of the event. UNCONFIRMED(retry-wait): that the wait begins with the attempt,
/// and not when it timed out.
fn next_attempt(entry: &OutboxEntry, started: i64) -> Option<i64> {
    let described = message::described(&entry.event_type)?;
    let wait = described.retry.waits.get(usize::try_from(entry.attempts).ok()?)?;
    Some(started.saturating_add(i64::from(*wait)))
}

impl Sender {
    pub(crate) fn new(platform: Arc<Platform>) -> Self {
        Self { platform }
    }

    /// Delivers what is due, whenever something is.
    pub(crate) async fn run(self) {
        loop {
            // An attempt that ends while the outbox is read may have settled what was read. Its end asks for another look.
            let under_way = self.platform.deliveries.under_way();
            let claimed = Claimed::now();
            // What is claimed from others is delivered now, so no more than there are places.
            let wanted = MAX_ATTEMPTS_AT_ONCE.saturating_sub(under_way.len()).min(MAX_READ_AT_ONCE);
            let limit = match self.platform.store.is_shared() {
                true => wanted,
                // What is under way is still in the outbox, and is read again.
                false => under_way.len() + wanted,
            };
            // A failure of the database is told; the next look tries again.
            let due = self.due(limit, busy(&under_way), claimed).await;
            let due = self.platform.watched(Task::Outbox, due).unwrap_or_default();
            let may_be_more = due.len() >= limit;
            let (mut has_begun, mut left) = (false, Vec::new());
            for taken in due {
                if under_way.contains_key(&taken.entry.number) {
                    continue;
                }
                match self.take_place(&taken.entry, MAX_ATTEMPTS_AT_ONE_RECEIVER) {
                    Some(place) => {
                        has_begun = true;
                        tokio::spawn(self.clone().attempt_due(taken, place));
                    }
                    // Somebody delivers it on demand now, under the claim that this node has.
                    None if self.platform.deliveries.under_way().contains_key(&taken.entry.number) => {}
                    None => left.push(taken.entry),
                }
            }
            let has_left = !left.is_empty();
            if has_left && self.platform.store.is_shared() {
                self.give_back(left).await;
            }
            // What was left is for a receiver that is busy now. Behind it may be something for others.
            if has_begun && (has_left || may_be_more) {
                continue;
            }
            let _ = timeout(LOOK, self.platform.store.outbox_changed()).await;
        }
    }

    /// Lets other nodes, and this one later, deliver what was claimed and found no place.
    async fn give_back(&self, left: Vec<OutboxEntry>) {
        // What fails is free again when the claim ends.
        let given_back = self
            .blocking(move |platform| {
                platform.store.transaction(|tx| left.iter().try_for_each(|entry| tx.give_back(entry)))
            })
            .await;
        let _ = given_back.map(|done: Result<(), StoreError>| self.platform.watched(Task::Outbox, done));
    }

    async fn due(&self, limit: usize, busy: Vec<String>, began: Claimed) -> Result<Vec<Taken>, StoreError> {
        self.blocking(move |platform| {
            let generation = platform.generation();
            let _ = platform.watched(Task::FollowClock, platform.follow_clock());
            let _at_one_time = platform.whole_state.read().unwrap_or_else(PoisonError::into_inner);
            platform.at_one_time(platform.moment(generation), |tx, now| {
                let claimed = tx.claim_due(now.min(LATEST), limit, &busy)?;
                // Asked every second, and there is hardly ever anything.
                let epoch = if claimed.is_empty() { Epoch::default() } else { Epoch::current(tx)? };
                Ok(claimed.into_iter().map(|entry| Taken { entry, epoch, claimed: began }).collect())
            })
        })
        .await
        .unwrap_or_else(|| Err(StoreError::Corrupt(PANICKED.to_owned())))
    }

    /// Does work that waits for the database or a signature. `None` if it panicked.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Platform) -> T + Send + 'static,
    ) -> Option<T> {
        let platform = Arc::clone(&self.platform);
        spawn_blocking(move || work(&platform)).await.ok()
    }

    /// A place for an attempt, unless one is under way for the same notification, or too many are, in all or at its receiver.
    fn take_place(&self, entry: &OutboxEntry, at_receiver: usize) -> Option<Place> {
        let (number, receiver) = (entry.number, receiver_of(&entry.notify_url));
        let mut under_way = self.platform.deliveries.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let there = under_way.values().filter(|known| *known == receiver).count();
        if under_way.len() >= MAX_ATTEMPTS_AT_ONCE || there >= at_receiver || under_way.contains_key(&number)
        {
            return None;
        }
        under_way.insert(number, receiver.to_owned());
        Some(Place { sender: self.clone(), number })
    }

    async fn attempt_due(self, taken: Taken, place: Place) {
        // If no other node delivers it, it is claimed again.
        let claimed = taken.claimed;
        if claimed.may_be_anothers() {
            return;
        }
        let read = taken.clone();
        // One hand-over to another thread for both.
        let message = self.blocking(move |platform| {
            let is_due = is_still_due(platform, &read)?;
            let make = || make_message(platform, &read.entry, AttemptKind::Scheduled);
            // A message that cannot be made is an attempt that failed, and not one that comes again every second.
            let made = || catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err(NOT_MADE.to_owned()));
            Ok(is_due.then(made))
        });
        let panicked = || Err(StoreError::Corrupt(PANICKED.to_owned()).into());
        let message: Result<_, MerchantError> = message.await.unwrap_or_else(panicked);
        let message = match self.platform.watched(Task::LookAgain, message) {
            Ok(None) => return,
            Ok(Some(_)) if self.platform.store.is_shared() && claimed.may_be_anothers() => return,
            Ok(Some(message)) => message,
            // The receiver would hear of it, and nobody would know.
            Err(_) => return sleep(LOOK).await,
        };
        let attempt = self.post_message(&taken.entry, message, AttemptKind::Scheduled).await;
        let settled = self.keep(taken, attempt).await;
        if settled.is_err() {
            // It stays due, and the receiver must not hear of it without a pause.
            sleep(LOOK).await;
        }
        drop(place);
    }

    /// Makes an attempt, and keeps what came of it and when the next one is due. The caller has its place. `None` if it was not made,
    /// because another node may deliver the notification by now.
    async fn attempt(&self, taken: Taken, kind: AttemptKind) -> Result<Option<Attempt>, StoreError> {
        match self.post(&taken, kind).await {
            Some(attempt) => self.keep(taken, attempt).await.map(Some),
            None => Ok(None),
        }
    }

    /// Keeps what came of an attempt, and when the next one is due.
    async fn keep(&self, taken: Taken, attempt: Attempt) -> Result<Attempt, StoreError> {
        let next = if attempt.acknowledged { None } else { next_attempt(&taken.entry, attempt.time) };
        let wait = next.map(|next| next - attempt.time);
        self.platform.tell(entry_of_log(&taken.entry, &attempt, wait));
        let kept = attempt.clone();
        let settled = self.blocking(move |platform| {
            platform.store.transaction(|tx| settle(tx, &taken, kept.clone(), next))
        });
        let settled = settled
            .await
            .unwrap_or_else(|| Err(StoreError::Corrupt("an attempt could not be kept".to_owned())));
        self.platform.watched(Task::Deliveries, settled)?;
        Ok(attempt)
    }

    /// Makes the message for this attempt, posts it, and judges what comes back. `None` if the claim may have run out meanwhile: then nothing was
    /// sent.
    async fn post(&self, taken: &Taken, kind: AttemptKind) -> Option<Attempt> {
        let signed = taken.entry.clone();
        let message = self.blocking(move |platform| make_message(platform, &signed, kind));
        let message = message.await.unwrap_or_else(|| Err(NOT_MADE.to_owned()));
        if taken.claimed.may_be_anothers() {
            return None;
        }
        Some(self.post_message(&taken.entry, message, kind).await)
    }

    async fn post_message(
        &self,
        entry: &OutboxEntry,
        message: Result<Message, String>,
        kind: AttemptKind,
    ) -> Attempt {
        let deliveries = &self.platform.deliveries;
        let (time, started) = (self.platform.clock.now(), Instant::now());
        let is_v2 = entry.event_type.starts_with("v2/");
        let reading = if is_v2 || deliveries.reads_bodies { Reading::Counts } else { Reading::Shown };
        let received = match message {
            Ok(message) => receiver::post(&entry.notify_url, message, &deliveries.receivers, reading).await,
            Err(reason) => Err(reason),
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let judged = match is_v2 {
            true => acknowledgement::judged_v2(received),
            false => acknowledgement::judged(received, deliveries.reads_bodies),
        };
        judged.attempt(kind, time, milliseconds)
    }
}

/// Makes the message of one attempt.
fn make_message(platform: &Platform, entry: &OutboxEntry, kind: AttemptKind) -> Result<Message, String> {
    let signature = if kind == AttemptKind::Probe { Signature::Probe } else { Signature::Right };
    message::make(platform, entry, platform.time_of_signatures(&entry.mchid), signature)
}

/// The receivers that have as many attempts as they may.
fn busy(under_way: &HashMap<i64, String>) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for receiver in under_way.values() {
        *counts.entry(receiver).or_default() += 1;
    }
    let full = counts.into_iter().filter(|(_, count)| *count >= MAX_ATTEMPTS_AT_ONE_RECEIVER);
    full.map(|(receiver, _)| receiver.to_owned()).collect()
}

/// Whether what was claimed is still to be sent, and can be: a node that does not know its merchant yet must not use an attempt up.
fn is_still_due(platform: &Platform, taken: &Taken) -> Result<bool, MerchantError> {
    platform.look_at_merchant(&taken.entry.mchid)?;
    Ok(platform.store.transaction(|tx| check_due(tx, taken))?)
}

/// Whether a notification that was read from the outbox is still to be sent: since then it may have been acknowledged, held or sent.
/// Its record says so; what stands otherwise in the outbox is made to fit.
fn check_due(tx: &Transaction<'_>, taken: &Taken) -> Result<bool, StoreError> {
    let entry = &taken.entry;
    // This node may have been so slow that another one delivers it now, and decides.
    if Epoch::current(tx)? != taken.epoch || !tx.is_claimed(entry)? {
        return Ok(false);
    }
    // Without one, another notification has its number, and its place in the outbox.
    let Some(kept) = record::of_entry(tx, entry)? else { return Ok(false) };
    match kept.state {
        NotificationState::Waiting => {
            let due = kept.due.unwrap_or(entry.due);
            let is_as_read = kept.failed == entry.attempts && due <= entry.due;
            if !is_as_read {
                tx.reschedule(entry, kept.failed, due)?;
            }
            Ok(is_as_read)
        }
        NotificationState::Acknowledged | NotificationState::GivenUp => {
            tx.remove_from_outbox(entry)?;
            Ok(false)
        }
        NotificationState::Held => {
            tx.reschedule(entry, kept.failed, hold::held(entry.due))?;
            Ok(false)
        }
    }
}

/// Keeps an attempt by the retry table: the notification leaves the outbox, or waits for the next attempt. What has been decided
/// about it meanwhile stays, unless it is acknowledged now.
fn settle(
    tx: &Transaction<'_>,
    taken: &Taken,
    attempt: Attempt,
    next: Option<i64>,
) -> Result<(), StoreError> {
    let entry = &taken.entry;
    // After a reset or a restore it belongs to what was, and another notification may have its number.
    if Epoch::current(tx)? != taken.epoch {
        return Ok(());
    }
    let Some(mut kept) = record::of_entry(tx, entry)? else { return Ok(()) };
    let is_acknowledged = attempt.acknowledged;
    kept.add_attempt(attempt);
    if is_acknowledged {
        close(tx, &mut kept, entry, NotificationState::Acknowledged)?;
    } else if kept.is_closed() {
        // A copy of it was acknowledged.
        tx.remove_from_outbox(entry)?;
    } else if kept.failed == entry.attempts {
        match next {
            Some(next) => wait(tx, &mut kept, entry, next)?,
            None => close(tx, &mut kept, entry, NotificationState::GivenUp)?,
        }
    }
    tx.save(&kept)
}

/// Lets a notification wait for the attempt after one that failed. If this node was so slow that another one delivers it now, that
/// one decides.
fn wait(
    tx: &Transaction<'_>,
    kept: &mut Notification,
    entry: &OutboxEntry,
    next: i64,
) -> Result<(), StoreError> {
    let (due, is_held) = hold::due(tx, &entry.mchid, next)?;
    let failed = entry.attempts.saturating_add(1);
    if tx.reschedule(entry, failed, due)? {
        kept.failed = failed;
        (kept.state, kept.due) = match is_held {
            true => (NotificationState::Held, None),
            false => (NotificationState::Waiting, Some(next)),
        };
    }
    Ok(())
}

/// Ends a notification, and takes it out of the outbox. If another node delivers it now, its place stays until that node has
/// [settled](settle) what came of it, or until the node's claim has run out and [somebody looks](check_due).
fn close(
    tx: &Transaction<'_>,
    kept: &mut Notification,
    entry: &OutboxEntry,
    state: NotificationState,
) -> Result<(), StoreError> {
    let is_gone = tx.remove_from_outbox(entry)?;
    if is_gone || state == NotificationState::Acknowledged {
        (kept.state, kept.due) = (state, None);
    }
    Ok(())
}

/// The place of an attempt; free again when it is dropped.
struct Place {
    sender: Sender,
    number: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let platform = &self.sender.platform;
        platform.deliveries.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
        platform.store.look_at_outbox();
    }
}

fn entry_of_log(entry: &OutboxEntry, attempt: &Attempt, wait: Option<i64>) -> LogEntry {
    let number = entry.attempts.saturating_add(1);
    let after = match wait {
        Some(wait) => format!("; the next attempt follows after {wait} s"),
        None => "; no more attempts follow".to_owned(),
    };
    let reason = match (&attempt.reason, attempt.status) {
        (None, _) => None,
        (Some(reason), _) if attempt.acknowledged => Some(reason.clone()),
        (Some(_), Some(_)) => Some(format!("attempt {number} was not acknowledged{after}")),
        (Some(reason), None) => Some(format!("attempt {number}: {reason}{after}")),
    };
    LogEntry::notification(&entry.event_type, &receiver::shown(&entry.notify_url), attempt.status, reason)
}

#[cfg(test)]
mod tests {
    use crate::clock::Clock;
    use crate::sandbox::Sandbox;
    use serde_json::{Value, json};

    use super::*;
    use crate::store::{Announcement, Store};

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
    fn a_claim_is_over_by_either_clock() {
        let now = Claimed::now();
        assert!(!now.may_be_anothers());
        assert!(Claimed { time: now.time - LEASE, ..now }.may_be_anothers());
        assert!(!Claimed { time: now.time + LEASE, ..now }.may_be_anothers());
    }

    #[test]
    fn each_event_is_repeated_by_its_own_table() {
        let coupon = schedule("COUPON.SEND");
        assert_eq!((coupon.len(), coupon[1], coupon[11]), (12, 60, 660));
        let payment = schedule("TRANSACTION.SUCCESS");
        assert_eq!(
            payment,
            [0, 15, 30, 60, 240, 840, 2040, 3840, 5640, 7440, 11040, 21840, 32640, 43440, 65040, 86_640]
        );
        assert_eq!(schedule("v2/transaction-success"), payment, "until the XML says SUCCESS");
        assert_eq!(schedule("NO.SUCH.EVENT"), [0]);
    }

    #[test]
    fn an_attempt_is_a_line_that_names_event_host_and_what_follows() {
        let line = |received: Result<u16, &str>, wait| {
            let received = received.map(|status| receiver::Received { status, body: String::new() });
            let judged = acknowledgement::judged(received.map_err(str::to_owned), false);
            let attempt = judged.attempt(AttemptKind::Scheduled, 0, 1);
            let line = entry_of_log(&entry("COUPON.SEND", 0), &attempt, wait).to_string();
            line.split_once(' ').unwrap().1.to_owned()
        };
        let begin = "NOTIFY COUPON.SEND to http://127.0.0.1:8000";
        assert_eq!(line(Ok(204), None), format!("{begin} 204"));
        assert_eq!(
            line(Ok(500), Some(60)),
            format!("{begin} 500 (attempt 1 was not acknowledged; the next attempt follows after 60 s)")
        );
        assert_eq!(
            line(Err("connection refused"), None),
            format!("{begin} - (attempt 1: connection refused; no more attempts follow)")
        );
    }

    fn within<T>(store: &Store, mut work: impl FnMut(&Transaction<'_>) -> Result<T, StoreError>) -> T {
        store.transaction(|tx| work(tx)).unwrap()
    }

    /// A store in which one notification waits, and that as a node has taken it.
    fn one_that_waits() -> (Store, Taken) {
        let store = Store::in_memory();
        within(&store, |tx| tx.announce(&announcement("1")));
        let entry = within(&store, |tx| tx.claim_due(0, 1, &[])).remove(0);
        let epoch = within(&store, Epoch::current);
        (store, Taken { entry, epoch, claimed: Claimed::now() })
    }

    fn announcement(number: &str) -> Announcement {
        Announcement {
            mchid: "1900000109".to_owned(),
            notify_url: "http://127.0.0.1:8000/".to_owned(),
            platform_serial: String::new(),
            event_type: "COUPON.SEND",
            time: 0,
            resource: json!({ "out_trade_no": number }),
        }
    }

    fn attempt(status: u16) -> Attempt {
        let received = receiver::Received { status, body: String::new() };
        acknowledgement::judged(Ok(received), false).attempt(AttemptKind::Scheduled, 0, 1)
    }

    fn kept(store: &Store) -> Notification {
        within(store, |tx| record::with_number(tx, 1)).unwrap()
    }

    fn outbox(store: &Store) -> Vec<(i64, u32, i64)> {
        let waiting = within(store, |tx| tx.outbox_due(i64::MAX, 10));
        waiting.into_iter().map(|entry| (entry.number, entry.attempts, entry.due)).collect()
    }

    /// As when a copy is acknowledged while the attempt is under way.
    fn acknowledge_a_copy(store: &Store) {
        within(store, |tx| {
            let mut kept = record::with_number(tx, 1)?.unwrap();
            let entry = kept.entry(0);
            close(tx, &mut kept, &entry, NotificationState::Acknowledged)?;
            kept.add_attempt(attempt(200));
            tx.save(&kept)
        });
    }

    #[test]
    fn an_attempt_that_fails_after_a_copy_was_acknowledged_does_not_open_the_notification_again() {
        for next in [Some(60), None] {
            let (store, taken) = one_that_waits();
            acknowledge_a_copy(&store);
            within(&store, |tx| settle(tx, &taken, attempt(500), next));
            let kept = kept(&store);
            assert_eq!((kept.state, kept.due), (NotificationState::Acknowledged, None));
            assert_eq!((kept.attempts.len(), outbox(&store)), (2, vec![]));
        }
    }

    #[test]
    fn what_was_given_up_meanwhile_is_acknowledged_all_the_same_when_the_receiver_says_so() {
        for (status, state) in [(200, NotificationState::Acknowledged), (500, NotificationState::GivenUp)] {
            let (store, taken) = one_that_waits();
            within(&store, |tx| settle(tx, &taken, attempt(500), None));
            let next = (status == 500).then_some(60);
            within(&store, |tx| settle(tx, &taken, attempt(status), next));
            assert_eq!((kept(&store).state, outbox(&store)), (state, vec![]));
        }
    }

    #[test]
    fn an_attempt_of_a_state_that_was_exchanged_changes_nothing_in_the_one_that_took_its_place() {
        let (store, taken) = one_that_waits();
        // The same notification again, as a snapshot brings it back.
        let later = Taken { epoch: Epoch::default(), ..taken.clone() };
        within(&store, Epoch::begin_next);
        assert!(!within(&store, |tx| check_due(tx, &later)));
        for (status, next) in [(200, None), (500, Some(60))] {
            within(&store, |tx| settle(tx, &taken, attempt(status), next));
        }
        let kept = kept(&store);
        assert_eq!((kept.state, kept.attempts.len()), (NotificationState::Waiting, 0));
        assert_eq!(outbox(&store), [(1, 0, 0)]);
    }

    #[test]
    fn what_has_the_number_of_another_notification_now_stays_in_the_outbox() {
        let (store, taken) = one_that_waits();
        within(&store, |tx| {
            tx.clear(&[])?;
            tx.announce(&announcement("2"))
        });
        assert!(!within(&store, |tx| check_due(tx, &taken)));
        within(&store, |tx| settle(tx, &taken, attempt(200), None));
        assert_eq!(outbox(&store), [(1, 0, 0)]);
        assert_eq!(kept(&store).attempts.len(), 0);
    }

    #[test]
    fn what_was_claimed_is_sent_only_if_it_is_as_it_was_read() {
        let (store, taken) = one_that_waits();
        assert!(within(&store, |tx| check_due(tx, &taken)));
        // Sent and not acknowledged since then.
        within(&store, |tx| settle(tx, &taken, attempt(500), Some(60)));
        assert!(!within(&store, |tx| check_due(tx, &taken)));
        assert_eq!(outbox(&store), [(1, 1, 60)]);
        // Only its time is another.
        let early = Taken { entry: OutboxEntry { attempts: 1, ..taken.entry.clone() }, ..taken.clone() };
        assert!(!within(&store, |tx| check_due(tx, &early)));
        let in_time = Taken { entry: OutboxEntry { due: 60, ..early.entry.clone() }, ..taken };
        assert!(within(&store, |tx| check_due(tx, &in_time)));
    }

    #[test]
    fn nothing_is_sent_by_a_claim_that_has_run_out_while_the_message_was_made() {
        let sandbox = Sandbox::builder().clock(Clock::held(0).0).start().unwrap();
        let (_, mut taken) = one_that_waits();
        taken.entry.mchid = sandbox.kit().mchid.clone();
        taken.entry.notify_url = "http://127.0.0.1:1/".to_owned();
        let sender = sandbox.notifications().sender;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for kind in [AttemptKind::Duplicate, AttemptKind::Probe, AttemptKind::Replay] {
            // Nobody listens there, which is an attempt too.
            assert!(runtime.block_on(sender.post(&taken, kind)).is_some());
            let late = Claimed { time: SystemTime::now() - LEASE, ..taken.claimed };
            let late = Taken { claimed: late, ..taken.clone() };
            assert_eq!(runtime.block_on(sender.post(&late, kind)), None, "{kind:?}");
        }
    }

    #[test]
    fn what_has_broken_content_fails_by_the_retry_table_until_it_is_given_up() {
        let (store, taken) = one_that_waits();
        let broken = Taken { entry: OutboxEntry { resource: Value::Null, ..taken.entry }, ..taken };
        assert!(within(&store, |tx| check_due(tx, &broken)));
        within(&store, |tx| settle(tx, &broken, attempt(500), None));
        assert_eq!((kept(&store).state, outbox(&store)), (NotificationState::GivenUp, vec![]));
    }

    #[test]
    fn what_is_held_while_a_node_has_claimed_it_goes_out_when_it_is_released() {
        let (store, taken) = one_that_waits();
        assert_eq!(within(&store, |tx| hold::hold(tx, None)), 1);
        assert!(!within(&store, |tx| check_due(tx, &taken)));
        assert_eq!(outbox(&store), [(1, 0, hold::held(0))]);
        // A database in which its time was not put off.
        within(&store, |tx| tx.change_due(&taken.entry, 0));
        let released = within(&store, |tx| hold::release(tx, None, |due| due));
        assert_eq!(released.iter().map(|kept| kept.number).collect::<Vec<_>>(), [1]);
        assert_eq!((kept(&store).state, outbox(&store)), (NotificationState::Waiting, vec![(1, 0, 0)]));
        assert!(within(&store, |tx| check_due(tx, &taken)));
    }

    #[test]
    fn what_is_closed_is_neither_held_nor_released_again() {
        let (store, taken) = one_that_waits();
        acknowledge_a_copy(&store);
        // As if another node delivered it: its place stays until then.
        within(&store, |tx| tx.put_into_outbox(&taken.entry));
        assert_eq!(within(&store, |tx| hold::hold(tx, None)), 0);
        assert_eq!(kept(&store).state, NotificationState::Acknowledged);
        assert!(within(&store, |tx| hold::release(tx, None, |due| due)).is_empty());
        assert_eq!((kept(&store).state, outbox(&store)), (NotificationState::Acknowledged, vec![]));
    }
}
