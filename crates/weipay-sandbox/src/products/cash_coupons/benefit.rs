//! The discount of a coupon (优惠): a fixed amount (满减), a part of the price (折扣), or all of one piece above a price (换购, 减至).
//!
//! UNCONFIRMED(cash-kinds): only fixed amounts are known to be made by the API. The request has the other
//! two, and the sandbox does with them what their members say.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::goods::{Eligible, Goods};
use super::refusals;
use crate::products::apportion::apportion;
use crate::response::Refusal;

/// The discount of a coupon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Benefit {
    /// Its value.
    #[default]
    Fixed,
    /// So much of a hundred is left to pay: 88 for 八八折.
    Percent(i64),
    /// The price of one piece, in fen.
    CutTo(i64),
}

/// The rules of a stock's coupons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BenefitRule {
    pub(super) benefit: Benefit,
    /// The most fen that one coupon takes off.
    pub(super) most: i64,
    /// The threshold of the order, or of its goods, in fen.
    pub(super) minimum: i64,
}

/// The discount of a coupon on one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) fen: i64,
    /// Of each of the goods that it is for; nothing for a coupon of all goods.
    pub(super) goods: Vec<(Goods, i64)>,
}

impl BenefitRule {
    /// Reads `coupon_use_rule` of a new stock. `share` is what one coupon has of the budget.
    pub(super) fn read(
        stock_type: &str,
        use_rule: Option<&Value>,
        share: Option<i64>,
    ) -> Result<Self, Refusal> {
        let block = |name: &str| use_rule.and_then(|rule| rule.get(name)).and_then(Value::as_object);
        let rule = match stock_type {
            "NORMAL" => block("fixed_normal_coupon").and_then(Self::fixed),
            "DISCOUNT" => block("discount_coupon").and_then(Self::percent),
            "EXCHAHGE" => {
                block("exchange_coupon").zip(share).and_then(|(rule, share)| Self::cut_to(rule, share))
            }
            _ => {
                return Err(refusals::bad_rules(
                    "the sandbox has stocks with stock_type NORMAL, DISCOUNT and EXCHAHGE (sic)",
                ));
            }
        };
        let rule = rule.ok_or_else(|| {
            refusals::bad_rules(
                "coupon_use_rule needs the whole block of its stock_type: fixed_normal_coupon for NORMAL, discount_coupon for DISCOUNT, \
                 exchange_coupon for EXCHAHGE",
            )
        })?;
        rule.check()?;
        if matches!(rule.benefit, Benefit::CutTo(_)) && !has_items(use_rule) {
            return Err(refusals::bad_rules("an exchange_coupon needs available_items: the goods it is for"));
        }
        Ok(rule)
    }

    fn fixed(block: &Map<String, Value>) -> Option<Self> {
        let (most, minimum) = (fen(block, "coupon_amount")?, fen(block, "transaction_minimum")?);
        Some(Self { benefit: Benefit::Fixed, most, minimum })
    }

    fn percent(block: &Map<String, Value>) -> Option<Self> {
        let benefit = Benefit::Percent(fen(block, "discount_percent")?);
        let minimum = fen(block, "transaction_minimum").unwrap_or_default();
        Some(Self { benefit, most: fen(block, "discount_amount_max")?, minimum })
    }

    fn cut_to(block: &Map<String, Value>, share: i64) -> Option<Self> {
        let benefit = Benefit::CutTo(fen(block, "exchange_price")?);
        Some(Self { benefit, most: share, minimum: fen(block, "transaction_minimum").unwrap_or_default() })
    }

    /// UNCONFIRMED(cash-limits): the highest and the lowest value.
    fn check(&self) -> Result<(), Refusal> {
        if self.most <= 0 || self.minimum < 0 {
            return Err(refusals::bad_rules("what a coupon takes off must be above 0"));
        }
        match self.benefit {
            // UNCONFIRMED(cash-minimum): whether the minimum must be above the value.
            Benefit::Fixed if self.minimum < self.most => {
                Err(refusals::bad_rules("transaction_minimum must not be below coupon_amount"))
            }
            Benefit::Percent(percent) if !(1..=99).contains(&percent) => {
                Err(refusals::bad_rules("discount_percent is what is left to pay, from 1 to 99"))
            }
            Benefit::CutTo(price) if price < 0 => {
                Err(refusals::bad_rules("exchange_price must not be below 0"))
            }
            _ => Ok(()),
        }
    }

    /// The discount on goods; none if they cost too little.
    pub(super) fn taken_off(&self, eligible: &Eligible) -> Option<Taken> {
        if eligible.fen < self.minimum {
            return None;
        }
        if let Benefit::CutTo(price) = self.benefit {
            let dearest = eligible.goods.iter().max_by_key(|goods| goods.price)?;
            let fen = dearest.price.saturating_sub(price).min(self.most);
            return (fen > 0).then(|| Taken { fen, goods: vec![(dearest.clone(), fen)] });
        }
        let fen = match self.benefit {
            Benefit::Percent(percent) => {
                let off = i128::from(eligible.fen) * i128::from(100i64.saturating_sub(percent));
                // Half a fen is not given.
                i64::try_from(off / 100).unwrap_or(self.most).min(self.most)
            }
            _ => self.most,
        };
        let worths: Vec<i64> = eligible.goods.iter().map(Goods::worth).collect();
        let goods = match apportion(fen, &worths, 0) {
            Some(shares) => eligible.goods.iter().cloned().zip(shares).collect(),
            None => Vec::new(),
        };
        (fen > 0).then_some(Taken { fen, goods })
    }
}

fn has_items(use_rule: Option<&Value>) -> bool {
    let items = use_rule.and_then(|rule| rule.get("available_items")).and_then(Value::as_array);
    items.is_some_and(|items| !items.is_empty())
}

fn fen(block: &Map<String, Value>, name: &str) -> Option<i64> {
    block.get(name).and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(fen: i64) -> Eligible {
        Eligible { fen, goods: Vec::new() }
    }

    fn goods(price: i64, quantity: i64) -> Goods {
        Goods { id: price.to_string(), quantity, price }
    }

    #[test]
    fn a_percentage_is_what_is_left_to_pay_and_has_a_limit() {
        let rule = json!({ "discount_coupon": {
            "discount_percent": 88, "discount_amount_max": 500, "transaction_minimum": 1_000,
        } });
        let rule = BenefitRule::read("DISCOUNT", Some(&rule), None).unwrap();
        assert_eq!(rule.taken_off(&all(999)), None);
        assert_eq!(rule.taken_off(&all(1_004)).unwrap().fen, 120);
        assert_eq!(rule.taken_off(&all(10_000)).unwrap().fen, 500);
    }

    #[test]
    fn one_piece_is_cut_to_its_price_within_the_budget() {
        let rule = json!({
            "exchange_coupon": { "exchange_price": 100, "transaction_minimum": 0 }, "available_items": ["5"],
        });
        let rule = BenefitRule::read("EXCHAHGE", Some(&rule), Some(300)).unwrap();
        let two = Eligible { fen: 700, goods: vec![goods(150, 2), goods(250, 1)] };
        let taken = rule.taken_off(&two).unwrap();
        assert_eq!((taken.fen, &*taken.goods[0].0.id), (150, "250"));
        let dear = Eligible { fen: 9_000, goods: vec![goods(9_000, 1)] };
        assert_eq!(rule.taken_off(&dear).unwrap().fen, 300);
        assert_eq!(rule.taken_off(&Eligible { fen: 90, goods: vec![goods(90, 1)] }), None);
    }

    #[test]
    fn what_a_fixed_coupon_takes_off_is_divided_among_its_goods() {
        let rule = BenefitRule { benefit: Benefit::Fixed, most: 100, minimum: 400 };
        let taken = rule.taken_off(&Eligible { fen: 400, goods: vec![goods(50, 2), goods(300, 1)] }).unwrap();
        let shares: Vec<i64> = taken.goods.iter().map(|(_, fen)| *fen).collect();
        assert_eq!((taken.fen, shares), (100, vec![25, 75]));
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        let fixed = |amount: i64, minimum: i64| {
            json!({
                "fixed_normal_coupon": { "coupon_amount": amount, "transaction_minimum": minimum },
            })
        };
        let percent = |percent: i64| {
            json!({
                "discount_coupon": { "discount_percent": percent, "discount_amount_max": 1 },
            })
        };
        for (stock_type, rule) in [
            ("NORMAL", fixed(0, 10)),
            ("NORMAL", fixed(11, 10)),
            ("NORMAL", percent(88)),
            ("DISCOUNT", percent(100)),
            ("DISCOUNT", percent(0)),
            ("EXCHAHGE", json!({ "exchange_coupon": { "exchange_price": 1 } })),
            ("RANDOM", fixed(5, 10)),
            ("NORMAL", json!({})),
        ] {
            let refusal = BenefitRule::read(stock_type, Some(&rule), Some(1)).unwrap_err();
            assert_eq!(refusal.code, "INVALID_REQUEST", "{stock_type} {rule}");
        }
    }
}
