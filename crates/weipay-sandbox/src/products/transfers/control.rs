//! Actions of people on transfers: confirm one, and give and end authorizations.

use std::fmt;

use serde_json::{Value, json};

use super::authorization::{self, Authorization};
use super::course;
use super::grants::{self, Answer};
use super::transfer::{FAIL_REASONS, Transfer};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::error::{append_causes, caused_by_store};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::products::number_lookup::{Lookup, NumberRef};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(
        "/transfers/{number}/confirm",
        "A person confirms a transfer (商家转账), by out_bill_no, transfer_bill_no or package_info",
        &[
            Member::word("fail_reason", FAIL_REASONS, "The payment then fails with this reason"),
            Member::MCHID_OF_NUMBER,
        ],
        confirm,
    ),
    Route::post(
        "/transfers/{number}/refuse",
        "A person does not confirm a transfer: it fails at once, as it would after 24 hours",
        &[Member::MCHID_OF_NUMBER],
        refuse,
    ),
    Route::post(
        "/authorizations/{number}/confirm",
        "A person lets a merchant transfer without confirmation (免确认收款授权), by out_authorization_no or package_info",
        &[Member::MCHID_OF_NUMBER],
        give_authorization,
    ),
    Route::post(
        "/authorizations/{number}/end",
        "A person ends such an authorization",
        &[Member::MCHID_OF_NUMBER],
        end_authorization,
    ),
    Route::post(
        "/transfer-grants/{number}/refuse",
        "A sub-merchant, by sub_mchid, refuses to let its partner or platform transfer its money (子商户商家转账授权)",
        &[MCHID_OF_GRANT],
        refuse_grant,
    ),
    Route::post(
        "/transfer-grants/{number}/end",
        "A sub-merchant ends that authorization (解除授权)",
        &[MCHID_OF_GRANT],
        end_grant,
    ),
];

const MCHID_OF_GRANT: Member =
    Member::text("mchid", "The partner or platform, when several have asked the sub-merchant");

/// Error of an action on a transfer.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransferError {
    /// Nothing has this number.
    Unknown,
    /// Two merchants have given this number.
    Ambiguous,
    /// It is in another state.
    State {
        /// The state, as the platform names it.
        state: &'static str,
        /// Why it is in that state, such as `OVERDUE_CLOSE`: of a transfer that failed.
        reason: Option<String>,
    },
    /// No transfer fails with this reason.
    Reason,
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no transfer or authorization has this number"),
            Self::Ambiguous => f.write_str(&reasons::several_merchants(&format!(
                "give the platform's number or package_info, or {}",
                reasons::SAY_WHOSE
            ))),
            Self::State { state, reason } => {
                write!(f, "its state is {state}")?;
                if let Some(reason) = reason {
                    write!(f, " ({reason})")?;
                }
                f.write_str(", in which a person can neither confirm nor end it")
            }
            Self::Reason => write!(f, "the reason must be one of {}", FAIL_REASONS.join(", ")),
            Self::Store(_) => f.write_str("the transfer could not be stored"),
        }?;
        append_causes(self, f)
    }
}

caused_by_store!(TransferError);

impl From<HandlerError> for TransferError {
    fn from(error: HandlerError) -> Self {
        Self::Store(error.into_store_error("the money of a transfer"))
    }
}

impl From<TransferError> for ControlError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Unknown => Self::not_found(error.to_string()),
            TransferError::Ambiguous | TransferError::State { .. } => Self::conflict(error.to_string()),
            TransferError::Reason => Self::invalid(error.to_string()),
            TransferError::Store(_) => Self::failed(error),
        }
    }
}

fn transfer_named(tx: &Transaction<'_>, named: NumberRef<'_>) -> Result<Transfer, TransferError> {
    let own = |mchid: &str| Transfer::find_by_number(tx, mchid, named.number);
    one(named.find(own, || Transfer::find_for_person(tx, named.number), |found| &found.mchid)?)
}

fn authorization_named(tx: &Transaction<'_>, named: NumberRef<'_>) -> Result<Authorization, TransferError> {
    let own = |mchid: &str| Authorization::find_by_number(tx, mchid, named.number);
    one(named.find(own, || Authorization::find_for_person(tx, named.number), |found| &found.mchid)?)
}

/// The state that keeps a person from confirming or refusing a transfer.
fn in_state(transfer: &Transfer) -> TransferError {
    TransferError::State { state: transfer.state.word(), reason: transfer.fail_reason.clone() }
}

fn one<T>(meant: Lookup<T>) -> Result<T, TransferError> {
    match meant {
        Lookup::One(found) => Ok(found),
        Lookup::Nothing => Err(TransferError::Unknown),
        Lookup::Several => Err(TransferError::Ambiguous),
    }
}

fn confirm(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state =
        control.platform.confirm_transfer_of(NumberRef::in_request(request), request.text("fail_reason"))?;
    Ok(json!({ "state": state }))
}

fn refuse(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = control.platform.refuse_transfer_of(NumberRef::in_request(request))?;
    Ok(json!({ "state": state }))
}

fn refuse_grant(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    answer_grant(control, request, Answer::Refuse)
}

fn end_grant(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    answer_grant(control, request, Answer::TakeBack)
}

fn answer_grant(control: &Control, request: &ControlRequest, answer: Answer) -> Result<Value, ControlError> {
    let named = NumberRef::in_request(request);
    match control.platform.answer_transfer_grant(named, answer)? {
        Lookup::One(state) => Ok(json!({ "state": state })),
        Lookup::Nothing => Err(ControlError::not_found("no partner may transfer money of this sub-merchant")),
        Lookup::Several => Err(ControlError::conflict("several partners may: say which one with mchid")),
    }
}

fn give_authorization(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.confirm_authorization_of(NumberRef::in_request(request))?;
    show_authorization(control, request)
}

fn end_authorization(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.end_authorization_of(NumberRef::in_request(request))?;
    show_authorization(control, request)
}

/// The state of an authorization that was found a moment ago.
fn show_authorization(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let found =
        control.platform.store.transaction(|tx| authorization_named(tx, NumberRef::in_request(request)))?;
    Ok(json!({ "state": found.state.word() }))
}

impl Platform {
    /// The person of a transfer confirms it, by `out_bill_no`, `transfer_bill_no` or `package_info`. The
    /// payment then fails with this reason (`fail_reason`), or succeeds. Gives the state after it.
    ///
    /// # Errors
    ///
    /// If there is nothing to confirm, no transfer fails with the reason, or the database fails.
    pub fn confirm_transfer(
        &self,
        number: &str,
        fail_reason: Option<&str>,
    ) -> Result<&'static str, TransferError> {
        self.confirm_transfer_of(NumberRef::of_any_merchant(number), fail_reason)
    }

    fn confirm_transfer_of(
        &self,
        named: NumberRef<'_>,
        fail_reason: Option<&str>,
    ) -> Result<&'static str, TransferError> {
        if fail_reason.is_some_and(|reason| !FAIL_REASONS.contains(&reason)) {
            return Err(TransferError::Reason);
        }
        self.act(|tx, now| {
            let transfer = transfer_named(tx, named)?;
            let in_its_way = in_state(&transfer);
            let confirmed = course::confirm(tx, transfer, fail_reason, now)?;
            confirmed.map(|transfer| transfer.state.word()).ok_or(in_its_way)
        })
    }

    /// The person of a transfer does not confirm it. On the real platform nothing happens for 24 hours then;
    /// here the transfer ends at once as it would then. Gives the state after it.
    ///
    /// # Errors
    ///
    /// If there is nothing to confirm, or the database fails.
    pub fn refuse_transfer(&self, number: &str) -> Result<&'static str, TransferError> {
        self.refuse_transfer_of(NumberRef::of_any_merchant(number))
    }

    fn refuse_transfer_of(&self, named: NumberRef<'_>) -> Result<&'static str, TransferError> {
        self.act(|tx, now| {
            let transfer = transfer_named(tx, named)?;
            let in_its_way = in_state(&transfer);
            let refused: Option<Transfer> = course::refuse(tx, transfer, now)?;
            refused.map(|transfer| transfer.state.word()).ok_or(in_its_way)
        })
    }

    fn answer_transfer_grant(
        &self,
        named: NumberRef<'_>,
        answer: Answer,
    ) -> Result<Lookup<&'static str>, TransferError> {
        Ok(self.act(|tx, now| grants::answer(tx, named, answer, now))?)
    }

    /// A person lets a merchant transfer without confirmation, by `out_authorization_no` or `package_info`.
    ///
    /// # Errors
    ///
    /// If nothing was asked for under this number, it was answered already, or the database fails.
    pub fn confirm_authorization(&self, number: &str) -> Result<(), TransferError> {
        self.confirm_authorization_of(NumberRef::of_any_merchant(number))
    }

    fn confirm_authorization_of(&self, named: NumberRef<'_>) -> Result<(), TransferError> {
        self.with_authorization(named, |tx, found, now| authorization::take_effect(tx, &found.id, now))
    }

    /// A person ends an authorization.
    ///
    /// # Errors
    ///
    /// If there is none in effect under this number, or the database fails.
    pub fn end_authorization(&self, number: &str) -> Result<(), TransferError> {
        self.end_authorization_of(NumberRef::of_any_merchant(number))
    }

    fn end_authorization_of(&self, named: NumberRef<'_>) -> Result<(), TransferError> {
        self.with_authorization(named, authorization::end_by_person)
    }

    fn with_authorization(
        &self,
        named: NumberRef<'_>,
        work: impl Fn(&Transaction<'_>, Authorization, i64) -> Result<bool, StoreError>,
    ) -> Result<(), TransferError> {
        self.act(|tx, now| {
            let found = authorization_named(tx, named)?;
            let state = found.state.word();
            if work(tx, found, now)? { Ok(()) } else { Err(TransferError::State { state, reason: None }) }
        })
    }
}
