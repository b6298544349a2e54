//! Builds the notification of an order or a refund again, for a developer who asks for it; also if the request had no
//! `notify_url`.

use super::order::{Order, OrderState, TradeType};
use super::payment;
use super::person::{self, Payable, PaymentError};
use super::refund::outcome;
use super::refund::record::{Refund, RefundState};
use super::v2;
use crate::products::announcers::{AnnounceError, Announcer, EventQuery};
use crate::products::number_lookup::NumberRef;
use crate::reasons;
use crate::store::{Announcement, Transaction};

/// The events of payments and refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PaymentEvent {
    Payment,
    /// In this state; APIv2 has one event for all of them.
    Refund(Option<RefundState>),
}

impl PaymentEvent {
    fn of_event(event_type: &str) -> Option<Self> {
        let states = [RefundState::Success, RefundState::Abnormal, RefundState::Closed];
        match event_type {
            payment::SUCCESS | payment::PAID_V2 | v2::combined::PAID => Some(Self::Payment),
            v2::refund::PROCESSED => Some(Self::Refund(None)),
            _ => {
                let state = states.into_iter().find(|state| outcome::event_of(*state) == Some(event_type));
                state.map(|state| Self::Refund(Some(state)))
            }
        }
    }
}

/// Payments and refunds. The newest refund that fits may be one that was never announced.
pub(crate) fn find(event_type: &str) -> Option<Announcer> {
    PaymentEvent::of_event(event_type)
        .map(|event| Announcer { last_sent_is_current: event == PaymentEvent::Payment, announcement })
}

/// The notification. A refund has its own numbers; of an order it is the newest that fits.
fn announcement(tx: &Transaction<'_>, asked: &EventQuery<'_>) -> Result<Announcement, AnnounceError> {
    let EventQuery { event_type, named: NumberRef { number, mchid }, now } = *asked;
    let found = match PaymentEvent::of_event(event_type) {
        Some(PaymentEvent::Payment) => of_payment(tx, number, mchid),
        Some(PaymentEvent::Refund(state)) => of_refund(tx, state, number, mchid, now),
        None => return Err(AnnounceError::Reason(format!("payments have no event {event_type}"))),
    };
    found.map_err(|error| match error {
        PaymentError::Store(error) => AnnounceError::Failed(error),
        error => AnnounceError::Reason(error.to_string()),
    })
}

fn of_payment(tx: &Transaction<'_>, number: &str, mchid: Option<&str>) -> Result<Announcement, PaymentError> {
    match person::find(tx, number, mchid)? {
        Payable::One(order) => {
            let order = when_paid(*order)?;
            if order.trade_type == TradeType::Micropay {
                let reason =
                    "an order by payment code (付款码) has no notification: its response has the result";
                return Err(PaymentError::NotPayable(reason.to_owned()));
            }
            Ok(payment::announcement_to(tx, &order, order.notify_url.clone().unwrap_or_default())?)
        }
        Payable::Combined(combined) => {
            let parts = combined.load_parts(tx)?;
            let parts = parts.into_iter().map(when_paid).collect::<Result<Vec<_>, _>>()?;
            let paid_at =
                parts.iter().filter_map(|part| part.payment.as_ref()).map(|paid| paid.paid_at).max();
            Ok(combined.announcement(&parts, paid_at.unwrap_or_default()))
        }
    }
}

/// An order as it was when it was paid: of refunds that came later its notification says nothing.
fn when_paid(order: Order) -> Result<Order, PaymentError> {
    if !order.state.is_paid() {
        let state = order.state.word();
        let reason = format!("the order is {state}: only one that was paid has a notification of a payment");
        let advice = "; weipay sandbox pay ORDER pays it";
        let is_open = payment::check_payable(&order).is_ok();
        return Err(PaymentError::NotPayable(reason + if is_open { advice } else { "" }));
    }
    Ok(Order { state: OrderState::Success, ..order })
}

fn of_refund(
    tx: &Transaction<'_>,
    state: Option<RefundState>,
    number: &str,
    mchid: Option<&str>,
    now: i64,
) -> Result<Announcement, PaymentError> {
    let mut refunds = refunds(tx, number, mchid)?;
    let fits = |refund: &Refund| match state {
        None => refund.state != RefundState::Processing,
        Some(state) => refund.state == state,
    };
    let Some(place) = refunds.iter().position(fits) else {
        let has: Vec<_> = refunds
            .iter()
            .map(|refund| format!("{} is {}", refund.out_refund_no.escape_debug(), refund.state.word()))
            .collect();
        return Err(PaymentError::NotPayable(format!(
            "no refund is in the state that this event tells of: {}; weipay sandbox refund NUMBER --to OUTCOME sets \
             the result of one",
            has.join(", ")
        )));
    };
    let refund = refunds.swap_remove(place);
    let event_type = outcome::event_of(refund.state).unwrap_or_default();
    let time = refund.succeeded.unwrap_or(now);
    let notify_url = refund.notify_url.clone().unwrap_or_default();
    Ok(outcome::announcement_to(tx, &refund, event_type, notify_url, time)?)
}

/// The refund with this number, or those of the order with this number, the newest first. Never none.
fn refunds(tx: &Transaction<'_>, number: &str, mchid: Option<&str>) -> Result<Vec<Refund>, PaymentError> {
    let is_of = |merchant: &str, sub_mchid: Option<&str>| {
        mchid.is_none_or(|mchid| merchant == mchid || sub_mchid == Some(mchid))
    };
    let is_meant = |refund: &Refund| is_of(&refund.merchant, refund.sub_mchid.as_deref());
    if let Some(refund) = Refund::find_by_id(tx, number)?.filter(is_meant) {
        return Ok(vec![refund]);
    }
    let several = || PaymentError::NotPayable(reasons::several_merchants(reasons::SAY_WHOSE));
    let found = Refund::find_by_bare_number(tx, number, is_meant)?;
    match found.len() {
        0 => {}
        1 => return Ok(found),
        _ => return Err(several()),
    }
    let is_meant = |order: &Order| is_of(&order.merchant, order.sub_mchid.as_deref());
    let mut orders = Order::find_by_bare_number(tx, number, is_meant)?;
    orders.extend(Order::find_by_transaction(tx, number)?.filter(is_meant));
    if orders.len() > 1 {
        return Err(several());
    }
    let refunds = match orders.first().and_then(Order::transaction_id) {
        Some(transaction_id) => Refund::find_by_order(tx, transaction_id)?,
        None => Vec::new(),
    };
    match refunds.is_empty() {
        false => Ok(refunds),
        true if orders.is_empty() => {
            Err(PaymentError::NotFound("no refund and no order has this number".to_owned()))
        }
        true => Err(PaymentError::NotFound("the order has no refund".to_owned())),
    }
}
