//! Bills, read by the reference models of products that move money. Fund flow bills (资金账单) and trade bills
//! (交易账单) must say the same as the model; in them each balance follows from the one before, and sums are those
//! of the rows.

use std::collections::BTreeSet;

use super::{BillKind, BillOf, TradeBill};
use crate::clock;
use crate::ledger::{AccountType, Owner, entries};
use crate::products::balance::amounts_before;
use crate::store::{Direction, StoreError, Transaction};

/// A row: 业务名称, and fen, below 0 for what left the account.
pub(crate) type Flow = (String, i64);

/// What the bills of an account say, of all days on which money of the merchant moved.
pub(crate) fn flows(
    tx: &Transaction<'_>,
    mchid: &str,
    account: AccountType,
) -> Result<Vec<Flow>, StoreError> {
    let all = entries(tx, &Owner::merchant(mchid), 0, i64::MAX, Direction::Ascending);
    let days: Result<BTreeSet<i64>, StoreError> = all.map(|entry| Ok(clock::day(entry?.time))).collect();
    let (mut flows, mut balance) = (Vec::new(), 0);
    for day in days? {
        let bill = BillOf {
            kind: BillKind::FundFlow(account),
            mchid: mchid.to_owned(),
            sub_mchid: None,
            sub_merchants: Vec::new(),
            day,
        };
        let text = bill.text(tx)?;
        let text = text.as_deref().unwrap_or_default();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let cell = |row: &[&str], place: usize| row[place].trim_start_matches('`').to_owned();
        // The heading is before them, and a heading and the sums are after them. A day without rows has no bill.
        let [_, of_day @ .., _, sums] = &rows[..] else {
            check_day_end(tx, mchid, account, day, balance)?;
            continue;
        };
        let (mut incomes, mut expenses) = ((0, 0), (0, 0));
        for row in of_day {
            let amount = yuan_to_fen(&cell(row, 6));
            let (fen_moved, sum) = match cell(row, 5).as_str() {
                "支出" => (-amount, &mut expenses),
                _ => (amount, &mut incomes),
            };
            *sum = (sum.0 + 1, sum.1 + amount);
            balance += fen_moved;
            assert_eq!(
                yuan_to_fen(&cell(row, 7)),
                balance,
                "the balance of a row of {mchid}, day {day}: {text}"
            );
            flows.push((cell(row, 3), fen_moved));
        }
        let number = |place: usize| cell(sums, place).parse::<i64>().unwrap();
        assert_eq!((number(0), number(1), number(3)), (incomes.0 + expenses.0, incomes.0, expenses.0));
        assert_eq!(
            (yuan_to_fen(&cell(sums, 2)), yuan_to_fen(&cell(sums, 4))),
            (incomes.1, expenses.1),
            "{text}"
        );
        check_day_end(tx, mchid, account, day, balance)?;
    }
    Ok(flows)
}

/// What the last row of a day says (账户结余) is what the balance at the end of that day says, available and pending together.
fn check_day_end(
    tx: &Transaction<'_>,
    mchid: &str,
    account: AccountType,
    day: i64,
    balance: i64,
) -> Result<(), StoreError> {
    let (available, pending) =
        amounts_before(tx, &Owner::merchant(mchid), account, clock::midnight(day) + clock::DAY)?;
    assert_eq!(available + pending, balance, "{} of {mchid} at the end of day {day}", account.word());
    Ok(())
}

/// What the bills say that is in the accounts of a merchant: the basic account, and the operation account. That for fees is empty.
pub(crate) fn balances(tx: &Transaction<'_>, mchid: &str) -> Result<[i64; 2], StoreError> {
    let sum = |account| Ok::<i64, StoreError>(flows(tx, mchid, account)?.iter().map(|(_, fen)| fen).sum());
    assert_eq!(sum(AccountType::Fees)?, 0);
    Ok([sum(AccountType::Basic)?, sum(AccountType::Operation)?])
}

/// The rows of the trade bills (ALL) of a merchant of these days.
pub(crate) fn trade_rows(
    tx: &Transaction<'_>,
    mchid: &str,
    days: impl IntoIterator<Item = i64>,
) -> Result<Vec<Vec<String>>, StoreError> {
    let mut all = Vec::new();
    for day in days {
        let kind = BillKind::Trade(TradeBill::All);
        let (mchid, sub_merchants) = (mchid.to_owned(), Vec::new());
        let bill = BillOf { kind, mchid, sub_mchid: None, sub_merchants, day };
        let Some(text) = bill.text(tx)? else { continue };
        let cells =
            |line: &str| line.split(',').map(|cell| cell.trim_start_matches('`').to_owned()).collect();
        let mut rows: Vec<Vec<String>> = text.lines().skip(1).map(cells).collect();
        let sums = rows.pop().unwrap_or_default();
        rows.pop();
        let sum = |place: usize| rows.iter().map(|row| yuan_to_fen(&row[place])).sum::<i64>();
        // 应结订单金额, 退款金额, 充值券退款金额, 手续费, 订单金额, 申请退款金额.
        let expected: Vec<i64> = [12, 16, 17, 22, 24, 25].into_iter().map(sum).collect();
        let found: Vec<i64> = sums[1..].iter().map(|cell| yuan_to_fen(cell)).collect();
        assert_eq!((sums[0].as_str(), found), (rows.len().to_string().as_str(), expected), "{text}");
        all.extend(rows);
    }
    Ok(all)
}

/// `-12.30` as fen; with five decimals as thousandths of them.
pub(crate) fn yuan_to_fen(yuan: &str) -> i64 {
    let digits = yuan.replace('.', "");
    digits.parse().unwrap_or_else(|_| panic!("{yuan} is no amount"))
}

/// What the bills say that is in the deposit account (保证金账户) of a sub-merchant.
pub(crate) fn deposit(tx: &Transaction<'_>, mchid: &str) -> Result<i64, StoreError> {
    Ok(flows(tx, mchid, AccountType::Deposit)?.iter().map(|(_, fen)| fen).sum())
}
