//! The store (存储): the state of a platform, one transaction per request.
//!
//! A transaction is committed before its response is signed, so whatever was answered is there after a restart. With
//! write-ahead logging and `synchronous=NORMAL` a commit survives the death of the process at any moment (`kill -9`
//! included), because the operating system has the bytes. The loss of power is another matter: the last commits may be
//! gone then, though never half of one. `synchronous=FULL` would hold against that too and cost one disk flush for
//! every request, from some hundred microseconds to several milliseconds; a sandbox need not pay it.
//!
//! | file | idea |
//! |---|---|
//! | `transaction` | what handlers work on |
//! | `record` | what a product keeps, and how it is found |
//! | `idempotency` | what a repeated request gets |
//! | `outbox` | notifications that wait to be delivered |
//! | `engine` | what a database must be able to do; it knows no product |
//! | `sqlite` | SQLite doing it, and the numbered migrations of its tables |

pub(crate) mod engine;
pub(crate) mod idempotency;
#[cfg(test)]
mod model;
pub(crate) mod outbox;
pub(crate) mod record;
mod sqlite;
mod transaction;

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::causes;
use crate::data_folder::private;
use sqlite::Sqlite;
pub(crate) use transaction::Transaction;

/// The state of a platform.
pub(crate) struct Store {
    /// One connection, one writer: a request's transaction is far shorter than its signature, so that waiting here
    /// costs less than conflicts between writers would.
    database: Mutex<Sqlite>,
    file: PathBuf,
    /// Wakes the sender of notifications.
    outbox_changed: Notify,
}

/// Why the store could not serve.
#[derive(Debug)]
pub enum StoreError {
    /// The database's file could not be made or opened.
    File(io::Error),
    /// The database refused: a full disk, a lost file, a broken page.
    Database(Box<dyn Error + Send + Sync>),
    /// A record holds what this program never wrote.
    Corrupt(String),
    /// A record was changed by another request in between. Nothing was changed by this one.
    Conflict(String),
    /// The database belongs to a later version of this program.
    Version {
        /// What the file says.
        found: i64,
        /// What this program writes.
        wanted: i64,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => write!(f, "the sandbox's database could not be opened"),
            Self::Database(_) => write!(f, "the sandbox's database failed"),
            Self::Conflict(what) => {
                write!(
                    f,
                    "another request changed a record of the sandbox's database in between: {what}; repeat the request"
                )
            }
            Self::Corrupt(what) => write!(f, "the sandbox's database holds a broken record: {what}"),
            Self::Version { found, wanted } => write!(
                f,
                "the sandbox's database has the form {found} and this program writes the form {wanted}; use the program \
                 that made it, or another data directory"
            ),
        }?;
        causes::append(self, f)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Database(error) => Some(&**error),
            Self::Corrupt(_) | Self::Conflict(_) | Self::Version { .. } => None,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the database of a data directory, and makes it when there is none.
    pub(crate) fn open(file: &Path) -> Result<Self, StoreError> {
        // SQLite gives the files beside it (`-wal`, `-shm`) the mode of this one.
        private::open_file(File::options().append(true).create(true), file).map_err(StoreError::File)?;
        Ok(Self {
            database: Mutex::new(Sqlite::open(file)?),
            file: file.to_owned(),
            outbox_changed: Notify::new(),
        })
    }

    /// The database's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A store that is gone with its value.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self {
            database: Mutex::new(Sqlite::in_memory().unwrap()),
            file: PathBuf::from(":memory:"),
            outbox_changed: Notify::new(),
        }
    }

    /// Does one request's work. An error takes everything back.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (done, has_announced) = self.database().transaction(|engine| {
            let tx = Transaction::new(engine);
            let done = work(&tx)?;
            Ok::<_, E>((done, tx.has_announced()))
        })?;
        if has_announced {
            self.look_at_outbox();
        }
        Ok(done)
    }

    /// Wakes the sender of notifications.
    pub(crate) fn look_at_outbox(&self) {
        self.outbox_changed.notify_one();
    }

    /// Waits for the next [`Self::look_at_outbox`], or returns at once when one has come since the last wait.
    pub(crate) async fn outbox_changed(&self) {
        self.outbox_changed.notified().await;
    }

    /// Whether anything is due, asked without a transaction: the answer is no nearly every time.
    pub(crate) fn is_anything_due(&self, now: i64) -> Result<bool, StoreError> {
        self.database().is_anything_due(now)
    }

    fn database(&self) -> MutexGuard<'_, Sqlite> {
        // A panic under the lock has rolled its transaction back by dropping it.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_the_database_says_is_printed_without_the_statement() {
        let connection = Connection::open_in_memory().unwrap();
        let error = sqlite::sql(|| connection.execute_batch("CREATE TABLE a (b); CREATE TABLE a (secret)"));
        let said = format!("{:#}", error.unwrap_err());
        assert_eq!(said, "the sandbox's database failed: table a already exists");
    }

    #[test]
    fn an_error_takes_everything_back() {
        let store = Store::in_memory();
        let attempt: Result<(), StoreError> = store.transaction(|tx| {
            tx.next_number("stock")?;
            Err(StoreError::Corrupt("on purpose".to_owned()))
        });
        assert!(attempt.is_err());
        let next: Result<i64, StoreError> = store.transaction(|tx| tx.next_number("stock"));
        assert_eq!(next.unwrap(), 1);
    }

    #[test]
    fn a_store_opens_again_with_what_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        let count = || -> i64 {
            let next: Result<i64, StoreError> =
                Store::open(&file).unwrap().transaction(|tx| tx.next_number("stock"));
            next.unwrap()
        };
        assert_eq!((count(), count(), count()), (1, 2, 3));
    }

    #[test]
    fn a_database_of_a_later_form_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        drop(Store::open(&file).unwrap());
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let refusal = Store::open(&file).unwrap_err();
        assert!(matches!(refusal, StoreError::Version { found: 99, .. }), "{refusal}");
    }

    #[test]
    fn a_database_that_is_broken_inside_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        drop(Store::open(&file).unwrap());
        let whole = std::fs::read(&file).unwrap();
        let broken_from = |byte: usize| {
            let mut bytes = whole.clone();
            bytes[byte..].fill(0xFF);
            std::fs::write(&file, bytes).unwrap();
            Store::open(&file).unwrap_err()
        };
        // Behind the header of the file, and behind the page that says which tables there are.
        for byte in [100, 4096] {
            let refusal = broken_from(byte);
            assert!(
                matches!(refusal, StoreError::Database(_) | StoreError::Corrupt(_)),
                "from {byte}: {refusal}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        std::fs::write(&file, "this is a letter to the reader, not a database at all").unwrap();
        assert!(matches!(Store::open(&file), Err(StoreError::Database(_))));
    }
}
