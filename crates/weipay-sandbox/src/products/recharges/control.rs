//! Pays recharges, as people and their banks do.

use serde_json::Value;

use super::employees;
use super::recharge::{Channel, Paid, Recharge, State};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::people::openid::{PERSON_FORM, is_openid};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::products::number_lookup::{Lookup, NumberRef};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[Route::post(
    "/recharges/{number}/pay",
    "Pays a recharge (充值) of a merchant, by out_recharge_no or recharge_id",
    &[
        Member::word("channel", &Channel::WORDS, "By what (default: BANK_TRANSFER)"),
        Member::text(
            "openid",
            "Who pays by a code (QR_RECHARGE); an employee who was added, or else the administrator",
        ),
        Member::integer(
            "fen",
            "What the bank transfers; another amount than the recharge's goes back (default: that amount)",
        ),
        Member::MCHID_OF_NUMBER,
    ],
    pay_recharge,
)];

fn pay_recharge(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let named = NumberRef::in_request(request);
    let pays = Pays {
        channel: request.text("channel").and_then(Channel::from_word).unwrap_or(Channel::BankTransfer),
        openid: request.text("openid"),
        fen: request.get("fen").and_then(Value::as_i64),
    };
    if pays.channel == Channel::QrRecharge && pays.openid.is_none() {
        return Err(ControlError::invalid("openid is needed with QR_RECHARGE: it says who pays"));
    }
    if pays.channel != Channel::QrRecharge && pays.openid.is_some() {
        return Err(ControlError::invalid("openid is only for QR_RECHARGE: it says who pays by the code"));
    }
    if pays.openid.is_some_and(|openid| !is_openid(openid)) {
        return Err(ControlError::invalid(PERSON_FORM));
    }
    if pays.channel != Channel::BankTransfer && pays.fen.is_some() {
        return Err(ControlError::invalid(
            "fen is only for BANK_TRANSFER: the other channels pay the amount of the recharge",
        ));
    }
    if pays.fen.is_some_and(|fen| fen < 1) {
        return Err(ControlError::invalid("fen must be at least 1"));
    }
    match control.platform.pay_recharge(named, pays)? {
        Outcome::Paid(recharge) => Ok(recharge.show()),
        Outcome::Unknown => Err(ControlError::not_found("no recharge has this number")),
        Outcome::Ambiguous => Err(ControlError::conflict(reasons::several_merchants(&format!(
            "give the recharge_id of the response, or {}",
            reasons::SAY_WHOSE
        )))),
        Outcome::Over(state) => Err(ControlError::conflict(format!(
            "the recharge is {}, and cannot be paid any more",
            state.word()
        ))),
        Outcome::OtherChannel => Err(ControlError::conflict(
            "the recharge is not paid by this channel: available_recharge_channels names those that it takes, and that of a merchant's \
             own is a bank transfer",
        )),
    }
}

/// The channel of a payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pays<'a> {
    pub(super) channel: Channel,
    pub(super) openid: Option<&'a str>,
    pub(super) fen: Option<i64>,
}

/// The result of a payment.
pub(super) enum Outcome {
    /// It was paid, or the bank's money went back.
    Paid(Box<Recharge>),
    Unknown,
    Ambiguous,
    Over(State),
    OtherChannel,
}

impl Platform {
    fn pay_recharge(&self, named: NumberRef<'_>, pays: Pays<'_>) -> Result<Outcome, StoreError> {
        let paid = self.act(|tx, now| pay(tx, named, pays, now));
        paid.map_err(|error| error.into_store_error("the money of a recharge"))
    }
}

pub(super) fn pay(
    tx: &Transaction<'_>,
    named: NumberRef<'_>,
    pays: Pays<'_>,
    now: i64,
) -> Result<Outcome, HandlerError> {
    let own = |mchid: &str| Recharge::find_by_number(tx, mchid, named.number);
    let of_any_merchant = || Recharge::find_of_any_merchant(tx, named.number);
    let recharge = match named.find(own, of_any_merchant, |found| &found.merchant)? {
        Lookup::One(recharge) => recharge,
        Lookup::Nothing => return Ok(Outcome::Unknown),
        Lookup::Several => return Ok(Outcome::Ambiguous),
    };
    if recharge.state != State::Recharging || now >= recharge.overdue().at {
        let state = if recharge.state == State::Recharging { State::Closed } else { recharge.state };
        return Ok(Outcome::Over(state));
    }
    if !recharge.takes(pays.channel) {
        return Ok(Outcome::OtherChannel);
    }
    if pays.channel == Channel::BankTransfer
        && let Some(fen) = pays.fen.filter(|fen| *fen != recharge.fen)
    {
        return Ok(Outcome::Paid(Box::new(recharge.send_back(tx, fen, now)?)));
    }
    let person = match pays.openid.filter(|_| pays.channel == Channel::QrRecharge) {
        Some(openid) => {
            let is_employee = employees::is_one(tx, &recharge.merchant, recharge.payee(), openid)?;
            Some((openid.to_owned(), is_employee))
        }
        None => None,
    };
    let paid = Paid { channel: pays.channel, person };
    Ok(Outcome::Paid(Box::new(recharge.pay(tx, paid, now)?)))
}
