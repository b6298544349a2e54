//! How the enumeration of the events is written, and which event a notification has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::json::without_mark;
use crate::notification::events::event::SENT_AS;

/// An event that comes with the `event_type` of another.
pub(crate) struct SentAs {
    pub(crate) event_type: &'static str,
    pub(crate) event: &'static str,
    pub(crate) original_types: &'static [&'static str],
    /// The members that its resource always has.
    pub(crate) required: &'static [&'static str],
    /// A word of the summary, if nothing else distinguishes it from another event with the same `event_type`.
    pub(crate) summary_has: Option<&'static str>,
}

/// Writes the enumeration, and what reads a resource as the type of its event. Reading is `#[inline]`, as
/// everything of models is: a hundred types are compiled only in the programs that receive notifications.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($module:ident) = $name:literal,)*) => {
        /// The event of a notification, with its resource as a type.
        ///
        /// [`Other`](Self::Other) is an event that this version does not know: [`Notification::json`] reads its resource. New
        /// events may become variants, so a `match` has a `_` arm.
        ///
        /// [`Notification::json`]: crate::notification::Notification::json
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* $variant(Box<crate::notification::events::v3::$module::Resource>),)*
            /// A notification of APIv2.
            V2(crate::notification::V2Event),
            /// An event that this version does not know.
            Other,
        }

        impl Event {
            /// The name of the event in the official documents; `None` for [`Other`](Self::Other). It may differ from what the
            /// notification has as `event_type`.
            #[must_use]
            pub fn name(&self) -> Option<&'static str> {
                Some(match self {
                    $(Self::$variant(_) => $name,)*
                    Self::V2(event) => return event.name(),
                    Self::Other => return None,
                })
            }

            /// Reads the resource of an event.
            #[inline]
            pub(crate) fn decode(
                event: &str,
                resource: &[u8],
                key: Option<&weipay_wire::PrivateKey>,
            ) -> Result<(Self, Vec<crate::error::DecodeError>), crate::error::DecodeError> {
                match event {
                    $($name => {
                        let (resource, decode_errors) = crate::model::decode::decode(resource, key)?;
                        Ok((Self::$variant(Box::new(resource)), decode_errors))
                    })*
                    _ => Ok((Self::Other, Vec::new())),
                }
            }
        }
    };
}

pub(crate) use events;

use super::Event;

/// The name alone: a resource is personal.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Self::V2(event) = self {
            return event.fmt(f);
        }
        write!(f, "Event({})", self.name().unwrap_or("other"))
    }
}

/// The event of a notification, where that is not its `event_type`: documents give several events one type. Then the members of
/// the resource decide, and `original_type` where it is there.
pub(super) fn resolve(
    event_type: &str,
    original_type: Option<&str>,
    summary: Option<&str>,
    resource: &[u8],
) -> Option<&'static str> {
    let mut candidates = SENT_AS.iter().filter(|one| one.event_type == event_type).peekable();
    candidates.peek()?;
    let members =
        serde_json::from_slice::<BTreeMap<Cow<'_, str>, IgnoredAny>>(without_mark(resource)).ok()?;
    let fitting: Vec<&SentAs> = candidates
        .filter(|one| original_type.is_none_or(|original| one.original_types.contains(&original)))
        .filter(|one| one.required.iter().all(|name| members.contains_key(*name)))
        .collect();
    let says = |one: &&&SentAs| {
        one.summary_has.is_some_and(|word| summary.is_some_and(|summary| summary.contains(word)))
    };
    let chosen = fitting.iter().find(says).or_else(|| fitting.iter().find(|one| one.summary_has.is_none()));
    chosen.map(|one| one.event)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: &[u8] =
        br#"{"transaction_id":"1","order_id":"2","out_order_no":"3","receiver":{},"success_time":"4"}"#;

    #[test]
    fn a_profit_share_that_comes_as_a_payment_is_told_by_its_resource() {
        let resolve =
            |original, summary, resource| resolve("TRANSACTION.SUCCESS", original, summary, resource);
        assert_eq!(resolve(Some("profitsharing"), None, SHARE), Some("PROFITSHARING.SUCCESS"));
        let marked = ["\u{feff}".as_bytes(), SHARE].concat();
        assert_eq!(resolve(Some("profitsharing"), None, &marked), Some("PROFITSHARING.SUCCESS"));
        assert_eq!(resolve(None, Some("分账"), SHARE), Some("PROFITSHARING.SUCCESS"));
        assert_eq!(resolve(Some("profitsharing"), Some("分账回退"), SHARE), Some("PROFITSHARING.RETURN"));
        // So it was recorded in January 2025.
        assert_eq!(resolve(Some("transaction"), Some("分账"), SHARE), Some("PROFITSHARING.SUCCESS"));
        assert_eq!(resolve(Some("transaction"), Some("分账回退"), SHARE), Some("PROFITSHARING.RETURN"));
        assert_eq!(resolve(Some("refund"), None, SHARE), None);
        let order = br#"{"out_trade_no":"1","transaction_id":"2","success_time":"3"}"#;
        assert_eq!(resolve(Some("profitsharing"), None, order), None);
        assert_eq!(resolve(Some("transaction"), None, order), None);
        assert_eq!(resolve(None, None, b"[]"), None);
    }

    #[test]
    fn every_other_event_is_its_type() {
        assert_eq!(super::resolve("REFUND.SUCCESS", Some("refund"), None, SHARE), None);
        assert_eq!(super::resolve("NEW.EVENT", None, None, b""), None);
    }

    #[test]
    fn what_is_printed_of_an_event_is_its_name() {
        let (event, decode_errors) =
            Event::decode("REFUND.SUCCESS", br#"{"out_refund_no": "secret"}"#, None).unwrap();
        assert_eq!((format!("{event:?}").as_str(), decode_errors.len()), ("Event(REFUND.SUCCESS)", 0));
        let (event, _) = Event::decode("NEW.EVENT", b"secret", None).unwrap();
        assert_eq!((format!("{event:?}").as_str(), event.name()), ("Event(other)", None));
    }
}
