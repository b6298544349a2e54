//! Connections to receivers (连接). One whose receiver says that it stays open is kept for a moment: the next notification to
//! the same receiver then needs no new one.
//!
//! A receiver that does not say so gets a new connection for each notification, because many a small one ends its connection
//! after its response without a word. A notification is sent a second time only if hyper gives it back, which is when no byte
//! of it was sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::{CONNECTION, HeaderMap, HeaderName};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The head of a response; a longer one is a failure.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long a connection is kept. It is shorter than any receiver has it that says a number of seconds, see [`stays_open`].
const MAX_IDLE: Duration = Duration::from_secs(1);
/// How long a connection may take to be ready after a response, which is no time at all.
const READY: Duration = Duration::from_millis(100);
/// How many are kept, of all receivers.
const MAX_KEPT: usize = 32;

/// One connection. It ends when this is dropped.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn open<S>(stream: S) -> Result<Self, hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut protocol = Builder::new();
        protocol.max_buf_size(MAX_HEAD_BYTES).title_case_headers(true);
        let (sender, connection) = protocol.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, task: tokio::spawn(async move { drop(connection.await) }) })
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        self.sender.try_send_request(request).await
    }

    /// Whether it takes another request. After the end of a response its task has to notice that first.
    pub(super) async fn is_ready_again(&mut self) -> bool {
        timeout(READY, self.sender.ready()).await.is_ok_and(|ready| ready.is_ok())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A connection that waits for the next notification.
struct Kept {
    receiver: String,
    since: Instant,
    connection: Connection,
}

/// The connections that wait for the next notification. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Vec<Kept>>>);

impl Connections {
    /// A connection to a receiver that is still open.
    pub(super) fn take(&self, receiver: &str) -> Option<Connection> {
        let mut kept = self.kept();
        let place = kept.iter().rposition(|kept| kept.is_usable() && kept.receiver == receiver)?;
        Some(kept.swap_remove(place).connection)
    }

    /// Keeps a connection on which a response has come whole, if there is room. It needs the runtime on which it was made: that
    /// of an attempt on demand has one thread and ends with the attempt, so its connections end, too.
    pub(super) fn keep(&self, receiver: &str, connection: Connection) {
        let is_of_server = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let mut kept = self.kept();
        if is_of_server && kept.len() < MAX_KEPT {
            kept.push(Kept { receiver: receiver.to_owned(), since: Instant::now(), connection });
        }
    }

    /// Ends the connections that have been idle for too long.
    pub(super) fn end_idle(&self) {
        let mut kept = self.kept();
        if !kept.is_empty() {
            kept.retain(|kept| kept.since.elapsed() < MAX_IDLE);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_usable(&self) -> bool {
        self.since.elapsed() < MAX_IDLE && self.connection.sender.is_ready()
    }
}

/// Whether a receiver says that the connection of its response stays open for longer than it is kept.
pub(super) fn stays_open(headers: &HeaderMap) -> bool {
    let words = |name: HeaderName| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .map(|word| word.trim().to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    let is_kept_for = |word: &String| match word.strip_prefix("timeout=") {
        Some(seconds) => seconds.parse::<u64>().is_ok_and(|seconds| seconds > MAX_IDLE.as_secs()),
        None => true,
    };
    words(CONNECTION).iter().any(|word| word == "keep-alive")
        && words(HeaderName::from_static("keep-alive")).iter().all(is_kept_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_stays_open_where_its_receiver_says_so() {
        for (fields, is_open) in [
            (&[][..], false),
            (&[("connection", "close")], false),
            (&[("keep-alive", "timeout=5")], false),
            (&[("connection", "Keep-Alive")], true),
            (&[("connection", "keep-alive"), ("keep-alive", "timeout=5, max=100")], true),
            (&[("connection", "keep-alive"), ("keep-alive", "timeout=1")], false),
            (&[("connection", "keep-alive"), ("keep-alive", "timeout=")], false),
        ] {
            let headers =
                fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            assert_eq!(stays_open(&headers.collect()), is_open, "{fields:?}");
        }
    }
}
