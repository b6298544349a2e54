//! Connections to a PostgreSQL server, a limited number at once, and what their failures mean.
//!
//! The store is synchronous: its callers are threads that may wait. The client is asynchronous, and its own thread drives the
//! sockets. Waiting is parking a thread, so that a program may call the store from wherever it likes, also from inside a runtime.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, Wake};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row, SimpleQueryMessage, Statement};

use super::Address;
use super::tls::{self, Connector};
use crate::store::StoreError;

/// The most transactions of one node at once; others wait.
const MAX_CONNECTIONS: usize = 8;
/// How long a transaction waits for a connection.
const MAX_WAIT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a response of the server may take: a little more than the server itself gives a statement.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(12);
/// Statements that a connection keeps prepared. There are some thirty; searches differ by the count of their conditions.
const MAX_STATEMENTS: usize = 128;

/// The parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Why the database did not do a statement.
#[derive(Debug)]
pub(super) struct Failure {
    state: Option<SqlState>,
    is_disconnected: bool,
    /// Without details: those hold values.
    text: String,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = match (error.as_db_error(), error.source()) {
            (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
            (None, Some(cause)) => format!("{error}: {cause}"),
            (None, None) => error.to_string(),
        };
        let is_disconnected =
            error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>());
        // Another try meets the same certificate.
        if let Some(text) = tls::reason(&error) {
            return Self::new(text);
        }
        Self { state: error.code().cloned(), is_disconnected, text }
    }
}

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { state: None, is_disconnected: false, text: text.into() }
    }

    /// The server accepts what is sent, and says nothing.
    fn silent() -> Self {
        Self { is_disconnected: true, ..Self::new("the database does not respond") }
    }

    /// The connection has ended.
    pub(super) fn is_disconnected(&self) -> bool {
        // 57P01 to 57P03: the server ends, or does not serve yet.
        self.is_disconnected || self.code().starts_with("57P0")
    }

    /// Another transaction came in between; the same work again can succeed. A key that another transaction has just added is
    /// told as a conflict or as a key that exists, also when this transaction has looked for it before.
    pub(super) fn is_conflict(&self) -> bool {
        ["40001", "40P01", "23505"].contains(&self.code())
    }

    /// Another node changes tables at this moment.
    pub(super) fn is_of_other_node(&self) -> bool {
        // A table, an index, or something else exists; an entry of the catalogue was updated by somebody else.
        self.is_conflict() || ["42P07", "42710", "XX000"].contains(&self.code())
    }

    fn code(&self) -> &str {
        self.state.as_ref().map_or("", SqlState::code)
    }

    pub(super) fn into_error(self) -> StoreError {
        StoreError::Database(self.text.into())
    }
}

/// One connection, with its prepared statements.
pub(super) struct Connection {
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    /// Whether the server did not respond in time.
    is_silent: Cell<bool>,
}

impl Connection {
    pub(super) fn query(&self, statement: &str, values: Parameters<'_>) -> Result<Vec<Row>, Failure> {
        let statement = self.prepared(statement)?;
        self.wait(self.client.query(&statement, values))
    }

    /// How many rows it changed.
    pub(super) fn execute(&self, statement: &str, values: Parameters<'_>) -> Result<u64, Failure> {
        let statement = self.prepared(statement)?;
        self.wait(self.client.execute(&statement, values))
    }

    /// Waits for a response of the server. After one that did not come the connection is of no use.
    fn wait<T>(
        &self,
        response: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        if self.is_silent.get() {
            return Err(Failure::silent());
        }
        match wait(response, RESPONSE_TIMEOUT) {
            Some(response) => Ok(response?),
            None => {
                self.is_silent.set(true);
                Err(Failure::silent())
            }
        }
    }

    /// Does a statement without parameters and rows.
    pub(super) fn execute_plain(&self, statement: &str) -> Result<(), Failure> {
        self.wait(self.client.batch_execute(statement))
    }

    /// Does statements without parameters in one message, and gives the first column of the last row.
    pub(super) fn query_plain(&self, statements: &str) -> Result<Option<String>, Failure> {
        let messages = self.wait(self.client.simple_query(statements))?;
        let last = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(last.and_then(|row| row.get(0)).map(str::to_owned))
    }

    fn prepared(&self, text: &str) -> Result<Statement, Failure> {
        let mut statements = self.statements.borrow_mut();
        if let Some(statement) = statements.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(text))?;
        if statements.len() >= MAX_STATEMENTS {
            statements.clear();
        }
        statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// The connections of a node.
pub(super) struct Connections {
    config: Config,
    tls: Connector,
    handle: Handle,
    places: Mutex<Places>,
    freed: Condvar,
    /// Ends the thread that drives the sockets.
    driver: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

struct Places {
    idle: Vec<Connection>,
    /// Connections that are in use.
    used: usize,
}

impl Connections {
    pub(super) fn new(address: &Address) -> Result<Self, StoreError> {
        let tls = address.tls.connector().map_err(|reason| StoreError::Database(reason.into()))?;
        let mut config = address.config.clone();
        config
            .application_name("weipay-sandbox")
            .connect_timeout(CONNECT_TIMEOUT)
            // A server that is gone without a word is noticed.
            .keepalives_idle(MAX_WAIT)
            .tcp_user_timeout(MAX_WAIT * 2);
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(StoreError::File)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let drive = move || {
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new()
            .name("weipay-postgres".to_owned())
            .spawn(drive)
            .map_err(StoreError::File)?;
        let places = Mutex::new(Places { idle: Vec::new(), used: 0 });
        Ok(Self { config, tls, handle, places, freed: Condvar::new(), driver: Some((stop, thread)) })
    }

    /// Takes a connection for one transaction.
    pub(super) fn take(&self) -> Result<Lent<'_>, Failure> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |places: &mut Places| places.used >= MAX_CONNECTIONS;
        let waited = self.freed.wait_timeout_while(places, MAX_WAIT, is_full);
        let (mut places, waiting) = waited.unwrap_or_else(PoisonError::into_inner);
        if waiting.timed_out() && places.used >= MAX_CONNECTIONS {
            let seconds = MAX_WAIT.as_secs();
            return Err(Failure::new(format!(
                "no connection to the database became free within {seconds} s"
            )));
        }
        places.used += 1;
        let idle = places.idle.pop();
        drop(places);
        let mut lent = Lent { connections: self, connection: None };
        lent.connection = Some(match idle.filter(|connection| !connection.client.is_closed()) {
            Some(connection) => connection,
            None => self.connect()?,
        });
        Ok(lent)
    }

    /// Another connection, which is not counted.
    pub(super) fn connect(&self) -> Result<Connection, Failure> {
        let (give, given) = mpsc::channel();
        let (config, tls) = (self.config.clone(), self.tls.clone());
        // The limit of the configuration is for each socket. What comes after a socket has as long once more.
        let servers = config.get_hosts().len().max(config.get_hostaddrs().len());
        let limit = CONNECT_TIMEOUT * u32::try_from(servers).unwrap_or(1).saturating_add(1);
        self.handle.spawn(async move {
            let connected = timeout(limit, config.connect(tls)).await.map(|connected| {
                connected.map(|(client, connection)| {
                    tokio::spawn(connection);
                    client
                })
            });
            give.send(connected)
        });
        let client = given.recv().map_err(|_| Failure::new("the sandbox ends"))?;
        let client = client.map_err(|_| Failure::new("the database does not respond"))??;
        let connection = Connection { client, statements: RefCell::default(), is_silent: Cell::default() };
        // Reading a small table from end to end would make every change of it a conflict. A wish: not every database knows it.
        let _ = connection.execute_plain("SET enable_seqscan = off");
        let _ = connection.execute_plain("SET statement_timeout = 10000");
        let _ = connection.execute_plain("SET idle_in_transaction_session_timeout = 30000");
        Ok(connection)
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.driver.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// A connection for one transaction.
pub(super) struct Lent<'a> {
    connections: &'a Connections,
    connection: Option<Connection>,
}

impl Lent<'_> {
    pub(super) fn connection(&self) -> Result<&Connection, Failure> {
        self.connection.as_ref().ok_or_else(|| Failure::new("the connection was given back"))
    }

    /// Gives the connection back: no transaction is open on it. What is dropped in any other way is closed.
    pub(super) fn give_back(mut self) {
        let connection = self.connection.take();
        let mut places = self.connections.places.lock().unwrap_or_else(PoisonError::into_inner);
        let is_usable =
            |connection: &Connection| !connection.client.is_closed() && !connection.is_silent.get();
        places.idle.extend(connection.filter(is_usable));
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut places = self.connections.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.used = places.used.saturating_sub(1);
        drop(places);
        self.connections.freed.notify_one();
    }
}

/// Waits for a future on this thread, but not longer than this.
fn wait<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let until = Instant::now() + limit;
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return Some(done),
            Poll::Pending => match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => return None,
            },
        }
    }
}
