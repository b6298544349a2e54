//! A coupon in an order (核销): what it takes off, whose money that is, and what the order shows of it (`promotion_detail`).

use serde_json::{Value, json};

use super::callbacks;
use super::coupon::{self, Coupon, Use};
use super::stock::{self, Stock};
use crate::products::HandlerError;
use crate::products::ledger::{Account, AccountKind, Business, Owner, Posting, post};
use crate::response::Refusal;
use crate::store::{Page, StoreError, Transaction};

/// The most coupons of one person that are looked at for an order.
const MAX_LOOKED_AT: i64 = 200;

/// What an order must say for a coupon to fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Basket<'a> {
    /// Whose money the payment is.
    pub(crate) payee: &'a str,
    /// Fen.
    pub(crate) total: i64,
    /// 订单优惠标记.
    pub(crate) goods_tag: Option<&'a str>,
}

/// A coupon that fits an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Discount {
    stock: Stock,
    coupon: Coupon,
}

impl Discount {
    /// Fen that it takes off.
    pub(crate) fn amount(&self) -> i64 {
        self.stock.coupon_amount
    }

    /// The creator of the stock whose marketing account pays it; nobody where the stock has no money.
    fn funder(&self) -> Option<Owner> {
        (!self.stock.no_cash).then(|| Owner::merchant(&self.stock.creator))
    }

    /// Whether the payee gets the amount all the same, from the budget of the stock.
    pub(crate) fn is_funded(&self) -> bool {
        !self.stock.no_cash
    }

    /// The entry of the order's `promotion_detail`.
    pub(crate) fn promotion_detail(&self) -> Value {
        json!({
            "coupon_id": self.coupon.id,
            "name": self.stock.name(),
            "scope": if self.stock.use_rule_texts("available_items").is_empty() { "GLOBAL" } else { "SINGLE" },
            "type": if self.stock.no_cash { "NOCASH" } else { "CASH" },
            "amount": self.amount(),
            "stock_id": self.stock.id,
            "wechatpay_contribute": 0,
            "merchant_contribute": self.amount(),
            "other_contribute": 0,
            "currency": "CNY",
        })
    }
}

/// The coupon of a person that takes most off an order; of equal ones the one that ends first.
pub(crate) fn best(
    tx: &Transaction<'_>,
    openids: &[&str],
    basket: Basket<'_>,
    now: i64,
) -> Result<Option<Discount>, StoreError> {
    let mut best: Option<Discount> = None;
    for openid in openids {
        for coupon in coupon::find_of_user(tx, openid, Page { offset: 0, limit: MAX_LOOKED_AT })? {
            let Some(stock) = stock::find(tx, &coupon.stock_id)? else { continue };
            if !fits(&stock, &coupon, basket, now) {
                continue;
            }
            let found = Discount { stock, coupon };
            let is_better =
                |known: &Discount| (found.amount(), -found.coupon.end) > (known.amount(), -known.coupon.end);
            if best.as_ref().is_none_or(is_better) {
                best = Some(found);
            }
        }
    }
    Ok(best)
}

/// The coupon with a number, when it fits an order.
pub(crate) fn chosen(
    tx: &Transaction<'_>,
    coupon_id: &str,
    openids: &[&str],
    basket: Basket<'_>,
    now: i64,
) -> Result<Option<Discount>, StoreError> {
    let Some(coupon) = coupon::find(tx, coupon_id)? else { return Ok(None) };
    let Some(stock) = stock::find(tx, &coupon.stock_id)? else { return Ok(None) };
    let is_own = openids.contains(&&*coupon.openid);
    Ok((is_own && fits(&stock, &coupon, basket, now)).then_some(Discount { stock, coupon }))
}

/// The rule. At least one fen must be left to pay: INFERRED(cash-rest). A stock without `available_merchants` is valid for its creator:
/// INFERRED(cash-merchants).
fn fits(stock: &Stock, coupon: &Coupon, basket: Basket<'_>, now: i64) -> bool {
    let merchants = stock.use_rule_texts("available_merchants");
    let is_valid_there = match merchants.is_empty() {
        true => basket.payee == stock.creator,
        false => merchants.contains(&basket.payee),
    };
    let tags = stock.use_rule_texts("goods_tag");
    let has_tag = tags.is_empty() || basket.goods_tag.is_some_and(|tag| tags.contains(&tag));
    // The sandbox does not look at the goods of an order.
    let is_for_all_goods = stock.use_rule_texts("available_items").is_empty();
    coupon.is_usable_at(now)
        && is_valid_there
        && has_tag
        && is_for_all_goods
        && basket.total >= stock.transaction_minimum
        && basket.total > stock.coupon_amount
}

/// Uses a coupon in an order that is being paid: the payee gets the amount from the budget, and the creator of the stock is notified.
pub(crate) fn redeem(
    tx: &Transaction<'_>,
    discount: &Discount,
    payee: &str,
    to: AccountKind,
    transaction_id: &str,
    now: i64,
) -> Result<(), HandlerError> {
    if let Some(funder) = discount.funder() {
        let posting =
            Posting::new(Business::Coupon, transaction_id, now).for_number(&discount.coupon.id).moves(
                funder.account(AccountKind::Marketing),
                Owner::merchant(payee).account(to),
                discount.amount(),
            );
        post(tx, posting).map_err(|error| error.or_short(Refusal::system_error))?;
        let locked = discount.stock.locked.saturating_sub(discount.amount());
        tx.save(&Stock { locked, ..discount.stock.clone() })?;
    }
    let used = Use { time: now, mchid: payee.to_owned(), transaction_id: transaction_id.to_owned() };
    let coupon = Coupon { used: Some(used), ..discount.coupon.clone() };
    tx.save(&coupon)?;
    callbacks::announce_use(tx, &coupon.creator, coupon.show(&discount.stock, now), now)?;
    Ok(())
}

/// The account that money of a coupon goes back to: the budget of its stock, or, when the stock's period is over, the creator's
/// balance. None when there is no such coupon.
pub(crate) fn return_to_budget(
    tx: &Transaction<'_>,
    coupon_id: &str,
    fen: i64,
    now: i64,
) -> Result<Option<Account>, StoreError> {
    let Some(coupon) = coupon::find(tx, coupon_id)? else { return Ok(None) };
    let Some(stock) = stock::find(tx, &coupon.stock_id)? else { return Ok(None) };
    let creator = Owner::merchant(&stock.creator);
    if now > stock.end {
        return Ok(Some(creator.account(AccountKind::Available)));
    }
    let locked = stock.locked.saturating_add(fen);
    tx.save(&Stock { locked, ..stock })?;
    Ok(Some(creator.account(AccountKind::Marketing)))
}

/// Gives the coupons of an order back: the whole order was refunded or reversed. INFERRED(cash-return): one whose time is over is shown
/// as expired then.
pub(crate) fn give_back_all(
    tx: &Transaction<'_>,
    promotion_detail: &[Value],
    transaction_id: &str,
) -> Result<(), StoreError> {
    promotion_detail.iter().try_for_each(|promotion| {
        let coupon_id = promotion["coupon_id"].as_str().unwrap_or_default();
        give_back(tx, coupon_id, transaction_id).map(|_| ())
    })
}

/// Whether there was such a coupon, used in this order.
fn give_back(tx: &Transaction<'_>, coupon_id: &str, transaction_id: &str) -> Result<bool, StoreError> {
    let Some(coupon) = coupon::find(tx, coupon_id)? else { return Ok(false) };
    if coupon.used.as_ref().is_none_or(|used| used.transaction_id != transaction_id) {
        return Ok(false);
    }
    let coupon = Coupon { used: None, ..coupon };
    tx.save(&coupon)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::coupon::tests::{OPENID, a_coupon};
    use super::super::stock::tests::{CREATOR, NOW, a_running_stock};
    use super::*;
    use crate::products::ledger::{Purse, sum_of_everything};
    use crate::store::Store;

    const BASKET: Basket<'_> = Basket { payee: CREATOR, total: 1_000, goods_tag: None };

    #[test]
    fn a_coupon_fits_an_order_that_is_large_enough_at_its_merchant_in_its_time() {
        let (stock, coupon) = (a_running_stock(), a_coupon());
        assert!(fits(&stock, &coupon, BASKET, NOW));
        assert!(!fits(&stock, &coupon, Basket { total: 999, ..BASKET }, NOW));
        assert!(!fits(&stock, &coupon, Basket { payee: "1900000999", ..BASKET }, NOW));
        assert!(!fits(&stock, &coupon, BASKET, NOW - 1));
        assert!(!fits(&stock, &coupon, BASKET, NOW + 3_601));
    }

    #[test]
    fn a_tag_of_the_stock_must_stand_in_the_order() {
        let mut stock = a_running_stock();
        stock.members["coupon_use_rule"]["goods_tag"] = json!(["WXG"]);
        assert!(!fits(&stock, &a_coupon(), BASKET, NOW));
        assert!(fits(&stock, &a_coupon(), Basket { goods_tag: Some("WXG"), ..BASKET }, NOW));
    }

    #[test]
    fn a_used_coupon_has_moved_money_of_the_budget_and_is_not_found_again() {
        let store = Store::in_memory();
        let done: Result<(), HandlerError> = store.transaction(|tx| {
            let creator = Owner::merchant(CREATOR);
            let budget = Posting::new(Business::TopUp, "1", NOW).moves(
                creator.account(AccountKind::Bank),
                creator.account(AccountKind::Marketing),
                5_000,
            );
            post(tx, budget).unwrap();
            tx.save(&Stock { locked: 5_000, ..a_running_stock() })?;
            tx.save(&a_coupon())?;
            let discount = best(tx, &[OPENID], BASKET, NOW)?.unwrap();
            assert_eq!((discount.amount(), discount.is_funded()), (500, true));
            assert_eq!(discount.promotion_detail()["coupon_id"], a_coupon().id);
            redeem(tx, &discount, CREATOR, AccountKind::Unsettled, "4200", NOW)?;
            assert_eq!(best(tx, &[OPENID], BASKET, NOW)?, None);
            let purse = Purse::find(tx, &creator)?;
            let balances = [AccountKind::Marketing, AccountKind::Unsettled].map(|kind| purse.balance(kind));
            assert_eq!((balances, sum_of_everything(tx)?), ([4_500, 500], 0));
            assert_eq!(stock::find(tx, &a_running_stock().id)?.unwrap().locked, 4_500);
            assert!(!give_back(tx, &a_coupon().id, "another")?);
            assert!(give_back(tx, &a_coupon().id, "4200")?);
            assert!(best(tx, &[OPENID], BASKET, NOW)?.is_some());
            Ok(())
        });
        done.unwrap();
    }
}
