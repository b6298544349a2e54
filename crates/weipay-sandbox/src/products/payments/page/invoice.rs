//! What the page shows of an order: read from the store, and nothing is changed by it.

use crate::products::payments::order::Order;
use crate::products::payments::payment::check_payable;
use crate::products::payments::person::{Payable, PersonPaysError, check_prepay, find};
use crate::store::Transaction;

/// An order, or a combined order, as the person sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invoice {
    /// Who made the order.
    pub(super) merchant: String,
    pub(super) out_trade_no: String,
    pub(super) currency: String,
    /// Fen, of all parts.
    pub(super) total: i64,
    /// Fen that the person paid.
    pub(super) paid: i64,
    /// One, or those of a combined order.
    pub(super) lines: Vec<Line>,
    pub(super) coupons: Vec<Coupon>,
    pub(super) standing: Standing,
}

/// One order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Who gets the money.
    pub(super) payee: String,
    pub(super) description: String,
    pub(super) total: i64,
}

/// What takes something off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Coupon {
    pub(super) name: String,
    pub(super) fen: i64,
}

/// Whether it can be paid now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Paid,
    /// It cannot; why, in words for the developer.
    Over(String),
}

impl Invoice {
    /// The order that a number of the page is for, as it stands at a moment.
    pub(super) fn find(
        tx: &Transaction<'_>,
        given: &str,
        number: &str,
        now: i64,
    ) -> Result<Self, PersonPaysError> {
        let payable = find(tx, given, None)?;
        let prepay = check_prepay(payable.prepays(), number, now);
        let (merchant, out_trade_no, orders) = match payable {
            Payable::One(order) => {
                (order.merchant.clone(), order.out_trade_no.clone(), vec![order.seen_at(now)])
            }
            Payable::Combined(combined) => {
                let parts = combined.load_parts(tx)?.into_iter().map(|part| part.seen_at(now)).collect();
                (combined.merchant, combined.out_trade_no, parts)
            }
        };
        let payments = || orders.iter().filter_map(|order| order.payment.as_ref());
        Ok(Self {
            merchant,
            out_trade_no,
            currency: orders.first().map_or_else(String::new, |order| order.currency.clone()),
            total: orders.iter().fold(0, |sum: i64, order| sum.saturating_add(order.total)),
            paid: payments().fold(0, |sum: i64, payment| sum.saturating_add(payment.payer_total)),
            coupons: payments().flat_map(|payment| &payment.promotion_detail).map(Coupon::read).collect(),
            standing: standing(&orders, prepay),
            lines: orders.into_iter().map(Line::from).collect(),
        })
    }
}

impl From<Order> for Line {
    fn from(order: Order) -> Self {
        Self { payee: order.payee().to_owned(), total: order.total, description: order.description }
    }
}

impl Coupon {
    /// From an entry of `promotion_detail`.
    fn read(detail: &serde_json::Value) -> Self {
        Self {
            name: detail["name"].as_str().unwrap_or_default().to_owned(),
            fen: detail["amount"].as_i64().unwrap_or_default(),
        }
    }
}

fn standing(orders: &[Order], prepay: Result<(), PersonPaysError>) -> Standing {
    if orders.iter().any(|order| order.state.is_paid()) {
        return Standing::Paid;
    }
    if let Some(reason) = orders.iter().find_map(|order| check_payable(order).err()) {
        return Standing::Over(reason.to_owned());
    }
    match prepay {
        Ok(()) => Standing::Open,
        Err(error) => Standing::Over(error.to_string()),
    }
}
