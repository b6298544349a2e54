//! Where a merchant is notified of complaints (投诉通知回调).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::complaint::Complaint;
use super::refusals;
use crate::products::{Context, HandlerError};
use crate::store::{Announcement, Record, StoreError, Transaction};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Callback {
    mchid: String,
    /// None when it was deleted.
    url: Option<String>,
    /// The key that signed the response when the address was set.
    platform_serial: String,
}

impl Record for Callback {
    const KIND: &'static str = "complaint callback";

    fn key(&self) -> String {
        self.mchid.clone()
    }
}

pub(super) fn create_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    if url_of(tx, context)?.is_some() {
        return Err(refusals::callback_exists().into());
    }
    set(tx, context)
}

/// INFERRED(complaint-callback-change): an address that was never set can be changed, too.
pub(super) fn change_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    // Read first: a record is saved only over one that was read.
    url_of(tx, context)?;
    set(tx, context)
}

pub(super) fn query_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let url = url_of(tx, context)?.ok_or_else(refusals::no_callback)?;
    Ok(json!({ "mchid": context.caller.mchid, "url": url }))
}

/// INFERRED(complaint-callback-delete): deleting an address that is not there succeeds, because the page of
/// the operation lists no error for it.
pub(super) fn delete_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    if url_of(tx, context)?.is_some() {
        let mchid = context.caller.mchid.clone();
        tx.save(&Callback { mchid, url: None, platform_serial: String::new() })?;
    }
    Ok(Value::Null)
}

fn set(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let url = context.request.required("url").to_owned();
    let shown = json!({ "mchid": context.caller.mchid, "url": url });
    tx.save(&Callback {
        mchid: context.caller.mchid.clone(),
        url: Some(url),
        platform_serial: context.platform_serial.to_owned(),
    })?;
    Ok(shown)
}

fn url_of(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Option<String>, StoreError> {
    Ok(tx.get::<Callback>(&context.caller.mchid)?.and_then(|callback| callback.url))
}

/// Notifies the merchant that was complained about and the partner that made the order, each if it has an address.
pub(super) fn announce(
    tx: &Transaction<'_>,
    complaint: &Complaint,
    action_type: &str,
    now: i64,
) -> Result<(), StoreError> {
    let is_new = action_type == CREATED;
    let partner = Some(&complaint.merchant).filter(|partner| **partner != complaint.mchid);
    for mchid in std::iter::once(&complaint.mchid).chain(partner) {
        let Some(Callback { url: Some(notify_url), platform_serial, .. }) = tx.get(mchid)? else { continue };
        tx.announce(&Announcement {
            mchid: mchid.clone(),
            notify_url,
            platform_serial,
            event_type: if is_new { "COMPLAINT.CREATE" } else { "COMPLAINT.STATE_CHANGE" },
            time: now,
            resource: json!({ "complaint_id": complaint.id, "action_type": action_type }),
        })?;
    }
    Ok(())
}

/// `action_type` of a new complaint.
pub(super) const CREATED: &str = "CREATE_COMPLAINT";
