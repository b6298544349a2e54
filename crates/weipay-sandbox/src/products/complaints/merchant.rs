//! Operations of merchants on complaints: list, query, answer, report a refund, complete.

use serde_json::{Value, json};

use super::complaint::{Complaint, Period, Private};
use super::refusals;
use super::rules::{MerchantStep, Words, merchant_does};
use crate::clock;
use crate::contract::ValidRequest;
use crate::products::{Context, HandlerError, idempotently, media};
use crate::response::Refusal;
use crate::store::{IdempotencyKey, Page, Transaction};

/// The most days of a list.
const MAX_DAYS: i64 = 30;
/// How much one answer says, by the page of 2025; it was 200 until 2024.
const MAX_RESPONSE_LETTERS: usize = 500;
const MAX_LINK: usize = 512;
const MAX_LINK_LETTERS: usize = 10;
/// UNCONFIRMED(complaint-pictures).
const MAX_IMAGES: usize = 4;

/// INFERRED(complaint-order): the newest first.
pub(super) fn list_complaints(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, caller) = (context.request, context.caller);
    let mchid = request.query("complainted_mchid").filter(|mchid| !mchid.is_empty());
    if let Some(mchid) = mchid
        && !caller.sub_merchants.is_empty()
        && !caller.acts_for(mchid)
    {
        return Err(refusals::other_merchant().into());
    }
    let (begin, end) = (day(request, "begin_date")?, day(request, "end_date")?);
    if end < begin || end - begin > MAX_DAYS * clock::DAY {
        let reason = "end_date must not be before begin_date, and at most 30 days after it";
        return Err(refusals::wrong_parameter(reason).into());
    }
    let page = page(request, 10, 50)?;
    let period = Period { from: begin, to: end + clock::DAY - 1 };
    let (found, count) = match mchid {
        Some(mchid) => period.of_merchant(tx, caller, mchid, page)?,
        None => period.of_all(tx, caller, page)?,
    };
    let data: Vec<_> = found.iter().map(|complaint| complaint.describe(context.base_url)).collect();
    let mut response = json!({ "data": data, "limit": page.limit, "offset": page.offset });
    if page.offset == 0 {
        response["total_count"] = count.into();
    }
    Ok(response)
}

fn day(request: &ValidRequest, name: &str) -> Result<i64, Refusal> {
    let text = request.query(name).unwrap_or_default();
    let start = clock::parse(&format!("{text}T00:00:00+08:00")).filter(|_| text.len() == 10);
    start.ok_or_else(|| {
        refusals::wrong_parameter("begin_date and end_date are days in Beijing, such as 2026-08-14")
    })
}

pub(super) fn query_complaint(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let complaint = named(tx, context)?;
    let mut shown = complaint.describe(context.base_url);
    shown.insert("payer_openid".to_owned(), complaint.openid.as_str().into());
    Ok(Value::Object(shown))
}

/// The oldest first, as recorded: <https://github.com/binarywang/WxJava/issues/2841> (2022).
pub(super) fn list_history(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let complaint = named(tx, context)?;
    let page = page(context.request, 100, 300)?;
    let number = |wanted: i64| usize::try_from(wanted).unwrap_or_default();
    let all = complaint.history(context.now);
    let shown = all.iter().skip(number(page.offset)).take(number(page.limit));
    let data: Vec<_> = shown
        .map(|(position, action)| complaint.describe_action(*position, action, context.base_url))
        .collect();
    Ok(json!({ "data": data, "limit": page.limit, "offset": page.offset, "total_count": all.len() }))
}

pub(super) fn respond(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let complaint = about_named(tx, context)?;
    let words = words(context.request, "response_content", "response_images")?;
    if words.text.0.is_empty() || words.text.0.chars().count() > MAX_RESPONSE_LETTERS {
        let reason = "response_content has between 1 and 500 characters";
        return Err(refusals::wrong_parameter(reason).into());
    }
    check_pictures(tx, &words.images)?;
    check_link(context.request)?;
    take_step(tx, context, complaint, MerchantStep::Respond, words).map(|_| Value::Null)
}

/// The rule: a link (跳转链接) is of https, and has a text; both are there, or none.
fn check_link(request: &ValidRequest) -> Result<(), Refusal> {
    let given = |name: &str| request.text(name).filter(|text| !text.is_empty());
    let is_whole = match (given("jump_url"), given("jump_url_text")) {
        (None, None) => true,
        (Some(url), Some(text)) => {
            url.starts_with("https://") && url.len() <= MAX_LINK && text.chars().count() <= MAX_LINK_LETTERS
        }
        _ => false,
    };
    match is_whole {
        true => Ok(()),
        false => Err(refusals::wrong_parameter(
            "jump_url (https, at most 512 characters) and jump_url_text (at most 10) are sent together or not at all",
        )),
    }
}

pub(super) fn respond_at_once(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let key = IdempotencyKey {
        operation: "v3/merchant-service/complaints-v2/response-immediate-service",
        scope: &context.caller.mchid,
        request_no: request.required("idempotent_id"),
    };
    idempotently(tx, context, &key, refusals::used_idempotent_id, || {
        let complaint = about_named(tx, context)?;
        let message = request.body.get("message").cloned();
        check_pictures(tx, &pictures_in(message.as_ref()))?;
        let words = Words { message, ..Words::default() };
        let complaint = take_step(tx, context, complaint, MerchantStep::RespondAtOnce, words)?;
        Ok(json!({ "log_id": complaint.log_id(complaint.actions.len().saturating_sub(1)) }))
    })
}

pub(super) fn complete(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let complaint = about_named(tx, context)?;
    take_step(tx, context, complaint, MerchantStep::Complete, Words::default()).map(|_| Value::Null)
}

pub(super) fn update_refund_progress(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let complaint = named(tx, context)?;
    let (step, text) = match context.request.required("action") {
        "APPROVE" => (MerchantStep::ApproveRefund, "remark"),
        "REJECT" => (MerchantStep::RejectRefund, "reject_reason"),
        _ => return Err(refusals::wrong_parameter("action must be APPROVE or REJECT").into()),
    };
    let words = words(context.request, text, "reject_media_list")?;
    check_pictures(tx, &words.images)?;
    take_step(tx, context, complaint, step, words).map(|_| Value::Null)
}

fn take_step(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    complaint: Complaint,
    step: MerchantStep,
    words: Words,
) -> Result<Complaint, HandlerError> {
    let happened = merchant_does(complaint, step, words, context.now)?;
    Ok(happened.carry_out(tx, context.now)?)
}

/// The complaint in the path, when the caller sees it.
fn named(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Complaint, HandlerError> {
    let found: Option<Complaint> = tx.get(context.request.path("complaint_id"))?;
    let own = found.filter(|found| found.is_seen_by(context.caller));
    let is_query = context.request.body.is_empty();
    Ok(own.ok_or_else(|| if is_query { refusals::not_own_to_see() } else { refusals::not_own() })?)
}

/// The complaint in the path, which must be about the merchant in the body.
fn about_named(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Complaint, HandlerError> {
    let complaint = named(tx, context)?;
    if complaint.mchid != context.request.required("complainted_mchid") {
        let reason = "complainted_mchid must be the merchant that the person complained about";
        return Err(refusals::wrong_parameter(reason).into());
    }
    Ok(complaint)
}

/// The content of an answer, by the names of its members.
fn words(request: &ValidRequest, text: &str, images: &str) -> Result<Words, Refusal> {
    let list = request.body.get(images).and_then(Value::as_array);
    let images: Vec<_> = list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if images.len() > MAX_IMAGES {
        return Err(refusals::wrong_parameter("one answer has at most four pictures"));
    }
    let text = Private(request.text(text).unwrap_or_default().to_owned());
    Ok(Words { text, images, message: None })
}

/// UNCONFIRMED(complaint-picture-known): only what an upload responded with can be shown.
fn check_pictures(tx: &Transaction<'_>, images: &[String]) -> Result<(), HandlerError> {
    if media::are_kept(tx, images)? { Ok(()) } else { Err(refusals::unknown_picture().into()) }
}

/// The pictures that the blocks of a message show.
fn pictures_in(message: Option<&Value>) -> Vec<String> {
    let blocks = message.and_then(|message| message.get("blocks")).and_then(Value::as_array);
    let media_id =
        |block: &Value| block.pointer("/image/media_id").and_then(Value::as_str).map(str::to_owned);
    blocks.into_iter().flatten().filter_map(media_id).collect()
}

/// UNCONFIRMED(complaint-pages): the size of a page that the request does not say, and the longest history.
fn page(request: &ValidRequest, default: i64, most: i64) -> Result<Page, Refusal> {
    let number = |name: &str, default: i64| match request.query(name) {
        Some(text) => text.parse().map_err(|_| refusals::wrong_parameter("limit and offset are integers")),
        None => Ok(default),
    };
    let page = Page { offset: number("offset", 0)?, limit: number("limit", default)? };
    if page.offset < 0 || !(1..=most).contains(&page.limit) {
        return Err(refusals::wrong_parameter(
            "offset is 0 or more, and limit from 1 to 50, of a history to 300",
        ));
    }
    Ok(page)
}
