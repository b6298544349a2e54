//! The `Authorization` of a request of APIv3: the message to sign, and who signs it.

use std::fmt::{Display, Write as _};

use http::HeaderValue;
use http::header::AUTHORIZATION;
use weipay_wire::{Authorization, BrandAuthorization, Scheme, random_nonce, request_message};

use super::Core;
use crate::credentials::{Account, Merchant};
use crate::error::{Cause, RequestError};
use crate::request::Request;
use crate::signer::Signature;

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

/// When and with which nonce a request was signed, from its `Authorization`.
pub(super) fn signed_moment(authorization: &HeaderValue) -> Option<(i64, &str)> {
    let text = authorization.to_str().ok()?;
    let parameter = |opening: &str| text.split_once(opening)?.1.split('"').next();
    Some((parameter("timestamp=\"")?.parse().ok()?, parameter("nonce_str=\"")?))
}
