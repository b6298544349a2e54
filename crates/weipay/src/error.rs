//! The error of a call. It owns everything that a caller may want to see.
//!
//! The question that matters with money comes first: [`Error::may_have_taken_effect`]. Then come what happened
//! ([`ErrorKind`]) and the response itself, whatever its body was.

mod api_error;
mod cause;
mod class;
pub(crate) mod codes;
mod decode_error;
mod display;
mod file_error;
mod intermediary;
mod known_code;
mod network_error;
mod next_step;
mod redact;
mod request_error;
mod sent_values;
mod sign_difference;

use std::error;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use weipay_wire::{SealedFileError, VerifyError};

use crate::operation::Operation;
use crate::request::Request;
use crate::response::{Called, RawResponse, request_id};
use crate::retry::Attempt;

pub use api_error::ApiError;
pub(crate) use api_error::{MAX_UNDER_SUCCESS, Proof};
pub use cause::Cause;
pub use class::ErrorClass;
pub use decode_error::DecodeError;
pub(crate) use display::Causes;
pub use file_error::FileError;
pub use known_code::{Advice, ErrorCode};
pub use network_error::{NetworkError, Sent};
pub use next_step::NextStep;
pub use request_error::RequestError;
pub(crate) use sent_values::SentValues;
pub use sign_difference::SignDifference;

/// The result of a call: [`std::result::Result`] with the [`Error`] of this crate unless another error is given.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of a call. It is one pointer, so it is cheap to move.
///
/// `{}` prints what happened. [`source`](error::Error::source) gives the cause, which that text does not repeat, so programs that
/// print an error with its causes, such as those with `anyhow` or `eyre`, print each thing once. To print everything on one
/// line, write `{:#}`, or return the error from `main`.
///
/// ```
/// # fn to_text(error: weipay::Error) -> String {
/// // no connection: tcp connect error: Connection refused (os error 111) (GET v3/certificates)
/// format!("{error:#}")
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// Method and path.
    endpoint: Option<String>,
    operation: Option<&'static Operation>,
    /// Whether the request of the call may be sent twice.
    is_safe_to_repeat: bool,
    is_read_only: bool,
    /// Whether its message may be in another language than Chinese.
    asks_for_another_language: bool,
    response: Option<RawResponse>,
    /// The outcome of each attempt.
    attempts: Vec<Attempt>,
    sign_difference: Option<SignDifference>,
    /// Values that the request sent, which must not be printed.
    sent: SentValues,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call could not be prepared. Nothing was sent.
    Request(RequestError),
    /// The network failed.
    Network(NetworkError),
    /// An error response (错误应答), from the platform or from a proxy on the way.
    Api(ApiError),
    /// A successful response whose signature cannot be verified. Do not act on it.
    Unverified(VerifyError),
    /// The response belongs to another request. The named field has another value than the request, or is the number of
    /// another merchant than the one who called; or it is missing
    /// although each success of this operation has it, and the response is empty or has fields that none has. Either two responses
    /// were swapped on the way (the signature does not bind a response to its request), or the platform does not follow its
    /// documentation. It is unknown whether this call took effect: query the result, and do not act on the response.
    MismatchedResponse {
        /// The field, such as `out_trade_no`. `None` if the mismatch shows only in an unexpected field.
        field: Option<&'static str>,
    },
    /// The platform sent a deliberately wrong signature (签名探测, `WECHATPAY/SIGNTEST/`) to test whether the client
    /// verifies signatures. It must be rejected like any wrong signature. The call itself was carried out or refused
    /// like any other. If it only reads, or a repeat is safe ([`Error::is_safe_to_repeat`]), make the same call again;
    /// the client does so by itself. Any other call could take effect twice: query the result.
    SignatureProbe,
    /// The platform's certificates (平台证书), without which the response could not be verified, could not be
    /// fetched. The call itself was not sent. The cause is the error of the fetch.
    PlatformCertificates(Arc<Error>),
    /// A verified response cannot be read as the wanted type.
    Decode(DecodeError),
    /// A downloaded file is damaged, does not match its digest, or could not be written. A download has no side effects:
    /// download it again.
    File(FileError),
    /// A text could not be decrypted; no call was made. The cause is a [`weipay_wire::SensitiveError`], or a
    /// [`std::str::Utf8Error`] if the decrypted bytes are not text.
    Decryption(Box<dyn error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            endpoint: None,
            operation: None,
            is_safe_to_repeat: false,
            is_read_only: false,
            asks_for_another_language: false,
            response: None,
            sign_difference: None,
            sent: SentValues::default(),
            attempts: Vec::new(),
        }))
    }

    pub(crate) fn with_response(kind: ErrorKind, response: RawResponse) -> Self {
        let attempts = response.attempts.clone();
        Self(Box::new(Inner {
            kind,
            endpoint: None,
            operation: None,
            is_safe_to_repeat: false,
            is_read_only: false,
            asks_for_another_language: false,
            response: Some(response),
            sign_difference: None,
            sent: SentValues::default(),
            attempts,
        }))
    }

    /// The certificates could not be fetched.
    pub(crate) fn without_keys(fetch: Arc<Self>) -> Self {
        Self::new(ErrorKind::PlatformCertificates(fetch))
    }

    /// Adds the call to the error: the path as in the catalogue, or else as it was written, because values and the
    /// query may be personal.
    pub(crate) fn in_call(mut self, request: &Request) -> Self {
        if !self.0.sent.is_known() {
            self = self.hiding(request, None);
        }
        self.0.endpoint = Some(Called::from_request(request).text());
        self.0.operation = request.operation;
        self.0.is_safe_to_repeat = request.is_safe_to_repeat();
        self.0.is_read_only = request.is_read_only();
        self.0.asks_for_another_language = request.asks_for_another_language();
        self
    }

    /// Hides secret and private values of this request in what is printed, even if the response repeats them.
    pub(crate) fn hiding(mut self, request: &Request, authorization: Option<&HeaderValue>) -> Self {
        let shows_response =
            self.api_error().is_some() || self.status().is_some_and(|status| status.is_redirection());
        if shows_response {
            let sent = SentValues::of(request, authorization);
            if let ErrorKind::Api(error) | ErrorKind::File(FileError::ErrorResponse(error)) = &mut self.0.kind
            {
                error.sent = sent.clone();
            }
            self.0.sent = sent;
        }
        self
    }

    /// Names the call whose response cannot be read. Never repeat it.
    pub(crate) fn in_answered_call(mut self, called: &Called) -> Self {
        self.0.endpoint = Some(called.text());
        self.0.operation = called.known_operation();
        self.0.is_read_only = called.is_read_only();
        self
    }

    /// Keeps the outcome of each attempt of the call; this error ended the last.
    pub(crate) fn after(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The outcome of each attempt of the call, in order; the last one produced this error. Calls are sent again only as
    /// [`RetryConfig`](crate::RetryConfig) says. Empty for an error without a call.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Compares the signed message with the one that the platform reports, if this is a `SIGN_ERROR` that has it.
    pub(crate) fn compare_signed(&mut self, signed: impl FnOnce() -> Option<Vec<u8>>) {
        // Also of an error with a wrong signature: the nonce may show that it is of another request.
        let refused = self.api_error().is_some_and(|error| error.code == "SIGN_ERROR");
        let detail = self.detail().filter(|detail| refused && detail.get("sign_information").is_some());
        self.0.sign_difference = detail.and_then(|detail| SignDifference::find(&signed()?, detail));
    }

    /// For a `SIGN_ERROR`: which line of the signed message (验签串) differs from what the platform received, and the likely
    /// cause. `None` if the platform did not show what it received. The error's text contains it too.
    #[must_use]
    pub fn sign_difference(&self) -> Option<SignDifference> {
        self.0.sign_difference
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether the operation may have been carried out although this call failed. If so, query its result. Repeat the
    /// call, **with the same request number and the same content**, only if that [is safe](Self::is_safe_to_repeat); never with a
    /// new number.
    ///
    /// It has **not** taken effect:
    ///
    /// - Nothing was sent. The call could not be prepared ([`ErrorKind::Request`]); the platform's certificates could
    ///   not be fetched ([`ErrorKind::PlatformCertificates`]); the host was not found, the connection was refused or
    ///   not accepted, or the TLS handshake failed ([`Sent::No`]); there was no call, as with `decrypt_sensitive`.
    /// - The platform refused. The status is 400, 401, 403 or 404, and the body is one whole JSON object with a `code`
    ///   that is known, such as `PARAM_ERROR`: the catalogue has it for the operation, or this crate knows it as one of
    ///   the platform's. Or the status is 406 with a code that the catalogue has for the operation: `Accept-Language`.
    /// - The platform refused by APIv2, whose status is always 200. `return_code` is not `SUCCESS`, and `return_msg`
    ///   says that the request was not taken: its form, its signature, a certificate or a number of its sender is
    ///   wrong; or it has a code that is known and settles it, as refusals of 分账回退 have. These are never signed. Or
    ///   `result_code` is FAIL, rightly signed where the operation signs its responses, with an `err_code` that is
    ///   known and settles it, such as `NOTENOUGH` or `AUTHCODEEXPIRE`.
    /// - A download failed ([`ErrorKind::File`]): a download has no side effects.
    ///
    /// It **may** have taken effect:
    ///
    /// - The connection was reset or closed, the time limit was reached, or the response was incomplete or too large
    ///   ([`Sent::Perhaps`]).
    /// - An error response whose signature cannot be verified: it is wrong, incomplete, too old, that of another response, of a
    ///   key that the client does not have, or a signature probe. The response may belong to another call. (Most error responses
    ///   have no signature at all.)
    /// - An error response with an unknown code, such as `UPSTREAM_TIMEOUT`, or with a generic gateway code (`NOT_FOUND`,
    ///   `ALREADY_EXISTS`, `ERROR`) that the catalogue does not have for the operation: a gateway may have written it, and
    ///   the platform adds codes without notice.
    /// - An error response with a code whose official advice is to repeat the call or to query its result, such as
    ///   `SYSTEM_ERROR`, `BANK_ERROR`, `TRADE_ERROR`, `USERPAYING`, `FREQUENCY_LIMITED`.
    /// - A `SIGN_ERROR` that shows the nonce of another request ([`SignDifference::Nonce`]): it may be the response to
    ///   that one. Nothing else in an error response identifies its request. So if a proxy that terminates TLS mixes up
    ///   responses, the client cannot detect that an error response belongs to another call.
    /// - An error response with any other body, such as an empty or truncated one, an array, HTML, or two codes: a proxy
    ///   may have written it.
    /// - APIv3: an error in the body of a status 200 or 202, such as `USERPAYING`.
    /// - APIv2: any other `return_msg`; an `err_code` that is unknown or leaves the outcome open, such as `SYSTEMERROR`,
    ///   `USERPAYING` or `SEND_FAILED`; no code; `result_code` FAIL without the signature that it would have.
    /// - Any other status that is not a success: 3xx, 405, 408, 409, 413, 425, 429, 499, 5xx.
    /// - A success whose signature cannot be verified, or that [belongs to another request](ErrorKind::MismatchedResponse),
    ///   or a signature probe.
    /// - A verified success whose body cannot be decoded ([`ErrorKind::Decode`]): it probably did. If the body has a duplicate
    ///   member, it is unknown, because the state may be the ambiguous value.
    ///
    /// If the call was [sent several times](Self::attempts), this is `true` if any attempt may have taken effect.
    ///
    /// This is about **this** call. Codes such as `RESOURCE_ALREADY_EXISTS`, `OUT_TRADE_NO_USED` and
    /// `ORDERPAID` refuse it, and say that an **earlier** call, perhaps one without a response, has taken
    /// effect: query its result.
    #[must_use = "only this tells whether repeating the call could carry it out twice"]
    pub fn may_have_taken_effect(&self) -> bool {
        self.0.attempts.iter().any(Attempt::may_have_taken_effect) || self.last_may_have_taken_effect()
    }

    /// Whether the last attempt may have taken effect.
    fn last_may_have_taken_effect(&self) -> bool {
        match &self.0.kind {
            ErrorKind::Request(_)
            | ErrorKind::PlatformCertificates(_)
            | ErrorKind::Decryption(_)
            | ErrorKind::File(_) => false,
            ErrorKind::Network(error) => error.sent == Sent::Perhaps,
            // An error that shows the signature of another request settles nothing about this one.
            ErrorKind::Api(_) if self.0.sign_difference == Some(SignDifference::Nonce) => true,
            ErrorKind::Api(error) => {
                let status = self.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                error.leaves_outcome_open(status, self.is_listed(&error.code))
            }
            ErrorKind::Unverified(_)
            | ErrorKind::MismatchedResponse { .. }
            | ErrorKind::SignatureProbe
            | ErrorKind::Decode(_) => true,
        }
    }

    /// Whether this is an error response. It does not say whether the operation took effect: see
    /// [`may_have_taken_effect`](Self::may_have_taken_effect).
    #[must_use]
    pub fn is_api(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Api(_))
    }

    /// Whether a response failed verification. This includes responses that belong to another request, signature probes, error
    /// responses with a wrong signature, files that do not match their digest, and encrypted files that do not match their tag.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        matches!(&self.0.kind, ErrorKind::Api(error) if error.is_wrongly_signed())
            || matches!(
                self.0.kind,
                ErrorKind::Unverified(_)
                    | ErrorKind::MismatchedResponse { .. }
                    | ErrorKind::SignatureProbe
                    | ErrorKind::File(
                        FileError::WrongDigest { .. }
                            | FileError::Sealed(SealedFileError::Refused | SealedFileError::TooShort)
                    )
            )
    }

    /// Whether the response carried a deliberately wrong signature (签名探测).
    #[must_use]
    pub fn is_signature_probe(&self) -> bool {
        matches!(self.0.kind, ErrorKind::SignatureProbe)
    }

    /// Whether the network failed.
    #[must_use]
    pub fn is_network(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Network(_))
    }

    /// Whether the call could not be prepared, so that nothing was sent.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Request(_))
    }

    /// The platform's error code (错误码), such as `PARAM_ERROR`. `None` also for an error response with a signature that does
    /// not verify: it may be the response to another call, so no program may act on its code. The text of the error shows it.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let error = self.api_error().filter(|error| !error.is_wrongly_signed())?;
        Some(error.code.as_str()).filter(|code| !code.is_empty())
    }

    /// The platform's message (错误描述).
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.api_error().map(|error| error.message.as_str()).filter(|message| !message.is_empty())
    }

    /// The platform's detail (详情).
    #[must_use]
    pub fn detail(&self) -> Option<&Value> {
        self.api_error()?.detail.as_ref()
    }

    fn api_error(&self) -> Option<&ApiError> {
        match &self.0.kind {
            ErrorKind::Api(error) | ErrorKind::File(FileError::ErrorResponse(error)) => Some(error),
            _ => None,
        }
    }

    /// The HTTP status of the response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.response.as_ref().map(|response| response.status)
    }

    /// The header fields of the response.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.response.as_ref().map(|response| &response.headers)
    }

    /// The body of the response, as received.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.response.as_ref().map(|response| &response.body)
    }

    /// The `Request-ID` of the response (请求的唯一标识), which the platform's support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(self.headers()?)
    }

    /// Where a redirect leads, without what may be secret. Redirects are never followed.
    fn location(&self) -> Option<String> {
        self.status().filter(StatusCode::is_redirection)?;
        redact::location(self.headers()?, &self.0.sent)
    }

    /// The method and path that were called, such as `GET v3/certificates`: the path with its placeholders, as the catalogue has
    /// it, or as it was written if the catalogue does not have it. Values that a caller wrote into a path may be personal.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// The catalogue's facts about the operation that was called, such as its title and whether it is safe to repeat. `None` if
    /// the catalogue does not have the path.
    #[must_use]
    pub fn operation(&self) -> Option<&'static Operation> {
        self.0.operation
    }

    fn asks_for_another_language(&self) -> bool {
        self.0.asks_for_another_language
    }

    /// Whether the call only reads, so that it has no effect ([`Operation::is_read_only`]). Of a path that the catalogue does not
    /// have, a GET of APIv3 counts as one that only reads.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.is_read_only
    }

    /// Whether the request of the call may be sent again as it was, because it cannot take effect twice: the
    /// catalogue says so of its operation ([`Operation::is_safe_to_repeat`]), and it carries the number by
    /// which the platform recognizes it ([`Operation::request_number`]). It does not say whether a repeat can
    /// succeed: see [`is_retryable`](Self::is_retryable).
    #[must_use]
    pub fn is_safe_to_repeat(&self) -> bool {
        self.0.is_safe_to_repeat
    }
}

impl error::Error for Error {
    /// The error of the transport ([`ErrorKind::Network`]: often a [`std::io::Error`] somewhere in the chain), of your
    /// [signer](crate::signer) or serializer ([`ErrorKind::Request`]), of the signature check ([`VerifyError`], but not for the web
    /// page of a proxy), or of the decryption. Everything else is in the text of the error, and in [`kind`](Error::kind).
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Network(error) => error.source(),
            // The signature error of a web page says nothing about the cause.
            ErrorKind::Unverified(_) if self.is_intermediary_page() => None,
            ErrorKind::Unverified(error) => Some(error),
            ErrorKind::File(error) => error.source(),
            ErrorKind::Decryption(error) => Some(&**error),
            ErrorKind::PlatformCertificates(fetch) => Some(&**fetch),
            ErrorKind::Request(error) => error.source(),
            ErrorKind::Api(_)
            | ErrorKind::MismatchedResponse { .. }
            | ErrorKind::SignatureProbe
            | ErrorKind::Decode(_) => None,
        }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::new(ErrorKind::Request(error))
    }
}

impl From<NetworkError> for Error {
    fn from(error: NetworkError) -> Self {
        Self::new(ErrorKind::Network(error))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_cause_is_there_with_its_type() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        let lost = Error::new(ErrorKind::Network(NetworkError { sent: Sent::No, source: reset.into() }));
        let cause = error::Error::source(&lost).unwrap().downcast_ref::<io::Error>();
        assert_eq!(cause.map(io::Error::kind), Some(io::ErrorKind::ConnectionReset));
        let unverified = Error::new(ErrorKind::Unverified(VerifyError::Missing("Wechatpay-Nonce")));
        assert!(error::Error::source(&unverified).unwrap().is::<VerifyError>());
        assert!(error::Error::source(&Error::from(RequestError::WholeUrl)).is_none());
    }

    #[test]
    fn every_kind_is_a_standard_error() {
        let problem = "gopher://a".parse::<crate::BaseUrl>().unwrap_err();
        let boxed: Box<dyn error::Error + Send + Sync> = problem.into();
        assert!(boxed.to_string().starts_with("the base URL"), "{boxed}");
        let problem = DecodeError { path: "a[1]".to_owned(), reason: "is not a time".to_owned() };
        let boxed: Box<dyn error::Error + Send + Sync> = problem.into();
        assert_eq!(boxed.to_string(), "the response cannot be read at `a[1]`: is not a time");
    }
}
