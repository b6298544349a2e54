//! PostgreSQL as the [engine](super::engine) of the store: any number of nodes on one database at once.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | transactions and their repetition, counters |
//! | `engine` | the statements of one transaction |
//! | `whole_state` | every row, for snapshots and resets |
//! | `connections` | connections, a limited number at once, and what their failures mean |
//! | `migrations` | numbered migrations |
//! | `tls` | TLS, and what is checked of the server |
//!
//! Every transaction is serializable. When another one came in between, the database refuses one of the two,
//! and its whole work is done again, at most [`MAX_TRIES`] times. What a refused transaction has read may be
//! wrong, so a refusal to a merchant counts only after the transaction that found it has been committed as
//! well.
//!
//! Nothing here needs more than CockroachDB and YugabyteDB have: no advisory locks, no notifications of the database, no change
//! of tables that a transaction must take back. docs/scaling.md says what was tried.

mod connections;
mod engine;
mod migrations;
mod tls;
mod whole_state;

use std::env;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use self::connections::{Connection, Connections, Failure, Lent};
use self::engine::Open;
use self::tls::Tls;
use super::StoreError;
use super::engine::{Engine, StoredRecord};
use crate::entropy::Entropy;

/// How often a transaction is tried in all. With the waits between, some seconds go by before it is given up.
const MAX_TRIES: u32 = 64;
/// The longest wait before the next try.
const MAX_WAIT: Duration = Duration::from_millis(100);
/// How often a transaction whose connection ends is tried again on another one.
const MAX_RECONNECTS: u32 = 3;

/// Where a database is, and how connections to it are protected.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    config: Config,
    tls: Tls,
}

/// A database that other nodes use, too.
pub(super) struct Postgres {
    connections: Connections,
    /// Counters go their own way, see [`Postgres::next_number`].
    counting: Mutex<Option<Connection>>,
    /// The name of this node in claims; a new one after every start.
    node: String,
}

impl Postgres {
    /// Connects to a database, and migrates it to the schema of this program.
    pub(super) fn open(address: &Address) -> Result<Self, StoreError> {
        let connections = Connections::new(address)?;
        let lent = connections.take().map_err(Failure::into_error)?;
        migrations::run(lent.connection().map_err(Failure::into_error)?)?;
        lent.give_back();
        Ok(Self { connections, counting: Mutex::default(), node: Entropy::system().hex_digits(16) })
    }

    /// Runs work in one transaction, and retries it after conflicts. An error rolls everything back.
    pub(super) fn transaction<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&dyn Engine) -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut tries, mut reconnects) = (1, 0);
        loop {
            let failure = match self.attempt(&mut work) {
                Ok(done) => return done,
                Err(failure) => failure,
            };
            if failure.is_disconnected() && reconnects < MAX_RECONNECTS {
                reconnects += 1;
            } else if failure.is_conflict() && tries < MAX_TRIES {
                tries += 1;
                thread::sleep(wait_before(tries));
            } else if failure.is_conflict() {
                let what = format!("the transaction conflicted with others {tries} times in a row");
                return Err(StoreError::Conflict(what).into());
            } else {
                return Err(failure.into_error().into());
            }
        }
    }

    /// One try. A failure means that nothing was changed and that the result of the work does not count.
    fn attempt<T, E: From<StoreError>>(
        &self,
        work: &mut impl FnMut(&dyn Engine) -> Result<T, E>,
    ) -> Result<Result<T, E>, Failure> {
        let lent = self.connections.take()?;
        let connection = lent.connection()?;
        let generation = engine::begin(connection)?;
        let open = Open::new(self, connection, generation);
        let done = work(&open);
        if let Some(failure) = open.failure() {
            // A connection that is not given back is closed.
            if !failure.is_disconnected() {
                roll_back(lent);
            }
            return Err(failure);
        }
        if done.is_err() && open.has_written() {
            roll_back(lent);
            return Ok(done);
        }
        match connection.execute_plain("COMMIT") {
            Ok(()) => {
                lent.give_back();
                Ok(done)
            }
            // Whether it was committed is not known, so it must not be done again.
            Err(failure) if failure.is_disconnected() => {
                Ok(Err(StoreError::Database("the connection ended during a commit".into()).into()))
            }
            Err(failure) => {
                roll_back(lent);
                Err(failure)
            }
        }
    }

    /// The next number of a series, outside of the transaction that wants it: a counter is changed by nearly every transaction,
    /// and inside they would all exclude each other. A transaction that is taken back leaves a gap.
    fn next_number(&self, series: &str, first: i64) -> Result<i64, Failure> {
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tries = 0;
        loop {
            let connection = match counting.take() {
                Some(connection) => connection,
                None => {
                    let connection = self.connections.connect()?;
                    // The transaction that uses a number waits for the disk, and what was written before is there then.
                    let _ = connection.execute_plain("SET synchronous_commit = off");
                    connection
                }
            };
            match engine::count(&connection, series, first) {
                Err(failure) if failure.is_disconnected() && tries < MAX_RECONNECTS => tries += 1,
                Err(failure) if failure.is_conflict() && tries < MAX_TRIES => {
                    tries += 1;
                    *counting = Some(connection);
                }
                counted => {
                    *counting = Some(connection);
                    return counted;
                }
            }
        }
    }

    /// The record with a key as it is now, by one statement and without a transaction.
    pub(super) fn peek(&self, kind: &str, key: &str) -> Result<Option<StoredRecord>, StoreError> {
        self.look(|engine| engine.record(kind, key))
    }

    /// Reads with one statement, without a transaction and without locks.
    pub(super) fn look<T>(
        &self,
        what: impl Fn(&dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let read = || {
            let lent = self.connections.take()?;
            let open = Open::new(self, lent.connection()?, 0);
            let found = what(&open);
            match open.failure() {
                Some(failure) => Err(failure),
                None => {
                    lent.give_back();
                    Ok(found)
                }
            }
        };
        // A connection that has ended is replaced by a transaction.
        read().unwrap_or_else(|_: Failure| self.transaction(&what))
    }

    /// Looks whether anything is due.
    pub(super) fn is_anything_due(&self, now: i64) -> Result<bool, StoreError> {
        self.transaction(|engine| Ok(!engine.due_after(now, None, 1)?.is_empty()))
    }
}

/// Gives a connection back without what its transaction did.
fn roll_back(lent: Lent<'_>) {
    if lent.connection().and_then(|connection| connection.execute_plain("ROLLBACK")).is_ok() {
        lent.give_back();
    }
}

/// Longer with every try, and never the same for two that met, so that they do not meet again.
fn wait_before(tries: u32) -> Duration {
    let most = Duration::from_millis(1 << tries.min(7)).min(MAX_WAIT);
    let mut random = [0; 2];
    Entropy::system().fill(&mut random);
    most * u32::from(u16::from_le_bytes(random)) / u32::from(u16::MAX)
}

impl Address {
    /// Reads the address of a database. What is wrong is said without the address, which holds a password.
    pub(super) fn read(address: &str) -> Result<Self, &'static str> {
        let form = "write the address of the database as postgres://USER:PASSWORD@HOST:PORT/DATABASE; a password can also be in PGPASSWORD";
        let (tls, address) = Tls::from_address(address)?;
        let mut config: Config = address.parse().map_err(|_| form)?;
        if config.get_hosts().is_empty() {
            return Err(form);
        }
        if config.get_password().is_none()
            && let Ok(password) = env::var("PGPASSWORD")
        {
            config.password(password);
        }
        config.ssl_mode(tls.mode());
        Ok(Self { config, tls })
    }

    /// The same without user and password, for messages.
    pub(super) fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let ports = self.config.get_ports();
        let with_port = hosts.enumerate().map(|(place, host)| match ports.get(place).or(ports.first()) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        });
        let hosts = with_port.collect::<Vec<_>>().join(",");
        format!("postgres://{hosts}/{}", self.config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
pub(super) mod tests;
