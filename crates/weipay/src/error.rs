//! What can go wrong with a call, as one type that owns everything a caller may want to look at.
//!
//! The question that matters with money is asked first: [`Error::may_have_taken_effect`]. Everything else is what
//! happened ([`Failure`]) and the response itself, whatever its body was.

use std::{error, fmt};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use weipay_wire::VerifyError;

use crate::operation::Operation;
use crate::response::{RawResponse, request_id};

mod excerpt;
pub(crate) mod json;
mod refusal;
mod undecided;

pub use refusal::Refusal;

/// What calls give back: [`std::result::Result`] with the [`Error`] of this crate unless another one is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a call. Cheap to move: one pointer.
///
/// `{}` prints what happened, and [`source`](error::Error::source) gives the cause, which that text does not repeat. So programs
/// that print an error with its causes, as those with `anyhow` or `eyre` do, tell each thing once. To print all of it in one
/// line, write `{:#}`, or return the error from `main`.
///
/// ```
/// # fn told(error: weipay::Error) -> String {
/// // no connection: tcp connect error: Connection refused (os error 111) (GET v3/certificates)
/// format!("{error:#}")
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    operation: Option<String>,
    known_operation: Option<&'static Operation>,
    answer: Option<RawResponse>,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The call could not be prepared; nothing was sent.
    Request(RequestProblem),
    /// The network failed.
    Network(NetworkProblem),
    /// An error response (错误应答) came: from the platform, or from something in between.
    Refused(Refusal),
    /// A success came back whose signature does not verify: it must not be believed.
    Unverified(VerifyError),
    /// The platform sent a signature that is wrong on purpose (签名探测, `WECHATPAY/SIGNTEST/`), to see whether the
    /// caller verifies. It must fail like any wrong signature; the same call again is answered properly.
    SignatureProbe,
    /// A verified answer is not what the caller wanted to read from it.
    Decode(DecodeProblem),
    /// A text could not be decrypted; no call was made. The cause is a [`weipay_wire::OaepError`], or a
    /// [`std::str::Utf8Error`] where what came out is not text.
    Decryption(Box<dyn error::Error + Send + Sync>),
}

/// Why a call could not be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestProblem {
    /// A `{placeholder}` of the path was given no value.
    UnfilledPlaceholder(String),
    /// A path value was given for a placeholder that the path does not have.
    UnknownPlaceholder(String),
    /// The path is not one that a request can be sent to.
    Path(String),
    /// The path holds a letter that a URL does not take as it is.
    PathLetter(char),
    /// The query in the path holds a letter that a URL does not take as it is.
    QueryLetter(char),
    /// A whole URL was given in the place of a path.
    WholeUrl,
    /// A path value is empty, `.` or `..`.
    PathValue(String),
    /// A header is not valid.
    Header(String),
    /// A header describes the connection or the length of the body, which only the transport knows.
    FramingHeader(String),
    /// The method is CONNECT, which asks a proxy for a tunnel: its target would not be the path that was signed.
    Connect,
    /// The base URL is not usable.
    BaseUrl(String),
    /// The body or the query does not serialize.
    Body(String),
    /// A field breaks a rule of the catalogue.
    Field {
        /// Where it stands, as `amount.total`.
        path: String,
        /// The rule.
        rule: String,
    },
    /// The private key did not sign.
    Signing(String),
    /// This version cannot send it.
    NotYet(&'static str),
}

/// How the network failed, and how far the call had come.
#[derive(Debug)]
pub struct NetworkProblem {
    /// Whether the platform may have seen the request.
    pub sent: Sent,
    /// What the transport says.
    pub source: Box<dyn error::Error + Send + Sync>,
}

/// How far a call had come when the network failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// No connection was made: the platform has not seen the request.
    No,
    /// The request may have reached the platform.
    Perhaps,
}

/// Why a response could not be read, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeProblem {
    /// The JSON path, as `data[2].amount.total`; empty for the whole body.
    pub path: String,
    /// What was wrong there.
    pub reason: String,
}

impl Error {
    pub(crate) fn new(failure: Failure) -> Error {
        Error(Box::new(Inner { failure, operation: None, known_operation: None, answer: None }))
    }

    pub(crate) fn of_answer(failure: Failure, answer: RawResponse) -> Error {
        Error(Box::new(Inner { failure, operation: None, known_operation: None, answer: Some(answer) }))
    }

    pub(crate) fn at(mut self, method: &str, path: &str, known: Option<&'static Operation>) -> Error {
        self.0.operation.get_or_insert_with(|| format!("{method} {path}"));
        self.0.known_operation = self.0.known_operation.or(known);
        self
    }

    /// What happened.
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// Whether the operation may have been carried out although this call failed. When it may, look up what became of
    /// it, or repeat it **with the same request number and the same content**; never with a new number.
    ///
    /// | what happened | may it have taken effect? |
    /// |---|---|
    /// | the call could not be prepared ([`Failure::Request`]) | no: nothing was sent |
    /// | no such host, connection refused or never accepted, TLS refused or not answered ([`Sent::No`]) | no: nothing was sent |
    /// | connection reset or closed, silence until the time limit, half a response, one that is too large ([`Sent::Perhaps`]) | **yes** |
    /// | status 400, 401, 403 or 404, and the body is one whole JSON object with a `code` of the platform's form, such as `PARAM_ERROR` | no: the platform refused |
    /// | the same with a code whose official advice is to repeat the call or to look up its result, such as `SYSTEM_ERROR`, `BANK_ERROR`, `TRADE_ERROR`, `USERPAYING`, `FREQUENCY_LIMITED` | **yes** |
    /// | the same with a body that is empty, cut, an array, HTML or anything else, or with two codes | **yes**: perhaps somebody in between wrote it |
    /// | any other status that is not a success: 3xx, 405, 408, 409, 413, 425, 429, 499, 5xx | **yes** |
    /// | a success whose signature does not verify, a signature probe | **yes** |
    /// | a success that verified and does not read | **yes**: it did |
    /// | an error that is not of a call, as of `decrypt_sensitive` | no: nothing was sent |
    ///
    /// The response is about **this** call. Codes such as `RESOURCE_ALREADY_EXISTS`, `OUT_TRADE_NO_USED` and `ORDERPAID`
    /// refuse it, and say that an **earlier** call, perhaps one of which no response came, has taken effect: look that up.
    #[must_use = "nothing else tells whether repeating the call may carry it out twice"]
    pub fn may_have_taken_effect(&self) -> bool {
        match &self.0.failure {
            Failure::Request(_) | Failure::Decryption(_) => false,
            Failure::Network(problem) => problem.sent == Sent::Perhaps,
            Failure::Refused(refusal) => {
                let status = self.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                undecided::is_undecided(status, refusal)
            }
            Failure::Unverified(_) | Failure::SignatureProbe | Failure::Decode(_) => true,
        }
    }

    /// Whether an error response came. Whether it is a refusal of the platform that settles the matter is another
    /// question: [`may_have_taken_effect`](Error::may_have_taken_effect).
    pub fn is_refused(&self) -> bool {
        matches!(self.0.failure, Failure::Refused(_))
    }

    /// Whether a response failed verification, a probe included.
    pub fn is_unverified(&self) -> bool {
        matches!(self.0.failure, Failure::Unverified(_) | Failure::SignatureProbe)
    }

    /// Whether the response carried a signature that is wrong on purpose (签名探测).
    pub fn is_signature_probe(&self) -> bool {
        matches!(self.0.failure, Failure::SignatureProbe)
    }

    /// Whether the network failed.
    pub fn is_network(&self) -> bool {
        matches!(self.0.failure, Failure::Network(_))
    }

    /// Whether the call could not be prepared, so that nothing was sent.
    pub fn is_request(&self) -> bool {
        matches!(self.0.failure, Failure::Request(_))
    }

    /// The platform's error code (错误码), such as `PARAM_ERROR`.
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str()).filter(|code| !code.is_empty())
    }

    /// The platform's message (错误描述).
    pub fn message(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.message.as_str()).filter(|message| !message.is_empty())
    }

    /// The platform's detail (详情).
    pub fn detail(&self) -> Option<&Value> {
        self.refusal()?.detail.as_ref()
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.0.failure {
            Failure::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The HTTP status of the response.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.answer.as_ref().map(|answer| answer.status)
    }

    /// The header fields of the response.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.answer.as_ref().map(|answer| &answer.headers)
    }

    /// The body of the response, as it came.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.answer.as_ref().map(|answer| &answer.body)
    }

    /// The `Request-ID` of the response (请求的唯一标识): what the platform's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        request_id(self.headers()?)
    }

    /// Where a redirect would have led, as far as it is fit for a log. It is never followed.
    fn location(&self) -> Option<String> {
        self.status().filter(StatusCode::is_redirection)?;
        excerpt::location(self.headers()?)
    }

    /// The method and path that were called, the path as it was written.
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// What the catalogue knows of the operation that was called, such as its title and whether it is safe to repeat;
    /// nothing of a path that it does not have.
    pub fn known_operation(&self) -> Option<&'static Operation> {
        self.0.known_operation
    }
}

/// What happened, without the causes that [`source`](error::Error::source) gives; `{:#}` prints them too, on the same line.
impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.failure {
            Failure::Request(problem) => write!(out, "nothing was sent: {problem}")?,
            Failure::Network(problem) => write!(out, "{problem}")?,
            Failure::Refused(refusal) => match (refusal.code.as_str(), refusal.message.as_str()) {
                ("", "") => match self.body().and_then(|body| excerpt::body(body)) {
                    Some(beginning) => {
                        write!(out, "an error response without code and message: {beginning}")?
                    }
                    None => write!(out, "an error response without a body")?,
                },
                (text, "") | ("", text) => write!(out, "{}", excerpt::text(text))?,
                (code, message) => write!(out, "{}: {}", excerpt::text(code), excerpt::text(message))?,
            },
            Failure::Unverified(_) => out.write_str("the response's signature does not verify")?,
            Failure::SignatureProbe => write!(
                out,
                "the response carries a signature probe (签名探测, WECHATPAY/SIGNTEST/), wrong on purpose: \
                 make the same call again"
            )?,
            Failure::Decode(problem) => write!(out, "{problem}")?,
            Failure::Decryption(_) => out.write_str("the text cannot be decrypted")?,
        }
        if out.alternate() {
            write!(out, "{}", Causes(self))?;
        }
        let mut facts = Vec::new();
        facts.extend(self.operation().map(|called| match self.0.known_operation {
            Some(known) => format!("{} · {called}", known.title()),
            None => called.to_owned(),
        }));
        facts.extend(self.status().map(|status| format!("HTTP {}", status.as_u16())));
        facts.extend(self.location().map(|location| format!("Location {location}")));
        facts.extend(self.request_id().map(|id| format!("Request-ID {id}")));
        if facts.is_empty() { Ok(()) } else { write!(out, " ({})", facts.join(", ")) }
    }
}

/// The causes of an error, each after a colon.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(out, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// `{:?}` is the sentence of `{:#}`, causes included, because that is how a program ends whose `main` returns the error;
    /// `{:#?}` shows the parts. Body and headers stay out: they may hold what a log must not. What cannot be understood otherwise is shown
    /// as `Display` shows it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !out.alternate() {
            return write!(out, "{self:#}");
        }
        let mut shown = out.debug_struct("Error");
        shown.field("failure", &self.0.failure).field("operation", &self.0.operation);
        shown.field("status", &self.status()).field("request_id", &self.request_id());
        if let Some(location) = self.location() {
            shown.field("location", &location);
        }
        if let (Some(Refusal { code, message, .. }), Some(body)) = (self.refusal(), self.body())
            && code.is_empty()
            && message.is_empty()
        {
            shown.field("body", &excerpt::body(body));
        }
        shown.finish_non_exhaustive()
    }
}

impl error::Error for Error {
    /// What the transport says ([`Failure::Network`]: often a [`std::io::Error`] somewhere in the chain), or why a response does
    /// not verify ([`VerifyError`]) or a text not decrypt. What else went wrong is told by the error itself, and its value is in
    /// [`failure`](Error::failure).
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0.failure {
            Failure::Network(problem) => problem.source(),
            Failure::Unverified(error) => Some(error),
            Failure::Decryption(error) => Some(&**error),
            Failure::Request(_) | Failure::Refused(_) | Failure::SignatureProbe | Failure::Decode(_) => None,
        }
    }
}

impl fmt::Display for NetworkProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.sent {
            Sent::No => "no connection",
            Sent::Perhaps => "no whole response came, and the request may have been sent",
        })
    }
}

impl error::Error for NetworkProblem {
    /// What the transport says; not a part of what the problem itself prints.
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.source)
    }
}

impl error::Error for RequestProblem {}

impl error::Error for DecodeProblem {}

impl fmt::Display for RequestProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestProblem::UnfilledPlaceholder(name) => {
                write!(
                    out,
                    "the path's {{{name}}} has no value: set it with `.path(\"{name}\", ...)` before the verb"
                )
            }
            RequestProblem::UnknownPlaceholder(name) => write!(out, "the path has no {{{name}}} to fill"),
            RequestProblem::Path(reason) => write!(out, "the path {reason}"),
            RequestProblem::PathLetter(letter) => write!(
                out,
                "the path holds `{}`, which no URL takes as it is: give values with `.path(name, value)`",
                letter.escape_debug()
            ),
            RequestProblem::QueryLetter(letter) => write!(
                out,
                "the query in the path holds `{}`, which no URL takes as it is: give it with `.query(name, value)`",
                letter.escape_debug()
            ),
            RequestProblem::WholeUrl => write!(
                out,
                "the path is a whole URL: give what follows its host, from `v3/` on and with its query; the host is a \
                 matter of `.base_url(...)`"
            ),
            RequestProblem::PathValue(name) => {
                write!(out, "the value of {{{name}}} is empty or made of dots: it would change the path")
            }
            RequestProblem::Header(name) => write!(out, "the header {name} is not valid"),
            RequestProblem::FramingHeader(name) => write!(
                out,
                "the header {name} is set by the client itself, from the body and the connection: leave it out"
            ),
            RequestProblem::Connect => out
                .write_str("CONNECT asks a proxy for a tunnel; no operation of the platform has this method"),
            RequestProblem::BaseUrl(reason) => write!(out, "the base URL {reason}"),
            RequestProblem::Body(reason) => write!(out, "the request does not serialize: {reason}"),
            RequestProblem::Field { path, rule } => write!(out, "`{path}` {rule}"),
            RequestProblem::Signing(reason) => write!(out, "the merchant key did not sign: {reason}"),
            RequestProblem::NotYet(what) => write!(out, "this version does not send {what} yet"),
        }
    }
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(out, "the response cannot be read: {}", self.reason),
            path => write!(out, "the response cannot be read at `{path}`: {}", self.reason),
        }
    }
}

impl From<RequestProblem> for Error {
    fn from(problem: RequestProblem) -> Error {
        Error::new(Failure::Request(problem))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// As programs print an error with its causes.
    fn printed(error: &dyn error::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    #[test]
    fn an_error_with_its_causes_tells_each_thing_once() {
        let lost = || NetworkProblem { sent: Sent::Perhaps, source: io::Error::other("reset").into() };
        let head = "no whole response came, and the request may have been sent";
        let all = format!("{head}: reset");
        assert_eq!(printed(&lost()), all);
        let error = Error::new(Failure::Network(lost()));
        assert_eq!((error.to_string(), printed(&error)), (head.to_owned(), all.clone()));
        assert_eq!((format!("{error:#}"), format!("{error:?}")), (all.clone(), all));
        let unverified = Error::new(Failure::Unverified(VerifyError::Missing("Wechatpay-Nonce")));
        for text in [printed(&unverified), format!("{unverified:#}")] {
            assert_eq!(text.matches("Wechatpay-Nonce").count(), 1, "{text}");
        }
    }

    #[test]
    fn the_cause_is_there_with_its_type() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let lost = Error::new(Failure::Network(NetworkProblem { sent: Sent::No, source: reset.into() }));
        let cause = error::Error::source(&lost).unwrap().downcast_ref::<io::Error>();
        assert_eq!(cause.map(io::Error::kind), Some(io::ErrorKind::ConnectionReset));
        let unverified = Error::new(Failure::Unverified(VerifyError::Missing("Wechatpay-Nonce")));
        assert!(error::Error::source(&unverified).unwrap().is::<VerifyError>());
        assert!(error::Error::source(&Error::from(RequestProblem::WholeUrl)).is_none());
    }

    #[test]
    fn every_problem_is_an_error_of_its_own() {
        let problem = "gopher://a".parse::<crate::BaseUrl>().unwrap_err();
        let boxed: Box<dyn error::Error + Send + Sync> = problem.into();
        assert!(boxed.to_string().starts_with("the base URL"), "{boxed}");
        let problem = DecodeProblem { path: "a[1]".to_owned(), reason: "is no time".to_owned() };
        let boxed: Box<dyn error::Error + Send + Sync> = problem.into();
        assert_eq!(boxed.to_string(), "the response cannot be read at `a[1]`: is no time");
    }
}
