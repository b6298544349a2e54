//! Fund flow bills (资金账单): a row for each movement of money into an account of a merchant, or out of it.

use super::text::{LINE_END, RowText, time, yuan};
use super::{BillOf, Sink};
use crate::ledger::{AccountKind, AccountType, Business, Entry, Leg, Owner, Purse, entries};
use crate::store::{Direction, StoreError, Transaction};

/// The balance column (账户结余).
enum Balance {
    /// As each entry has it.
    OfEntries,
    /// Counted from the balance at the beginning of the day: entries of the deposit account and of earlier versions do not have
    /// it, and a clock that was late has booked work after entries of later times, so their balances would jump.
    Counted(i64),
}

impl Balance {
    fn at_the_beginning(
        tx: &Transaction<'_>,
        owner: &Owner,
        account: AccountType,
        (from, until): (i64, i64),
    ) -> Result<Self, StoreError> {
        let purse = Purse::find(tx, owner)?;
        let is_said = account != AccountType::Deposit && purse.is_in_order_until(until);
        if is_said && say_it(tx, owner, account, (from, until))? {
            return Ok(Self::OfEntries);
        }
        let mut fen = purse.total(account);
        for entry in entries(tx, owner, from, i64::MAX, Direction::Ascending) {
            let entry = &entry?;
            fen -= moved(entry, owner, account).map(|(leg, _)| leg.fen).sum::<i64>();
        }
        Ok(Self::Counted(fen))
    }

    /// The balance after a leg.
    fn after(&mut self, leg: &Leg, account: AccountType) -> i64 {
        match self {
            Self::OfEntries if account == AccountType::Basic => leg.basic,
            Self::OfEntries => leg.operation.unwrap_or_default(),
            Self::Counted(fen) => {
                *fen += leg.fen;
                *fen
            }
        }
    }
}

/// Whether the entries of a period say what the account had afterwards: all do if the first does, in the order in which they were
/// booked.
fn say_it(
    tx: &Transaction<'_>,
    owner: &Owner,
    account: AccountType,
    (from, until): (i64, i64),
) -> Result<bool, StoreError> {
    if account == AccountType::Basic {
        return Ok(true);
    }
    for entry in entries(tx, owner, from, until, Direction::Ascending) {
        if let Some((leg, _)) = moved(&entry?, owner, account).next() {
            return Ok(leg.operation.is_some());
        }
    }
    Ok(true)
}

const HEADING: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const SUMMARY: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

#[derive(Default)]
struct Sums {
    incomes: i64,
    income: i64,
    expenses: i64,
    expense: i64,
}

pub(super) fn write(
    tx: &Transaction<'_>,
    bill: &BillOf,
    account: AccountType,
    sink: Sink<'_>,
) -> Result<bool, StoreError> {
    sink(HEADING);
    sink(LINE_END);
    let mut sums = Sums::default();
    let mchid = bill.sub_mchid.as_ref().unwrap_or(&bill.mchid);
    write_rows(tx, bill, account, mchid, &[], &mut sums, &mut *sink)?;
    write_sums(&sums, sink)
}

/// The bill of all sub-merchants of a platform, one after the other, with each of their accounts.
/// UNCONFIRMED(platform-bill): whose account it is stands before the usual columns.
pub(super) fn write_all(tx: &Transaction<'_>, bill: &BillOf, sink: Sink<'_>) -> Result<bool, StoreError> {
    sink("二级商户号,账户类型,");
    sink(HEADING);
    sink(LINE_END);
    let mut sums = Sums::default();
    for mchid in &bill.sub_merchants {
        for account in [AccountType::Basic, AccountType::Operation, AccountType::Deposit] {
            write_rows(tx, bill, account, mchid, &[mchid, account.word()], &mut sums, &mut *sink)?;
        }
    }
    write_sums(&sums, sink)
}

/// The rows of one account of a merchant, each after the same cells.
fn write_rows(
    tx: &Transaction<'_>,
    bill: &BillOf,
    account: AccountType,
    mchid: &str,
    before: &[&str],
    sums: &mut Sums,
    sink: Sink<'_>,
) -> Result<(), StoreError> {
    let owner = Owner::merchant(mchid);
    let mut row = RowText::default();
    let (from, until) = bill.seconds();
    let mut balance = Balance::at_the_beginning(tx, &owner, account, (from, until))?;
    for entry in entries(tx, &owner, from, until, Direction::Ascending) {
        let entry = &entry?;
        for (index, (leg, other)) in moved(entry, &owner, account).enumerate() {
            row.cells(before.iter().copied());
            let fen = balance.after(leg, account);
            write_leg(&mut row, entry, index, leg, other, fen, mchid, sums);
            row.end(&mut *sink);
        }
    }
    Ok(())
}

/// The summary. Whether there was a row.
fn write_sums(sums: &Sums, sink: Sink<'_>) -> Result<bool, StoreError> {
    let mut row = RowText::default();
    sink(SUMMARY);
    sink(LINE_END);
    let Sums { incomes, income, expenses, expense } = *sums;
    row.cells([(incomes + expenses).to_string().as_str(), &incomes.to_string(), &yuan(income)]);
    row.cells([expenses.to_string().as_str(), &yuan(expense)]);
    row.end(sink);
    Ok(incomes + expenses > 0)
}

/// The legs by which money comes into an account or leaves it, each with the other end of its move. What is
/// only moved inside of the account, as by a settlement or when a transfer locks it, does not move its money.
fn moved<'a>(
    entry: &'a Entry,
    owner: &'a Owner,
    account: AccountType,
) -> impl Iterator<Item = (&'a Leg, &'a Leg)> {
    let is_inside = move |leg: &Leg| leg.owner == *owner && account.has(leg.kind);
    entry.legs.chunks(2).filter_map(move |pair| match pair {
        [from, to] if is_inside(from) && !is_inside(to) => Some((from, to)),
        [from, to] if is_inside(to) && !is_inside(from) => Some((to, from)),
        _ => None,
    })
}

#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
fn write_leg(
    row: &mut RowText,
    entry: &Entry,
    index: usize,
    leg: &Leg,
    other: &Leg,
    balance: i64,
    mchid: &str,
    sums: &mut Sums,
) {
    let (direction, count, sum) = match leg.fen {
        ..0 => ("支出", &mut sums.expenses, &mut sums.expense),
        _ => ("收入", &mut sums.incomes, &mut sums.income),
    };
    let amount = leg.fen.saturating_abs();
    *count += 1;
    *sum += amount;
    let (name, kind) = words(entry.business, other.kind);
    row.cell(&time(entry.time));
    row.cells([entry.reference.as_str(), &format!("{:018}{index:02}", entry.number), name, kind, direction]);
    row.cells([yuan(amount).as_str(), &yuan(balance), mchid, "", &entry.merchant_reference]);
}

/// 业务名称 and 业务类型. UNCONFIRMED(fund-words), except 交易, 退款 and 扣除交易手续费.
fn words(business: Business, other: AccountKind) -> (&'static str, &'static str) {
    match business {
        Business::Payment | Business::Fee if other == AccountKind::Fees => ("交易手续费", "扣除交易手续费"),
        Business::Payment => ("交易", "交易"),
        Business::Fee => ("交易手续费", "扣除交易手续费"),
        Business::Refund => ("退款", "退款"),
        Business::FeeReturn => ("退款手续费", "退还交易手续费"),
        Business::Settlement => ("结算", "结算"),
        Business::ProfitSharing => ("分账", "分账"),
        Business::ProfitSharingReturn => ("分账回退", "分账回退"),
        Business::Unfreeze => ("解冻", "解冻剩余资金"),
        Business::Transfer => ("商家转账", "商家转账"),
        Business::TransferReturn => ("商家转账退回", "商家转账退回"),
        Business::RedPacket => ("现金红包", "现金红包"),
        Business::BankPayment if other == AccountKind::Fees => ("付款到银行卡手续费", "付款到银行卡手续费"),
        Business::BankPayment => ("付款到银行卡", "付款到银行卡"),
        Business::BankPaymentReturn if other == AccountKind::Fees => {
            ("付款到银行卡手续费退回", "付款到银行卡手续费退回")
        }
        Business::BankPaymentReturn => ("付款到银行卡退回", "付款到银行卡退回"),
        Business::Coupon => ("代金券", "代金券"),
        Business::TopUp => ("充值", "充值"),
        Business::Withdrawal => ("提现", "提现"),
        Business::AdvanceReturn => ("垫付回补", "垫付回补"),
        Business::Subsidy => ("营销补差", "营销补差"),
        Business::SubsidyReturn => ("营销补差回退", "营销补差回退"),
    }
}
