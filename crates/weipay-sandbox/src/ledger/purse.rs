//! A purse: what one owner has, in all accounts of the owner.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::{AccountKind, AccountType, Owner};
use crate::store::{IndexEntry, Record, StoreError, Transaction};

/// The accounts of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purse {
    owner: Owner,
    pub(super) balances: BTreeMap<AccountKind, i64>,
    /// The latest time of its entries.
    #[serde(default)]
    last: i64,
    /// The earliest time of the entries that were booked after later ones, because the clock was late or went back.
    #[serde(default)]
    pub(super) late: Option<i64>,
}

pub(super) const ALL: &str = "all";

impl Record for Purse {
    const KIND: &'static str = "ledger purse";

    fn key(&self) -> String {
        self.owner.key()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(ALL, "")]
    }
}

impl Purse {
    /// The purse of an owner; an empty one when no money was moved yet.
    pub(crate) fn find(tx: &Transaction<'_>, owner: &Owner) -> Result<Self, StoreError> {
        let found = tx.get(&owner.key())?;
        Ok(found.unwrap_or_else(|| Self {
            owner: owner.clone(),
            balances: BTreeMap::new(),
            last: 0,
            late: None,
        }))
    }

    /// Whether all entries before a moment were booked in the order of their times, so that what each says of
    /// the balance is right among them.
    pub(crate) fn is_in_order_until(&self, moment: i64) -> bool {
        self.late.is_none_or(|late| moment <= late)
    }

    pub(super) fn note_time(&mut self, time: i64) {
        if time < self.last {
            self.late = Some(self.late.map_or(time, |late| late.min(time)));
        }
        self.last = self.last.max(time);
    }

    /// Fen in one account.
    pub(crate) fn balance(&self, kind: AccountKind) -> i64 {
        self.balances.get(&kind).copied().unwrap_or_default()
    }

    /// 账户余额: what of an account type can be used and what cannot, together.
    pub(crate) fn total(&self, account: AccountType) -> i64 {
        let of_account = self.balances.iter().filter(|(kind, _)| account.has(**kind));
        of_account.fold(0, |sum: i64, (_, fen)| sum.saturating_add(*fen))
    }

    /// Fen in all accounts, the bank's included.
    #[cfg(test)]
    pub(super) fn sum(&self) -> i64 {
        self.balances.values().sum()
    }
}
