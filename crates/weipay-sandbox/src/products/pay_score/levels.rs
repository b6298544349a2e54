//! How far a person is trusted (用户分层), and what may be enjoyed before it is paid (先享金额).
//!
//! UNCONFIRMED(pay-score-level): every person is of level 1 of version 1, for which 1000 yuan are suggested; a person
//! that has not opened the service has no level.

use serde_json::{Value, json};

use super::parties::{Parties, text};
use super::{permissions, refusals};
use crate::products::{Context, HandlerError};
use crate::store::Transaction;

const LEVEL: i64 = 1;
const VERSION: i64 = 1;
const SUGGESTED_FEN: i64 = 100_000;

pub(super) fn assess(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let permission = permissions::of_code_or_person(tx, context)?;
    let mut shown = permission.describe();
    if permission.is_open() {
        shown.insert("user_risk_level".to_owned(), LEVEL.into());
        shown.insert("risk_level_version".to_owned(), VERSION.into());
    }
    Ok(Value::Object(shown))
}

pub(super) fn quotas(_: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    if text(context, "risk_level_version").as_deref() != Some("1") {
        return Err(
            refusals::wrong_parameter("risk_level_version is that of the person's level: 1 here").into()
        );
    }
    let mut shown = json!({
        "service_id": context.request.path("service_id"), "mchid": parties.mchid, "appid": parties.appid,
        "sub_mchid": parties.sub_mchid, "risk_level_version": VERSION,
        "quotas": [{ "risk_level": LEVEL, "suggested_quota": SUGGESTED_FEN }],
    });
    if let Some(sub_appid) = parties.sub_appid {
        shown["sub_appid"] = sub_appid.into();
    }
    Ok(shown)
}
