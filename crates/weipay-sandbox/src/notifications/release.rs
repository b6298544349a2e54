//! Notifications are held back, and released in an order that a developer chooses.

use std::time::{Duration, Instant};

use super::hold::{self, Holds};
use super::on_demand::{BY_ITSELF, NotificationError, Notifications, find, wait_for};
use super::record::{self, AttemptKind, Notification, NotificationState};
use crate::platform::Task;
use crate::reasons;
use crate::store::Transaction;

/// How long a release in a certain order may take; what is left then goes out by itself.
const MAX_RELEASE: Duration = Duration::from_secs(40);
/// In which order notifications are released. All but the first deliver one after the other: the next is sent when the receiver
/// has responded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReleaseOrder {
    /// Each when it was due, several at a time.
    AsDue,
    /// The oldest first.
    Kept,
    /// The newest first.
    Reversed,
    /// In an order that follows from the sandbox's seed, if it has one.
    Shuffled,
    /// These first, by `id` or number.
    Named(Vec<String>),
}

impl ReleaseOrder {
    pub(crate) const WORDS: [&str; 4] = ["as-due", "kept", "reversed", "shuffled"];

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "as-due" => Some(Self::AsDue),
            "kept" => Some(Self::Kept),
            "reversed" => Some(Self::Reversed),
            "shuffled" => Some(Self::Shuffled),
            _ => None,
        }
    }
}

impl Notifications {
    /// Holds the notifications of a merchant, or of all: what waits and what follows is not sent until it is released.
    /// Returns how many wait. One that is being delivered at this moment still arrives.
    ///
    /// # Errors
    ///
    /// If there is no such merchant, or the database fails.
    pub fn hold(&self, mchid: Option<&str>) -> Result<usize, NotificationError> {
        self.check_merchant(mchid)?;
        self.transaction(|tx| Ok(hold::hold(tx, mchid)?))
    }

    /// The merchants whose notifications are held now.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn holds(&self) -> Result<Holds, NotificationError> {
        self.transaction(|tx| Ok(Holds::read(tx)?))
    }

    /// Releases what is held of a merchant, or of all, and gives it in the order in which it was sent. In every order but
    /// [`ReleaseOrder::AsDue`] the receivers have responded to all of it, unless they took more than 40 seconds together: what has no
    /// attempt then goes out by itself.
    ///
    /// # Errors
    ///
    /// If there is no such merchant or notification, a merchant is to be released while all are held, or the database fails.
    pub fn release(
        &self,
        mchid: Option<&str>,
        order: &ReleaseOrder,
    ) -> Result<Vec<Notification>, NotificationError> {
        self.check_merchant(mchid)?;
        let released = self.platform().act(|tx, now| {
            if mchid.is_some() && Holds::read(tx)?.all {
                let reason =
                    "the notifications of all merchants are held: release them all, without a merchant";
                return Err(NotificationError::Invalid(reason.to_owned()));
            }
            let released = match order {
                ReleaseOrder::AsDue => hold::release(tx, mchid, |due| due)?,
                _ => hold::release(tx, mchid, |_| now.saturating_add(BY_ITSELF))?,
            };
            self.ordered(tx, released, order)
        })?;
        if *order == ReleaseOrder::AsDue {
            self.platform().store.look_at_outbox();
            return Ok(released);
        }
        let until = Instant::now() + MAX_RELEASE;
        wait_for(async {
            for kept in &released {
                if Instant::now() >= until {
                    self.platform().act(|tx, now| let_go_now(tx, kept, now))?;
                    continue;
                }
                match self.attempt_now(kept, AttemptKind::Scheduled).await {
                    Ok(_) | Err(NotificationError::Unknown(_)) => {}
                    // It goes out by itself, or there was no place for it.
                    Err(NotificationError::UnderWay(_)) => {
                        self.platform().act(|tx, now| let_go_now(tx, kept, now))?;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })??;
        self.transaction(|tx| released.iter().map(|kept| find(tx, &kept.id)).collect())
    }

    pub(super) fn check_merchant(&self, mchid: Option<&str>) -> Result<(), NotificationError> {
        // What fails here is told. Another node may have added it a moment ago.
        let _ = mchid
            .map(|mchid| self.platform().watched(Task::Merchants, self.platform().look_at_merchant(mchid)));
        match mchid {
            Some(mchid) if self.platform().merchants.find(mchid).is_none() => {
                Err(NotificationError::Invalid(reasons::no_merchant(mchid)))
            }
            _ => Ok(()),
        }
    }

    fn ordered(
        &self,
        tx: &Transaction<'_>,
        mut released: Vec<Notification>,
        order: &ReleaseOrder,
    ) -> Result<Vec<Notification>, NotificationError> {
        match order {
            ReleaseOrder::AsDue | ReleaseOrder::Kept => {}
            ReleaseOrder::Reversed => released.reverse(),
            ReleaseOrder::Shuffled => {
                released.sort_by_cached_key(|_| self.platform().entropy.hex_digits(16));
            }
            ReleaseOrder::Named(names) => {
                let mut first = Vec::new();
                for name in names {
                    first.push(find(tx, name)?.number);
                }
                let place = |kept: &Notification| {
                    first.iter().position(|number| *number == kept.number).unwrap_or(first.len())
                };
                released.sort_by_key(place);
            }
        }
        Ok(released)
    }
}

/// Lets a notification that was released and not sent yet go out by itself at once.
fn let_go_now(tx: &Transaction<'_>, kept: &Notification, now: i64) -> Result<(), NotificationError> {
    let Some(mut found) = record::of_entry(tx, &kept.entry(now))? else { return Ok(()) };
    if found.state == NotificationState::Waiting && tx.reschedule(&found.entry(now), found.failed, now)? {
        found.due = Some(now);
        tx.save(&found)?;
    }
    Ok(())
}
