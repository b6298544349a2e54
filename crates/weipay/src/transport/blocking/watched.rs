//! ureq's connections, watched: how far a request got, and how its response ended.
//!
//! An error alone tells neither. A socket that has sent a request, and then runs out of retransmissions, reports the same
//! `EHOSTUNREACH` that connecting may end with; and ureq takes a connection that was reset in the middle of a body without
//! a length for the end of that body. So the connection itself says what was written to it, and makes an error of an end
//! that proves nothing.

use std::cell::Cell;
use std::io::{self, ErrorKind};

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, Transport as Connection,
};

use super::connect::NewConnections;
use crate::error::Sent;

thread_local! {
    /// The call of this thread. A blocking call stays on one thread from its first byte to its last.
    static CALL: Cell<Progress> = const { Cell::new(Progress { sent: Sent::No, ends_with_connection: true }) };
}

/// How far a call has come.
#[derive(Clone, Copy)]
struct Progress {
    sent: Sent,
    /// Whether the end of the connection may be the end of the response.
    ends_with_connection: bool,
}

/// A call begins: nothing of it was sent.
pub(super) fn begin() {
    CALL.set(Progress { sent: Sent::No, ends_with_connection: true });
}

/// Whether anything of the call's request was given to a connection. The TLS handshake comes before that.
pub(super) fn sent() -> Sent {
    CALL.get().sent
}

/// The response has a length of its own, or is chunked: a connection that ends before it breaks it off.
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
        Ok(self.0.connect(details, chained)?.map(Watched))
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
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        match self.0.await_input(timeout) {
            // ureq takes these for the end of a body. Under another kind it reports them.
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

fn is_taken_for_an_end(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}
