//! Whether an app should offer to pay by instalments (微信分付), which it asks before an order is made.
//!
//! UNCONFIRMED(exposure): it is advised for every person whose account works and whose name is verified, and
//! never for a phone number alone, because the sandbox knows nobody's. The answer changes nothing: nobody
//! pays by instalments here.

use serde_json::{Map, Value, json};

use super::order::Payer;
use super::parties::{Parties, check_payer, text};
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// Before an order, with a token for it.
pub(super) fn ask(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let payer = context.request.body.get("payer").and_then(Value::as_object);
    let is_advised = is_advised(tx, context, payer)?;
    let token = context.entropy.letters_and_digits(32);
    Ok(json!({ "fqf_exposure": is_advised, "market_exposure_token": token }))
}

/// With interest that the merchant pays (商户贴息).
pub(super) fn ask_for_subsidized(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let body = &context.request.body;
    let person = body.get("user_id").and_then(Value::as_object).unwrap_or(body);
    Ok(json!({ "recommend_exposure": is_advised(tx, context, Some(person))? }))
}

/// The parties of an order; a partner may leave the sub-merchant out here.
fn parties(context: &Context<'_>) -> Result<Parties, Refusal> {
    let body = &context.request.body;
    match text(body, "sp_appid").filter(|_| text(body, "sub_mchid").is_none()) {
        Some(appid) => {
            context.caller.check_appid(&appid)?;
            let merchant = context.caller.mchid.clone();
            Ok(Parties { merchant, appid, sub_mchid: None, sub_appid: text(body, "sub_appid") })
        }
        None => Parties::read(context),
    }
}

fn is_advised(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    person: Option<&Map<String, Value>>,
) -> Result<bool, HandlerError> {
    let parties = parties(context)?;
    let member = |name: &str| person.and_then(|person| text(person, name));
    let payer =
        Payer { openid: member("openid").or_else(|| member("sp_openid")), sub_openid: member("sub_openid") };
    check_payer(tx, &payer, &parties.appid, parties.sub_appid.as_deref())?;
    match payer.openid.or(payer.sub_openid) {
        Some(openid) => Ok(AccountState::of_person(tx, &openid)? == AccountState::Normal),
        None => Ok(false),
    }
}
