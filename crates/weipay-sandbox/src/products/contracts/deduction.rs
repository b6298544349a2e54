//! Taking money by a contract (扣款): the request is accepted at once, and the clock takes the money two seconds later, or a day.
//!
//! ```text
//!   accept ► ACCEPT ── the clock ──► SUCCESS, and the merchant is notified
//!              ▲           └───────► PAY_FAIL, and the merchant is notified
//!              └── the same request again ──┘
//! ```
//!
//! A deduction is an [`Order`] like any other, with `trade_type` PAP, so that it has a fee, is queried and
//! refunded, and stands in bills. The wallet (零钱) pays if it has enough, and otherwise the bank card.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::contract::{Contract, DayOfDeductions, EndedBy};
use super::parties::Parties;
use super::schedule::{Notice, ScheduleState, Timing, check_time, read_amount};
use super::{refusals, signing};
use crate::clock;
use crate::people::account::AccountState;
use crate::products::payments::closing::check_is_free;
use crate::products::payments::order::{Dialect, Funds, LimitPay, Order, OrderState, Payer, TradeType, key};
use crate::products::payments::payment::{self, CouponChoice, Means, NotPaid};
use crate::products::payments::refusals as of_orders;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Announcement, Due, Fingerprint, Record, StoreError, Transaction};

/// How long a deduction takes that is made at once. UNCONFIRMED(contract-deduction-time).
const DEDUCTION_SECONDS: i64 = 2;

/// How long an order by contract is open.
const ORDER_LIFE: i64 = 7 * clock::DAY;

/// The limits of a plan that nobody has raised: fen at once, fen and deductions of a day by one contract.
/// UNCONFIRMED(contract-limits): they bind contracts with a schedule too loosely to matter, and are not
/// looked at there.
const MAX_AT_ONCE: i64 = 50_000;
const MAX_OF_A_DAY: i64 = 250_000;
const MAX_TIMES_A_DAY: i64 = 5;

/// The additional members of an order by contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deduction {
    merchant: String,
    out_trade_no: String,
    /// The key of the contract.
    contract: String,
    /// On which day it was accepted.
    day: i64,
    /// The day of the notice that it has used up.
    #[serde(default)]
    notice_day: Option<i64>,
    /// Why the last attempt failed: the code of APIv2 and its sentence.
    failure: Option<(String, String)>,
}

impl Record for Deduction {
    const KIND: &'static str = "papay deduction";

    fn key(&self) -> String {
        key(&self.merchant, &self.out_trade_no)
    }
}

/// 受理扣款 by APIv3.
pub(super) fn apply(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let contract = parties.find_by_id(tx, request.required("contract_id"))?;
    let given = request.body.get("amount").unwrap_or(&Value::Null);
    let (total, currency) = read_amount(given)?;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let new = Order {
        merchant: parties.mchid,
        sub_mchid: parties.sub_mchid,
        appid: parties.appid.unwrap_or_default(),
        sub_appid: parties.sub_appid,
        out_trade_no: request.required("out_trade_no").to_owned(),
        trade_type: TradeType::Pap,
        dialect: Dialect::V3,
        state: OrderState::Accept,
        total,
        currency: currency.clone(),
        description: request.required("description").to_owned(),
        attach: text("attach"),
        notify_url: text("transaction_notify_url"),
        goods_tag: text("goods_tag"),
        detail: None,
        scene_info: None,
        profit_sharing: false,
        subsidy: 0,
        deposit: None,
        limit_pay: LimitPay::default(),
        payer: Payer::default(),
        created: context.now,
        expires: context.now,
        ended: None,
        combined: None,
        fingerprint: Fingerprint::new(&request.body),
        platform_serial: context.platform_serial.to_owned(),
        prepays: Vec::new(),
        payment: None,
    };
    let response =
        json!({ "out_trade_no": new.out_trade_no, "amount": { "total": total, "currency": currency } });
    accept(tx, contract, new, context.now)?;
    Ok(response)
}

/// Accepts a deduction. UNCONFIRMED(contract-checks): the contract is looked at first, then the number of the
/// order, then time, amount and limits.
pub(super) fn accept(
    tx: &Transaction<'_>,
    contract: Contract,
    new: Order,
    now: i64,
) -> Result<(), HandlerError> {
    let known = Order::find_by_number(tx, &new.merchant, &new.out_trade_no)?;
    // A deduction that was done may have ended its contract.
    if known.as_ref().is_none_or(|known| known.trade_type != TradeType::Pap || !known.state.is_paid())
        && !contract.is_signed()
    {
        return Err(refusals::contract_has_ended().into());
    }
    if known.is_none() {
        check_is_free(tx, &new.merchant, &new.out_trade_no)?;
    }
    check_number(known.map(|known| known.seen_at(now)).as_ref(), &new)?;
    let timing = check_time(&contract, new.total, now)?;
    let taken = contract.today.on(clock::day(now));
    let day = taken.day;
    if contract.schedule.is_none() {
        check_limits(taken, new.total)?;
    }
    let payer = contract.signature.as_ref().map(|signature| signature.payer.clone()).unwrap_or_default();
    let (state, expires) = (OrderState::Accept, now.saturating_add(ORDER_LIFE));
    let order = Order { state, expires, payer, trade_type: TradeType::Pap, ..new };
    // The record of the attempt that failed is replaced: only one that was read can be.
    tx.get::<Deduction>(&order.key())?;
    tx.save(&Deduction {
        merchant: order.merchant.clone(),
        out_trade_no: order.out_trade_no.clone(),
        contract: contract.key(),
        day,
        notice_day: contract.notice.map(|notice| notice.day),
        failure: None,
    })?;
    let (count, fen) = (taken.count.saturating_add(1), taken.fen.saturating_add(order.total));
    // A notice is for one deduction: it is taken now, and given back if no money comes.
    let notice = contract.notice.map(|notice| Notice { is_used: true, ..notice });
    tx.save(&Contract { today: DayOfDeductions { day, count, fen }, notice, ..contract })?;
    tx.save(&order)?;
    let wait = match timing {
        Timing::AtOnce => DEDUCTION_SECONDS,
        Timing::AfterADay => clock::DAY,
    };
    let at = now.saturating_add(wait);
    Ok(tx.schedule(&Due { kind: DEDUCTION.to_owned(), key: order.key(), at })?)
}

/// The rule of the number. INFERRED(contract-deduction-again): a deduction that failed is tried again by the
/// same request, as a public answer of the platform's support advises.
fn check_number(known: Option<&Order>, new: &Order) -> Result<(), Refusal> {
    let Some(known) = known else { return Ok(()) };
    let is_same_product = known.is_from_the_same_product(new) && known.combined.is_none();
    match known.state {
        // A deposit (押金) has paid for nothing.
        _ if known.deposit.is_some() => Err(of_orders::number_of_another_order(known, new)),
        // The order may have been made by another operation: its money was taken, or is being taken.
        OrderState::Success | OrderState::Refund => Err(of_orders::paid_before()),
        OrderState::Accept if !is_same_product => Err(refusals::under_way()),
        _ if !is_same_product => Err(of_orders::number_of_another_order(known, new)),
        _ if known.fingerprint != new.fingerprint => Err(of_orders::other_parameters(known.trade_type)),
        // An older sandbox has called a deduction that failed PAYERROR.
        OrderState::PayFail | OrderState::PayError => Ok(()),
        OrderState::Accept => Err(refusals::under_way()),
        OrderState::NotPay | OrderState::UserPaying | OrderState::Closed | OrderState::Revoked => {
            Err(of_orders::number_is_taken(reasons::ORDER_WAS_CLOSED))
        }
    }
}

fn check_limits(taken: DayOfDeductions, fen: i64) -> Result<(), Refusal> {
    if fen > MAX_AT_ONCE {
        return Err(refusals::over_limit(
            "one deduction is at most 50000 fen, unless the platform has raised the limit of the plan",
        ));
    }
    if taken.fen.saturating_add(fen) > MAX_OF_A_DAY {
        return Err(refusals::over_limit(
            "the deductions of a day by one contract are at most 250000 fen together",
        ));
    }
    if taken.count >= MAX_TIMES_A_DAY {
        return Err(refusals::over_limit(
            "one contract has at most five deductions a day; those that failed do not count",
        ));
    }
    Ok(())
}

/// Falls due when a deduction is done.
pub(super) const DEDUCTION: &str = "papay deduction";

/// Why no money came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    NotEnough,
    /// The account of the person is frozen or cancelled.
    Account,
    ContractHasEnded,
}

impl Failure {
    /// The code and the sentence of APIv2. Those of a contract are known from a public report, and those of too little money from a
    /// capture; the others are UNCONFIRMED(contract-words).
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotEnough => {
                ("NOTENOUGH", "银行卡可用余额不足（如信用卡则为可透支额度不足），请核实后再试")
            }
            Self::Account => ("ACCOUNTERROR", "用户账户异常"),
            Self::ContractHasEnded => ("CONTRACT_NOT_EXIST", "签约协议不存在"),
        }
    }
}

pub(super) fn deduct(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let Some(order) = tx.get::<Order>(key)?.filter(|order| order.state == OrderState::Accept) else {
        return Ok(());
    };
    let broken = || StoreError::Corrupt("a deduction without its contract".to_owned());
    let deduction = tx.get::<Deduction>(key)?.ok_or_else(broken)?;
    let contract = tx.get::<Contract>(&deduction.contract)?.ok_or_else(broken)?;
    match pay(tx, &contract, order.clone(), at)? {
        Ok(paid) => succeed(tx, contract, &paid, at),
        Err(failure) => fail(tx, contract, deduction, order, failure, at),
    }
}

/// Takes the money from the wallet, or else from the bank card.
fn pay(
    tx: &Transaction<'_>,
    contract: &Contract,
    order: Order,
    now: i64,
) -> Result<Result<Order, Failure>, HandlerError> {
    let Some(signature) = contract.signature.as_ref().filter(|_| contract.end.is_none()) else {
        return Ok(Err(Failure::ContractHasEnded));
    };
    let person = signature.person.as_of_now(tx)?;
    if !AccountState::of_owner(tx, &person)?.works() {
        return Ok(Err(Failure::Account));
    }
    let ways: &[Funds] =
        if contract.is_wallet_only { &[Funds::Wallet] } else { &[Funds::Wallet, Funds::Card] };
    for funds in ways {
        let means = Means {
            payer: signature.payer.clone(),
            person: person.clone(),
            funds: *funds,
            discount: 0,
            coupon: CouponChoice::Best,
        };
        let payable = Order { state: OrderState::NotPay, ..order.clone() };
        match payment::pay(tx, payable, &means, now) {
            Ok(paid) => return Ok(Ok(paid)),
            Err(NotPaid::NotEnough) => {}
            Err(NotPaid::Failed(error)) => return Err(error.into()),
            Err(NotPaid::Because(_)) => {
                return Err(StoreError::Corrupt("the payment of a deduction".to_owned()).into());
            }
        }
    }
    Ok(Err(Failure::NotEnough))
}

fn succeed(tx: &Transaction<'_>, contract: Contract, paid: &Order, now: i64) -> Result<(), HandlerError> {
    let mut contract = contract;
    let ends = contract.schedule.is_some();
    if let Some(schedule) = &mut contract.schedule {
        schedule.state = ScheduleState::Paid;
    }
    tx.save(&contract)?;
    if let Some(mut announcement) = payment::announcement(tx, paid)? {
        if paid.dialect.is_v2() {
            let id = contract.signature.as_ref().map(|signature| signature.id.as_str());
            announcement.resource["contract_id"] = json!(id);
            announcement.resource["trade_state"] = json!("SUCCESS");
            // In a public capture, as in that of a failure.
            announcement.resource["return_msg"] = json!("OK");
        }
        tx.announce(&announcement)?;
    }
    if ends {
        signing::end(tx, contract, EndedBy::Platform, None, now)?;
    }
    Ok(())
}

fn fail(
    tx: &Transaction<'_>,
    contract: Contract,
    deduction: Deduction,
    order: Order,
    failure: Failure,
    now: i64,
) -> Result<(), HandlerError> {
    let (code, sentence) = failure.words();
    let order = Order { state: OrderState::PayFail, ..order };
    tx.save(&order)?;
    let mut today = contract.today;
    if today.day == deduction.day {
        today.count = today.count.saturating_sub(1);
        today.fen = today.fen.saturating_sub(order.total);
    }
    // Another notice may have come since then, and another deduction have used that.
    let is_used = |notice: Notice| notice.is_used && deduction.notice_day != Some(notice.day);
    let notice = contract.notice.map(|notice| Notice { is_used: is_used(notice), ..notice });
    tx.save(&Contract { today, notice, ..contract.clone() })?;
    tx.save(&Deduction { failure: Some((code.to_owned(), sentence.to_owned())), ..deduction })?;
    let Some(notify_url) = order.notify_url.clone() else { return Ok(()) };
    let (event_type, resource) = match order.dialect {
        // UNCONFIRMED(contract-failure-event): which event it is in APIv3; parking (停车) has this one.
        Dialect::V3 => ("TRANSACTION.FAIL", order.show_notified()),
        // These elements are known from a public report.
        Dialect::V2 | Dialect::V2Hmac => {
            let mut elements = json!({
                "return_msg": "OK", "result_code": "FAIL", "err_code": code, "err_code_des": sentence, "appid": order.appid, "mch_id": order.merchant,
                "sub_appid": order.sub_appid, "sub_mch_id": order.sub_mchid, "out_trade_no": order.out_trade_no,
                "contract_id": contract.signature.as_ref().map(|signature| signature.id.as_str()),
            });
            if order.dialect == Dialect::V2Hmac {
                elements["sign_type"] = json!("HMAC-SHA256");
            }
            (payment::PAID_V2, elements)
        }
    };
    let (mchid, platform_serial) = (order.merchant.clone(), order.platform_serial.clone());
    Ok(tx.announce(&Announcement { mchid, notify_url, platform_serial, event_type, time: now, resource })?)
}
