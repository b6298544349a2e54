//! Trade bills (交易账单): a row for each payment and each refund of a day.

use serde_json::Value;

use super::text::{LINE_END, RowText, fee, time, yuan};
use super::window;
use super::{BillOf, Sink};
use crate::products::payments::order::{Order, OrderState, Payment, Whose};
use crate::store::{Page, StoreError, Transaction};

/// `bill_type`. INFERRED(special-bills): the bills of merchants with special columns have the usual ones here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TradeBill {
    All,
    Paid,
    Refunded,
}

impl TradeBill {
    pub(crate) fn from_word(word: Option<&str>) -> Self {
        match word {
            Some("SUCCESS" | "SUC_SPECIAL") => Self::Paid,
            Some("REFUND" | "REF_SPECIAL" | "RECHARGE_REFUND") => Self::Refunded,
            _ => Self::All,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::All => ALL,
            Self::Paid => PAID,
            Self::Refunded => REFUNDED,
        }
    }
}

const ALL: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const PAID: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注";
/// UNCONFIRMED(refund-bill): where the two times of the refund stand.
const REFUNDED: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// What the summary adds up, in fen.
#[derive(Default)]
struct Sums {
    rows: i64,
    settlement: i64,
    refunded: i64,
    fee: i64,
    total: i64,
    requested: i64,
}

pub(super) fn write(
    tx: &Transaction<'_>,
    bill: &BillOf,
    kind: TradeBill,
    sink: Sink<'_>,
) -> Result<bool, StoreError> {
    sink(kind.heading());
    sink(LINE_END);
    let (mut sums, mut row) = (Sums::default(), RowText::default());
    let read = |from, until, page| match kind {
        TradeBill::Refunded => Ok((Vec::new(), 0)),
        TradeBill::All | TradeBill::Paid => payments(tx, bill, from, until, page),
    };
    window::each(bill.seconds(), read, |mut found| {
        found.sort_by(|one, other| paid_at(one).cmp(&paid_at(other)));
        for order in &found {
            if let Some(payment) = &order.payment {
                write_payment(&mut row, kind, order, payment, &mut sums);
                row.end(&mut *sink);
            }
        }
    })?;
    sink(SUMMARY);
    sink(LINE_END);
    row.cell(&sums.rows.to_string());
    row.cells([
        yuan(sums.settlement).as_str(),
        &yuan(sums.refunded),
        "0.00",
        &fee(sums.fee),
        &yuan(sums.total),
        &yuan(sums.requested),
    ]);
    row.end(sink);
    Ok(sums.rows > 0)
}

fn paid_at(order: &Order) -> (i64, &str) {
    order.payment.as_ref().map_or((0, ""), |payment| (payment.paid_at, payment.transaction_id.as_str()))
}

/// What a merchant sold or was paid for in a part of the time.
fn payments(
    tx: &Transaction<'_>,
    bill: &BillOf,
    from: i64,
    until: i64,
    page: Page,
) -> Result<(Vec<Order>, usize), StoreError> {
    let mut found = Order::find_paid(tx, Whose::Merchant(&bill.mchid), from, until, page)?;
    let mut fullest = found.len();
    match &bill.sub_mchid {
        Some(sub_mchid) => found.retain(|order| order.sub_mchid.as_ref() == Some(sub_mchid)),
        None => {
            // What partners sold for it.
            let of_others = Order::find_paid(tx, Whose::Payee(&bill.mchid), from, until, page)?;
            fullest = fullest.max(of_others.len());
            found.extend(of_others.into_iter().filter(|order| order.merchant != bill.mchid));
        }
    }
    Ok((found, fullest))
}

/// Fen of a payment that are settled (应结订单金额): what the person paid, and coupons that are real money (充值型).
fn settlement(payment: &Payment) -> i64 {
    let is_money = |coupon: &&Value| coupon["type"] == "CASH";
    let coupons = payment.promotion_detail.iter().filter(is_money);
    payment.payer_total + coupons.filter_map(|coupon| coupon["amount"].as_i64()).sum::<i64>()
}

/// The columns that every bill has, up to 代金券金额.
fn write_order(row: &mut RowText, order: &Order, payment: &Payment, at: i64, state: &str) {
    let device = order.scene_info.as_ref().and_then(|scene| scene["device_id"].as_str());
    let payer = &payment.payer;
    row.cell(&time(at));
    row.cells([
        order.appid.as_str(),
        &order.merchant,
        order.sub_mchid.as_deref().unwrap_or("0"),
        device.unwrap_or_default(),
        &payment.transaction_id,
        &order.out_trade_no,
        payer.openid.as_deref().or(payer.sub_openid.as_deref()).unwrap_or_default(),
        order.trade_type.word(),
        state,
        &payment.bank_type,
        &order.currency,
    ]);
}

fn write_payment(row: &mut RowText, kind: TradeBill, order: &Order, payment: &Payment, sums: &mut Sums) {
    let settlement = settlement(payment);
    let state = if order.state == OrderState::Revoked { "REVOKED" } else { "SUCCESS" };
    write_order(row, order, payment, payment.paid_at, state);
    row.cell(&yuan(settlement));
    row.cell(&yuan(order.total - settlement));
    if kind == TradeBill::All {
        row.cells(["0", "0", "0.00", "0.00", "", ""]);
    }
    row.cells([order.description.as_str(), order.attach.as_deref().unwrap_or_default()]);
    row.cells([fee(payment.fee).as_str(), RATE, &yuan(order.total)]);
    if kind == TradeBill::All {
        row.cell("0.00");
    }
    row.cell("");
    sums.rows += 1;
    sums.settlement += settlement;
    sums.fee += payment.fee;
    sums.total += order.total;
}

/// 费率.
const RATE: &str = "0.60%";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_bill_are_as_many_as_the_documents_count() {
        assert_eq!(ALL.split(',').count(), 27);
        assert_eq!(PAID.split(',').count(), 27 - 7);
        assert_eq!(REFUNDED.split(',').count(), 27 + 2);
        assert_eq!(SUMMARY.split(',').count(), 7);
    }
}
