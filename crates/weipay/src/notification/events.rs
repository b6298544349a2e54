//! Typed notifications (回调通知): one module for each event, with the type of its decrypted resource.
//!
//! ```
//! use weipay::notification::events::decode;
//! use weipay::notification::events::v3::{envelope::Envelope, refund_success};
//!
//! let posted = r#"{"id": "EV-2018", "event_type": "REFUND.SUCCESS", "resource": {"algorithm": "AEAD_AES_256_GCM"}}"#;
//! let (envelope, _) = decode::<Envelope>(posted.as_bytes())?;
//! assert!(refund_success::EVENT_TYPES.contains(&envelope.event_type.unwrap_or_default().as_str()));
//!
//! // What the APIv3 key decrypted from `resource`:
//! let decrypted = r#"{"out_refund_no": "refund-1", "refund_status": "SUCCESS", "amount": {"refund": 100}}"#;
//! let (refund, decode_errors) = decode::<refund_success::Resource>(decrypted.as_bytes())?;
//! assert_eq!(refund.out_refund_no.as_deref(), Some("refund-1"));
//! assert_eq!(refund.amount.and_then(|amount| amount.refund), Some(100)); // in fen (分)
//! assert!(decode_errors.is_empty());
//! # Ok::<(), weipay::error::DecodeError>(())
//! ```
//!
//! A notification must be verified before it is decrypted, and decrypted before it is read here.
//! [`notification::Receiver`](crate::notification::Receiver) does all three.

pub(crate) mod event;
pub(crate) mod marks;
pub mod v2;
pub mod v3;

use crate::error::DecodeError;
use crate::response::Decode;

/// Reads an envelope, or the text that the APIv3 key decrypted from it, as its type. As in a response, a field that cannot be
/// read is `None`, and is listed beside what was read.
///
/// # Errors
///
/// If the text is not a JSON object, or would take more than 64 MiB of memory.
pub fn decode<T: Decode>(json: &[u8]) -> Result<(T, Vec<DecodeError>), DecodeError> {
    T::decode(json, None)
}
