//! The socket of a connection, with a limit on how long a response may take to leave.
//!
//! hyper limits how long a request may take to arrive, and nothing limits how long its response may take to leave: a client
//! that never reads would hold its slot for as long as it likes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::connection_limiter::ConnectionSlot;

/// A socket that fails when what was written to it does not leave in time.
pub(super) struct Stream {
    socket: TcpStream,
    slot: Arc<ConnectionSlot>,
    idle_timeout: Duration,
    /// Runs from the first write that had to wait until everything has left.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, slot: Arc<ConnectionSlot>, idle_timeout: Duration) -> Self {
        Self { socket, slot, idle_timeout, deadline: None }
    }

    /// The outcome of a write; one that must wait runs against the deadline.
    fn within_limit<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let deadline = self.deadline.get_or_insert_with(|| {
            self.slot.set_stuck(true);
            Box::pin(sleep(self.idle_timeout))
        });
        match deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.slot.is_reset() {
            // The kernel then sends a reset. If it cannot be told so, the connection ends in order.
            let _ = self.socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.within_limit(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, bytes);
        self.within_limit(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// Called when everything has been given to the socket.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deadline.take().is_some() {
            self.slot.set_stuck(false);
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.slot.is_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream as Client;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::runtime::Builder;

    use super::super::connection_limiter::ConnectionLimiter;
    use super::*;

    /// A socket whose other end is not read.
    async fn unread(idle_timeout: Duration) -> (Stream, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let slot = Arc::new(ConnectionLimiter::new(1)).take().await.unwrap();
        (Stream::new(socket, Arc::new(slot), idle_timeout), client)
    }

    #[test]
    fn only_a_response_that_nobody_reads_fails() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut stream, client) = unread(Duration::from_millis(50)).await;
            let chunk = vec![b'x'; 1 << 20];
            let mut failed = None;
            while failed.is_none() {
                failed = stream.write_all(&chunk).await.err();
            }
            assert_eq!(failed.map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
            drop(client);

            let (mut stream, mut client) = unread(Duration::from_secs(3_600)).await;
            let reader = std::thread::spawn(move || {
                let mut read = Vec::new();
                io::Read::read_to_end(&mut client, &mut read).map(|_| read.len())
            });
            for _ in 0..32 {
                stream.write_all(&chunk).await.unwrap();
                stream.flush().await.unwrap();
                assert!(stream.deadline.is_none(), "what has left is not limited any more");
            }
            drop(stream);
            assert_eq!(reader.join().unwrap().unwrap(), 32 << 20);
        });
    }
}
