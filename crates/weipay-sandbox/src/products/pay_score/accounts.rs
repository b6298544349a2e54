//! A partner binds a service to a sub-merchant (服务账户绑定).
//!
//! UNCONFIRMED(pay-score-account): it is approved at once, and the partner is told of it; orders do not look for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::parties::{Parties, text};
use super::refusals;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Announcement, Record, Transaction, joined};

/// 绑定申请单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Application {
    mchid: String,
    appid: String,
    sub_mchid: Option<String>,
    sub_appid: Option<String>,
    service_id: String,
    out_apply_no: String,
    result_notify_url: Option<String>,
}

impl Record for Application {
    const KIND: &'static str = "pay score service account";

    fn key(&self) -> String {
        joined(&self.mchid, &self.out_apply_no)
    }
}

pub(super) fn apply(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let new = Application {
        mchid: parties.mchid,
        appid: parties.appid,
        sub_mchid: parties.sub_mchid,
        sub_appid: parties.sub_appid,
        service_id: request.required("service_id").to_owned(),
        out_apply_no: request.required("out_apply_no").to_owned(),
        result_notify_url: text(context, "result_notify_url"),
    };
    match tx.get::<Application>(&new.key())? {
        Some(known) if known == new => return Ok(known.show()),
        Some(_) => return Err(refusals::other_parameters().into()),
        None => tx.save(&new)?,
    }
    if let Some(notify_url) = &new.result_notify_url {
        tx.announce(&Announcement {
            mchid: new.mchid.clone(),
            notify_url: notify_url.clone(),
            platform_serial: context.platform_serial.to_owned(),
            event_type: "PAYSCORE.BIND_SERVICE_ACCOUNT",
            time: context.now,
            resource: Value::Object(new.describe()),
        })?;
    }
    Ok(new.show())
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let key = joined(&context.caller.mchid, context.request.path("out_apply_no"));
    let found: Option<Application> = tx.get(&key)?;
    let found = found.ok_or_else(|| {
        Refusal::resource_not_exists(
            "申请单不存在",
            "the caller has made no application with this out_apply_no",
        )
    })?;
    Ok(found.show())
}

impl Application {
    /// The decrypted resource of a notification.
    fn describe(&self) -> Map<String, Value> {
        let known = [
            ("service_id", Some(&self.service_id)),
            ("appid", Some(&self.appid)),
            ("mchid", Some(&self.mchid)),
            ("sub_appid", self.sub_appid.as_ref()),
            ("sub_mchid", self.sub_mchid.as_ref()),
            ("out_apply_no", Some(&self.out_apply_no)),
        ];
        let mut shown: Map<String, Value> = known
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.as_str().into())))
            .collect();
        shown.insert("apply_state".to_owned(), "APPROVED".into());
        shown
    }

    fn show(&self) -> Value {
        let mut shown = self.describe();
        if let Some(url) = &self.result_notify_url {
            shown.insert("result_notify_url".to_owned(), url.as_str().into());
        }
        Value::Object(shown)
    }
}
