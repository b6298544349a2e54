//! Reports calls to your own [`Observer`], for example for metrics, and, with the feature `tracing`, as spans.
//!
//! An [`Observer`] is notified when an attempt or a call has ended, with operation, outcome, duration and
//! number of attempts. Without one, and without a subscriber of `tracing`, nothing is measured.
//!
//! # Calls that are dropped
//!
//! A future of the async client may be dropped before it ends: by `tokio::time::timeout` or `select!` around it, or by
//! a web server whose client disconnected. The caller then gets no error, but the call may have taken effect. Only
//! [`Observer::call_dropped`] and the span report it. They do not get the number of the order. So store the order before
//! the call, as *created*, and query the orders that stay so: never pay again with a new number before that. If a call must
//! not be dropped, spawn it and await its handle: `tokio::spawn(call).await`. To limit its time, use the client's
//! [limit](crate::ClientBuilder::timeout), which ends a call with an error.
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
//! | `error.type` | both | the [class](crate::error::ErrorClass::as_str) of the error; `dropped` for a call that was dropped |
//! | `http.client.request.duration` | both | seconds |
//! | `weipay.operation` | span | the official name of the operation |
//! | `weipay.account`, `weipay.sub_mchid` | span | the number of the merchant or brand, and of the sub-merchant |
//! | `weipay.error_code`, `weipay.request_id` | both | error code (错误码) and `Request-ID` of the response |
//! | `weipay.may_have_taken_effect` | event of a dropped call | whether something may have arrived at the platform |
//!
//! A call that is [dropped](#calls-that-are-dropped) gives one more event in its span: of level WARN if it may have
//! taken effect and does more than read, otherwise of level DEBUG.
//!
//! A path that the catalogue does not have has no `url.template`, because it may contain values. Keys,
//! `Authorization`, bodies, header values, and values of paths and queries are in no field.
//!
//! # What other crates log
//!
//! The blocking client uses `ureq`, which writes to the crate `log`. weipay cannot switch that off; your program must filter it.
//! It logs the whole URL of each call at DEBUG, with openids, queries and tokens in it, and at TRACE every
//! byte, `Authorization` and bodies included. A subscriber of `tracing` that also takes `log`, as
//! `tracing_subscriber::fmt().init()` does, gets these records. So switch the targets off: `ureq=off,ureq_proto=off`, as an
//! `EnvFilter` or `RUST_LOG` writes it. The example `tracing` does so with `Targets`. The async client writes nothing
//! of a call there.

#[cfg(feature = "tracing")]
mod span;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
/// be quick. A panic of theirs goes through the call to its caller. They do nothing by default.
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

    /// The future of a call or a download was [dropped](crate::observer#calls-that-are-dropped) before it ended, or a call of the
    /// blocking client ended by a panic. This runs while the future is dropped, so it must not panic.
    fn call_dropped(&self, _call: &DroppedCall<'_>) {}
}

impl<T: Observer + ?Sized> Observer for std::sync::Arc<T> {
    fn attempt_ended(&self, attempt: &EndedAttempt<'_>) {
        (**self).attempt_ended(attempt);
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        (**self).call_ended(call);
    }

    fn call_dropped(&self, call: &DroppedCall<'_>) {
        (**self).call_dropped(call);
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

/// A call whose future was dropped before it ended. If it [may have taken effect](Self::may_have_taken_effect), query
/// its result.
pub struct DroppedCall<'a> {
    watched: &'a Watched,
    duration: Duration,
    attempts: u32,
    may_have_taken_effect: bool,
}

struct Ended<'a> {
    watched: &'a Watched,
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
    fn from_error(error: &'a Error) -> Self {
        Self { status: error.status(), request_id: error.request_id(), error: Some(error) }
    }

    fn may_have_taken_effect(&self) -> bool {
        self.error.is_none_or(Error::may_have_taken_effect)
    }
}

impl<'a> From<&'a Result<RawResponse, Error>> for Outcome<'a> {
    fn from(outcome: &'a Result<RawResponse, Error>) -> Self {
        match outcome {
            Ok(response) => {
                Self { status: Some(response.status), request_id: request_id(&response.headers), error: None }
            }
            Err(error) => Self::from_error(error),
        }
    }
}

impl<'a> From<&'a Result<Downloaded, Error>> for Outcome<'a> {
    /// A file comes with status 200 and no other.
    fn from(outcome: &'a Result<Downloaded, Error>) -> Self {
        match outcome {
            Ok(file) => {
                Self { status: Some(StatusCode::OK), request_id: request_id(&file.headers), error: None }
            }
            Err(error) => Self::from_error(error),
        }
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
                self.ended.watched.operation
            }

            /// The method.
            #[must_use]
            pub fn method(&self) -> &'a Method {
                &self.ended.watched.method
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

            /// The class of the error; `None` for a success.
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

impl<'a> DroppedCall<'a> {
    /// The operation; `None` if the catalogue does not have the path.
    #[must_use]
    pub fn operation(&self) -> Option<&'static Operation> {
        self.watched.operation
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        &self.watched.method
    }

    /// How many attempts were sent, the one included that was on its way when the future was dropped; 0 if none was.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the operation may have been carried out: an attempt was on its way, or one had ended with an unknown outcome. Like
    /// [`Error::may_have_taken_effect`] it is about what was sent, also for calls that only read.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        self.may_have_taken_effect
    }

    /// How long it had taken.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }
}

impl fmt::Debug for DroppedCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DroppedCall")
            .field("operation", &self.operation())
            .field("may_have_taken_effect", &self.may_have_taken_effect)
            .field("duration", &self.duration)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
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

/// A call that is watched, if there is an observer or a subscriber. Until [`end`](Self::end) it is one that was dropped.
pub(crate) struct Watch<'a> {
    core: &'a Core,
    watched: Option<Watched>,
    attempts: AtomicU32,
    /// Whether an attempt may have taken effect.
    may_have_taken_effect: AtomicBool,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

/// Which call it is. It owns what it needs, since the request changes while it is sent.
struct Watched {
    operation: Option<&'static Operation>,
    method: Method,
    #[cfg(feature = "tracing")]
    is_read_only: bool,
    began: Duration,
}

impl<'a> Watch<'a> {
    pub(crate) fn begin(core: &'a Core, request: &Request) -> Self {
        #[cfg(feature = "tracing")]
        let span = span::call_span(core, request);
        #[cfg(feature = "tracing")]
        let is_watched = core.observer.is_some() || !span.is_disabled();
        #[cfg(not(feature = "tracing"))]
        let is_watched = core.observer.is_some();
        let watched = is_watched.then(|| Watched {
            operation: request.operation,
            method: request.method.clone(),
            #[cfg(feature = "tracing")]
            is_read_only: request.is_read_only(),
            began: core.delivery.timer.now(),
        });
        Self {
            core,
            watched,
            attempts: AtomicU32::new(0),
            may_have_taken_effect: AtomicBool::new(false),
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
    pub(crate) fn attempt(&self) -> AttemptWatch<'_> {
        let began = self.watched.as_ref().map(|_| self.core.delivery.timer.now()).unwrap_or_default();
        AttemptWatch { watch: self, began, server: None }
    }

    /// The outcome is looked at only if somebody watches.
    pub(crate) fn end<'o>(mut self, outcome: impl Into<Outcome<'o>>) {
        let Some(watched) = self.watched.take() else { return };
        let outcome = outcome.into();
        let ended = Ended { watched: &watched, outcome, duration: self.since(watched.began) };
        let call = EndedCall { ended, attempts: self.attempts.load(Ordering::Relaxed) };
        #[cfg(feature = "tracing")]
        span::end_call(&self.span, &call);
        if let Some(observer) = &self.core.observer {
            observer.call_ended(&call);
        }
    }

    fn since(&self, began: Duration) -> Duration {
        self.core.delivery.timer.now().saturating_sub(began)
    }
}

impl Drop for Watch<'_> {
    /// It was not ended: the future was dropped, or the call panicked.
    fn drop(&mut self) {
        let Some(watched) = &self.watched else { return };
        let call = DroppedCall {
            watched,
            duration: self.since(watched.began),
            attempts: self.attempts.load(Ordering::Relaxed),
            may_have_taken_effect: self.may_have_taken_effect.load(Ordering::Relaxed),
        };
        #[cfg(feature = "tracing")]
        span::drop_call(&self.span, &call, watched.is_read_only);
        if let Some(observer) = &self.core.observer {
            observer.call_dropped(&call);
        }
    }
}

/// An attempt that is watched, if there is an observer or a subscriber.
pub(crate) struct AttemptWatch<'a> {
    watch: &'a Watch<'a>,
    began: Duration,
    /// Where it was sent, until it has ended.
    server: Option<Server>,
}

impl AttemptWatch<'_> {
    /// The request is complete and goes to the transport.
    pub(crate) fn sends<B>(&mut self, request: &http::Request<B>) {
        if self.watch.watched.is_none() {
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

    pub(crate) fn end<'o>(mut self, outcome: impl Into<Outcome<'o>>) {
        let watch = self.watch;
        let (Some(watched), Some(server)) = (&watch.watched, self.server.take()) else { return };
        let outcome = outcome.into();
        watch.may_have_taken_effect.fetch_or(outcome.may_have_taken_effect(), Ordering::Relaxed);
        let ended = Ended { watched, outcome, duration: watch.since(self.began) };
        let attempt = EndedAttempt { ended, number: watch.attempts.load(Ordering::Relaxed), server: &server };
        #[cfg(feature = "tracing")]
        span::end_attempt(&watch.span, &attempt);
        if let Some(observer) = &watch.core.observer {
            observer.attempt_ended(&attempt);
        }
    }
}

impl Drop for AttemptWatch<'_> {
    /// It was sent and has not ended, so it may have arrived.
    fn drop(&mut self) {
        if self.server.is_some() {
            self.watch.may_have_taken_effect.store(true, Ordering::Relaxed);
        }
    }
}
