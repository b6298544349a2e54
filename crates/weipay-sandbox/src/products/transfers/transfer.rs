//! A transfer (转账单): its states, how it is shown, stored and found.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Movement, move_money};
use crate::clock;
use crate::products::HandlerError;
use crate::store::{Announcement, IndexEntry, Record, StoreError, Transaction, joined};
use crate::words::words;

words! {
    /// Where a transfer is. `ACCEPTED` and `PROCESSING` are never seen. INFERRED(transfer-accepted): the money is
    /// locked with the request.
    pub(crate) enum TransferState {
        WaitUserConfirm = "WAIT_USER_CONFIRM",
        /// As the platform spells it.
        Transfering = "TRANSFERING",
        Success = "SUCCESS",
        Fail = "FAIL",
        Canceling = "CANCELING",
        Cancelled = "CANCELLED",
    }
}

impl TransferState {
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Fail | Self::Cancelled)
    }
}

/// Why a transfer fails (`fail_reason`): what can happen when it is paid.
pub(crate) const FAIL_REASONS: &[&str] = &[
    "ACCOUNT_FROZEN",
    "ACCOUNT_NOT_EXIST",
    "BLOCK_B2C_USERLIMITAMOUNT_BSRULE_MONTH",
    "BLOCK_B2C_USERLIMITAMOUNT_MONTH",
    "DAY_RECEIVED_COUNT_EXCEED",
    "DAY_RECEIVED_QUOTA_EXCEED",
    "EXCEEDED_ESTIMATED_AMOUNT",
    "ID_CARD_NOT_CORRECT",
    "MERCHANT_REJECT",
    "MERCHANT_NOT_CONFIRM",
    "NAME_NOT_CORRECT",
    "OPENID_INVALID",
    "OTHER_FAIL_REASON_TYPE",
    "PAYEE_ACCOUNT_ABNORMAL",
    "PAYER_ACCOUNT_ABNORMAL",
    "PRODUCT_AUTH_CHECK_FAIL",
    "REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED",
    "REAL_NAME_CHECK_FAIL",
    "RECEIVE_ACCOUNT_NOT_CONFIGURE",
    "TRANSFER_QUOTA_EXCEED",
    "TRANSFER_REMARK_SET_FAIL",
    "TRANSFER_RISK",
    "TRANSFER_SCENE_INVALID",
    "TRANSFER_SCENE_UNAVAILABLE",
];

/// Nobody confirmed in time.
pub(super) const OVERDUE_CLOSE: &str = "OVERDUE_CLOSE";
/// The merchant canceled.
pub(super) const MCH_CANCEL: &str = "MCH_CANCEL";

/// A person's name, which no message shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Name(pub(super) String);

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a merchant is notified of the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotifyTo {
    pub(super) url: String,
    /// The key that signed the response to the request with the address.
    pub(super) platform_serial: String,
}

/// 转账单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// `transfer_bill_no`.
    pub(super) number: String,
    /// The merchant that made it.
    pub(super) mchid: String,
    /// The sub-merchant that pays it, if a partner (服务商) or a platform (电商平台) made it for one.
    #[serde(default)]
    pub(super) sub_mchid: Option<String>,
    pub(super) appid: String,
    pub(super) out_bill_no: String,
    pub(super) openid: String,
    pub(super) name: Option<Name>,
    pub(super) fen: i64,
    pub(super) remark: String,
    #[serde(default)]
    pub(super) scene: String,
    pub(super) notify: Option<NotifyTo>,
    /// A hash of the request, for another request with the number.
    pub(super) fingerprint: String,
    /// The parameters of `requestMerchantTransfer`; none where nobody confirms.
    pub(super) package: Option<String>,
    /// The authorization that is confirmed with it.
    pub(super) authorization: Option<String>,
    pub(super) create_time: i64,
    pub(super) update_time: i64,
    pub(super) state: TransferState,
    pub(super) fail_reason: Option<String>,
    /// With what reason the payment under way will fail.
    pub(super) will_fail: Option<String>,
}

const NUMBER: &str = "merchant and number";
const PERSON: &str = "number or package";

impl Record for Transfer {
    const KIND: &'static str = "transfer";

    fn key(&self) -> String {
        self.number.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(NUMBER, joined(&self.mchid, &self.out_bill_no)),
            IndexEntry::new(PERSON, self.out_bill_no.as_str()),
        ];
        if let Some(package) = &self.package {
            indexes.push(IndexEntry::new(PERSON, package.as_str()));
        }
        indexes
    }
}

impl Transfer {
    /// The transfer of a merchant with its own number.
    pub(super) fn find_by_number(
        tx: &Transaction<'_>,
        mchid: &str,
        out_bill_no: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(NUMBER, joined(mchid, out_bill_no))
    }

    /// The record of a number: the platform's or the merchant's, or the package of the front end. Two
    /// where merchants share one.
    pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_key_or_two(PERSON, number)
    }

    /// The merchant that pays it. UNCONFIRMED(transfer-of-sub-merchant): the sub-merchant, which has to grant it.
    pub(super) fn payer(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.mchid)
    }

    /// Whether this merchant made it, for the sub-merchant that it names, or for itself.
    pub(super) fn is_by(&self, mchid: &str, sub_mchid: Option<&str>) -> bool {
        self.mchid == mchid && self.sub_mchid.as_deref() == sub_mchid
    }

    /// Goes into another state, with the money that moves by it, and the notification of the end.
    pub(super) fn step(
        mut self,
        tx: &Transaction<'_>,
        state: TransferState,
        fail_reason: Option<&str>,
        now: i64,
    ) -> Result<Self, HandlerError> {
        self.state = state;
        self.update_time = now;
        self.fail_reason = fail_reason.map(str::to_owned);
        let movement = match state {
            TransferState::Success => Some(Movement::Pay),
            TransferState::Fail | TransferState::Cancelled => Some(Movement::GiveBack),
            _ => None,
        };
        if let Some(movement) = movement {
            let numbers = (&*self.number, &*self.out_bill_no);
            move_money(tx, movement, self.payer(), &self.openid, numbers, self.fen, now)?;
        }
        tx.save(&self)?;
        if let Some(announcement) = self.announcement() {
            tx.announce(&announcement)?;
        }
        Ok(self)
    }

    /// The notification of a finished transfer.
    fn announcement(&self) -> Option<Announcement> {
        let notify = self.notify.as_ref().filter(|_| self.state.is_final())?;
        let mut resource = self.describe();
        for name in ["appid", "transfer_remark", "user_name"] {
            resource.remove(name);
        }
        Some(Announcement {
            mchid: self.mchid.clone(),
            notify_url: notify.url.clone(),
            platform_serial: notify.platform_serial.clone(),
            event_type: "MCHTRANSFER.BILL.FINISHED",
            time: self.update_time,
            resource: Value::Object(resource),
        })
    }

    /// The response to a query.
    pub(super) fn describe(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        match &self.sub_mchid {
            None => put("mch_id", self.mchid.as_str().into()),
            Some(sub_mchid) => {
                put("mchid", self.mchid.as_str().into());
                put("sub_mchid", sub_mchid.as_str().into());
            }
        }
        put("out_bill_no", self.out_bill_no.as_str().into());
        put("transfer_bill_no", self.number.as_str().into());
        put("appid", self.appid.as_str().into());
        put("state", self.state.word().into());
        put("transfer_amount", self.fen.into());
        put("transfer_remark", self.remark.as_str().into());
        put("openid", self.openid.as_str().into());
        put("create_time", clock::rfc3339(self.create_time).into());
        put("update_time", clock::rfc3339(self.update_time).into());
        if let Some(Name(name)) = &self.name {
            put("user_name", name.as_str().into());
        }
        if let Some(reason) = &self.fail_reason {
            put("fail_reason", reason.as_str().into());
        }
        shown
    }

    /// The response to the request that makes it, as it is now.
    pub(super) fn describe_new(&self) -> Value {
        let mut shown = json!({
            "out_bill_no": self.out_bill_no,
            "transfer_bill_no": self.number,
            "create_time": clock::rfc3339(self.create_time),
            "state": self.state.word(),
        });
        if let Some(reason) = &self.fail_reason {
            shown["fail_reason"] = reason.as_str().into();
        }
        if let Some(package) = self.package.as_ref().filter(|_| self.state == TransferState::WaitUserConfirm)
        {
            shown["package_info"] = package.as_str().into();
        }
        if let Some(sub_mchid) = &self.sub_mchid {
            shown["sub_mchid"] = sub_mchid.as_str().into();
        }
        shown
    }

    /// The response to a request of a partner, which always has the package and no state.
    pub(super) fn describe_new_of_partner(&self) -> Value {
        json!({
            "sub_mchid": self.sub_mchid,
            "out_bill_no": self.out_bill_no,
            "transfer_bill_no": self.number,
            "create_time": clock::rfc3339(self.create_time),
            "package_info": self.package.as_deref().unwrap_or_default(),
        })
    }

    /// The response to a query of a platform. Its page has the name in plain text, which is left out.
    pub(super) fn describe_of_platform(&self) -> Value {
        let mut shown = self.describe();
        shown.remove("user_name");
        shown.insert("transfer_scene_id".to_owned(), self.scene.as_str().into());
        Value::Object(shown)
    }
}
