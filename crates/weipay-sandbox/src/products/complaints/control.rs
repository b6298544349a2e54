//! Actions of people: complain about a paid order, write, continue, withdraw, and ask the platform for help.

use std::fmt;

use serde_json::{Value, json};

use super::callback::CREATED;
use super::complaint::{ComplainedOrder, Complaint, ComplaintState, Private, Side};
use super::person::{ComplaintMessage, MAX_PHONE, NewComplaint, Problem};
use super::rules::{Happened, PersonStep, person_does, with_action, with_message_of_system};
use crate::clock;
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::error::{append_causes, caused_by_store};
use crate::people::account::person_of;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::platform::Platform;
use crate::products::pay_score;
use crate::products::payments::order::{Order, Payer};
use crate::products::payments::refund::record::Refund;
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(
        "/complaints",
        "A person complains (消费者投诉) about a paid order, by out_trade_no or transaction_id",
        &[
            Member::text("order", "out_trade_no or transaction_id of a paid order").required(),
            Member::MCHID_OF_NUMBER,
            Member::text("openid", "Who complains (default: who paid)"),
            Member::text("text", "What the person writes"),
            Member::texts("images", "Media IDs of pictures, at most 4"),
            Member::word("problem", &Problem::WORDS, "What it is about (default: refund)"),
            Member::integer("refund", "Fen that the person wants back (default: all that was paid)"),
            Member::text("phone", "The person's phone number (default: 13900000000)"),
            Member::boolean("urgent", "Whether the person needs an answer at once (即时服务)"),
        ],
        complain,
    ),
    Route::post(
        "/complaints/{id}/steps",
        "Continues a complaint, as the person or as the platform",
        &[
            Member::word("step", &PersonStep::WORDS, "What is done").required(),
            Member::text("text", "What is written"),
            Member::texts("images", "Media IDs of pictures, at most 4"),
        ],
        go_on,
    ),
];

/// Error of an action on a complaint.
#[derive(Debug)]
#[non_exhaustive]
pub enum ComplaintError {
    /// No paid order, or no complaint, has this number.
    Unknown(&'static str),
    /// The order or the complaint does not allow it; the text says why.
    State(String),
    /// A value makes no sense.
    Invalid(&'static str),
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ComplaintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(reason) | Self::Invalid(reason) => f.write_str(reason),
            Self::State(reason) => f.write_str(reason),
            Self::Store(_) => f.write_str("the complaint could not be stored"),
        }?;
        append_causes(self, f)
    }
}

caused_by_store!(ComplaintError);

impl From<ComplaintError> for ControlError {
    fn from(error: ComplaintError) -> Self {
        match error {
            ComplaintError::Unknown(reason) => Self::not_found(reason),
            ComplaintError::State(reason) => Self::conflict(reason),
            ComplaintError::Invalid(reason) => Self::invalid(reason),
            ComplaintError::Store(_) => Self::failed(error),
        }
    }
}

fn said(request: &ControlRequest) -> ComplaintMessage {
    ComplaintMessage { text: request.text("text").map(str::to_owned), images: request.texts("images") }
}

fn complain(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let text = |name: &str| request.text(name).map(str::to_owned);
    let id = control.platform.complain(&NewComplaint {
        order: text("order").unwrap_or_default(),
        mchid: text("mchid"),
        openid: text("openid"),
        said: said(request),
        problem: request.text("problem").and_then(Problem::from_word).unwrap_or_default(),
        refund: request.get("refund").and_then(Value::as_i64),
        phone: text("phone"),
        urgent: request.get("urgent").and_then(Value::as_bool).unwrap_or_default(),
    })?;
    Ok(json!({ "complaint_id": id, "complaint_state": ComplaintState::Pending.word() }))
}

fn go_on(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let step = request.text("step").and_then(PersonStep::from_word);
    let step = step.ok_or(ComplaintError::Invalid("step is missing"))?;
    let state = control.platform.go_on_with_complaint(request.path("id"), step, &said(request))?;
    Ok(json!({ "complaint_id": request.path("id"), "complaint_state": state }))
}

impl Platform {
    /// A person complains (消费者投诉) about a paid order. Gives the number of the complaint (`complaint_id`).
    ///
    /// # Errors
    ///
    /// If there is no such paid order, somebody complained about it before, a value makes no sense, or the database fails.
    pub fn complain(&self, complains: &NewComplaint) -> Result<String, ComplaintError> {
        complains.said.check()?;
        if complains.openid.as_ref().is_some_and(|openid| !is_openid(openid)) {
            return Err(ComplaintError::Invalid(WrongOpenid::Form.reason()));
        }
        if complains.phone.as_ref().is_some_and(|phone| phone.is_empty() || phone.len() > MAX_PHONE) {
            return Err(ComplaintError::Invalid("a phone number has between 1 and 50 bytes"));
        }
        self.act(|tx, now| {
            complains.said.check_pictures(tx)?;
            make_complaint(tx, complains, now)
        })
    }

    /// A person goes on with a complaint, or the platform does. Gives its state (`complaint_state`).
    ///
    /// # Errors
    ///
    /// If there is no such complaint, its state does not allow it, or the database fails.
    pub fn go_on_with_complaint(
        &self,
        id: &str,
        step: PersonStep,
        said: &ComplaintMessage,
    ) -> Result<&'static str, ComplaintError> {
        said.check()?;
        self.act(|tx, now| {
            said.check_pictures(tx)?;
            take_step(tx, id, step, said, now)
        })
    }
}

/// A new complaint. What is said was checked before.
pub(super) fn make_complaint(
    tx: &Transaction<'_>,
    complains: &NewComplaint,
    now: i64,
) -> Result<String, ComplaintError> {
    let order = find_order(tx, complains)?;
    let complaint = new_complaint(tx, &order, complains, now)?;
    let happened = Happened { complaint, notified_as: Some(CREATED) };
    Ok(happened.carry_out(tx, now)?.id)
}

/// The next step. What is said was checked before.
pub(super) fn take_step(
    tx: &Transaction<'_>,
    id: &str,
    step: PersonStep,
    said: &ComplaintMessage,
    now: i64,
) -> Result<&'static str, ComplaintError> {
    let complaint: Option<Complaint> = tx.get(id)?;
    let complaint = complaint.ok_or(ComplaintError::Unknown("no complaint has this complaint_id"))?;
    let happened = person_does(complaint, step, said.words(""), now)
        .map_err(|reason| ComplaintError::State(format!("the complaint allows no such step: {reason}")))?;
    Ok(happened.carry_out(tx, now)?.state.word())
}

fn find_order(tx: &Transaction<'_>, complains: &NewComplaint) -> Result<Order, ComplaintError> {
    let is_of = |order: &Order, mchid: &String| order.merchant == *mchid || order.payee() == mchid;
    let is_meant = |order: &Order| {
        order.state.is_paid() && complains.mchid.as_ref().is_none_or(|mchid| is_of(order, mchid))
    };
    let mut orders = Order::find_by_bare_number(tx, &complains.order, is_meant)?;
    orders.extend(Order::find_by_transaction(tx, &complains.order)?.filter(is_meant));
    match orders.len() {
        0 => Err(ComplaintError::Unknown("no paid order has this out_trade_no or transaction_id")),
        1 => Ok(orders.remove(0)),
        _ => Err(ComplaintError::State(reasons::several_merchants(reasons::SAY_WHOSE))),
    }
}

/// Only the person who paid complains, under whichever openid.
fn check_person(tx: &Transaction<'_>, payer: &Payer, openid: &str) -> Result<(), ComplaintError> {
    let person = person_of(tx, openid)?;
    for paid_as in [&payer.openid, &payer.sub_openid].into_iter().flatten() {
        if person_of(tx, paid_as)? == person {
            return Ok(());
        }
    }
    Err(ComplaintError::State(
        "this person did not pay the order, and only the person who paid complains about it: leave the openid out to complain as that person"
            .to_owned(),
    ))
}

fn new_complaint(
    tx: &Transaction<'_>,
    order: &Order,
    complains: &NewComplaint,
    now: i64,
) -> Result<Complaint, ComplaintError> {
    let payment = order.payment.as_ref();
    let payment =
        payment.ok_or_else(|| StoreError::Corrupt("a paid order without its payment".to_owned()))?;
    if let Some(openid) = &complains.openid {
        check_person(tx, &payment.payer, openid)?;
    }
    if let Some(known) = Complaint::find_by_order(tx, &payment.transaction_id)? {
        return Err(ComplaintError::State(format!(
            "the person has complained about this order before: go on with complaint {}",
            known.id
        )));
    }
    let wanted = (complains.problem == Problem::Refund).then(|| complains.refund.unwrap_or(order.total));
    if wanted.is_some_and(|fen| !(1..=order.total).contains(&fen)) {
        return Err(ComplaintError::Invalid("the amount must be from 1 fen to the total of the order"));
    }
    let refunds = Refund::find_by_order(tx, &payment.transaction_id)?;
    let arrived = refunds.iter().filter(|refund| refund.has_reached_person());
    let payer = &payment.payer;
    let openid = complains.openid.as_ref().or(payer.openid.as_ref()).or(payer.sub_openid.as_ref());
    let serial = tx.next_number("complaint")?;
    let date = clock::compact_day(now);
    let words = complains.said.words("没有收到商品");
    let complaint = Complaint {
        id: format!("2002018{date}{serial:012}"),
        mchid: order.payee().to_owned(),
        merchant: order.merchant.clone(),
        openid: openid.cloned().unwrap_or_default(),
        phone: Private(complains.phone.clone().unwrap_or_else(|| "13900000000".to_owned())),
        detail: words.text.clone(),
        images: words.images.clone(),
        problem: complains.problem,
        wanted,
        order: ComplainedOrder {
            transaction_id: payment.transaction_id.clone(),
            out_trade_no: order.out_trade_no.clone(),
            total: order.total,
            refunded: arrived.map(|refund| refund.amounts.refund).sum(),
        },
        service_order: pay_score::service_order_info(tx, &payment.transaction_id)?,
        time: now,
        state: ComplaintState::Pending,
        is_waiting: true,
        times: 1,
        is_refund_decided: false,
        awaited: None,
        arrived: 0,
        with_platform: false,
        is_urgent: complains.urgent,
        actions: Vec::new(),
    };
    let complaint = with_action(complaint, Side::Person, "USER_CREATE_COMPLAINT", words, now);
    Ok(with_message_of_system(complaint, now))
}
