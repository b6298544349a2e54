//! Delivers the outbox: reads entries, starts attempts where the receiver has a free slot, and stores the results.

use std::collections::HashMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::claim::{ClaimTime, ClaimedEntry};
use super::event_name::EventName;
use super::message::{self, Message, Signature};
use super::outcome::{self, check_due, next_attempt, settle};
use super::receiver::{self, Reading};
use super::record::{Attempt, AttemptKind};
use super::{UnderWay, acknowledgement, address};
use crate::log::LogEntry;
use crate::merchants::change::MerchantError;
use crate::platform::{Epoch, Platform, Task};
use crate::store::{LATEST, OutboxEntry, StoreError, receiver_of};

/// Maximum number of receivers called at once.
const MAX_ATTEMPTS_AT_ONCE: usize = 64;
/// Maximum number of calls of one receiver at once: one that is slow must not delay the others.
const MAX_ATTEMPTS_AT_ONE_RECEIVER: usize = 4;
/// How many notifications are read at once: most often all are for one receiver, which takes few, and the others are read again.
const MAX_READ_AT_ONCE: usize = 8;
/// How often the outbox is read if nothing asks for it.
const LOOK: Duration = Duration::from_secs(1);

/// The errors where a task panicked.
const PANICKED: &str = "the outbox could not be read: a task panicked";
const NOT_MADE: &str = "the notification could not be made";

/// Delivers the outbox of a platform.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(super) platform: Arc<Platform>,
}

/// The result of one read of the outbox.
#[derive(Default)]
struct Begun {
    attempts: Vec<Beginning>,
    /// Entries whose receivers are busy.
    left: Vec<OutboxEntry>,
    may_be_more: bool,
}

/// An attempt that begins.
struct Beginning {
    taken: ClaimedEntry,
    slot: DeliverySlot,
    prepared: Option<Prepared>,
}

/// The message of an attempt, or why there can be none; nothing if what was claimed is not to be sent any more.
type Prepared = Result<Option<Result<Message, String>>, MerchantError>;

impl Sender {
    pub(crate) fn new(platform: Arc<Platform>) -> Self {
        Self { platform }
    }

    /// Delivers what is due, whenever something is.
    pub(crate) async fn run(self) {
        loop {
            let sender = self.clone();
            let begun = spawn_blocking(move || sender.begin_attempts()).await;
            let begun = begun.unwrap_or_else(|_| Err(StoreError::Internal(PANICKED.to_owned())));
            // A failure of the database is told; the next look tries again.
            let Begun { attempts, left, may_be_more } =
                self.platform.watched(Task::Outbox, begun).unwrap_or_default();
            let (has_begun, has_left) = (!attempts.is_empty(), !left.is_empty());
            for attempt in attempts {
                tokio::spawn(self.clone().attempt_due(attempt));
            }
            if has_left && self.platform.store.is_shared() {
                self.give_back(left).await;
            }
            // The entries that are left are for busy receivers. Read on: there may be some for others.
            if has_begun && (has_left || may_be_more) {
                continue;
            }
            self.platform.deliveries.receivers.end_idle_connections();
            let _ = timeout(LOOK, self.platform.store.outbox_changed()).await;
        }
    }

    /// Reads what is due, and begins an attempt for each entry whose receiver has a slot.
    fn begin_attempts(&self) -> Result<Begun, StoreError> {
        let (claimed, deliveries) = (ClaimTime::now(), &self.platform.deliveries);
        let (busy, under_way) = deliveries.under_way().not_to_be_read();
        // Claimed entries are delivered now, so claim no more than there are slots.
        let limit = MAX_ATTEMPTS_AT_ONCE.saturating_sub(under_way.len()).min(MAX_READ_AT_ONCE);
        let due = self.due(limit, &busy, &under_way, claimed)?;
        let mut begun = Begun { may_be_more: due.len() >= limit, ..Begun::default() };
        for taken in due {
            let number = taken.entry.number;
            if let Some(slot) = self.take_slot(&taken.entry, MAX_ATTEMPTS_AT_ONE_RECEIVER) {
                begun.attempts.push(Beginning { taken, slot, prepared: None });
            } else if !deliveries.under_way().receivers.contains_key(&number) {
                begun.left.push(taken.entry);
            }
            // Otherwise it is being delivered on demand, under the claim of this node.
        }
        // Most often there is one, which is then not handed over to another thread. Several are prepared side by side.
        if let [only] = &mut *begun.attempts {
            let made = catch_unwind(AssertUnwindSafe(|| prepare(&self.platform, &only.taken)));
            only.prepared =
                Some(made.unwrap_or_else(|_| Err(StoreError::Internal(PANICKED.to_owned()).into())));
        }
        Ok(begun)
    }

    /// Lets other nodes, and this one later, deliver what was claimed and found no slot.
    async fn give_back(&self, left: Vec<OutboxEntry>) {
        // An entry whose release fails is free when its claim ends.
        let given_back = self
            .blocking(move |platform| {
                platform.store.transaction(|tx| left.iter().try_for_each(|entry| tx.give_back(entry)))
            })
            .await;
        let _ = given_back.map(|done: Result<(), StoreError>| self.platform.watched(Task::Outbox, done));
    }

    fn due(
        &self,
        limit: usize,
        busy: &[String],
        under_way: &[i64],
        claimed: ClaimTime,
    ) -> Result<Vec<ClaimedEntry>, StoreError> {
        let platform = &self.platform;
        let generation = platform.generation();
        let _ = platform.watched(Task::FollowClock, platform.follow_clock());
        let _state_guard = platform.state_lock.read().unwrap_or_else(PoisonError::into_inner);
        platform.transaction_at(platform.moment(generation), |tx, now| {
            let due = tx.claim_due(now.min(LATEST), limit, busy, under_way)?;
            // Asked every second, and there is hardly ever anything.
            let epoch = if due.is_empty() { Epoch::default() } else { Epoch::current(tx)? };
            Ok(due.into_iter().map(|entry| ClaimedEntry { entry, epoch, claimed }).collect())
        })
    }

    /// Does work that waits for the database or a signature. `None` if it panicked.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Platform) -> T + Send + 'static,
    ) -> Option<T> {
        let platform = Arc::clone(&self.platform);
        spawn_blocking(move || work(&platform)).await.ok()
    }

    /// A slot for an attempt, unless one is under way for the same notification, or too many are, in all or at its receiver.
    pub(super) fn take_slot(&self, entry: &OutboxEntry, at_receiver: usize) -> Option<DeliverySlot> {
        let (number, receiver) = (entry.number, receiver_of(&entry.notify_url));
        self.platform.deliveries.under_way().add(number, receiver, at_receiver).then(|| DeliverySlot {
            sender: self.clone(),
            number,
            is_settled: false,
        })
    }

    async fn attempt_due(self, beginning: Beginning) {
        let Beginning { taken, mut slot, prepared } = beginning;
        // If no other node delivers it, it is claimed again.
        let claimed = taken.claimed;
        if claimed.may_be_anothers() {
            return;
        }
        let panicked = || Err(StoreError::Internal(PANICKED.to_owned()).into());
        let message = match prepared {
            Some(prepared) => prepared,
            None => {
                let read = taken.clone();
                self.blocking(move |platform| prepare(platform, &read)).await.unwrap_or_else(panicked)
            }
        };
        let message = match self.platform.watched(Task::LookAgain, message) {
            Ok(None) => return,
            Ok(Some(_)) if self.platform.store.is_shared() && claimed.may_be_anothers() => return,
            Ok(Some(message)) => message,
            // The receiver would hear of it, and nobody would know.
            Err(_) => return sleep(LOOK).await,
        };
        let attempt = self.post_message(&taken.entry, message, AttemptKind::Scheduled).await;
        match self.keep(taken, attempt).await {
            Ok(attempt) => slot.is_settled = attempt.acknowledged,
            // It stays due. Pause, so that the receiver is not called in a loop.
            Err(_) => sleep(LOOK).await,
        }
    }

    /// Makes an attempt, and stores its result and when the next one is due. The caller holds its slot. `None` if no
    /// attempt was made, because the claim may have expired.
    pub(super) async fn attempt(
        &self,
        taken: ClaimedEntry,
        kind: AttemptKind,
    ) -> Result<Option<Attempt>, StoreError> {
        match self.post(&taken, kind).await {
            Some(attempt) => self.keep(taken, attempt).await.map(Some),
            None => Ok(None),
        }
    }

    /// Stores the result of an attempt, and when the next one is due.
    async fn keep(&self, taken: ClaimedEntry, attempt: Attempt) -> Result<Attempt, StoreError> {
        let next = if attempt.acknowledged { None } else { next_attempt(&taken.entry, attempt.time) };
        let wait = next.map(|next| next - attempt.time);
        self.platform.tell(log_entry(&taken.entry, &attempt, wait));
        let kept = attempt.clone();
        let settled = self.blocking(move |platform| {
            match platform.store.transaction(|tx| settle(tx, &taken, kept.clone(), next))? {
                // What is not given up now is by the next one. The attempt is kept in any case.
                true => Ok(outcome::give_up_oldest(&platform.store, &taken.entry, &taken.epoch)),
                false => Ok(Ok(Vec::new())),
            }
        });
        let settled = settled.await.unwrap_or_else(|| {
            Err(StoreError::Internal("an attempt could not be stored: a task panicked".to_owned()))
        });
        // Both are one piece of work, whose failure is told once until all of it succeeds. The attempt is kept if the first did.
        let is_kept = settled.is_ok();
        let given_up = match self.platform.watched(Task::Deliveries, settled.and_then(|given_up| given_up)) {
            Ok(given_up) => given_up,
            Err(_) if is_kept => Vec::new(),
            Err(error) => return Err(error),
        };
        for given_up in given_up {
            let receiver = address::shown(&given_up.notify_url);
            let reason = Some(outcome::why_given_up(given_up.number));
            self.platform.tell(LogEntry::notification(&given_up.event_type, &receiver, None, reason));
        }
        Ok(attempt)
    }

    /// Makes the message for this attempt, posts it, and checks the response. `None` if the claim may have expired
    /// meanwhile: then nothing was sent.
    pub(super) async fn post(&self, taken: &ClaimedEntry, kind: AttemptKind) -> Option<Attempt> {
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
        let is_v2 = EventName::parse(&entry.event_type).is_v2();
        let reading = if is_v2 || deliveries.reads_bodies { Reading::Counts } else { Reading::Shown };
        let received = match message {
            Ok(message) => receiver::post(&entry.notify_url, message, &deliveries.receivers, reading).await,
            Err(reason) => Err(reason),
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let judged = if is_v2 {
            acknowledgement::judged_v2(received)
        } else {
            acknowledgement::judged(received, deliveries.reads_bodies)
        };
        judged.attempt(kind, time, milliseconds)
    }
}

/// Makes the message of one attempt.
fn make_message(platform: &Platform, entry: &OutboxEntry, kind: AttemptKind) -> Result<Message, String> {
    let signature = if kind == AttemptKind::Probe { Signature::Probe } else { Signature::Right };
    message::make(platform, entry, platform.refresh_time_of_signatures(&entry.mchid), signature)
}

/// Makes the message of an attempt by the retry table, if it is still to be made.
fn prepare(platform: &Platform, taken: &ClaimedEntry) -> Prepared {
    if !is_still_due(platform, taken)? {
        return Ok(None);
    }
    let make = || make_message(platform, &taken.entry, AttemptKind::Scheduled);
    // A message that cannot be made is an attempt that failed, and not one that comes again every second.
    Ok(Some(catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err(NOT_MADE.to_owned()))))
}

/// Whether a claimed entry is still to be sent, and can be: a node that does not know its merchant yet must
/// not use an attempt up.
fn is_still_due(platform: &Platform, taken: &ClaimedEntry) -> Result<bool, MerchantError> {
    platform.look_at_merchant(&taken.entry.mchid)?;
    Ok(platform.store.transaction(|tx| check_due(tx, taken))?)
}

impl UnderWay {
    /// What another look at the outbox leaves out: receivers that have as many attempts as they may, and the notifications that
    /// are being sent. Where anything due may be left out, the next end of an attempt asks for another look.
    fn not_to_be_read(&mut self) -> (Vec<String>, Vec<i64>) {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for receiver in self.receivers.values() {
            *counts.entry(receiver).or_default() += 1;
        }
        let full = counts.into_iter().filter(|(_, count)| *count >= MAX_ATTEMPTS_AT_ONE_RECEIVER);
        let busy: Vec<String> = full.map(|(receiver, _)| receiver.to_owned()).collect();
        self.is_waited_for |= !busy.is_empty() || self.receivers.len() >= MAX_ATTEMPTS_AT_ONCE;
        (busy, self.receivers.keys().copied().collect())
    }

    /// Adds an attempt, if it may be made.
    fn add(&mut self, number: i64, receiver: &str, at_receiver: usize) -> bool {
        let there = self.receivers.values().filter(|known| *known == receiver).count();
        let is_full = self.receivers.len() >= MAX_ATTEMPTS_AT_ONCE || there >= at_receiver;
        if is_full || self.receivers.contains_key(&number) {
            self.is_waited_for = true;
            return false;
        }
        self.receivers.insert(number, receiver.to_owned());
        true
    }
}

/// The slots that one attempt occupies; freed when it is dropped.
pub(super) struct DeliverySlot {
    sender: Sender,
    number: i64,
    /// Whether its notification was acknowledged, which is kept: only who waits for the slot has to look at the outbox.
    is_settled: bool,
}

impl Drop for DeliverySlot {
    fn drop(&mut self) {
        let platform = &self.sender.platform;
        let mut under_way = platform.deliveries.under_way();
        under_way.receivers.remove(&self.number);
        let is_waited_for = mem::take(&mut under_way.is_waited_for);
        drop(under_way);
        if is_waited_for || !self.is_settled {
            platform.store.look_at_outbox();
        }
    }
}

pub(super) fn log_entry(entry: &OutboxEntry, attempt: &Attempt, wait: Option<i64>) -> LogEntry {
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
    LogEntry::notification(&entry.event_type, &address::shown(&entry.notify_url), attempt.status, reason)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::outcome::tests::{entry, one_that_waits};
    use super::*;
    use crate::clock::Clock;
    use crate::sandbox::Sandbox;
    use crate::store::LEASE;

    #[test]
    fn an_attempt_is_a_line_that_names_event_host_and_what_follows() {
        let line = |received: Result<u16, &str>, wait| {
            let received = received.map(|status| receiver::Received {
                status,
                body: String::new(),
                end: receiver::BodyEnd::Whole,
            });
            let judged = acknowledgement::judged(received.map_err(str::to_owned), false);
            let attempt = judged.attempt(AttemptKind::Scheduled, 0, 1);
            let line = log_entry(&entry("COUPON.SEND", 0), &attempt, wait).to_string();
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

    #[test]
    fn nothing_is_sent_by_a_claim_that_has_run_out_while_the_message_was_made() {
        let sandbox = Sandbox::builder().clock(Clock::frozen(0).0).start().unwrap();
        let (_, mut taken) = one_that_waits();
        taken.entry.mchid = sandbox.kit().mchid.clone();
        taken.entry.notify_url = "http://127.0.0.1:1/".to_owned();
        let sender = sandbox.notifications().sender;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for kind in [AttemptKind::Duplicate, AttemptKind::Probe, AttemptKind::Replay] {
            taken.claimed = ClaimTime::now();
            // Nobody listens there, which is an attempt too.
            assert!(runtime.block_on(sender.post(&taken, kind)).is_some());
            let late = ClaimTime { time: SystemTime::now() - LEASE, ..taken.claimed };
            let late = ClaimedEntry { claimed: late, ..taken.clone() };
            assert_eq!(runtime.block_on(sender.post(&late, kind)), None, "{kind:?}");
        }
    }
}
