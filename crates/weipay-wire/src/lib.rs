//! The WeChat Pay (微信支付) protocol without I/O, in both directions: the SDK signs and the sandbox verifies, and the
//! other way round, with the same functions.
//!
//! There is no HTTP here, no JSON, no clock and no hidden randomness: bytes, times and nonces are arguments, and a
//! function returns the same result for the same arguments. Invalid input gives an error, never a panic, and memory use
//! is limited for any input.
//!
//! | idea | where |
//! |---|---|
//! | the message to sign (待签名串) | [`request_message`], [`response_message`] |
//! | the `Authorization` header, of a merchant and of a brand | [`Authorization`], [`BrandAuthorization`] |
//! | responses and notifications: signature, clock window, probes | [`verify_response`], [`is_fresh`], [`PlatformKeys`] |
//! | keys and certificates (密钥, 证书) | [`PrivateKey`], [`PublicKey`], [`Certificate`] |
//! | what was given instead of a key, without its text | [`KeyError`], [`KeyFormat`], [`looks_like_path`] |
//! | what a signature was really made over | [`PublicKey::signed_digest`] |
//! | encrypted resources (加密数据对象) | [`ApiV3Key::open`], [`ApiV3Key::seal`] |
//! | sensitive fields (敏感信息加密) | [`PublicKey::encrypt_sensitive`], [`PrivateKey::decrypt_sensitive`] |
//! | 国密 (SM2, SM3, SM4), with the feature `sm` | the same types: the key decides, [`Scheme`], [`EnvelopeAlgorithm`] |
//! | the digest of a file (摘要), in pieces too | [`DigestAlgorithm`], [`Digester`] |
//! | identifiers that cannot be mixed up | [`MerchantId`], [`MerchantSerial`], [`PlatformSerial`], [`PublicKeyId`] |
//! | whether two serials are equal | [`is_same_serial`] |
//! | APIv2: its XML, and what signs it | [`XmlElements`], [`ApiV2Key::sign`], [`ApiV2Key::verify`] |
//! | APIv2: the refund notification (退款结果通知) | [`ApiV2Key::open_req_info`] |
//! | APIv2: the certificate of the TLS handshake (双向证书) | [`ClientIdentity`] |
//! | the sandbox's credentials (凭证包) | [`Kit`] |
//!
//! # A request, signed and verified
//!
//! ```
//! use weipay_wire::{Authorization, PrivateKey, is_fresh, random_nonce, request_message};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = 1_554_208_460;
//! // The merchant signs exactly what it sends ...
//! let key = PrivateKey::generate()?; // or PrivateKey::from_pem(&text) of apiclient_key.pem
//! let (target, body) = ("/v3/pay/transactions/native", br#"{"description":"tea"}"#);
//! let nonce = random_nonce();
//! let signature = key.sign(&request_message("POST", target, now, &nonce, body))?;
//! let header = Authorization {
//!     scheme: key.scheme(),
//!     mchid: "1900007291".into(),
//!     serial_no: "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB".into(),
//!     timestamp: now,
//!     nonce_str: nonce,
//!     signature,
//! }
//! .to_string();
//!
//! // ... and the platform builds the same message from what it receives.
//! let read: Authorization = header.parse()?;
//! assert!(is_fresh(now, read.timestamp));
//! let message = request_message("POST", target, read.timestamp, &read.nonce_str, body);
//! key.public_key().verify(&message, &read.signature)?;
//! # Ok(())
//! # }
//! ```
//!
//! # A notification, verified before it is decrypted
//!
//! ```
//! use weipay_wire::{ApiV3Key, Envelope, PlatformKeys, PublicKeyId, SignatureHeaders, verify_response};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use weipay_wire::{PrivateKey, response_message};
//! # let platform = PrivateKey::generate()?;
//! # let public_key = platform.public_key(); // PublicKey::from_pem(&text) of pub_key.pem
//! # let now = 1_554_208_460;
//! # let body = br#"{"resource":{"ciphertext":"ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI="}}"#;
//! # let signature = platform.sign(&response_message("1554208460", "nonce", body))?;
//! let mut keys = PlatformKeys::new();
//! keys.insert_public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026")?, public_key);
//!
//! let headers = SignatureHeaders {
//!     timestamp: "1554208460",
//!     nonce: "nonce",
//!     signature: &signature,
//!     serial: "PUB_KEY_ID_0119000000012026",
//! };
//! verify_response(&headers, body, &keys, now)?;
//! assert!(verify_response(&headers, b"another body", &keys, now).is_err());
//!
//! let key = ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb")?;
//! let envelope = Envelope {
//!     nonce: "uluk4a9R25RW",
//!     associated_data: "associatedData",
//!     ciphertext: "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=",
//! };
//! assert_eq!(key.open(&envelope)?.as_slice(), b"message");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod api_keys;
mod brand_authorization;
mod certificate;
mod client_identity;
mod digest;
mod envelope;
mod identifiers;
mod key_error;
mod key_format;
mod kit;
mod pem;
mod rsa;
mod scheme;
mod sealed_file;
mod sensitive;
mod signed_digest;
#[cfg(feature = "sm")]
mod sm;
mod v2_signature;
mod v3_signature;
mod work_wx;
mod xml;

pub use api_keys::{ApiKeyError, ApiV2Key, ApiV3Key};
pub use brand_authorization::{BRAND_SCHEME, BrandAuthorization};
pub use certificate::Certificate;
pub use client_identity::{ClientIdentity, Pkcs12Error};
pub use digest::{DigestAlgorithm, Digester, sha256_hex, sm3_hex};
pub use envelope::{ENVELOPE_NONCE_LENGTH, Envelope, EnvelopeAlgorithm, EnvelopeError, ReqInfoError};
pub use identifiers::{
    BrandId, IdentifierError, MerchantId, MerchantSerial, PlatformSerial, PublicKeyId, is_same_serial,
};
pub use key_error::{KeyError, PemDamage, PemKind};
pub use key_format::{KeyFormat, looks_like_path};
pub use kit::{Kit, KitError};
pub use rsa::{MAX_OAEP_PLAINTEXT, PrivateKey, PublicKey, SignatureError};
pub use scheme::Scheme;
pub use sealed_file::{SealedFile, SealedFileError};
#[cfg(feature = "sm")]
pub use sensitive::MAX_SM2_PLAINTEXT;
pub use sensitive::{SensitiveError, check_ciphertext};
pub use signed_digest::SignedDigest;
pub use v2_signature::{SignError, SignType};
pub use v3_signature::{
    Authorization, AuthorizationError, MAX_AUTHORIZATION_LENGTH, NONCE_LENGTH, PROBE_PREFIX, PlatformKeys,
    SCHEME, SignatureHeaders, VerifyError, WINDOW_SECONDS, is_fresh, nonce, random_nonce, request_message,
    response_message, verify_response,
};
pub use work_wx::{WorkWxPayment, WorkWxSecret};
pub use xml::{MAX_XML_DEPTH, MAX_XML_ELEMENTS, MAX_XML_LENGTH, XmlContent, XmlElements, XmlError};
