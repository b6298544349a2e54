//! The store (存储): the state of a platform, one transaction per request.
//!
//! A transaction is committed before its response is signed, so whatever was answered is there after a restart. With
//! write-ahead logging and `synchronous=NORMAL` a commit survives the death of the process at any moment (`kill -9`
//! included), because the operating system has the bytes. The loss of power is another matter: the last commits may be
//! gone then, though never half of one. `synchronous=FULL` would hold against that too and cost one disk flush for
//! every request, from some hundred microseconds to several milliseconds; a sandbox need not pay it.
//!
//! A handler works on a [`Transaction`]: records with a key and named indexes, counters, idempotency keys, an outbox and due
//! times. What a database must be able to do for that is the trait in `engine`; `sqlite` is SQLite doing it, `postgres` is
//! PostgreSQL with any number of nodes on it. None knows a product.
//!
//! The outbox (发件箱) has the notifications that merchants are to get, kept in the same transaction as what they tell. An entry
//! stays until its receiver has acknowledged it, or until the retry table of its event has ended. The
//! [sender](crate::notifications) empties it.

mod address;
mod engine;
#[cfg(test)]
mod model;
#[cfg(feature = "postgres")]
mod postgres;
mod scan;
pub(crate) mod snapshot;
mod sqlite;
mod transaction;

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::data_folder::private;
use crate::error::append_causes;
use address::Kind;
pub use address::StoreAddress;
use engine::Engine;
pub(crate) use engine::{
    Direction, Due, Fingerprint, IdempotencyKey, IndexEntry, IndexRange, LEASE, OutboxEntry, Page,
    StoredResponse, StoredRow, receiver_of,
};
pub(crate) use engine::{LATEST, MAX_WAITING, NEVER};
#[cfg(feature = "postgres")]
use postgres::Postgres;
pub(crate) use scan::Scan;
use sqlite::Sqlite;
pub(crate) use transaction::{Announcement, Record, Transaction, at_time, joined, named};

/// The state of a platform.
pub(crate) struct Store {
    database: Database,
    /// Where it is, for messages.
    place: String,
    /// Wakes the sender of notifications.
    outbox_changed: Notify,
}

enum Database {
    /// One connection, one writer: a request's transaction is far shorter than its signature, so that waiting here
    /// costs less than conflicts between writers would.
    Own(Mutex<Sqlite>),
    #[cfg(feature = "postgres")]
    Shared(Box<Postgres>),
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
    /// A record was changed by another request at the same time. Nothing was changed by this one.
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
                    "another request changed a record of the sandbox's database at the same time: {what}; repeat the \
                     request"
                )
            }
            Self::Corrupt(what) => write!(f, "the sandbox's database holds a broken record: {what}"),
            Self::Version { found, wanted } => write!(
                f,
                "the sandbox's database has the form {found} and this program writes the form {wanted}; use the program \
                 that made it, or another data directory"
            ),
        }?;
        append_causes(self, f)
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
    /// Opens the state at an address; `file` is where the data directory has it.
    pub(crate) fn at(address: &StoreAddress, file: &Path) -> Result<Self, StoreError> {
        match &address.0 {
            Kind::File => Self::open(file),
            Kind::Memory => Ok(Self::own(Sqlite::in_memory()?, "memory".to_owned())),
            #[cfg(feature = "postgres")]
            Kind::Postgres(address) => {
                let database = Database::Shared(Box::new(Postgres::open(address)?));
                Ok(Self { database, place: address.place(), outbox_changed: Notify::new() })
            }
        }
    }

    /// Opens the database of a data directory, and makes it when there is none.
    pub(crate) fn open(file: &Path) -> Result<Self, StoreError> {
        // SQLite gives the files beside it (`-wal`, `-shm`) the mode of this one.
        private::open_file(File::options().append(true).create(true), file).map_err(StoreError::File)?;
        Ok(Self::own(Sqlite::open(file)?, file.display().to_string()))
    }

    fn own(sqlite: Sqlite, place: String) -> Self {
        Self { database: Database::Own(Mutex::new(sqlite)), place, outbox_changed: Notify::new() }
    }

    /// Whether other nodes may use it at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.database, Database::Own(_))
    }

    /// Where it is, for messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// A store that is gone with its value.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self::at(&StoreAddress::MEMORY, Path::new("")).unwrap()
    }

    /// Does one request's work. An error takes everything back. Where other nodes use the same state, the work is done again when
    /// one of them came in between.
    pub(crate) fn transaction<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let work = |engine: &dyn Engine| {
            let tx = Transaction::new(engine);
            let done = work(&tx)?;
            Ok::<_, E>((done, tx.has_announced()))
        };
        let (done, has_announced) = match &self.database {
            Database::Own(sqlite) => locked(sqlite).transaction(work)?,
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => postgres.transaction(work)?,
        };
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

    /// A record as it is now, for who changes nothing.
    pub(crate) fn peek<R: Record>(&self, key: &str) -> Result<Option<R>, StoreError> {
        match &self.database {
            Database::Own(_) => self.transaction(|tx| tx.get(key)),
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => {
                postgres.peek(R::KIND, key)?.map(|stored| stored.open()).transpose()
            }
        }
    }

    /// Whether anything is due, asked without a transaction that writes: the answer is no nearly every time.
    pub(crate) fn is_anything_due(&self, now: i64) -> Result<bool, StoreError> {
        match &self.database {
            Database::Own(sqlite) => locked(sqlite).is_anything_due(now),
            #[cfg(feature = "postgres")]
            Database::Shared(postgres) => postgres.is_anything_due(now),
        }
    }
}

fn locked(sqlite: &Mutex<Sqlite>) -> MutexGuard<'_, Sqlite> {
    // A panic under the lock has rolled its transaction back by dropping it.
    sqlite.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
