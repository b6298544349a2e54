//! What was due and cannot be done (搁置): it is put aside, so that it stops neither the clock nor what is due
//! after it. It is kept with the time at which it was due, shown by the control API, and tried again when
//! somebody asks for it or the sandbox starts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Platform;
use crate::clock;
use crate::log::LogEntry;
use crate::store::{Due, NEVER, Record, StoreError, Transaction, joined};

/// How often in a row something is tried that may succeed later, such as a write to a disk that is full.
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

/// What was due, as it is kept when it is put aside.
fn aside(due: &Due) -> Due {
    Due { at: due.at.max(0).saturating_add(NEVER), ..due.clone() }
}

/// The most entries that are put aside.
fn all(tx: &Transaction<'_>, limit: i64) -> Result<Vec<Due>, StoreError> {
    let before_all = Due { kind: String::new(), key: String::new(), at: NEVER };
    tx.due_after(i64::MAX, Some(&before_all), limit)
}

impl Platform {
    /// Decides what becomes of something that was due and failed: whether it was put aside, and the line that
    /// tells it. An error is one that may be gone at the next try.
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

    /// How many things are put aside; a hundred are counted.
    pub(crate) fn count_put_aside(&self) -> Result<usize, StoreError> {
        self.store.transaction(|tx| Ok(all(tx, MAX_COUNTED)?.len()))
    }

    /// What is put aside, and why, as the control API shows it. The first thousand.
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

    /// Lets everything that is put aside be due again at its own time, and does it. How many things that
    /// were, and how many of them are put aside again.
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
            // What fails for now is due, and was told.
            let _ = self.tick(self.clock.now());
        }
        Ok((count, self.count_put_aside()?))
    }
}
