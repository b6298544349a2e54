//! A person pays: money moves on the ledger, the order changes its state, and its merchant is notified, in one transaction.
//!
//! Everything that pays an order does it by [`pay`]. The fee is the platform's; what is left is the payee's 未结算资金 until the
//! next day, or waits for the split (分账). UNCONFIRMED(settlement): what was paid before a midnight in Beijing is settled then.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::deposit;
use super::limit_pay::Funds;
use super::order::{Dialect, Order, OrderState, Payer, Payment, TradeType, new_transaction_id};
use super::parties::find_person;
use super::profit_sharing::funds::SharedFunds;
use super::settlement::settlement_of;
use super::unconfirmed::FEE_PERMILLE;
use super::v2;
use crate::ledger::{AccountKind, Business, Owner, Posting, PostingError, Purse, post};
use crate::people::Person;
use crate::people::account::AccountState;
use crate::products::HandlerError;
use crate::products::cash_coupons::discount::{self, Basket, Discount};
use crate::products::cash_coupons::flow::FlowOf;
use crate::products::cash_coupons::goods::Goods;
use crate::store::{Announcement, StoreError, Transaction};

/// The payer of an order, and the means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Means {
    pub(crate) payer: Payer,
    pub(crate) person: Owner,
    pub(crate) funds: Funds,
    /// Fen of a discount of the merchant, which the merchant is not paid for (免充值).
    pub(crate) discount: i64,
    /// Which cash coupon (代金券) takes something off.
    pub(crate) coupon: CouponChoice,
}

/// Which cash coupon (代金券) a person uses. A discount of the merchant and a coupon do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum CouponChoice {
    /// The one that takes most off, if the person has one that fits: so the app proposes it.
    #[default]
    Best,
    None,
    /// By `coupon_id`.
    Number(String),
}

impl CouponChoice {
    /// The choice of a developer: a `coupon_id`, `none`, or nothing.
    pub(crate) fn from_text(text: Option<&str>) -> Self {
        match text {
            None => Self::Best,
            Some("none") => Self::None,
            Some(number) => Self::Number(number.to_owned()),
        }
    }
}

/// Why an order was not paid. Nothing was changed.
#[derive(Debug)]
pub(crate) enum NotPaid {
    /// In words for the developer.
    Because(String),
    NotEnough,
    Failed(StoreError),
}

impl From<StoreError> for NotPaid {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<HandlerError> for NotPaid {
    fn from(error: HandlerError) -> Self {
        match error {
            HandlerError::Refused(refusal) => Self::Because(refusal.message.into_owned()),
            HandlerError::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<PostingError> for NotPaid {
    fn from(error: PostingError) -> Self {
        match error {
            PostingError::Short { .. } => Self::NotEnough,
            PostingError::Amount => Self::Because("the amount is too large".to_owned()),
            PostingError::Store(error) => Self::Failed(error),
        }
    }
}

/// Pays one order: the money, the state, and what falls due. The merchant is not notified yet: a combined
/// order has one notification.
pub(crate) fn pay(tx: &Transaction<'_>, order: Order, means: &Means, now: i64) -> Result<Order, NotPaid> {
    let order = order.seen_at(now);
    check_payable(&order).map_err(|reason| NotPaid::Because(reason.to_owned()))?;
    check_account(AccountState::of_owner(tx, &means.person)?)?;
    order.limit_pay.check(means.funds).map_err(|reason| NotPaid::Because(reason.to_owned()))?;
    check_discount(means.discount, order.total)?;
    check_deposit(&order, means)?;
    let id = new_transaction_id(tx, now)?;
    let coupon = coupon_of(tx, &order, means, now)?;
    let taken_off = coupon.as_ref().map_or(means.discount, Discount::amount);
    let payer_total = order.total - taken_off;
    // 应结订单金额: what a funded coupon takes off comes from its budget.
    let settled = if coupon.as_ref().is_some_and(Discount::is_funded) { order.total } else { payer_total };
    let fee = fee_of(settled);
    let payment = Payment {
        transaction_id: id.clone(),
        paid_at: now,
        payer: means.payer.clone(),
        person: means.person.clone(),
        bank_type: means.funds.bank_type().to_owned(),
        payer_total,
        fee,
        promotion_detail: match &coupon {
            Some(coupon) => vec![coupon.promotion_detail()],
            None => promotion(&order, means.discount),
        },
        refunded: 0,
        refund_count: 0,
    };
    check_wallet(tx, means, payer_total)?;
    // Before the posting of the payment, which takes the fee out of what is there: a coupon may leave less to pay than the fee.
    if let Some(coupon) = &coupon {
        let of = FlowOf {
            transaction_id: &id,
            refund_id: None,
            total: order.total,
            mchid: order.payee(),
            device: order.device(),
            now,
        };
        discount::redeem(tx, coupon, AccountKind::Unsettled, of)?;
    }
    post(tx, posting(&order, &payment, means.funds, now))?;
    if order.profit_sharing || order.deposit.is_some() {
        post(tx, kept_waiting(&order, &id, settled - fee, now))?;
    }
    let expiry = super::closing::expiry_of(&order);
    let paid = Order { state: OrderState::Success, payment: Some(payment), ..order };
    tx.save(&paid)?;
    SharedFunds::begin(tx, &paid)?;
    deposit::begin(tx, &paid)?;
    tx.unschedule(&expiry)?;
    tx.schedule(&settlement_of(paid.payee(), now))?;
    Ok(paid)
}

/// The rule: who can pay at all.
fn check_account(account: AccountState) -> Result<(), NotPaid> {
    match account {
        AccountState::Normal | AccountState::Unverified => Ok(()),
        AccountState::Frozen => Err(NotPaid::Because("the account of the person is frozen".to_owned())),
        AccountState::Cancelled => {
            Err(NotPaid::Because("the person has cancelled the account and cannot pay".to_owned()))
        }
    }
}

/// The rule: a discount leaves something to pay.
fn check_discount(discount: i64, total: i64) -> Result<(), NotPaid> {
    match discount {
        ..0 => Err(NotPaid::Because("a discount must not be below 0 fen".to_owned())),
        _ if discount >= total => Err(NotPaid::Because(format!(
            "a discount must be less than the {total} fen of the order: at least 1 fen is left to pay"
        ))),
        _ => Ok(()),
    }
}

/// The rule: a deposit takes no coupon (不支持代金券). One that the person did not choose is kept for something else.
fn check_deposit(order: &Order, means: &Means) -> Result<(), NotPaid> {
    let is_reduced = means.discount > 0 || matches!(means.coupon, CouponChoice::Number(_));
    if order.deposit.is_some() && is_reduced {
        Err(NotPaid::Because("a deposit (押金) takes no coupon and no discount".to_owned()))
    } else {
        Ok(())
    }
}

/// The rule: a wallet has what the person pays. This is asked before a coupon is used, because who gets [`NotPaid`] may go on.
fn check_wallet(tx: &Transaction<'_>, means: &Means, payer_total: i64) -> Result<(), NotPaid> {
    let has_enough = !means.funds.is_wallet()
        || Purse::find(tx, &means.person)?.balance(AccountKind::Wallet) >= payer_total;
    if has_enough { Ok(()) } else { Err(NotPaid::NotEnough) }
}

fn posting(order: &Order, payment: &Payment, funds: Funds, now: i64) -> Posting {
    let from = if funds.is_wallet() { AccountKind::Wallet } else { AccountKind::Bank };
    let payee = Owner::merchant(order.payee());
    let unsettled = || payee.account(AccountKind::Unsettled);
    Posting::new(Business::Payment, payment.transaction_id.as_str(), now)
        .for_number(order.out_trade_no.as_str())
        .moves(payment.person.account(from), unsettled(), payment.payer_total)
        .moves(unsettled(), payee.account(AccountKind::Fees), payment.fee)
}

/// The rest of an order with profit sharing waits for the split, and a deposit to be consumed.
fn kept_waiting(order: &Order, transaction_id: &str, fen: i64, now: i64) -> Posting {
    let payee = Owner::merchant(order.payee());
    Posting::new(Business::Payment, transaction_id, now).for_number(order.out_trade_no.as_str()).moves(
        payee.account(AccountKind::Unsettled),
        payee.account(AccountKind::Frozen),
        fen,
    )
}

/// The coupons that orders are paid with, which are paid together, when their person chooses nothing: one for each, or none.
/// UNCONFIRMED(combined-coupons): each part of a combined order takes the best that is left, in the order of the parts.
pub(super) fn coupons_to_use(
    tx: &Transaction<'_>,
    orders: &[Order],
    person: Option<&str>,
    funds: Funds,
    now: i64,
) -> Result<Vec<Option<Discount>>, NotPaid> {
    let (mut found, mut taken) = (Vec::with_capacity(orders.len()), Vec::new());
    for order in orders {
        if order.deposit.is_some() {
            found.push(None);
            continue;
        }
        let (payer, _) = payer_of(tx, order, person)?;
        let basket = basket(order, funds.bank_type());
        let coupon = discount::best(tx, &openids_of(tx, &payer)?, &basket, &taken, now)?;
        taken.extend(coupon.as_ref().map(|coupon| coupon.coupon_id().to_owned()));
        found.push(coupon);
    }
    Ok(found)
}

/// The openids under which a person may have coupons. INFERRED(cash-person): those of a person that was made
/// count under every appid, because a stock may be valid at a merchant that has another one than its creator.
fn openids_of(tx: &Transaction<'_>, payer: &Payer) -> Result<Vec<String>, StoreError> {
    let mut openids: Vec<String> =
        [&payer.openid, &payer.sub_openid].into_iter().flatten().cloned().collect();
    for openid in openids.clone() {
        if let Some(person) = Person::find(tx, &openid)? {
            openids.extend(person.openids.into_values().chain([person.unionid]));
        }
    }
    openids.sort_unstable();
    openids.dedup();
    Ok(openids)
}

fn basket<'a>(order: &'a Order, bank_type: &'a str) -> Basket<'a> {
    Basket {
        payee: order.payee(),
        total: order.total,
        goods_tag: order.goods_tag.as_deref(),
        trade_type: order.trade_type,
        bank_type,
        goods: Goods::of_detail(order.detail.as_ref()),
    }
}

/// Whether a coupon of the person fits an order.
pub(super) fn fits(
    tx: &Transaction<'_>,
    order: &Order,
    payer: &Payer,
    coupon_id: &str,
    funds: Funds,
    now: i64,
) -> Result<bool, StoreError> {
    let basket = basket(order, funds.bank_type());
    Ok(discount::chosen(tx, coupon_id, &openids_of(tx, payer)?, &basket, now)?.is_some())
}

/// The error of a chosen coupon that cannot be used.
pub(super) fn does_not_fit(coupon_id: &str) -> NotPaid {
    NotPaid::Because(format!(
        "the coupon {} does not fit: it must be the person's, unused, in its time, valid at this merchant, for this way to pay and these \
         goods, and the order large enough for it",
        coupon_id.escape_debug()
    ))
}

/// The coupon that is used, if one fits. A coupon that the person chose must fit.
fn coupon_of(
    tx: &Transaction<'_>,
    order: &Order,
    means: &Means,
    now: i64,
) -> Result<Option<Discount>, NotPaid> {
    if means.discount > 0 || order.deposit.is_some() {
        return Ok(None);
    }
    let (openids, basket) = (openids_of(tx, &means.payer)?, basket(order, means.funds.bank_type()));
    match &means.coupon {
        CouponChoice::None => Ok(None),
        CouponChoice::Best => Ok(discount::best(tx, &openids, &basket, &[], now)?),
        CouponChoice::Number(number) => {
            let coupon = discount::chosen(tx, number, &openids, &basket, now)?;
            coupon.map(Some).ok_or_else(|| does_not_fit(number))
        }
    }
}

/// The fee of the platform, rounded half up.
pub(crate) fn fee_of(payer_total: i64) -> i64 {
    (i128::from(payer_total) * i128::from(FEE_PERMILLE) + 500)
        .checked_div(1_000)
        .and_then(|fee| i64::try_from(fee).ok())
        .unwrap_or_default()
}

/// The rate of the fee (费率) as bills have it, such as `0.60%`.
pub(crate) fn fee_rate() -> String {
    format!("{}.{}0%", FEE_PERMILLE / 10, FEE_PERMILLE % 10)
}

/// A discount as `promotion_detail` has it.
fn promotion(order: &Order, discount: i64) -> Vec<Value> {
    if discount == 0 {
        return Vec::new();
    }
    vec![json!({
        "coupon_id": "109519", "name": "沙箱优惠", "scope": "GLOBAL", "type": "NOCASH", "amount": discount,
        "stock_id": "931386", "wechatpay_contribute": 0, "merchant_contribute": discount, "other_contribute": 0,
        "currency": order.currency,
    })]
}

/// The rule: whether anybody can pay an order now. The reason is for the developer.
pub(crate) fn check_payable(order: &Order) -> Result<(), &'static str> {
    match order.state {
        // As a public report has it, of 2018.
        OrderState::NotPay if order.trade_type == TradeType::Micropay => Err(
            "the person has cancelled the payment by this auth_code: reverse the order, and scan another code for another order",
        ),
        OrderState::NotPay | OrderState::UserPaying => Ok(()),
        OrderState::Success => Err("the order was paid already"),
        OrderState::Refund => Err("the order was paid already, and refunded"),
        OrderState::Closed if order.ended == Some(order.expires) => Err(
            "the order has expired: the time of its time_expire, or of an order without one, has passed; make another order",
        ),
        OrderState::Closed => Err("the order was closed by its merchant; make another order"),
        OrderState::Revoked => Err("the order was reversed by its merchant; make another order"),
        OrderState::PayError if order.trade_type == TradeType::Micropay => Err(
            "the payment by this auth_code failed: reverse the order, and scan another code for another order",
        ),
        OrderState::PayError | OrderState::PayFail => Err(
            "the deduction by a contract failed: the merchant tries it again by the same request, with the same number",
        ),
        OrderState::Accept => Err("a contract is being charged for this order; advance the clock"),
    }
}

/// Notifies the merchant of one order that was paid.
pub(crate) fn announce(tx: &Transaction<'_>, order: &Order) -> Result<(), StoreError> {
    announcement(tx, order)?.map_or(Ok(()), |announcement| tx.announce(&announcement))
}

/// The notification of a paid order.
pub(crate) fn announcement(tx: &Transaction<'_>, order: &Order) -> Result<Option<Announcement>, StoreError> {
    // 付款码 has none.
    match order.notify_url.clone() {
        Some(notify_url) => Ok(Some(announcement_to(tx, order, notify_url)?)),
        None => Ok(None),
    }
}

/// The same, wherever it goes.
pub(super) fn announcement_to(
    tx: &Transaction<'_>,
    order: &Order,
    notify_url: String,
) -> Result<Announcement, StoreError> {
    let (event_type, resource) = match order.dialect {
        Dialect::V3 => (SUCCESS, order.show_notified()),
        Dialect::V2 | Dialect::V2Hmac => (v2::PAID, v2::notified(tx, order)?),
    };
    let payment = order.payment.as_ref();
    Ok(Announcement {
        mchid: order.merchant.clone(),
        notify_url,
        platform_serial: order.platform_serial.clone(),
        event_type,
        time: payment.map_or(order.created, |payment| payment.paid_at),
        resource,
    })
}

/// `event_type` of the notification of a payment by APIv2, whatever came of it.
pub(crate) const PAID_V2: &str = v2::PAID;

/// `event_type` of the notification of a payment.
pub(super) const SUCCESS: &str = "TRANSACTION.SUCCESS";

/// The payer if no person is named: the same person each time.
pub(crate) const SOMEBODY: &str = "oWeipaySandboxSomebody000000";

/// The payer of an order: a person by unionid or openid, the one that the order names, or the default person.
pub(crate) fn payer_of(
    tx: &Transaction<'_>,
    order: &Order,
    id: Option<&str>,
) -> Result<(Payer, Owner), NotPaid> {
    payer_for(tx, &order.payer, (&order.appid, order.sub_appid.as_deref()), id)
}

/// The same for a payer who is named under these appids: the merchant's, and the sub-merchant's.
pub(crate) fn payer_for(
    tx: &Transaction<'_>,
    named: &Payer,
    (appid, sub_appid): (&str, Option<&str>),
    id: Option<&str>,
) -> Result<(Payer, Owner), NotPaid> {
    let openid = named.openid.as_deref().or(named.sub_openid.as_deref());
    let id = id.or(openid).unwrap_or(SOMEBODY);
    let known = match find_person(tx, id)? {
        None if id == SOMEBODY => Some(Person { unionid: SOMEBODY.to_owned(), openids: Default::default() }),
        known => known,
    };
    let owner = Owner::person(known.as_ref().map_or(id, |person| &person.unionid));
    let under = |appid: &str| known.as_ref().map(|person| person.openid(appid));
    let is_sub = named.openid.is_none() && named.sub_openid.as_deref() == Some(id);
    let plain = || id.to_owned();
    // UNCONFIRMED(openid-of-a-stranger): nobody made this person, whose openid under the other appid follows
    // from the one that is known.
    let follows = |appid: &str| {
        let stranger = Person { unionid: id.to_owned(), openids: BTreeMap::new() };
        stranger.openid(appid)
    };
    let is_other_appid = sub_appid != Some(appid);
    let openid =
        under(appid).unwrap_or_else(|| if is_sub && is_other_appid { follows(appid) } else { plain() });
    let of_sub = |sub_appid: &str| {
        let named = named.sub_openid.clone();
        under(sub_appid).unwrap_or_else(|| match named {
            _ if is_sub => plain(),
            Some(named) => named,
            None if !is_other_appid => openid.clone(),
            None => follows(sub_appid),
        })
    };
    let payer = Payer { sub_openid: sub_appid.map(of_sub), openid: Some(openid.clone()) };
    let differs = |named: &Option<String>, paying: &Option<String>| named.is_some() && named != paying;
    if differs(&named.openid, &payer.openid) || differs(&named.sub_openid, &payer.sub_openid) {
        return Err(NotPaid::Because(
            "the order is for another person: its payer has another openid".to_owned(),
        ));
    }
    Ok((payer, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_half_up() {
        assert_eq!([1, 83, 84, 100, 250, 10_000, i64::MAX].map(fee_of)[..6], [0, 0, 1, 1, 2, 60]);
    }

    #[test]
    fn a_rate_is_what_the_fee_is_computed_with() {
        assert_eq!((fee_rate().as_str(), fee_of(10_000)), ("0.60%", 60));
    }
}
