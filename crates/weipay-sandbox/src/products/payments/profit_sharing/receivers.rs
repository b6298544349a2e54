//! Receivers (分账接收方): who may get a part of a merchant's payments.
//!
//! | type | account | under |
//! |---|---|---|
//! | `MERCHANT_ID` | a merchant ID (商户号) | |
//! | `PERSONAL_OPENID` | an openid | `appid` of the request |
//! | `PERSONAL_SUB_OPENID` | an openid | `sub_appid` of the request |

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::forms::Form;
use super::refusals;
use crate::contract::ValidRequest;
use crate::people::openid::WrongOpenid;
use crate::products::{Context, HandlerError};
use crate::store::{Record, StoreError, Transaction, joined};

/// A receiver of one merchant, platform or brand. INFERRED(sharing-receivers): every account of the right
/// form is there, so that a story needs no set-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receiver {
    /// Its owner.
    pub(super) payee: String,
    pub(super) kind: String,
    pub(super) account: String,
    /// `false` after it was deleted.
    pub(super) is_there: bool,
}

impl Record for Receiver {
    const KIND: &'static str = "profit sharing receiver";

    fn key(&self) -> String {
        key(&self.payee, &self.kind, &self.account)
    }
}

fn key(payee: &str, kind: &str, account: &str) -> String {
    joined(payee, &joined(kind, account))
}

/// Whether an account may get a part of a merchant's payments.
pub(super) fn is_receiver(
    tx: &Transaction<'_>,
    payee: &str,
    kind: &str,
    account: &str,
) -> Result<bool, StoreError> {
    let found: Option<Receiver> = tx.get(&key(payee, kind, account))?;
    Ok(found.is_some_and(|receiver| receiver.is_there))
}

pub(super) fn add_receiver(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let name = request.text("name").or_else(|| request.text("encrypted_name"));
    let is_nameless = request.required("type") == "MERCHANT_ID" && name.is_none();
    let is_vague =
        request.text("relation_type") == Some("CUSTOM") && request.text("custom_relation").is_none();
    if is_nameless || is_vague {
        return Err(refusals::bad_receiver().into());
    }
    form.check_owner(context)?;
    check_account(tx, request, request.required("type"), request.required("account"))?;
    keep(tx, context, form, true)
}

/// The rule: what can be the account of a receiver of a type.
pub(super) fn check_account(
    tx: &Transaction<'_>,
    request: &ValidRequest,
    kind: &str,
    account: &str,
) -> Result<(), HandlerError> {
    let appid = match kind {
        "MERCHANT_ID" => {
            let is_number =
                (1..=32).contains(&account.len()) && account.bytes().all(|byte| byte.is_ascii_digit());
            return if is_number { Ok(()) } else { Err(refusals::bad_merchant_id().into()) };
        }
        "PERSONAL_SUB_OPENID" => request.text("sub_appid").ok_or_else(refusals::no_sub_appid)?,
        _ => request.required("appid"),
    };
    match WrongOpenid::find(tx, account, appid)? {
        None => Ok(()),
        Some(WrongOpenid::Form) => Err(refusals::bad_openid().into()),
        Some(WrongOpenid::OfAnotherAppid) => Err(refusals::openid_of_another_appid().into()),
    }
}

pub(super) fn delete_receiver(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
) -> Result<Value, HandlerError> {
    form.check_owner(context)?;
    keep(tx, context, form, false)
}

/// Both are idempotent. The name is repeated, encrypted for the merchant, and not kept.
fn keep(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    form: Form,
    is_there: bool,
) -> Result<Value, HandlerError> {
    let request = context.request;
    let payee = form.receivers_owner(context);
    let (kind, account) = (request.required("type").to_owned(), request.required("account").to_owned());
    let mut shown = json!({ "type": kind, "account": account });
    let repeated: &[&str] = match form {
        Form::General if is_there => &["sub_mchid", "name", "relation_type", "custom_relation"],
        Form::General => &["sub_mchid"],
        Form::Ecommerce => &[],
        Form::Brand => &["brand_mchid"],
    };
    for name in repeated.iter().copied() {
        if let Some(value) = request.text(name) {
            shown[name] = json!(value);
        }
    }
    keep_relation(tx, Receiver { payee, kind, account, is_there })?;
    Ok(shown)
}

/// Adds a receiver, or deletes it.
pub(super) fn keep_relation(tx: &Transaction<'_>, receiver: Receiver) -> Result<(), StoreError> {
    // Read first, so that it is saved over what was there.
    let known: Option<Receiver> = tx.get(&receiver.key())?;
    if known.as_ref() == Some(&receiver) { Ok(()) } else { tx.save(&receiver) }
}
