//! Actions of people on contracts: sign, end, and fail to pay.

use std::fmt;

use serde_json::{Value, json};

use super::contract::{Contract, EndedBy};
use super::signing::{self, number_in};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::error::{append_causes, caused_by_store};
use crate::people::openid::{WrongOpenid, is_openid};
use crate::platform::Platform;
use crate::products::payments::payment::{NotPaid, payer_for};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(
        "/contracts/{number}/sign",
        "A person signs a contract (委托代扣), by pre_entrustweb_id, redirect_url or out_contract_code (contract_code)",
        &[Member::text("openid", "Who signs, under the appid of the contract").required()],
        sign,
    ),
    Route::post(
        "/contracts/{number}/end",
        "The person ends a contract, by contract_id or out_contract_code (contract_code)",
        &[],
        end,
    ),
    Route::post(
        "/contracts/{number}/decline",
        "From now on only the wallet (零钱) pays for a contract, so that a deduction fails when the wallet has too little money",
        &[],
        decline,
    ),
    Route::post(
        "/contracts/{number}/accept",
        "The person's bank card pays for the contract again",
        &[],
        accept,
    ),
];

/// Error of an action on a contract.
#[derive(Debug)]
#[non_exhaustive]
pub enum ContractError {
    /// No contract has this number.
    Unknown,
    /// Two merchants have given this number.
    Ambiguous,
    /// It is in another state, or the person cannot sign it; the text says why.
    State(String),
    /// The text has not the form of an openid.
    Openid,
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str(
                "no merchant has a contract with this number; presigning, or an order with a contract, creates one",
            ),
            Self::Ambiguous => {
                f.write_str(&reasons::several_merchants("give the pre_entrustweb_id or the contract_id"))
            }
            Self::State(reason) => f.write_str(reason),
            Self::Openid => f.write_str(
                WrongOpenid::Form.reason(),
            ),
            Self::Store(_) => f.write_str("the contract could not be stored"),
        }?;
        append_causes(self, f)
    }
}

caused_by_store!(ContractError);

impl From<NotPaid> for ContractError {
    fn from(error: NotPaid) -> Self {
        match error {
            NotPaid::Failed(error) => Self::Store(error),
            NotPaid::NotEnough | NotPaid::Because(_) => Self::State(
                "the contract is for another person: the request that asked for it has another openid"
                    .to_owned(),
            ),
        }
    }
}

impl From<ContractError> for ControlError {
    fn from(error: ContractError) -> Self {
        match error {
            ContractError::Unknown => Self::not_found(error.to_string()),
            ContractError::Ambiguous | ContractError::State(_) => Self::conflict(error.to_string()),
            ContractError::Openid => Self::invalid(error.to_string()),
            ContractError::Store(_) => Self::failed(error),
        }
    }
}

fn sign(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let openid = request.text("openid").unwrap_or_default();
    let contract_id = control.platform.sign_contract(request.path("number"), openid)?;
    Ok(json!({ "contract_id": contract_id }))
}

fn end(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.end_contract(request.path("number"))?;
    Ok(json!({ "contract_state": "TERMINATED" }))
}

fn decline(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.decline_contract(request.path("number"))?;
    Ok(json!({ "pays": "wallet" }))
}

fn accept(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.accept_contract(request.path("number"))?;
    Ok(json!({ "pays": "card" }))
}

impl Platform {
    /// A person signs a contract (委托代扣), by `pre_entrustweb_id`, the address that a response has led to, or
    /// the merchant's number. Gives the `contract_id`.
    ///
    /// # Errors
    ///
    /// If there is nothing to sign, it is for another person, its session has expired, the person has such a
    /// contract already, the openid has not its form, or the database fails.
    pub fn sign_contract(&self, number: &str, openid: &str) -> Result<String, ContractError> {
        if !is_openid(openid) {
            return Err(ContractError::Openid);
        }
        self.with_contract(number, |tx, contract, now| {
            let appids = (contract.appid.as_str(), contract.sub_appid.as_deref());
            let (payer, person) = payer_for(tx, &contract.named, appids, Some(openid))?;
            if contract.session.is_none() && contract.signature.is_none() {
                let reason =
                    "the contract belongs to an order, and is signed when that is paid: weipay sandbox pay";
                return Err(ContractError::State(reason.to_owned()));
            }
            signing::check_signable(tx, &contract, &person, now)?
                .map_err(|reason| ContractError::State(format!("the contract cannot be signed: {reason}")))?;
            let key = crate::store::Record::key(&contract);
            signing::sign(tx, contract, payer, person, now)?;
            let signed = tx.get::<Contract>(&key)?.and_then(|signed| signed.signature);
            Ok(signed.map(|signature| signature.id).unwrap_or_default())
        })
    }

    /// The person ends a contract.
    ///
    /// # Errors
    ///
    /// If it is not signed or has ended, or the database fails.
    pub fn end_contract(&self, number: &str) -> Result<(), ContractError> {
        self.with_contract(number, |tx, contract, now| {
            if signing::end(tx, contract, EndedBy::Person, None, now)? {
                Ok(())
            } else {
                Err(ContractError::State("the contract is not signed, or it has ended".to_owned()))
            }
        })
    }

    /// From now on only the wallet (零钱) pays for a contract: a deduction fails when it has too little.
    ///
    /// # Errors
    ///
    /// If there is no such contract, or the database fails.
    pub fn decline_contract(&self, number: &str) -> Result<(), ContractError> {
        self.with_contract(number, |tx, contract, _| {
            Ok(tx.save(&Contract { is_wallet_only: true, ..contract })?)
        })
    }

    /// The person's bank card pays for the contract again.
    ///
    /// # Errors
    ///
    /// If there is no such contract, or the database fails.
    pub fn accept_contract(&self, number: &str) -> Result<(), ContractError> {
        self.with_contract(number, |tx, contract, _| {
            Ok(tx.save(&Contract { is_wallet_only: false, ..contract })?)
        })
    }

    fn with_contract<T>(
        &self,
        number: &str,
        mut work: impl FnMut(&Transaction<'_>, Contract, i64) -> Result<T, ContractError>,
    ) -> Result<T, ContractError> {
        let number = number_in(number.trim());
        self.act(|tx, now| {
            let mut found = Contract::find_for_person(tx, number)?;
            if found.len() > 1 {
                return Err(ContractError::Ambiguous);
            }
            work(tx, found.pop().ok_or(ContractError::Unknown)?, now)
        })
    }
}
