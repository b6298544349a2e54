//! Batches (批量转账到零钱), the older form: many transfers with one request, which nobody confirms.
//!
//! INFERRED(batch-account): the money comes out of the operation account, as that of the newer form.
//! UNCONFIRMED(batch-time): a batch is ACCEPTED at first and FINISHED two seconds later; it never waits for
//! the merchant's staff (`WAIT_PAY`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::creation::check_appid;
use super::transfer::{Name, NotifyTo};
use super::{
    MAX_AGE_SECONDS, MIN_FEN, Movement, NAME_ALLOWED_FEN, NAME_NEEDED_FEN, STEP_SECONDS, fingerprint,
    move_money, platform_number, reason_of, refusals,
};
use crate::clock;
use crate::contract::ValidRequest;
use crate::ledger::{AccountKind, Owner, Purse};
use crate::people::Person;
use crate::people::account::AccountState;
use crate::people::openid::is_openid;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{
    Announcement, Due, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined,
};

/// Falls due when the details of a batch are paid.
pub(super) const SETTLE: &str = "transfer batch";

/// The most details of a batch.
const MAX_DETAILS: i64 = 1_000;

pub(super) fn create_batch(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let fingerprint = fingerprint(&request.body);
    if let Some(known) = find(tx, &context.caller.mchid, request.required("out_batch_no"))? {
        if context.now.saturating_sub(known.create_time) > MAX_AGE_SECONDS {
            return Err(refusals::retry_time_is_over("this out_batch_no").into());
        }
        let is_same = known.fingerprint == fingerprint;
        return if is_same { Ok(known.describe_new()) } else { Err(refusals::other_batch().into()) };
    }
    check_appid(context, request.required("appid"))?;
    let asked = read_details(request)?;
    let id = platform_number("1030000", context.now, tx.next_number("transfer batch")?, 40);
    let (mut total, mut details) = (0, Vec::with_capacity(asked.len()));
    for detail in asked {
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
        appid: request.required("appid").to_owned(),
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
    let available = Purse::find(tx, &Owner::merchant(&*batch.mchid))?.balance(AccountKind::Operation);
    if available < total {
        let reason = format!("the operation account has {available} fen, and the batch needs {total}");
        return Err(refusals::not_enough_for_batch(&reason).into());
    }
    let numbers = (&*batch.id, &*batch.out_batch_no);
    move_money(tx, Movement::Lock, &batch.mchid, "", numbers, total, context.now)?;
    details.iter().try_for_each(|detail| tx.save(detail))?;
    tx.save(&batch)?;
    let at = context.now.saturating_add(STEP_SECONDS);
    tx.schedule(&Due { kind: SETTLE.to_owned(), key: batch.id.clone(), at })?;
    Ok(batch.describe_new())
}

pub(super) fn query_by_id(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let batch = shown(tx.get(context.request.path("batch_id"))?, context)?;
    show(tx, context, &batch)
}

pub(super) fn query_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = find(tx, &context.caller.mchid, context.request.path("out_batch_no"))?;
    let batch = shown(found, context)?;
    let mut response = show(tx, context, &batch)?;
    if response.get("transfer_detail_list").is_some() {
        let page = page(context.request)?;
        response["offset"] = page.offset.into();
        response["limit"] = page.limit.into();
    }
    Ok(response)
}

pub(super) fn query_detail_by_id(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let batch = shown(tx.get(context.request.path("batch_id"))?, context)?;
    let detail: Option<Detail> = tx.get(context.request.path("detail_id"))?;
    let detail = detail.filter(|detail| detail.batch_id == batch.id).ok_or_else(refusals::not_found)?;
    Ok(detail.describe(&batch))
}

pub(super) fn query_detail_by_out_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let found = find(tx, &context.caller.mchid, context.request.path("out_batch_no"))?;
    let batch = shown(found, context)?;
    let detail = find_detail(tx, &batch, context.request.path("out_detail_no"))?;
    Ok(detail.ok_or_else(refusals::not_found)?.describe(&batch))
}

/// A detail of a batch, by the merchant's number.
pub(super) fn find_detail(
    tx: &Transaction<'_>,
    batch: &Batch,
    out_detail_no: &str,
) -> Result<Option<Detail>, StoreError> {
    let number = joined(&batch.id, out_detail_no);
    tx.newest(&[IndexRange::equal(NUMBER, number)])
}

fn shown(found: Option<Batch>, context: &Context<'_>) -> Result<Batch, Refusal> {
    let is_shown = |batch: &Batch| {
        batch.mchid == context.caller.mchid
            && context.now.saturating_sub(batch.create_time) <= MAX_AGE_SECONDS
    };
    found.filter(is_shown).ok_or_else(refusals::not_found)
}

/// A batch, and its details when they are asked for and the batch has finished.
fn show(tx: &Transaction<'_>, context: &Context<'_>, batch: &Batch) -> Result<Value, HandlerError> {
    let request = context.request;
    let mut response = json!({ "transfer_batch": batch.describe() });
    if request.query("need_query_detail") != Some("true") || !batch.is_finished {
        return Ok(response);
    }
    let wanted = match request.query("detail_status") {
        Some(word @ ("ALL" | "WAIT_PAY" | "SUCCESS" | "FAIL")) => word,
        _ => {
            let reason = "detail_status must be ALL, WAIT_PAY, SUCCESS or FAIL when details are asked for";
            return Err(refusals::wrong_parameter(reason).into());
        }
    };
    let page = page(request)?;
    let details = details_of(tx, &batch.id)?;
    let fits = |detail: &&Detail| wanted == "ALL" || detail.status(batch) == wanted;
    let skipped = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let most = usize::try_from(page.limit).unwrap_or_default();
    let list: Vec<_> = details
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
    response["transfer_detail_list"] = list.into();
    Ok(response)
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

/// 转账批次单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Batch {
    id: String,
    mchid: String,
    appid: String,
    out_batch_no: String,
    name: String,
    remark: String,
    scene: Option<String>,
    notify: Option<NotifyTo>,
    fingerprint: String,
    total: i64,
    count: i64,
    /// How many details have succeeded, and their fen.
    success: (i64, i64),
    create_time: i64,
    update_time: i64,
    is_finished: bool,
}

/// 转账明细单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Detail {
    id: String,
    batch_id: String,
    out_number: String,
    openid: String,
    name: Option<Name>,
    fen: i64,
    remark: String,
    update_time: i64,
    /// How it ended: well, or with this reason.
    outcome: Option<Result<(), String>>,
}

const NUMBER: &str = "number";
const BATCH: &str = "batch";

impl Record for Batch {
    const KIND: &'static str = "transfer batch";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(NUMBER, joined(&self.mchid, &self.out_batch_no))]
    }
}

impl Record for Detail {
    const KIND: &'static str = "transfer detail";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(NUMBER, joined(&self.batch_id, &self.out_number)),
            IndexEntry::new(BATCH, self.batch_id.as_str()),
        ]
    }
}

pub(super) fn find(tx: &Transaction<'_>, mchid: &str, number: &str) -> Result<Option<Batch>, StoreError> {
    let condition = IndexRange::equal(NUMBER, joined(mchid, number));
    tx.newest(&[condition])
}

/// Whether the details of a batch were sent with the names of persons: all of them are, or none.
pub(super) fn has_names(tx: &Transaction<'_>, batch: &Batch) -> Result<bool, StoreError> {
    let first: Option<Detail> = tx.newest(&[IndexRange::equal(BATCH, batch.id.as_str())])?;
    Ok(first.is_some_and(|detail| detail.has_name()))
}

/// The details of a batch, in the order of the request.
fn details_of(tx: &Transaction<'_>, batch_id: &str) -> Result<Vec<Detail>, StoreError> {
    let page = Page { offset: 0, limit: MAX_DETAILS };
    let mut details: Vec<Detail> = tx.find(&[IndexRange::equal(BATCH, batch_id)], page)?;
    details.reverse();
    Ok(details)
}

/// The details that are asked for, when they agree with the sums, and with the rules of names.
fn read_details(request: &ValidRequest) -> Result<Vec<Detail>, Refusal> {
    let number = |name: &str| request.body.get(name).and_then(Value::as_i64).unwrap_or_default();
    let list = request.body.get("transfer_detail_list").and_then(Value::as_array);
    let details: Vec<Detail> =
        list.into_iter().flatten().filter_map(Value::as_object).map(Detail::read).collect();
    let sum = details.iter().try_fold(0_i64, |sum, detail| sum.checked_add(detail.fen));
    if details.iter().any(|detail| detail.fen < 1) || sum != Some(number("total_amount")) {
        return Err(refusals::wrong_batch("total_amount must be the sum of all transfer_amount"));
    }
    if i64::try_from(details.len()) != Ok(number("total_num")) {
        return Err(refusals::wrong_batch("total_num must be the number of details"));
    }
    let mut numbers: Vec<_> = details.iter().map(|detail| &detail.out_number).collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(refusals::wrong_batch("out_detail_no is in the batch twice"));
    }
    let named = details.iter().filter(|detail| detail.name.is_some()).count();
    if named != 0 && named != details.len() {
        return Err(refusals::wrong_batch("user_name is sent with all details or with none"));
    }
    for detail in &details {
        match detail.name {
            Some(_) if detail.fen < NAME_ALLOWED_FEN => {
                return Err(refusals::wrong_batch(reasons::NAME_NOT_ALLOWED));
            }
            None if detail.fen >= NAME_NEEDED_FEN => {
                return Err(refusals::wrong_batch(reasons::NAME_NEEDED));
            }
            _ => {}
        }
    }
    Ok(details)
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
        move_money(tx, movement, &batch.mchid, &detail.openid, numbers, detail.fen, at)?;
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

impl Batch {
    /// How many details have succeeded, and their fen; nothing before all of them have ended.
    pub(super) fn success_when_finished(&self) -> Option<(i64, i64)> {
        self.is_finished.then_some(self.success)
    }

    pub(super) fn create_time(&self) -> i64 {
        self.create_time
    }

    fn status(&self) -> &'static str {
        if self.is_finished { "FINISHED" } else { "ACCEPTED" }
    }

    fn describe_new(&self) -> Value {
        json!({
            "out_batch_no": self.out_batch_no,
            "batch_id": self.id,
            "create_time": clock::rfc3339(self.create_time),
            "batch_status": self.status(),
        })
    }

    fn sums(&self) -> Map<String, Value> {
        let (num, fen) = self.success;
        let mut shown = Map::new();
        for (name, value) in [
            ("total_num", self.count),
            ("total_amount", self.total),
            ("success_num", num),
            ("success_amount", fen),
            ("fail_num", self.count - num),
            ("fail_amount", self.total - fen),
        ] {
            shown.insert(name.to_owned(), value.into());
        }
        shown
    }

    fn describe(&self) -> Value {
        let mut shown = json!({
            "mchid": self.mchid,
            "out_batch_no": self.out_batch_no,
            "batch_id": self.id,
            "appid": self.appid,
            "batch_status": self.status(),
            "batch_type": "API",
            "batch_name": self.name,
            "batch_remark": self.remark,
            "total_amount": self.total,
            "total_num": self.count,
            "create_time": clock::rfc3339(self.create_time),
            "update_time": clock::rfc3339(self.update_time),
        });
        if self.is_finished {
            for (name, value) in self.sums() {
                shown[&name] = value;
            }
        }
        if let Some(scene) = &self.scene {
            shown["transfer_scene_id"] = scene.as_str().into();
        }
        shown
    }

    fn announcement(&self) -> Option<Announcement> {
        let notify = self.notify.as_ref()?;
        let mut resource = Value::Object(self.sums());
        for (name, value) in [
            ("out_batch_no", self.out_batch_no.as_str()),
            ("batch_id", &self.id),
            ("batch_status", self.status()),
            ("update_time", &clock::rfc3339(self.update_time)),
        ] {
            resource[name] = value.into();
        }
        Some(Announcement {
            mchid: self.mchid.clone(),
            notify_url: notify.url.clone(),
            platform_serial: notify.platform_serial.clone(),
            event_type: "MCHTRANSFER.BATCH.FINISHED",
            time: self.update_time,
            resource,
        })
    }
}

impl Detail {
    fn read(members: &Map<String, Value>) -> Self {
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            id: String::new(),
            batch_id: String::new(),
            out_number: text("out_detail_no"),
            openid: text("openid"),
            name: Some(text("user_name")).filter(|name| !name.is_empty()).map(Name),
            fen: members.get("transfer_amount").and_then(Value::as_i64).unwrap_or_default(),
            remark: text("transfer_remark"),
            update_time: 0,
            outcome: None,
        }
    }

    /// The rule, with the account of the person. Too little is TRANSFER_QUOTA_EXCEED, as seen; so is too much.
    fn decide(&self, account: AccountState) -> Result<(), &'static str> {
        if !is_openid(&self.openid) {
            return Err("OPENID_INVALID");
        }
        if !(MIN_FEN..=super::MAX_FEN).contains(&self.fen) {
            return Err("TRANSFER_QUOTA_EXCEED");
        }
        reason_of(account).map_or(Ok(()), Err)
    }

    /// Whether it was sent with the name of the person.
    pub(super) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Fen and time, when the person has them.
    pub(super) fn paid(&self) -> Option<(i64, i64)> {
        matches!(self.outcome, Some(Ok(()))).then_some((self.fen, self.update_time))
    }

    fn status(&self, batch: &Batch) -> &'static str {
        match &self.outcome {
            Some(Ok(())) => "SUCCESS",
            Some(Err(_)) => "FAIL",
            None if batch.is_finished => "PROCESSING",
            None => "INIT",
        }
    }

    fn describe(&self, batch: &Batch) -> Value {
        let mut shown = json!({
            "mchid": batch.mchid,
            "out_batch_no": batch.out_batch_no,
            "batch_id": batch.id,
            "appid": batch.appid,
            "out_detail_no": self.out_number,
            "detail_id": self.id,
            "detail_status": self.status(batch),
            "transfer_amount": self.fen,
            "transfer_remark": self.remark,
            "openid": self.openid,
            "initiate_time": clock::rfc3339(batch.create_time),
            "update_time": clock::rfc3339(self.update_time),
        });
        if let Some(Name(name)) = &self.name {
            shown["user_name"] = name.as_str().into();
        }
        if let Some(Err(reason)) = &self.outcome {
            shown["fail_reason"] = reason.as_str().into();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(rows: &[(&str, i64, bool)], total: i64, count: i64) -> Result<usize, &'static str> {
        let list: Vec<_> = rows
            .iter()
            .map(|(number, fen, has_name)| {
                let name = if *has_name { "张三" } else { "" };
                json!({ "out_detail_no": number, "transfer_amount": fen, "user_name": name })
            })
            .collect();
        let body = json!({ "total_amount": total, "total_num": count, "transfer_detail_list": list });
        let Value::Object(members) = body else { unreachable!() };
        let read = read_details(&ValidRequest::from_body(members));
        read.map(|details| details.len()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_batch_agrees_with_its_sums_and_names_all_or_nobody() {
        assert_eq!(batch(&[("a", 30, false), ("b", 40, false)], 70, 2), Ok(2));
        assert_eq!(batch(&[("a", 30, true), ("b", 40, true)], 70, 2), Ok(2));
        for (rows, total, count) in [
            (&[("a", 30, false), ("b", 40, false)][..], 71, 2),
            (&[("a", 30, false), ("b", 40, false)], 70, 3),
            (&[("a", 30, false), ("a", 40, false)], 70, 2),
            (&[("a", 30, true), ("b", 40, false)], 70, 2),
            (&[("a", 29, true)], 29, 1),
            (&[("a", 200_000, false)], 200_000, 1),
            (&[("a", 0, false)], 0, 1),
            (&[("a", -5, false), ("b", 10, false)], 5, 2),
            (&[("a", i64::MAX, false), ("b", i64::MAX, false)], -2, 2),
        ] {
            assert_eq!(batch(rows, total, count), Err("PARAM_ERROR"), "{rows:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_detail_is_its_reason() {
        let detail_to = |openid: &str, fen, account| {
            let members = json!({ "openid": openid, "transfer_amount": fen });
            Detail::read(members.as_object().unwrap()).decide(account)
        };
        let detail = |openid: &str, fen| detail_to(openid, fen, AccountState::Normal);
        let openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
        assert_eq!(detail(openid, 10), Ok(()));
        assert_eq!(detail(openid, 9), Err("TRANSFER_QUOTA_EXCEED"));
        assert_eq!(detail("nobody", 10), Err("OPENID_INVALID"));
        for (account, reason) in [
            (AccountState::Frozen, "ACCOUNT_FROZEN"),
            (AccountState::Cancelled, "ACCOUNT_NOT_EXIST"),
            (AccountState::Unverified, "REAL_NAME_CHECK_FAIL"),
        ] {
            assert_eq!(detail_to(openid, 10, account), Err(reason));
        }
    }
}
