//! The outbox (发件箱): notifications that merchants are to get, kept in the same transaction as what they tell.
//!
//! An entry stays until its receiver has acknowledged it, or until the retry table of its event has ended. The
//! [sender](crate::notifications) empties it.

use serde_json::Value;

/// Something that a merchant is to be notified of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announcement {
    /// The merchant that is notified; its APIv3 key encrypts the resource.
    pub(crate) mchid: String,
    /// Where the notification goes.
    pub(crate) notify_url: String,
    /// The serial of the platform key that signs it.
    pub(crate) platform_serial: String,
    /// `event_type` of the notification.
    pub(crate) event_type: &'static str,
    /// When it happened, in unix seconds.
    pub(crate) time: i64,
    /// What the encrypted part of the notification opens to.
    pub(crate) resource: Value,
}

/// A notification that waits in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutboxEntry {
    /// Grows with every entry and is never used twice.
    pub(crate) number: i64,
    pub(crate) mchid: String,
    pub(crate) notify_url: String,
    pub(crate) platform_serial: String,
    pub(crate) event_type: String,
    pub(crate) time: i64,
    pub(crate) resource: Value,
    /// How many deliveries have failed.
    pub(crate) attempts: u32,
    /// When the next delivery is due, in unix seconds.
    pub(crate) due: i64,
}

/// How many notifications wait at most. When another one comes, the oldest is given up: a receiver that is down must not
/// fill the disk.
pub(crate) const MAX_WAITING: i64 = 10_000;

impl OutboxEntry {
    /// A new entry, due at once.
    pub(super) fn new(number: i64, announcement: &Announcement) -> Self {
        let Announcement { mchid, notify_url, platform_serial, event_type, time, resource } =
            announcement.clone();
        let event_type = event_type.to_owned();
        Self {
            number,
            mchid,
            notify_url,
            platform_serial,
            event_type,
            time,
            resource,
            attempts: 0,
            due: time,
        }
    }
}
