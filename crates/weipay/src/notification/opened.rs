//! A notification that was verified and decrypted.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use weipay_wire::MerchantId;
use zeroize::Zeroizing;

use super::response;
use crate::error::DecodeError;
use crate::model::Time;
use crate::notification::events::event::Event;
use crate::operation::ApiVersion;
use crate::response::{Decode, from_json};

/// The members of a notification's envelope without its resource.
pub(super) struct Head {
    pub(super) id: String,
    pub(super) event_type: String,
    pub(super) create_time: Option<Time>,
    pub(super) summary: Option<String>,
    pub(super) original_type: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Head {
    /// Nothing of the resource, and no summary, since both may be personal.
    pub(super) fn fmt_as(&self, name: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct(name)
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("create_time", &self.create_time.as_ref().map(Time::as_str))
            .finish_non_exhaustive()
    }
}

/// A notification (回调通知) that was verified, decrypted and decoded.
///
/// `Debug` shows its id, event and time, but not its content.
#[must_use = "handle the notification and send a response"]
pub struct Notification {
    head: Head,
    mchid: Option<MerchantId>,
    event: Event,
    decode_errors: Vec<DecodeError>,
    resource: Zeroizing<Vec<u8>>,
    version: ApiVersion,
    is_signed: bool,
}

/// The result of opening a notification, without the event.
pub(super) struct Opened {
    pub(super) resource: Zeroizing<Vec<u8>>,
    pub(super) mchid: Option<MerchantId>,
    pub(super) version: ApiVersion,
    pub(super) is_signed: bool,
}

impl Notification {
    pub(super) fn new(
        head: Head,
        Opened { resource, mchid, version, is_signed }: Opened,
        event: Event,
        decode_errors: Vec<DecodeError>,
    ) -> Self {
        Self { head, mchid, event, decode_errors, resource, version, is_signed }
    }

    /// Whether the platform's signature of it was verified. It is `false` only for a refund notification of APIv2,
    /// which carries none: the only evidence is that the APIv2 key decrypts it. Query the refund before money or goods
    /// move.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// `id` (通知的唯一ID): the same for every delivery of one notification. Notifications of APIv2 have none: there it
    /// is a digest of their order, refund or other numbers.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.head.id
    }

    /// `event_type` (通知的类型), such as `TRANSACTION.SUCCESS`, as it came. Of the XML of APIv2, which has none,
    /// [`V2Event::name`](super::V2Event::name).
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.head.event_type
    }

    /// `create_time` (通知创建的时间).
    #[must_use]
    pub fn create_time(&self) -> Option<&Time> {
        self.head.create_time.as_ref()
    }

    /// `summary` (回调摘要): a few words for people.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.head.summary.as_deref()
    }

    /// `original_type` of the resource (原始回调类型).
    #[must_use]
    pub fn original_type(&self) -> Option<&str> {
        self.head.original_type.as_deref()
    }

    /// `Request-ID` (通知的唯一标识), for questions to the platform's support, if the platform sent one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.head.request_id.as_deref()
    }

    /// The number (商户号) of the configured merchant whom it is for: whose key decrypted it, and whom its resource names, where
    /// that names one. `None` if it may be for several: those that have the same APIv3 key and know the key of the signature.
    #[must_use]
    pub fn mchid(&self) -> Option<&MerchantId> {
        self.mchid.as_ref()
    }

    /// The event, as a type.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Returns the event, without a copy.
    #[must_use]
    #[inline]
    pub fn into_event(self) -> Event {
        self.event
    }

    /// The values of the resource that were skipped because they do not have the documented type, each with its
    /// JSON path. Log it if it is not empty.
    #[must_use]
    pub fn decode_errors(&self) -> &[DecodeError] {
        &self.decode_errors
    }

    /// The decrypted resource, byte for byte; of APIv2 the elements as JSON. It is personal, and it is wiped
    /// with the notification.
    #[must_use]
    pub fn resource(&self) -> &[u8] {
        &self.resource
    }

    /// The decrypted resource as JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or would take more than 64 MiB of memory.
    pub fn json(&self) -> Result<Value, DecodeError> {
        Value::decode(&self.resource, None).map(|(json, _)| json)
    }

    /// The decrypted resource as a type of your own.
    ///
    /// # Errors
    ///
    /// If it is not JSON of that type, or would take more than 64 MiB of memory.
    pub fn json_as<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        from_json(&self.resource)
    }

    /// The response that says that the notification was handled: 204 without a body, or the XML of APIv2. Give it only when the
    /// work is stored: the platform does not send the notification again. A handler of axum returns it with
    /// `.map(axum::body::Body::from)`.
    #[must_use]
    pub fn success(&self) -> http::Response<Bytes> {
        response::success(self.version)
    }

    /// The response to a notification that asks for something, such as `PARKING_FEE.QUERY_TRANS_INFO`: 200 with this body.
    ///
    /// ```
    /// # use weipay::notification::Notification;
    /// # fn answer(notification: &Notification) -> Result<(), serde_json::Error> {
    /// let response = notification.success_with(&serde_json::json!({ "code": "SUCCESS", "payable_amount": 500 }))?;
    /// assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the value cannot be written as JSON.
    pub fn success_with(&self, body: &impl Serialize) -> Result<http::Response<Bytes>, serde_json::Error> {
        Ok(response::json_body(StatusCode::OK, &serde_json::to_value(body)?))
    }

    /// The response that says that the notification was not handled: 500, and a body with this message. The platform sends it
    /// again. The message is for people, and no secret belongs in it.
    #[must_use]
    pub fn failure(&self, message: &str) -> http::Response<Bytes> {
        response::failure(self.version, StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt_as("Notification", f)
    }
}
