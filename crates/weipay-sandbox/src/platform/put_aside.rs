//! Scheduled work that failed permanently is put aside (搁置), so that it stops neither the clock nor later work. It
//! is stored with its due time, listed by the control API, and retried on demand and at startup.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Platform;
use crate::clock;
use crate::log::LogEntry;
use crate::store::{Due, NEVER, Record, StoreError, Transaction, joined};

/// How often in a row work with a temporary error is tried, such as a write to a full disk.
const MAX_TRIES: u32 = 5;
/// As many are listed.
const MAX_LISTED: i64 = 1_000;
/// As many are counted.
const MAX_COUNTED: i64 = 100;

/// Why something was put aside.
#[derive(Debug, Serialize, Deserialize)]
struct DueFailure {
    kind: String,
    key: String,
    /// When it was put aside, by the sandbox's clock.
    time: i64,
    reason: String,
}

impl Record for DueFailure {
    const KIND: &'static str = "due failure";

    fn key(&self) -> String {
        joined(&self.kind, &self.key)
    }
}

/// The entry as it is stored while it is put aside.
fn aside(due: &Due) -> Due {
    Due { at: due.at.max(0).saturating_add(NEVER), ..due.clone() }
}

/// The first `limit` entries that are put aside.
fn all(tx: &Transaction<'_>, limit: i64) -> Result<Vec<Due>, StoreError> {
    let before_all = Due { kind: String::new(), key: String::new(), at: NEVER };
    tx.due_after(i64::MAX, Some(&before_all), limit)
}

impl Platform {
    /// Handles the error of due work. If it is permanent, or was met too often, puts the work aside, and returns the
    /// line for the log. Otherwise returns the error: the next try may succeed.
    pub(super) fn failed(&self, due: &Due, error: StoreError) -> Result<Option<LogEntry>, StoreError> {
        let is_final = matches!(error, StoreError::Corrupt(_) | StoreError::Internal(_));
        if !is_final && self.background.count_failure(due) < MAX_TRIES {
            return Err(error);
        }
        let failure = DueFailure {
            kind: due.kind.clone(),
            key: due.key.clone(),
            time: self.clock.now(),
            reason: format!("{error:#}"),
        };
        let is_put_aside = self.store.transaction(|tx| {
            if !tx.unschedule(due)? {
                return Ok(false);
            }
            tx.schedule(&aside(due))?;
            tx.get_to_replace::<DueFailure>(&failure.key())?;
            tx.save(&failure)?;
            Ok::<_, StoreError>(true)
        })?;
        self.background.forget_failures(due);
        let reason = || format!("put aside: {error:#}; `weipay sandbox clock retry` tries it again");
        Ok(is_put_aside.then(|| LogEntry::background(&due.kind.replace(' ', "-"), &reason())))
    }

    /// How many entries are put aside; at most a hundred are counted.
    pub(crate) fn count_put_aside(&self) -> Result<usize, StoreError> {
        self.store.transaction(|tx| Ok(all(tx, MAX_COUNTED)?.len()))
    }

    /// The first thousand entries that are put aside, with the reasons, as the control API shows them.
    pub(crate) fn put_aside(&self) -> Result<Vec<Value>, StoreError> {
        self.store.transaction(|tx| {
            let shown = |due: &Due| {
                let failure = tx.get_to_replace::<DueFailure>(&joined(&due.kind, &due.key))?;
                Ok(json!({
                    "kind": due.kind,
                    "key": due.key,
                    "was_due": clock::rfc3339(due.at - NEVER),
                    "put_aside": failure.as_ref().map(|failure| clock::rfc3339(failure.time)),
                    "reason": failure.map(|failure| failure.reason),
                }))
            };
            all(tx, MAX_LISTED)?.iter().map(shown).collect()
        })
    }

    /// Schedules everything that is put aside at its old due time again, and runs it. Returns the number of entries,
    /// and how many of them are put aside again.
    pub(crate) fn retry_put_aside(&self) -> Result<(usize, usize), StoreError> {
        let mut count = 0;
        loop {
            let tried = self.store.transaction(|tx| {
                let found = all(tx, MAX_LISTED)?;
                for due in &found {
                    tx.unschedule(due)?;
                    tx.schedule(&Due { at: due.at - NEVER, ..due.clone() })?;
                }
                Ok::<_, StoreError>(found.len())
            })?;
            count += tried;
            if tried == 0 {
                break;
            }
        }
        if count > 0 {
            // An entry with a temporary error stays due, and was logged.
            let _ = self.tick(self.clock.now());
        }
        Ok((count, self.count_put_aside()?))
    }
}
