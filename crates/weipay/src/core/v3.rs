//! APIv3: a request is signed in its `Authorization` header, and a successful response in its `Wechatpay-…` headers.

use bytes::Bytes;
use http::StatusCode;
use weipay_wire::{PlatformKeys, SignatureHeaders, VerifyError, verify_response};

use super::Core;
use super::signing::{Prepared, Unsigned};
use crate::download::Address;
use crate::error::{ApiError, Error, ErrorKind, RequestError};
use crate::failover::Host;
use crate::operation::Operation;
use crate::platform_keys::PlatformKeySet;
use crate::request::Request;
use crate::response::RawResponse;
use crate::upload::Payload;

/// The header with the serial of a platform key: of a request, the key that should sign the response and with which sensitive
/// fields are encrypted; of a response, the key that signed it.
pub(crate) const SERIAL: &str = "Wechatpay-Serial";

pub(super) fn prepare(core: &Core, request: &Request, host: Host) -> Result<Prepared<Payload>, RequestError> {
    core.merchant.check_may_call(request)?;
    let mut headers = core.headers(request)?;
    if !headers.contains_key(SERIAL)
        && let Some(serial) = core.merchant.platform().preferred(core.now())
        && let Ok(serial) = serial.parse()
    {
        headers.insert(SERIAL, serial);
    }
    let base_url = core.base_url(request, host)?;
    let target = base_url.target(&request.target()?);
    let unsigned = Unsigned::new(core, request, &target);

    let mut signed = http::Request::new(request.payload());
    *signed.method_mut() = request.method.clone();
    *signed.uri_mut() = base_url
        .url(&target)
        .parse()
        .map_err(|error| RequestError::Path(format!("does not make a valid URL: {error}")))?;
    *signed.headers_mut() = headers;
    unsigned.sign(&core.merchant, signed)
}

/// The request for a file. Its address decides whether it is signed.
pub(super) fn prepare_download(
    core: &Core,
    request: &Request,
    address: &Address,
) -> Result<Prepared<()>, RequestError> {
    let mut prepared = http::Request::new(());
    *prepared.headers_mut() = core.headers(request)?;
    *prepared.uri_mut() = address.uri.clone();
    match address.is_signed {
        true => Unsigned::new(core, request, address.target()).sign(&core.merchant, prepared),
        false => Ok(Prepared::signed(prepared)),
    }
}

pub(super) fn conclude(
    core: &Core,
    request: &Request,
    mut response: RawResponse,
    keys: &PlatformKeySet,
) -> Result<RawResponse, Error> {
    let kind = if !response.status.is_success() {
        ErrorKind::Api(ApiError::read(&response.body))
    } else if request.operation.is_some_and(Operation::is_unsigned) {
        return Ok(response);
    } else {
        let verified = verify(&response, core.merchant.platform().keys(), core.now());
        match verified.or_else(|error| match error {
            VerifyError::UnknownSerial { .. } => {
                verify(&response, keys.keys(), core.now()).map_err(|_| error)
            }
            error => Err(error),
        }) {
            Ok(()) => {
                response.verified = true;
                if response.status == StatusCode::NO_CONTENT {
                    // The signature does not cover a body that a proxy may have added.
                    response.body = Bytes::new();
                }
                return Ok(response);
            }
            Err(VerifyError::Probe) => ErrorKind::SignatureProbe,
            Err(error) => ErrorKind::Unverified(error),
        }
    };
    Err(Error::with_response(kind, response))
}

/// Verifies the signature of a response with one of these keys.
pub(crate) fn verify(response: &RawResponse, keys: &PlatformKeys, now: i64) -> Result<(), VerifyError> {
    let text = |name: &'static str| {
        let value = response.headers.get(name).ok_or(VerifyError::Missing(name))?;
        // White space around a value is not a part of it (RFC 9110, 5.5), whichever transport received it.
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
    verify_response(&headers, body, keys, now)
}
