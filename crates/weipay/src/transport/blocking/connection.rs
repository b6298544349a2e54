//! ureq's connections: how a new one is made, and what each of them reports about a call.
//!
//! New connections come from ureq's own connector, with two changes:
//!
//! - **The host is looked up here**, only when the pool has no connection. ureq asks its resolver before it looks into the pool,
//!   and its own resolver starts a thread for each look-up with a time limit, so a thread for each call.
//! - **The root certificates are loaded once.** A request with a time limit has separate settings, and ureq loads the roots
//!   again for each connection with such settings. Here all requests share the settings of TLS.
//!
//! An error alone does not tell how far a request got and how its response ended. A socket that has sent a request, and whose
//! retransmissions then fail, reports the same `EHOSTUNREACH` with which connecting may fail. And if a connection is reset in the
//! middle of a body without a length, ureq takes that for the end of the body. So the connection itself records what was written
//! to it, and reports an error if the end proves nothing.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use http::Uri;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport as Connection,
};

use crate::error::Sent;
use crate::transport::{EndOfTime, late_response, tls_error};

/// How many addresses of a host are tried, as by ureq.
const MAX_ADDRESSES: usize = 16;

/// Leaves the look-up to [`NewConnections`].
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Makes the connections that are not in the pool.
#[derive(Debug, Default)]
pub(super) struct NewConnections(DefaultConnector);

impl Connector<()> for NewConnections {
    type Out = Box<dyn Connection>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let start = Instant::now();
        let mut addrs = NoLookup.empty();
        // A proxy looks the host up itself. The connection to the proxy comes here too, without the setting.
        let is_direct = details.config.proxy().is_none();
        if is_direct {
            for address in addresses(details.uri, details.timeout)?.into_iter().take(MAX_ADDRESSES) {
                addrs.push(address);
            }
        }
        if is_direct && addrs.is_empty() {
            return Err(Error::HostNotFound);
        }
        let left = details.timeout.after.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout(details.timeout.reason));
        }
        let details = ConnectionDetails {
            request_level: false,
            uri: details.uri,
            addrs,
            config: details.config,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: NextTimeout { after: left.into(), ..details.timeout },
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        self.0.connect(&details, chained).map_err(|error| match error {
            Error::Rustls(rustls::Error::General(reason)) => Error::Other(tls_error(&reason).into()),
            error => error,
        })
    }
}

/// The addresses of a URL's host. A numeric address needs no look-up. A name is looked up on another thread, because the system's
/// look-up has no time limit.
fn addresses(uri: &Uri, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
    let host = uri.scheme().zip(uri.authority());
    let host = host.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
    let host = host.ok_or_else(|| Error::BadUri(uri.to_string()))?;
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let (tell, found) = sync_channel(1);
    let lookup = move || tell.send(host.to_socket_addrs().map(Iterator::collect)).unwrap_or_default();
    thread::Builder::new().name("weipay-lookup".to_owned()).spawn(lookup)?;
    match found.recv_timeout(*timeout.after) {
        Ok(addresses) => Ok(addresses?),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(Error::Timeout(timeout.reason)),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            Err(io::Error::other("the look-up of the host gave no result").into())
        }
    }
}

thread_local! {
    /// The call of this thread: a blocking call stays on one thread from its first byte to its last.
    static CALL: Cell<Progress> = const { Cell::new(Progress::START) };
}

/// How far a call has come.
#[derive(Clone, Copy)]
struct Progress {
    sent: Sent,
    /// Whether the end of the connection may be the end of the response.
    ends_with_connection: bool,
    /// When the present wait must have ended, beside the time limit of ureq: ureq may wait several times for one head, or for one
    /// piece of a body.
    until: Option<Instant>,
    /// How long making a connection may take, with the tunnel of a proxy.
    connect: Duration,
}

impl Progress {
    const START: Self =
        Self { sent: Sent::No, ends_with_connection: true, until: None, connect: Duration::MAX };

    fn limit(self, timeout: NextTimeout) -> Result<NextTimeout, Error> {
        let Some(until) = self.until else { return Ok(timeout) };
        match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(Error::Timeout(timeout.reason)),
            left if timeout.after > left.into() => Ok(NextTimeout { after: left.into(), ..timeout }),
            _ => Ok(timeout),
        }
    }
}

/// The time limits of a response whose body is read as a stream: for its head, and then for each read.
#[derive(Clone, Copy)]
pub(super) struct Waits {
    each: Duration,
    /// When all of it must have ended.
    end: Option<Instant>,
}

impl Waits {
    pub(super) fn new(each: Duration, end: Option<&EndOfTime>) -> Self {
        Self { each, end: end.map(|end| end.0) }
    }

    /// When a wait must have ended that begins now; `None` for one that is longer than the clock can tell.
    fn until(self) -> Option<Instant> {
        let until = Instant::now().checked_add(self.each);
        until.into_iter().chain(self.end).min()
    }
}

/// A call begins, with a time limit for connecting. Nothing of it was sent yet.
pub(super) fn begin(waits: Waits, connect: Duration) {
    CALL.set(Progress { until: waits.until(), connect, ..Progress::START });
}

/// A body that is read after its call, perhaps between other calls of this thread: each read goes on where the call was.
pub(super) struct Resuming<R> {
    body: R,
    progress: Progress,
    waits: Waits,
}

impl<R> Resuming<R> {
    pub(super) fn new(body: R, waits: Waits) -> Self {
        Self { body, progress: CALL.get(), waits }
    }
}

impl<R: io::Read> io::Read for Resuming<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let other = CALL.replace(Progress { until: self.waits.until(), ..self.progress });
        let read = self.body.read(buffer);
        CALL.set(other);
        // ureq names its own limit, and not as the end of a time.
        read.map_err(|error| match error.get_ref().and_then(|inside| inside.downcast_ref()) {
            Some(Error::Timeout(_)) => late_response(),
            _ => error,
        })
    }
}

/// Whether any byte of the request was given to a connection. The TLS handshake comes before that.
pub(super) fn sent() -> Sent {
    CALL.get().sent
}

/// The response has a length or is chunked, so the end of the connection cannot be its regular end.
pub(super) fn ends_before_connection() {
    CALL.set(Progress { ends_with_connection: false, ..CALL.get() });
}

/// Makes connections and watches them.
#[derive(Debug, Default)]
pub(super) struct WatchingConnector(NewConnections);

impl Connector<()> for WatchingConnector {
    type Out = Watched;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Watched>, Error> {
        // A proxy is asked for a tunnel over such a connection. That is not a byte of the request. A proxy may send the head of
        // its answer byte by byte, and ureq would give each of them the whole time.
        let progress = CALL.get();
        let connected_by = Instant::now().checked_add(progress.connect);
        CALL.set(Progress { until: connected_by.into_iter().chain(progress.until).min(), ..progress });
        let connected = self.0.connect(details, chained);
        CALL.set(progress);
        Ok(connected?.map(Watched))
    }
}

#[derive(Debug)]
pub(super) struct Watched(Box<dyn Connection>);

impl Connection for Watched {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        CALL.set(Progress { sent: Sent::Perhaps, ..CALL.get() });
        let timeout = CALL.get().limit(timeout)?;
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        match await_in_slices(&mut *self.0, CALL.get().limit(timeout)?) {
            // ureq takes these kinds for the end of a body. It reports an error of another kind.
            Err(Error::Io(error)) if is_taken_for_an_end(error.kind()) => {
                Err(Error::Io(io::Error::other(error)))
            }
            Ok(false) if !CALL.get().ends_with_connection => {
                Err(Error::Io(io::Error::other("the connection ended before the response did")))
            }
            other => other,
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// The longest wait of a socket. The kernel may round a wait up by an eighth: two seconds of seventeen. A limit that is the same each
/// time also costs no call of the system to set it.
const SLICE: Duration = Duration::from_secs(1);

/// Waits for input up to the limit, and not longer.
fn await_in_slices(connection: &mut dyn Connection, limit: NextTimeout) -> Result<bool, Error> {
    let start = Instant::now();
    loop {
        let left = limit.after.saturating_sub(start.elapsed());
        if left <= SLICE {
            return connection.await_input(NextTimeout { after: left.into(), ..limit });
        }
        match connection.await_input(NextTimeout { after: SLICE.into(), ..limit }) {
            Err(Error::Timeout(_)) => {}
            ended => return ended,
        }
    }
}

fn is_taken_for_an_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_host_is_not_looked_up() {
        // A look-up would have no time.
        let none = NextTimeout { after: Duration::ZERO.into(), ..NextTimeout::default() };
        for (url, address) in [
            ("http://127.0.0.1:8880/v3", "127.0.0.1:8880"),
            ("https://127.0.0.1", "127.0.0.1:443"),
            ("http://[::1]", "[::1]:80"),
        ] {
            let found = addresses(&url.parse().unwrap(), none).unwrap();
            assert_eq!(found, [address.parse().unwrap()], "{url}");
        }
    }

    #[test]
    fn ureq_is_given_no_address_before_a_connection_is_needed() {
        let uri = "http://host.invalid".parse().unwrap();
        let none = NextTimeout { after: Duration::ZERO.into(), ..NextTimeout::default() };
        assert!(NoLookup.resolve(&uri, &Config::default(), none).unwrap().is_empty());
    }
}
