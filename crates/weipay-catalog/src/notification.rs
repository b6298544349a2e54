//! One notification (回调通知): what the platform posts to a merchant, and the response that it expects.

use crate::field::{Carrier, Field};
use crate::operation::ApiVersion;

/// The cipher of every APIv3 notification.
pub const AES_GCM: &str = "AES-256-GCM";

/// A notification of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The protocol.
    pub version: ApiVersion,
    /// The event, such as `TRANSACTION.SUCCESS`. APIv2 has no names for events, so we chose them.
    pub event: &'static str,
    /// The official Chinese name.
    pub title: &'static str,
    /// Pages under the official documentation, or whole URLs.
    pub docs: Vec<&'static str>,
    /// Other values of `event_type` that this notification may have.
    pub sent_as: Vec<&'static str>,
    /// The values of `resource.original_type`; empty if none is known.
    pub original_types: Vec<&'static str>,
    /// The value of `resource.associated_data`, if one is known. To decrypt, use the value that was received.
    pub associated_data: Option<&'static str>,
    /// The value of `summary` (回调摘要), if the page has one.
    pub summary: Option<&'static str>,
    /// A part of the summary, where only that distinguishes it from others that are sent as the same event.
    pub summary_has: Option<&'static str>,
    /// The element with the number of the merchant whom it is for (APIv2, which has no header for it).
    pub merchant: Option<&'static str>,
    /// Members that distinguish this notification from others (APIv2 notifications do not name their event): elements
    /// that are all there, in one or several forms.
    pub told_by: Vec<Vec<&'static str>>,
    /// Also of APIv2: the elements with the numbers of what happened, at least one of which is there.
    pub numbers: Vec<&'static str>,
    /// Elements, in addition to these numbers, that are the same in each delivery of a message and differ in another
    /// one.
    pub identity: Vec<&'static str>,
    /// The cipher of the encrypted field in the body.
    pub cipher: &'static str,
    /// When a failed delivery is repeated.
    pub retry: Retry,
    /// Header fields of the delivery.
    pub headers: Vec<Field>,
    /// The delivery as posted: the JSON envelope, or the XML elements of APIv2.
    pub body: Vec<Field>,
    /// What the sealed field of the body opens to; empty where nothing is sealed.
    pub resource: Vec<Field>,
    /// Header fields of the expected response, without the usual ones.
    pub response_headers: Vec<Field>,
    /// The body of the expected response.
    pub response: Vec<Field>,
}

/// When a failed delivery is repeated (重试).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retry {
    /// The wait before each repetition, in seconds after the previous attempt.
    pub waits: Vec<u32>,
    /// Whether the documents contain the complete list; otherwise it is only a part.
    pub confirmed: bool,
}

impl Notification {
    /// The delivery as posted. The fields of the envelope have the values of this notification, and the encrypted field has the
    /// decrypted content as its members.
    #[must_use]
    pub fn delivered(&self) -> Vec<Field> {
        let mut body = self.body.clone();
        self.fill(&mut body);
        body
    }

    fn fill(&self, fields: &mut [Field]) {
        for field in fields {
            match field.name {
                "event_type" if field.values.is_empty() => {
                    field.values = [&[self.event], &self.sent_as[..]].concat();
                }
                "original_type" => field.values = self.original_types.clone(),
                "associated_data" => field.values.extend(self.associated_data),
                "summary" => field.values.extend(self.summary),
                _ => {}
            }
            match field.carrier {
                Some(Carrier::Sealed) => field.fields = self.resource.clone(),
                _ => self.fill(&mut field.fields),
            }
        }
    }
}
