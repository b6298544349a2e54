//! Means of payment, and those that an order does not allow (指定支付方式).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::unconfirmed;

/// The means of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Funds {
    /// 零钱.
    Wallet,
    /// A bank card, which always has enough, of a kind that the order takes.
    #[default]
    Card,
    /// 储蓄卡.
    DebitCard,
    /// 信用卡.
    CreditCard,
}

impl Funds {
    pub(crate) fn is_wallet(self) -> bool {
        self == Self::Wallet
    }

    /// `bank_type` of the payment.
    pub(crate) fn bank_type(self) -> &'static str {
        match self {
            Self::Wallet => "OTHERS",
            Self::Card => unconfirmed::BANK_TYPE,
            Self::DebitCard => unconfirmed::BANK_TYPE_OF_DEBIT_CARD,
            Self::CreditCard => unconfirmed::BANK_TYPE_OF_CREDIT_CARD,
        }
    }
}

/// `limit_pay` (指定支付方式): what a person may not pay with. Other words than these limit nothing here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LimitPay(Vec<String>);

impl LimitPay {
    /// That of a request by APIv3.
    pub(crate) fn from_list(list: Option<&Value>) -> Self {
        let words = list.and_then(Value::as_array).into_iter().flatten();
        Self(words.filter_map(|word| word.as_str().map(str::to_owned)).collect())
    }

    /// That of a request by APIv2, which has one word.
    pub(crate) fn from_word(word: Option<&str>) -> Self {
        Self(word.map(str::to_owned).into_iter().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, word: &str) -> bool {
        self.0.iter().any(|known| known == word)
    }

    /// Whether only the wallet (零钱) pays.
    pub(crate) fn forbids_cards(&self) -> bool {
        self.has("balance_only") || self.has("no_credit") && self.has("no_debit")
    }

    /// The rule. UNCONFIRMED(limit-pay): a card of which nobody says the kind is a debit card where the order
    /// wants no credit card, and a credit card where it wants no debit card.
    pub(crate) fn check(&self, funds: Funds) -> Result<(), &'static str> {
        match funds {
            Funds::Wallet if self.has("no_balance") => {
                Err("limit_pay of the order has no_balance: a bank card pays it, not the wallet")
            }
            Funds::Card | Funds::DebitCard | Funds::CreditCard if self.forbids_cards() => {
                Err("limit_pay of the order leaves no bank card: the wallet pays it")
            }
            Funds::CreditCard if self.has("no_credit") => Err(
                "limit_pay of the order has no_credit: a debit card or the wallet pays it, not a credit card",
            ),
            Funds::DebitCard if self.has("no_debit") => Err(
                "limit_pay of the order has no_debit: a credit card or the wallet pays it, not a debit card",
            ),
            _ => Ok(()),
        }
    }
}
