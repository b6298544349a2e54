//! The money of a refund: it leaves the merchant's accounts, waits in `Refunding`, and reaches the person;
//! what a coupon paid goes back to the budget of its stock. A reversal (撤销) of 付款码 goes the same way, in one
//! step.

use serde_json::Value;

use super::accepting::{self, Money, Sharing, Source};
use super::record::{Amounts, is_money};
use super::refusals;
use crate::ledger::{Account, AccountKind, Business, Owner, Posting, Purse, post};
use crate::products::HandlerError;
use crate::products::cash_coupons::discount;
use crate::products::cash_coupons::flow::FlowOf;
use crate::products::payments::deposit;
use crate::products::payments::order::{Order, Payment};
use crate::products::payments::profit_sharing::funds::SharedFunds;
use crate::response::Refusal;
use crate::store::Transaction;

/// Takes the money out of the merchant's accounts, after the platform has put its fee back into the first of
/// them. Gives what was taken of each. `posting` begins a movement of this refund.
pub(super) fn withdraw(
    tx: &Transaction<'_>,
    order: &Order,
    amounts: &Amounts,
    source: Option<&Source>,
    posting: &dyn Fn(Business) -> Posting,
    now: i64,
) -> Result<Vec<(AccountKind, i64)>, HandlerError> {
    let mut funds = SharedFunds::find(tx, order, now)?;
    let sharing = match &funds {
        None => Sharing::Never,
        Some(funds) if funds.is_open => Sharing::Waits(funds.left),
        Some(_) => Sharing::Ended,
    };
    let payee = Owner::merchant(order.payee());
    let purse = Purse::find(tx, &payee)?;
    let money = Money {
        unsettled: purse.balance(AccountKind::Unsettled),
        available: purse.balance(AccountKind::Available),
        sharing,
    };
    let drawn = accepting::draw(source, amounts, money)?;
    let account = |kind| payee.account(kind);
    let first = drawn.first().map_or(AccountKind::Unsettled, |(kind, _)| *kind);
    let fee = posting(Business::FeeReturn).moves(account(AccountKind::Fees), account(first), amounts.fee);
    post(tx, fee).map_err(|error| error.or_short(refusals::not_enough))?;
    let out = drawn.iter().fold(posting(Business::Refund), |posting, (kind, fen)| {
        posting.moves(account(*kind), account(AccountKind::Refunding), *fen)
    });
    post(tx, out).map_err(|error| error.or_short(refusals::not_enough))?;
    if let Some(funds) = funds.as_mut().filter(|funds| funds.is_open) {
        funds.left = funds.left.saturating_add(amounts.fee).saturating_sub(amounts.settlement);
        tx.save(funds)?;
    }
    Ok(drawn)
}

/// The platform pays in the place of its sub-merchant. INFERRED(advance-whole): it pays all of the refund,
/// from its available money, even while money of the order waits to be shared; the sub-merchant has the fee
/// back when the refund has succeeded.
pub(super) fn advance(
    tx: &Transaction<'_>,
    order: &Order,
    amounts: &Amounts,
    posting: &dyn Fn(Business) -> Posting,
) -> Result<Vec<(AccountKind, i64)>, HandlerError> {
    let out = posting(Business::Refund).moves(
        Owner::merchant(order.merchant.as_str()).account(AccountKind::Available),
        Owner::merchant(order.payee()).account(AccountKind::Refunding),
        amounts.settlement,
    );
    post(tx, out).map_err(|error| error.or_short(refusals::not_enough))?;
    Ok(vec![(AccountKind::Available, amounts.settlement)])
}

/// Brings the money that waits to the person, and what coupons paid back to the budgets of their stocks.
pub(super) fn deliver(
    tx: &Transaction<'_>,
    payee: &Owner,
    receiver: Account,
    amounts: &Amounts,
    promotion_detail: &[Value],
    posting: Posting,
    now: i64,
) -> Result<(), HandlerError> {
    let refunding = || payee.account(AccountKind::Refunding);
    let mut moved = posting.moves(refunding(), receiver, amounts.payer);
    let coupons = promotion_detail.iter().zip(&amounts.coupons);
    for (coupon, fen) in coupons.filter(|(coupon, _)| is_money(coupon)) {
        let id = coupon["coupon_id"].as_str().unwrap_or_default();
        let budget = discount::return_to_budget(tx, id, *fen, now)?;
        moved =
            moved.moves(refunding(), budget.unwrap_or_else(|| payee.account(AccountKind::Marketing)), *fen);
    }
    // It was put there when the refund was accepted.
    post(tx, moved).map_err(|error| error.or_short(|short| Refusal::system_error().with_reason(short)))
}

/// Where money goes that came this way: 零钱, or the bank.
pub(super) fn source_account(payment_by: &str, person: &Owner) -> Account {
    person.account(if payment_by == "OTHERS" { AccountKind::Wallet } else { AccountKind::Bank })
}

/// Everything that was paid goes back at once, and the coupons can be used again. Nothing of the order can be shared any more.
pub(in crate::products::payments) fn reverse(
    tx: &Transaction<'_>,
    order: &Order,
    payment: &Payment,
    now: i64,
) -> Result<(), HandlerError> {
    let posting = |business| {
        Posting::new(business, payment.transaction_id.as_str(), now).for_number(order.out_trade_no.as_str())
    };
    let amounts = accepting::divide(order.total, order, payment, &[]);
    let source = order.is_waiting_deposit().then_some(Source::Available);
    if source.is_some() {
        deposit::release(tx, order, payment, now)?;
    }
    withdraw(tx, order, &amounts, source.as_ref(), &posting, now)?;
    let person = payment.person.as_of_now(tx)?;
    let (payee, receiver) = (Owner::merchant(order.payee()), source_account(&payment.bank_type, &person));
    deliver(tx, &payee, receiver, &amounts, &payment.promotion_detail, posting(Business::Refund), now)?;
    let of = FlowOf {
        transaction_id: &payment.transaction_id,
        refund_id: None,
        total: order.total,
        mchid: order.payee(),
        device: order.device(),
        now,
    };
    discount::note_refund(tx, &payment.promotion_detail, &amounts.coupons, of)?;
    if let Some(mut funds) = SharedFunds::find(tx, order, now)?.filter(|funds| funds.is_open) {
        funds.end(tx)?;
    }
    discount::give_back_all(tx, &payment.promotion_detail, &payment.transaction_id)?;
    Ok(())
}
