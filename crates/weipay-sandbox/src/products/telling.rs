//! Builds the notification of an existing record (for `weipay trigger --order`), even if it was never sent.

use super::PRODUCTS;
use super::named::Named;
use crate::store::{Announcement, StoreError, Transaction};

/// Whether a product can tell this event, named as the outbox names it.
pub(crate) type Tells = fn(&str) -> Option<Telling>;

/// How a product tells an event.
#[derive(Clone, Copy)]
pub(crate) struct Telling {
    /// Whether the notification that was sent last is complete. Otherwise there may be a newer one that was never
    /// sent.
    pub(crate) last_sent_is_right: bool,
    pub(crate) announcement: fn(&Transaction<'_>, &Asked<'_>) -> Result<Announcement, NotTold>,
}

/// What a developer asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// As the outbox names it.
    pub(crate) event_type: &'a str,
    pub(crate) named: Named<'a>,
    pub(crate) now: i64,
}

/// Why nothing is told.
#[derive(Debug)]
pub(crate) enum NotTold {
    /// The reason for the developer.
    Because(String),
    Failed(StoreError),
}

/// How this event is told, when a product can.
pub(crate) fn of_event(event_type: &str) -> Option<Telling> {
    PRODUCTS.iter().filter_map(|product| product.tells).find_map(|tells| tells(event_type))
}
