//! Why a notification is not accepted, and the response to it.

use std::{error, fmt};

use bytes::Bytes;
use http::StatusCode;
use weipay_wire::{EnvelopeError, ReqInfoError, VerifyError};

use super::mistake::BodyMistake;
use super::receiver::MAX_BODY;
use super::response;
use crate::error::{Causes, DecodeError};
use crate::operation::ApiVersion;

/// Why a notification was rejected. Do not act on it. Send [`response`](Self::response).
///
/// `{}` says what happened, [`source`](error::Error::source) gives the cause, and `{:#}` prints both on one line. No text of the
/// notification's content is in it.
pub struct Rejection(Box<Inner>);

struct Inner {
    kind: RejectionKind,
    version: ApiVersion,
}

/// The reason for which a notification is rejected.
#[derive(Debug)]
#[non_exhaustive]
pub enum RejectionKind {
    /// It is a signature probe (签名探测, `WECHATPAY/SIGNTEST/`): the platform tests whether wrong signatures are rejected. The
    /// platform sends the notification again, with a correct signature.
    Probe,
    /// Its signature cannot be verified: it may be forged, or it was changed on its way.
    Unverified {
        /// Why.
        error: VerifyError,
        /// The probable change of the body, if its form shows one.
        mistake: Option<BodyMistake>,
    },
    /// Its signature cannot be verified yet: the platform certificate (平台证书) that signed it has not been fetched. The
    /// fetch is running, and the platform sends the notification again. To accept the first notification too, call
    /// `fetch_platform_certificates` of the client before the server starts.
    NotFetched {
        /// The serial number of the certificate.
        serial: String,
    },
    /// It has neither the signature headers of APIv3 nor the XML of APIv2.
    NotANotification(Option<BodyMistake>),
    /// Its body did not arrive whole, or is larger than [`MAX_BODY`].
    NotReceived(Box<dyn error::Error + Send + Sync>),
    /// Its body is larger than [`MAX_BODY`].
    TooLarge {
        /// How long it is, in bytes.
        length: usize,
    },
    /// It is verified, but something that every notification has is missing.
    Incomplete(&'static str),
    /// It is verified, but its body or its decrypted resource cannot be read.
    Unreadable(DecodeError),
    /// It is verified, but encrypted with an unsupported algorithm: its name, of which at most 64 characters are kept.
    Algorithm(String),
    /// It is verified, but no key that could decrypt it is configured.
    NoKey(&'static str),
    /// It is for a merchant that is not configured: its number, as the message of APIv2 or the decrypted resource has it. At most
    /// 32 characters are kept.
    UnknownMerchant(String),
    /// APIv2: its `req_info` cannot be decrypted with the APIv2 key of its merchant.
    ReqInfo(ReqInfoError),
    /// It is verified, but no APIv3 key of the matching merchants decrypts it.
    Sealed {
        /// Why the last key did not decrypt it.
        error: EnvelopeError,
        /// How many keys were tried.
        keys: usize,
    },
}

impl Rejection {
    pub(super) fn new(kind: RejectionKind, version: ApiVersion) -> Self {
        Self(Box::new(Inner { kind, version }))
    }

    pub(super) fn v3(kind: RejectionKind) -> Self {
        Self::new(kind, ApiVersion::V3)
    }

    pub(super) fn unknown_merchant(mchid: &str, version: ApiVersion) -> Self {
        Self::new(RejectionKind::UnknownMerchant(mchid.chars().take(32).collect()), version)
    }

    pub(super) fn algorithm(name: &str, version: ApiVersion) -> Self {
        Self::new(RejectionKind::Algorithm(name.chars().take(64).collect()), version)
    }

    /// The reason.
    #[must_use]
    pub fn kind(&self) -> &RejectionKind {
        &self.0.kind
    }

    /// Whether it is a signature probe (签名探测). It is for counting only: the response to a probe is that to any wrong
    /// signature.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(self.0.kind, RejectionKind::Probe)
    }

    /// The status of the response: 4xx if the notification is wrong, 500 if this receiver lacks a key.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.0.kind {
            RejectionKind::Probe
            | RejectionKind::Unverified { .. }
            | RejectionKind::NotFetched { .. }
            | RejectionKind::UnknownMerchant(_)
            | RejectionKind::ReqInfo(_) => StatusCode::UNAUTHORIZED,
            RejectionKind::NotANotification(_)
            | RejectionKind::NotReceived(_)
            | RejectionKind::Incomplete(_)
            | RejectionKind::Unreadable(_) => StatusCode::BAD_REQUEST,
            RejectionKind::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            RejectionKind::Algorithm(_) | RejectionKind::NoKey(_) | RejectionKind::Sealed { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// The response to send: the status, and a body that says `FAIL`, in JSON or in the XML of APIv2. The platform
    /// sends genuine notifications again. A stranger learns nothing about the configuration.
    #[must_use]
    pub fn response(&self) -> http::Response<Bytes> {
        let message = match self.0.kind {
            RejectionKind::Probe | RejectionKind::Unverified { .. } | RejectionKind::NotFetched { .. } => {
                "the signature was not accepted"
            }
            RejectionKind::TooLarge { .. } => "the body is too large",
            RejectionKind::NotANotification(_) => "this is not a notification",
            _ => "the notification could not be read",
        };
        response::failure(self.0.version, self.status(), message)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            RejectionKind::Probe => f.write_str(
                "a signature probe (签名探测) was rejected, as it must be; the platform sends the notification again \
                 with a correct signature",
            ),
            RejectionKind::Unverified { mistake: None, .. } => {
                f.write_str("the signature of this notification was not accepted")
            }
            RejectionKind::Unverified { mistake: Some(mistake), .. } => write!(
                f,
                "the signature of this notification was not accepted; {mistake}. Give the receiver the raw bytes of the body as \
                 they arrived"
            ),
            RejectionKind::NotFetched { serial } => write!(
                f,
                "the signature of this notification cannot be verified yet: the platform certificate (平台证书) {serial} has \
                 not been fetched. It is being fetched in the background (at most once a minute), and the platform sends the \
                 notification again. Call `fetch_platform_certificates` before the server starts, or add the WeChat Pay public \
                 key (微信支付公钥), and the first notification is accepted"
            ),
            RejectionKind::NotANotification(Some(mistake)) => write!(
                f,
                "this is not a notification; {mistake}. Give the receiver the raw bytes of the body as they arrived, and all \
                 headers"
            ),
            RejectionKind::NotANotification(None) => f.write_str(
                "this is not a notification: it has no Wechatpay-Signature header, and its body is not the XML of \
                 APIv2. Pass on all headers (a proxy may have removed them)",
            ),
            RejectionKind::TooLarge { length } => write!(
                f,
                "the body of this notification has {length} bytes; at most {MAX_BODY} are read, because no notification \
                 is that large"
            ),
            RejectionKind::NotReceived(_) => write!(
                f,
                "the body of this notification did not arrive whole, or has more than {MAX_BODY} bytes"
            ),
            RejectionKind::Incomplete(what) => write!(f, "this notification has no {what}"),
            RejectionKind::Unreadable(_) => f.write_str("this notification is verified, but cannot be read"),
            RejectionKind::Algorithm(name) => write!(
                f,
                "this notification is encrypted with the algorithm {name:?}, which is not supported. Supported: \
                 AEAD_AES_256_GCM, and AEAD_SM4_GCM (国密) with the feature `sm`"
            ),
            RejectionKind::NoKey(what) => {
                write!(f, "this notification is verified, but cannot be decrypted: {what}")
            }
            RejectionKind::UnknownMerchant(mchid) => write!(
                f,
                "this notification is for the merchant {mchid:?}, which this receiver does not have: `.merchant(...)`"
            ),
            RejectionKind::ReqInfo(_) => f.write_str("this refund notification of APIv2 cannot be opened"),
            RejectionKind::Sealed { keys, .. } => write!(
                f,
                "this notification is verified, but cannot be decrypted with any of the {keys} APIv3 keys (APIv3密钥) of \
                 the merchants that it could be for"
            ),
        }?;
        if f.alternate() { write!(f, "{}", Causes(self)) } else { Ok(()) }
    }
}

/// The sentence of `{:#}`.
impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl error::Error for Rejection {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0.kind {
            RejectionKind::Unverified { error, .. } => Some(error),
            RejectionKind::Unreadable(error) => Some(error),
            RejectionKind::Sealed { error, .. } => Some(error),
            RejectionKind::ReqInfo(error) => Some(error),
            RejectionKind::NotReceived(error) => Some(&**error),
            _ => None,
        }
    }
}
