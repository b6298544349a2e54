//! Deposits (酒店押金), by APIv2: what a person has paid waits at the payee until the merchant consumes it (消费押金), wholly
//! or in part, so that the rest goes back; or until all of it goes back, because the merchant reverses the payment (撤销), or
//! because 30 days have passed.
//!
//! UNCONFIRMED(deposit-account): a deposit waits where money waits to be shared, without the fee, and what is consumed of it is
//! available at once. UNCONFIRMED(deposit-rest): the rest goes back as a refund of its own, under a number that the platform
//! gives. UNCONFIRMED(deposit-once): a deposit is consumed once, and the same again is the same response.
//! UNCONFIRMED(deposit-expiry): what goes back by itself is a reversal. UNCONFIRMED(deposit-words): the sentences.
//! UNCONFIRMED(deposit-operations): only the operations of deposits change one, and they change nothing else; every query
//! shows it.

#[cfg(test)]
mod model;
#[cfg(test)]
mod race;

use serde::{Deserialize, Serialize};

use super::order::{Order, OrderState, Payment};
use super::refund::record::settlement_total;
use super::refund::{self, RefundRequest, Source};
use super::{codepay, refusals};
use crate::clock::DAY;
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::products::HandlerError;
use crate::response::Refusal;
use crate::store::{Due, StoreError, Transaction};

/// 押金.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deposit {
    /// Fen that were consumed, once they were.
    pub(crate) consumed: Option<i64>,
}

/// The kind of scheduled work: it was not consumed in time.
pub(super) const RETURNS: &str = "deposit goes back";
/// How long a deposit waits (押金超时时间 30 个自然日).
const WAITS: i64 = 30 * DAY;

fn due(order: &Order, payment: &Payment) -> Due {
    let at = payment.paid_at.saturating_add(WAITS);
    Due { kind: RETURNS.to_owned(), key: super::order::key(&order.merchant, &order.out_trade_no), at }
}

/// A deposit that was paid begins to wait. The payment has put it, without the fee, into the payee's frozen account.
pub(super) fn begin(tx: &Transaction<'_>, order: &Order) -> Result<(), StoreError> {
    match order.payment.as_ref().filter(|_| order.deposit.is_some()) {
        Some(payment) => tx.schedule(&due(order, payment)),
        None => Ok(()),
    }
}

/// The payee gets the deposit.
pub(super) fn release(
    tx: &Transaction<'_>,
    order: &Order,
    payment: &Payment,
    now: i64,
) -> Result<(), HandlerError> {
    tx.unschedule(&due(order, payment))?;
    let payee = Owner::merchant(order.payee());
    let released = Posting::new(Business::Unfreeze, payment.transaction_id.as_str(), now)
        .for_number(order.out_trade_no.as_str())
        .moves(
            payee.account(AccountKind::Frozen),
            payee.account(AccountKind::Available),
            settlement_total(order, payment).saturating_sub(payment.fee),
        );
    post(tx, released).map_err(|error| error.or_short(refusals::not_enough_to_reverse))
}

/// Consumes a deposit: the payee gets this amount, and the rest goes back.
pub(super) fn consume(tx: &Transaction<'_>, order: Order, fen: i64, now: i64) -> Result<Order, HandlerError> {
    let Some(deposit) = order.deposit else { return Err(not_a_deposit().into()) };
    let Some(payment) = order.payment.clone() else {
        return Err(match order.state {
            OrderState::NotPay | OrderState::UserPaying | OrderState::PayError => not_paid_yet().into(),
            _ => is_over().into(),
        });
    };
    match deposit.consumed {
        Some(known) if known == fen => return Ok(order),
        Some(_) => return Err(consumed_before().into()),
        None if order.state != OrderState::Success => return Err(is_over().into()),
        None => {}
    }
    if !(1..=order.total).contains(&fen) {
        return Err(Refusal::param_error(
            "consume_fee参数格式错误",
            "consume_fee must be from 1 fen to what was paid as the deposit",
        )
        .into());
    }
    release(tx, &order, &payment, now)?;
    let order = Order { deposit: Some(Deposit { consumed: Some(fen) }), ..order };
    tx.save(&order)?;
    if fen < order.total {
        refund::refund(tx, &order.merchant, &rest_of(&order, &payment, order.total - fen), now)?;
    }
    Ok(order)
}

/// The number of the refund of the rest.
fn rest_number(payment: &Payment) -> String {
    format!("deposit-{}", payment.transaction_id)
}

/// Whether this is the refund of the rest, which the platform makes: the rules for refunds of merchants do not apply to it.
pub(super) fn is_rest(order: &Order, payment: &Payment, out_refund_no: &str) -> bool {
    order.deposit.is_some() && out_refund_no == rest_number(payment)
}

/// The refund of the rest that was not consumed.
fn rest_of(order: &Order, payment: &Payment, fen: i64) -> RefundRequest {
    RefundRequest {
        dialect: order.dialect,
        sub_mchid: order.sub_mchid.clone(),
        transaction_id: Some(payment.transaction_id.clone()),
        out_trade_no: None,
        out_refund_no: rest_number(payment),
        reason: None,
        notify_url: None,
        source: Some(Source::Available),
        refund_account: None,
        refund: fen,
        total: order.total,
        currency: order.currency.clone(),
        from: None,
        goods_detail: None,
        platform_serial: order.platform_serial.clone(),
        is_of_deposit: true,
    }
}

/// The clock: it was not consumed in time.
pub(super) fn return_due(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    match tx.get::<Order>(key)?.filter(Order::is_waiting_deposit) {
        Some(order) => codepay::reverse(tx, order, at),
        None => Ok(()),
    }
}

/// The rule: a deposit is reversed by its own operation, and nothing else is.
pub(super) fn check_reversal(order: &Order, is_of_deposit: bool) -> Result<(), Refusal> {
    match (order.deposit, is_of_deposit) {
        (Some(_), false) => Err(refusals::not_reversible().with_reason(
            "the order is a deposit (押金): reverse it by deposit/reverse, or refund it by deposit/refund once it was consumed",
        )),
        (None, true) => Err(not_a_deposit()
            .with_reason("the order is not a deposit: reverse it by secapi/pay/reverse, close it, or refund it")),
        _ => Ok(()),
    }
}

/// The rule: there is no operation that closes a deposit.
pub(super) fn check_closing(order: &Order) -> Result<(), Refusal> {
    match order.deposit {
        Some(_) => Err(refusals::only_reversed()
            .with_reason("a deposit (押金) is reversed by deposit/reverse, paid or not, and never closed")),
        None => Ok(()),
    }
}

/// The rule: nothing of a deposit is shared (分账). UNCONFIRMED(deposit-sharing)
pub(super) fn check_sharing(order: &Order) -> Result<(), Refusal> {
    match order.deposit {
        Some(_) => Err(Refusal::invalid_request(
            "该订单为押金订单，不支持分账",
            "the order is a deposit (押金): it is consumed, reversed or refunded by v2/deposit, and nothing else",
        )),
        None => Ok(()),
    }
}

/// The rule: a deposit is refunded by its own operation, after it was consumed, and nothing else is.
pub(super) fn check_refund(order: &Order, is_of_deposit: bool) -> Result<(), Refusal> {
    match order.deposit {
        None if is_of_deposit => Err(not_a_deposit()),
        Some(_) if !is_of_deposit => Err(Refusal::invalid_request(
            "该订单为押金订单，请调押金退款接口",
            "the order is a deposit: refund it by deposit/refund, after deposit/consume",
        )),
        Some(Deposit { consumed: None }) => Err(Refusal::invalid_request(
            "押金未消费，请调用撤销接口",
            "the deposit was not consumed yet: all of it goes back by deposit/reverse",
        )),
        _ => Ok(()),
    }
}

fn not_a_deposit() -> Refusal {
    Refusal::invalid_request("该订单不是押金订单", "the order is not a deposit")
}

fn is_over() -> Refusal {
    Refusal::invalid_request(
        "该押金订单已撤销",
        "the deposit was reversed or has expired: all of it has gone back to the person",
    )
}

fn not_paid_yet() -> Refusal {
    Refusal::invalid_request(
        "该押金订单未支付",
        "the deposit is not paid yet: query it, and reverse it before another one is taken",
    )
}

fn consumed_before() -> Refusal {
    Refusal::invalid_request(
        "押金已消费",
        "the deposit was consumed with another consume_fee; what was settled is given back by deposit/refund",
    )
}
