//! The result of an accepted refund: success by the clock, or as a developer decides.

use serde_json::Value;

use super::record::{Channel, OfOrder, Refund, RefundState};
use super::{money, refusals};
use crate::clock::DAY;
use crate::contract::ValidRequest;
use crate::ledger::{AccountKind, Business, Owner, Posting, PostingError, post};
use crate::people::account::AccountState;
use crate::products::cash_coupons::discount;
use crate::products::cash_coupons::flow::FlowOf;
use crate::products::complaints;
use crate::products::payments::order::{Dialect, Order, Payment};
use crate::products::payments::profit_sharing::funds::SharedFunds;
use crate::products::payments::v2;
use crate::products::{Decision, HandlerError};
use crate::response::Refusal;
use crate::store::{Announcement, Due, StoreError, Transaction};

/// The kind of what is due.
pub(super) const SETTLES: &str = "refund settles";

/// INFERRED(refund-delay): seconds until the person has the money, from a wallet or a card. Really it takes
/// up to five minutes to a wallet, and one to three working days to a card.
pub(super) const SUCCESS_AFTER: i64 = 5;

pub(super) fn due(refund: &Refund) -> Due {
    Due { kind: SETTLES.to_owned(), key: refund.refund_id.clone(), at: refund.settles }
}

/// `user_received_account` of a refund that goes back the way it came.
pub(super) fn received_account_text(bank_type: &str) -> String {
    match bank_type {
        "OTHERS" => "支付用户零钱".to_owned(),
        bank => card(bank, ""),
    }
}

/// A card by its bank, its kind and its last four digits. UNCONFIRMED(refund-card-text): the names of banks and
/// kinds; the digits are 0000 where none were given.
fn card(bank_type: &str, number: &str) -> String {
    let (bank, kind) = bank_type.split_once('_').unwrap_or((bank_type, ""));
    let bank = match bank {
        "CMB" | "CMC" => "招商银行",
        "COMM" => "交通银行",
        "ABC" => "农业银行",
        "CCB" => "建设银行",
        "ICBC" => "工商银行",
        "BOC" => "中国银行",
        "PAB" => "平安银行",
        "SPDB" => "浦发银行",
        "CITIC" => "中信银行",
        "CEB" => "光大银行",
        "CMBC" => "民生银行",
        "CIB" => "兴业银行",
        "GDB" => "广发银行",
        "PSBC" => "邮储银行",
        "NBCB" => "宁波银行",
        other => other,
    };
    let kind = match kind {
        "DEBIT" => "借记卡",
        "CREDIT" => "信用卡",
        _ => "银行卡",
    };
    let tail = number.len().checked_sub(4).and_then(|start| number.get(start..));
    let tail = tail.filter(|tail| tail.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or("0000");
    format!("{bank}{kind}{tail}")
}

/// How long a refund waits for money of the merchant.
const MAX_WAIT: i64 = 7 * DAY;

/// The clock: the person has the money, or cannot get it, or the merchant's money has not come in time.
pub(super) fn settle(tx: &Transaction<'_>, refund_id: &str, at: i64) -> Result<(), HandlerError> {
    let refund = Refund::find_by_id(tx, refund_id)?;
    match refund.filter(|refund| refund.state == RefundState::Processing && refund.settles == at) {
        Some(refund) => {
            let person = refund.order.person.as_of_now(tx)?;
            let to = what_becomes_of(&refund, AccountState::of_owner(tx, &person)?);
            decide(tx, refund, to, at)
        }
        None => Ok(()),
    }
}

/// The rule. INFERRED(refund-account): only what goes to the wallet needs an account that works; a card is the bank's.
fn what_becomes_of(refund: &Refund, account: AccountState) -> RefundState {
    let goes_to_wallet = refund.channel == Channel::Original && refund.order.bank_type == "OTHERS";
    match account {
        _ if refund.is_short => RefundState::Closed,
        AccountState::Frozen | AccountState::Cancelled if goes_to_wallet => RefundState::Abnormal,
        _ => RefundState::Success,
    }
}

/// The merchant's money is missing: seven days after it was accepted the refund is closed. Here the money
/// waits with it meanwhile.
pub(super) fn wait_for_money(refund: Refund) -> Decision<Refund> {
    let settles = refund.created.saturating_add(MAX_WAIT);
    let refund = Refund { is_short: true, settles, ..refund };
    let due = vec![due(&refund)];
    Decision { due, ..Decision::new(refund, Value::Null) }
}

/// Gives a refund another state, moves its money and notifies its merchant. The caller has seen that it may be given.
pub(super) fn decide(
    tx: &Transaction<'_>,
    mut refund: Refund,
    to: RefundState,
    now: i64,
) -> Result<(), HandlerError> {
    tx.unschedule(&due(&refund))?;
    refund.keep_for_bill(now);
    refund.state = to;
    let Some(event_type) = event_of(to) else { return Ok(()) };
    match to {
        RefundState::Success => {
            refund.succeeded = Some(now);
            deliver(tx, &refund, now)?;
        }
        RefundState::Closed => give_back(tx, &refund, now)?,
        RefundState::Processing | RefundState::Abnormal => {}
    }
    tx.save(&refund)?;
    if refund.has_reached_person() {
        complaints::refund_succeeded(tx, &refund.order.transaction_id, refund.amounts.refund, now)?;
    }
    if let Some(notify_url) = &refund.notify_url {
        tx.announce(&announcement_to(tx, &refund, event_type, notify_url.clone(), now)?)?;
    }
    Ok(())
}

/// `event_type` by APIv3 of the notification of a refund; one that is under way has none.
pub(in crate::products::payments) const fn event_of(state: RefundState) -> Option<&'static str> {
    match state {
        RefundState::Processing => None,
        RefundState::Success => Some("REFUND.SUCCESS"),
        RefundState::Abnormal => Some("REFUND.ABNORMAL"),
        RefundState::Closed => Some("REFUND.CLOSED"),
    }
}

/// The notification of a refund.
pub(in crate::products::payments) fn announcement_to(
    tx: &Transaction<'_>,
    refund: &Refund,
    event_type: &'static str,
    notify_url: String,
    time: i64,
) -> Result<Announcement, StoreError> {
    let (event_type, resource) = match refund.dialect {
        Dialect::V3 => (event_type, refund.show_notified()),
        Dialect::V2 | Dialect::V2Hmac => {
            (v2::refund::PROCESSED, v2::refund::notified(refund, &order_of(tx, refund)?))
        }
    };
    let (mchid, platform_serial) = (refund.merchant.clone(), refund.platform_serial.clone());
    Ok(Announcement { mchid, notify_url, platform_serial, event_type, time, resource })
}

fn order_of(tx: &Transaction<'_>, refund: &Refund) -> Result<Order, StoreError> {
    let order = Order::find_by_number(tx, &refund.merchant, &refund.order.out_trade_no)?;
    order.ok_or_else(|| StoreError::Corrupt("a refund without its order".to_owned()))
}

fn posting(business: Business, refund: &Refund, now: i64) -> Posting {
    Posting::new(business, refund.refund_id.as_str(), now).for_number(refund.out_refund_no.as_str())
}

/// The money that was on its way arrives. What a coupon paid goes back to the budget of its stock, and a
/// coupon of an order that was refunded as a whole can be used again.
fn deliver(tx: &Transaction<'_>, refund: &Refund, now: i64) -> Result<(), HandlerError> {
    let payee = Owner::merchant(refund.payee());
    let OfOrder { bank_type, person, promotion_detail, .. } = &refund.order;
    let person = person.as_of_now(tx)?;
    let receiver = match refund.channel {
        Channel::Merchant => payee.account(AccountKind::Bank),
        Channel::Original => money::source_account(bank_type, &person),
        Channel::OtherBankcard => person.account(AccountKind::Bank),
    };
    let moved = posting(Business::Refund, refund, now);
    money::deliver(tx, &payee, receiver, &refund.amounts, promotion_detail, moved, now)?;
    if refund.advanced().is_some() {
        let fee = posting(Business::FeeReturn, refund, now).moves(
            payee.account(AccountKind::Fees),
            payee.account(AccountKind::Available),
            refund.amounts.fee,
        );
        post(tx, fee).map_err(broken)?;
    }
    let of = FlowOf {
        transaction_id: &refund.order.transaction_id,
        refund_id: Some(&refund.refund_id),
        total: refund.order.total,
        mchid: refund.payee(),
        device: None,
        now,
    };
    discount::note_refund(tx, promotion_detail, &refund.amounts.coupons, of)?;
    // What was accepted and has not arrived may still come to nothing.
    let arrived = |other: &Refund| other.state == RefundState::Success || other.refund_id == refund.refund_id;
    let refunds = Refund::find_by_order(tx, &refund.order.transaction_id)?;
    let refunded: i64 = refunds.iter().filter(|other| arrived(other)).map(|other| other.amounts.refund).sum();
    if refunded >= refund.order.total {
        discount::give_back_all(tx, &refund.order.promotion_detail, &refund.order.transaction_id)?;
    }
    Ok(())
}

/// The payer has the money again, and the order can be refunded by as much again.
fn give_back(tx: &Transaction<'_>, refund: &Refund, now: i64) -> Result<(), HandlerError> {
    let order = order_of(tx, refund)?;
    match refund.advanced() {
        Some(fen) => give_back_advance(tx, refund, fen, now)?,
        None => give_back_to_payee(tx, refund, &order, now)?,
    }
    let payment = order.payment.clone().map(|payment| Payment {
        refunded: payment.refunded.saturating_sub(refund.amounts.refund),
        ..payment
    });
    tx.save(&Order { payment, ..order })?;
    Ok(())
}

/// The platform has what it advanced again.
fn give_back_advance(tx: &Transaction<'_>, refund: &Refund, fen: i64, now: i64) -> Result<(), HandlerError> {
    let moved = posting(Business::Refund, refund, now).moves(
        Owner::merchant(refund.payee()).account(AccountKind::Refunding),
        Owner::merchant(refund.merchant.as_str()).account(AccountKind::Available),
        fen,
    );
    post(tx, moved).map_err(broken)
}

/// The merchant has the money again and pays the fee for it.
/// UNCONFIRMED(refund-closed-money): it is available, unless it came from what waits to be shared and that still waits.
fn give_back_to_payee(
    tx: &Transaction<'_>,
    refund: &Refund,
    order: &Order,
    now: i64,
) -> Result<(), HandlerError> {
    let payee = Owner::merchant(refund.payee());
    let was_frozen = refund.drawn.iter().any(|(kind, _)| *kind == AccountKind::Frozen);
    let mut funds = SharedFunds::find(tx, order, now)?.filter(|funds| funds.is_open && was_frozen);
    let is_shared = funds.is_some();
    let back = |kind: AccountKind| match kind {
        AccountKind::Frozen if is_shared => AccountKind::Frozen,
        // Unsettled money would be settled only after the next payment.
        _ => AccountKind::Available,
    };
    let first = refund.drawn.first().map_or(AccountKind::Available, |(kind, _)| back(*kind));
    let moved = refund.drawn.iter().fold(posting(Business::Refund, refund, now), |posting, (kind, fen)| {
        posting.moves(payee.account(AccountKind::Refunding), payee.account(back(*kind)), *fen)
    });
    post(tx, moved).map_err(broken)?;
    let fee = posting(Business::Fee, refund, now).moves(
        payee.account(first),
        payee.account(AccountKind::Fees),
        refund.amounts.fee,
    );
    post(tx, fee).map_err(broken)?;
    if let Some(funds) = funds.as_mut() {
        funds.left = funds.left.saturating_add(refund.amounts.settlement).saturating_sub(refund.amounts.fee);
        tx.save(funds)?;
    }
    Ok(())
}

/// No request can make these postings fail.
fn broken(error: PostingError) -> HandlerError {
    match error {
        PostingError::Store(error) => error.into(),
        PostingError::Short { .. } | PostingError::Amount => {
            StoreError::Corrupt("the money of a refund on its way is not there".to_owned()).into()
        }
    }
}

/// Where an abnormal refund is sent to (异常退款处理方式).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// Another card of the person, by its name.
    UserCard(String),
    /// The merchant's own, who then pays the person.
    MerchantCard,
}

impl Destination {
    pub(super) fn read(request: &ValidRequest) -> Result<Self, Refusal> {
        if request.text("type") == Some("MERCHANT_BANK_CARD") {
            return Ok(Self::MerchantCard);
        }
        match (request.text("bank_type"), request.text("bank_account"), request.text("real_name")) {
            (Some(bank), Some(number), Some(_)) => Ok(Self::UserCard(card(bank, number))),
            _ => Err(refusals::no_card()),
        }
    }
}

/// An abnormal refund is tried again, to somewhere else.
pub(super) fn handle_abnormal(
    mut refund: Refund,
    out_refund_no: &str,
    destination: Destination,
    now: i64,
) -> Result<Decision<Refund>, Refusal> {
    if refund.out_refund_no != out_refund_no {
        return Err(refusals::not_the_orders("out_refund_no is not that of the refund in the path"));
    }
    if refund.state != RefundState::Abnormal {
        return Err(refusals::not_abnormal());
    }
    let (channel, received_account) = match destination {
        Destination::UserCard(card) => (Channel::OtherBankcard, card),
        Destination::MerchantCard => (Channel::Merchant, "商户结算银行账户".to_owned()),
    };
    refund.keep_for_bill(now);
    let settles = now.saturating_add(SUCCESS_AFTER);
    let state = RefundState::Processing;
    let refund = Refund { state, channel, received_account, settles, is_short: false, ..refund };
    let due = vec![due(&refund)];
    let response: Value = refund.show();
    Ok(Decision { due, ..Decision::new(refund, response) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallet_and_a_card_have_their_names() {
        assert_eq!(received_account_text("OTHERS"), "支付用户零钱");
        assert_eq!(received_account_text("CMC"), "招商银行银行卡0000");
        assert_eq!(received_account_text("CMB_CREDIT"), "招商银行信用卡0000");
        for (number, name) in [
            ("6222020000001234", "工商银行借记卡1234"),
            ("123", "工商银行借记卡0000"),
            ("六千", "工商银行借记卡0000"),
        ] {
            assert_eq!(card("ICBC_DEBIT", number), name);
        }
        assert_eq!(card("XYZ_DEBIT", ""), "XYZ借记卡0000");
    }
}
