//! A coupon in an order (核销): what it takes off, whose money that is, and what the order shows of it (`promotion_detail`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Value, json};

use super::benefit::Taken;
use super::coupon::{self, Coupon, Use};
use super::flow::{self, FlowKind, FlowOf};
use super::goods::{Eligible, Goods};
use super::stock::{self, Stock};
use super::{availability, callbacks};
use crate::ledger::{Account, AccountKind, Business, Owner, Posting, post};
use crate::products::HandlerError;
use crate::products::payments::order::TradeType;
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

/// The most coupons of one person that fit an order and are compared: those that end first. Others do not
/// count, so that nobody hides a coupon after many that do not fit.
const MAX_FITTING: usize = 200;

/// The order that a coupon must fit.
#[derive(Debug, Clone)]
pub(crate) struct Basket<'a> {
    /// The merchant that gets the payment.
    pub(crate) payee: &'a str,
    /// Fen.
    pub(crate) total: i64,
    /// 订单优惠标记.
    pub(crate) goods_tag: Option<&'a str>,
    pub(crate) trade_type: TradeType,
    /// `bank_type` of the payment; `OTHERS` for the wallet.
    pub(crate) bank_type: &'a str,
    pub(crate) goods: Vec<Goods>,
}

/// A coupon that fits an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Discount {
    /// The merchant whose order it fits.
    payee: String,
    stock: Stock,
    coupon: Coupon,
    taken: Taken,
}

impl Discount {
    /// Fen that it takes off.
    pub(crate) fn amount(&self) -> i64 {
        self.taken.fen
    }

    pub(crate) fn coupon_id(&self) -> &str {
        &self.coupon.id
    }

    /// The creator of the stock whose marketing account pays it; nobody where the stock has no money.
    fn funder(&self) -> Option<Owner> {
        (!self.stock.no_cash).then(|| Owner::merchant(&self.stock.creator))
    }

    /// Whether the payee gets the amount all the same, from the budget of the stock.
    pub(crate) fn is_funded(&self) -> bool {
        !self.stock.no_cash
    }

    /// Whether the payee pays for it. INFERRED(cash-contribute): 商户出资 is what the payee's own stocks take off, and
    /// what it does not get because the stock has no money; what comes from the budget of another creator, a
    /// partner too, is 其他出资.
    fn is_of_payee(&self) -> bool {
        self.stock.no_cash || self.stock.creator == self.payee
    }

    /// The entry of the order's `promotion_detail`. UNCONFIRMED(cash-goods-discount): `discount_amount` of
    /// the goods is for all pieces, in proportion to what they cost.
    pub(crate) fn promotion_detail(&self) -> Value {
        let (of_payee, of_others) = if self.is_of_payee() { (self.amount(), 0) } else { (0, self.amount()) };
        let mut shown = json!({
            "coupon_id": self.coupon.id,
            "name": self.stock.name(),
            "scope": if self.stock.items().is_empty() { "GLOBAL" } else { "SINGLE" },
            "type": if self.stock.no_cash { "NOCASH" } else { "CASH" },
            "amount": self.amount(),
            "stock_id": self.stock.id,
            "wechatpay_contribute": 0,
            "merchant_contribute": of_payee,
            "other_contribute": of_others,
            "currency": "CNY",
        });
        if !self.taken.goods.is_empty() {
            let goods = self.taken.goods.iter().map(|(goods, fen)| {
                json!({
                    "goods_id": goods.id, "quantity": goods.quantity, "unit_price": goods.price, "discount_amount": fen,
                })
            });
            shown["goods_detail"] = goods.collect();
        }
        shown
    }
}

/// The coupon of a person that takes most off an order; of equal ones the one that ends first. Those in
/// `except` are for other orders that are paid together with it.
pub(crate) fn best(
    tx: &Transaction<'_>,
    openids: &[String],
    basket: &Basket<'_>,
    except: &[String],
    now: i64,
) -> Result<Option<Discount>, StoreError> {
    let mut stocks = BTreeMap::<String, Option<Stock>>::new();
    let mut best: Option<(i64, Coupon)> = None;
    let mut fitting = 0;
    for coupon in openids.iter().flat_map(|openid| coupon::unused(tx, openid, now)) {
        let coupon = coupon?;
        if except.contains(&coupon.id) {
            continue;
        }
        let stock = match stocks.entry(coupon.stock_id.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(stock::find(tx, &coupon.stock_id)?),
        };
        let taken = stock.as_ref().and_then(|stock| taken_off(stock, &coupon, basket, now));
        let Some(taken) = taken else { continue };
        // Of equal ones the last that was sent.
        let is_better = |known: &(i64, Coupon)| (taken.fen, -coupon.end) >= (known.0, -known.1.end);
        if best.as_ref().is_none_or(is_better) {
            best = Some((taken.fen, coupon));
        }
        fitting += 1;
        if fitting == MAX_FITTING {
            break;
        }
    }
    match best {
        // Read again by its number, so that it can be saved.
        Some((_, coupon)) => chosen(tx, &coupon.id, openids, basket, now),
        None => Ok(None),
    }
}

/// The coupon with a number, when it fits an order.
pub(crate) fn chosen(
    tx: &Transaction<'_>,
    coupon_id: &str,
    openids: &[String],
    basket: &Basket<'_>,
    now: i64,
) -> Result<Option<Discount>, StoreError> {
    let Some(coupon) = coupon::find(tx, coupon_id)? else { return Ok(None) };
    let Some(stock) = stock::find(tx, &coupon.stock_id)? else { return Ok(None) };
    let taken = taken_off(&stock, &coupon, basket, now).filter(|_| openids.contains(&coupon.openid));
    let payee = basket.payee.to_owned();
    Ok(taken.map(|taken| Discount { payee, stock, coupon, taken }))
}

/// The rule: what a coupon takes off an order, if it fits. At least one fen must be left to pay:
/// INFERRED(cash-rest). The money of a funded one must be there: after the period it went back, and the clock
/// may go back then.
fn taken_off(stock: &Stock, coupon: &Coupon, basket: &Basket<'_>, now: i64) -> Option<Taken> {
    let is_in_time = coupon.is_usable_at(now) && availability::is_open(stock, now);
    if !is_in_time || !is_valid_at(stock, basket) || !is_valid_for(stock, basket) {
        return None;
    }
    let eligible = Eligible::of_order(stock, basket.total, &basket.goods);
    let taken = stock.benefit_rule().taken_off(&eligible)?;
    let has_money = stock.no_cash || taken.fen <= stock.locked;
    (has_money && taken.fen < basket.total).then_some(taken)
}

/// Where: a stock without `available_merchants` is valid for its creator: INFERRED(cash-merchants).
fn is_valid_at(stock: &Stock, basket: &Basket<'_>) -> bool {
    let merchants = stock.use_rule_texts("available_merchants");
    if merchants.is_empty() { basket.payee == stock.creator } else { merchants.contains(&basket.payee) }
}

/// How the order is paid, and what it is marked with. INFERRED(cash-trade-type): a JSAPI order is one of a
/// mini program (MICROAPP) or of an official account (OTHER). UNCONFIRMED(cash-limit-pay): `limit_pay` has
/// words of `bank_type`, and with `limit_card` any card is one that it names, because the sandbox has no
/// numbers of cards.
fn is_valid_for(stock: &Stock, basket: &Basket<'_>) -> bool {
    let tags = stock.use_rule_texts("goods_tag");
    let has_tag = tags.is_empty() || basket.goods_tag.is_some_and(|tag| tags.contains(&tag));
    let trade_types = stock.use_rule_texts("trade_type");
    let words: &[&str] = match basket.trade_type {
        TradeType::Jsapi => &["MICROAPP", "OTHER"],
        TradeType::App => &["APPPAY"],
        TradeType::Micropay => &["CARD"],
        // 免密支付.
        TradeType::Pap | TradeType::Auth => &["PPAY"],
        TradeType::Native | TradeType::Mweb => &["OTHER"],
    };
    let has_trade_type = trade_types.is_empty() || words.iter().any(|word| trade_types.contains(word));
    let banks = stock.use_rule_texts("limit_pay");
    let has_bank = banks.is_empty() || banks.contains(&basket.bank_type);
    let has_card = stock.use_rule("limit_card").is_none() || basket.bank_type != WALLET;
    has_tag && has_trade_type && has_bank && has_card
}

/// `bank_type` of what is paid from the wallet.
const WALLET: &str = "OTHERS";

/// Uses a coupon in an order that is being paid: the payee gets the amount from the budget, and the creator
/// of the stock is notified.
pub(crate) fn redeem(
    tx: &Transaction<'_>,
    discount: &Discount,
    to: AccountKind,
    order: FlowOf<'_>,
) -> Result<(), HandlerError> {
    let Discount { stock, coupon, taken, .. } = discount;
    let FlowOf { transaction_id, mchid, now, .. } = order;
    if let Some(funder) = discount.funder() {
        let posting = Posting::new(Business::Coupon, transaction_id, now).for_number(&coupon.id).moves(
            funder.account(AccountKind::Marketing),
            Owner::merchant(mchid).account(to),
            taken.fen,
        );
        post(tx, posting)
            .map_err(|error| error.or_short(|short| Refusal::system_error().with_reason(short)))?;
        let locked = stock.locked.saturating_sub(taken.fen);
        tx.save(&Stock { locked, ..stock.clone() })?;
    }
    let used = Use {
        time: now,
        mchid: mchid.to_owned(),
        transaction_id: transaction_id.to_owned(),
        fen: taken.fen,
        goods: taken.goods.clone(),
    };
    let coupon = Coupon { used: Some(used), ..coupon.clone() };
    tx.save(&coupon)?;
    flow::note(tx, FlowKind::Use, (&stock.id, &coupon.id), taken.fen, &taken.goods, order)?;
    callbacks::announce_use(tx, &coupon.creator, coupon.show_used(stock, now), now)?;
    Ok(())
}

/// Writes down what of the coupons of an order came back.
pub(crate) fn note_refund(
    tx: &Transaction<'_>,
    promotion_detail: &[Value],
    refunded: &[i64],
    order: FlowOf<'_>,
) -> Result<(), StoreError> {
    for (promotion, fen) in promotion_detail.iter().zip(refunded) {
        let coupon = coupon::find(tx, promotion["coupon_id"].as_str().unwrap_or_default())?;
        let Some(coupon) = coupon.filter(|_| *fen > 0) else { continue };
        let goods = coupon.used.as_ref().map(|used| used.goods.as_slice()).unwrap_or_default();
        flow::note(tx, FlowKind::Refund, (&coupon.stock_id, &coupon.id), *fen, goods, order)?;
    }
    Ok(())
}

/// The account that money of a coupon goes back to: the budget of its stock, or, when the stock's period is
/// over, the account that the budget came from. None when there is no such coupon.
pub(crate) fn return_to_budget(
    tx: &Transaction<'_>,
    coupon_id: &str,
    fen: i64,
    now: i64,
) -> Result<Option<Account>, StoreError> {
    let Some(coupon) = coupon::find(tx, coupon_id)? else { return Ok(None) };
    let Some(stock) = stock::find(tx, &coupon.stock_id)? else { return Ok(None) };
    if stock.released || now > stock.end {
        return Ok(Some(stock.home_of_budget()));
    }
    let creator = Owner::merchant(&stock.creator);
    let locked = stock.locked.saturating_add(fen);
    tx.save(&Stock { locked, ..stock })?;
    Ok(Some(creator.account(AccountKind::Marketing)))
}

/// Gives the coupons of an order back: the whole order was refunded or reversed. INFERRED(cash-return): one
/// whose time is over is shown as expired then.
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
