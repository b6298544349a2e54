//! The two pure halves of a call: [`Core::prepare_request`] makes a signed HTTP request from a [`Request`], and
//! [`Core::verify_response`] makes a verified response or an error from what came back.
//!
//! There is no I/O here: both clients only wait between these two. The merchant private key signs at once; a
//! [signer](crate::signer) of the caller's may have to be waited for, so preparing a request ends before that. What each version
//! of the API does is in [`v3`] and [`v2`].

mod authorization;
mod mismatched_response;
mod sensitive;
mod signed_digest;
mod v2;
mod v3;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use weipay_wire::MerchantId;

use crate::attempts::DeliverySettings;
use crate::base_url::BaseUrl;
use crate::builder::Clock;
use crate::credentials::{Account, Merchant};
use crate::error::{Error, RequestError};
use crate::failover::Host;
use crate::observer::Observer;
use crate::operation::{self, ApiVersion, Operation};
use crate::platform_keys::PlatformKeySet;
use crate::request::{Body, Request};
use crate::response::{Called, RawResponse};
use crate::retry::RetryConfig;
use crate::sub_merchant::SubMerchant;
use crate::upload::Payload;
pub(crate) use authorization::{Prepared, Unsigned};
pub(crate) use sensitive::NO_PRIVATE_KEY;
#[cfg(feature = "notifications")]
pub(crate) use v3::SERIAL_NAME;
pub(crate) use v3::{SERIAL, verify};

/// Some back-ends of the platform require both headers. The name helps the platform's operators.
const AGENT: &str = concat!("weipay/", env!("CARGO_PKG_VERSION"), " (rust)");
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.5");

/// The longest time limit. `Duration::MAX`, added to the time of day, is more than a clock can express, and a transport might
/// panic.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Clones are cheap: what is large is shared.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) merchant: Arc<Merchant>,
    /// For whom a partner (服务商) calls.
    pub(crate) sub_merchant: Option<Arc<SubMerchant>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) base_url: BaseUrl,
    pub(crate) timeout: Duration,
    pub(crate) check_requests: bool,
    pub(crate) clock: Clock,
    pub(crate) delivery: Arc<DeliverySettings>,
}

impl Core {
    /// The request, signed unless a signer of the caller's has to. What is signed is what is sent, byte for byte.
    pub(crate) fn prepare_request(
        &self,
        request: &Request,
        host: Host,
    ) -> Result<Prepared<Payload>, RequestError> {
        request.check_recorded()?;
        self.check_sub_merchant(request)?;
        match request.version() {
            ApiVersion::V3 => v3::prepare_request(self, request, host),
            ApiVersion::V2 => v2::prepare_request(self, request, host).map(Prepared::Signed),
        }
    }

    /// Classifies a response: first by its status, then by its signature. A success must have a valid signature. An error
    /// response may be unsigned, but a signature that it has must be valid. An error in the body of a 2xx response counts as an
    /// error response. `keys` are the platform's keys when the call was sent: the key that signed may have been retired since.
    pub(crate) fn verify_response(
        &self,
        request: &Request,
        response: http::Response<Bytes>,
        keys: &PlatformKeySet,
    ) -> Result<RawResponse, Error> {
        let response = RawResponse {
            called: Some(Called::from_request(request)),
            unknown_members: request.unknown_members.clone(),
            ..RawResponse::new(response, self.merchant.key.clone())
        };
        match request.version() {
            ApiVersion::V3 => v3::verify_response(self, request, response, keys),
            ApiVersion::V2 => v2::verify_response(self, request, response),
        }
    }

    /// The time in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Whether a call needs a key of the platform: to verify its response, or to encrypt what it sends.
    pub(crate) fn needs_keys(request: &Request) -> bool {
        let is_unsigned = request
            .operation
            .is_some_and(|operation| operation.is_unsigned() && operation.signed_digest().is_none());
        request.is_pending() || request.version() == ApiVersion::V3 && !is_unsigned
    }

    /// Checks a request before it is signed, and before any key is fetched.
    pub(crate) fn check_before_keys(&self, request: &Request) -> Result<(), RequestError> {
        request.check_recorded()?;
        self.check_sub_merchant(request)?;
        self.check_may_call(request)?;
        if self.merchant.ring.is_unfetched() {
            request.target()?;
        }
        Ok(())
    }

    /// Brands and merchants have different operations. With the wrong kind of credentials the platform would only report a
    /// signature error.
    fn check_may_call(&self, request: &Request) -> Result<(), RequestError> {
        // The catalogue has the operations of merchants only, so every row is of one.
        let is_of_merchants = request.operation.is_some();
        match self.merchant.account {
            Account::Brand(_) if is_of_merchants => Err(RequestError::RequiresMerchant),
            Account::Merchant(_) if !is_of_merchants && operation::is_of_brands(&request.path()) => {
                Err(RequestError::RequiresBrand)
            }
            _ => Ok(()),
        }
    }

    /// For a sub-merchant, a partner calls other operations than a merchant. Those of a merchant have no field for the
    /// sub-merchant, so they would act for the partner itself, and nothing in the response would show it.
    fn check_sub_merchant(&self, request: &Request) -> Result<(), RequestError> {
        match request.operation.and_then(Operation::partner_path) {
            Some(path) if self.sub_merchant.is_some() => {
                Err(RequestError::NotForSubMerchant(path.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The number of the merchant who calls; a brand has none.
    fn caller(&self) -> Option<&str> {
        self.merchant.account.mchid().map(MerchantId::as_str)
    }

    /// The platform's keys as they are now. They are read here again for each call: they may change while the client
    /// runs.
    pub(crate) fn platform(&self) -> Arc<PlatformKeySet> {
        self.merchant.ring.current()
    }

    /// How long the call may take.
    pub(crate) fn timeout(&self, request: &Request) -> Duration {
        request.timeout.unwrap_or(self.timeout).min(MAX_TIMEOUT)
    }

    /// The request's own base URL; else, for a client of the main host, the operation's; else the client's. A client with
    /// another base URL, such as a sandbox's, sends everything there. `host` is the backup only for a call that
    /// [has one](Self::has_backup).
    fn base_url(&self, request: &Request, host: Host) -> Result<Cow<'_, BaseUrl>, RequestError> {
        if host == Host::Backup {
            // A call without one is never sent there.
            return self.base_url.backup().unwrap_or(BaseUrl::MAIN).parse().map(Cow::Owned);
        }
        if let Some(base_url) = &request.base_url {
            return Ok(Cow::Owned(base_url.clone()));
        }
        match request.operation.and_then(Operation::base_url) {
            Some(elsewhere) if self.base_url.is_main() => elsewhere.parse().map(Cow::Owned),
            _ => Ok(Cow::Borrowed(&self.base_url)),
        }
    }

    /// Whether a call goes to a host with a backup, and may go there.
    pub(crate) fn has_backup(&self, request: &Request, retries: RetryConfig) -> bool {
        let has_own =
            request.base_url.is_some() || request.operation.is_some_and(|row| row.base_url().is_some());
        self.delivery.failover && !retries.is_none() && !has_own && self.base_url.backup().is_some()
    }

    /// The backup host, if a call goes there.
    pub(crate) fn backup_host(&self, host: Host) -> Option<&'static str> {
        self.base_url.backup().filter(|_| host == Host::Backup)
    }

    /// The headers that do not depend on the protocol. The caller's replace those of the client.
    pub(crate) fn headers(&self, request: &Request) -> Result<HeaderMap, RequestError> {
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
        for (name, value) in &request.headers {
            headers.insert(name, value.clone());
        }
        Ok(headers)
    }
}

/// How something on the way of a response compressed it. No request asks for that, and nothing undoes it.
pub(crate) fn content_coding(headers: &HeaderMap) -> Option<&[u8]> {
    let coding = headers.get(CONTENT_ENCODING)?.as_bytes().trim_ascii();
    (!coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")).then_some(coding)
}
