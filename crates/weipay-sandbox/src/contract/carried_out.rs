//! Checks beyond the pages for operations that the sandbox carries out: what it
//! would have to guess, and money below nothing.

use weipay_catalog::{Field, Kind, Operation};
use weipay_rules::{BrokenRule, Format, Limits};

use crate::products::{self, Behaviour};
use crate::response::Refusal;

/// Whether an operation is carried out here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CarriedOut {
    Yes {
        path: &'static str,
        /// Fields whose words its product keeps as they were sent.
        kept: &'static [&'static str],
    },
    /// Its response is an example: nothing depends on a value.
    No,
}

impl CarriedOut {
    pub(crate) fn from_operation(operation: &Operation) -> Self {
        match Behaviour::from_operation(operation) {
            Behaviour::State => Self::Yes { path: operation.path, kept: products::kept_as_sent(operation) },
            Behaviour::Example | Behaviour::None => Self::No,
        }
    }

    pub(crate) const fn is_yes(self) -> bool {
        matches!(self, Self::Yes { .. })
    }

    /// A word that no page lists, and that would be taken for another one. The reason is for developers.
    /// UNCONFIRMED(unlisted-value)
    pub(crate) fn check_word(self, field: &Field, text: &str) -> Result<(), String> {
        let Self::Yes { kept, .. } = self else { return Ok(()) };
        let is_free = text.is_empty() || field.values.is_empty() || kept.contains(&field.name);
        if is_free || field.values.contains(&text) {
            return Ok(());
        }
        Err(format!("{} must be {}: the sandbox supports no other value", field.name, listed(&field.values)))
    }

    /// An order of a partner whose `sub_mchid` is empty: the gateway was seen to say so, and not that it is too short. Reported of
    /// an APP order: <https://github.com/wechatpay-apiv3/wechatpay-java/issues/268> (2024), without the code.
    /// UNCONFIRMED(empty-sub-merchant)
    pub(crate) fn empty_sub_merchant(self, field: &Field, text: &str) -> Option<Refusal> {
        let Self::Yes { path, .. } = self else { return None };
        let is_empty = text.is_empty() && field.name == "sub_mchid" && path.starts_with(PARTNER_ORDERS);
        is_empty.then(|| {
            Refusal::param_error(
                "子商户号/二级商户号未填写",
                "sub_mchid is empty: send the number of the sub-merchant",
            )
        })
    }

    /// INFERRED(negative-money): an amount below 0 is refused where the page has no lower limit.
    pub(crate) fn check_money(self, field: &Field, number: i128) -> Result<(), BrokenRule> {
        let is_money =
            field.kind == Kind::Integer && matches!(field.format, Some(Format::Fen | Format::Minor));
        if self == Self::No || !is_money || field.limits.min.is_some() {
            return Ok(());
        }
        let limits = Limits::new(Some(0), field.limits.max);
        let number = number.into();
        limits.check(number).map_err(|outside| BrokenRule::Range { number, outside })
    }
}

const PARTNER_ORDERS: &str = "v3/pay/partner/transactions/";

/// `A, B or C`.
fn listed(values: &[&str]) -> String {
    match values {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    fn field(method: &str, path: &str, name: &str) -> (CarriedOut, &'static Field) {
        let operation = Catalog::embedded().find(method, path).unwrap();
        let request = &operation.request;
        let mut fields = request.json.iter().chain(&request.query).chain(&request.xml);
        let field = fields.find(|field| field.name == name).unwrap();
        (CarriedOut::from_operation(operation), field)
    }

    #[test]
    fn a_word_that_would_be_guessed_is_refused_with_those_that_are_known() {
        let (carried_out, account) = field("POST", "v3/merchant/fund/withdraw", "account_type");
        for known in ["BASIC", "OPERATION", "FEES"] {
            assert_eq!(carried_out.check_word(account, known), Ok(()));
        }
        for unknown in ["MARKETING", "XX", "basic"] {
            let reason = carried_out.check_word(account, unknown).unwrap_err();
            assert!(reason.contains("BASIC, OPERATION or FEES"), "{reason}");
        }
    }

    #[test]
    fn an_abnormal_refund_goes_to_a_debit_card_of_a_known_bank() {
        let path = "v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund";
        let (carried_out, bank) = field("POST", path, "bank_type");
        assert_eq!(carried_out.check_word(bank, "ICBC_DEBIT"), Ok(()));
        assert!(carried_out.check_word(bank, "ICBC_CREDIT").is_err());
    }

    #[test]
    fn a_word_that_is_only_kept_passes() {
        let (carried_out, kept) = field("POST", "v3/profitsharing/receivers/add", "relation_type");
        assert_eq!(carried_out.check_word(kept, "FRIEND"), Ok(()));
        let (other_product, _) = field("POST", "v3/merchant/fund/withdraw", "account_type");
        assert!(other_product.check_word(kept, "FRIEND").is_err(), "another product's list is not asked");
    }

    #[test]
    fn money_below_nothing_is_refused_of_every_operation_that_is_carried_out() {
        let mut seen = 0;
        for operation in Catalog::embedded().operations() {
            let carried_out = CarriedOut::from_operation(operation);
            let request = &operation.request;
            for field in request.json.iter().chain(&request.query).chain(&request.xml) {
                let is_money = field.kind == Kind::Integer && field.format == Some(Format::Fen);
                if carried_out.is_yes() && is_money {
                    let refused = field.rules().check_integer(-1).is_err()
                        || carried_out.check_money(field, -1).is_err();
                    assert!(refused, "{} {}", operation.path, field.name);
                    seen += 1;
                }
            }
        }
        assert!(seen > 10, "{seen}");
    }
}
