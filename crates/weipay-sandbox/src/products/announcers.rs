//! Builds the notification of an existing record (for `weipay trigger --order`), even if it was never sent.

use super::PRODUCTS;
use super::number_lookup::NumberRef;
use crate::store::{Announcement, StoreError, Transaction};

/// Finds how a product announces an event, by the name that the outbox has for it.
pub(crate) type FindAnnouncer = fn(&str) -> Option<Announcer>;

/// How a product announces an event.
#[derive(Clone, Copy)]
pub(crate) struct Announcer {
    /// Whether the notification that was sent last is complete. Otherwise there may be a newer one that was never
    /// sent.
    pub(crate) last_sent_is_current: bool,
    pub(crate) announcement: fn(&Transaction<'_>, &EventQuery<'_>) -> Result<Announcement, AnnounceError>,
}

/// The event and the number that a developer asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventQuery<'a> {
    /// As the outbox names it.
    pub(crate) event_type: &'a str,
    pub(crate) named: NumberRef<'a>,
    pub(crate) now: i64,
}

/// Why there is no notification.
#[derive(Debug)]
pub(crate) enum AnnounceError {
    /// The reason for the developer.
    Reason(String),
    Failed(StoreError),
}

/// How this event is announced, if a product can.
pub(crate) fn of_event(event_type: &str) -> Option<Announcer> {
    PRODUCTS.iter().filter_map(|product| product.announcers).find_map(|find| find(event_type))
}
