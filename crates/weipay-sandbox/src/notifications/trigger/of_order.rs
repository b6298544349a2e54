//! A notification of a stored record: an order, or one that belongs to it, as the sandbox has sent or would send it.
//!
//! Notifications that a product [announces](announcers), such as those of payments and refunds, are built from its records. For
//! every other event the last one that was sent is sent again, under a new `id`.

use serde_json::Value;
use weipay_catalog::{Field, Notification as Described};

use crate::notifications::event_name::EventName;
use crate::notifications::on_demand::{NotificationError, NotificationFilter, list};
use crate::products::announcers::{self, AnnounceError, EventQuery};
use crate::products::number_lookup::NumberRef;
use crate::reasons;
use crate::store::Transaction;

/// A notification of a record.
pub(super) struct Real {
    pub(super) mchid: String,
    /// When it happened.
    pub(super) time: i64,
    pub(super) resource: Value,
}

/// The notification of this event for the record with a number.
pub(super) fn find(
    tx: &Transaction<'_>,
    described: &'static Described,
    named: NumberRef<'_>,
    now: i64,
) -> Result<Real, NotificationError> {
    let event = described.event;
    let fields = if described.resource.is_empty() { &described.body } else { &described.resource };
    if !has_number(fields) {
        return Err(NotificationError::Invalid(format!(
            "{event} is not about an order or another record with a number: omit the order to send a sample"
        )));
    }
    let outbox_name = EventName::from(described).to_string();
    let announcer = announcers::of_event(&outbox_name);
    let sent_is_right = announcer.is_none_or(|announcer| announcer.last_sent_is_current);
    if sent_is_right && let Some(real) = sent_before(tx, &outbox_name, named)? {
        return Ok(real);
    }
    let Some(announcer) = announcer else {
        return Err(NotificationError::NothingToTell(nothing_sent(event, named.number)));
    };
    let asked = EventQuery { event_type: &outbox_name, named, now };
    match (announcer.announcement)(tx, &asked) {
        Ok(found) if found.event_type == outbox_name => {
            Ok(Real { mchid: found.mchid, time: found.time, resource: found.resource })
        }
        Ok(found) => {
            let name = EventName::parse(found.event_type);
            let (version, event) = (name.version(), name.event());
            Err(NotificationError::NothingToTell(format!(
                "it was created by API{version}, so its notification comes by API{version}, too: the event is {event} of {version}"
            )))
        }
        // Another product may have told it.
        Err(error) => match sent_before(tx, &outbox_name, named)? {
            Some(real) => Ok(real),
            None => Err(match error {
                AnnounceError::Failed(error) => error.into(),
                AnnounceError::Reason(reason) => NotificationError::NothingToTell(reason),
            }),
        },
    }
}

fn nothing_sent(event: &str, number: &str) -> String {
    format!(
        "the sandbox has sent no {event} about {}: it is sent when that happens and the merchant has said where (notify_url); omit the order to send a sample",
        number.escape_debug()
    )
}

/// The last notification of this event and number.
fn sent_before(
    tx: &Transaction<'_>,
    outbox_name: &str,
    NumberRef { number, mchid }: NumberRef<'_>,
) -> Result<Option<Real>, NotificationError> {
    let mut filter = NotificationFilter::default().event_type(outbox_name).limit(usize::MAX);
    filter.mchid = mchid.map(str::to_owned);
    let kept = list(tx, &filter)?;
    let mut told = kept.into_iter().filter(|kept| tells_of(&kept.resource, number));
    let Some(newest) = told.next() else { return Ok(None) };
    if told.any(|other| other.mchid != newest.mchid) {
        return Err(NotificationError::Invalid(reasons::several_merchants(reasons::SAY_WHOSE)));
    }
    Ok(Some(Real { mchid: newest.mchid, time: newest.time, resource: newest.resource }))
}

/// Whether a member of this name holds the number of something that happened, and not that of a merchant, an app or a person.
fn is_number(name: &str) -> bool {
    const OF_OTHERS: [&str; 5] = ["stock_id", "service_id", "plan_id", "store_id", "device_id"];
    let is_person = name.ends_with("openid") || name.ends_with("unionid");
    let is_appid = name.ends_with("appid") || name.ends_with("mchid") || name.ends_with("mch_id");
    (name.ends_with("_no") || name.ends_with("_id") || name == "coupon_code")
        && !is_person
        && !is_appid
        && !OF_OTHERS.contains(&name)
}

fn has_number(fields: &[Field]) -> bool {
    fields.iter().any(|field| is_number(field.name) || has_number(&field.fields))
}

/// Whether a content names this number anywhere.
fn tells_of(content: &Value, number: &str) -> bool {
    match content {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| (is_number(name) && value == number) || tells_of(value, number)),
        Value::Array(items) => items.iter().any(|item| tells_of(item, number)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_content_tells_of_the_numbers_in_it_and_not_of_merchants_and_people() {
        let content = json!({
            "mch_id": "1", "openid": "2", "sub_orders": [{ "out_trade_no": "3", "mchid": "4" }], "out_order_no": "5", "attach": "6"
        });
        for (number, is_told) in
            [("1", false), ("2", false), ("3", true), ("4", false), ("5", true), ("6", false)]
        {
            assert_eq!(tells_of(&content, number), is_told, "{number}");
        }
    }
}
