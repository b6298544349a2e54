//! Notifications of receivers (分账动账通知): a merchant that got a part of an order, and one whose part came back.
//!
//! No operation of the API sets the address: on the real platform it stands on a page of the merchant platform,
//! and here a developer says it. INFERRED(sharing-notices): of a part that came back the merchant is told that
//! has the money again, and `out_order_no` is the number of the return.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::returns::Return;
use super::split::{Outcome, Split};
use crate::clock;
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::notifications::address::check_address;
use crate::platform::Platform;
use crate::reasons;
use crate::store::{Announcement, Record, StoreError, Transaction};

pub(crate) const CONTROL: &[Route] = &[Route::put(
    "/merchants/{mchid}/sharing-notify-url",
    "Sets the address for the profit sharing notifications (分账动账通知) of a merchant",
    &[Member::text("url", "The address (default: none, so no notifications)")],
    set_address,
)];

/// Where a merchant is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Address {
    mchid: String,
    /// None when it was taken away.
    url: Option<String>,
    /// The key that signed for the merchant when the address was set.
    platform_serial: String,
}

impl Record for Address {
    const KIND: &'static str = "profit sharing address";

    fn key(&self) -> String {
        self.mchid.clone()
    }
}

fn set_address(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let (mchid, url) = (request.path("mchid"), request.text("url").filter(|url| !url.is_empty()));
    if let Some(url) = url {
        // Who gives an address here never wrote `notify_url`.
        check_address(url)
            .map_err(|reason| ControlError::invalid(reason.replacen("notify_url", "the address", 1)))?;
    }
    if control.platform.set_sharing_notify_url(mchid, url)? {
        Ok(json!({ "mchid": mchid, "url": url }))
    } else {
        Err(ControlError::not_found(reasons::no_merchant(mchid)))
    }
}

impl Platform {
    /// Sets the address for the profit sharing notifications (分账动账通知) of a merchant, or removes it. `false`
    /// when the sandbox has no such merchant.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn set_sharing_notify_url(&self, mchid: &str, url: Option<&str>) -> Result<bool, StoreError> {
        let Some(merchant) = self.merchants.find(mchid) else { return Ok(false) };
        self.act(|tx, _| {
            // Read first: a record is saved only over one that was read.
            tx.get::<Address>(mchid)?;
            tx.save(&Address {
                mchid: mchid.to_owned(),
                url: url.map(str::to_owned),
                platform_serial: merchant.signers.usual.serial.clone(),
            })
        })?;
        Ok(true)
    }
}

/// Tells each merchant that got a part of a split. The rest of the merchant itself is none.
pub(super) fn announce_split(tx: &Transaction<'_>, split: &Split, now: i64) -> Result<(), StoreError> {
    let got = split
        .parts
        .iter()
        .filter(|part| part.kind == "MERCHANT_ID" && part.outcome == Outcome::Success && !part.is_rest);
    for part in got {
        let receiver = (part.account.as_str(), part.amount, part.description.as_str());
        let numbers = (split.order_id.as_str(), split.out_order_no.as_str());
        announce(tx, "PROFITSHARING.SUCCESS", split, numbers, receiver, now)?;
    }
    Ok(())
}

/// Tells the merchant that has its money again.
pub(super) fn announce_return(
    tx: &Transaction<'_>,
    split: &Split,
    made: &Return,
    now: i64,
) -> Result<(), StoreError> {
    let receiver = (split.payee(), made.amount, made.description.as_str());
    let numbers = (made.return_id.as_str(), made.out_return_no.as_str());
    announce(tx, "PROFITSHARING.RETURN", split, numbers, receiver, now)
}

fn announce(
    tx: &Transaction<'_>,
    event_type: &'static str,
    split: &Split,
    (order_id, out_order_no): (&str, &str),
    (mchid, fen, description): (&str, i64, &str),
    now: i64,
) -> Result<(), StoreError> {
    let Some(Address { url: Some(notify_url), platform_serial, .. }) = tx.get(mchid)? else { return Ok(()) };
    let mut resource = json!({
        "transaction_id": split.transaction_id,
        "order_id": order_id,
        "out_order_no": out_order_no,
        "receiver": { "type": "MERCHANT_ID", "account": mchid, "amount": fen, "description": description },
        "success_time": clock::rfc3339(now),
    });
    match &split.sub_mchid {
        Some(sub_mchid) => {
            resource["sp_mchid"] = json!(split.merchant);
            resource["sub_mchid"] = json!(sub_mchid);
        }
        None => resource["mchid"] = json!(split.merchant),
    }
    tx.announce(&Announcement {
        mchid: mchid.to_owned(),
        notify_url,
        platform_serial,
        event_type,
        time: now,
        resource,
    })
}
