//! Callbacks (消息通知地址): where a merchant is notified that a coupon of its stocks was used (`COUPON.USE`).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusals;
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::store::{Announcement, Record, StoreError, Transaction};

/// Where a merchant is notified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Callback {
    mchid: String,
    notify_url: String,
    /// Not so if a request of before, when `switch` was taken, has switched it off.
    #[serde(default = "on")]
    is_on: bool,
    /// The key that signed the response when the address was set.
    platform_serial: String,
}

const fn on() -> bool {
    true
}

impl Record for Callback {
    const KIND: &'static str = "cash coupon callback";

    fn key(&self) -> String {
        self.mchid.clone()
    }
}

/// Sets the address. Its page says that `"switch": false` is not supported. INFERRED(cash-switch): it is refused,
/// because whoever sends it means not to be notified.
pub(super) fn set_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mchid = context.request.required("mchid");
    check_own(context, mchid)?;
    if context.request.body.get("switch") == Some(&Value::Bool(false)) {
        return Err(refusals::no_switching_off().into());
    }
    // Read first: a record is saved only over one that was read.
    find(tx, mchid)?;
    let callback = Callback {
        mchid: mchid.to_owned(),
        notify_url: context.request.required("notify_url").to_owned(),
        is_on: on(),
        platform_serial: context.platform_serial.to_owned(),
    };
    tx.save(&callback)?;
    Ok(json!({ "update_time": clock::rfc3339(context.now), "notify_url": callback.notify_url }))
}

pub(super) fn query_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mchid = context.request.query("mchid").unwrap_or_default();
    check_own(context, mchid)?;
    let found = find(tx, mchid)?.ok_or_else(refusals::no_callback)?;
    Ok(json!({ "mchid": found.mchid, "notify_url": found.notify_url }))
}

/// INFERRED(cash-callback-owner): only the caller's own address can be set or seen.
fn check_own(context: &Context<'_>, mchid: &str) -> Result<(), HandlerError> {
    if mchid == context.caller.mchid { Ok(()) } else { Err(refusals::not_your_number().into()) }
}

fn find(tx: &Transaction<'_>, mchid: &str) -> Result<Option<Callback>, StoreError> {
    tx.get(mchid)
}

fn to_notify(tx: &Transaction<'_>, creator: &str) -> Result<Option<Callback>, StoreError> {
    Ok(find(tx, creator)?.filter(|callback| callback.is_on))
}

/// Tells the creator of a stock that a coupon was used, if it wants to know.
pub(super) fn announce_use(
    tx: &Transaction<'_>,
    creator: &str,
    resource: Value,
    time: i64,
) -> Result<(), StoreError> {
    let Some(callback) = to_notify(tx, creator)? else { return Ok(()) };
    tx.announce(&Announcement {
        mchid: callback.mchid,
        notify_url: callback.notify_url,
        platform_serial: callback.platform_serial,
        event_type: "COUPON.USE",
        time,
        resource,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_was_switched_off_before_stays_off() {
        let wants = |is_on: Option<bool>| {
            let mut document = json!({
                "mchid": "1900000109", "notify_url": "https://a.example.com/", "platform_serial": "1",
            });
            if let Some(is_on) = is_on {
                document["is_on"] = json!(is_on);
            }
            let callback: Callback = serde_json::from_value(document).unwrap();
            let store = Store::in_memory();
            let found = store.transaction(|tx| {
                tx.save(&callback)?;
                to_notify(tx, "1900000109")
            });
            let found: Result<_, StoreError> = found;
            found.unwrap().is_some()
        };
        assert_eq!([None, Some(true), Some(false)].map(wants), [true, true, false]);
    }
}
