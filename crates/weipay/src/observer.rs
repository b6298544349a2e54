//! Reports calls to your own [`Observer`], for example for metrics, and, with the feature `tracing`, as spans.
//!
//! An [`Observer`] is notified when an attempt or a call has ended, with operation, outcome, duration and
//! number of attempts. Without one, and without a subscriber of `tracing`, nothing is measured.
//!
//! # Spans
//!
//! With the feature `tracing`, each call and each download is a span `weipay.call` of level INFO, and each
//! attempt in it an event of level DEBUG; the target of both is `weipay`. Fields have the names of
//! OpenTelemetry's conventions for HTTP clients:
//!
//! | field | of | value |
//! |---|---|---|
//! | `otel.name`, `otel.kind`, `otel.status_code` | span | method and path template; `client`; `ERROR` if the call failed |
//! | `http.request.method`, `url.template` | span | such as `POST`, `/v3/refund/domestic/refunds` |
//! | `server.address`, `server.port` | both | where it was sent |
//! | `http.response.status_code` | both | of the response |
//! | `http.request.resend_count` | both | 0 for the first attempt |
//! | `error.type` | both | the [class](crate::error::ErrorClass::as_str) of the error |
//! | `http.client.request.duration` | both | seconds |
//! | `weipay.operation` | span | the official name of the operation |
//! | `weipay.account`, `weipay.sub_mchid` | span | the number of the merchant or brand, and of the sub-merchant |
//! | `weipay.error_code`, `weipay.request_id` | both | error code (错误码) and `Request-ID` of the response |
//!
//! A path that the catalogue does not have has no `url.template`, because it may contain values. Keys,
//! `Authorization`, bodies, header values, and values of paths and queries are in no field.
//!
//! # What other crates log
//!
//! The blocking client sends by `ureq`, which writes to the crate `log` itself, and nothing but a filter of your
//! program stops that: the whole URL of each call at DEBUG, with openids, queries and tokens in it, and at TRACE every
//! byte, `Authorization` and bodies included. A subscriber of `tracing` that also takes `log`, as
//! `tracing_subscriber::fmt().init()` does, gets them. So switch its targets off: `ureq=off,ureq_proto=off`, as an
//! `EnvFilter` or `RUST_LOG` writes it. The example `tracing` does so with `Targets`. The async client writes nothing
//! of a call there.

#[cfg(feature = "tracing")]
mod span;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};

use crate::core::Core;
use crate::download::Downloaded;
use crate::error::{Error, ErrorClass};
use crate::operation::Operation;
use crate::request::Request;
use crate::response::{RawResponse, request_id};

/// Is notified when calls and attempts have ended: see [`ClientBuilder::observer`](crate::ClientBuilder::observer).
///
/// Its functions are called by the thread or task that makes the call, which waits for them, so they should
/// be quick. Both do nothing by default.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use weipay::observer::{EndedCall, Observer};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl Observer for Failures {
///     fn call_ended(&self, call: &EndedCall<'_>) {
///         if call.error_class().is_some() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let builder = weipay::ClientBuilder::default().observer(Failures::default());
/// # let _ = builder;
/// ```
pub trait Observer: Send + Sync {
    /// An attempt has ended. A call that was not sent has none.
    fn attempt_ended(&self, _attempt: &EndedAttempt<'_>) {}

    /// A call or a download has ended. Not called if the future was dropped before.
    fn call_ended(&self, _call: &EndedCall<'_>) {}
}

impl<T: Observer + ?Sized> Observer for std::sync::Arc<T> {
    fn attempt_ended(&self, attempt: &EndedAttempt<'_>) {
        (**self).attempt_ended(attempt);
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        (**self).call_ended(call);
    }
}

/// A call that has ended.
pub struct EndedCall<'a> {
    ended: Ended<'a>,
    attempts: u32,
}

/// An attempt of a call that has ended.
pub struct EndedAttempt<'a> {
    ended: Ended<'a>,
    number: u32,
    server: &'a Server,
}

struct Ended<'a> {
    request: &'a Request,
    outcome: Outcome<'a>,
    duration: Duration,
}

/// The result of a call or an attempt, as far as an observer gets it.
#[derive(Clone, Copy)]
pub(crate) struct Outcome<'a> {
    status: Option<StatusCode>,
    request_id: Option<&'a str>,
    error: Option<&'a Error>,
}

impl<'a> Outcome<'a> {
    pub(crate) fn from_call(outcome: &'a Result<RawResponse, Error>) -> Self {
        match outcome {
            Ok(response) => {
                Self { status: Some(response.status), request_id: request_id(&response.headers), error: None }
            }
            Err(error) => Self::from_error(error),
        }
    }

    /// A file comes with status 200 and no other.
    pub(crate) fn from_download(outcome: &'a Result<Downloaded, Error>) -> Self {
        match outcome {
            Ok(file) => {
                Self { status: Some(StatusCode::OK), request_id: request_id(&file.headers), error: None }
            }
            Err(error) => Self::from_error(error),
        }
    }

    fn from_error(error: &'a Error) -> Self {
        Self { status: error.status(), request_id: error.request_id(), error: Some(error) }
    }
}

/// Where an attempt was sent.
#[derive(Debug, Default)]
struct Server {
    address: String,
    port: u16,
}

macro_rules! ended {
    ($ended:ident) => {
        impl<'a> $ended<'a> {
            /// The operation; `None` if the catalogue does not have the path.
            #[must_use]
            pub fn operation(&self) -> Option<&'static Operation> {
                self.ended.request.operation
            }

            /// The method.
            #[must_use]
            pub fn method(&self) -> &'a Method {
                &self.ended.request.method
            }

            /// The status of the response, if one came.
            #[must_use]
            pub fn status(&self) -> Option<StatusCode> {
                self.ended.outcome.status
            }

            /// The `Request-ID` of the response, if one came with it.
            #[must_use]
            pub fn request_id(&self) -> Option<&'a str> {
                self.ended.outcome.request_id
            }

            /// The error, if it failed.
            #[must_use]
            pub fn error(&self) -> Option<&'a Error> {
                self.ended.outcome.error
            }

            /// What the error is about; `None` for a success.
            #[must_use]
            pub fn error_class(&self) -> Option<ErrorClass> {
                self.error().map(Error::class)
            }

            /// How long it took.
            #[must_use]
            pub fn duration(&self) -> Duration {
                self.ended.duration
            }
        }
    };
}

ended!(EndedCall);
ended!(EndedAttempt);

impl EndedCall<'_> {
    /// How many attempts were sent; 0 if the call could not be prepared.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl EndedAttempt<'_> {
    /// Which attempt of the call it was: 1 for the first.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The host that it was sent to.
    #[must_use]
    pub fn server_address(&self) -> &str {
        &self.server.address
    }

    /// The port that it was sent to.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.server.port
    }
}

impl fmt::Debug for EndedCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedCall")
            .field("operation", &self.operation())
            .field("status", &self.status())
            .field("error_class", &self.error_class())
            .field("duration", &self.duration())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EndedAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedAttempt")
            .field("operation", &self.operation())
            .field("number", &self.number)
            .field("server_address", &self.server_address())
            .field("status", &self.status())
            .field("error_class", &self.error_class())
            .field("duration", &self.duration())
            .finish_non_exhaustive()
    }
}

/// A call that is watched, if anybody listens.
pub(crate) struct Watch {
    began: Option<Duration>,
    attempts: AtomicU32,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

impl Watch {
    pub(crate) fn begin(core: &Core, request: &Request) -> Self {
        #[cfg(feature = "tracing")]
        let span = span::call_span(core, request);
        #[cfg(feature = "tracing")]
        let is_watched = core.observer.is_some() || !span.is_disabled();
        #[cfg(not(feature = "tracing"))]
        let is_watched = {
            let _ = request;
            core.observer.is_some()
        };
        Self {
            began: is_watched.then(|| core.delivery.timer.now()),
            attempts: AtomicU32::new(0),
            #[cfg(feature = "tracing")]
            span,
        }
    }

    /// Lets a future run in the span of the call.
    #[cfg(feature = "async")]
    pub(crate) fn during<F: Future>(&self, call: F) -> impl Future<Output = F::Output> + use<F> {
        #[cfg(feature = "tracing")]
        return tracing::Instrument::instrument(call, self.span.clone());
        #[cfg(not(feature = "tracing"))]
        call
    }

    /// Runs in the span of the call.
    #[cfg(feature = "blocking")]
    pub(crate) fn within<T>(&self, call: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        return self.span.in_scope(call);
        #[cfg(not(feature = "tracing"))]
        call()
    }

    /// The next attempt.
    pub(crate) fn attempt(&self, core: &Core) -> AttemptWatch<'_> {
        AttemptWatch { watch: self, began: self.began.map(|_| core.delivery.timer.now()), server: None }
    }

    pub(crate) fn end(&self, core: &Core, request: &Request, outcome: Outcome<'_>) {
        let Some(began) = self.began else { return };
        let duration = core.delivery.timer.now().saturating_sub(began);
        let ended = Ended { request, outcome, duration };
        let call = EndedCall { ended, attempts: self.attempts.load(Ordering::Relaxed) };
        #[cfg(feature = "tracing")]
        span::end_call(&self.span, &call);
        if let Some(observer) = &core.observer {
            observer.call_ended(&call);
        }
    }
}

/// An attempt that is watched, if anybody listens.
pub(crate) struct AttemptWatch<'a> {
    watch: &'a Watch,
    began: Option<Duration>,
    server: Option<Server>,
}

impl AttemptWatch<'_> {
    /// The request is complete and goes to the transport.
    pub(crate) fn sends<B>(&mut self, request: &http::Request<B>) {
        if self.began.is_none() {
            return;
        }
        self.watch.attempts.fetch_add(1, Ordering::Relaxed);
        let uri = request.uri();
        let default_port = if uri.scheme_str() == Some("http") { 80 } else { 443 };
        self.server = Some(Server {
            address: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
        });
    }

    pub(crate) fn end(self, core: &Core, request: &Request, outcome: Outcome<'_>) {
        let (Some(began), Some(server)) = (self.began, &self.server) else { return };
        let duration = core.delivery.timer.now().saturating_sub(began);
        let ended = Ended { request, outcome, duration };
        let attempt = EndedAttempt { ended, number: self.watch.attempts.load(Ordering::Relaxed), server };
        #[cfg(feature = "tracing")]
        span::end_attempt(&self.watch.span, &attempt);
        if let Some(observer) = &core.observer {
            observer.attempt_ended(&attempt);
        }
    }
}
