//! Sensitive texts (敏感信息加密): encrypted with the platform's key, decrypted with the merchant's.

use std::sync::Arc;

use weipay_wire::PrivateKey;

use super::Core;
use crate::error::{Cause, Error, ErrorKind, RequestError};

/// Why a client that was made from the APIv3 key alone cannot encrypt yet.
const NO_KEY: &str =
    "the client has not fetched the platform's certificates yet: call `fetch_platform_certificates` first";

/// Why a client whose certificates have all expired cannot encrypt.
const EXPIRED_KEY: &str = "the platform's certificate has expired: call `fetch_platform_certificates`, or, if the client has no APIv3 \
     key, configure the new certificate";

/// Why a client with a signer cannot decrypt.
pub(crate) const NO_PRIVATE_KEY: &str =
    "the client has a signer, but no merchant private key: set it with `.merchant_key(...)`, too";

impl Core {
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
