//! Fund flow bills (资金账单), read by the reference models of products that move money: they say the same as the
//! model, and each balance follows from the one before.

use std::collections::BTreeSet;

use super::{AccountType, BillKind, BillOf};
use crate::clock;
use crate::products::ledger::{Owner, entries};
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
        let Some(text) = bill.text(tx)? else { continue };
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let cell = |row: &[&str], place: usize| row[place].trim_start_matches('`').to_owned();
        // The heading is before them, and a heading and the sums are after them.
        let (sums, of_day) = (&rows[rows.len() - 1], &rows[1..rows.len() - 2]);
        let (mut incomes, mut expenses) = ((0, 0), (0, 0));
        for row in of_day {
            let amount = fen(&cell(row, 6));
            let (fen_moved, sum) = match cell(row, 5).as_str() {
                "支出" => (-amount, &mut expenses),
                _ => (amount, &mut incomes),
            };
            *sum = (sum.0 + 1, sum.1 + amount);
            balance += fen_moved;
            assert_eq!(fen(&cell(row, 7)), balance, "the balance of a row of {mchid}, day {day}: {text}");
            flows.push((cell(row, 3), fen_moved));
        }
        let number = |place: usize| cell(sums, place).parse::<i64>().unwrap();
        assert_eq!((number(0), number(1), number(3)), (incomes.0 + expenses.0, incomes.0, expenses.0));
        assert_eq!((fen(&cell(sums, 2)), fen(&cell(sums, 4))), (incomes.1, expenses.1), "{text}");
    }
    Ok(flows)
}

/// What the bills say that is in the accounts of a merchant: the basic account, and the operation account.
pub(crate) fn balances(tx: &Transaction<'_>, mchid: &str) -> Result<[i64; 2], StoreError> {
    let sum = |account| Ok(flows(tx, mchid, account)?.iter().map(|(_, fen)| fen).sum());
    Ok([sum(AccountType::Basic)?, sum(AccountType::Operation)?])
}

/// `-12.30` as fen.
fn fen(yuan: &str) -> i64 {
    let digits = yuan.replace('.', "");
    digits.parse().unwrap_or_else(|_| panic!("{yuan} is no amount"))
}
