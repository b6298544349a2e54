//! What a product tells a merchant of something that it has, told again for a developer who asks for it by a number: also where
//! nothing was ever sent.

use super::PRODUCTS;
use super::named::Named;
use crate::store::{Announcement, StoreError, Transaction};

/// Whether a product can tell this event, named as the outbox names it.
pub(crate) type Tells = fn(&str) -> Option<Telling>;

/// How a product tells an event.
#[derive(Clone, Copy)]
pub(crate) struct Telling {
    /// Whether what was sent last says all of it. Otherwise there may be something newer that was never sent.
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
