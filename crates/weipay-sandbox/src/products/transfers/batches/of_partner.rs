//! Batches that a partner (服务商) makes for a sub-merchant: the sub-merchant pays, and the responses have other members.
//!
//! UNCONFIRMED(partner-batch-authorization): no operation asks a sub-merchant to let its partner make batches, so every one has
//! authorized it, for what `authorization_type` says.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::record::{Batch, Detail};
use super::{Asked, Form, make, show_page, shown};
use crate::products::transfers::creation::check_appid;
use crate::products::transfers::grants::check_partner;
use crate::products::transfers::refusals;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// The additional members of a batch for a sub-merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::products::transfers) struct ForSubMerchant {
    pub(super) sub_mchid: String,
    sub_appid: Option<String>,
    sp_appid: Option<String>,
    authorization_type: String,
    purpose: Option<String>,
    scene: Option<String>,
}

/// With this word the persons are those of the partner's appid, with others those of the sub-merchant's.
const ITS_FUNDS: &str = "FUND_AUTHORIZATION_TYPE";

pub(in crate::products::transfers) fn create(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let batch = make(tx, context, || asked(context))?;
    let mut shown = batch.describe_new();
    shown.remove("batch_status");
    Ok(Value::Object(shown))
}

fn asked(context: &Context<'_>) -> Result<Asked, Refusal> {
    let request = context.request;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let partner = ForSubMerchant {
        sub_mchid: request.required("sub_mchid").to_owned(),
        sub_appid: text("sub_appid"),
        sp_appid: text("sp_appid"),
        authorization_type: request.required("authorization_type").to_owned(),
        purpose: text("transfer_purpose"),
        scene: text("transfer_scene"),
    };
    check_partner(context, &partner.sub_mchid)?;
    let appid = partner.appid().ok_or_else(|| {
        refusals::wrong_batch(
            "sub_appid is needed, or sp_appid where authorization_type is FUND_AUTHORIZATION_TYPE",
        )
    })?;
    check_appid(context, appid)?;
    Ok(Asked { appid: appid.to_owned(), partner: Some(partner) })
}

pub(in crate::products::transfers) fn query_by_id(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    show(tx, context, &shown(tx.get(context.request.path("batch_id"))?, context, Form::OfPartner)?)
}

pub(in crate::products::transfers) fn query_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    show(tx, context, &find(tx, context)?)
}

fn find(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Batch, HandlerError> {
    let found = Batch::find_by_number(tx, &context.caller.mchid, context.request.path("out_batch_no"))?;
    Ok(shown(found, context, Form::OfPartner)?)
}

fn show(tx: &Transaction<'_>, context: &Context<'_>, batch: &Batch) -> Result<Value, HandlerError> {
    let mut response = batch.describe_for_sub_merchant();
    if let Some(details) = show_page(tx, context, batch, &["ALL", "SUCCESS", "FAIL", "REFUND"])? {
        response.insert("transfer_detail_list".to_owned(), details.into());
    }
    Ok(Value::Object(response))
}

pub(in crate::products::transfers) fn query_detail_by_id(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let batch = shown(tx.get(context.request.path("batch_id"))?, context, Form::OfPartner)?;
    let detail: Option<Detail> = tx.get(context.request.path("detail_id"))?;
    let detail = detail.filter(|detail| detail.is_of(&batch)).ok_or_else(refusals::not_found)?;
    Ok(Value::Object(detail.describe_for_sub_merchant(&batch)))
}

pub(in crate::products::transfers) fn query_detail_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let batch = find(tx, context)?;
    let detail = Detail::find_by_number(tx, &batch, context.request.path("out_detail_no"))?;
    Ok(Value::Object(detail.ok_or_else(refusals::not_found)?.describe_for_sub_merchant(&batch)))
}

impl ForSubMerchant {
    /// The appid under which the persons have their openids, as the official SDK says.
    fn appid(&self) -> Option<&str> {
        if self.authorization_type == ITS_FUNDS {
            self.sp_appid.as_deref()
        } else {
            self.sub_appid.as_deref()
        }
    }

    fn describe(&self) -> Value {
        json!({
            "sub_mchid": self.sub_mchid,
            "sub_appid": self.sub_appid,
            "sp_appid": self.sp_appid,
            "authorization_type": self.authorization_type,
            "transfer_purpose": self.purpose,
            "transfer_scene": self.scene,
        })
    }
}

impl Batch {
    fn describe_for_sub_merchant(&self) -> Map<String, Value> {
        let mut shown = self.describe();
        for name in ["mchid", "appid"] {
            shown.remove(name);
        }
        shown.insert("sp_mchid".to_owned(), self.mchid.as_str().into());
        let own = self.partner.as_ref().map(ForSubMerchant::describe);
        let own = own.iter().filter_map(Value::as_object).flatten().filter(|(_, value)| !value.is_null());
        shown.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        shown
    }
}

impl Detail {
    fn describe_for_sub_merchant(&self, batch: &Batch) -> Map<String, Value> {
        let mut shown = self.describe(batch);
        for (name, other) in [("mchid", "sp_mchid"), ("user_name", "username")] {
            if let Some(value) = shown.remove(name) {
                shown.insert(other.to_owned(), value);
            }
        }
        // Nobody receives on a bank card here.
        shown.insert("account_type".to_owned(), "WXPAY_ACCOUNT".into());
        // A detail that is accepted is under way.
        if shown["detail_status"] == "INIT" {
            shown.insert("detail_status".to_owned(), "PROCESSING".into());
        }
        shown
    }
}
