//! What carries requests of the blocking client: as in [`transport`](super), without `async`.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::time::Duration;
//!
//! use weipay::error::NetworkError;
//! use weipay::http::{Request, Response};
//! use weipay::transport::blocking::{Body, DefaultTransport, Transport};
//!
//! /// Counts calls, and lets the inner transport send them.
//! struct Counting {
//!     inner: DefaultTransport,
//!     calls: Arc<AtomicU64>,
//! }
//!
//! impl Transport for Counting {
//!     fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
//!         self.calls.fetch_add(1, Ordering::Relaxed);
//!         self.inner.send(request, timeout)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let calls = Arc::new(AtomicU64::new(0));
//! let counting = Counting { inner: DefaultTransport::new()?, calls: Arc::clone(&calls) };
//! let builder = weipay::ClientBuilder::default().blocking_transport(counting);
//! # let _ = builder;
//! # Ok(())
//! # }
//! ```

mod body;
mod connection;
mod ureq;

use std::sync::Arc;
use std::time::Duration;

use ::bytes::Bytes;
use http::{Request, Response};

use super::{MAX_BODY, lost};
use crate::error::{NetworkError, Sent};

pub use self::ureq::DefaultTransport;
pub use body::Body;

/// Carries requests for the blocking client. It must follow [these rules](crate::transport#rules-of-a-transport).
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response. All of it, to the last byte of the response's body, takes at most
    /// `timeout`, which is never more than a year.
    ///
    /// # Errors
    ///
    /// If no complete response comes. The error says whether the request may have been sent.
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        (**self).send(request, timeout)
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        (**self).send(request, timeout)
    }
}

/// A response with its whole body.
pub(crate) fn read_whole(response: Response<Body>) -> Result<Response<Bytes>, NetworkError> {
    let (parts, body) = response.into_parts();
    // The head came, so the request was sent.
    let body = body.into_bytes(MAX_BODY).map_err(|error| lost(Sent::Perhaps, error))?;
    Ok(Response::from_parts(parts, body))
}
