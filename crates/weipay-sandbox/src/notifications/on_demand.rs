//! Actions of developers on notifications: list them, send them again, send several copies at once, or send a probe
//! (探测流量). Holding them is in `release`.
//!
//! Everything here waits for the receiver's response and gives the attempt, so that a test can read it.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, thread};

use tokio::runtime;
use tokio::time::sleep;

use super::Sender;
use super::claim::{ClaimTime, ClaimedEntry};
use super::event_name::EventName;
use super::outcome::close;
use super::record::{self, Attempt, AttemptKind, Notification, NotificationState};
use super::sender::DeliverySlot;
use super::trigger::Trigger;
use crate::error::{append_causes, caused_by_store};
use crate::platform::{Epoch, Platform, Task};
use crate::store::{IndexRange, Page, StoreError, Transaction};

/// As many copies as are sent at once.
const MAX_COPIES: usize = 16;
/// How long an attempt by the retry table that is under way is waited for.
const MAX_WAIT: Duration = Duration::from_secs(6);
/// When what is sent on demand goes out by itself, should this process end meanwhile; in seconds.
pub(super) const BY_ITSELF: i64 = 60;
/// Records that are read at once.
const PAGE: i64 = 200;

/// The notifications of a running sandbox: [`Sandbox::notifications`](crate::Sandbox::notifications).
#[derive(Debug, Clone)]
pub struct Notifications {
    pub(super) sender: Sender,
}

/// Selects notifications; by default the last hundred of all merchants.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NotificationFilter {
    /// Only notifications of this merchant.
    pub mchid: Option<String>,
    /// Only notifications in this state.
    pub state: Option<NotificationState>,
    /// Only notifications of this event.
    pub event_type: Option<String>,
    /// Maximum number.
    pub limit: usize,
}

impl Default for NotificationFilter {
    fn default() -> Self {
        Self { mchid: None, state: None, event_type: None, limit: 100 }
    }
}

impl NotificationFilter {
    /// Selects notifications of a merchant.
    #[must_use]
    pub fn mchid(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Selects notifications in a state.
    #[must_use]
    pub fn state(mut self, state: NotificationState) -> Self {
        self.state = Some(state);
        self
    }

    /// Selects notifications of an event.
    #[must_use]
    pub fn event_type(mut self, event_type: impl Into<String>) -> Self {
        self.event_type = Some(event_type.into());
        self
    }

    /// Maximum number.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    fn has(&self, kept: &Notification) -> bool {
        self.state.is_none_or(|state| state == kept.state)
            && self.event_type.as_deref().is_none_or(|event_type| event_type == kept.event_type)
    }
}

/// Error of an action on a notification.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotificationError {
    /// No stored notification has this `id` or number.
    Unknown(String),
    /// It is being delivered at this moment.
    UnderWay(String),
    /// The request is invalid.
    Invalid(String),
    /// There is no notification for the named [order](super::trigger::Trigger::of_order).
    NothingToTell(String),
    /// Something is wrong with the state.
    Store(StoreError),
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(
                f,
                "no notification is kept with the id or number {}; `weipay sandbox notifications list` shows them",
                name.escape_debug()
            ),
            Self::UnderWay(id) => {
                write!(
                    f,
                    "the receiver of notification {id} is being called at this moment; try again in a few seconds"
                )
            }
            Self::Invalid(reason) | Self::NothingToTell(reason) => f.write_str(reason),
            Self::Store(_) => f.write_str("the notifications could not be read or stored"),
        }?;
        append_causes(self, f)
    }
}

caused_by_store!(NotificationError);

impl Notifications {
    pub(crate) fn new(platform: Arc<Platform>) -> Self {
        Self { sender: Sender::new(platform) }
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.sender.platform
    }

    pub(super) fn transaction<T>(
        &self,
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, NotificationError>,
    ) -> Result<T, NotificationError> {
        self.platform().act(|tx, _| work(tx))
    }

    /// The stored notifications, newest first: the last ten thousand, and all that are waiting or held.
    ///
    /// # Errors
    ///
    /// If there is no such merchant or event, or the database fails.
    pub fn list(&self, filter: &NotificationFilter) -> Result<Vec<Notification>, NotificationError> {
        self.check_merchant(filter.mchid.as_deref())?;
        match filter.event_type.as_deref() {
            Some(event) if EventName::parse(event).described().is_none() => {
                let reason = Trigger::new(event).err().map_or_else(
                    || "write the event as `weipay sandbox notifications list` shows it, such as COUPON.SEND or \
                        v2/transaction-success".to_owned(),
                    |error| error.to_string(),
                );
                return Err(NotificationError::Invalid(reason));
            }
            _ => {}
        }
        self.transaction(|tx| Ok(list(tx, filter)?))
    }

    /// A notification by its `id` or its number.
    ///
    /// # Errors
    ///
    /// If none is kept under this name, or the database fails.
    pub fn find(&self, name: &str) -> Result<Notification, NotificationError> {
        self.transaction(|tx| find(tx, name))
    }

    /// Sends a notification again: the same `id` and content, a new nonce and signature. If it is not
    /// acknowledged, it is repeated by the retry table of its event, from the beginning where that had ended.
    /// Held notifications are sent too.
    ///
    /// # Errors
    ///
    /// If there is no such notification, its receiver is being called just now, or the database fails.
    pub fn replay(&self, name: &str) -> Result<Attempt, NotificationError> {
        let kept = self.find(name)?;
        wait_for(self.attempt_now(&kept, AttemptKind::Replay))?
    }

    /// Sends several copies of a notification at the same time, as a receiver behind two paths of the network
    /// may get them. The copies do not count for the retry table; if one is acknowledged, the notification
    /// is.
    ///
    /// # Errors
    ///
    /// If there is no such notification, the number is not 1 to 16, its receiver is being called just now, or the database fails.
    pub fn duplicate(&self, name: &str, copies: usize) -> Result<Vec<Attempt>, NotificationError> {
        if !(1..=MAX_COPIES).contains(&copies) {
            return Err(NotificationError::Invalid(format!(
                "the number of copies must be 1 to {MAX_COPIES}"
            )));
        }
        let kept = self.find(name)?;
        wait_for(async {
            let (place, taken) = self.claim(&kept, Claim::ToSendOnly).await?;
            let posts: Vec<_> = (0..copies)
                .map(|_| {
                    let (sender, taken) = (self.sender.clone(), taken.clone());
                    tokio::spawn(async move { sender.post(&taken, AttemptKind::Duplicate).await })
                })
                .collect();
            let mut attempts = Vec::new();
            for post in posts {
                attempts.extend(post.await.ok().flatten());
            }
            self.keep(&kept, &taken, &attempts)?;
            drop(place);
            if attempts.is_empty() { Err(NotificationError::UnderWay(kept.id.clone())) } else { Ok(attempts) }
        })?
    }

    /// Sends a notification with the wrong signature of a probe (签名探测), which the platform does now and then. The
    /// receiver must refuse it; then the notification is sent again with the right signature, and both attempts are
    /// returned. If the receiver acknowledges the probe, it does not verify signatures, and nothing more is sent.
    ///
    /// # Errors
    ///
    /// If there is no such notification, its receiver is being called just now, or the database fails.
    pub fn probe(&self, name: &str) -> Result<Vec<Attempt>, NotificationError> {
        let kept = self.find(name)?;
        wait_for(async {
            let (place, taken) = self.claim(&kept, Claim::ToSendOnly).await?;
            let probe = self.sender.post(&taken, AttemptKind::Probe).await;
            let probe = probe.ok_or_else(|| NotificationError::UnderWay(kept.id.clone()))?;
            self.keep(&kept, &taken, std::slice::from_ref(&probe))?;
            drop(place);
            if probe.acknowledged || probe.status.is_none() {
                return Ok(vec![probe]);
            }
            // UNCONFIRMED(probe-repeat): at once, and not by the retry table.
            Ok(vec![probe, self.attempt_now(&kept, AttemptKind::Replay).await?])
        })?
    }

    /// Puts a notification into the outbox, whatever has become of it, and makes an attempt by its retry table.
    pub(super) async fn attempt_now(
        &self,
        kept: &Notification,
        kind: AttemptKind,
    ) -> Result<Attempt, NotificationError> {
        let (place, taken) = self.claim(kept, Claim::ToDeliver(kind)).await?;
        let attempt = self.sender.attempt(taken, kind).await?;
        drop(place);
        attempt.ok_or_else(|| NotificationError::UnderWay(kept.id.clone()))
    }

    /// Waits until no other attempt for a notification is under way, on any node, and claims it.
    async fn claim(
        &self,
        kept: &Notification,
        claim: Claim,
    ) -> Result<(DeliverySlot, ClaimedEntry), NotificationError> {
        let place = self.place_of(kept).await?;
        // Another node may have added or changed its merchant. Without it the message cannot be made, which the attempt tells.
        let _ = self.platform().watched(Task::Merchants, self.platform().look_at_merchant(&kept.mchid));
        let until = Instant::now() + MAX_WAIT;
        loop {
            match self.take(kept, claim, ClaimTime::now()) {
                // This node stood still meanwhile, and the claim may have ended.
                Ok(taken) if self.platform().store.is_shared() && taken.claimed.may_be_anothers() => {
                    if Instant::now() >= until {
                        return Err(NotificationError::UnderWay(kept.id.clone()));
                    }
                }
                // Another node sends it now.
                Err(NotificationError::UnderWay(_)) if Instant::now() < until => {
                    sleep(Duration::from_millis(20)).await;
                }
                taken => return Ok((place, taken?)),
            }
        }
    }

    /// Puts a notification into the outbox for this node. What another node sends at this moment is under way.
    fn take(
        &self,
        kept: &Notification,
        claim: Claim,
        claimed: ClaimTime,
    ) -> Result<ClaimedEntry, NotificationError> {
        self.platform().act(|tx, now| {
            let mut kept = find(tx, &kept.id)?;
            // What is released goes out once; meanwhile it may have gone by itself.
            if claim == Claim::ToDeliver(AttemptKind::Scheduled) && kept.state != NotificationState::Waiting {
                return Err(NotificationError::Unknown(kept.id));
            }
            let delivers = matches!(claim, Claim::ToDeliver(_));
            if delivers && kept.is_closed() {
                kept.failed = 0;
            }
            // Not due yet: should this process end, a delivery goes out by itself, and what is closed leaves the outbox.
            let entry = kept.entry(now.saturating_add(BY_ITSELF));
            let Some(entry) = tx.claim(&entry, delivers)? else {
                return Err(NotificationError::UnderWay(kept.id));
            };
            if delivers {
                (kept.state, kept.due) = (NotificationState::Waiting, Some(now));
                tx.save(&kept)?;
            }
            Ok(ClaimedEntry { entry, epoch: Epoch::current(tx)?, claimed })
        })
    }

    async fn place_of(&self, kept: &Notification) -> Result<DeliverySlot, NotificationError> {
        let until = Instant::now() + MAX_WAIT;
        loop {
            if let Some(place) = self.sender.take_slot(&kept.entry(kept.time), usize::MAX) {
                return Ok(place);
            }
            if Instant::now() >= until {
                return Err(NotificationError::UnderWay(kept.id.clone()));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Keeps attempts that do not count for the retry table, and lets others send the notification again. What was acknowledged
    /// leaves the outbox.
    fn keep(
        &self,
        kept: &Notification,
        taken: &ClaimedEntry,
        attempts: &[Attempt],
    ) -> Result<(), NotificationError> {
        let entry = &taken.entry;
        for attempt in attempts {
            let wait = kept.due.map(|due| due - attempt.time);
            self.platform().tell(super::sender::log_entry(entry, attempt, wait));
        }
        self.transaction(|tx| {
            if Epoch::current(tx)? != taken.epoch {
                return Ok(());
            }
            let Some(mut found) = record::of_entry(tx, entry)? else { return Ok(()) };
            let counts = |attempt: &&Attempt| attempt.acknowledged && attempt.kind != AttemptKind::Probe;
            if attempts.iter().find(counts).is_some() {
                close(tx, &mut found, entry, NotificationState::Acknowledged)?;
            } else if found.is_closed() {
                tx.remove_from_outbox(entry)?;
            } else {
                tx.give_back(entry)?;
            }
            attempts.iter().for_each(|attempt| found.add_attempt(attempt.clone()));
            Ok(tx.save(&found)?)
        })
    }
}

/// The purpose of taking a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// An attempt that counts for the retry table.
    ToDeliver(AttemptKind),
    /// It is sent, and goes on as before.
    ToSendOnly,
}

/// The notifications that fit, the newest first.
pub(super) fn list(
    tx: &Transaction<'_>,
    filter: &NotificationFilter,
) -> Result<Vec<Notification>, StoreError> {
    let condition = match &filter.mchid {
        Some(mchid) => IndexRange::equal(record::MERCHANT, mchid.as_str()),
        // Every id begins with a hexadecimal digit.
        None => IndexRange { index: record::ID, from: "0".to_owned(), to: "g".to_owned() },
    };
    let mut found: Vec<Notification> = Vec::new();
    let mut offset = 0;
    loop {
        // The ring has no order: all are looked at, and few are kept.
        let page: Vec<Notification> =
            tx.find(std::slice::from_ref(&condition), Page { offset, limit: PAGE })?;
        let is_last = page.is_empty();
        found.extend(page.into_iter().filter(|kept| filter.has(kept)));
        found.sort_by_key(|kept| std::cmp::Reverse(kept.number));
        found.truncate(filter.limit);
        if is_last {
            return Ok(found);
        }
        offset += PAGE;
    }
}

/// The notification with an `id` or a number.
pub(super) fn find(tx: &Transaction<'_>, name: &str) -> Result<Notification, NotificationError> {
    let found = match name.parse::<i64>() {
        Ok(number) => record::with_number(tx, number)?,
        Err(_) => {
            let one = Page { offset: 0, limit: 1 };
            tx.find(&[IndexRange::equal(record::ID, name.to_ascii_lowercase())], one)?.pop()
        }
    };
    found.ok_or_else(|| NotificationError::Unknown(name.to_owned()))
}

/// Waits for something asynchronous. The caller may be part of a runtime, which must not be blocked by another: so it gets a
/// thread.
pub(super) fn wait_for<T: Send>(work: impl Future<Output = T> + Send) -> Result<T, NotificationError> {
    let failed = || NotificationError::Invalid("no thread could be started to send it".to_owned());
    let run = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let done = runtime.block_on(work);
        // To drop it would wait for whatever still blocks one of its threads.
        runtime.shutdown_background();
        Some(done)
    };
    thread::scope(|scope| {
        let running = thread::Builder::new().name("weipay-sandbox".to_owned()).spawn_scoped(scope, run);
        running.ok().and_then(|running| running.join().ok().flatten()).ok_or_else(failed)
    })
}
