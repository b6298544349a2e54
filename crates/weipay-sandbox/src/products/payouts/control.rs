//! People open red packets, and developers decide what the bank does with a payment to a bank card.

use serde_json::{Value, json};

use super::red_packet::{self, NotOpened, RedPacket};
use super::to_bank::{BankPayment, BankPaymentState};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::people::openid::{PERSON_FORM, is_openid};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::products::number_lookup::{Lookup, NumberRef};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(
        "/red-packets/{number}/open",
        "A person opens a red packet (现金红包), by mch_billno or send_listid; unopened it is given back after 24 hours",
        &[Member::text(
            "openid",
            "Who opens a part of a red packet with several parts (裂变红包), by openid or unionid (default: the person it \
             was sent to)",
        )],
        open,
    ),
    Route::post(
        "/bank-payments/{number}/outcome",
        "Sets the result of a payment to a bank card (付款到银行卡), by partner_trade_no or payment_no; otherwise it succeeds when \
         its time comes",
        &[
            Member::word(
                "to",
                &OUTCOMES,
                "success, fail (the bank refuses it) or return (退票, after a success)",
            )
            .required(),
            Member::text("reason", "Why it fails or comes back; not with success"),
            Member::MCHID_OF_NUMBER,
        ],
        decide_outcome,
    ),
];

const OUTCOMES: [&str; 3] = ["success", "fail", "return"];

fn decide_outcome(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let to = match request.text("to") {
        Some("fail") => BankPaymentState::Failed,
        Some("return") => BankPaymentState::BankFail,
        _ => BankPaymentState::Success,
    };
    let (named, reason) = (NumberRef::in_request(request), request.text("reason"));
    if to == BankPaymentState::Success && reason.is_some() {
        return Err(ControlError::invalid("a payment that succeeds has no `reason`: leave it out"));
    }
    let decided = control.platform.act(|tx, now| decide(tx, named, to, reason, now));
    match decided.map_err(|error| error.into_store_error("the money of a payment to a bank card"))? {
        Lookup::One(Ok(payment)) => Ok(payment.show()),
        Lookup::One(Err(state)) => Err(ControlError::conflict(format!(
            "the payment is {}: one that is PROCESSING can succeed or fail, and only one that is SUCCESS can come back",
            state.word()
        ))),
        Lookup::Nothing => Err(ControlError::not_found("no payment to a bank card has this number")),
        Lookup::Several => Err(ControlError::conflict(reasons::several_merchants(&format!(
            "give the payment_no of the response, or {}",
            reasons::SAY_WHOSE
        )))),
    }
}

/// The payment as the bank has decided it, or the state in which the bank cannot decide so.
fn decide(
    tx: &Transaction<'_>,
    named: NumberRef<'_>,
    to: BankPaymentState,
    reason: Option<&str>,
    now: i64,
) -> Result<Lookup<Result<BankPayment, BankPaymentState>>, HandlerError> {
    let own = |mchid: &str| BankPayment::find(tx, mchid, named.number);
    let of_any_merchant = || BankPayment::find_by_any_number(tx, named.number);
    Ok(match named.find(own, of_any_merchant, |found| &found.mchid)? {
        Lookup::One(found) if !found.state.may_become(to) => Lookup::One(Err(found.state)),
        Lookup::One(found) => Lookup::One(Ok(found.become_state(tx, to, reason, now)?)),
        Lookup::Nothing => Lookup::Nothing,
        Lookup::Several => Lookup::Several,
    })
}

fn open(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let person = request.text("openid");
    if person.is_some_and(|person| !is_openid(person)) {
        return Err(ControlError::invalid(PERSON_FORM));
    }
    match control.platform.open_red_packet(request.path("number"), person)? {
        Opened::Now { state, fen } => Ok(json!({ "status": state, "amount": fen })),
        Opened::Unknown => Err(ControlError::not_found("no red packet has this number")),
        Opened::Ambiguous => {
            Err(ControlError::conflict(reasons::several_merchants("give the send_listid of the response")))
        }
        Opened::Account(state) => Err(ControlError::conflict(format!(
            "the account of the person is {state}: set it to normal (weipay sandbox person account), or the red \
             packet is returned 24 hours after it was sent"
        ))),
        Opened::Never(why) => Err(ControlError::conflict(why)),
        Opened::Ended(state) => Err(ControlError::conflict(format!(
            "the red packet is {state}: it can be opened once, in the 24 hours after it was sent"
        ))),
    }
}

/// The result of opening a red packet.
pub(crate) enum Opened {
    /// The state of the whole, and fen of what was opened.
    Now {
        state: &'static str,
        fen: i64,
    },
    Unknown,
    Ambiguous,
    Ended(&'static str),
    Account(&'static str),
    /// This person cannot open it; why.
    Never(&'static str),
}

impl Platform {
    /// A person opens a red packet, or a part of one that has several.
    pub(crate) fn open_red_packet(&self, number: &str, person: Option<&str>) -> Result<Opened, StoreError> {
        let opened: Result<Opened, HandlerError> = self.act(|tx, now| {
            let mut found = RedPacket::find_for_person(tx, number)?;
            let (Some(packet), true) = (found.pop(), found.is_empty()) else {
                return Ok(if found.is_empty() { Opened::Unknown } else { Opened::Ambiguous });
            };
            Ok(match red_packet::open(tx, packet, person, now)? {
                Ok(opened) => Opened::Now { state: opened.state.word(), fen: opened.fen },
                Err(NotOpened::State(state)) => Opened::Ended(state.word()),
                Err(NotOpened::Account(account)) => Opened::Account(account.word()),
                Err(NotOpened::Stranger) => Opened::Never("the red packet was sent to another person"),
                Err(NotOpened::BeforeTheFirst) => Opened::Never(
                    "the person it was sent to must open it first; then others can open the other parts",
                ),
                Err(NotOpened::Twice) => Opened::Never("this person has opened a part of it"),
            })
        });
        opened.map_err(|error| error.into_store_error("the money of a red packet"))
    }
}
