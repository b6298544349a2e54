//! The account (账户) of a person: a developer freezes or cancels it, and from then on the platform treats the person so.
//!
//! - Frozen: the person pays nothing and receives nothing: no transfer, red packet, payment to the wallet, share of an
//!   order or cash coupon (代金券). A refund to the wallet is `ABNORMAL`.
//! - Cancelled (已注销): the same, and no new refund is accepted (`USER_ACCOUNT_ABNORMAL`).
//! - Unverified (未实名): no merchant's money comes in: no transfer, red packet, payment to the wallet or share of an
//!   order.
//!
//! UNCONFIRMED(unverified-person): a person without a verified name pays, is refunded and gets coupons like everybody.

use serde::{Deserialize, Serialize};

use super::Person;
use crate::ledger::Owner;
use crate::platform::Platform;
use crate::store::{Record, StoreError, Transaction};
use crate::words::words;

words! {
    /// The state of the account of a person.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum AccountState {
        /// It works.
        #[default]
        Normal = "normal",
        /// 冻结: nothing leaves it and nothing comes in.
        Frozen = "frozen",
        /// 注销: the person has left.
        Cancelled = "cancelled",
        /// 未实名: the name of the person is not verified.
        Unverified = "unverified",
    }
    pub fn from_word;
    pub const WORDS;
}

impl AccountState {
    /// Whether the account works at all: neither frozen nor cancelled.
    pub(crate) const fn works(self) -> bool {
        matches!(self, Self::Normal | Self::Unverified)
    }

    /// The account of a person, by unionid or openid.
    pub(crate) fn of_person(tx: &Transaction<'_>, id: &str) -> Result<Self, StoreError> {
        Self::of_key(tx, &person_of(tx, id)?)
    }

    fn of_key(tx: &Transaction<'_>, person: &str) -> Result<Self, StoreError> {
        let found: Option<PersonAccount> = tx.get(person)?;
        Ok(found.map(|account| account.state).unwrap_or_default())
    }

    /// Gives the account of a person this state.
    pub(crate) fn keep(self, tx: &Transaction<'_>, id: &str) -> Result<(), StoreError> {
        let person = person_of(tx, id)?;
        // Read first: a record is saved only over one that was read.
        tx.get::<PersonAccount>(&person)?;
        tx.save(&PersonAccount { person, state: self })
    }

    /// Merges the account state of an openid into its person: a changed state of the openid replaces a normal state
    /// of the person.
    pub(super) fn take_over(tx: &Transaction<'_>, openid: &str, unionid: &str) -> Result<(), StoreError> {
        let (of_openid, of_person) = (Self::of_key(tx, openid)?, Self::of_key(tx, unionid)?);
        if of_openid == Self::Normal || of_person != Self::Normal {
            return Ok(());
        }
        tx.save(&PersonAccount { person: unionid.to_owned(), state: of_openid })
    }

    /// The account of who owns money; that of a merchant always works.
    pub(crate) fn of_owner(tx: &Transaction<'_>, owner: &Owner) -> Result<Self, StoreError> {
        match owner {
            // Money is kept under the unionid already.
            Owner::Person(id) => Self::of_key(tx, id),
            Owner::Merchant(_) => Ok(Self::Normal),
        }
    }
}

/// Kept of accounts that a developer has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PersonAccount {
    /// The unionid of a person that was made, or else the openid.
    person: String,
    state: AccountState,
}

impl Record for PersonAccount {
    const KIND: &'static str = "person account";

    fn key(&self) -> String {
        self.person.clone()
    }
}

/// Under which id a person is kept: the unionid of one that was made, or else the openid.
pub(crate) fn person_of(tx: &Transaction<'_>, id: &str) -> Result<String, StoreError> {
    Ok(Person::find(tx, id)?.map_or_else(|| id.to_owned(), |person| person.unionid))
}

impl Platform {
    /// Freezes or cancels the account of a person, or restores it. The person is named by unionid or openid.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn set_account_state(&self, person: &str, state: AccountState) -> Result<(), StoreError> {
        self.act(|tx, _| state.keep(tx, person))
    }

    /// The account of a person, by unionid or openid.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn account_state(&self, person: &str) -> Result<AccountState, StoreError> {
        self.act(|tx, _| AccountState::of_person(tx, person))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Sandbox;

    #[test]
    fn an_account_is_that_of_the_person_under_every_openid() {
        let sandbox = Sandbox::start().unwrap();
        let platform = sandbox.platform();
        let person = platform.add_person(&["wx1".to_owned(), "wx2".to_owned()]).unwrap();
        platform.set_account_state(&person.openids["wx1"], AccountState::Frozen).unwrap();
        for id in [&person.unionid, &person.openids["wx2"]] {
            assert_eq!(platform.account_state(id).unwrap(), AccountState::Frozen);
        }
        platform.set_account_state(&person.unionid, AccountState::Normal).unwrap();
        assert_eq!(platform.account_state(&person.openids["wx1"]).unwrap(), AccountState::Normal);
        // Nobody made this one.
        let stranger = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
        assert_eq!(platform.account_state(stranger).unwrap(), AccountState::Normal);
        platform.set_account_state(stranger, AccountState::Cancelled).unwrap();
        assert_eq!(platform.account_state(stranger).unwrap(), AccountState::Cancelled);
    }

    #[test]
    fn every_state_has_its_word() {
        for state in AccountState::ALL {
            assert_eq!(AccountState::from_word(state.word()), Some(state));
        }
    }
}
