//! Employees who may pay by a code for a sub-merchant (可扫码充值员工): at most three, and three new ones on a day.
//!
//! UNCONFIRMED(recharge-employee): an employee may pay at once. The page says that one who was added less than twelve hours ago
//! may not, where the sub-merchant is older than two days.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{check_partner, refusals};
use crate::clock;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::products::{Context, HandlerError};
use crate::store::{IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

const MOST: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Employee {
    merchant: String,
    sub_mchid: String,
    openid: String,
    added: i64,
    updated: i64,
    is_deleted: bool,
}

const SUB_MERCHANT: &str = "sub-merchant";

impl Record for Employee {
    const KIND: &'static str = "recharge employee";

    fn key(&self) -> String {
        joined(&joined(&self.merchant, &self.sub_mchid), &self.openid)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(SUB_MERCHANT, joined(&self.merchant, &self.sub_mchid))]
    }
}

impl Employee {
    fn find(
        tx: &Transaction<'_>,
        merchant: &str,
        sub_mchid: &str,
        openid: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(&joined(merchant, sub_mchid), openid))
    }

    fn show(&self) -> Value {
        json!({
            "sub_mchid": self.sub_mchid,
            "sp_openid": self.openid,
            "state": if self.is_deleted { "DELETED" } else { "EFFECTIVE" },
            "create_time": clock::rfc3339(self.added),
            "update_time": clock::rfc3339(self.updated),
        })
    }
}

/// Whether a person was added, and not deleted.
pub(super) fn is_one(
    tx: &Transaction<'_>,
    merchant: &str,
    sub_mchid: &str,
    openid: &str,
) -> Result<bool, StoreError> {
    Ok(Employee::find(tx, merchant, sub_mchid, openid)?.is_some_and(|employee| !employee.is_deleted))
}

/// The newest ones of a sub-merchant: enough to know those of today.
fn newest(tx: &Transaction<'_>, merchant: &str, sub_mchid: &str) -> Result<Vec<Employee>, StoreError> {
    let page = Page { offset: 0, limit: 1_000 };
    tx.find(&[IndexRange::equal(SUB_MERCHANT, joined(merchant, sub_mchid))], page)
}

pub(super) fn add(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, now, merchant) = (context.request, context.now, &context.caller.mchid);
    let (sub_mchid, openid) = (request.required("sub_mchid"), request.required("sp_openid"));
    check_partner(context, sub_mchid)?;
    if !is_openid(openid) {
        return Err(refusals::wrong_openid(WrongOpenid::Form.reason()).into());
    }
    let known = Employee::find(tx, merchant, sub_mchid, openid)?;
    if let Some(known) = known.filter(|known| !known.is_deleted) {
        return Ok(known.show());
    }
    let all = newest(tx, merchant, sub_mchid)?;
    let today = clock::day(now);
    // An employee who is added again counts once.
    let others = || all.iter().filter(|employee| employee.openid != openid);
    let effective = others().filter(|employee| !employee.is_deleted).count();
    let of_today = all.iter().filter(|employee| clock::day(employee.added) >= today).count();
    if effective >= MOST || of_today >= MOST {
        return Err(refusals::too_many_employees().into());
    }
    let new = Employee {
        merchant: merchant.clone(),
        sub_mchid: sub_mchid.to_owned(),
        openid: openid.to_owned(),
        added: now,
        updated: now,
        is_deleted: false,
    };
    tx.save(&new)?;
    Ok(new.show())
}

pub(super) fn list(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.path("sub_mchid");
    check_partner(context, sub_mchid)?;
    let all = newest(tx, &context.caller.mchid, sub_mchid)?;
    let shown: Vec<_> = all.iter().filter(|employee| !employee.is_deleted).map(Employee::show).collect();
    Ok(json!({ "employees": shown }))
}

pub(super) fn delete(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (sub_mchid, openid) = (context.request.path("sub_mchid"), context.request.path("sp_openid"));
    check_partner(context, sub_mchid)?;
    let known = Employee::find(tx, &context.caller.mchid, sub_mchid, openid)?;
    let known = known.filter(|known| !known.is_deleted).ok_or_else(refusals::no_such_employee)?;
    let deleted = Employee { is_deleted: true, updated: context.now, ..known };
    tx.save(&deleted)?;
    Ok(deleted.show())
}
