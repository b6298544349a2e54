//! The two pure halves of a call: [`Core::prepare`] makes a signed HTTP request from a [`Request`], and [`Core::conclude`]
//! makes a verified response or an error from what came back.
//!
//! There is no I/O here: both clients only wait between these two. What depends on the protocol is in a module for each:
//! [`v3`] signs and verifies for APIv3, [`v2`] for APIv2.

mod v2;
mod v3;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use crate::base_url::BaseUrl;
use crate::builder::Clock;
use crate::credentials::Merchant;
use crate::delivery::DeliverySettings;
use crate::error::{Error, ErrorKind, RequestError};
use crate::failover::Host;
use crate::operation::{Operation, Version};
use crate::request::{Body, Request};
use crate::response::RawResponse;

pub(crate) use v2::OWN_NUMBERS;
pub(crate) use v3::SERIAL;

/// Some back-ends of the platform require both headers. The name helps the platform's operators.
const AGENT: &str = concat!("weipay/", env!("CARGO_PKG_VERSION"), " (rust)");
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.5");

/// The longest time limit. `Duration::MAX`, added to the time of day, is more than a clock can express, and a transport might
/// panic.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) struct Core {
    pub(crate) merchant: Merchant,
    pub(crate) base_url: BaseUrl,
    pub(crate) timeout: Duration,
    pub(crate) check_requests: bool,
    pub(crate) clock: Clock,
    /// The backup of the base URL, if that is the main host.
    pub(crate) backup_url: BaseUrl,
    pub(crate) delivery: DeliverySettings,
}

impl Core {
    /// The signed request. What is signed is what is sent, byte for byte.
    pub(crate) fn prepare(
        &self,
        request: &Request,
        host: Host,
    ) -> Result<http::Request<Bytes>, RequestError> {
        request.check_recorded()?;
        match request.version() {
            Version::V3 => v3::prepare(self, request, host),
            Version::V2 => v2::prepare(self, request, host),
        }
    }

    /// Judges a response: the status first, then, for a success, the signature. An error response is reported whatever its
    /// body is. Only a success must be proven, because only a success is acted on.
    pub(crate) fn conclude(
        &self,
        request: &Request,
        response: http::Response<Bytes>,
    ) -> Result<RawResponse, Error> {
        let (parts, body) = response.into_parts();
        let response = RawResponse {
            status: parts.status,
            headers: parts.headers,
            body,
            verified: false,
            elements: None,
            attempts: Vec::new(),
            decryption_key: Arc::clone(&self.merchant.key),
        };
        match request.version() {
            Version::V3 => v3::conclude(self, request, response),
            Version::V2 => v2::conclude(self, request, response),
        }
    }

    /// How long the call may take.
    pub(crate) fn timeout(&self, request: &Request) -> Duration {
        request.timeout.unwrap_or(self.timeout).min(MAX_TIMEOUT)
    }

    /// The request's own base URL; else, for a client of the main host, the operation's; else the client's. A client with
    /// another base URL, such as a sandbox's, sends everything there. `host` is the backup only for a call that
    /// [goes to the main host](Self::goes_to_main_host).
    fn base_url(&self, request: &Request, host: Host) -> Result<Cow<'_, BaseUrl>, RequestError> {
        if host == Host::Backup {
            return Ok(Cow::Borrowed(&self.backup_url));
        }
        if let Some(base_url) = &request.base_url {
            return Ok(Cow::Owned(base_url.clone()));
        }
        match request.operation.and_then(Operation::base_url) {
            Some(elsewhere) if self.base_url.is_main() => elsewhere.parse().map(Cow::Owned),
            _ => Ok(Cow::Borrowed(&self.base_url)),
        }
    }

    /// Whether a call goes to the main host, which has a backup.
    pub(crate) fn goes_to_main_host(&self, request: &Request) -> bool {
        let has_own =
            request.base_url.is_some() || request.operation.is_some_and(|row| row.base_url().is_some());
        !has_own && self.base_url.is_main()
    }

    /// The headers that do not depend on the protocol. The caller's replace those of the client.
    fn headers(&self, request: &Request) -> Result<HeaderMap, RequestError> {
        if matches!(request.body, Some(Body::Upload(_) | Body::Form { .. }))
            && request.headers.contains_key(CONTENT_TYPE)
        {
            // It names the boundary between the parts.
            return Err(RequestError::FramingHeader(CONTENT_TYPE.to_string()));
        }
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(content_type) = request.content_type() {
            headers.insert(CONTENT_TYPE, content_type);
        }
        for name in request.headers.keys() {
            headers.remove(name);
        }
        headers.extend(request.headers.clone());
        Ok(headers)
    }

    /// Encrypts a text with the platform key that calls name in `Wechatpay-Serial`.
    pub(crate) fn encrypt_sensitive(&self, text: &str) -> Result<String, RequestError> {
        let platform = self.merchant.platform();
        let key = platform.get(platform.preferred());
        let key = key.ok_or_else(|| RequestError::Encryption("the client has no platform key".to_owned()))?;
        key.encrypt_oaep(text.as_bytes()).map_err(|error| RequestError::Encryption(error.to_string()))
    }

    /// Decrypts a text with the merchant's private key.
    pub(crate) fn decrypt_sensitive(&self, ciphertext: &str) -> Result<String, Error> {
        let plain = self.merchant.key.decrypt_oaep(ciphertext);
        let plain = plain.map_err(|error| Error::new(ErrorKind::Decryption(error.into())))?;
        let text = std::str::from_utf8(&plain);
        let text = text.map_err(|error| Error::new(ErrorKind::Decryption(error.into())))?;
        Ok(text.to_owned())
    }
}
