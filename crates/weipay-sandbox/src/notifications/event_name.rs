//! The name of an event (通知类型) in the outbox and on the command line: that of APIv3 as the platform sends it, that of APIv2,
//! where the catalogue gives the name, with `v2/` before it.

use std::fmt;

use weipay_catalog::{ApiVersion, Catalog, Notification};

/// The name of an event of APIv2, as a constant.
macro_rules! v2_event {
    ($event:literal) => {
        concat!("v2/", $event)
    };
}
pub(crate) use v2_event;

/// The prefix of the names of events of APIv2.
const V2: &str = v2_event!("");

/// The name of an event, with the version of the API that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventName<'a> {
    version: ApiVersion,
    event: &'a str,
}

impl<'a> EventName<'a> {
    /// An event of APIv2, such as `transaction-success`.
    #[must_use]
    pub const fn v2(event: &'a str) -> Self {
        Self { version: ApiVersion::V2, event }
    }

    /// An event of APIv3, such as `TRANSACTION.SUCCESS`.
    #[must_use]
    pub const fn v3(event: &'a str) -> Self {
        Self { version: ApiVersion::V3, event }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        text.strip_prefix(V2).map_or(Self::v3(text), Self::v2)
    }

    /// The event, without the version.
    #[must_use]
    pub const fn event(self) -> &'a str {
        self.event
    }

    pub(crate) const fn version(self) -> ApiVersion {
        self.version
    }

    pub(crate) const fn is_v2(self) -> bool {
        matches!(self.version, ApiVersion::V2)
    }

    /// Its entry in the catalogue.
    pub(crate) fn described(self) -> Option<&'static Notification> {
        Catalog::embedded().notification(self.version, self.event)
    }
}

impl From<&'static Notification> for EventName<'static> {
    fn from(described: &'static Notification) -> Self {
        Self { version: described.version, event: described.event }
    }
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = if self.is_v2() { V2 } else { "" };
        write!(f, "{before}{}", self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_name_that_is_read_again() {
        let mut names = Vec::new();
        for described in Catalog::embedded().notifications() {
            let name = EventName::from(described).to_string();
            assert_eq!(EventName::parse(&name), EventName::from(described));
            assert_eq!(EventName::parse(&name).described(), Some(described));
            names.push(name);
        }
        // Rows of the outbox have these texts, also those that an earlier version wrote.
        for name in ["TRANSACTION.SUCCESS", "v2/TRANSACTION.SUCCESS", "v2/transaction-success"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
