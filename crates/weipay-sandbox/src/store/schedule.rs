//! What happens after the response: announcements in an outbox, and what falls due when.

use serde_json::Value;

/// Something that a merchant is to hear of. It is kept with what it tells of, in the same transaction.
///
/// Nothing sends announcements yet, and so no product makes any: an outbox that nobody empties would only grow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    /// The merchant that hears of it.
    pub(crate) mchid: String,
    /// `event_type` of the notification.
    pub(crate) event_type: &'static str,
    /// When it happened, in unix seconds.
    pub(crate) time: i64,
    /// What the sealed part of the notification opens to.
    pub(crate) resource: Value,
}

/// Something that the clock will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// What is to be done; a product says how.
    pub(crate) kind: String,
    /// The key of what it is done to.
    pub(crate) key: String,
    /// When, in unix seconds.
    pub(crate) at: i64,
}
