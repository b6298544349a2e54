//! The spelling of names of headers (响应头大小写): `Request-ID`, which no rule of capital letters gives.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;

/// Every other name of a response is spelled by the rule.
const SPELLED: &[u8] = b"GET / HTTP/1.1\r\nRequest-ID: 0\r\n\r\n";

/// The extension with which hyper spells the names of headers as the platform does.
///
/// Names are compared without regard to case, so hyper keeps them in lower case. It writes a name in another spelling when it
/// has one, and it takes spellings from the requests that it reads. So it gets one to read.
pub(super) async fn header_case_extensions() -> Extensions {
    let learnt = Arc::new(Mutex::new(Extensions::new()));
    let kept = Arc::clone(&learnt);
    let reading = service_fn(move |request: Request<Incoming>| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = request.extensions().clone();
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    // Should this fail, `Request-ID` is spelled by the rule, and nothing else changes.
    let _ = http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(MemoryStream(SPELLED), reading)
        .await;
    let learnt = learnt.lock().unwrap_or_else(PoisonError::into_inner);
    learnt.clone()
}

/// A connection on which a text arrives, and from which nothing goes anywhere.
struct MemoryStream(&'static [u8]);

impl Read for MemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.0.split_at(self.0.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for MemoryStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
