//! Withdrawals (提现): money of a merchant goes to its bank. A partner withdraws its own (商户提现) and that of its sub-merchants
//! (二级商户提现).
//!
//! ```text
//!   accepted ► CREATE_SUCCESS ── the clock ──► SUCCESS ── the bank returns it ──► REFUND
//!                    └── the bank refuses ──► FAIL
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `day_end` | withdrawals of the day-end balance of a sub-merchant |
//! | `withdrawal` | a withdrawal (提现单): its states, how it is shown, stored and found, and its money |
//! | `control` | the result of a withdrawal, set by a developer |
//! | `refusals` | errors |
//!
//! The money leaves the account with the request, and is on its way until the bank has it.

pub(crate) mod control;
mod day_end;
mod refusals;
mod withdrawal;

use serde_json::{Value, json};

use super::{Context, DueHandler, HandlerError, Route, route};
use crate::clock::DAY;
use crate::ledger::{AccountKind, AccountType, Owner, Purse};
use crate::response::Refusal;
use crate::store::Transaction;
#[cfg(test)]
pub(crate) use withdrawal::State as WithdrawalState;
use withdrawal::{SETTLES, State, Withdrawal};

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/ecommerce/fund/withdraw",                                   withdraw_of_sub_merchant),
    route("GET",  "v3/ecommerce/fund/withdraw/{withdraw_id}",                     |tx, context| query_by_id(tx, context, true)),
    route("GET",  "v3/ecommerce/fund/withdraw/out-request-no/{out_request_no}",   |tx, context| query_by_number(tx, context, true)),
    route("POST", "v3/merchant/fund/withdraw",                                    withdraw),
    route("GET",  "v3/merchant/fund/withdraw/withdraw-id/{withdraw_id}",          |tx, context| query_by_id(tx, context, false)),
    route("GET",  "v3/merchant/fund/withdraw/out-request-no/{out_request_no}",    |tx, context| query_by_number(tx, context, false)),
    route("POST", "v3/platsolution/ecommerce/withdraw/day-end-balance-withdraw",  day_end::withdraw),
    route("GET",  "v3/platsolution/ecommerce/withdraw/day-end-balance-withdraw/out-request-no/{out_request_no}", day_end::query),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] = &[(SETTLES, withdrawal::settle)];

/// The most of one withdrawal: 800 million yuan.
const MAX_FEN: i64 = 80_000_000_000;
/// How long a number is remembered.
const NUMBER_PERIOD: i64 = 6 * DAY;
/// How long a withdrawal can be queried.
const QUERY_PERIOD: i64 = 90 * DAY;
/// INFERRED(withdraw-delay): seconds until the bank has the money. Really it takes up to days.
const SUCCESS_AFTER: i64 = 5;

fn withdraw(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(create(tx, context, None)?.show_made())
}

fn withdraw_of_sub_merchant(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.required("sub_mchid");
    check_partner(context, sub_mchid)?;
    let made = create(tx, context, Some(sub_mchid.to_owned()))?;
    let mut shown = made.show_made();
    shown["sub_mchid"] = json!(sub_mchid);
    shown["account_type"] = json!(made.account.word());
    Ok(shown)
}

fn check_partner(context: &Context<'_>, sub_mchid: &str) -> Result<(), Refusal> {
    if context.merchants.may_use_money(context.caller, sub_mchid) {
        Ok(())
    } else {
        Err(refusals::not_a_sub_merchant())
    }
}

fn create(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    sub_mchid: Option<String>,
) -> Result<Withdrawal, HandlerError> {
    let (request, now) = (context.request, context.now);
    let text = |name: &str| request.text(name).map(str::to_owned);
    let asked = Withdrawal {
        withdraw_id: String::new(),
        merchant: context.caller.mchid.clone(),
        sub_mchid,
        out_request_no: request.required("out_request_no").to_owned(),
        amount: request.body.get("amount").and_then(Value::as_i64).unwrap_or_default(),
        account: AccountType::of_every_merchant(request.text("account_type"))
            .ok_or_else(refusals::unknown_account)?,
        remark: text("remark"),
        bank_memo: text("bank_memo"),
        notify_url: text("notify_url"),
        platform_serial: context.platform_serial.to_owned(),
        state: State::CreateSuccess,
        reason: None,
        created: now,
        updated: now,
        day_end: None,
    };
    if let Some(known) = Withdrawal::find_by_number(tx, &asked.merchant, &asked.out_request_no)? {
        check_repeated(&asked, &known, now)?;
        return Ok(known);
    }
    check_amount(asked.amount)?;
    book(tx, asked)
}

/// A new withdrawal: its money leaves the account.
fn book(tx: &Transaction<'_>, asked: Withdrawal) -> Result<Withdrawal, HandlerError> {
    let now = asked.created;
    let made =
        Withdrawal { withdraw_id: format!("123219371982{:020}", tx.next_number("withdrawal")?), ..asked };
    let from = made.account.withdrawn_from().ok_or_else(refusals::no_such_account)?;
    let owner = Owner::merchant(made.payer());
    let moved =
        made.posting(now).moves(owner.account(from), owner.account(AccountKind::Withdrawing), made.amount);
    if let Err(error) = crate::ledger::post(tx, moved) {
        let pending = Purse::find(tx, &owner)?.balance(AccountKind::Unsettled);
        let is_basic = from == AccountKind::Available;
        return Err(error.or_short(|reason| match pending {
            1.. if is_basic => refusals::still_pending(&reason, pending),
            _ => refusals::not_enough(reason),
        }));
    }
    tx.schedule(&made.due())?;
    tx.save(&made)?;
    Ok(made)
}

fn check_amount(fen: i64) -> Result<(), Refusal> {
    if (1..=MAX_FEN).contains(&fen) { Ok(()) } else { Err(refusals::bad_amount()) }
}

/// The same number again must ask for the same, and within six days. INFERRED(withdraw-repeat): the amount,
/// the account and its owner count.
fn check_repeated(asked: &Withdrawal, known: &Withdrawal, now: i64) -> Result<(), Refusal> {
    check_period(known, now)?;
    let what = |one: &Withdrawal| (one.sub_mchid.clone(), one.amount, one.account, one.day_end.clone());
    if what(asked) == what(known) { Ok(()) } else { Err(refusals::other_request()) }
}

fn check_period(known: &Withdrawal, now: i64) -> Result<(), Refusal> {
    if now.saturating_sub(known.created) > NUMBER_PERIOD { Err(refusals::too_late()) } else { Ok(()) }
}

fn query_by_id(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    is_of_sub_merchant: bool,
) -> Result<Value, HandlerError> {
    let found = Withdrawal::find_by_id(tx, context.request.path("withdraw_id"))?;
    show_found(context, found, is_of_sub_merchant)
}

fn query_by_number(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    is_of_sub_merchant: bool,
) -> Result<Value, HandlerError> {
    let number = context.request.path("out_request_no");
    show_found(context, Withdrawal::find_by_number(tx, &context.caller.mchid, number)?, is_of_sub_merchant)
}

fn show_found(
    context: &Context<'_>,
    found: Option<Withdrawal>,
    is_of_sub_merchant: bool,
) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.query("sub_mchid").filter(|_| is_of_sub_merchant);
    let found = found.filter(|found| found.day_end.is_none());
    Ok(find_shown(context, found, sub_mchid)?.show())
}

/// The withdrawal, if the caller may see it.
fn find_shown(
    context: &Context<'_>,
    found: Option<Withdrawal>,
    sub_mchid: Option<&str>,
) -> Result<Withdrawal, Refusal> {
    let found = found.filter(|found| {
        found.merchant == context.caller.mchid
            && found.sub_mchid.as_deref() == sub_mchid
            && context.now.saturating_sub(found.created) <= QUERY_PERIOD
    });
    found.ok_or_else(refusals::no_such_withdrawal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::testing::world::{World, merchant};

    fn withdrawal(fen: i64) -> Withdrawal {
        Withdrawal {
            withdraw_id: "1".to_owned(),
            merchant: "1900000109".to_owned(),
            sub_mchid: None,
            out_request_no: "w1".to_owned(),
            amount: fen,
            account: AccountType::Basic,
            remark: None,
            bank_memo: None,
            notify_url: None,
            platform_serial: String::new(),
            state: State::CreateSuccess,
            reason: None,
            created: 100,
            updated: 100,
            day_end: None,
        }
    }

    #[test]
    fn a_number_is_remembered_for_six_days_with_what_it_asked_for() {
        let known = withdrawal(5);
        assert!(check_repeated(&withdrawal(5), &known, 100 + NUMBER_PERIOD).is_ok());
        let late = check_repeated(&withdrawal(5), &known, 101 + NUMBER_PERIOD).unwrap_err();
        assert_eq!(late.message, "当前请求已经超过有效期");
        assert!(check_repeated(&withdrawal(6), &known, 100).is_err());
        let of_sub_merchant = Withdrawal { sub_mchid: Some("1900000110".to_owned()), ..withdrawal(5) };
        assert!(check_repeated(&of_sub_merchant, &known, 100).is_err());
    }

    #[test]
    fn a_refusal_says_what_is_pending_until_midnight() {
        let world = World::new();
        let caller = merchant("1900000109", &[]);
        let owner = Owner::merchant(&*caller.mchid);
        let ask = |world: &World<'_>, number: &str, account: &str| {
            let body = json!({ "out_request_no": number, "amount": 100, "account_type": account });
            let refused = world.ask(&caller, "POST", "/v3/merchant/fund/withdraw", &body).unwrap_err();
            assert_eq!((refused.status, refused.code), (403, "NOT_ENOUGH"));
            refused.reason.unwrap_or_default().into_owned()
        };
        assert!(!ask(&world, "w1", "BASIC").contains("未结算资金"));
        world.move_by_bank(&owner, AccountKind::Unsettled, 300);
        let told = ask(&world, "w2", "BASIC");
        assert!(told.contains("300 fen are not settled yet (未结算资金)"), "{told}");
        assert!(!ask(&world, "w3", "OPERATION").contains("未结算资金"));
    }

    #[test]
    fn one_fen_to_800_million_yuan_can_be_withdrawn_at_once() {
        assert!(check_amount(1).is_ok() && check_amount(MAX_FEN).is_ok());
        for fen in [0, -1, MAX_FEN + 1, i64::MIN] {
            assert_eq!(check_amount(fen).unwrap_err().code, "PARAM_ERROR");
        }
    }
}
