//! The response to a successful call. Its body is parsed only when the caller asks for it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, str};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use weipay_wire::{PrivateKey, XmlElements};

use crate::error::{DecodeError, Error, ErrorKind};
use crate::json;
use crate::members::{Members, Place};
use crate::model::{Model, decode};
use crate::operation::Operation;
use crate::request::Request;
use crate::retry::Attempt;
use crate::untyped::opened;
use crate::xml;

/// The response as received.
#[derive(Clone)]
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) verified: bool,
    /// The elements of a body of APIv2, once it was read as XML.
    pub(crate) elements: Option<Arc<XmlElements>>,
    /// The outcome of each attempt.
    pub(crate) attempts: Vec<Attempt>,
    /// The call that it answers. Its operation says which fields of the body are encrypted.
    pub(crate) called: Option<Called>,
    /// The members of the request that the catalogue does not know.
    pub(crate) unknown_members: Vec<String>,
    /// Decrypts sensitive fields.
    pub(crate) decryption_key: Option<Arc<PrivateKey>>,
}

impl RawResponse {
    /// The raw response, before it is classified.
    pub(crate) fn new(response: http::Response<Bytes>, decryption_key: Option<Arc<PrivateKey>>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
            verified: false,
            elements: None,
            attempts: Vec::new(),
            called: None,
            unknown_members: Vec::new(),
            decryption_key,
        }
    }

    fn operation(&self) -> Option<&'static Operation> {
        self.called.as_ref()?.known_operation()
    }
}

/// Which call a response answers, for an error that is found when it is read. Of an ordinary call nothing is copied.
#[derive(Debug, Clone)]
pub(crate) enum Called {
    Known(&'static Operation),
    /// The catalogue does not have it.
    Unknown(Box<UnknownCall>),
}

#[derive(Debug, Clone)]
pub(crate) struct UnknownCall {
    /// Method and path, as it was written.
    text: String,
    is_read_only: bool,
}

impl Called {
    pub(crate) fn from_request(request: &Request) -> Self {
        match request.operation {
            Some(operation) => Self::Known(operation),
            None => Self::Unknown(Box::new(UnknownCall {
                text: request.call_as_written(),
                is_read_only: request.is_read_only(),
            })),
        }
    }

    pub(crate) fn known_operation(&self) -> Option<&'static Operation> {
        match self {
            Self::Known(operation) => Some(operation),
            Self::Unknown(_) => None,
        }
    }

    /// Method and path.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Known(operation) => format!("{} {}", operation.method(), operation.path()),
            Self::Unknown(call) => call.text.clone(),
        }
    }

    pub(crate) fn is_read_only(&self) -> bool {
        match self {
            Self::Known(operation) => operation.is_read_only(),
            Self::Unknown(call) => call.is_read_only,
        }
    }
}

/// A successful response (应答) whose body reads as `T`. Its signature was verified, except for the few operations whose
/// responses carry none: see [`is_verified`](Response::is_verified).
///
/// The body is parsed only by [`decode`](Response::decode) or [`json`](Response::json). So an unexpected body never turns a
/// successful payment into an error. The bytes and headers are always available.
pub struct Response<T = Value> {
    raw: RawResponse,
    body: PhantomData<fn() -> T>,
}

impl<T> Response<T> {
    pub(crate) fn new(raw: RawResponse) -> Self {
        Self { raw, body: PhantomData }
    }

    /// The HTTP status: 200, 204, or 202 if the request was accepted but is not decided yet.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.raw.status
    }

    /// Whether the platform's signature of this response was verified. It is `false` only for operations
    /// without signed responses, such as file downloads (下载): there only TLS proves the origin. Overseas
    /// statements (境外对账单) are verified by their digest, which is signed, if the response has both. Where a
    /// signed response names a file and its digest, `client.download(&response)` checks it: see
    /// [`download`](crate::download).
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.raw.verified
    }

    /// The result of each attempt, in order; the last one gave this response. Almost always there is only one.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        match self.raw.attempts.is_empty() {
            true => vec![Attempt::from_outcome(Ok(self.raw.status), Duration::ZERO, None)],
            false => self.raw.attempts.clone(),
        }
    }

    /// The header fields. Signatures never cover them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.raw.headers
    }

    /// The `Request-ID` (请求的唯一标识).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        request_id(&self.raw.headers)
    }

    /// The body, byte for byte as it came: in APIv3 as it was signed, in APIv2 the XML; empty for a 204.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.raw.body
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// If the body is not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.raw.body).map_err(|error| self.unreadable(DecodeError::whole(error.to_string())))
    }

    /// The body as JSON; `null` if there is no body. In APIv2, an object of the elements, whose values are
    /// texts: XML has no other.
    ///
    /// Sensitive fields (敏感信息加密) are decrypted if the catalogue has the operation. If one cannot be decrypted, it
    /// stays ciphertext, and [`decode_errors`](Self::decode_errors) reports it. `decode_errors` also reports invalid or control
    /// characters that were repaired, and integers of more than 64 bits that were rounded. A number that is too large
    /// (`1e999`) becomes `null`. [`bytes`](Self::bytes) returns the body unchanged.
    ///
    /// # Errors
    ///
    /// If the body is not JSON, or would take more than 64 MiB of memory.
    pub fn json(&self) -> Result<Value, Error> {
        self.opened().map(|(json, _)| json).map_err(|error| self.unreadable(error))
    }

    /// The body as a type of your own. It is made from [`json`](Self::json). For APIv2 all values are strings, as there: a
    /// numeric field of your type fails.
    ///
    /// # Errors
    ///
    /// If the body is not JSON of that type, or would take more than 64 MiB of memory, which no ordinary response does. Its
    /// [`bytes`](Self::bytes) are there all the same. The limit also holds for [`json`](Self::json) and
    /// [`decode`](Self::decode).
    pub fn json_as<U: DeserializeOwned>(&self) -> Result<U, Error> {
        if self.raw.elements.is_some() || self.sensitive_members().has_encrypted() {
            return from_json(self.json()?.to_string().as_bytes()).map_err(|error| self.unreadable(error));
        }
        read_json(&self.raw.body).map(|(json, _)| json).map_err(|error| self.unreadable(error))
    }

    /// The members of the request that the catalogue does not know, such as `body: payer.openID`, if the call was one
    /// without types. They were sent anyway; the platform may have ignored them. See
    /// [`Call::inspect`](crate::Call::inspect) for the same before sending.
    #[must_use]
    pub fn unknown_members(&self) -> &[String] {
        &self.raw.unknown_members
    }

    /// The operation of the call, if the catalogue has it.
    pub(crate) fn operation(&self) -> Option<&'static Operation> {
        self.raw.operation()
    }

    /// The body as JSON, and the fields that could not be decrypted.
    fn opened(&self) -> Result<(Value, Vec<DecodeError>), DecodeError> {
        let (mut json, mut decode_errors) = match &self.raw.elements {
            Some(elements) => (xml::json_of(elements), Vec::new()),
            None => Value::decode(&self.raw.body, None)?,
        };
        let members = self.sensitive_members();
        if members.has_encrypted() {
            decode_errors.extend(opened(&mut json, members, self.raw.decryption_key.as_deref()));
        }
        Ok((json, decode_errors))
    }

    fn sensitive_members(&self) -> Members {
        self.raw.operation().map_or(Members::NONE, |operation| operation.members(Place::Response))
    }

    pub(crate) fn unreadable(&self, error: DecodeError) -> Error {
        let error = Error::with_response(ErrorKind::Decode(error), self.raw.clone());
        match &self.raw.called {
            Some(called) => error.in_answered_call(called),
            None => error,
        }
    }
}

impl<T: Decode> Response<T> {
    /// The body as the type of the operation's response.
    ///
    /// # Errors
    ///
    /// If the body is not a JSON object, or would take more than 64 MiB of memory. A field that cannot be read is not an error:
    /// it is `None`, and [`decode_errors`](Self::decode_errors) reports it.
    pub fn decode(&self) -> Result<T, Error> {
        self.decoded().map(|(body, _)| body).map_err(|error| self.unreadable(error))
    }

    /// Whether [`decode`](Self::decode) works, without decrypting sensitive fields.
    pub(crate) fn check_readable(&self) -> Result<(), Error> {
        T::decode(&self.decodable(), None).map(drop).map_err(|error| self.unreadable(error))
    }

    /// The values that [`decode`](Self::decode) skipped because they do not have the documented type, each with its
    /// JSON path. It is empty for almost every response; log it if it is not.
    #[must_use]
    pub fn decode_errors(&self) -> Vec<DecodeError> {
        match self.decoded() {
            Ok((_, decode_errors)) => decode_errors,
            Err(error) => vec![error],
        }
    }

    fn decoded(&self) -> Result<(T, Vec<DecodeError>), DecodeError> {
        match T::from_untyped(|| self.opened()) {
            Some(opened) => opened,
            None => T::decode(&self.decodable(), self.raw.decryption_key.as_deref()),
        }
    }

    /// The body as it is decoded: as JSON in both protocols.
    fn decodable(&self) -> Bytes {
        match &self.raw.elements {
            Some(elements) => T::json_of(elements).to_string().into(),
            None => self.raw.body.clone(),
        }
    }
}

/// A type that the body of a response or a notification can be decoded into: the response types of the typed
/// operations, the resources of the notifications, and [`serde_json::Value`].
///
/// It is for bounds such as `fn log<T: Decode>(response: &Response<T>)`. No other crate can implement it; see
/// [`Response::json_as`] for types of your own.
pub trait Decode: Sized + sealed::Sealed {
    /// Decodes a whole body, and returns it with the values that were skipped. An empty body is the body of a 204. `key`
    /// decrypts sensitive fields (敏感信息加密); without it they stay encrypted.
    ///
    /// # Errors
    ///
    /// If the body as a whole cannot be read.
    #[doc(hidden)]
    fn decode(body: &[u8], key: Option<&PrivateKey>) -> Result<(Self, Vec<DecodeError>), DecodeError>;

    /// Takes the body that was decrypted by the catalogue, if this type does not know its sensitive fields itself.
    #[must_use]
    #[doc(hidden)]
    fn from_untyped(_: impl FnOnce() -> Opened<Value>) -> Option<Opened<Self>> {
        None
    }

    /// The JSON that the elements of a body of APIv2 are decoded from.
    #[must_use]
    #[doc(hidden)]
    fn json_of(elements: &XmlElements) -> Value {
        xml::json_of(elements)
    }
}

/// A decoded value, and the parts that could not be read.
#[doc(hidden)]
pub type Opened<T> = Result<(T, Vec<DecodeError>), DecodeError>;

mod sealed {
    pub trait Sealed {}
}

impl<T: Model + Default> sealed::Sealed for T {}
impl sealed::Sealed for Value {}

impl<T: Model + Default> Decode for T {
    fn decode(body: &[u8], key: Option<&PrivateKey>) -> Result<(Self, Vec<DecodeError>), DecodeError> {
        decode::decode(body, key)
    }

    fn json_of(elements: &XmlElements) -> Value {
        xml::json_for(&mut T::default(), elements)
    }
}

impl Decode for Value {
    fn from_untyped(opened: impl FnOnce() -> Opened<Self>) -> Option<Opened<Self>> {
        Some(opened())
    }

    fn decode(body: &[u8], _: Option<&PrivateKey>) -> Result<(Self, Vec<DecodeError>), DecodeError> {
        let body = json::without_mark(body);
        if body.is_empty() {
            return Ok((Self::Null, Vec::new()));
        }
        let (json, mut decode_errors) = read_json(body)?;
        if json::has_rounded_integer(body) {
            decode_errors.push(DecodeError::whole(json::ROUNDED.to_owned()));
        }
        Ok((json, decode_errors))
    }
}

/// JSON whose invalid characters do not keep the rest from being read: as typed responses read it.
fn read_json<T: DeserializeOwned>(body: &[u8]) -> Opened<T> {
    match from_json(body) {
        Ok(json) => Ok((json, Vec::new())),
        Err(problem) => {
            let text = json::repaired(body).ok_or(problem)?;
            let read = from_json(text.as_bytes()).map_err(|error| DecodeError {
                reason: format!("{}; before, {}", error.reason, json::REPAIRED),
                ..error
            })?;
            Ok((read, vec![DecodeError::whole(json::REPAIRED.to_owned())]))
        }
    }
}

pub(crate) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    if !json::fits(body) {
        return Err(DecodeError::whole(json::too_large()));
    }
    serde_json::from_slice(json::without_mark(body)).map_err(|error| DecodeError::whole(json::reason(&error)))
}

/// `Request-ID` (请求的唯一标识).
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok()
}

impl<T> Clone for Response<T> {
    fn clone(&self) -> Self {
        Self::new(self.raw.clone())
    }
}

impl<T> fmt::Debug for Response<T> {
    /// The body is left out, because it may hold what a log must not. A sandbox's response that is only an example says so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Response");
        shown
            .field("status", &self.raw.status)
            .field("request_id", &self.request_id())
            .field("bytes", &self.raw.body.len());
        if self.raw.headers.get("Weipay-Sandbox-Answer").is_some_and(|origin| origin == "example") {
            shown.field("sandbox_answer", &format_args!("example: nothing happened"));
        }
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn shown(origin: Option<&'static str>, key: &Arc<PrivateKey>) -> String {
        let mut response = http::Response::new(Bytes::from_static(br#"{"name":"secret"}"#));
        if let Some(origin) = origin {
            response.headers_mut().insert("Weipay-Sandbox-Answer", HeaderValue::from_static(origin));
        }
        let raw = RawResponse { verified: true, ..RawResponse::new(response, Some(Arc::clone(key))) };
        format!("{:?}", Response::<Value>::new(raw))
    }

    #[test]
    fn an_example_of_a_sandbox_says_so_and_no_body_is_printed() {
        let key = Arc::new(PrivateKey::generate().unwrap());
        let example = shown(Some("example"), &key);
        assert!(example.contains("sandbox_answer: example: nothing happened"), "{example}");
        assert!(!example.contains("secret"), "{example}");
        for origin in [None, Some("state")] {
            assert!(!shown(origin, &key).contains("sandbox_answer"), "{origin:?}");
        }
    }
}
