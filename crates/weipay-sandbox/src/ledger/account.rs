//! Accounts (账户): whose money it is, and what it is for.

use serde::{Deserialize, Serialize};

use crate::people::account::person_of;
use crate::store::{StoreError, Transaction};

/// The owner of money.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// A merchant, by 商户号.
    Merchant(String),
    /// A person, by the unionid of one that was made, or else by openid.
    Person(String),
}

impl Owner {
    /// The merchant number, the unionid or the openid.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Merchant(id) | Self::Person(id) => id,
        }
    }

    pub(super) fn key(&self) -> String {
        match self {
            Self::Merchant(mchid) => format!("merchant:{mchid}"),
            Self::Person(id) => format!("person:{id}"),
        }
    }

    pub(crate) fn merchant(mchid: impl Into<String>) -> Self {
        Self::Merchant(mchid.into())
    }

    pub(crate) fn person(id: impl Into<String>) -> Self {
        Self::Person(id.into())
    }

    /// The person whom an openid or a unionid leads to: money is kept once for all openids of a person.
    pub(crate) fn of_person(tx: &Transaction<'_>, id: &str) -> Result<Self, StoreError> {
        Ok(Self::person(person_of(tx, id)?))
    }

    /// The owner who was stored, as it is found now: an openid may have become a person's since then.
    pub(crate) fn as_of_now(&self, tx: &Transaction<'_>) -> Result<Self, StoreError> {
        match self {
            Self::Person(id) => Self::of_person(tx, id),
            Self::Merchant(_) => Ok(self.clone()),
        }
    }

    /// One of its accounts.
    pub(crate) fn account(&self, kind: AccountKind) -> Account {
        Account { owner: self.clone(), kind }
    }
}

/// The kind of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountKind {
    /// A person's 零钱.
    Wallet,
    /// 未结算资金: what people paid to a merchant and was not settled yet.
    Unsettled,
    /// 可用余额 of the basic account (基本账户).
    Available,
    /// 待分账资金: what is kept of orders with profit sharing.
    Frozen,
    /// 运营账户.
    Operation,
    /// 营销资金: budgets of cash coupons (代金券).
    Marketing,
    /// 保证金: what a platform wants of a sub-merchant as security.
    Deposit,
    /// 手续费: what the platform took of this owner's payments.
    Fees,
    /// Refunds of this merchant on their way to people.
    Refunding,
    /// Transfers of this merchant that no person has received yet.
    Transferring,
    /// Withdrawals (提现) on their way to the bank.
    Withdrawing,
    /// The owner's bank, outside of the platform: the only account that goes below zero.
    Bank,
}

impl AccountKind {
    /// Where the money is, for a sentence.
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::Wallet => "in the wallet (零钱)",
            Self::Unsettled => "that is not settled yet (未结算资金)",
            Self::Available => "available in the basic account (基本账户)",
            Self::Frozen => "waiting to be shared (待分账资金)",
            Self::Operation => "in the operation account (运营账户)",
            Self::Marketing => "in the marketing account (营销资金)",
            Self::Deposit => "in the deposit account (保证金账户)",
            Self::Fees => "of fees",
            Self::Refunding => "of refunds on their way",
            Self::Transferring => "of transfers on their way",
            Self::Withdrawing => "of withdrawals on their way",
            Self::Bank => "in the bank",
        }
    }

    /// How an account is filled here.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Operation => ": weipay sandbox merchant top-up MCHID FEN --account operation",
            Self::Available => ": weipay sandbox merchant top-up MCHID FEN --account basic",
            Self::Marketing => ": weipay sandbox merchant top-up MCHID FEN --account marketing",
            Self::Unsettled => ": payments come in here until midnight (Beijing), when they are settled",
            Self::Wallet => ": weipay sandbox person top-up OPENID FEN",
            _ => "",
        }
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Account {
    pub(crate) owner: Owner,
    pub(crate) kind: AccountKind,
}

/// An account of a merchant as the API names it (`account_type`). A product refuses one that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AccountType {
    /// 基本账户.
    Basic,
    /// 运营账户.
    Operation,
    /// 手续费账户. INFERRED(empty-accounts): nothing is ever in it. What the platform takes of payments leaves the
    /// basic account, and is not the merchant's any more.
    Fees,
    /// 保证金账户, of a sub-merchant.
    Deposit,
}

impl AccountType {
    const ALL: [Self; 4] = [Self::Basic, Self::Operation, Self::Fees, Self::Deposit];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Basic => "BASIC",
            Self::Operation => "OPERATION",
            Self::Fees => "FEES",
            Self::Deposit => "DEPOSIT",
        }
    }

    /// What can be used of it, and what cannot. Balances and fund flow bills go by it, so that the balance column of a bill
    /// (账户结余) ends a day with what both are together. INFERRED(pending-amount): unsettled and frozen money is pending in the
    /// basic account, and money that a transfer or a red packet has locked in the operation account; it leaves the account when
    /// a person gets it.
    pub(crate) const fn kinds(self) -> (&'static [AccountKind], &'static [AccountKind]) {
        match self {
            Self::Basic => (&[AccountKind::Available], &[AccountKind::Unsettled, AccountKind::Frozen]),
            Self::Operation => (&[AccountKind::Operation], &[AccountKind::Transferring]),
            Self::Deposit => (&[AccountKind::Deposit], &[]),
            Self::Fees => (&[], &[]),
        }
    }

    pub(crate) fn has(self, kind: AccountKind) -> bool {
        let (available, pending) = self.kinds();
        available.contains(&kind) || pending.contains(&kind)
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }

    /// An account that every merchant has, so not the one for deposits; the basic account where nothing is said.
    pub(crate) fn of_every_merchant(word: Option<&str>) -> Option<Self> {
        Self::from_word(word.unwrap_or(Self::Basic.word())).filter(|account| *account != Self::Deposit)
    }
}
