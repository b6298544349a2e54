//! The two pure halves of a call: [`Core::prepare`] makes the signed request out of an [`Outgoing`], and
//! [`Core::conclude`] makes a verified response or an error out of what came back. No I/O here: both clients are thin
//! shells around these.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use weipay_wire::{
    Authorization, SignatureHeaders, VerifyError, random_nonce, request_message, verify_answer,
};

use crate::base_url::BaseUrl;
use crate::builder::Clock;
use crate::credentials::Merchant;
use crate::error::{Error, Failure, Refusal, RequestProblem};
#[cfg(feature = "_typed")]
use crate::model::Encryption;
use crate::operation::Operation;
use crate::path;
use crate::response::RawResponse;
use crate::upload::Upload;

/// Both are mandatory on some back-ends of the platform; an honest name helps its operators.
const AGENT: &str = concat!("weipay/", env!("CARGO_PKG_VERSION"), " (rust)");
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.5");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(crate) const SERIAL: &str = "Wechatpay-Serial";

/// A longer time limit is taken for this one: added to the time of day, `Duration::MAX` would be past what a clock can
/// say, and a transport might panic.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) struct Core {
    pub(crate) merchant: Merchant,
    pub(crate) base_url: BaseUrl,
    pub(crate) timeout: Duration,
    #[cfg_attr(
        not(feature = "_typed"),
        allow(dead_code, reason = "only typed requests have rules to check")
    )]
    pub(crate) check_requests: bool,
    pub(crate) clock: Clock,
}

/// A call as its style filled it in.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What is known of it; nothing of a path that is not in the catalogue.
    pub(crate) operation: Option<&'static Operation>,
    pub(crate) method: Method,
    pub(crate) template: String,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Option<Duration>,
    pub(crate) base_url: Option<BaseUrl>,
    pub(crate) body: Option<Body>,
}

/// A body, and which of its bytes are signed.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// JSON, signed as a whole.
    Json(Bytes),
    /// An upload, of which `meta` is signed.
    Upload(Upload),
}

impl Body {
    fn bytes(&self) -> &Bytes {
        match self {
            Body::Json(bytes) => bytes,
            Body::Upload(upload) => &upload.bytes,
        }
    }

    fn signed(&self) -> &Bytes {
        match self {
            Body::Json(bytes) => bytes,
            Body::Upload(upload) => &upload.meta,
        }
    }

    fn content_type(&self) -> Option<HeaderValue> {
        match self {
            Body::Json(_) => Some(JSON),
            Body::Upload(upload) => HeaderValue::from_str(&upload.content_type).ok(),
        }
    }
}

/// What to send, and how long it may take.
pub(crate) struct Prepared {
    pub(crate) request: Request<Bytes>,
    pub(crate) timeout: Duration,
}

impl Core {
    /// Signs a call. What is signed is what is sent, byte for byte.
    pub(crate) fn prepare(&self, outgoing: &Outgoing) -> Result<Prepared, Error> {
        self.signed(outgoing).map_err(|problem| located(Error::from(problem), outgoing))
    }

    fn signed(&self, outgoing: &Outgoing) -> Result<Prepared, RequestProblem> {
        if matches!(outgoing.body, Some(Body::Upload(_))) && outgoing.headers.contains_key(CONTENT_TYPE) {
            // It names the boundary between the parts.
            return Err(RequestProblem::FramingHeader(CONTENT_TYPE.to_string()));
        }
        let base_url = self.base_url_of(outgoing)?;
        let target = base_url.target(&path::target(&outgoing.template, &outgoing.values, &outgoing.query)?);
        let signed = outgoing.body.as_ref().map(|body| &**body.signed()).unwrap_or_default();
        let authorization = self.authorization(&outgoing.method, &target, signed)?;

        let mut request = Request::new(outgoing.body.as_ref().map(Body::bytes).cloned().unwrap_or_default());
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = base_url
            .url(&target)
            .parse()
            .map_err(|error| RequestProblem::Path(format!("is not a valid URL: {error}")))?;
        *request.headers_mut() = self.headers(outgoing, authorization);
        Ok(Prepared { request, timeout: outgoing.timeout.unwrap_or(self.timeout).min(MAX_TIMEOUT) })
    }

    /// The call's own base URL; else, for a client of the main host, the one of the operation; else the client's. A client
    /// that was pointed elsewhere, as to a sandbox, sends everything there.
    fn base_url_of(&self, outgoing: &Outgoing) -> Result<Cow<'_, BaseUrl>, RequestProblem> {
        if let Some(base_url) = &outgoing.base_url {
            return Ok(Cow::Owned(base_url.clone()));
        }
        match outgoing.operation.and_then(Operation::base_url) {
            Some(elsewhere) if self.base_url.is_main() => elsewhere.parse().map(Cow::Owned),
            _ => Ok(Cow::Borrowed(&self.base_url)),
        }
    }

    /// How sensitive fields leave: encrypted with the platform's key whose serial the request names.
    #[cfg(feature = "_typed")]
    pub(crate) fn encryption(&self, serial: Option<&str>) -> Encryption<'_> {
        let serial = serial.or(self.merchant.answer_serial.as_deref());
        Encryption::With(serial.and_then(|serial| self.merchant.platform.get(serial)))
    }

    pub(crate) fn encrypt_sensitive(&self, text: &str) -> Result<String, RequestProblem> {
        let serial = self.merchant.answer_serial.as_deref().unwrap_or_default();
        let key = self.merchant.platform.get(serial);
        let key =
            key.ok_or_else(|| RequestProblem::Body("there is no platform key to encrypt with".to_owned()))?;
        key.encrypt_oaep(text.as_bytes()).map_err(|error| RequestProblem::Body(error.to_string()))
    }

    pub(crate) fn decrypt_sensitive(&self, ciphertext: &str) -> Result<String, Error> {
        let plain = self.merchant.key.decrypt_oaep(ciphertext);
        let plain = plain.map_err(|error| Error::new(Failure::Decryption(error.into())))?;
        let text = std::str::from_utf8(&plain);
        let text = text.map_err(|error| Error::new(Failure::Decryption(error.into())))?;
        Ok(text.to_owned())
    }

    fn authorization(
        &self,
        method: &Method,
        target: &str,
        body: &[u8],
    ) -> Result<HeaderValue, RequestProblem> {
        let timestamp = (self.clock)();
        let nonce_str = random_nonce();
        let message = request_message(method.as_str(), target, timestamp, &nonce_str, body);
        let problem = |error: &dyn std::fmt::Display| RequestProblem::Signing(error.to_string());
        let signature = self.merchant.key.sign(&message).map_err(|error| problem(&error))?;
        let authorization = Authorization {
            mchid: self.merchant.mchid.to_string(),
            serial_no: self.merchant.serial.to_string(),
            timestamp,
            nonce_str,
            signature,
        };
        let mut value = HeaderValue::try_from(authorization.to_string()).map_err(|error| problem(&error))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn headers(&self, outgoing: &Outgoing, authorization: HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(content_type) = outgoing.body.as_ref().and_then(Body::content_type) {
            headers.insert(CONTENT_TYPE, content_type);
        }
        if let Some(serial) = self.merchant.answer_serial.as_deref().and_then(|serial| serial.parse().ok()) {
            headers.insert(SERIAL, serial);
        }
        for name in outgoing.headers.keys() {
            headers.remove(name);
        }
        headers.extend(outgoing.headers.clone());
        headers.insert(AUTHORIZATION, authorization);
        headers
    }

    /// Judges a response: the status first, then, for a success, the signature. An error response is given out whatever its
    /// body is; only a success must be proven, since only a success is acted on.
    pub(crate) fn conclude(
        &self,
        outgoing: &Outgoing,
        response: Response<Bytes>,
    ) -> Result<RawResponse, Error> {
        let (parts, body) = response.into_parts();
        let mut response = RawResponse {
            status: parts.status,
            headers: parts.headers,
            body,
            verified: false,
            opener: Arc::clone(&self.merchant.key),
        };
        let failure = if !response.status.is_success() {
            Failure::Refused(Refusal::read(&response.body))
        } else if outgoing.operation.is_some_and(Operation::is_unsigned) {
            return Ok(response);
        } else {
            match self.verify(&response) {
                Ok(()) => {
                    response.verified = true;
                    if response.status == StatusCode::NO_CONTENT {
                        // No signature covers what a proxy put there.
                        response.body = Bytes::new();
                    }
                    return Ok(response);
                }
                Err(VerifyError::Probe) => Failure::SignatureProbe,
                Err(error) => Failure::Unverified(error),
            }
        };
        Err(located(Error::of_answer(failure, response), outgoing))
    }

    fn verify(&self, response: &RawResponse) -> Result<(), VerifyError> {
        let text = |name: &'static str| {
            let value = response.headers.get(name).ok_or(VerifyError::Missing(name))?;
            // Blanks around a value are not a part of it (RFC 9110, 5.5), whichever transport brought it.
            value.to_str().map(str::trim).map_err(|_| VerifyError::Missing(name))
        };
        let headers = SignatureHeaders {
            timestamp: text("Wechatpay-Timestamp")?,
            nonce: text("Wechatpay-Nonce")?,
            signature: text("Wechatpay-Signature")?,
            serial: text(SERIAL)?,
        };
        // A 204 is signed over an empty body.
        let body: &[u8] = if response.status == StatusCode::NO_CONTENT { b"" } else { &response.body };
        verify_answer(&headers, body, &self.merchant.platform, (self.clock)())
    }
}

/// Names the call in an error, by the path as it was written: values may be personal, and so may be a query.
pub(crate) fn located(error: Error, outgoing: &Outgoing) -> Error {
    error.at(outgoing.method.as_str(), &path::shown(&outgoing.template), outgoing.operation)
}
