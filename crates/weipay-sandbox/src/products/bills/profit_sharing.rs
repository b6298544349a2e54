//! Profit sharing bills (分账账单): a row for each amount that a receiver got on a day, and each that came back. A partner that names
//! no sub-merchant gets the rows of all of them.

use super::text::{LINE_END, RowText, time, yuan};
use super::{BillOf, Sink};
use crate::products::merge::{Events, by_time};
use crate::products::payments::order::{self, Order};
use crate::products::payments::profit_sharing::statement::{Shared, returned_between, split_between};
use crate::store::{StoreError, Transaction};

/// UNCONFIRMED(sharing-bill): names and order of the columns, and the summary. No source prints the heading;
/// programs that read such bills have these names in this order, except 分账描述.
const HEADING: &str = "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,分账接收方,金额,业务类型,处理状态,分账描述,备注";
const SUMMARY: &str = "总笔数,总金额";

pub(super) fn write(tx: &Transaction<'_>, bill: &BillOf, sink: Sink<'_>) -> Result<bool, StoreError> {
    sink(HEADING);
    sink(LINE_END);
    let (mut rows, mut sum, mut row) = (0, 0, RowText::default());
    for shared in by_time(sources(tx, bill), |shared| shared.time) {
        let shared = shared?;
        let order: Option<Order> = tx.peek(&order::key(&shared.merchant, &shared.out_trade_no))?;
        let order = order.ok_or_else(|| StoreError::Corrupt("a split without its order".to_owned()))?;
        row.cell(&time(shared.time));
        row.cells([
            shared.merchant.as_str(),
            &shared.payee,
            &shared.transaction_id,
            &shared.number,
            &shared.detail_id,
            &shared.out_number,
            &yuan(order.total),
            &shared.receiver,
            &yuan(shared.fen),
            if shared.is_return { "分账回退" } else { "分账" },
            "SUCCESS",
            &shared.description,
            "",
        ]);
        row.end(&mut *sink);
        rows += 1;
        sum += shared.fen;
    }
    sink(SUMMARY);
    sink(LINE_END);
    row.cells([rows.to_string().as_str(), &yuan(sum)]);
    row.end(sink);
    Ok(rows > 0)
}

fn sources<'a>(tx: &'a Transaction<'_>, bill: &'a BillOf) -> Vec<Events<'a, Shared>> {
    let (from, until) = bill.seconds();
    // Of a bill for one sub-merchant only what the asker shared for it.
    let is_wanted = |shared: &Shared| match &bill.sub_mchid {
        Some(sub_mchid) => shared.merchant == bill.mchid && shared.payee == *sub_mchid,
        None => true,
    };
    let found = [split_between(tx, &bill.mchid, from, until), returned_between(tx, &bill.mchid, from, until)];
    let wanted = found.into_iter().map(|shared| -> Events<'a, Shared> {
        Box::new(shared.filter(move |shared| shared.as_ref().map_or(true, is_wanted)))
    });
    wanted.collect()
}
