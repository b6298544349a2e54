//! Signs requests in place of the merchant private key (商户API私钥): with a key that never leaves a hardware
//! module (HSM), a key service, or a process of your own.
//!
//! The async client waits for a `Signer`, the blocking client for a `blocking::Signer`. Give one to `ClientBuilder::signer` or
//! `ClientBuilder::blocking_signer`.
//!
//! # Rules of a signer
//!
//! - It signs exactly the bytes that it is given: RSASSA-PKCS1-v1_5 with SHA-256, with the key of the
//!   merchant API certificate whose serial the client has. It hashes them itself.
//! - Every attempt of a call is signed again. That time counts towards the time limit of the call.
//! - If it fails, nothing is sent, and the call fails with
//!   [`RequestError::Signer`](crate::error::RequestError::Signer). Its error is the
//!   [`source`](std::error::Error::source) of that one, which logs print: keep secrets out of it.
//!
//! A client with a signer needs no merchant private key. Without one it cannot decrypt sensitive fields
//! (敏感信息加密) of responses: they stay encrypted, and [`decode_errors`](crate::Response::decode_errors) names them. With
//! both, the signer signs and the key decrypts. APIv2 is signed with the APIv2 key, never by a signer.
#![cfg_attr(
    feature = "async",
    doc = r#"
```
use weipay::signer::{Signature, SignatureFuture, Signer};

/// Asks a key service.
struct Remote;

# impl Remote { async fn ask(&self, _: &[u8]) -> std::io::Result<Vec<u8>> { Ok(vec![0; 256]) } }
impl Signer for Remote {
    fn sign<'a>(&'a self, message: &'a [u8]) -> SignatureFuture<'a> {
        Box::pin(async move { Ok(Signature::from_bytes(&self.ask(message).await?)?) })
    }
}

let builder = weipay::ClientBuilder::default().signer(Remote);
# let _ = builder;
```
"#
)]

use std::error::Error;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many bytes a signature of a 2048-bit key has.
const LENGTH: usize = 256;

/// Why a signer could not sign.
pub type SignerError = Box<dyn Error + Send + Sync>;

/// A signature (签名值) of 256 bytes, which a 2048-bit RSA key makes.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(String);

/// A text or bytes are not a signature of a 2048-bit RSA key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a signature of a merchant key has 256 bytes: {}", match length {
    Some(length) => format!("this one has {length}"),
    None => "this text is not base64".to_owned(),
})]
pub struct SignatureFormatError {
    /// How many bytes it has; `None` if the text is not base64.
    pub length: Option<usize>,
}

impl Signature {
    /// The raw bytes, as most modules and key services return them.
    ///
    /// # Errors
    ///
    /// If there are not 256 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureFormatError> {
        match bytes.len() {
            LENGTH => Ok(Self(STANDARD.encode(bytes))),
            length => Err(SignatureFormatError { length: Some(length) }),
        }
    }

    /// The bytes in standard base64, as [`PrivateKey::sign`](weipay_wire::PrivateKey::sign) returns them.
    ///
    /// # Errors
    ///
    /// If it is not the base64 of 256 bytes.
    pub fn from_base64(text: &str) -> Result<Self, SignatureFormatError> {
        Self::from_bytes(&STANDARD.decode(text.trim()).map_err(|_| SignatureFormatError { length: None })?)
    }

    pub(crate) fn into_base64(self) -> String {
        self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

#[cfg(feature = "async")]
pub use asynchronous::{SignatureFuture, Signer};

#[cfg(feature = "async")]
mod asynchronous {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Signature, SignerError};
    use crate::core::{Prepared, Unsigned};
    use crate::delivery::{Async, Shared};
    use crate::error::RequestError;

    /// The future that a [`Signer`] returns.
    pub type SignatureFuture<'a> = Pin<Box<dyn Future<Output = Result<Signature, SignerError>> + Send + 'a>>;

    /// Signs the requests of the async client. It must follow [these rules](super#rules-of-a-signer).
    pub trait Signer: Send + Sync {
        /// Signs a message (待签名串). The future is dropped if the time of the call is over.
        fn sign<'a>(&'a self, message: &'a [u8]) -> SignatureFuture<'a>;
    }

    impl<T: Signer + ?Sized> Signer for Arc<T> {
        fn sign<'a>(&'a self, message: &'a [u8]) -> SignatureFuture<'a> {
            (**self).sign(message)
        }
    }

    impl Shared<Async> {
        /// Lets the signer sign, where the private key has not signed already.
        pub(crate) async fn signed<B>(
            &self,
            prepared: Prepared<B>,
            limit: Duration,
        ) -> Result<http::Request<B>, RequestError> {
            match prepared {
                Prepared::Signed(request) => Ok(request),
                // Boxed: with a private key, its future would only make that of each call larger.
                Prepared::ForSigner(request, unsigned) => Box::pin(self.sign(request, unsigned, limit)).await,
            }
        }

        /// Lets the signer sign.
        pub(crate) async fn sign<B>(
            &self,
            mut request: http::Request<B>,
            unsigned: Unsigned,
            limit: Duration,
        ) -> Result<http::Request<B>, RequestError> {
            if let Some(signer) = &self.signer {
                let signing = signer.sign(unsigned.message());
                let signed = crate::runtime::timeout(limit, signing).await.map_err(|_| super::too_late())?;
                let signature =
                    signed.map_err(|error| RequestError::Signer(crate::error::Cause::new(error)))?;
                unsigned.attach_signature(&mut request, signature)?;
            }
            Ok(request)
        }
    }
}

/// The signer took longer than the time limit of the call.
#[cfg(feature = "async")]
fn too_late() -> crate::error::RequestError {
    crate::error::RequestError::Signer(crate::error::Cause::new(
        "it did not return within the time limit of the call",
    ))
}

#[cfg(feature = "blocking")]
pub mod blocking {
    //! The signer of the blocking client: as in [`signer`](super), without `async`.

    use std::sync::Arc;
    use std::time::Duration;

    use super::{Signature, SignerError};
    use crate::core::{Prepared, Unsigned};
    use crate::delivery::{Blocking, Shared};
    use crate::error::RequestError;

    /// Signs the requests of the blocking client. It must follow [these rules](super#rules-of-a-signer).
    pub trait Signer: Send + Sync {
        /// Signs a message (待签名串). It may take at most `limit`, which is what is left of the time of the call.
        ///
        /// # Errors
        ///
        /// If it cannot sign. Nothing is sent then.
        fn sign(&self, message: &[u8], limit: Duration) -> Result<Signature, SignerError>;
    }

    impl<T: Signer + ?Sized> Signer for Arc<T> {
        fn sign(&self, message: &[u8], limit: Duration) -> Result<Signature, SignerError> {
            (**self).sign(message, limit)
        }
    }

    impl Shared<Blocking> {
        /// Lets the signer sign, where the private key has not signed already.
        pub(crate) fn signed<B>(
            &self,
            prepared: Prepared<B>,
            limit: Duration,
        ) -> Result<http::Request<B>, RequestError> {
            match prepared {
                Prepared::Signed(request) => Ok(request),
                Prepared::ForSigner(request, unsigned) => self.sign(request, unsigned, limit),
            }
        }

        /// Lets the signer sign.
        pub(crate) fn sign<B>(
            &self,
            mut request: http::Request<B>,
            unsigned: Unsigned,
            limit: Duration,
        ) -> Result<http::Request<B>, RequestError> {
            if let Some(signer) = &self.signer {
                let signature = signer.sign(unsigned.message(), limit);
                let signature =
                    signature.map_err(|error| RequestError::Signer(crate::error::Cause::new(error)))?;
                unsigned.attach_signature(&mut request, signature)?;
            }
            Ok(request)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_256_bytes_and_is_not_printed() {
        let signature = Signature::from_bytes(&[7; 256]).unwrap();
        assert_eq!(format!("{signature:?}"), "Signature(..)");
        assert_eq!(Signature::from_base64(&format!(" {}\n", STANDARD.encode([7; 256]))), Ok(signature));
        for bytes in [&[7; 255][..], &[7; 257], &[]] {
            assert_eq!(Signature::from_bytes(bytes), Err(SignatureFormatError { length: Some(bytes.len()) }));
        }
        let error = Signature::from_base64("\"\r\nX: y").unwrap_err();
        assert_eq!(error.length, None);
    }
}
