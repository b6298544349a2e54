//! What carries requests: two thin transports, one for each client, and the traits to bring or to wrap one.
//!
//! The async client sends through a [`Transport`], the blocking one through a [`blocking::Transport`]; unless told
//! otherwise, through [`DefaultTransport`] and [`blocking::DefaultTransport`]. A transport of yours is given to
//! [`ClientBuilder::transport`](crate::ClientBuilder::transport) or
//! [`ClientBuilder::blocking_transport`](crate::ClientBuilder::blocking_transport). The types of requests and responses are those of
//! [`crate::http`] and [`crate::bytes`].
//!
//! # Rules of a transport
//!
//! - It sends exactly the bytes that it is given, follows no redirect, repeats nothing that the platform may have seen, and
//!   gives back whatever status comes.
//! - It keeps the time limit, from connecting to the last byte of the response. A body that streams fails when the time is over.
//! - When it fails, [`NetworkError::sent`] says whether any byte of the request may have left. With money that word
//!   decides whether a call may be repeated: [`Sent::No`] only where nothing was sent.
//! - A body is whole or a stream, in both directions. Today the clients give whole bodies and the default transports give
//!   whole bodies back; later versions will stream uploads and downloads. So do not count on
//!   [`Body::as_bytes`](blocking::Body::as_bytes) having them.
//!
//! # A transport around the default one
//!
#![cfg_attr(not(feature = "async"), doc = "See [`blocking`].")]
#![cfg_attr(
    feature = "async",
    doc = r#"
```
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use weipay::http::Request;
use weipay::transport::{Body, DefaultTransport, ResponseFuture, Transport};

/// Counts calls, and has them sent by the transport inside.
struct Counting {
    inner: DefaultTransport,
    calls: Arc<AtomicU64>,
}

impl Transport for Counting {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.send(request, timeout)
    }
}

# fn main() -> Result<(), Box<dyn std::error::Error>> {
let calls = Arc::new(AtomicU64::new(0));
let counting = Counting { inner: DefaultTransport::new()?, calls: Arc::clone(&calls) };
let builder = weipay::ClientBuilder::default().transport(counting);
# let _ = builder;
# Ok(())
# }
```
"#
)]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "async")]
mod body;
#[cfg(feature = "async")]
mod hyper;
mod length;
mod tls;

use std::time::Duration;

#[cfg(feature = "async")]
use ::bytes::Bytes;
#[cfg(feature = "async")]
use http::{Request, Response};

use crate::error::{NetworkError, Sent};

#[cfg(feature = "async")]
pub use self::hyper::DefaultTransport;
#[cfg(feature = "async")]
pub use body::Body;

/// The largest body that is read.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The largest head of a response, the same for both clients: what one reads the other reads too.
const MAX_HEAD: usize = 64 * 1024;

/// The most header fields of a response: what ureq reads, which cannot be set.
#[cfg(feature = "async")]
const MAX_HEADERS: usize = 128;

/// The platform closes idle connections after eight seconds: leave earlier, so that no call meets a closing one.
const IDLE: Duration = Duration::from_secs(7);

/// What a [`Transport`] gives back.
#[cfg(feature = "async")]
pub type ResponseFuture<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, NetworkError>> + Send + 'a>>;

/// Carries requests for the async client, by [these rules](self#rules-of-a-transport).
#[cfg(feature = "async")]
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response. All of it, to the last byte of the response's body, takes at most
    /// `timeout`, which is never more than a year.
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_>;
}

#[cfg(feature = "async")]
impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        (**self).send(request, timeout)
    }
}

#[cfg(feature = "async")]
impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        (**self).send(request, timeout)
    }
}

/// A response with its whole body.
#[cfg(feature = "async")]
pub(crate) async fn read_whole(response: Response<Body>) -> Result<Response<Bytes>, NetworkError> {
    let (parts, body) = response.into_parts();
    // A head came: the request was sent.
    let body = body.into_bytes(MAX_BODY).await.map_err(|error| lost(Sent::Perhaps, error))?;
    Ok(Response::from_parts(parts, body))
}

fn lost(sent: Sent, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NetworkError {
    NetworkError { sent, source: source.into() }
}

/// Both clients say the same when the time is over.
fn timed_out(sent: Sent) -> NetworkError {
    let text = match sent {
        Sent::No => "not connected within the time limit",
        Sent::Perhaps => "no complete response within the time limit",
    };
    lost(sent, std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

fn too_large() -> NetworkError {
    lost(Sent::Perhaps, format!("the response is larger than {} MB", MAX_BODY / 1024 / 1024))
}
