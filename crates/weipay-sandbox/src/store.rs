//! The store (存储): SQLite under the data directory, one transaction per request.
//!
//! A transaction is committed before its reply is signed, so whatever was answered is there after a restart. With
//! write-ahead logging and `synchronous=NORMAL` a commit survives the death of the process at any moment (`kill -9`
//! included), because the operating system has the bytes. The loss of power is another matter: the last commits may be
//! gone then, though never half of one. `synchronous=FULL` would hold against that too and cost one disk flush for
//! every request, from some hundred microseconds to several milliseconds; a sandbox need not pay it.

mod counters;
mod coupons;
mod receipts;
mod schema;
mod stocks;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::causes;
use crate::data_folder::private;

/// The log is folded into the database after so many pages of 4 KiB. Folding waits for the disk twice, tens of
/// milliseconds on a slow one, and SQLite's usual 1,000 pages are full after some 250 requests. A log that a killed
/// process left is read at the next start, which bounds its length from above: 16 MiB take about ten milliseconds.
const LOG_PAGES: u32 = 4096;

/// The largest database, in pages, that is looked through at the start: 16 MiB take some ten milliseconds.
const LOOKED_THROUGH: u32 = 4096;

/// The state of a platform.
pub(crate) struct Store {
    /// One connection, one writer: a request's transaction is far shorter than its signature, so that waiting here
    /// costs less than conflicts between writers would.
    connection: Mutex<Connection>,
    file: PathBuf,
}

/// What can be read and written inside one transaction.
pub(crate) struct Ledger<'a>(&'a Transaction<'a>);

/// Why the store could not serve.
#[derive(Debug)]
pub enum StoreError {
    /// The database's file could not be made or opened.
    File(io::Error),
    /// The database refused: a full disk, a lost file, a broken page.
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// A row holds what this program never wrote.
    Corrupt(String),
    /// The database belongs to another version of this program.
    Version {
        /// What the file says.
        found: i64,
        /// What this program writes.
        wanted: i64,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::File(_) => write!(out, "the sandbox's database could not be opened"),
            StoreError::Database(_) => write!(out, "the sandbox's database failed"),
            StoreError::Corrupt(what) => write!(out, "the sandbox's database holds a broken record: {what}"),
            StoreError::Version { found, wanted } => write!(
                out,
                "the sandbox's database has the form {found} and this program writes the form {wanted}; use the program \
                 that made it, or another data directory"
            ),
        }?;
        causes::append(self, out)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::File(error) => Some(error),
            StoreError::Database(error) => Some(&**error),
            StoreError::Corrupt(_) | StoreError::Version { .. } => None,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Database(match error {
            // The statement that SQLite did not take is long, and nobody who starts a sandbox wrote it.
            rusqlite::Error::SqlInputError { msg, .. } => msg.into(),
            error => error.into(),
        })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Store")
    }
}

impl Store {
    /// Opens the database of a data directory, and makes it when there is none.
    pub(crate) fn open(file: &Path) -> Result<Store, StoreError> {
        // SQLite gives the files beside it (`-wal`, `-shm`) the mode of this one.
        private::open_file(File::options().append(true).create(true), file).map_err(StoreError::File)?;
        Store::of(Connection::open(file)?, file.to_owned())
    }

    /// The database's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A store that is gone with its value.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Store {
        Store::of(Connection::open_in_memory().unwrap(), PathBuf::from(":memory:")).unwrap()
    }

    fn of(mut connection: Connection, file: PathBuf) -> Result<Store, StoreError> {
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        schema::prepare(&mut connection)?;
        is_whole(&connection)?;
        Ok(Store { connection: Mutex::new(connection), file })
    }

    /// Does one request's work. An error takes everything back.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Ledger<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // A panic under the lock has rolled its transaction back by dropping it.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let done = work(&Ledger(&transaction))?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(done)
    }
}

/// Looks through a database that is not large, so that a broken one is told at the start and not by some request.
fn is_whole(connection: &Connection) -> Result<(), StoreError> {
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages > LOOKED_THROUGH {
        return Ok(());
    }
    let found: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_says_is_printed_without_the_statement() {
        let connection = Connection::open_in_memory().unwrap();
        let error = connection.execute_batch("CREATE TABLE a (b); CREATE TABLE a (secret)").unwrap_err();
        let said = format!("{:#}", StoreError::from(error));
        assert_eq!(said, "the sandbox's database failed: table a already exists");
    }

    #[test]
    fn an_error_takes_everything_back() {
        let store = Store::in_memory();
        let attempt: Result<(), StoreError> = store.transaction(|ledger| {
            ledger.next("stock")?;
            Err(StoreError::Corrupt("on purpose".to_owned()))
        });
        assert!(attempt.is_err());
        let next: Result<i64, StoreError> = store.transaction(|ledger| ledger.next("stock"));
        assert_eq!(next.unwrap(), 1);
    }

    #[test]
    fn a_store_opens_again_with_what_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.db");
        let count = || -> i64 {
            let next: Result<i64, StoreError> =
                Store::open(&file).unwrap().transaction(|ledger| ledger.next("stock"));
            next.unwrap()
        };
        assert_eq!((count(), count(), count()), (1, 2, 3));
    }

    #[test]
    fn a_database_of_another_form_is_refused_with_both_numbers() {
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
