//! APIv3: a request is signed in its `Authorization` header, and a successful response in its `Wechatpay-…` headers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use weipay_wire::{PlatformKeys, PublicKeyId, SignatureHeaders, VerifyError, request_message};

use super::authorization::{Prepared, Unsigned, signed_moment};
use super::signed_digest::{self, SignedDigest};
use super::{Core, mismatched_response};
use crate::download::{Digest, Form};
use crate::error::{ApiError, DecodeError, Error, ErrorKind, FileError, Proof, RequestError};
use crate::failover::Host;
use crate::operation::{ApiVersion, Operation};
use crate::platform_keys::PlatformKeySet;
use crate::request::Request;
use crate::response::RawResponse;
use crate::retry::is_passing_status;
use crate::upload::Payload;

/// The header with the serial of a platform key: of a request, the key that should sign the response and with which sensitive
/// fields are encrypted; of a response, the key that signed it.
pub(crate) const SERIAL: HeaderName = HeaderName::from_static("wechatpay-serial");

/// Its name as the official documents spell it.
pub(crate) const SERIAL_NAME: &str = "Wechatpay-Serial";

/// The other headers of a signature, each with that spelling.
const TIMESTAMP: (HeaderName, &str) = (HeaderName::from_static("wechatpay-timestamp"), "Wechatpay-Timestamp");
const NONCE: (HeaderName, &str) = (HeaderName::from_static("wechatpay-nonce"), "Wechatpay-Nonce");
pub(super) const SIGNATURE: (HeaderName, &str) =
    (HeaderName::from_static("wechatpay-signature"), "Wechatpay-Signature");

/// A signed request, or one that a signer has to sign.
pub(super) fn prepare_request(
    core: &Core,
    request: &Request,
    host: Host,
) -> Result<Prepared<Payload>, RequestError> {
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

/// Verifies a response: see [`Core::verify_response`].
pub(super) fn verify_response(
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

impl Core {
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
    weipay_wire::verify_response(&headers, signed, keys, now)
}
