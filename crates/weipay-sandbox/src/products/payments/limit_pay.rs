//! What a person may not pay an order with (指定支付方式), and the rule of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

    /// The rule, for the wallet or a bank card. UNCONFIRMED(limit-pay): a card is a debit card where the
    /// order wants no credit card, and a credit card where it wants no debit card.
    pub(crate) fn check(&self, from_wallet: bool) -> Result<(), &'static str> {
        match from_wallet {
            true if self.has("no_balance") => {
                Err("limit_pay of the order has no_balance: a bank card pays it, not the wallet")
            }
            false if self.forbids_cards() => {
                Err("limit_pay of the order leaves no bank card: the wallet pays it")
            }
            _ => Ok(()),
        }
    }
}
