//! Profit sharing by APIv2: the same receivers, splits and returns as by APIv3, in the elements and codes of
//! the older version. What one version made, the other sees.
//!
//! A single split (单次分账) gives the rest to the merchant; a multiple one (多次分账) leaves it to be shared, until the
//! sharing is finished (完结分账).
//!
//! UNCONFIRMED(v2-sharing-codes): all codes but `NOT_SHARE_ORDER`, and those of a return by who did not get a share, because no
//! table of these operations was seen.

mod read;

use serde_json::{Map, Value, json};

use super::forms::{AskedPart, Form};
use super::receivers::{Receiver, check_account, is_receiver, keep_relation};
use super::refusals;
use super::returns::{MORE_THAN_LEFT, NO_AMOUNT, NO_SHARE, Return, ReturnRequest, find_return, give_back};
use super::split::{
    MAX_RATIO, NOT_SHARED, NOT_UNFROZEN, Split, SplitRequest, check_relation, find_split, split, unsplit,
};
use crate::clock::compact;
use crate::products::payments::v2::codes::{Codes, row, saying};
use crate::products::payments::v2::fingerprint;
use crate::products::{Context, HandlerError, Route, route};
use crate::store::Transaction;
use crate::v2::response::ResponseForm;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v2/secapi/pay/profitsharing", |tx, context| share_once(tx, context).map_err(|error| SPLIT.translate(error))),
    route("POST", "v2/secapi/pay/multiprofitsharing", |tx, context| share_more(tx, context).map_err(|error| SPLIT.translate(error))),
    route("POST", "v2/secapi/pay/profitsharingfinish", |tx, context| finish(tx, context).map_err(|error| SPLIT.translate(error))),
    route("POST", "v2/pay/profitsharingquery", |tx, context| query(tx, context).map_err(|error| QUERY.translate(error))),
    route("POST", "v2/pay/profitsharingorderamountquery", |tx, context| query_amount(tx, context).map_err(|error| AMOUNT.translate(error)))
        .responding(ResponseForm::failing_as("error_code", Some("error_msg"))),
    route("POST", "v2/pay/profitsharingmerchantratioquery", |_, context| query_ratio(context).map_err(|error| RATIO.translate(error)))
        .responding(ResponseForm::failing_as("err_code", Some("err_msg"))),
    route("POST", "v2/pay/profitsharingaddreceiver", |tx, context| add_receiver(tx, context).map_err(|error| RECEIVER.translate(error))),
    route("POST", "v2/pay/profitsharingremovereceiver", |tx, context| remove_receiver(tx, context).map_err(|error| RECEIVER.translate(error))),
    // As recorded (public reports of 2020 and 2023): such a refusal is not signed, and has neither return_msg nor result_code.
    route("POST", "v2/secapi/pay/profitsharingreturn", |tx, context| create_return(tx, context).map_err(|error| RETURN.translate(error)))
        .responding(ResponseForm::failing_only_as("error_code", "error_msg")),
    route("POST", "v2/pay/profitsharingreturnquery", |tx, context| query_return(tx, context).map_err(|error| RETURN_QUERY.translate(error))),
];

/// 请求单次分账.
fn share_once(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let brand = context.request.text("brand_mch_id");
    if let Some(brand) = brand {
        check_relation(context, brand)?;
    }
    let made = share(tx, context, brand, true)?;
    let mut shown = show_made(&made);
    if let Some(brand) = brand {
        shown["brand_mch_id"] = json!(brand);
    }
    shown["status"] = json!(status(&made));
    Ok(shown)
}

/// 请求多次分账.
fn share_more(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(show_made(&share(tx, context, None, false)?))
}

fn share(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    brand: Option<&str>,
    unfreezes: bool,
) -> Result<Split, HandlerError> {
    let parts = read::parts(context.request.required("receivers"))?;
    split(tx, context, split_request(context, parts, brand, unfreezes), NOT_SHARED)
}

/// 完结分账.
fn finish(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let made = split(tx, context, split_request(context, Vec::new(), None, true), NOT_UNFROZEN)?;
    Ok(Value::Object(show_numbers(&made)))
}

fn split_request(
    context: &Context<'_>,
    parts: Vec<AskedPart>,
    brand: Option<&str>,
    unfreezes: bool,
) -> SplitRequest {
    let request = context.request;
    let mut body = request.body.clone();
    // The same receivers are the same, however their JSON is written.
    if let Some(receivers) = request.text("receivers").and_then(|text| serde_json::from_str(text).ok()) {
        body.insert("receivers".to_owned(), receivers);
    }
    SplitRequest {
        form: if brand.is_some() { Form::Brand } else { Form::General },
        sub_mchid: request.text("sub_mch_id").map(str::to_owned),
        transaction_id: request.required("transaction_id").to_owned(),
        out_order_no: request.required("out_order_no").to_owned(),
        parts,
        unfreezes,
        receivers_owner: brand.map(str::to_owned),
        description: request.text("description").map(str::to_owned),
        fingerprint: fingerprint(&body),
        is_v2: true,
    }
}

const fn status(split: &Split) -> &'static str {
    if split.is_finished { "FINISHED" } else { "PROCESSING" }
}

fn show_numbers(split: &Split) -> Map<String, Value> {
    let shown = json!({
        "transaction_id": split.transaction_id,
        "out_order_no": split.out_order_no,
        "order_id": split.order_id,
    });
    shown.as_object().cloned().unwrap_or_default()
}

/// The response to the request that made it.
fn show_made(split: &Split) -> Value {
    let mut shown = show_numbers(split);
    shown.insert("receivers".to_owned(), receivers(split, "receiver_account").into());
    Value::Object(shown)
}

/// INFERRED(v2-sharing-rest): the rest that the merchant got is one more receiver, as by APIv3.
fn receivers(split: &Split, account: &str) -> String {
    let shown = split.parts.iter().map(|part| {
        let mut shown = json!({
            "type": part.kind,
            "amount": part.amount,
            "description": part.description,
            "detail_id": part.detail_id,
            "finish_time": compact(part.finished.unwrap_or(split.created)),
            "receiver_mchid": if part.kind == "MERCHANT_ID" { part.account.as_str() } else { "" },
            "result": part.outcome,
        });
        shown[account] = json!(part.account);
        shown
    });
    Value::from_iter(shown).to_string()
}

fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let (number, id) = (request.required("out_order_no"), request.required("transaction_id"));
    let found = find_split(tx, context, number, id, request.text("sub_mch_id"))?;
    let mut shown = show_numbers(&found);
    shown.insert("status".to_owned(), json!(status(&found)));
    shown.insert("receivers".to_owned(), receivers(&found, "account").into());
    Ok(Value::Object(shown))
}

fn query_amount(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = context.request.required("transaction_id");
    Ok(json!({ "transaction_id": id, "unsplit_amount": unsplit(tx, context, id)? }))
}

/// INFERRED(sharing-ratio): every merchant and every brand has the usual ratio.
fn query_ratio(context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    check_relation(context, request.required("sub_mch_id"))?;
    let mut shown = json!({ "max_ratio": MAX_RATIO });
    if let Some(brand) = request.text("brand_mch_id") {
        check_relation(context, brand)?;
        shown["brand_mch_id"] = json!(brand);
    }
    Ok(shown)
}

fn add_receiver(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let receiver = read::receiver(context.request.required("receiver"))?;
    let is_nameless = receiver.kind == "MERCHANT_ID" && !receiver.has_name;
    if is_nameless || receiver.is_vague {
        return Err(refusals::bad_receiver().into());
    }
    check_account(tx, context.request, &receiver.kind, &receiver.account)?;
    keep(tx, context, receiver, true)
}

fn remove_receiver(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    keep(tx, context, read::receiver(context.request.required("receiver"))?, false)
}

/// Both are idempotent. The response repeats which receiver it is.
fn keep(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    receiver: read::AskedReceiver,
    is_there: bool,
) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.text("sub_mch_id");
    if let Some(sub_mchid) = sub_mchid {
        check_relation(context, sub_mchid)?;
    }
    let payee = sub_mchid.unwrap_or(&context.caller.mchid).to_owned();
    let read::AskedReceiver { kind, account, .. } = receiver;
    let shown = json!({ "type": kind, "account": account }).to_string();
    keep_relation(tx, Receiver { payee, kind, account, is_there })?;
    Ok(json!({ "receiver": shown }))
}

fn create_return(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let asked = ReturnRequest {
        sub_mchid: text("sub_mch_id"),
        transaction_id: None,
        order_id: text("order_id"),
        out_order_no: text("out_order_no"),
        out_return_no: request.required("out_return_no").to_owned(),
        return_mchid: request.required("return_account").to_owned(),
        amount: request.body.get("return_amount").and_then(Value::as_i64).unwrap_or_default(),
        description: request.required("description").to_owned(),
        // The fail reasons of APIv2 have no word for it.
        fails_when_short: false,
    };
    if asked.order_id.is_none() && asked.out_order_no.is_none() {
        return Err(refusals::names_no_split().into());
    }
    let payee = asked.sub_mchid.as_deref().unwrap_or(&context.caller.mchid);
    // INFERRED(sharing-receivers): there is every merchant that was added as a receiver.
    let is_known = context.merchants.find(&asked.return_mchid).is_some()
        || is_receiver(tx, payee, "MERCHANT_ID", &asked.return_mchid)?;
    let made = give_back(tx, &context.caller.mchid, asked, context.now);
    let made = made.map_err(|error| {
        error.map_refusal(|refusal| match refusal.message == NO_SHARE && !is_known {
            true => refusals::cannot_give_back(),
            false => refusal,
        })
    });
    Ok(show_return(&made?))
}

fn query_return(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let split = (request.text("order_id"), request.text("out_order_no"));
    let number = request.required("out_return_no");
    let found = find_return(tx, &context.caller.mchid, number, split, request.text("sub_mch_id"))?;
    Ok(show_return(&found))
}

fn show_return(made: &Return) -> Value {
    json!({
        "order_id": made.order_id,
        "out_order_no": made.out_order_no,
        "out_return_no": made.out_return_no,
        "return_no": made.return_id,
        "return_account_type": "MERCHANT_ID",
        "return_account": made.return_mchid,
        "return_amount": made.amount,
        "description": made.description,
        "result": if made.has_succeeded { "SUCCESS" } else { "FAILED" },
        "finish_time": compact(made.created),
    })
}

/// The codes of APIv2 in the place of those of APIv3, as those of the other operations below.
const SPLIT: Codes = Codes::new(
    &[
        saying("INVALID_REQUEST", NOT_SHARED, "NOT_SHARE_ORDER", ""),
        saying("INVALID_REQUEST", NOT_UNFROZEN, "NOT_SHARE_ORDER", ""),
        // INFERRED(sharing-ratio): by APIv2 as its page has it.
        saying("INVALID_REQUEST", refusals::ABOVE_RATIO, "RULELIMIT", refusals::ABOVE_RATIO_DOCUMENTED),
        row("INVALID_REQUEST", "INVALID_REQUEST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("NO_AUTH", "NOAUTH"),
    ],
    "INVALID_REQUEST",
);

const QUERY: Codes = Codes::new(&[], "ORDERNOTEXIST");

const AMOUNT: Codes = Codes::new(
    &[saying("INVALID_REQUEST", "非分账订单不支持此查询", "NOT_SHARE_ORDER", "")],
    "INVALID_REQUEST",
);

const RATIO: Codes = Codes::new(&[], "NOAUTH");

const RECEIVER: Codes = Codes::new(&[row("NO_AUTH", "NOAUTH")], "PARAM_ERROR");

/// Code and sentence were reported (2023). UNCONFIRMED(v2-return-amount): by one user, without the request.
const BAD_AMOUNT: &str = "回退金额不符合规范";

const RETURN: Codes = Codes::new(
    &[
        saying("INVALID_REQUEST", NO_SHARE, "PARAM_ERROR", "分账并没有分给对应的回退方"),
        saying("INVALID_REQUEST", MORE_THAN_LEFT, "PARAM_ERROR", BAD_AMOUNT),
        saying("PARAM_ERROR", NO_AMOUNT, "PARAM_ERROR", BAD_AMOUNT),
        row("NO_AUTH", "NOAUTH"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("RESOURCE_NOT_EXISTS", "ORDERNOTEXIST"),
    ],
    "INVALID_REQUEST",
);

const RETURN_QUERY: Codes = Codes::new(&[], "ORDERNOTEXIST");

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn every_code_is_one_of_its_operation() {
        for (path, codes) in [
            ("v2/secapi/pay/profitsharing", SPLIT),
            ("v2/secapi/pay/multiprofitsharing", SPLIT),
            ("v2/secapi/pay/profitsharingfinish", SPLIT),
            ("v2/pay/profitsharingquery", QUERY),
            ("v2/pay/profitsharingorderamountquery", AMOUNT),
            ("v2/pay/profitsharingmerchantratioquery", RATIO),
            ("v2/pay/profitsharingaddreceiver", RECEIVER),
            ("v2/pay/profitsharingremovereceiver", RECEIVER),
            ("v2/secapi/pay/profitsharingreturn", RETURN),
            ("v2/pay/profitsharingreturnquery", RETURN_QUERY),
        ] {
            let operation = Catalog::embedded().find("POST", path).unwrap();
            for code in codes.known() {
                assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
            }
        }
    }
}
