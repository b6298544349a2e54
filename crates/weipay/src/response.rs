//! What a successful call gives back: the response, read when somebody wants to.

use std::marker::PhantomData;
use std::sync::Arc;
use std::{fmt, str};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use weipay_wire::{PrivateKey, XmlElements};

use crate::error::{DecodeError, Error, ErrorKind};
use crate::json;
#[cfg(feature = "_typed")]
use crate::model::{Model, decode};
use crate::xml;

/// The response as it came.
#[derive(Clone)]
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) verified: bool,
    /// The elements of a body of APIv2, once it was read as XML.
    pub(crate) elements: Option<Arc<XmlElements>>,
    /// What opens sensitive fields.
    pub(crate) decryption_key: Arc<PrivateKey>,
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

    /// The body, byte for byte as it came: in APIv3 as it was signed, in APIv2 the XML; empty for a 204.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.raw.body
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.raw.body).map_err(|error| self.unreadable(String::new(), error.to_string()))
    }

    /// The body as JSON; `null` where there is no body. In APIv2, an object of the elements, whose values are texts: XML knows
    /// no other.
    pub fn json(&self) -> Result<Value, Error> {
        if let Some(elements) = &self.raw.elements {
            return Ok(xml::json_of(elements));
        }
        if self.raw.body.is_empty() { Ok(Value::Null) } else { self.json_as() }
    }

    /// The body as a type of your own.
    ///
    /// A response that would take more than 64 MB of memory once read is not read, as none of ordinary content would: its
    /// [`bytes`](Response::bytes) are there as they came. The same holds for [`json`](Response::json) and
    /// [`decode`](Response::decode).
    pub fn json_as<U: DeserializeOwned>(&self) -> Result<U, Error> {
        if let Some(elements) = &self.raw.elements {
            return serde_json::from_value(xml::json_of(elements))
                .map_err(|error| self.unreadable(String::new(), json::reason(&error)));
        }
        if !json::fits(&self.raw.body) {
            return Err(self.unreadable(String::new(), json::too_large()));
        }
        serde_json::from_slice(&self.raw.body)
            .map_err(|error| self.unreadable(String::new(), json::reason(&error)))
    }

    fn unreadable(&self, path: String, reason: String) -> Error {
        Error::with_response(ErrorKind::Decode(DecodeError { path, reason }), self.raw.clone())
    }
}

impl<T: Decode> Response<T> {
    /// The body as what the operation answers.
    pub fn decode(&self) -> Result<T, Error> {
        let read = T::decode(&self.decodable(), Some(&self.raw.decryption_key));
        read.map(|(body, _)| body).map_err(|problem| self.unreadable(problem.path, problem.reason))
    }

    /// What [`decode`](Response::decode) leaves out because it is not of the documented type, each with its JSON path.
    /// Empty for almost every response; worth a log line when it is not.
    #[must_use]
    pub fn misread(&self) -> Vec<DecodeError> {
        match T::decode(&self.decodable(), Some(&self.raw.decryption_key)) {
            Ok((_, misread)) => misread,
            Err(problem) => vec![problem],
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

/// What a body can be read as.
pub trait Decode: Sized {
    /// Reads a whole body, and tells what in it did not read as it should and was left out. An empty body is the response of
    /// a 204. `key` opens sensitive fields (敏感信息加密); without it they stay as they came.
    fn decode(body: &[u8], key: Option<&PrivateKey>) -> Result<(Self, Vec<DecodeError>), DecodeError>;

    /// The JSON that the elements of a body of APIv2 are decoded from.
    fn json_of(elements: &XmlElements) -> Value {
        xml::json_of(elements)
    }
}

#[cfg(feature = "_typed")]
impl<T: Model + Default> Decode for T {
    fn decode(body: &[u8], key: Option<&PrivateKey>) -> Result<(T, Vec<DecodeError>), DecodeError> {
        decode::decode(body, key)
    }

    fn json_of(elements: &XmlElements) -> Value {
        xml::json_for(&mut T::default(), elements)
    }
}

impl Decode for Value {
    fn decode(body: &[u8], _: Option<&PrivateKey>) -> Result<(Value, Vec<DecodeError>), DecodeError> {
        if body.is_empty() {
            return Ok((Value::Null, Vec::new()));
        }
        if !json::fits(body) {
            return Err(DecodeError { path: String::new(), reason: json::too_large() });
        }
        serde_json::from_slice(body)
            .map(|body| (body, Vec::new()))
            .map_err(|error| DecodeError { path: String::new(), reason: json::reason(&error) })
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
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert("Weipay-Sandbox-Answer", HeaderValue::from_static(origin));
        }
        let body = Bytes::from_static(br#"{"name":"secret"}"#);
        let decryption_key = Arc::clone(key);
        let raw = RawResponse {
            status: StatusCode::OK,
            headers,
            body,
            verified: true,
            elements: None,
            decryption_key,
        };
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
