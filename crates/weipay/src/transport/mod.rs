//! What carries requests: two thin transports, and the traits to bring another one.
//!
//! A transport sends exactly the bytes that it is given, follows no redirect, repeats nothing that the platform may
//! have seen, and gives back whatever status comes. The types of requests and answers are those of [`crate::http`] and
//! [`crate::bytes`].

#[cfg(feature = "blocking")]
mod connecting;
#[cfg(feature = "async")]
mod hyper;
#[cfg(any(feature = "async", feature = "blocking"))]
mod tls;
#[cfg(feature = "blocking")]
mod ureq;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::NetworkProblem;

#[cfg(feature = "async")]
pub(crate) use hyper::HyperTransport;
#[cfg(feature = "blocking")]
pub(crate) use ureq::UreqTransport;

/// The largest body that is read. Files are streamed by other means; an answer beyond this is no answer.
#[cfg(any(feature = "async", feature = "blocking"))]
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The platform closes idle connections after eight seconds: leave earlier, so that no call meets a closing one.
#[cfg(any(feature = "async", feature = "blocking"))]
const IDLE: Duration = Duration::from_secs(7);

/// Carries requests for the blocking client.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for the whole answer, at most for `timeout`.
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, NetworkProblem>;
}

/// What an [`AsyncTransport`] gives back.
pub type Answer<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, NetworkProblem>> + Send + 'a>>;

/// Carries requests for the async client.
pub trait AsyncTransport: Send + Sync {
    /// Sends a request and waits for the whole answer, at most for `timeout`.
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Answer<'_>;
}
