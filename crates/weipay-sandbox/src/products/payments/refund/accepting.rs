//! The rules of a new refund: of which order, how much, from which money. INFERRED(refund-checks): the order
//! of the checks; what can never succeed is told before what can succeed later.

use serde_json::Value;

use super::outcome;
use super::record::{
    Amounts, Channel, MAX_REFUNDS, OfOrder, Refund, RefundAccount, RefundState, is_money, settlement_total,
    worth,
};
use super::refusals;
use super::shares::Divided;
use crate::clock::DAY;
use crate::contract::ValidRequest;
use crate::ledger::AccountKind;
use crate::people::account::AccountState;
use crate::products::Decision;
use crate::products::payments::deposit;
use crate::products::payments::order::{Dialect, Order, OrderState, Payment};
use crate::products::payments::parties::check_sub_merchant_of_order;
use crate::products::payments::refusals as of_orders;
use crate::reasons;
use crate::response::Refusal;

/// How long after the payment an order can be refunded.
const REFUND_PERIOD: i64 = 365 * DAY;
/// Between two refunds of one order.
const SPACING: i64 = 60;

/// The request of a refund.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RefundRequest {
    /// The version that it came by, and by which the merchant is notified.
    pub(crate) dialect: Dialect,
    pub(crate) sub_mchid: Option<String>,
    /// It leads when both numbers are given.
    pub(crate) transaction_id: Option<String>,
    pub(crate) out_trade_no: Option<String>,
    pub(crate) out_refund_no: String,
    pub(crate) reason: Option<String>,
    pub(crate) notify_url: Option<String>,
    /// Where the money is to come from, when the request says it.
    pub(crate) source: Option<Source>,
    /// The payer, if a platform (电商平台) requests it.
    pub(crate) refund_account: Option<RefundAccount>,
    pub(crate) refund: i64,
    pub(crate) total: i64,
    pub(crate) currency: String,
    pub(crate) from: Option<Value>,
    pub(crate) goods_detail: Option<Value>,
    pub(crate) platform_serial: String,
    /// Whether it is asked for by the operation for deposits (押金).
    pub(crate) is_of_deposit: bool,
}

/// Where the money is to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// 可用余额.
    Available,
    /// 未结算资金.
    Unsettled,
    /// `amount.from`: so much of either.
    Both { available: i64, unavailable: i64 },
    /// `PREPAID`, an account that nobody has here.
    Prepaid,
    /// An `amount.from` that does not add up.
    Unbalanced,
}

impl Source {
    /// Which member of the request keeps other money away, for a reason.
    const fn asked_by(&self) -> &'static str {
        match self {
            Self::Available => ", and funds_account (refund_account in APIv2) allows only available money",
            Self::Unsettled => {
                ", and funds_account (refund_account in APIv2) allows only unsettled money: leave it out to use both"
            }
            Self::Both { .. } => ", and amount.from says how much of each",
            Self::Prepaid | Self::Unbalanced => "",
        }
    }
}

impl RefundRequest {
    pub(super) fn read(request: &ValidRequest, platform_serial: &str) -> Self {
        let text = |name: &str| request.text(name).map(str::to_owned);
        let amount = request.body.get("amount");
        let amount = |name: &str| amount.and_then(|amount| amount.get(name));
        let fen = |name: &str| amount(name).and_then(Value::as_i64).unwrap_or_default();
        let from = amount("from").filter(|from| from.as_array().is_some_and(|list| !list.is_empty()));
        // UNCONFIRMED(refund-from-and-account): the list is the more exact of the two.
        let source = match (from, request.text("funds_account")) {
            (Some(from), _) => Some(read_from(from, fen("refund"))),
            (None, Some("AVAILABLE")) => Some(Source::Available),
            (None, Some("UNSETTLED")) => Some(Source::Unsettled),
            (None, _) => None,
        };
        Self {
            dialect: Dialect::V3,
            sub_mchid: text("sub_mchid"),
            transaction_id: text("transaction_id"),
            out_trade_no: text("out_trade_no"),
            out_refund_no: request.required("out_refund_no").to_owned(),
            reason: text("reason"),
            notify_url: text("notify_url"),
            source,
            refund_account: None,
            refund: fen("refund"),
            total: fen("total"),
            currency: amount("currency").and_then(Value::as_str).unwrap_or("CNY").to_owned(),
            from: from.cloned(),
            goods_detail: request.body.get("goods_detail").cloned(),
            platform_serial: platform_serial.to_owned(),
            is_of_deposit: false,
        }
    }
}

fn read_from(from: &Value, refund: i64) -> Source {
    let (mut available, mut unavailable) = (0i64, 0i64);
    for entry in from.as_array().into_iter().flatten() {
        let amount = entry["amount"].as_i64().unwrap_or_default();
        let part = if entry["account"] == "UNAVAILABLE" { &mut unavailable } else { &mut available };
        match part.checked_add(amount).filter(|_| amount > 0) {
            Some(sum) => *part = sum,
            None => return Source::Unbalanced,
        }
    }
    if available.checked_add(unavailable) == Some(refund) {
        Source::Both { available, unavailable }
    } else {
        Source::Unbalanced
    }
}

/// The same number again must ask for the same: INFERRED(refund-repeat) the order, the two amounts and the
/// currency count, nothing else.
pub(super) fn check_repeated(request: &RefundRequest, known: &Refund) -> Result<(), Refusal> {
    let is_same_order = match (&request.transaction_id, &request.out_trade_no) {
        (Some(id), _) => *id == known.order.transaction_id,
        (None, number) => number.as_ref() == Some(&known.order.out_trade_no),
    };
    if !is_same_order {
        return Err(refusals::other_order());
    }
    // Of the same order: whoever takes another number for it gives the money back twice.
    check_sub_merchant(request.sub_mchid.as_deref(), known.sub_mchid.as_deref())?;
    let asked = (request.refund, request.total, &request.currency);
    if asked != (known.amounts.refund, known.order.total, &known.order.currency) {
        return Err(refusals::other_amounts());
    }
    Ok(())
}

pub(super) fn check_sub_merchant(asked: Option<&str>, has: Option<&str>) -> Result<(), Refusal> {
    let missing = || of_orders::no_sub_merchant(reasons::ORDER_OF_SUB_MERCHANT);
    let other = || {
        refusals::not_the_orders(
            "sub_mchid must be that of the order; an order of the merchant itself has none",
        )
    };
    check_sub_merchant_of_order(asked, has, [missing, other])
}

/// The order must be the merchant's, paid, not reversed, and young enough.
pub(super) fn check_order(
    mchid: &str,
    request: &RefundRequest,
    found: Option<Order>,
    now: i64,
) -> Result<(Order, Payment), Refusal> {
    let order = found.ok_or_else(refusals::no_such_order)?;
    if order.merchant != mchid {
        return Err(refusals::no_right());
    }
    if order.state == OrderState::Revoked {
        return Err(refusals::reversed());
    }
    let payment = order.payment.clone().filter(|_| order.state.is_paid());
    let payment = payment.ok_or_else(refusals::not_paid)?;
    if request.out_trade_no.as_ref().is_some_and(|number| *number != order.out_trade_no) {
        return Err(refusals::not_the_orders(reasons::NUMBERS_OF_TWO_ORDERS));
    }
    check_sub_merchant(request.sub_mchid.as_deref(), order.sub_mchid.as_deref())?;
    deposit::check_refund(&order, request.is_of_deposit)?;
    if now.saturating_sub(payment.paid_at) > REFUND_PERIOD {
        return Err(refusals::too_old());
    }
    Ok((order, payment))
}

/// Nothing can be given back to somebody who has left. A frozen account is told by the outcome.
pub(super) fn check_account(account: AccountState) -> Result<(), Refusal> {
    if account == AccountState::Cancelled { Err(refusals::cancelled_account()) } else { Ok(()) }
}

/// The amounts must fit, and refunds of one order must be a minute apart.
pub(super) fn check_amounts(
    request: &RefundRequest,
    order: &Order,
    payment: &Payment,
    earlier: &[Refund],
    now: i64,
) -> Result<(), Refusal> {
    // Not every form of the request has this limit in its catalogue.
    if request.refund < 1 {
        return Err(refusals::nothing_to_refund());
    }
    if request.total != order.total || request.currency != order.currency {
        return Err(refusals::not_the_orders("amount.total and amount.currency must be those of the order"));
    }
    if request.source == Some(Source::Unbalanced) {
        return Err(refusals::bad_sources());
    }
    let left = order.total.saturating_sub(payment.refunded);
    if left <= 0 {
        return Err(refusals::nothing_left());
    }
    if request.refund > left {
        return Err(refusals::too_much());
    }
    if payment.refund_count >= MAX_REFUNDS {
        return Err(refusals::too_many());
    }
    // A clock that was set back makes the last one lie ahead; that is not soon after it.
    let is_soon = |refund: &Refund| {
        (0..SPACING).contains(&now.saturating_sub(refund.created))
            && !deposit::is_rest(order, payment, &refund.out_refund_no)
    };
    if earlier.iter().any(is_soon) {
        return Err(refusals::too_soon());
    }
    Ok(())
}

/// Divides the amount between person, coupons and fee.
pub(super) fn divide(refund: i64, order: &Order, payment: &Payment, earlier: &[Refund]) -> Amounts {
    let counted =
        || earlier.iter().filter(|refund| refund.state != RefundState::Closed).map(|refund| &refund.amounts);
    let (total, refunded) = (order.total, counted().map(|amounts| amounts.refund).sum());
    let share = |part, part_refunded| Divided { total, part, refunded, part_refunded }.share(refund);
    let payer = share(payment.payer_total, counted().map(|amounts| amounts.payer).sum());
    let fee = share(payment.fee, counted().map(|amounts| amounts.fee).sum());

    // What coupons took off goes back coupon by coupon, each according to its worth.
    let worths: Vec<i64> = payment.promotion_detail.iter().map(worth).collect();
    let before: Vec<i64> = (0..worths.len())
        .map(|coupon| counted().filter_map(|amounts| amounts.coupons.get(coupon)).sum())
        .collect();
    let mut left = refund - payer;
    let mut coupons = Vec::with_capacity(worths.len());
    for (index, (part, part_refunded)) in worths.iter().zip(&before).enumerate() {
        let total = worths.iter().skip(index).sum();
        let refunded = before.iter().skip(index).sum();
        let of_this = Divided { total, part: *part, refunded, part_refunded: *part_refunded }.share(left);
        left -= of_this;
        coupons.push(of_this);
    }
    let discounts = payment.promotion_detail.iter().zip(&coupons).filter(|(coupon, _)| !is_money(coupon));
    let settlement = refund - discounts.map(|(_, fen)| fen).sum::<i64>();
    Amounts { refund, payer, settlement, fee, coupons }
}

/// The money of the merchant from which a refund can come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Money {
    pub(super) unsettled: i64,
    pub(super) available: i64,
    pub(super) sharing: Sharing,
}

/// The state of profit sharing of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// It is not to be shared.
    Never,
    /// So much of it waits to be shared.
    Waits(i64),
    /// Nothing of it can be shared any more: what was left is available.
    Ended,
}

/// Which accounts the money comes from. The fee that comes back goes into the first of them before.
///
/// What waits for profit sharing is used first, and nothing else while it waits. After that the available
/// money pays: INFERRED(refund-after-sharing) a request that wants unsettled money for it is refused. Otherwise
/// INFERRED(refund-source): a request that says nothing takes what is not settled yet, and then what is
/// available. An account without money is passed over, so that the fee does not look like money that was
/// there. UNCONFIRMED(refund-from): `UNAVAILABLE` of `amount.from` means what is not settled yet.
/// INFERRED(refund-short): a merchant with too little money is refused at once; a refund that waits for
/// money, and is closed after seven days, is something that a developer asks for.
pub(super) fn draw(
    source: Option<&Source>,
    amounts: &Amounts,
    money: Money,
) -> Result<Vec<(AccountKind, i64)>, Refusal> {
    let needed = amounts.settlement;
    if let Sharing::Waits(left) = money.sharing {
        if left.saturating_add(amounts.fee) < needed {
            return Err(refusals::shared_already());
        }
        return Ok(vec![(AccountKind::Frozen, needed)]);
    }
    let wants_unsettled = match source {
        Some(Source::Unsettled) => true,
        Some(Source::Both { unavailable, .. }) => *unavailable > 0,
        Some(Source::Available | Source::Prepaid | Source::Unbalanced) | None => false,
    };
    if money.sharing == Sharing::Ended && wants_unsettled {
        return Err(refusals::not_unsettled_after_sharing());
    }
    let all = i64::MAX;
    let limits = match source {
        Some(Source::Available) => vec![(AccountKind::Available, money.available, all)],
        Some(Source::Unsettled) => vec![(AccountKind::Unsettled, money.unsettled, all)],
        Some(Source::Both { available, unavailable }) => vec![
            (AccountKind::Unsettled, money.unsettled, *unavailable),
            (AccountKind::Available, money.available, *available),
        ],
        Some(Source::Prepaid) => return Err(refusals::no_prepaid_account()),
        Some(Source::Unbalanced) => return Err(refusals::bad_sources()),
        None if money.sharing == Sharing::Ended => vec![(AccountKind::Available, money.available, all)],
        None => vec![
            (AccountKind::Unsettled, money.unsettled, all),
            (AccountKind::Available, money.available, all),
        ],
    };
    let mut limits: Vec<_> = limits.into_iter().filter(|(_, _, limit)| *limit > 0).collect();
    let of_fee = limits.iter().position(|(_, has, _)| *has > 0).unwrap_or_default();
    if let Some((_, has, _)) = limits.get_mut(of_fee) {
        *has = has.saturating_add(amounts.fee);
    }
    let (mut missing, mut drawn) = (needed, Vec::new());
    for (position, (kind, has, limit)) in limits.into_iter().enumerate() {
        let fen = missing.min(has.min(limit).max(0));
        missing -= fen;
        // Where nothing is needed, this account stays alone, for the fee.
        if fen > 0 || (needed == 0 && position == of_fee) {
            drawn.push((kind, fen));
        }
    }
    match missing {
        0 => Ok(drawn),
        _ => Err(refusals::not_enough(format!(
            "{missing} fen are missing for the refund; the merchant has {} fen unsettled and {} fen available{}",
            money.unsettled,
            money.available,
            source.map_or("", Source::asked_by)
        ))),
    }
}

/// Accepts the refund: the order counts it from now on, and shows `REFUND`.
pub(super) fn accept(
    request: &RefundRequest,
    order: Order,
    payment: Payment,
    amounts: Amounts,
    drawn: Vec<(AccountKind, i64)>,
    refund_id: String,
    now: i64,
) -> Decision<(Order, Refund)> {
    let refund = Refund {
        refund_id,
        dialect: request.dialect,
        merchant: order.merchant.clone(),
        sub_mchid: order.sub_mchid.clone(),
        out_refund_no: request.out_refund_no.clone(),
        order: OfOrder {
            out_trade_no: order.out_trade_no.clone(),
            transaction_id: payment.transaction_id.clone(),
            total: order.total,
            payer_total: payment.payer_total,
            settlement_total: settlement_total(&order, &payment),
            currency: order.currency.clone(),
            person: payment.person.clone(),
            bank_type: payment.bank_type.clone(),
            promotion_detail: payment.promotion_detail.clone(),
        },
        state: RefundState::Processing,
        refund_account: request.refund_account,
        drawn,
        from: request.from.clone(),
        goods_detail: request.goods_detail.clone(),
        reason: request.reason.clone(),
        notify_url: request.notify_url.clone(),
        platform_serial: request.platform_serial.clone(),
        channel: Channel::Original,
        received_account: outcome::received_account_text(&payment.bank_type),
        created: now,
        succeeded: None,
        settles: now.saturating_add(outcome::SUCCESS_AFTER),
        is_short: false,
        billed: None,
        amounts,
    };
    let payment = Payment {
        refunded: payment.refunded.saturating_add(request.refund),
        refund_count: payment.refund_count.saturating_add(1),
        ..payment
    };
    let due = vec![outcome::due(&refund)];
    let response = refund.show();
    let order = Order { state: OrderState::Refund, payment: Some(payment), ..order };
    Decision { due, ..Decision::new((order, refund), response) }
}
