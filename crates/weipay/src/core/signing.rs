//! The signature of a request of APIv3. The merchant private key makes it at once; a [signer](crate::signer) of the caller's may have to
//! be waited for, so preparing a request ends before that.

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request as HttpRequest};
use weipay_wire::{Authorization, BrandAuthorization, Scheme, random_nonce, request_message};

use super::Core;
use crate::credentials::{Account, Merchant};
use crate::error::RequestError;
use crate::request::Request;
use crate::signer::Signature;

/// A request that lacks nothing, or nothing but its signature.
pub(crate) struct Prepared<B> {
    request: HttpRequest<B>,
    unsigned: Option<Unsigned>,
}

impl<B> Prepared<B> {
    /// It is signed, or is sent without a signature.
    pub(crate) const fn signed(request: HttpRequest<B>) -> Self {
        Self { request, unsigned: None }
    }

    /// The request, and what a signer has to sign.
    pub(crate) fn into_parts(self) -> (HttpRequest<B>, Option<Unsigned>) {
        (self.request, self.unsigned)
    }
}

/// What is to be signed for a request.
pub(crate) struct Unsigned {
    message: Vec<u8>,
    scheme: Scheme,
    account: Account,
    serial_no: String,
    timestamp: i64,
    nonce_str: String,
}

impl Unsigned {
    pub(super) fn new(core: &Core, request: &Request, target: &str) -> Self {
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
    #[allow(dead_code, reason = "each of the two ways to wait asks a signer, and both are optional")]
    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }

    /// Signs with the merchant private key, unless a signer will.
    pub(super) fn sign<B>(
        self,
        merchant: &Merchant,
        mut request: HttpRequest<B>,
    ) -> Result<Prepared<B>, RequestError> {
        match &merchant.key {
            Some(key) if !merchant.has_signer => {
                let signature = key.sign(&self.message);
                let signature = signature.map_err(|error| RequestError::Signing(error.to_string()))?;
                self.attach(&mut request, signature)?;
                Ok(Prepared::signed(request))
            }
            _ => Ok(Prepared { request, unsigned: Some(self) }),
        }
    }

    /// Adds what a signer made.
    #[allow(dead_code, reason = "each of the two ways to wait asks a signer, and both are optional")]
    pub(crate) fn attach_signature<B>(
        self,
        request: &mut HttpRequest<B>,
        signature: Signature,
    ) -> Result<(), RequestError> {
        self.attach(request, signature.into_base64())
    }

    fn attach<B>(self, request: &mut HttpRequest<B>, signature: String) -> Result<(), RequestError> {
        let Self { scheme, account, serial_no, timestamp, nonce_str, .. } = self;
        let authorization = match account {
            Account::Merchant(mchid) => {
                let mchid = mchid.into_string();
                Authorization { scheme, mchid, serial_no, timestamp, nonce_str, signature }.to_string()
            }
            Account::Brand(brand_id) => {
                let brand_id = brand_id.into_string();
                BrandAuthorization { brand_id, serial_no, timestamp, nonce_str, signature }.to_string()
            }
        };
        let mut value =
            HeaderValue::try_from(authorization).map_err(|error| RequestError::Signing(error.to_string()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// When and with which nonce a request was signed, from its `Authorization`.
pub(super) fn signed_moment(authorization: &HeaderValue) -> Option<(i64, &str)> {
    let text = authorization.to_str().ok()?;
    let parameter = |opening: &str| text.split_once(opening)?.1.split('"').next();
    Some((parameter("timestamp=\"")?.parse().ok()?, parameter("nonce_str=\"")?))
}
