//! Profit sharing bills (分账账单): a row for each amount that a merchant shared on a day, and each that came back.

use super::text::{LINE_END, RowText, time, yuan};
use super::{BillOf, Sink};
use crate::products::ledger::{Business, Owner, entries};
use crate::store::{Direction, StoreError, Transaction};

/// UNCONFIRMED(sharing-bill): names and order of the columns, and the summary.
const HEADING: &str =
    "分账时间,分账发起方,分账方,微信分账/回退单号,商户分账/回退单号,分账接收方,分账金额,业务类型,处理状态";
const SUMMARY: &str = "总笔数,总金额";

pub(super) fn write(tx: &Transaction<'_>, bill: &BillOf, sink: Sink<'_>) -> Result<bool, StoreError> {
    sink(HEADING);
    sink(LINE_END);
    let payee = bill.sub_mchid.as_ref().unwrap_or(&bill.mchid);
    let owner = Owner::merchant(payee);
    let (mut rows, mut sum, mut row) = (0, 0, RowText::default());
    let (from, until) = bill.seconds();
    for entry in entries(tx, &owner, from, until, Direction::Ascending) {
        let entry = &entry?;
        let kind = match entry.business {
            Business::ProfitSharing => "分账",
            Business::ProfitSharingReturn => "分账回退",
            _ => continue,
        };
        for pair in entry.legs.chunks(2) {
            let [from, to] = pair else { continue };
            // The receiver has the same entry in its fund bill; the row here is of who shared.
            let (payer, receiver) = if kind == "分账" { (from, to) } else { (to, from) };
            if payer.owner != owner || receiver.owner == owner {
                continue;
            }
            let (Owner::Merchant(id) | Owner::Person(id)) = &receiver.owner;
            row.cell(&time(entry.time));
            row.cells([bill.mchid.as_str(), payee, &entry.reference, &entry.merchant_reference, id]);
            row.cells([yuan(to.fen).as_str(), kind, "SUCCESS"]);
            row.end(&mut *sink);
            rows += 1;
            sum += to.fen;
        }
    }
    sink(SUMMARY);
    sink(LINE_END);
    row.cells([rows.to_string().as_str(), &yuan(sum)]);
    row.end(sink);
    Ok(rows > 0)
}
