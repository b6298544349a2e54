//! When money may be taken: on the one day that was agreed on (预约扣费); in the days after a notice (预扣费通知); or at once in the
//! first twelve hours of a contract, and later a day after the request.
//!
//! ```text
//!   the day before, 8:00 to 19:30        the day itself            8:00 on the day after
//!   NO_SCHEDULED ── schedule ─► SCHEDULED ── deduct ─► PAID, and the contract ends
//!                                    └──────────────────────────► EXPIRED, and the contract ends
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::contract::Contract;
use super::parties::Parties;
use super::refusals;
use crate::clock;
use crate::products::payments::creation::{check_currency, check_total};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

/// `schedule_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScheduleState {
    NoScheduled,
    Scheduled,
    Paid,
    Expired,
}

impl ScheduleState {
    /// The word on the wire.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NoScheduled => "NO_SCHEDULED",
            Self::Scheduled => "SCHEDULED",
            Self::Paid => "PAID",
            Self::Expired => "EXPIRED",
        }
    }
}

/// The only deduction of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schedule {
    /// `estimated_deduct_date`.
    pub(super) day: i64,
    pub(super) fen: i64,
    pub(super) currency: String,
    pub(super) state: ScheduleState,
}

/// A notice before deductions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    pub(super) day: i64,
    /// For how many days money can be taken.
    pub(super) days: i64,
    /// Not more than so much.
    pub(super) fen: i64,
    /// One deduction uses it up.
    pub(super) is_used: bool,
}

const HOUR: i64 = 3_600;

impl Schedule {
    /// When the contract ends, if nothing was deducted: at eight on the day after.
    pub(super) fn end(&self) -> i64 {
        clock::midnight(self.day.saturating_add(1)).saturating_add(8 * HOUR)
    }
}

impl Notice {
    /// Money can be taken from the day after the next on.
    fn first_day(&self) -> i64 {
        self.day.saturating_add(2)
    }

    fn last_day(&self) -> i64 {
        self.first_day().saturating_add(self.days).saturating_sub(1)
    }
}

/// A day as APIv3 writes it: `2019-11-22`.
pub(super) fn date(day: i64) -> String {
    clock::date(clock::midnight(day))
}

/// The schedule of a presigned contract: before 19:00 on the day before.
pub(super) fn read_schedule(given: Option<&Value>, now: i64) -> Result<Option<Schedule>, Refusal> {
    let Some(given) = given.filter(|given| given.is_object()) else { return Ok(None) };
    let text = given["estimated_deduct_date"].as_str().unwrap_or_default();
    let midnight = clock::parse(&format!("{text}T00:00:00+08:00"));
    let day = clock::day(
        midnight
            .ok_or_else(|| refusals::wrong_date("estimated_deduct_date must be written like 2019-11-22"))?,
    );
    if now >= clock::midnight(day.saturating_sub(1)).saturating_add(19 * HOUR) {
        return Err(refusals::wrong_date(
            "a contract is presigned before 19:00 (Beijing) of the day before estimated_deduct_date",
        ));
    }
    let (fen, currency) = read_amount(&given["estimated_deduct_amount"])?;
    Ok(Some(Schedule { day, fen, currency, state: ScheduleState::NoScheduled }))
}

/// An amount of a deduction, for which the rules of orders hold: it becomes one.
pub(super) fn read_amount(amount: &Value) -> Result<(i64, String), Refusal> {
    let fen = amount["total"].as_i64().unwrap_or_default();
    check_total(fen)?;
    Ok((fen, check_currency(amount["currency"].as_str().map(str::to_owned))?))
}

/// The contract in the path, which must be signed.
fn find_signed(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Contract, HandlerError> {
    let contract = Parties::read(context)?.find_by_id(tx, context.request.path("contract_id"))?;
    if contract.is_signed() { Ok(contract) } else { Err(refusals::contract_has_ended().into()) }
}

/// 查询扣费预约. INFERRED(contract-without-schedule): a contract without a schedule is NO_SCHEDULED, and deducted from without one.
pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let contract = Parties::read(context)?.find_by_id(tx, context.request.path("contract_id"))?;
    Ok(contract.schedule.as_ref().map_or_else(|| json!({ "schedule_state": "NO_SCHEDULED" }), show))
}

/// The state on which a deduction depends.
fn show(schedule: &Schedule) -> Value {
    let amount = || json!({ "total": schedule.fen, "currency": schedule.currency });
    let mut shown = json!({ "schedule_state": schedule.state.word() });
    if matches!(schedule.state, ScheduleState::Scheduled | ScheduleState::Paid) {
        shown["deduct_start_date"] = json!(date(schedule.day));
        shown["deduct_end_date"] = json!(date(schedule.day));
        shown["scheduled_amount"] = amount();
    }
    if schedule.state == ScheduleState::Paid {
        shown["deduct_amount"] = amount();
        shown["deduct_date"] = json!(date(schedule.day));
    }
    shown
}

/// 预约扣费: on the day before, and the whole amount.
pub(super) fn book(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut contract = find_signed(tx, context)?;
    let (fen, _) = read_amount(context.request.body.get("schedule_amount").unwrap_or(&Value::Null))?;
    let schedule = contract.schedule.as_mut().ok_or_else(refusals::no_schedule)?;
    check_bookable(schedule, fen, context.now)?;
    schedule.state = ScheduleState::Scheduled;
    let shown = show(schedule);
    tx.save(&contract)?;
    Ok(shown)
}

fn check_bookable(schedule: &Schedule, fen: i64, now: i64) -> Result<(), Refusal> {
    if schedule.state != ScheduleState::NoScheduled {
        return Err(refusals::scheduled_before());
    }
    if fen != schedule.fen {
        return Err(refusals::other_amount(
            "schedule_amount must be the estimated_deduct_amount of the contract",
        ));
    }
    let is_hour = (8 * HOUR..19 * HOUR + HOUR / 2).contains(&clock::second_of_day(now));
    if clock::day(now).saturating_add(1) != schedule.day || !is_hour {
        return Err(refusals::not_the_time(
            "a deduction is scheduled on the day before estimated_deduct_date, from 8:00 until 19:30 in Beijing: weipay sandbox clock",
        ));
    }
    Ok(())
}

/// The hours in which people may be told that money will be taken, and in which it is then taken.
fn is_notice_hour(now: i64) -> bool {
    (7 * HOUR..22 * HOUR).contains(&clock::second_of_day(now))
}

/// `deduct_duration` without a count.
const DEFAULT_DAYS: i64 = 7;

/// 预扣费通知: the person hears what will be taken, and from the day after the next on it can be.
pub(super) fn give_notice(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let contract = find_signed(tx, context)?;
    let body = &context.request.body;
    let number = |group: &str, name: &str| body.get(group).and_then(|group| group[name].as_i64());
    let days = number("deduct_duration", "count").unwrap_or(DEFAULT_DAYS);
    let fen = number("estimated_amount", "amount").unwrap_or_default();
    if !(1..=DEFAULT_DAYS).contains(&days) || fen < 1 {
        return Err(refusals::wrong_parameter(
            "deduct_duration.count must be from 1 to 7 days, and the amount at least 1 fen",
        )
        .into());
    }
    check_total(fen)?;
    let amount = body.get("estimated_amount").unwrap_or(&Value::Null);
    check_currency(amount["currency"].as_str().map(str::to_owned))?;
    if !is_notice_hour(context.now) {
        let reason = "notices are sent from 7:00 until 22:00 in Beijing: weipay sandbox clock";
        return Err(refusals::not_the_time(reason).into());
    }
    let day = clock::day(context.now);
    if contract.notice.is_some_and(|last| !last.is_used && day <= last.last_day()) {
        return Err(refusals::noticed_before().into());
    }
    tx.save(&Contract { notice: Some(Notice { day, days, fen, is_used: false }), ..contract })?;
    Ok(Value::Null)
}

/// 重试扣费通知: the person hears that a deduction has failed. UNCONFIRMED(contract-failure-notice): whether one has, is not looked at.
pub(super) fn tell_of_failure(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    find_signed(tx, context)?;
    Ok(Value::Null)
}

/// When the money of a deduction is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    AtOnce,
    /// The person hears of it when it is asked for, and has a day to end the contract (通知后24小时扣费).
    AfterADay,
}

/// How long after its signing a contract is deducted from without a notice.
const FIRST_HOURS: i64 = 12 * HOUR;

/// The rule: whether so much can be taken, and when. The plan says which of two ways its contracts have: a notice before each
/// deduction, or a day between request and deduction. Both take the money at once in the first twelve hours, unless a notice was
/// sent. UNCONFIRMED(contract-notice-mode): here a contract has the first way from its first notice on, and before it the second.
pub(super) fn check_time(contract: &Contract, fen: i64, now: i64) -> Result<Timing, Refusal> {
    let day = clock::day(now);
    if let Some(schedule) = &contract.schedule {
        return match schedule.state {
            ScheduleState::Scheduled if schedule.day != day => Err(refusals::not_the_time(
                "a deduction is possible only on estimated_deduct_date of the contract (Beijing time)",
            )),
            ScheduleState::Scheduled if schedule.fen != fen => {
                Err(refusals::other_amount("the amount must be the one that was scheduled"))
            }
            ScheduleState::Scheduled => Ok(Timing::AtOnce),
            _ => Err(refusals::not_scheduled()),
        };
    }
    let Some(notice) = contract.notice else {
        let signed = contract.signature.as_ref().map_or(now, |signature| signature.time);
        let is_new = now.saturating_sub(signed) < FIRST_HOURS;
        return Ok(if is_new { Timing::AtOnce } else { Timing::AfterADay });
    };
    if notice.is_used || !(notice.first_day()..=notice.last_day()).contains(&day) || !is_notice_hour(now) {
        return Err(refusals::not_noticed(
            "after a notice, one deduction is possible: from the second day after it, for deduct_duration days, 7:00 \
             to 22:00 (Beijing)",
        ));
    }
    if fen > notice.fen {
        return Err(refusals::other_amount("the amount is more than the estimated_amount of the notice"));
    }
    Ok(Timing::AtOnce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        clock::parse(&format!("{text}+08:00")).unwrap()
    }

    fn schedule(state: ScheduleState) -> Schedule {
        // The example of the page.
        let day = clock::day(at("2022-03-02T00:00:00"));
        Schedule { day, fen: 10_000, currency: "CNY".to_owned(), state }
    }

    #[test]
    fn a_deduction_is_scheduled_the_day_before_from_eight_to_half_past_seven() {
        let free = schedule(ScheduleState::NoScheduled);
        for (time, fen, is_taken) in [
            ("2022-03-01T07:59:59", 10_000, false),
            ("2022-03-01T08:00:00", 10_000, true),
            ("2022-03-01T19:29:59", 10_000, true),
            ("2022-03-01T19:30:00", 10_000, false),
            ("2022-03-01T12:00:00", 9_999, false),
            ("2022-03-02T12:00:00", 10_000, false),
            ("2022-02-28T12:00:00", 10_000, false),
        ] {
            assert_eq!(check_bookable(&free, fen, at(time)).is_ok(), is_taken, "{time} {fen}");
        }
        assert!(
            check_bookable(&schedule(ScheduleState::Scheduled), 10_000, at("2022-03-01T12:00:00")).is_err()
        );
        assert_eq!(free.end(), at("2022-03-03T08:00:00"));
    }

    #[test]
    fn a_contract_with_a_schedule_is_presigned_by_seven_the_evening_before() {
        let given = json!({ "estimated_deduct_date": "2022-03-02",
            "estimated_deduct_amount": { "total": 10_000 }, "description": "票" });
        let read = |time: &str| read_schedule(Some(&given), at(time));
        assert_eq!(read("2022-03-01T18:59:59").unwrap(), Some(schedule(ScheduleState::NoScheduled)));
        assert!(read("2022-03-01T19:00:00").is_err());
        for date in ["2022-3-2", "2022-02-30", "", "20220302"] {
            let given = json!({ "estimated_deduct_date": date, "estimated_deduct_amount": { "total": 1 } });
            assert!(read_schedule(Some(&given), 0).is_err(), "{date}");
        }
        assert_eq!(read_schedule(None, 0).unwrap(), None);
    }

    #[test]
    fn an_amount_is_in_yuan_and_no_more_than_an_order_may_be() {
        let code = |amount: &Value| read_amount(amount).map_or_else(|refusal| refusal.code, |_| "");
        assert_eq!(code(&json!({ "total": 1_000_000_000, "currency": "CNY" })), "");
        for amount in [
            json!({ "total": 1_000_000_001 }),
            json!({ "total": 0 }),
            json!({ "total": 1, "currency": "USD" }),
        ] {
            assert_eq!(code(&amount), "PARAM_ERROR", "{amount}");
        }
    }

    #[test]
    fn after_a_notice_money_is_taken_from_the_third_to_the_ninth_day() {
        let notice = Notice { day: 100, days: DEFAULT_DAYS, fen: 1, is_used: false };
        assert_eq!((notice.first_day() - notice.day + 1, notice.last_day() - notice.day + 1), (3, 9));
        let one = Notice { days: 1, ..notice };
        assert_eq!((one.first_day(), one.last_day()), (102, 102));
    }
}
