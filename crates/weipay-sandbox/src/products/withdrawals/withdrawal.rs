//! A withdrawal (提现单): its states, how it is shown, stored and found, and its money.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::day_end::DayEnd;
use crate::clock;
use crate::ledger::{AccountKind, AccountType, Business, Owner, Posting, PostingError, post};
use crate::products::HandlerError;
use crate::store::{Announcement, Due, IndexEntry, Record, StoreError, Transaction, joined};
use crate::words::words;

/// The kind of scheduled work: the bank has the money.
pub(super) const SETTLES: &str = "withdrawal settles";

words! {
    /// `status`.
    pub(crate) enum State {
        /// It was accepted, and the money is on its way.
        CreateSuccess = "CREATE_SUCCESS",
        Success = "SUCCESS",
        /// The bank refused it.
        Fail = "FAIL",
        /// The bank returned it after it had succeeded (退票).
        Refund = "REFUND",
    }
}

impl State {
    /// Whether the bank can let it become this.
    pub(super) const fn may_become(self, to: Self) -> bool {
        matches!(
            (self, to),
            (Self::CreateSuccess, Self::Success | Self::Fail) | (Self::Success, Self::Refund)
        )
    }
}

impl AccountType {
    /// `None` for one that is always empty here.
    pub(super) const fn withdrawn_from(self) -> Option<AccountKind> {
        match self {
            Self::Basic => Some(AccountKind::Available),
            Self::Operation => Some(AccountKind::Operation),
            Self::Fees | Self::Deposit => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Withdrawal {
    /// 微信支付提现单号.
    pub(super) withdraw_id: String,
    /// The merchant that requested it.
    pub(super) merchant: String,
    /// The sub-merchant whose money it is; `None` for the merchant's own.
    pub(super) sub_mchid: Option<String>,
    pub(super) out_request_no: String,
    pub(super) amount: i64,
    pub(super) account: AccountType,
    pub(super) remark: Option<String>,
    pub(super) bank_memo: Option<String>,
    pub(super) notify_url: Option<String>,
    /// The serial of the platform key that signs its notifications.
    pub(super) platform_serial: String,
    pub(super) state: State,
    /// Why the bank did not take it.
    pub(super) reason: Option<String>,
    pub(super) created: i64,
    pub(super) updated: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) day_end: Option<DayEnd>,
}

const ID: &str = "withdrawal id";
const NUMBER: &str = "number";

impl Record for Withdrawal {
    const KIND: &'static str = "withdrawal";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_request_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(ID, self.withdraw_id.as_str()),
            IndexEntry::new(NUMBER, self.out_request_no.as_str()),
        ]
    }
}

impl Withdrawal {
    pub(super) fn find_by_number(
        tx: &Transaction<'_>,
        merchant: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(merchant, number))
    }

    pub(super) fn find_by_id(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        tx.find_one(ID, id)
    }

    /// Finds withdrawals of any merchant by either number: two at most.
    pub(super) fn find_of_any_merchant(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        match Self::find_by_id(tx, number)? {
            Some(found) => Ok(vec![found]),
            None => tx.find_up_to_two(NUMBER, number),
        }
    }

    /// The merchant whose money it is.
    pub(super) fn payer(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.merchant)
    }

    /// The response to the request that made it.
    pub(super) fn show_made(&self) -> Value {
        json!({ "withdraw_id": self.withdraw_id, "out_request_no": self.out_request_no })
    }

    /// The response of a query. UNCONFIRMED(withdraw-bank): the bank and its account, which is the same for everybody.
    pub(super) fn show(&self) -> Value {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut shown = json!({
            "status": self.state.word(),
            "withdraw_id": self.withdraw_id,
            "out_request_no": self.out_request_no,
            "amount": self.amount,
            "create_time": clock::rfc3339(self.created),
            "update_time": clock::rfc3339(self.updated),
            "reason": text(&self.reason),
            "remark": text(&self.remark),
            "bank_memo": text(&self.bank_memo),
            "account_type": self.account.word(),
        });
        match &self.sub_mchid {
            Some(sub_mchid) => {
                shown["sub_mchid"] = json!(sub_mchid);
                shown["sp_mchid"] = json!(self.merchant);
                shown["account_number"] = json!("1178");
                shown["account_bank"] = json!("招商银行");
            }
            None => shown["solution"] = json!(""),
        }
        shown
    }

    /// The decrypted resource of a notification.
    fn show_notified(&self) -> Value {
        if self.day_end.is_some() {
            return self.show_day_end();
        }
        let mut shown = self.show();
        shown["account_number"] = json!("1178");
        shown["account_bank"] = json!("招商银行");
        shown
    }

    pub(super) fn due(&self) -> Due {
        let at = self.created.saturating_add(super::SUCCESS_AFTER);
        Due { kind: SETTLES.to_owned(), key: self.withdraw_id.clone(), at }
    }

    pub(super) fn posting(&self, now: i64) -> Posting {
        Posting::new(Business::Withdrawal, self.withdraw_id.as_str(), now)
            .for_number(self.out_request_no.as_str())
    }

    /// The bank takes it, refuses it or returns it: its money moves, and its merchant is notified. The caller
    /// has checked that it may become this.
    pub(super) fn become_state(
        mut self,
        tx: &Transaction<'_>,
        to: State,
        reason: Option<&str>,
        now: i64,
    ) -> Result<Self, HandlerError> {
        let owner = Owner::merchant(self.payer());
        let own = self.account.withdrawn_from().unwrap_or(AccountKind::Available);
        let (from, into) = match to {
            State::CreateSuccess => return Ok(self),
            State::Success => (AccountKind::Withdrawing, AccountKind::Bank),
            State::Fail => (AccountKind::Withdrawing, own),
            State::Refund => (AccountKind::Bank, own),
        };
        let moved = self.posting(now).moves(owner.account(from), owner.account(into), self.amount);
        post(tx, moved).map_err(|error| match error {
            PostingError::Store(error) => error,
            PostingError::Short { .. } | PostingError::Amount => {
                StoreError::Corrupt("the money of a withdrawal is not there".to_owned())
            }
        })?;
        tx.unschedule(&self.due())?;
        (self.state, self.updated) = (to, now);
        self.reason = reason.map(str::to_owned);
        tx.save(&self)?;
        if let Some(notify_url) = &self.notify_url {
            tx.announce(&Announcement {
                mchid: self.merchant.clone(),
                notify_url: notify_url.clone(),
                platform_serial: self.platform_serial.clone(),
                event_type: "MCHWITHDRAW.CHANGE",
                time: now,
                resource: self.show_notified(),
            })?;
        }
        Ok(self)
    }
}

/// The clock: the bank has the money.
pub(super) fn settle(tx: &Transaction<'_>, withdraw_id: &str, at: i64) -> Result<(), HandlerError> {
    let found = Withdrawal::find_by_id(tx, withdraw_id)?;
    if let Some(found) = found.filter(|found| found.state == State::CreateSuccess) {
        found.become_state(tx, State::Success, None, at)?;
    }
    Ok(())
}
