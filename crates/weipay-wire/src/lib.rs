//! The WeChat Pay (微信支付) protocol without I/O.

mod api_keys;
mod authorization;
mod certificate;
mod envelope;
mod identifiers;
mod key_error;
mod kit;
mod message;
mod modulus;
mod nonce;
mod oaep;
mod pem;
mod platform_keys;
mod private_key;
mod public_key;
mod signature;
mod verification;
mod window;

pub use api_keys::{ApiKeyError, ApiV2Key, ApiV3Key};
pub use authorization::{Authorization, AuthorizationError, MAX_AUTHORIZATION_LENGTH, SCHEME};
pub use certificate::Certificate;
pub use envelope::{ENVELOPE_NONCE_LENGTH, Envelope, EnvelopeError};
pub use identifiers::{IdentifierError, MerchantId, MerchantSerial, PlatformSerial, PublicKeyId};
pub use key_error::{KeyError, PemKind};
pub use kit::{Kit, KitError};
pub use message::{request_message, response_message};
pub use nonce::{NONCE_LENGTH, nonce, random_nonce};
pub use oaep::{MAX_OAEP_PLAINTEXT, OaepError};
pub use platform_keys::PlatformKeys;
pub use private_key::PrivateKey;
pub use public_key::PublicKey;
pub use signature::SignatureError;
pub use verification::{PROBE_PREFIX, SignatureHeaders, VerifyError, verify_answer};
pub use window::{WINDOW_SECONDS, is_fresh};
