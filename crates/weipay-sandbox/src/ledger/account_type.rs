//! An account of a merchant as the API names it (`account_type`). A product refuses one that it does not have.

use serde::{Deserialize, Serialize};

/// `account_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AccountType {
    /// 基本账户.
    Basic,
    /// 运营账户.
    Operation,
    /// 手续费账户. INFERRED(empty-accounts): nothing is ever in it. What the platform takes of payments leaves the
    /// basic account, and is not the merchant's any more.
    Fees,
    /// 保证金账户, of a sub-merchant. It is always empty here too.
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

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.word() == word)
    }

    /// An account that every merchant has, so not the one for deposits; the basic account where nothing is said.
    pub(crate) fn of_every_merchant(word: Option<&str>) -> Option<Self> {
        Self::from_word(word.unwrap_or(Self::Basic.word())).filter(|account| *account != Self::Deposit)
    }
}
