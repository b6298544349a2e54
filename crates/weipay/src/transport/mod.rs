//! What carries requests: two thin transports, and the traits to bring another one.
//!
//! A transport sends exactly the bytes that it is given, follows no redirect, repeats nothing that the platform may
//! have seen, and gives back whatever status comes. The types of requests and answers are those of [`crate::http`] and
//! [`crate::bytes`].

#[cfg(feature = "async")]
mod hyper;
#[cfg(any(feature = "async", feature = "blocking"))]
mod tls;
#[cfg(feature = "blocking")]
mod ureq;
#[cfg(feature = "blocking")]
mod watched;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::NetworkProblem;
#[cfg(any(feature = "async", feature = "blocking"))]
use crate::error::Sent;

#[cfg(feature = "async")]
pub(crate) use hyper::HyperTransport;
#[cfg(feature = "blocking")]
pub(crate) use ureq::UreqTransport;

/// The largest body that is read.
#[cfg(any(feature = "async", feature = "blocking"))]
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The largest head of an answer, the same for both clients: what one reads the other reads too.
#[cfg(any(feature = "async", feature = "blocking"))]
const MAX_HEAD: usize = 64 * 1024;

/// The most header fields of an answer: what ureq reads, which cannot be set.
#[cfg(feature = "async")]
const MAX_HEADERS: usize = 128;

/// The platform closes idle connections after eight seconds: leave earlier, so that no call meets a closing one.
#[cfg(any(feature = "async", feature = "blocking"))]
const IDLE: Duration = Duration::from_secs(7);

/// Carries requests for the blocking client.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for the whole answer, at most for `timeout`, which is never more than a year.
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, NetworkProblem>;
}

/// What an [`AsyncTransport`] gives back.
pub type Answer<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, NetworkProblem>> + Send + 'a>>;

/// Carries requests for the async client.
pub trait AsyncTransport: Send + Sync {
    /// Sends a request and waits for the whole answer, at most for `timeout`, which is never more than a year.
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Answer<'_>;
}

#[cfg(any(feature = "async", feature = "blocking"))]
fn lost(sent: Sent, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NetworkProblem {
    NetworkProblem { sent, source: source.into() }
}

/// Both clients say the same when the time is over.
#[cfg(any(feature = "async", feature = "blocking"))]
fn timed_out(sent: Sent) -> NetworkProblem {
    let text = match sent {
        Sent::No => "not connected within the time limit",
        Sent::Perhaps => "no whole answer within the time limit",
    };
    lost(sent, std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

#[cfg(any(feature = "async", feature = "blocking"))]
fn too_large() -> NetworkProblem {
    lost(Sent::Perhaps, format!("the answer is larger than {} MB", MAX_BODY / 1024 / 1024))
}
