//! Balances (余额): what a merchant has, now and at the end of a day, and how it gets there.
//!
//! Everything is read from the [ledger](crate::ledger). `top_up` is what a developer does: a bank
//! transfer into an account. `incomes` is what came from a bank.

mod incomes;
pub(crate) mod top_up;

use serde_json::{Value, json};

use super::{Context, HandlerError, Route, route};
use crate::clock;
use crate::ledger::{self, AccountKind, AccountType, Owner, Purse};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Direction, StoreError, Transaction};

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("GET", "v3/merchant/fund/balance/{account_type}",       query_balance),
    route("GET", "v3/merchant/fund/dayendbalance/{account_type}", query_day_end_balance),
    route("GET", "v3/ecommerce/fund/balance/{sub_mchid}",         query_sub_merchant_balance),
    route("GET", "v3/ecommerce/fund/enddaybalance/{sub_mchid}",   query_sub_merchant_day_end_balance),
    route("GET", "v3/merchantfund/merchant/income-records",       incomes::query_own),
    route("GET", "v3/merchantfund/partner/income-records",        incomes::query_of_sub_merchant),
];

fn query_balance(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let account = AccountType::from_word(context.request.path("account_type")).ok_or_else(not_opened)?;
    let purse = Purse::find(tx, &Owner::merchant(&*context.caller.mchid))?;
    Ok(show(account.amounts(|kind| purse.balance(kind))))
}

fn query_day_end_balance(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let account = AccountType::from_word(context.request.path("account_type")).ok_or_else(not_opened)?;
    let end = day_end(context.request.query("date"), context.now, no_data)?;
    Ok(show(amounts_before(tx, &Owner::merchant(&*context.caller.mchid), account, end)?))
}

fn query_sub_merchant_balance(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let sub_mchid = sub_merchant(context, "无权查询该商户余额")?;
    let account = queried_account(context)?;
    let purse = Purse::find(tx, &Owner::merchant(sub_mchid))?;
    Ok(named(sub_mchid, account, account.amounts(|kind| purse.balance(kind))))
}

fn query_sub_merchant_day_end_balance(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let sub_mchid = sub_merchant(context, "无接口权限")?;
    let account = queried_account(context)?;
    let end = day_end(context.request.query("date"), context.now, no_account_then)?;
    Ok(named(sub_mchid, account, amounts_before(tx, &Owner::merchant(sub_mchid), account, end)?))
}

impl AccountType {
    fn amounts(self, balance: impl Fn(AccountKind) -> i64) -> (i64, i64) {
        let sum =
            |kinds: &[AccountKind]| kinds.iter().fold(0i64, |sum, kind| sum.saturating_add(balance(*kind)));
        let (available, pending) = self.kinds();
        (sum(available), sum(pending))
    }
}

fn show((available, pending): (i64, i64)) -> Value {
    json!({ "available_amount": available, "pending_amount": pending })
}

/// The available and pending money of an account at the end of the last day before a moment.
pub(super) fn amounts_before(
    tx: &Transaction<'_>,
    owner: &Owner,
    account: AccountType,
    end: i64,
) -> Result<(i64, i64), StoreError> {
    let balance = balance_before(tx, owner, account, end)?;
    Ok(account.amounts(|kind| balance[kind_position(kind)]))
}

/// The kinds that balances are made of.
const KINDS: [AccountKind; 6] = [
    AccountKind::Available,
    AccountKind::Unsettled,
    AccountKind::Frozen,
    AccountKind::Operation,
    AccountKind::Transferring,
    AccountKind::Deposit,
];

fn kind_position(kind: AccountKind) -> usize {
    KINDS.iter().position(|known| *known == kind).unwrap_or_default()
}

/// What was in the accounts before a moment: what is there now, without what has moved since. The balance
/// that an entry keeps cannot be used: a late clock books work that was due before the moment after entries
/// that came later.
fn balance_before(
    tx: &Transaction<'_>,
    owner: &Owner,
    account: AccountType,
    end: i64,
) -> Result<[i64; KINDS.len()], StoreError> {
    let purse = Purse::find(tx, owner)?;
    let is_wanted = |kind: AccountKind| account.has(kind);
    let mut balance = KINDS.map(|kind| if is_wanted(kind) { purse.balance(kind) } else { 0 });
    for entry in ledger::entries(tx, owner, end, i64::MAX, Direction::Descending) {
        for leg in entry?.legs.iter().filter(|leg| leg.owner == *owner && is_wanted(leg.kind)) {
            balance[kind_position(leg.kind)] -= leg.fen;
        }
    }
    Ok(balance)
}

/// The first moment after a day whose balance can be asked for: from ten o'clock of the next day, for 90 days.
fn day_end(date: Option<&str>, now: i64, no_data: fn() -> Refusal) -> Result<i64, Refusal> {
    const READY: i64 = 10 * 60 * 60;
    const MAX_AGE_DAYS: i64 = 90;
    let start = day_start(date)?;
    let end = start + clock::DAY;
    let is_ready = end.saturating_add(READY) <= now;
    if !is_ready || clock::day(now) - clock::day(start) > MAX_AGE_DAYS {
        return Err(no_data().with_reason(
            "the balance at the end of a day is available from 10:00 (UTC+8) of the next day, for 90 days",
        ));
    }
    Ok(end)
}

/// The first moment of a day that a query names.
fn day_start(date: Option<&str>) -> Result<i64, Refusal> {
    date.and_then(|date| clock::parse(&format!("{date}T00:00:00+08:00")))
        .ok_or_else(|| Refusal::param_error("参数错误", "date must be a day, such as 2026-08-14"))
}

/// The sub-merchant in the path, when the caller acts for it.
fn sub_merchant<'a>(context: &'a Context<'_>, words: &'static str) -> Result<&'a str, Refusal> {
    let sub_mchid = context.request.path("sub_mchid");
    sub_merchant_named(context, sub_mchid, words)?;
    Ok(sub_mchid)
}

fn sub_merchant_named(context: &Context<'_>, sub_mchid: &str, words: &'static str) -> Result<(), Refusal> {
    if context.merchants.may_use_money(context.caller, sub_mchid) {
        Ok(())
    } else {
        Err(Refusal::no_auth(words, reasons::NOT_THE_PARTNER))
    }
}

/// The account in the query; the basic account when there is none.
fn queried_account(context: &Context<'_>) -> Result<AccountType, Refusal> {
    AccountType::from_word(context.request.query("account_type").unwrap_or("BASIC")).ok_or_else(not_opened)
}

fn named(sub_mchid: &str, account: AccountType, amounts: (i64, i64)) -> Value {
    let mut amounts = show(amounts);
    amounts["sub_mchid"] = sub_mchid.into();
    amounts["account_type"] = account.word().into();
    amounts
}

fn not_opened() -> Refusal {
    Refusal::invalid_request(
        "输入账户类型未开通",
        "account_type is BASIC, OPERATION or FEES; of a sub-merchant also DEPOSIT",
    )
}

fn no_data() -> Refusal {
    Refusal::invalid_request("日终余额当日无数据", "there is no end-of-day balance for this day")
}

fn no_account_then() -> Refusal {
    Refusal::invalid_request(
        "该账户在指定时间不存在",
        "the merchant had no account yet at the end of this day",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Business, Posting, PostingError, post};
    use crate::store::Store;

    /// 2026-08-15T12:00:00+08:00.
    const NOON: i64 = 1_786_766_400;

    #[test]
    fn a_day_ends_at_midnight_and_is_shown_from_ten_o_clock_for_90_days() {
        let end = |date: &str, now| day_end(Some(date), now, no_data);
        let midnight = NOON - 12 * 3_600;
        assert_eq!(end("2026-08-14", NOON), Ok(midnight));
        assert_eq!(end("2026-08-14", midnight + 10 * 3_600), Ok(midnight));
        assert!(end("2026-08-14", midnight + 10 * 3_600 - 1).is_err());
        assert!(end("2026-08-15", NOON).is_err(), "today");
        assert!(end("2026-05-17", NOON).is_ok() && end("2026-05-16", NOON).is_err(), "90 days");
        assert_eq!(end("2026-8-14", NOON).unwrap_err().code, "PARAM_ERROR");
        assert_eq!(day_end(None, NOON, no_data).unwrap_err().code, "PARAM_ERROR");
    }

    #[test]
    fn the_balance_before_a_moment_is_that_of_all_entries_before_it() {
        let owner = Owner::merchant("1900000109");
        let done: Result<(), PostingError> = Store::in_memory().transaction(|tx| {
            let move_at = |time, from, to, fen| {
                let posting = Posting::new(Business::TopUp, "1", time);
                post(tx, posting.moves(owner.account(from), owner.account(to), fen))
            };
            move_at(10, AccountKind::Bank, AccountKind::Unsettled, 50)?;
            for time in 11..300 {
                move_at(time, AccountKind::Bank, AccountKind::Operation, 1)?;
            }
            move_at(300, AccountKind::Unsettled, AccountKind::Available, 20)?;
            let basic = |end| balance_before(tx, &owner, AccountType::Basic, end);
            assert_eq!((basic(10)?[0], basic(10)?[1]), (0, 0));
            assert_eq!((basic(300)?[0], basic(300)?[1]), (0, 50));
            assert_eq!((basic(301)?[0], basic(301)?[1]), (20, 30));
            // The clock comes late: what was due at 298 is booked after what came at 300.
            move_at(298, AccountKind::Unsettled, AccountKind::Available, 5)?;
            assert_eq!((basic(300)?[0], basic(300)?[1]), (5, 45));
            assert_eq!((basic(301)?[0], basic(301)?[1]), (25, 25));
            assert_eq!(amounts_before(tx, &owner, AccountType::Operation, 111)?, (100, 0));
            Ok(())
        });
        done.unwrap();
    }
}
