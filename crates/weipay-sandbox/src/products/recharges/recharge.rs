//! A recharge (充值单): its states, how it is shown, stored and found, and its money.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{self, DAY};
use crate::ledger::{self, AccountKind, AccountType, Business, Owner, Posting, PostingError};
use crate::products::HandlerError;
use crate::reasons;
use crate::store::{Announcement, Due, Fingerprint, IndexEntry, Record, StoreError, Transaction, joined};
use crate::words::words;

/// The kind of scheduled work: the time to pay is over.
pub(super) const OVERDUE: &str = "recharge overdue";
/// How long it can be paid.
const LIFE: i64 = 7 * DAY;

words! {
    /// `recharge_state`.
    pub(crate) enum State {
        Recharging = "RECHARGING",
        Success = "SUCCESS",
        Closed = "CLOSED",
    }
}

words! {
    /// `recharge_channel`.
    pub(crate) enum Channel {
        BankTransfer = "BANK_TRANSFER",
        /// By scanning a code with a phone.
        QrRecharge = "QR_RECHARGE",
        OnlineBank = "ONLINE_BANK",
    }
    pub(crate) fn from_word;
    pub(crate) const WORDS;
}

/// The owner of the account, and the operations that recharge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    Own,
    OwnOfPlatform,
    OfSubMerchant,
}

impl Form {
    /// The words of `recharge_scene`; of a sub-merchant each has its account.
    pub(super) const fn scenes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Own => &[("NORMAL_BANK_TRANSFER", "")],
            Self::OwnOfPlatform => &[("ECOMMERCE_BANK_TRANSFER", "")],
            Self::OfSubMerchant => &[("ECOMMERCE_DEPOSIT", "DEPOSIT"), ("ECOMMERCE_PAYMENT", "OPERATION")],
        }
    }
}

/// The channel and the payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Paid {
    pub(super) channel: Channel,
    /// Of a code: the person, and whether that is an employee who was added.
    pub(super) person: Option<(String, bool)>,
}

/// A bank transfer of another amount, which went back to the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Returned {
    pub(super) fen: i64,
    pub(super) at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recharge {
    /// 微信支付充值单号.
    pub(super) id: String,
    /// The merchant that requested it.
    pub(super) merchant: String,
    pub(super) form: Form,
    /// The sub-merchant whose account is recharged; `None` for the merchant's own.
    pub(super) sub_mchid: Option<String>,
    pub(super) out_recharge_no: String,
    pub(super) scene: String,
    pub(super) account: AccountType,
    pub(super) fen: i64,
    /// The channels that the merchant allows; empty for all.
    pub(super) channels: Vec<Channel>,
    pub(super) remark: Option<String>,
    pub(super) notify_url: Option<String>,
    /// The serial of the platform key that signs its notifications.
    pub(super) platform_serial: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) accepted: i64,
    pub(super) state: State,
    pub(super) ended: Option<i64>,
    pub(super) paid: Option<Paid>,
    pub(super) returned: Option<Returned>,
}

const ID: &str = "recharge id";
const NUMBER: &str = "number";

impl Record for Recharge {
    const KIND: &'static str = "recharge";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_recharge_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(ID, self.id.as_str()), IndexEntry::new(NUMBER, self.out_recharge_no.as_str())]
    }
}

/// A number of the platform: 27 digits, as its page says.
pub(super) fn number(serial: i64, now: i64) -> String {
    format!("{now:010}{serial:017}")
}

impl AccountType {
    /// The account of recharged money; `None` for an account that no merchant has.
    const fn recharged(self) -> Option<AccountKind> {
        match self {
            Self::Basic => Some(AccountKind::Available),
            Self::Operation => Some(AccountKind::Operation),
            Self::Deposit => Some(AccountKind::Deposit),
            Self::Fees => None,
        }
    }
}

impl Recharge {
    pub(super) fn find_by_number(
        tx: &Transaction<'_>,
        merchant: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(merchant, number))
    }

    /// Finds recharges of any merchant by either number: two at most.
    pub(super) fn find_of_any_merchant(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        match tx.find_one(ID, number)? {
            Some(found) => Ok(vec![found]),
            None => tx.find_up_to_two(NUMBER, number),
        }
    }

    /// The merchant whose account is recharged.
    pub(super) fn payee(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.merchant)
    }

    /// Whether this channel can pay it.
    pub(super) fn takes(&self, channel: Channel) -> bool {
        match self.form {
            Form::Own | Form::OwnOfPlatform => channel == Channel::BankTransfer,
            Form::OfSubMerchant => self.channels.is_empty() || self.channels.contains(&channel),
        }
    }

    pub(super) fn overdue(&self) -> Due {
        let at = self.accepted.saturating_add(LIFE);
        Due { kind: OVERDUE.to_owned(), key: self.key(), at }
    }

    /// Where the merchant's bank sends the money. UNCONFIRMED(recharge-bank): the number is another one for each recharge.
    pub(super) fn bank_account(&self) -> Value {
        json!({
            "bank_name": "财付通-备付金账户",
            "bank_address_code": "440300",
            "bank_code": "991584000049",
            "bank_account_name": "财付通支付科技有限公司客户备付金",
            "bank_account_no": format!("686000{}", &self.id[self.id.len().saturating_sub(18)..]),
        })
    }

    /// UNCONFIRMED(recharge-page): it shows nothing here: a recharge is paid by the control API.
    pub(super) fn address(&self) -> String {
        format!("https://www.payapp.qq.com/plat/recharge.html?recharge_id={}", self.id)
    }

    /// Books the money.
    pub(super) fn pay(self, tx: &Transaction<'_>, paid: Paid, now: i64) -> Result<Self, HandlerError> {
        let owner = Owner::merchant(self.payee());
        let from = match &paid.person {
            Some((openid, _)) => Owner::of_person(tx, openid)?,
            None => owner.clone(),
        };
        let kind = self.account.recharged().unwrap_or(AccountKind::Available);
        let posting = Posting::new(Business::TopUp, self.id.as_str(), now)
            .for_number(self.out_recharge_no.as_str())
            .moves(from.account(AccountKind::Bank), owner.account(kind), self.fen);
        ledger::post(tx, posting).map_err(|error| match error {
            PostingError::Store(error) => error,
            PostingError::Short { .. } | PostingError::Amount => {
                StoreError::Internal(reasons::ACCOUNT_IS_FULL.to_owned())
            }
        })?;
        let done = Self { paid: Some(paid), ..self };
        done.end(tx, State::Success, "RECHARGE.SUCCESS", now)
    }

    pub(super) fn close(self, tx: &Transaction<'_>, now: i64) -> Result<Self, HandlerError> {
        self.end(tx, State::Closed, "RECHARGE.CLOSED", now)
    }

    fn end(
        mut self,
        tx: &Transaction<'_>,
        state: State,
        event: &'static str,
        now: i64,
    ) -> Result<Self, HandlerError> {
        tx.unschedule(&self.overdue())?;
        (self.state, self.ended) = (state, Some(now));
        tx.save(&self)?;
        self.announce(tx, event, self.show_notified(), now)?;
        Ok(self)
    }

    /// The bank has sent another amount: it goes back, and the recharge waits.
    pub(super) fn send_back(
        mut self,
        tx: &Transaction<'_>,
        fen: i64,
        now: i64,
    ) -> Result<Self, HandlerError> {
        self.returned = Some(Returned { fen, at: now });
        tx.save(&self)?;
        let told = json!({
            "recharge_returned_id": number(tx.next_number("recharge return")?, now),
            "sp_mchid": self.merchant,
            "sub_mchid": self.payee(),
            "out_recharge_no": self.out_recharge_no,
            "recharge_id": self.id,
            "recharge_channel": Channel::BankTransfer.word(),
            "detail": {
                "bank_name": BANK, "bank_card_tail": CARD_TAIL, "amount": fen, "currency": "CNY",
                "return_time": clock::rfc3339(now), "return_reason": OTHER_AMOUNT,
            },
        });
        self.announce(tx, "RECHARGE.FUND_RETURNED", told, now)?;
        Ok(self)
    }

    fn announce(
        &self,
        tx: &Transaction<'_>,
        event_type: &'static str,
        resource: Value,
        time: i64,
    ) -> Result<(), StoreError> {
        let Some(notify_url) = self.notify_url.clone() else { return Ok(()) };
        let (mchid, platform_serial) = (self.merchant.clone(), self.platform_serial.clone());
        tx.announce(&Announcement { mchid, notify_url, platform_serial, event_type, time, resource })
    }

    /// The response of a query.
    pub(super) fn show(&self) -> Value {
        let mut shown = json!({
            "recharge_id": self.id,
            "out_recharge_no": self.out_recharge_no,
            "account_type": self.account.word(),
            "recharge_state": self.state.word(),
            "recharge_scene": self.scene,
            "recharge_state_desc": match self.state {
                State::Recharging => "充值中",
                State::Success => "充值成功",
                State::Closed => "充值关闭",
            },
            "recharge_amount": { "amount": self.fen, "currency": "CNY" },
            "accept_time": clock::rfc3339(self.accepted),
        });
        match self.form {
            Form::Own | Form::OwnOfPlatform => shown["mchid"] = self.merchant.as_str().into(),
            Form::OfSubMerchant => {
                shown["sp_mchid"] = self.merchant.as_str().into();
                shown["sub_mchid"] = self.payee().into();
                if !self.channels.is_empty() {
                    shown["available_recharge_channels"] =
                        self.channels.iter().map(|channel| channel.word()).collect::<Vec<_>>().into();
                }
            }
        }
        if let Some(ended) = self.ended {
            let name = if self.state == State::Success { "success_time" } else { "close_time" };
            shown[name] = clock::rfc3339(ended).into();
        }
        self.show_payment(&mut shown);
        shown
    }

    fn show_payment(&self, shown: &mut Value) {
        if let Some(Returned { at, .. }) = self.returned
            && self.paid.is_none()
        {
            shown["bank_transfer_info"] = json!({
                "bank_name": BANK, "bank_card_tail": CARD_TAIL, "return_time": clock::rfc3339(at),
                "return_reason": OTHER_AMOUNT,
            });
        }
        let Some(paid) = &self.paid else { return };
        if self.form == Form::OfSubMerchant {
            shown["recharge_channel"] = paid.channel.word().into();
        }
        match (paid.channel, &paid.person) {
            (Channel::QrRecharge, Some((openid, is_employee))) => {
                let kind = if *is_employee { "STAFF" } else { "ADMIN" };
                shown["qr_recharge_info"] = json!({ "openid": openid, "employee_type": kind });
            }
            (Channel::OnlineBank, _) => {
                shown["online_bank_recharge_info"] = json!({
                    "bill_no": self.bill_number(), "bank_name": BANK, "bank_card_tail": CARD_TAIL,
                    "online_bank_type": "ONLINE_BANK_TYPE_CORPORATE", "bank_account_name": ACCOUNT_NAME,
                });
            }
            _ => {
                let mut info = json!({ "memo": self.id, "bank_name": BANK, "bank_card_tail": CARD_TAIL });
                if self.form == Form::OfSubMerchant {
                    info["bill_no"] = self.bill_number().into();
                    info["bank_account_name"] = ACCOUNT_NAME.into();
                }
                shown["bank_transfer_info"] = info;
            }
        }
    }

    fn bill_number(&self) -> String {
        format!("110{}", self.id)
    }

    /// The decrypted resource of a notification, which always has a channel. UNCONFIRMED(recharge-channel): that of an unpaid
    /// recharge is the first that it allows.
    fn show_notified(&self) -> Value {
        let mut shown = self.show();
        if self.paid.is_none() {
            let first = self.channels.first().copied().unwrap_or(Channel::BankTransfer);
            shown["recharge_channel"] = first.word().into();
            // A notification has no members for a transfer that went back, only for a payment.
            shown.as_object_mut().and_then(|members| members.remove("bank_transfer_info"));
        }
        if let Some(remark) = &self.remark {
            shown["remark"] = remark.as_str().into();
        }
        shown
    }
}

/// UNCONFIRMED(recharge-bank): every merchant has the same bank.
const BANK: &str = "招商银行";
const CARD_TAIL: &str = "1178";
const ACCOUNT_NAME: &str = "沙箱商户";
const OTHER_AMOUNT: &str = "转账金额与充值金额不一致";

/// The clock: the time to pay is over.
pub(super) fn end_overdue(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let found: Option<Recharge> = tx.get(key)?;
    if let Some(found) = found.filter(|found| found.state == State::Recharging) {
        found.close(tx, at)?;
    }
    Ok(())
}
