//! The merchants and appids of a request, the person in it, and the contract that it names.

use serde_json::{Map, Value};

use super::contract::Contract;
use super::refusals;
use crate::products::payments::order::Payer;
use crate::products::payments::parties::{check_payer, check_sub_merchant};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// The parties of a request, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parties {
    pub(super) mchid: String,
    /// Some operations leave it out.
    pub(super) appid: Option<String>,
    pub(super) sub_mchid: Option<String>,
    pub(super) sub_appid: Option<String>,
}

/// A member that is a text, not empty, or a number.
pub(super) fn word(members: &Map<String, Value>, name: &str) -> Option<String> {
    match members.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Parties {
    /// Reads the parties of a request of APIv3 by a merchant, or by a partner for a sub-merchant.
    pub(super) fn read(context: &Context<'_>) -> Result<Self, Refusal> {
        let request = context.request;
        let appid = request.text("appid").or_else(|| request.text("sp_appid"));
        appid.map_or(Ok(()), |appid| context.caller.check_appid(appid))?;
        let sub_mchid = request.text("sub_mchid").or_else(|| request.query("sub_mchid"));
        Self::checked(context, appid, sub_mchid, request.text("sub_appid"))
    }

    /// Reads the parties of a request of APIv2, whose appid the gate has checked.
    pub(super) fn read_v2(context: &Context<'_>) -> Result<Self, Refusal> {
        let request = context.request;
        Self::checked(context, request.text("appid"), request.text("sub_mch_id"), request.text("sub_appid"))
    }

    fn checked(
        context: &Context<'_>,
        appid: Option<&str>,
        sub_mchid: Option<&str>,
        sub_appid: Option<&str>,
    ) -> Result<Self, Refusal> {
        let sub_appid = sub_appid.filter(|_| sub_mchid.is_some());
        if let Some(sub_mchid) = sub_mchid {
            check_sub_merchant(context.merchants, context.caller, sub_mchid, sub_appid)?;
        }
        Ok(Self {
            mchid: context.caller.mchid.clone(),
            appid: appid.map(str::to_owned),
            sub_mchid: sub_mchid.map(str::to_owned),
            sub_appid: sub_appid.map(str::to_owned),
        })
    }

    /// The person who is to sign, if the request of APIv3 names one.
    pub(super) fn read_signer(
        &self,
        tx: &Transaction<'_>,
        context: &Context<'_>,
    ) -> Result<Payer, HandlerError> {
        let text = |name: &str| context.request.text(name).map(str::to_owned);
        let payer = match self.sub_mchid {
            None => Payer { openid: text("openid"), sub_openid: None },
            Some(_) => Payer { openid: text("sp_openid"), sub_openid: text("sub_openid") },
        };
        check_payer(tx, &payer, self.appid.as_deref().unwrap_or_default(), self.sub_appid.as_deref())?;
        Ok(payer)
    }

    /// The contract that somebody has signed, by the platform's number.
    pub(super) fn find_by_id(&self, tx: &Transaction<'_>, id: &str) -> Result<Contract, HandlerError> {
        self.own(Contract::find_by_id(tx, id)?)
    }

    /// The contract that somebody has signed, by plan and the merchant's number.
    pub(super) fn find_by_code(
        &self,
        tx: &Transaction<'_>,
        plan_id: &str,
        code: &str,
    ) -> Result<Contract, HandlerError> {
        self.own(Contract::find(tx, &self.mchid, code)?.filter(|contract| contract.plan_id == plan_id))
    }

    /// The contract, if it belongs to these parties: others see that there is none.
    fn own(&self, found: Option<Contract>) -> Result<Contract, HandlerError> {
        let is_own = |contract: &Contract| {
            contract.mchid == self.mchid
                && contract.sub_mchid == self.sub_mchid
                && contract.signature.is_some()
        };
        Ok(found.filter(is_own).ok_or_else(refusals::no_such_contract)?)
    }
}
