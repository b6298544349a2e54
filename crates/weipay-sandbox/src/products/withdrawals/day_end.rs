//! Withdraws the day-end balance of a sub-merchant (二级商户按日终余额预约提现).
//!
//! UNCONFIRMED(day-end-withdrawal): `ONLY_DAY_END_BALANCE` is refused if less is there than at the end of yesterday, one day's
//! balance may be withdrawn by several requests, and a withdrawal is never `CREATED`, because the money leaves the account with
//! the request.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::withdrawal::{State, Withdrawal};
use super::{MAX_FEN, book, check_partner, check_period, find_shown, refusals};
use crate::clock;
use crate::ledger::{AccountKind, AccountType, Owner, Purse};
use crate::products::balance::amounts_before;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// How the amount was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayEnd {
    calculation: String,
    /// 留存额: what stays in the account.
    reserve: i64,
}

/// When the balance of yesterday is there, and until when it is withdrawn: seconds after midnight in Beijing.
const HOURS: std::ops::Range<i64> = 10 * 3_600..23 * 3_600 + 55 * 60;

pub(super) fn withdraw(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, now) = (context.request, context.now);
    let sub_mchid = request.required("sub_mchid");
    check_partner(context, sub_mchid)?;
    let number = request.required("out_request_no");
    let asked = DayEnd {
        calculation: request.required("calculate_amount_type").to_owned(),
        reserve: request.body.get("reserve_amount").and_then(Value::as_i64).unwrap_or_default(),
    };
    if let Some(known) = Withdrawal::find_by_number(tx, &context.caller.mchid, number)? {
        check_period(&known, now)?;
        let is_same = known.sub_mchid.as_deref() == Some(sub_mchid) && known.day_end.as_ref() == Some(&asked);
        return if is_same { Ok(known.show_day_end()) } else { Err(refusals::other_request().into()) };
    }
    let owner = Owner::merchant(sub_mchid);
    let midnight = clock::midnight(clock::day(now));
    check_hour(now - midnight)?;
    let (before, _) = amounts_before(tx, &owner, AccountType::Basic, midnight)?;
    let available = Purse::find(tx, &owner)?.balance(AccountKind::Available);
    let amount = amount_of(&asked, before, available)?;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let made = Withdrawal {
        withdraw_id: String::new(),
        merchant: context.caller.mchid.clone(),
        sub_mchid: Some(sub_mchid.to_owned()),
        out_request_no: number.to_owned(),
        amount,
        account: AccountType::Basic,
        remark: text("remark"),
        bank_memo: text("bank_memo"),
        notify_url: text("notify_url"),
        platform_serial: context.platform_serial.to_owned(),
        state: State::CreateSuccess,
        reason: None,
        created: now,
        updated: now,
        day_end: Some(asked),
    };
    Ok(book(tx, made)?.show_day_end())
}

fn check_hour(of_day: i64) -> Result<(), Refusal> {
    if of_day < HOURS.start {
        Err(refusals::no_day_end_yet())
    } else if HOURS.contains(&of_day) {
        Ok(())
    } else {
        Err(refusals::too_late_in_the_day())
    }
}

/// The rule of the page, with the balance at the end of yesterday and the balance now.
fn amount_of(asked: &DayEnd, before: i64, available: i64) -> Result<i64, Refusal> {
    if asked.reserve < 0 {
        return Err(refusals::bad_reserve());
    }
    let base = match asked.calculation.as_str() {
        "ALLOW_CURRENT_BALANCE" => before.min(available),
        _ if available < before => {
            return Err(refusals::not_enough(format!(
                "the basic account had {before} fen at the end of yesterday and has {available} fen now: ALLOW_CURRENT_BALANCE \
                 withdraws what is there"
            )));
        }
        _ => before,
    };
    match base - asked.reserve {
        fen @ 1..=MAX_FEN => Ok(fen),
        fen if fen > MAX_FEN => Err(refusals::bad_amount()),
        _ => Err(refusals::not_enough(format!(
            "nothing is left to withdraw: {base} fen are there, and {} fen stay (reserve_amount)",
            asked.reserve
        ))),
    }
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_request_no");
    let found = Withdrawal::find_by_number(tx, &context.caller.mchid, number)?;
    let found = found.filter(|found| found.day_end.is_some());
    Ok(find_shown(context, found, context.request.query("sub_mchid"))?.show_day_end())
}

impl Withdrawal {
    /// The response of such a withdrawal. It is never `CREATED`.
    pub(super) fn show_day_end(&self) -> Value {
        let amount_if = |state: State| if self.state == state { self.amount } else { 0 };
        let mut shown = self.show();
        let members = json!({
            "status": match self.state {
                State::CreateSuccess => "PROCESSING",
                State::Success => "FINISHED",
                State::Fail | State::Refund => "ABNORMAL",
            },
            "total_amount": self.amount,
            "success_amount": amount_if(State::Success),
            "fail_amount": amount_if(State::Fail),
            "refund_amount": amount_if(State::Refund),
        });
        if let (Value::Object(shown), Value::Object(members)) = (&mut shown, members) {
            shown.remove("amount");
            shown.extend(members);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amount_is_that_of_yesterday_without_what_stays() {
        let amount = |calculation: &str, reserve, before, available| {
            let asked = DayEnd { calculation: calculation.to_owned(), reserve };
            amount_of(&asked, before, available).map_err(|refusal| refusal.code)
        };
        let (only, current) = ("ONLY_DAY_END_BALANCE", "ALLOW_CURRENT_BALANCE");
        for calculation in [only, current] {
            assert_eq!(amount(calculation, 0, 100, 150), Ok(100), "{calculation}");
            assert_eq!(amount(calculation, 30, 100, 100), Ok(70), "{calculation}");
            assert_eq!(amount(calculation, 100, 100, 100), Err("NOT_ENOUGH"), "{calculation}");
            assert_eq!(amount(calculation, i64::MAX, 100, 100), Err("NOT_ENOUGH"), "{calculation}");
            assert_eq!(amount(calculation, -1, 100, 100), Err("PARAM_ERROR"), "{calculation}");
            assert_eq!(amount(calculation, 0, MAX_FEN + 1, MAX_FEN + 1), Err("PARAM_ERROR"), "{calculation}");
        }
        assert_eq!((amount(only, 0, 100, 99), amount(current, 10, 100, 99)), (Err("NOT_ENOUGH"), Ok(89)));
    }

    #[test]
    fn it_is_asked_for_from_ten_o_clock_until_five_to_midnight() {
        let code = |of_day| check_hour(of_day).err().map(|refusal| refusal.code);
        assert_eq!((code(10 * 3_600 - 1), code(10 * 3_600)), (Some("INVALID_REQUEST"), None));
        assert_eq!((code(86_400 - 301), code(86_400 - 300)), (None, Some("INVALID_REQUEST")));
    }
}
