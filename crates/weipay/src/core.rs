//! The two pure halves of a call: [`Core::prepare`] makes a signed HTTP request from a [`Request`], and [`Core::conclude`]
//! makes a verified response or an error from what came back.
//!
//! There is no I/O here: both clients only wait between these two. In APIv3 a request is signed in its
//! `Authorization` header, and a successful response in its `Wechatpay-…` headers. The merchant private key
//! signs at once; a [signer](crate::signer) of the caller's may have to be waited for, so preparing a request
//! ends before that. What is different in APIv2 is in [`v2`].

mod mismatched_response;
mod signed_digest;
mod v2;

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use weipay_wire::{
    Authorization, BrandAuthorization, MerchantId, PlatformKeys, PrivateKey, PublicKeyId, Scheme,
    SignatureHeaders, VerifyError, random_nonce, request_message, verify_response,
};

use crate::attempts::DeliverySettings;
use crate::base_url::BaseUrl;
use crate::builder::Clock;
use crate::credentials::{Account, Merchant};
use crate::download::{Digest, Form};
use crate::error::{ApiError, Cause, DecodeError, Error, ErrorKind, FileError, Proof, RequestError};
use crate::failover::Host;
use crate::observer::Observer;
use crate::operation::{self, ApiVersion, Operation};
use crate::platform_keys::PlatformKeySet;
use crate::request::{Body, Request};
use crate::response::{Called, RawResponse};
use crate::retry::{RetryConfig, is_passing_status};
use crate::signer::Signature;
use crate::sub_merchant::SubMerchant;
use crate::upload::Payload;
use signed_digest::SignedDigest;

/// Some back-ends of the platform require both headers. The name helps the platform's operators.
const AGENT: &str = concat!("weipay/", env!("CARGO_PKG_VERSION"), " (rust)");
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.5");

/// The longest time limit. `Duration::MAX`, added to the time of day, is more than a clock can express, and a transport might
/// panic.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Why a client that was made from the APIv3 key alone cannot encrypt yet.
const NO_KEY: &str =
    "the client has not fetched the platform's certificates yet: call `fetch_platform_certificates` first";

/// Why a client whose certificates have all expired cannot encrypt.
const EXPIRED_KEY: &str = "the platform's certificate has expired: call `fetch_platform_certificates`, or, if the client has no APIv3 \
     key, configure the new certificate";

/// Why a client with a signer cannot decrypt.
pub(crate) const NO_PRIVATE_KEY: &str =
    "the client has a signer, but no merchant private key: set it with `.merchant_key(...)`, too";

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
    pub(crate) fn prepare(&self, request: &Request, host: Host) -> Result<Prepared<Payload>, RequestError> {
        request.check_recorded()?;
        self.check_sub_merchant(request)?;
        match request.version() {
            ApiVersion::V3 => prepare(self, request, host),
            ApiVersion::V2 => v2::prepare(self, request, host).map(Prepared::Signed),
        }
    }

    /// Classifies a response: first by its status, then by its signature. A success must have a valid signature. An error
    /// response may be unsigned, but a signature that it has must be valid. An error in the body of a 2xx response counts as an
    /// error response. `keys` are the platform's keys when the call was sent: the key that signed may have been retired since.
    pub(crate) fn conclude(
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
            ApiVersion::V3 => conclude(self, request, response, keys),
            ApiVersion::V2 => v2::conclude(self, request, response),
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

    /// The serial in a response, if it names none of these keys. Its key must be there before the response can be
    /// verified: a success, or a refusal that has a signature. What only asks to wait is not worth the time of a fetch.
    pub(crate) fn serial_to_verify<'a, B>(
        request: &Request,
        response: &'a http::Response<B>,
        keys: &PlatformKeySet,
    ) -> Option<&'a str> {
        let is_unsigned = || {
            request.operation.is_some_and(Operation::is_unsigned)
                && signed_digest::find(request, response.headers()).is_none()
        };
        let is_verified = match response.status().is_success() {
            true => !is_unsigned(),
            false => !is_passing_status(response.status()) && has_signature(response.headers()),
        };
        if request.version() != ApiVersion::V3 || !is_verified {
            return None;
        }
        let serial = response.headers().get(SERIAL)?.to_str().ok().map(str::trim);
        serial.filter(|serial| keys.get(serial).is_none())
    }

    /// Classifies an error response. The gateway sends unsigned ones; these are accepted. If it has a signature, or a part of
    /// one, that must be valid: otherwise the response may belong to another call, or was changed on the way.
    pub(crate) fn refusal(
        &self,
        error: ApiError,
        response: &RawResponse,
        keys: &PlatformKeySet,
    ) -> ErrorKind {
        if !has_signature(&response.headers) {
            return ErrorKind::Api(error);
        }
        match verify_with_either(self, keys, |keys| verify(response, keys, self.now())) {
            Ok(()) => ErrorKind::Api(error),
            // A status that asks to wait says what to do.
            Err(VerifyError::Probe) if !is_passing_status(response.status) => ErrorKind::SignatureProbe,
            Err(_) => ErrorKind::Api(error.with_proof(Proof::Wrong)),
        }
    }

    /// The digest of a file that the head of its response has, if that is signed: the signature is verified before
    /// anything of the file is read. `None` if there is none, or no signature.
    pub(crate) fn signed_digest(
        &self,
        request: &Request,
        headers: &HeaderMap,
        keys: &PlatformKeySet,
    ) -> Result<Option<Digest>, ErrorKind> {
        let Some(digest) = signed_digest::find(request, headers) else { return Ok(None) };
        self.verify_digest(&digest, headers, keys)?;
        Ok(Some(digest.digest()))
    }

    /// Verifies the signature over the digest of a file.
    fn verify_digest(
        &self,
        digest: &SignedDigest<'_>,
        headers: &HeaderMap,
        keys: &PlatformKeySet,
    ) -> Result<(), ErrorKind> {
        let signed = digest.signed_text();
        let verified =
            verify_with_either(self, keys, |keys| verify_over(headers, signed.as_bytes(), keys, self.now()));
        verified.map_err(|error| match error {
            VerifyError::Probe => ErrorKind::SignatureProbe,
            error => ErrorKind::Unverified(error),
        })
    }

    /// Says of a refused signature what differs from what was signed, as far as the platform shows it. What was signed and sent
    /// is not printed.
    pub(crate) fn explain(
        &self,
        request: &Request,
        authorization: Option<&HeaderValue>,
        mut error: Error,
    ) -> Error {
        error.compare_signed(|| {
            let (timestamp, nonce) = signed_moment(authorization?)?;
            let target = self.base_url(request, Host::Main).ok()?.target(request.target().ok()?);
            Some(request_message(request.method.as_str(), &target, timestamp, nonce, request.signed_bytes()))
        });
        error.hiding(request, authorization)
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

    /// Encrypts a text with the platform key that calls name in `Wechatpay-Serial`.
    pub(crate) fn encrypt_sensitive(&self, text: &str) -> Result<String, RequestError> {
        let (platform, now) = (self.platform(), self.now());
        let serial = platform.preferred(now).ok_or_else(|| RequestError::Encryption(Cause::new(NO_KEY)))?;
        let key = platform.to_encrypt(serial, now);
        let key = key.ok_or_else(|| RequestError::Encryption(Cause::new(EXPIRED_KEY)))?;
        key.encrypt_sensitive(text.as_bytes()).map_err(|error| RequestError::Encryption(Cause::new(error)))
    }

    /// The merchant's private key, which a client with a signer may not have.
    pub(crate) fn private_key(&self) -> Result<&Arc<PrivateKey>, Error> {
        let key = self.merchant.key.as_ref();
        key.ok_or_else(|| Error::new(ErrorKind::Decryption(NO_PRIVATE_KEY.into())))
    }

    /// Decrypts a text with the merchant's private key.
    pub(crate) fn decrypt_sensitive(&self, ciphertext: &str) -> Result<String, Error> {
        let plain = self.private_key()?.decrypt_sensitive(ciphertext);
        let plain = plain.map_err(|error| Error::new(ErrorKind::Decryption(error.into())))?;
        let text = std::str::from_utf8(&plain);
        let text = text.map_err(|error| Error::new(ErrorKind::Decryption(error.into())))?;
        Ok(text.to_owned())
    }
}

/// The header with the serial of a platform key: of a request, the key that should sign the response and with which sensitive
/// fields are encrypted; of a response, the key that signed it.
pub(crate) const SERIAL: HeaderName = HeaderName::from_static("wechatpay-serial");

/// Its name as the official documents spell it.
pub(crate) const SERIAL_NAME: &str = "Wechatpay-Serial";

/// The other headers of a signature, each with that spelling.
const TIMESTAMP: (HeaderName, &str) = (HeaderName::from_static("wechatpay-timestamp"), "Wechatpay-Timestamp");
const NONCE: (HeaderName, &str) = (HeaderName::from_static("wechatpay-nonce"), "Wechatpay-Nonce");
const SIGNATURE: (HeaderName, &str) = (HeaderName::from_static("wechatpay-signature"), "Wechatpay-Signature");

fn prepare(core: &Core, request: &Request, host: Host) -> Result<Prepared<Payload>, RequestError> {
    core.check_may_call(request)?;
    let mut headers = core.headers(request)?;
    if !headers.contains_key(SERIAL)
        && let Some(serial) = core.platform().preferred(core.now())
        && (request.names_certificate || PublicKeyId::new(serial).is_ok())
        && let Ok(serial) = serial.parse()
    {
        headers.insert(SERIAL, serial);
    }
    let base_url = core.base_url(request, host)?;
    let target = base_url.target(request.target()?);
    let unsigned = Unsigned::new(core, request, &target);

    let mut signed = http::Request::new(request.payload());
    *signed.method_mut() = request.method.clone();
    *signed.uri_mut() = base_url
        .url(&target)
        .try_into()
        .map_err(|error| RequestError::Path(format!("does not make a valid URL: {error}")))?;
    *signed.headers_mut() = headers;
    unsigned.sign(&core.merchant, signed)
}

/// A request that lacks nothing, or nothing but its signature.
pub(crate) enum Prepared<B> {
    /// It is signed, or is sent without a signature.
    Signed(http::Request<B>),
    /// A [signer](crate::signer) has to sign it.
    ForSigner(http::Request<B>, Unsigned),
}

/// The message to sign for a request.
pub(crate) struct Unsigned {
    message: Vec<u8>,
    scheme: Scheme,
    account: Account,
    serial_no: String,
    timestamp: i64,
    nonce_str: String,
}

impl Unsigned {
    pub(crate) fn new(core: &Core, request: &Request, target: &str) -> Self {
        let (timestamp, nonce_str) = (core.now(), random_nonce());
        let body = request.signed_bytes();
        Self {
            message: request_message(request.method.as_str(), target, timestamp, &nonce_str, body),
            scheme: core.merchant.scheme,
            account: core.merchant.account.clone(),
            serial_no: core.merchant.serial.to_string(),
            timestamp,
            nonce_str,
        }
    }

    /// The bytes to sign (待签名串).
    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Signs with the merchant private key, unless a signer will.
    pub(crate) fn sign<B>(
        self,
        merchant: &Merchant,
        mut request: http::Request<B>,
    ) -> Result<Prepared<B>, RequestError> {
        match &merchant.key {
            Some(key) if !merchant.has_signer => {
                let signature = key.sign(&self.message);
                let signature = signature.map_err(|error| RequestError::Signing(Cause::new(error)))?;
                self.attach(&mut request, signature)?;
                Ok(Prepared::Signed(request))
            }
            _ => Ok(Prepared::ForSigner(request, self)),
        }
    }

    /// Adds what a signer made.
    pub(crate) fn attach_signature<B>(
        self,
        request: &mut http::Request<B>,
        signature: Signature,
    ) -> Result<(), RequestError> {
        self.attach(request, signature.into_base64())
    }

    fn attach<B>(self, request: &mut http::Request<B>, signature: String) -> Result<(), RequestError> {
        let Self { scheme, account, serial_no, timestamp, nonce_str, .. } = self;
        let authorization = match account {
            Account::Merchant(mchid) => {
                let mchid = mchid.into_string();
                written(&Authorization { scheme, mchid, serial_no, timestamp, nonce_str, signature })
            }
            Account::Brand(brand_id) => {
                let brand_id = brand_id.into_string();
                written(&BrandAuthorization { brand_id, serial_no, timestamp, nonce_str, signature })
            }
        };
        let mut value =
            HeaderValue::try_from(authorization).map_err(|error| RequestError::Signing(Cause::new(error)))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// A header's value, in one allocation: an ordinary one has about 550 bytes.
fn written(authorization: &impl Display) -> String {
    let mut text = String::with_capacity(640);
    // A `String` takes everything.
    let _ = write!(text, "{authorization}");
    text
}

/// How something on the way of a response compressed it. No request asks for that, and nothing undoes it.
pub(crate) fn content_coding(headers: &HeaderMap) -> Option<&[u8]> {
    let coding = headers.get(CONTENT_ENCODING)?.as_bytes().trim_ascii();
    (!coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")).then_some(coding)
}

/// When and with which nonce a request was signed, from its `Authorization`.
fn signed_moment(authorization: &HeaderValue) -> Option<(i64, &str)> {
    let text = authorization.to_str().ok()?;
    let parameter = |opening: &str| text.split_once(opening)?.1.split('"').next();
    Some((parameter("timestamp=\"")?.parse().ok()?, parameter("nonce_str=\"")?))
}

/// A body in place of a file without an announced digest: the login page of a network, or the error of a proxy. A download
/// looks for the same.
fn in_place_of_a_file(request: &Request, response: &RawResponse) -> Option<FileError> {
    if !request.is_read_only() || !request.operation.is_some_and(Operation::has_file_response) {
        return None;
    }
    let form = Form::of_body(&response.body);
    let is_page = crate::download::is_web_page(&response.headers) || form == Form::Markup;
    let is_none = || {
        form == Form::Nothing
            || crate::download::is_json_in_place_of_a_file(&response.headers, &response.body)
    };
    match is_page {
        true => Some(FileError::WebPage),
        false => is_none().then(|| FileError::in_place_of_a_file(&response.body)),
    }
}

fn conclude(
    core: &Core,
    request: &Request,
    mut response: RawResponse,
    keys: &PlatformKeySet,
) -> Result<RawResponse, Error> {
    let kind = if !response.status.is_success() {
        core.refusal(ApiError::read(&response.body), &response, keys)
    } else if response.status != StatusCode::NO_CONTENT
        && let Some(error) = ApiError::under_success(&response.body)
    {
        core.refusal(error, &response, keys)
    } else if request.operation.is_some_and(Operation::is_unsigned) {
        let Some(digest) = signed_digest::find(request, &response.headers) else {
            return match in_place_of_a_file(request, &response) {
                Some(error) => Err(Error::with_response(ErrorKind::File(error), response)),
                None => Ok(response),
            };
        };
        let verified = core.verify_digest(&digest, &response.headers, keys);
        match verified.map(|()| digest.check(&response.body)) {
            Ok(Ok(())) => {
                response.verified = true;
                return Ok(response);
            }
            Ok(Err(error)) => ErrorKind::File(error),
            Err(kind) => kind,
        }
    } else {
        match verify_with_either(core, keys, |keys| verify(&response, keys, core.now())) {
            Ok(()) => {
                if response.status == StatusCode::NO_CONTENT {
                    // The signature does not cover a body that a proxy may have added.
                    response.body = Bytes::new();
                }
                if let Some(error) = DecodeError::of_repeated_member(&response.body) {
                    ErrorKind::Decode(error)
                } else if let Err(mismatch) =
                    mismatched_response::check(request, core.caller(), response.status, &response.body)
                {
                    mismatch
                } else {
                    response.verified = true;
                    return Ok(response);
                }
            }
            Err(VerifyError::Probe) => ErrorKind::SignatureProbe,
            Err(error) => ErrorKind::Unverified(error),
        }
    };
    Err(Error::with_response(kind, response))
}

/// Whether a response has a signature, or a part of one. A serial alone is none: requests have that header too.
fn has_signature(headers: &HeaderMap) -> bool {
    let has = |header: HeaderName| {
        headers.get(header).is_some_and(|value| !value.as_bytes().trim_ascii().is_empty())
    };
    [SIGNATURE, TIMESTAMP, NONCE].into_iter().any(|(header, _)| has(header))
}

/// Verifies with the platform's keys as they are now, and with those when the call was sent if they lack the one that signed.
fn verify_with_either(
    core: &Core,
    keys: &PlatformKeySet,
    verify: impl Fn(&PlatformKeys) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    verify(core.platform().keys()).or_else(|error| match error {
        VerifyError::UnknownSerial { .. } => verify(keys.keys()).map_err(|_| error),
        error => Err(error),
    })
}

/// Verifies the signature of a response with one of these keys.
pub(crate) fn verify(response: &RawResponse, keys: &PlatformKeys, now: i64) -> Result<(), VerifyError> {
    // A 204 is signed over an empty body.
    let body: &[u8] = if response.status == StatusCode::NO_CONTENT { b"" } else { &response.body };
    verify_over(&response.headers, body, keys, now)
}

/// Verifies the signature in these headers, which is over this text.
fn verify_over(headers: &HeaderMap, signed: &[u8], keys: &PlatformKeys, now: i64) -> Result<(), VerifyError> {
    let text = |(header, name): (HeaderName, &'static str)| {
        let value = headers.get(header).ok_or(VerifyError::Missing(name))?;
        // White space around a value is not a part of it (RFC 9110, 5.5), whichever transport received it.
        value.to_str().map(str::trim).map_err(|_| VerifyError::Missing(name))
    };
    let headers = SignatureHeaders {
        timestamp: text(TIMESTAMP)?,
        nonce: text(NONCE)?,
        signature: text(SIGNATURE)?,
        serial: text((SERIAL, SERIAL_NAME))?,
    };
    verify_response(&headers, signed, keys, now)
}
