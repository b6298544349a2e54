//! HTTP transports: the default one of each client, and the traits for transports of your own.
//!
//! The async client sends through a [`Transport`], the blocking client through a [`blocking::Transport`]. By default these are
//! [`DefaultTransport`] and [`blocking::DefaultTransport`]. Give your own transport to
//! [`ClientBuilder::transport`](crate::ClientBuilder::transport) or
//! [`ClientBuilder::blocking_transport`](crate::ClientBuilder::blocking_transport). Requests and responses have the types of
//! [`crate::http`] and [`crate::bytes`].
//!
//! # Rules of a transport
//!
//! - It sends exactly the bytes of the request. It follows no redirect, does not repeat what the platform may have received, and
//!   returns a response whatever its status is.
//! - It keeps the time limit, from connecting to the last byte of the response. A streamed body fails when the time is over.
//!   The async client ends the call soon afterwards anyway, as one that may have been sent.
//! - If it fails, [`NetworkError::sent`] says whether any byte of the request may have left. This decides whether a call about
//!   money may be repeated, so use [`Sent::No`] only if nothing was sent.
//! - A request of APIv2 that requires the merchant's certificate in the TLS handshake (双向证书) has it among its extensions, as
//!   `Arc<`[`ClientIdentity`](weipay_wire::ClientIdentity)`>`. If the transport does not present it, the platform rejects the
//!   request.
//! - A body is whole or a stream, in both directions, so do not rely on
//!   [`Body::as_bytes`](blocking::Body::as_bytes) being `Some`.
//! - A request with [`StreamResponse`] among its extensions wants the body of its response as a stream.
//! - A request with a [`ConnectTimeout`] among its extensions should have its connection within that time. The client goes to the
//!   other host then.
//!
//! # One transport for many merchants
//!
//! `Client::for_merchant` makes clients that share one transport. Default transports can also be
//! cloned, and each clone be given to another builder: clones share the connections and the trust store.
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

/// Counts calls, and lets the inner transport send them.
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

/// The conversions into a body, the same for both transports.
macro_rules! whole_bodies {
    () => {
        impl From<Bytes> for Body {
            fn from(bytes: Bytes) -> Self {
                Self(Content::Whole(bytes))
            }
        }

        $crate::transport::whole_bodies!(Vec<u8>, String, &'static [u8], &'static str);

        impl Default for Body {
            fn default() -> Self {
                Self::empty()
            }
        }
    };
    ($($bytes:ty),*) => {
        $(impl From<$bytes> for Body {
            fn from(bytes: $bytes) -> Self {
                Bytes::from(bytes).into()
            }
        })*
    };
}
use whole_bodies;

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "blocking")]
pub mod blocking;
mod connections;

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::error::{NetworkError, Sent};

#[cfg(feature = "async")]
pub(crate) use asynchronous::read_whole;
#[cfg(feature = "async")]
pub use asynchronous::{Body, DefaultTransport, ResponseFuture, Transport};
pub use connections::{ConnectionOptions, Proxy};

/// Among the extensions of a request, this asks for the body of its response as a stream of any length: the
/// request is for a file. The time limit then holds for each wait, for the head of the response and for each
/// next piece, and not for all of it.
///
/// A transport that does not know it and returns a whole body serves files that fit into its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamResponse;

/// Among the extensions of a request, this is how long it may take to make a connection for it: to look up the host, to connect,
/// through a proxy or not, and to agree on TLS. If there is none by then, the attempt fails with [`Sent::No`], and the call goes
/// to the other host. A request on a connection that is open already has no such limit.
///
/// A transport that does not know it needs nothing else. But then a call that must not arrive twice, such as a payment, waits all
/// of its time for a host that accepts connections and never finishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectTimeout(pub Duration);

impl ConnectTimeout {
    /// The limit for connecting: the one of the transport, or that of the request if it is shorter.
    fn of<B>(request: &http::Request<B>, options: &ConnectionOptions) -> Duration {
        let own = request.extensions().get().map(|Self(limit)| *limit);
        own.map_or(options.connect_timeout, |limit| limit.min(options.connect_timeout))
    }
}

/// When a download must have ended, in addition to the time limit of each wait.
#[cfg(feature = "blocking")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndOfTime(pub(crate) std::time::Instant);

/// The size limit of a response's body.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The size limit of a response's head, the same for both clients.
const MAX_HEAD: usize = 64 * 1024;

/// The platform closes idle connections after eight seconds. The clients close them earlier, so that no call meets a closing one.
const IDLE: Duration = Duration::from_secs(7);

pub(crate) fn lost(sent: Sent, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NetworkError {
    NetworkError { sent, source: source.into() }
}

/// The time limit was reached. Both clients report it in the same words.
pub(crate) fn timed_out(sent: Sent) -> NetworkError {
    match sent {
        Sent::No => lost(sent, io::Error::new(ErrorKind::TimedOut, "not connected within the time limit")),
        Sent::Perhaps => lost(sent, late_response()),
    }
}

fn late_response() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "no complete response within the time limit")
}

fn too_large() -> NetworkError {
    let text = format!("the response is larger than {} MiB", MAX_BODY / 1024 / 1024);
    lost(Sent::Perhaps, NotOfHost::lasting(text))
}

/// The body of a response could not be read whole. Its head came, so the request was sent.
fn unreadable_response(error: io::Error) -> NetworkError {
    if error.kind() == ErrorKind::FileTooLarge { too_large() } else { lost(Sent::Perhaps, error) }
}

/// The time of the call was over before its request was sent.
pub(crate) fn out_of_time() -> NetworkError {
    let text = "the time limit passed before the request was sent".to_owned();
    lost(Sent::No, NotOfHost { text, lasts: false })
}

/// A failure that says nothing about the host: a limit of the client, a file that could not be read, or a runtime that cannot
/// carry calls.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct NotOfHost {
    text: String,
    /// Whether the same call ends so again.
    lasts: bool,
}

impl NotOfHost {
    /// A failure that ends the same call again.
    pub(crate) fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), lasts: true }
    }

    /// The body to send could not be read.
    pub(crate) fn unreadable(error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), Self::lasting(error.to_string()))
    }

    /// Whether it is among the causes of an error.
    pub(crate) fn has_caused(error: &NetworkError) -> bool {
        Self::find(error).is_some()
    }

    /// Whether the same call would fail again for a reason that no host has.
    pub(crate) fn lasts(error: &NetworkError) -> bool {
        Self::find(error).is_some_and(|found| found.lasts)
    }

    fn find(error: &NetworkError) -> Option<&Self> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error.source);
        while let Some(error) = cause {
            // An I/O error returns the error that it holds by `get_ref`, not as its source.
            let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let found = error.downcast_ref::<Self>().or_else(|| inside?.downcast_ref::<Self>());
            if found.is_some() {
                return found;
            }
            cause = error.source();
        }
        None
    }
}

/// The cryptography of TLS, passed by hand: the process-wide provider panics in a program that compiles in two.
fn crypto_provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Why TLS cannot be set up, and what to do. Apart from a lack of root certificates, nothing makes it fail.
fn tls_error(reason: &dyn std::fmt::Display) -> String {
    let advice = if cfg!(all(unix, not(target_vendor = "apple"))) {
        ": install the root certificates of the system (on Debian, Ubuntu and Alpine the package ca-certificates), or name a \
         file of them in SSL_CERT_FILE"
    } else {
        ""
    };
    format!("TLS cannot be set up: {reason}{advice}")
}

/// How many bytes of a streamed body are still to come, if its length was announced.
#[derive(Debug, Clone, Copy)]
struct Remaining(Option<u64>);

impl Remaining {
    /// Counts bytes that came. More than announced are an error.
    fn count(&mut self, bytes: usize) -> io::Result<()> {
        let Some(left) = &mut self.0 else { return Ok(()) };
        let rest = u64::try_from(bytes).ok().and_then(|bytes| left.checked_sub(bytes));
        *left = rest.ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidData, "the body is longer than its announced length")
        })?;
        Ok(())
    }

    /// The body ended. Fewer bytes than announced are an error.
    fn check_ended(self) -> io::Result<()> {
        match self.0 {
            Some(missing) if missing > 0 => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("the body ended {missing} bytes before its announced length"),
            )),
            _ => Ok(()),
        }
    }
}

/// A body has more bytes than its reader accepts.
fn above_limit(limit: usize) -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, format!("the body is larger than {limit} bytes"))
}
