//! The content of the page of an order. It is read from the store, and changes nothing.

use std::net::IpAddr;

use crate::people::Person;
use crate::products::cash_coupons::discount::Discount;
use crate::products::payments::order::{self, Funds, Order, TradeType};
use crate::products::payments::payment::{check_payable, coupons_to_use};
use crate::products::payments::person::{Payable, PaymentError, check_prepay, find};
use crate::store::{StoreError, Transaction};

/// An order, or a combined order, as the person sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invoice {
    /// The merchant that made the order.
    pub(super) merchant: String,
    pub(super) out_trade_no: String,
    pub(super) currency: String,
    /// Fen that are to be paid by the first of the ways that the order takes.
    pub(super) to_pay: i64,
    /// The means of payment that a person may choose.
    pub(super) ways: Vec<Way>,
    /// Fen that the person paid.
    pub(super) paid: i64,
    /// One, or those of a combined order.
    pub(super) lines: Vec<Line>,
    pub(super) coupons: Vec<Coupon>,
    pub(super) standing: Standing,
    /// The people who may pay, if the order names none.
    pub(super) people: Vec<Payer>,
    /// Warnings for a developer who will make this order on the real platform.
    pub(super) note: Option<&'static str>,
}

/// One thing to pay with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) funds: Funds,
    /// Fen of all parts, without the coupons that would be used: some coupons are for some cards only.
    pub(super) to_pay: i64,
    /// Whether the order takes it (`limit_pay`).
    pub(super) is_taken: bool,
}

/// In the order of the page: a bank card of a kind that the order takes, a credit card, and the wallet.
const WAYS: [Funds; 3] = [Funds::Card, Funds::CreditCard, Funds::Wallet];

/// A person who may pay.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Payer {
    /// Unionid, or an openid.
    pub(super) id: String,
    /// Under the appid of the order.
    pub(super) openid: String,
    pub(super) is_chosen: bool,
}

/// The most people to choose from.
const MAX_PEOPLE: usize = 100;

/// One order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The merchant that gets the money.
    pub(super) payee: String,
    pub(super) description: String,
    pub(super) total: i64,
}

/// The discounts.
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
        person: Option<&str>,
        now: i64,
    ) -> Result<Self, PaymentError> {
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
        let standing = standing(&orders, prepay);
        let named = orders.first().is_some_and(|order| order.payer != order::Payer::default());
        let person = person.filter(|_| !named);
        let total = orders.iter().fold(0, |sum: i64, order| sum.saturating_add(order.total));
        let (mut ways, mut to_use) = (Vec::new(), None);
        for funds in WAYS.into_iter().filter(|_| standing == Standing::Open) {
            let coupons: Vec<Discount> =
                coupons_to_use(tx, &orders, person, funds, now)?.into_iter().flatten().collect();
            let is_taken = orders.iter().all(|order| order.limit_pay.check(funds).is_ok());
            let to_pay = total - coupons.iter().map(Discount::amount).sum::<i64>();
            ways.push(Way { funds, to_pay, is_taken });
            if is_taken {
                to_use.get_or_insert((to_pay, coupons));
            }
        }
        let (to_pay, to_use) = to_use.unwrap_or_else(|| (total, Vec::new()));
        let people = match (&standing, orders.first()) {
            (Standing::Open, Some(order)) if !named => payers(tx, &order.appid, person)?,
            _ => Vec::new(),
        };
        let payments = || orders.iter().filter_map(|order| order.payment.as_ref());
        Ok(Self {
            merchant,
            out_trade_no,
            currency: orders.first().map_or_else(String::new, |order| order.currency.clone()),
            to_pay,
            ways,
            paid: payments().fold(0, |sum: i64, payment| sum.saturating_add(payment.payer_total)),
            coupons: match standing {
                Standing::Open => {
                    to_use.iter().map(|coupon| Coupon::read(&coupon.promotion_detail())).collect()
                }
                _ => payments().flat_map(|payment| &payment.promotion_detail).map(Coupon::read).collect(),
            },
            note: orders.first().filter(|_| standing == Standing::Open).and_then(note),
            standing,
            people,
            lines: orders.into_iter().map(Line::from).collect(),
        })
    }
}

/// An H5 order is made with any address of the person's device, and its page does not open with one of this machine.
fn note(order: &Order) -> Option<&'static str> {
    let given = order.scene_info.as_ref()?.get("payer_client_ip")?.as_str()?;
    let is_of_this_machine = given.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    (order.trade_type == TradeType::Mweb && is_of_this_machine).then_some(
        "the real page does not open for this payer_client_ip: send the address of the person's device",
    )
}

/// People that were made, and the one that was chosen.
fn payers(tx: &Transaction<'_>, appid: &str, chosen: Option<&str>) -> Result<Vec<Payer>, StoreError> {
    let mut people = Person::list(tx, MAX_PEOPLE)?;
    let of_chosen = chosen.map(|id| Person::find(tx, id)).transpose()?.flatten();
    people.retain(|person| of_chosen.as_ref().is_none_or(|chosen| chosen.unionid != person.unionid));
    let is_stranger = of_chosen.is_none();
    let shown =
        |person: Person, is_chosen| Payer { openid: person.openid(appid), id: person.unionid, is_chosen };
    let mut payers: Vec<Payer> = of_chosen.into_iter().map(|person| shown(person, true)).collect();
    if let Some(id) = chosen.filter(|_| is_stranger) {
        payers.push(Payer { id: id.to_owned(), openid: id.to_owned(), is_chosen: true });
    }
    payers.extend(people.into_iter().map(|person| shown(person, false)));
    Ok(payers)
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

fn standing(orders: &[Order], prepay: Result<(), PaymentError>) -> Standing {
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
