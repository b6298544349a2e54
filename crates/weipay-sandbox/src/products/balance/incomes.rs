//! Money that came from a bank (来账识别): top-ups and recharges of a day, the newest first.
//!
//! UNCONFIRMED(income-records): a day has its records at once, also today; every one is an offline recharge (`OFFLINERECHARGE`)
//! from the same bank, and its remark (银行备注) is the merchant's number of the recharge (empty for a top-up). A page has
//! at most 100.

use serde_json::{Value, json};

use super::{day_start, not_opened, sub_merchant_named};
use crate::clock;
use crate::contract::ValidRequest;
use crate::ledger::{self, AccountType, Business, Owner};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Direction, Transaction};

pub(super) fn query_own(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    show(tx, context, ("merchant", "mchid", &context.caller.mchid))
}

pub(super) fn query_of_sub_merchant(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.query("sub_mchid").unwrap_or_default();
    sub_merchant_named(context, sub_mchid, "无权查询该商户来账记录")?;
    show(tx, context, ("partner", "sub_mchid", sub_mchid))
}

/// By whom it is asked, and whose records, with the name of the member.
fn show(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    (by, member, mchid): (&str, &str, &str),
) -> Result<Value, HandlerError> {
    let request = context.request;
    let account = AccountType::of_every_merchant(request.query("account_type")).ok_or_else(not_opened)?;
    let (offset, limit) = page(request)?;
    let (date, day) = (request.query("date").unwrap_or_default(), day_start(request.query("date"))?);
    let owner = Owner::merchant(mchid);
    let (mut total, mut records) = (0_usize, Vec::new());
    for entry in ledger::entries(tx, &owner, day, day + clock::DAY, Direction::Descending) {
        let entry = entry?;
        let came = entry.legs.iter().filter(|leg| leg.owner == owner && leg.fen > 0 && account.has(leg.kind));
        let fen: i64 = came.map(|leg| leg.fen).sum();
        if entry.business != Business::TopUp || fen == 0 {
            continue;
        }
        if (offset..offset.saturating_add(limit)).contains(&total) {
            records.push(json!({
                member: mchid,
                "account_type": account.word(),
                "income_record_type": "OFFLINERECHARGE",
                "income_record_id": entry.reference,
                "amount": fen,
                "success_time": clock::rfc3339(entry.time),
                "bank_name": "招商银行",
                "bank_account_name": "沙箱商户",
                "bank_account_number": "****1178",
                "recharge_remark": entry.merchant_reference,
            }));
        }
        total += 1;
    }
    let link = |offset: usize| {
        let whose = if by == "partner" { format!("sub_mchid={mchid}&") } else { String::new() };
        let account = account.word();
        format!(
            "/v3/merchantfund/{by}/income-records?{whose}account_type={account}&date={date}&offset={offset}&limit={limit}"
        )
    };
    let next = offset.saturating_add(limit);
    Ok(json!({
        "total_count": total,
        "offset": offset,
        "limit": limit,
        "data": records,
        "links": {
            "next": if next < total { link(next) } else { String::new() },
            "prev": if offset > 0 { link(offset.saturating_sub(limit)) } else { String::new() },
            "self": link(offset),
        },
    }))
}

fn page(request: &ValidRequest) -> Result<(usize, usize), Refusal> {
    let number = |name: &str, default: usize| match request.query(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| wrong_page()),
    };
    match (number("offset", 0)?, number("limit", 100)?) {
        page @ (_, 1..=100) => Ok(page),
        _ => Err(wrong_page()),
    }
}

fn wrong_page() -> Refusal {
    Refusal::param_error("参数错误", "offset is 0 or more, and limit is from 1 to 100")
}
