//! Background tasks. A failure has no request that could report it: it is logged once, and shown by `/health` of the
//! control API until the task works again.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::Platform;
use crate::clock::{self, Clock};
use crate::log::{Log, LogEntry};
use crate::store::Due;

/// Maximum number of entries whose failures are counted.
const MAX_COUNTED: usize = 10_000;

/// Work that is retried automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// Scheduled work.
    Clock,
    /// Reading the clock of the shared database.
    FollowClock,
    /// Storing the clock mode, for a restart and for other nodes.
    KeepClock,
    /// Reading merchants that other nodes have changed.
    Merchants,
    /// Reading the outbox.
    Outbox,
    /// Checking whether a claimed notification is still to be sent.
    LookAgain,
    /// Storing the result of an attempt to deliver a notification.
    Deliveries,
}

impl Task {
    /// The name of the task in the log.
    fn words(self) -> &'static str {
        match self {
            Self::Clock => "does-what-is-due",
            Self::FollowClock => "reads-the-shared-clock",
            Self::KeepClock => "keeps-the-clock",
            Self::Merchants => "reads-the-merchants-of-other-nodes",
            Self::Outbox => "reads-the-notifications-that-are-due",
            Self::LookAgain => "looks-whether-a-notification-is-still-due",
            Self::Deliveries => "keeps-what-became-of-a-notification",
        }
    }
}

/// The failing background tasks, and the log.
#[derive(Default)]
pub(crate) struct Background {
    failing: Mutex<BTreeMap<Task, Failing>>,
    /// How often scheduled work has failed, by its kind and key.
    failures: Mutex<HashMap<(String, String), u32>>,
    log: OnceLock<Arc<Log>>,
}

struct Failing {
    /// When it failed first, by the clock of the machine.
    since: i64,
    /// Why it failed last.
    reason: String,
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Background")
    }
}

impl Background {
    /// From now on lines also go to this log.
    pub(crate) fn log_to(&self, log: Option<Arc<Log>>) {
        if let Some(log) = log {
            let _ = self.log.set(log);
        }
    }

    /// Whether a failure is the first since the work was done.
    fn is_news(&self, task: Task, failure: Option<&str>) -> bool {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reason) = failure else {
            failing.remove(&task);
            return false;
        };
        match failing.entry(task) {
            Entry::Occupied(mut known) => {
                reason.clone_into(&mut known.get_mut().reason);
                false
            }
            Entry::Vacant(free) => {
                free.insert(Failing { since: Clock::System.now(), reason: reason.to_owned() });
                true
            }
        }
    }

    /// Counts a failure of something that is due. How many there were.
    pub(super) fn count_failure(&self, due: &Due) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_COUNTED {
            failures.clear();
        }
        let count = failures.entry((due.kind.clone(), due.key.clone())).or_default();
        *count += 1;
        *count
    }

    /// It was done, or is not tried any more.
    pub(super) fn forget_failures(&self, due: &Due) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures.is_empty() {
            failures.remove(&(due.kind.clone(), due.key.clone()));
        }
    }

    /// The current failures, as the control API shows them.
    pub(crate) fn failing(&self) -> Value {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |(task, failing): (&Task, &Failing)| {
            json!({
                "task": task.words(), "since": clock::rfc3339(failing.since), "reason": failing.reason,
            })
        };
        failing.iter().map(shown).collect()
    }
}

impl Platform {
    /// One line for developers, in the log that the control API shows and in that of the server.
    pub(crate) fn tell(&self, entry: LogEntry) {
        self.exchanges.note(entry.clone());
        if let Some(log) = self.background.log.get() {
            log(entry);
        }
    }

    /// Tells of work that has just begun to fail. It is tried again by itself, so nothing else is told until it was done.
    pub(crate) fn watched<T, E: fmt::Display>(&self, task: Task, done: Result<T, E>) -> Result<T, E> {
        let failure = done.as_ref().err().map(|error| format!("{error:#}"));
        if self.background.is_news(task, failure.as_deref()) {
            let reason = format!("{}; it is tried again", failure.unwrap_or_default());
            self.tell(LogEntry::background(task.words(), &reason));
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn work_that_fails_again_and_again_is_told_once_until_it_was_done() {
        let sandbox = Sandbox::builder().start().unwrap();
        let platform = sandbox.platform();
        let lines = || {
            let is_of_task = |line: &String| line.contains(" SANDBOX keeps-the-clock - (");
            sandbox.log().iter().map(|exchange| exchange.entry.to_string()).filter(is_of_task).count()
        };
        for reason in ["no disk", "no disk", "no file"] {
            assert_eq!(platform.watched(Task::KeepClock, Err::<(), _>(reason)), Err(reason));
        }
        assert_eq!((lines(), &platform.background.failing()[0]["reason"]), (1, &json!("no file")));
        platform.watched(Task::KeepClock, Ok::<_, String>(())).unwrap();
        assert_eq!(platform.background.failing(), json!([]));
        platform.watched(Task::KeepClock, Err::<(), _>("no disk")).unwrap_err();
        assert_eq!(lines(), 2);
    }
}
