//! What people do: they complain about a paid order, write, continue, withdraw, and ask the platform for help.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::callback::CREATED;
use super::complaint::{ComplainedOrder, Complaint, ComplaintState, Private, Side};
use super::rules::{Happened, PersonStep, Words, person_does, with_action};
use crate::clock;
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::error::append_causes;
use crate::people::account::person_of;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::platform::Platform;
use crate::products::media;
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
            Member::WHOSE_NUMBER,
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
        "The person who complained goes on, or the platform does",
        &[
            Member::word("step", &PersonStep::WORDS, "What is done").required(),
            Member::text("text", "What is written"),
            Member::texts("images", "Media IDs of pictures, at most 4"),
        ],
        go_on,
    ),
];

/// How long a text may be, in characters, and how many pictures it may have.
const MAX_LETTERS: usize = 1000;
const MAX_IMAGES: usize = 4;
const MAX_MEDIA_ID: usize = 512;
const MAX_PHONE: usize = 50;

/// `problem_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Problem {
    /// The person wants money back.
    #[default]
    Refund,
    /// What was paid for does not work.
    ServiceNotWork,
    /// Something else.
    Other,
}

impl Problem {
    const ALL: [Self; 3] = [Self::Refund, Self::ServiceNotWork, Self::Other];
    /// The words of all of them.
    pub const WORDS: [&str; 3] = ["refund", "service-not-work", "other"];

    /// One word, such as `refund`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The problem of this [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.word() == word)
    }

    pub(super) const fn type_word(self) -> &'static str {
        match self {
            Self::Refund => "REFUND",
            Self::ServiceNotWork => "SERVICE_NOT_WORK",
            Self::Other => "OTHERS",
        }
    }

    /// `problem_description`: UNCONFIRMED(complaint-words).
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Refund => "申请退款",
            Self::ServiceNotWork => "服务权益未生效",
            Self::Other => "其他类型",
        }
    }
}

/// What is written: a text, and the media IDs of pictures.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Said {
    text: Option<String>,
    images: Vec<String>,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Said").field("images", &self.images.len()).finish_non_exhaustive()
    }
}

impl Said {
    /// A text of at most 1000 characters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), images: Vec::new() }
    }

    /// With a picture, of which there are at most four: a `media_id` that an upload responded with.
    #[must_use]
    pub fn with_image(mut self, media_id: impl Into<String>) -> Self {
        self.images.push(media_id.into());
        self
    }

    fn check(&self) -> Result<(), ComplaintError> {
        if self.text.as_ref().is_some_and(|text| text.chars().count() > MAX_LETTERS) {
            return Err(ComplaintError::Invalid("a text has at most 1000 characters"));
        }
        let is_media_id = |id: &String| {
            let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
            !id.is_empty() && id.len() <= MAX_MEDIA_ID && id.bytes().all(plain)
        };
        if self.images.len() > MAX_IMAGES || !self.images.iter().all(is_media_id) {
            return Err(ComplaintError::Invalid(
                "there are at most 4 pictures, each with the media_id that an upload responded with",
            ));
        }
        Ok(())
    }

    fn check_pictures(&self, tx: &Transaction<'_>) -> Result<(), ComplaintError> {
        if media::are_kept(tx, &self.images)? {
            return Ok(());
        }
        Err(ComplaintError::Invalid(
            "no upload to /v3/merchant-service/images/upload responded with one of these media_ids: upload the picture first, as a merchant",
        ))
    }

    fn words(&self, default: &str) -> Words {
        let text = Private(self.text.clone().unwrap_or_else(|| default.to_owned()));
        Words { text, images: self.images.clone(), message: None }
    }
}

/// How a person complains.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonComplains {
    order: String,
    mchid: Option<String>,
    openid: Option<String>,
    said: Said,
    problem: Problem,
    refund: Option<i64>,
    phone: Option<String>,
    urgent: bool,
}

impl fmt::Debug for PersonComplains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonComplains").field("order", &self.order).finish_non_exhaustive()
    }
}

impl PersonComplains {
    /// About a paid order, by out_trade_no or transaction_id.
    #[must_use]
    pub fn new(order: impl Into<String>) -> Self {
        Self { order: order.into(), ..Self::default() }
    }

    /// Whose out_trade_no is meant, when several merchants have used it.
    #[must_use]
    pub fn of_merchant(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Who complains: an openid of the person who paid.
    #[must_use]
    pub fn by_person(mut self, openid: impl Into<String>) -> Self {
        self.openid = Some(openid.into());
        self
    }

    /// What the person writes.
    #[must_use]
    pub fn saying(mut self, said: Said) -> Self {
        self.said = said;
        self
    }

    /// What it is about; a refund if nothing is said.
    #[must_use]
    pub fn about(mut self, problem: Problem) -> Self {
        self.problem = problem;
        self
    }

    /// How many fen the person wants back.
    #[must_use]
    pub fn wanting(mut self, fen: i64) -> Self {
        self.refund = Some(fen);
        self
    }

    /// The person's phone number.
    #[must_use]
    pub fn with_phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    /// The person needs an answer at once (即时服务).
    #[must_use]
    pub fn urgently(mut self) -> Self {
        self.urgent = true;
        self
    }
}

/// Why nothing was done.
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
            Self::Store(_) => f.write_str("the complaint could not be kept"),
        }?;
        append_causes(self, f)
    }
}

impl std::error::Error for ComplaintError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Unknown(_) | Self::State(_) | Self::Invalid(_) => None,
        }
    }
}

impl From<StoreError> for ComplaintError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

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

fn said(request: &ControlRequest) -> Said {
    Said { text: request.text("text").map(str::to_owned), images: request.texts("images") }
}

fn complain(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let text = |name: &str| request.text(name).map(str::to_owned);
    let id = control.platform.complain(&PersonComplains {
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
    pub fn complain(&self, complains: &PersonComplains) -> Result<String, ComplaintError> {
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
        said: &Said,
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
    complains: &PersonComplains,
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
    said: &Said,
    now: i64,
) -> Result<&'static str, ComplaintError> {
    let complaint: Option<Complaint> = tx.get(id)?;
    let complaint = complaint.ok_or(ComplaintError::Unknown("no complaint has this complaint_id"))?;
    let happened = person_does(complaint, step, said.words(""), now)
        .map_err(|reason| ComplaintError::State(format!("the complaint allows no such step: {reason}")))?;
    Ok(happened.carry_out(tx, now)?.state.word())
}

fn find_order(tx: &Transaction<'_>, complains: &PersonComplains) -> Result<Order, ComplaintError> {
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
    complains: &PersonComplains,
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
        return Err(ComplaintError::Invalid(
            "nobody gets back less than 1 fen, or more than the order's total",
        ));
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
    Ok(with_action(complaint, Side::Person, "USER_CREATE_COMPLAINT", words, now))
}
