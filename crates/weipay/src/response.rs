//! What a successful call gives back: the response, read when somebody wants to.

use std::marker::PhantomData;
use std::sync::Arc;
use std::{fmt, str};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use weipay_wire::PrivateKey;

use crate::decode_limit;
use crate::error::{DecodeProblem, Error, Failure, json};
use crate::model::{Model, decode};

/// The response as it came.
#[derive(Clone)]
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) verified: bool,
    /// What opens sensitive fields.
    pub(crate) opener: Arc<PrivateKey>,
}

/// A successful response (应答) whose body reads as `T`. Its signature was verified, except for the few operations whose
/// answers carry none: see [`is_verified`](Response::is_verified).
///
/// Nothing is parsed before [`decode`](Response::decode) or [`json`](Response::json) asks for it, so that an odd body never
/// turns a payment that happened into an error; the bytes and headers are always at hand.
pub struct Response<T = Value> {
    raw: RawResponse,
    body: PhantomData<fn() -> T>,
}

impl<T> Response<T> {
    pub(crate) fn new(raw: RawResponse) -> Response<T> {
        Response { raw, body: PhantomData }
    }

    /// The HTTP status: 200, 204, or 202 for what was accepted and is not yet decided.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.raw.status
    }

    /// Whether the platform's signature over this response was verified. `false` only for operations whose answers carry
    /// none, as file downloads (下载) do: there nothing but TLS says whose bytes they are. Hold a file
    /// against the digest that came, signed, with its download address, where one did.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.raw.verified
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

    /// The body, byte for byte as it was signed; empty for a 204.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.raw.body
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.raw.body).map_err(|error| self.unreadable(String::new(), error.to_string()))
    }

    /// The body as JSON; `null` where there is no body.
    pub fn json(&self) -> Result<Value, Error> {
        if self.raw.body.is_empty() { Ok(Value::Null) } else { self.json_as() }
    }

    /// The body as a type of your own.
    ///
    /// A response that would take more than 64 MB of memory once read is not read, as none of ordinary content would: its
    /// [`bytes`](Response::bytes) are there as they came. The same holds for [`json`](Response::json) and
    /// [`decode`](Response::decode).
    pub fn json_as<U: DeserializeOwned>(&self) -> Result<U, Error> {
        if !decode_limit::fits(&self.raw.body) {
            return Err(self.unreadable(String::new(), decode_limit::too_large()));
        }
        serde_json::from_slice(&self.raw.body)
            .map_err(|error| self.unreadable(String::new(), json::reason(&error)))
    }

    fn unreadable(&self, path: String, reason: String) -> Error {
        Error::of_answer(Failure::Decode(DecodeProblem { path, reason }), self.raw.clone())
    }
}

impl<T: Decode> Response<T> {
    /// The body as what the operation answers.
    pub fn decode(&self) -> Result<T, Error> {
        let read = T::decode(&self.raw.body, Some(&self.raw.opener));
        read.map(|(body, _)| body).map_err(|problem| self.unreadable(problem.path, problem.reason))
    }

    /// What [`decode`](Response::decode) leaves out because it is not of the documented type, each with its JSON path.
    /// Empty for almost every response; worth a log line when it is not.
    #[must_use]
    pub fn misread(&self) -> Vec<DecodeProblem> {
        match T::decode(&self.raw.body, Some(&self.raw.opener)) {
            Ok((_, misread)) => misread,
            Err(problem) => vec![problem],
        }
    }
}

/// What a body can be read as.
pub trait Decode: Sized {
    /// Reads a whole body, and tells what in it did not read as it should and was left out. An empty body is the response of
    /// a 204. `opener` opens sensitive fields (敏感信息加密); without it they stay as they came.
    fn decode(body: &[u8], opener: Option<&PrivateKey>) -> Result<(Self, Vec<DecodeProblem>), DecodeProblem>;
}

impl<T: Model + Default> Decode for T {
    fn decode(body: &[u8], opener: Option<&PrivateKey>) -> Result<(T, Vec<DecodeProblem>), DecodeProblem> {
        decode::decode(body, opener)
    }
}

impl Decode for Value {
    fn decode(body: &[u8], _: Option<&PrivateKey>) -> Result<(Value, Vec<DecodeProblem>), DecodeProblem> {
        if body.is_empty() {
            return Ok((Value::Null, Vec::new()));
        }
        if !decode_limit::fits(body) {
            return Err(DecodeProblem { path: String::new(), reason: decode_limit::too_large() });
        }
        serde_json::from_slice(body)
            .map(|body| (body, Vec::new()))
            .map_err(|error| DecodeProblem { path: String::new(), reason: json::reason(&error) })
    }
}

pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("Request-ID")?.to_str().ok()
}

impl<T> Clone for Response<T> {
    fn clone(&self) -> Response<T> {
        Response::new(self.raw.clone())
    }
}

impl<T> fmt::Debug for Response<T> {
    /// The body stays out: it may hold what a log must not. A response of a sandbox that only shows what a response looks
    /// like says so.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("Response");
        shown
            .field("status", &self.raw.status)
            .field("request_id", &self.request_id())
            .field("bytes", &self.raw.body.len());
        if self.raw.headers.get("Weipay-Sandbox-Response").is_some_and(|origin| origin == "example") {
            shown.field("sandbox_answer", &format_args!("example: nothing happened"));
        }
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn shown(origin: Option<&'static str>, opener: &Arc<PrivateKey>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert("Weipay-Sandbox-Response", HeaderValue::from_static(origin));
        }
        let body = Bytes::from_static(br#"{"name":"secret"}"#);
        let opener = Arc::clone(opener);
        let raw = RawResponse { status: StatusCode::OK, headers, body, verified: true, opener };
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
