//! Batches (批量转账到零钱), the older form: many transfers with one request, which nobody confirms.
//!
//! INFERRED(batch-account): the money comes out of the operation account, as that of the newer form.
//! UNCONFIRMED(batch-time): a batch is ACCEPTED at first and FINISHED two seconds later; it never waits for
//! the merchant's staff (`WAIT_PAY`).

pub(super) mod of_partner;
mod record;

use serde_json::{Value, json};

use super::creation::check_appid;
use super::transfer::NotifyTo;
use super::{MAX_AGE_SECONDS, Movement, STEP_SECONDS, fingerprint, move_money, platform_number, refusals};
use crate::contract::ValidRequest;
use crate::ledger::{AccountKind, Owner, Purse};
use crate::people::Person;
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Due, Page, Transaction};
use of_partner::ForSubMerchant;
pub(super) use record::{Batch, Detail, has_names};
use record::{MAX_DETAILS, details_of, read_details};

/// Falls due when the details of a batch are paid.
pub(super) const SETTLE: &str = "transfer batch";

/// The merchant that makes and queries a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Own,
    OfPartner,
}

/// The parties of a batch.
struct Asked {
    /// The persons have their openids under it.
    appid: String,
    partner: Option<ForSubMerchant>,
}

pub(super) fn create_batch(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let appid = context.request.required("appid");
    let batch = make(tx, context, || {
        check_appid(context, appid)?;
        Ok(Asked { appid: appid.to_owned(), partner: None })
    })?;
    Ok(Value::Object(batch.describe_new()))
}

/// The batch under a number: a new one whose money is locked, or the one that the same request has made before.
fn make(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    asked: impl FnOnce() -> Result<Asked, Refusal>,
) -> Result<Batch, HandlerError> {
    let request = context.request;
    let fingerprint = fingerprint(&request.body);
    if let Some(known) = Batch::find_by_number(tx, &context.caller.mchid, request.required("out_batch_no"))? {
        if context.now.saturating_sub(known.create_time) > MAX_AGE_SECONDS {
            return Err(refusals::retry_time_is_over("this out_batch_no").into());
        }
        let is_same = known.fingerprint == fingerprint;
        return if is_same { Ok(known) } else { Err(refusals::other_batch().into()) };
    }
    let Asked { appid, partner } = asked()?;
    let listed = read_details(request)?;
    let id = platform_number("1030000", context.now, tx.next_number("transfer batch")?, 40);
    let (mut total, mut details) = (0, Vec::with_capacity(listed.len()));
    for detail in listed {
        total += detail.fen;
        let serial = tx.next_number("transfer detail")?;
        details.push(Detail {
            id: platform_number("1040000", context.now, serial, 40),
            batch_id: id.clone(),
            update_time: context.now,
            outcome: None,
            ..detail
        });
    }
    let batch = Batch {
        id,
        mchid: context.caller.mchid.clone(),
        partner,
        appid,
        out_batch_no: request.required("out_batch_no").to_owned(),
        name: request.required("batch_name").to_owned(),
        remark: request.required("batch_remark").to_owned(),
        scene: request.text("transfer_scene_id").map(str::to_owned),
        notify: request
            .text("notify_url")
            .map(|url| NotifyTo { url: url.to_owned(), platform_serial: context.platform_serial.to_owned() }),
        fingerprint,
        total,
        count: i64::try_from(details.len()).unwrap_or(MAX_DETAILS),
        success: (0, 0),
        create_time: context.now,
        update_time: context.now,
        is_finished: false,
    };
    let available = Purse::find(tx, &Owner::merchant(batch.payer()))?.balance(AccountKind::Operation);
    if available < total {
        let reason = format!("the operation account has {available} fen, and the batch needs {total}");
        return Err(refusals::not_enough_for_batch(&reason).into());
    }
    let numbers = (&*batch.id, &*batch.out_batch_no);
    move_money(tx, Movement::Lock, batch.payer(), "", numbers, total, context.now)?;
    details.iter().try_for_each(|detail| tx.save(detail))?;
    tx.save(&batch)?;
    let at = context.now.saturating_add(STEP_SECONDS);
    tx.schedule(&Due { kind: SETTLE.to_owned(), key: batch.id.clone(), at })?;
    Ok(batch)
}

pub(super) fn query_by_id(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let batch = shown(tx.get(context.request.path("batch_id"))?, context, Form::Own)?;
    show(tx, context, &batch)
}

pub(super) fn query_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = Batch::find_by_number(tx, &context.caller.mchid, context.request.path("out_batch_no"))?;
    let batch = shown(found, context, Form::Own)?;
    let mut response = show(tx, context, &batch)?;
    if response.get("transfer_detail_list").is_some() {
        let page = page(context.request)?;
        response["offset"] = page.offset.into();
        response["limit"] = page.limit.into();
    }
    Ok(response)
}

pub(super) fn query_detail_by_id(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let batch = shown(tx.get(context.request.path("batch_id"))?, context, Form::Own)?;
    let detail: Option<Detail> = tx.get(context.request.path("detail_id"))?;
    let detail = detail.filter(|detail| detail.is_of(&batch)).ok_or_else(refusals::not_found)?;
    Ok(Value::Object(detail.describe(&batch)))
}

pub(super) fn query_detail_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = Batch::find_by_number(tx, &context.caller.mchid, context.request.path("out_batch_no"))?;
    let batch = shown(found, context, Form::Own)?;
    let detail = Detail::find_by_number(tx, &batch, context.request.path("out_detail_no"))?;
    Ok(Value::Object(detail.ok_or_else(refusals::not_found)?.describe(&batch)))
}

fn shown(found: Option<Batch>, context: &Context<'_>, form: Form) -> Result<Batch, Refusal> {
    let is_shown = |batch: &Batch| {
        batch.mchid == context.caller.mchid
            && batch.partner.is_some() == (form == Form::OfPartner)
            && context.now.saturating_sub(batch.create_time) <= MAX_AGE_SECONDS
    };
    found.filter(is_shown).ok_or_else(refusals::not_found)
}

/// A batch, and its details when they are asked for and the batch has finished.
fn show(tx: &Transaction<'_>, context: &Context<'_>, batch: &Batch) -> Result<Value, HandlerError> {
    let mut response = json!({ "transfer_batch": batch.describe() });
    if let Some(details) = show_page(tx, context, batch, &["ALL", "WAIT_PAY", "SUCCESS", "FAIL"])? {
        response["transfer_detail_list"] = details.into();
    }
    Ok(response)
}

/// The page of details that a query asks for, of a batch that has finished.
fn show_page(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    batch: &Batch,
    words: &[&str],
) -> Result<Option<Vec<Value>>, HandlerError> {
    let request = context.request;
    let shows_details = request.query("need_query_detail") == Some("true");
    // As recorded: <https://github.com/minibear2021/wechatpayv3/issues/27> (2023).
    if !shows_details && request.query("detail_status").is_some_and(|word| !word.is_empty()) {
        return Err(refusals::needless_detail_status().into());
    }
    if !shows_details || !batch.is_finished {
        return Ok(None);
    }
    let wanted = request.query("detail_status").filter(|word| words.contains(word)).ok_or_else(|| {
        refusals::wrong_parameter(
            "detail_status must be ALL, SUCCESS or FAIL if details are asked for; of a merchant's own batch also WAIT_PAY, and of a \
             partner's also REFUND",
        )
    })?;
    let page = page(request)?;
    let details = details_of(tx, &batch.id)?;
    let fits = |detail: &&Detail| wanted == "ALL" || detail.status(batch) == wanted;
    let skipped = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let most = usize::try_from(page.limit).unwrap_or_default();
    let list = details
        .iter()
        .filter(fits)
        .skip(skipped)
        .take(most)
        .map(|detail| {
            json!({
                "detail_id": detail.id,
                "out_detail_no": detail.out_number,
                "detail_status": detail.status(batch),
            })
        })
        .collect();
    Ok(Some(list))
}

/// The page of a query: 20 details if it does not say.
fn page(request: &ValidRequest) -> Result<Page, Refusal> {
    let number = |name: &str, default: i64| match request.query(name) {
        Some(text) => text.parse().map_err(|_| refusals::wrong_parameter("offset and limit are integers")),
        None => Ok(default),
    };
    let page = Page { offset: number("offset", 0)?, limit: number("limit", 20)? };
    if page.offset < 0 || !(1..=100).contains(&page.limit) {
        return Err(refusals::wrong_parameter("offset is 0 or more, and limit is from 20 to 100"));
    }
    Ok(page)
}

/// Pays the details. What is wrong with one shows here, and not when the batch is made.
pub(super) fn settle(tx: &Transaction<'_>, id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(batch) = tx.get::<Batch>(id)? else { return Ok(()) };
    let mut success = (0, 0);
    for detail in details_of(tx, id)? {
        let is_of_other_appid = Person::has_another_openid(tx, &detail.openid, &batch.appid)?;
        let outcome = match is_of_other_appid {
            true => Err("OPENID_INVALID"),
            false => detail.decide(AccountState::of_person(tx, &detail.openid)?),
        };
        let movement = match outcome {
            Ok(()) => Movement::Pay,
            Err(_) => Movement::GiveBack,
        };
        if outcome.is_ok() {
            success = (success.0 + 1, success.1 + detail.fen);
        }
        let numbers = (&*detail.id, &*detail.out_number);
        move_money(tx, movement, batch.payer(), &detail.openid, numbers, detail.fen, at)?;
        let outcome = Some(outcome.map_err(str::to_owned));
        tx.save(&Detail { outcome, update_time: at, ..detail })?;
    }
    let finished = Batch { success, update_time: at, is_finished: true, ..batch };
    tx.save(&finished)?;
    if let Some(announcement) = finished.announcement() {
        tx.announce(&announcement)?;
    }
    Ok(())
}
