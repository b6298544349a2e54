//! A batch and its details, as they are kept and shown; and what of a request makes them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::contract::ValidRequest;
use crate::people::account::AccountState;
use crate::people::openid::is_openid;
use crate::products::transfers::batches::of_partner::ForSubMerchant;
use crate::products::transfers::transfer::{Name, NotifyTo};
use crate::products::transfers::{MAX_FEN, MIN_FEN, NAME_ALLOWED_FEN, NAME_NEEDED_FEN, reason_of, refusals};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Announcement, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

/// The most details of a batch. A merchant's own has a thousand, as the catalogue says; that of a partner has more.
pub(super) const MAX_DETAILS: i64 = 3_000;

/// 转账批次单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::products::transfers) struct Batch {
    pub(super) id: String,
    pub(super) mchid: String,
    /// Of one that a partner makes for a sub-merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) partner: Option<ForSubMerchant>,
    pub(super) appid: String,
    pub(super) out_batch_no: String,
    pub(super) name: String,
    pub(super) remark: String,
    pub(super) scene: Option<String>,
    pub(super) notify: Option<NotifyTo>,
    pub(super) fingerprint: String,
    pub(super) total: i64,
    pub(super) count: i64,
    /// How many details have succeeded, and their fen.
    pub(super) success: (i64, i64),
    pub(super) create_time: i64,
    pub(super) update_time: i64,
    pub(super) is_finished: bool,
}

/// 转账明细单.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::products::transfers) struct Detail {
    pub(super) id: String,
    pub(super) batch_id: String,
    pub(super) out_number: String,
    pub(super) openid: String,
    pub(super) name: Option<Name>,
    pub(super) fen: i64,
    pub(super) remark: String,
    pub(super) update_time: i64,
    /// How it ended: well, or with this reason.
    pub(super) outcome: Option<Result<(), String>>,
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

impl Batch {
    pub(in crate::products::transfers) fn find_by_number(
        tx: &Transaction<'_>,
        mchid: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(NUMBER, joined(mchid, number))
    }
}

/// Whether the details of a batch were sent with the names of persons: all of them are, or none.
pub(in crate::products::transfers) fn has_names(
    tx: &Transaction<'_>,
    batch: &Batch,
) -> Result<bool, StoreError> {
    let first: Option<Detail> = tx.find_one(BATCH, batch.id.as_str())?;
    Ok(first.is_some_and(|detail| detail.has_name()))
}

/// The details of a batch, in the order of the request.
pub(super) fn details_of(tx: &Transaction<'_>, batch_id: &str) -> Result<Vec<Detail>, StoreError> {
    let page = Page { offset: 0, limit: MAX_DETAILS };
    let mut details: Vec<Detail> = tx.find(&[IndexRange::equal(BATCH, batch_id)], page)?;
    details.reverse();
    Ok(details)
}

/// The details that are asked for, when they agree with the sums, and with the rules of names.
pub(super) fn read_details(request: &ValidRequest) -> Result<Vec<Detail>, Refusal> {
    let number = |name: &str| request.body.get(name).and_then(Value::as_i64).unwrap_or_default();
    let list = request.body.get("transfer_detail_list").and_then(Value::as_array);
    let details: Vec<Detail> =
        list.into_iter().flatten().filter_map(Value::as_object).map(Detail::read).collect();
    let sum = details.iter().try_fold(0_i64, |sum, detail| sum.checked_add(detail.fen));
    if details.iter().any(|detail| detail.fen < 1) || sum != Some(number("total_amount")) {
        return Err(refusals::wrong_batch("total_amount must be the sum of all transfer_amount"));
    }
    if details.is_empty() || details.len() > usize::try_from(MAX_DETAILS).unwrap_or_default() {
        return Err(refusals::wrong_batch(
            "a batch has at least one detail, and at most 1000, or 3000 of a partner",
        ));
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
            // A partner sends the name in any case.
            Some(_) if detail.fen < NAME_ALLOWED_FEN && request.text("sub_mchid").is_none() => {
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

impl Detail {
    /// A detail of a batch, by the merchant's number.
    pub(in crate::products::transfers) fn find_by_number(
        tx: &Transaction<'_>,
        batch: &Batch,
        out_detail_no: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(NUMBER, joined(&batch.id, out_detail_no))
    }
}

impl Batch {
    /// The merchant that pays it.
    pub(super) fn payer(&self) -> &str {
        self.partner.as_ref().map_or(&self.mchid, |partner| &partner.sub_mchid)
    }

    /// How many details have succeeded, and their fen; nothing before all of them have ended.
    pub(in crate::products::transfers) fn success_when_finished(&self) -> Option<(i64, i64)> {
        self.is_finished.then_some(self.success)
    }

    pub(in crate::products::transfers) fn create_time(&self) -> i64 {
        self.create_time
    }

    pub(super) fn status(&self) -> &'static str {
        if self.is_finished { "FINISHED" } else { "ACCEPTED" }
    }

    pub(super) fn describe_new(&self) -> Map<String, Value> {
        members(json!({
            "out_batch_no": self.out_batch_no,
            "batch_id": self.id,
            "create_time": clock::rfc3339(self.create_time),
            "batch_status": self.status(),
        }))
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

    pub(super) fn describe(&self) -> Map<String, Value> {
        let mut shown = members(json!({
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
        }));
        if self.is_finished {
            shown.extend(self.sums());
        }
        if let Some(scene) = &self.scene {
            shown.insert("transfer_scene_id".to_owned(), scene.as_str().into());
        }
        shown
    }

    pub(super) fn announcement(&self) -> Option<Announcement> {
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

fn members(shown: Value) -> Map<String, Value> {
    match shown {
        Value::Object(members) => members,
        _ => Map::new(),
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
    pub(super) fn decide(&self, account: AccountState) -> Result<(), &'static str> {
        if !is_openid(&self.openid) {
            return Err("OPENID_INVALID");
        }
        if !(MIN_FEN..=MAX_FEN).contains(&self.fen) {
            return Err("TRANSFER_QUOTA_EXCEED");
        }
        reason_of(account).map_or(Ok(()), Err)
    }

    /// Whether it was sent with the name of the person.
    pub(in crate::products::transfers) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Fen and time, when the person has them.
    pub(in crate::products::transfers) fn paid(&self) -> Option<(i64, i64)> {
        matches!(self.outcome, Some(Ok(()))).then_some((self.fen, self.update_time))
    }

    pub(super) fn status(&self, batch: &Batch) -> &'static str {
        match &self.outcome {
            Some(Ok(())) => "SUCCESS",
            Some(Err(_)) => "FAIL",
            None if batch.is_finished => "PROCESSING",
            None => "INIT",
        }
    }

    pub(super) fn is_of(&self, batch: &Batch) -> bool {
        self.batch_id == batch.id
    }

    pub(super) fn describe(&self, batch: &Batch) -> Map<String, Value> {
        let mut shown = members(json!({
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
        }));
        if let Some(Name(name)) = &self.name {
            shown.insert("user_name".to_owned(), name.as_str().into());
        }
        if let Some(Err(reason)) = &self.outcome {
            shown.insert("fail_reason".to_owned(), reason.as_str().into());
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
