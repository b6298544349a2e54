//! Trade bills (交易账单): a row for each payment, each refund and each reversal (撤销) of a day.

use super::text::{LINE_END, RowText, fee, time, yuan};
use super::{BillOf, Sink};
use crate::products::merge::{Events, by_time};
use crate::products::payments::order::{self, Order, Payment, Whose};
use crate::products::payments::payment::fee_rate;
use crate::products::payments::refund::record::{
    Channel, Refund, RefundState, is_money, settlement_total, worth,
};
use crate::store::{Record, Scan, StoreError, Transaction};

/// `bill_type`. INFERRED(special-bills): the bills of merchants with special columns have the usual ones here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TradeBill {
    All,
    Paid,
    Refunded,
    /// 充值退款: money of a top-up that went back. Nobody tops up by an order here, so that nothing is in it.
    TopUpsRefunded,
}

impl TradeBill {
    pub(crate) fn from_word(word: Option<&str>) -> Option<Self> {
        match word {
            Some("SUCCESS" | "SUC_SPECIAL") => Some(Self::Paid),
            Some("REFUND" | "REF_SPECIAL") => Some(Self::Refunded),
            // INFERRED(top-up-refunds): those of orders are in REFUND.
            Some("RECHARGE_REFUND") => Some(Self::TopUpsRefunded),
            None | Some("ALL" | "ALL_SPECIAL") => Some(Self::All),
            Some(_) => None,
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::All => ALL,
            Self::Paid => PAID,
            Self::Refunded | Self::TopUpsRefunded => REFUNDED,
        }
    }
}

const ALL: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const PAID: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注";
/// UNCONFIRMED(refund-bill): where the two times of the refund stand.
const REFUNDED: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// The sums of the summary, in fen.
#[derive(Default)]
struct Sums {
    rows: i64,
    settlement: i64,
    refunded: i64,
    coupons_refunded: i64,
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
    for event in by_time(events(tx, bill, kind), Event::time) {
        match &event? {
            Event::Paid(order, payment) => write_payment(&mut row, kind, order, payment, &mut sums),
            Event::Reversed(order, payment, at) => {
                write_reversal(&mut row, kind, order, payment, *at, &mut sums);
            }
            Event::Refunded(order, payment, refund) => {
                write_refund(&mut row, kind, order, payment, refund, &mut sums);
            }
        }
        row.end(&mut *sink);
    }
    sink(SUMMARY);
    sink(LINE_END);
    row.cell(&sums.rows.to_string());
    row.cells([
        yuan(sums.settlement).as_str(),
        &yuan(sums.refunded),
        &yuan(sums.coupons_refunded),
        &fee(sums.fee),
        &yuan(sums.total),
        &yuan(sums.requested),
    ]);
    row.end(sink);
    Ok(sums.rows > 0)
}

/// An event that has a row.
enum Event {
    Paid(Box<Order>, Payment),
    Refunded(Box<Order>, Payment, Box<Refund>),
    /// With the time of the reversal.
    Reversed(Box<Order>, Payment, i64),
}

impl Event {
    fn time(&self) -> i64 {
        match self {
            Self::Paid(_, payment) => payment.paid_at,
            Self::Refunded(_, _, refund) => refund.created,
            Self::Reversed(_, _, at) => *at,
        }
    }
}

/// The events of the day of a bill: payments, reversals and refunds, those of partners after the merchant's.
fn events<'a>(tx: &'a Transaction<'_>, bill: &'a BillOf, kind: TradeBill) -> Vec<Events<'a, Event>> {
    if kind == TradeBill::TopUpsRefunded {
        return Vec::new();
    }
    let (from, until) = bill.seconds();
    // Of a bill for one sub-merchant only what was sold for it.
    let is_wanted = |sub_mchid: &Option<String>| bill.sub_mchid.is_none() || *sub_mchid == bill.sub_mchid;
    let whose = match bill.sub_mchid {
        Some(_) => vec![Whose::Merchant(&bill.mchid)],
        None => vec![Whose::Merchant(&bill.mchid), Whose::SubMerchant(&bill.mchid)],
    };
    let mut sources: Vec<Events<'a, Event>> = Vec::new();
    if kind != TradeBill::Refunded {
        sources.extend(whose.iter().map(|whose| -> Events<'a, Event> {
            let orders = kept(Order::paid(tx, *whose, from, until), move |order| is_wanted(&order.sub_mchid));
            Box::new(orders.map(|order| {
                let mut order = order?;
                let payment =
                    order.payment.take().ok_or_else(|| without("an order that was paid", "payment"))?;
                Ok(Event::Paid(Box::new(order), payment))
            }))
        }));
    }
    if kind != TradeBill::Paid {
        sources.extend(whose.iter().map(|whose| -> Events<'a, Event> {
            let orders =
                kept(Order::reversed(tx, *whose, from, until), move |order| is_wanted(&order.sub_mchid));
            Box::new(orders.map(|order| {
                let mut order = order?;
                let payment = order.payment.take().zip(order.ended);
                let (payment, at) = payment.ok_or_else(|| without("a reversal", "payment"))?;
                Ok(Event::Reversed(Box::new(order), payment, at))
            }))
        }));
        sources.extend(whose.iter().map(|whose| -> Events<'a, Event> {
            let refunds =
                kept(Refund::accepted(tx, *whose, from, until), move |refund| is_wanted(&refund.sub_mchid));
            Box::new(refunds.map(|refund| {
                let refund = refund?;
                let order: Option<Order> =
                    tx.peek(&order::key(&refund.merchant, &refund.order.out_trade_no))?;
                let mut order = order.ok_or_else(|| without("a refund", "order"))?;
                let payment = order.payment.take().ok_or_else(|| without("a refund", "payment"))?;
                Ok(Event::Refunded(Box::new(order), payment, Box::new(refund)))
            }))
        }));
    }
    sources
}

/// The records that are wanted, and every error.
fn kept<'a, R: Record + 'a>(
    records: Scan<'a, R>,
    is_wanted: impl Fn(&R) -> bool + 'a,
) -> impl Iterator<Item = Result<R, StoreError>> + 'a {
    records.filter(move |record| record.as_ref().map_or(true, &is_wanted))
}

fn without(what: &str, part: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} without its {part}"))
}

/// The columns that every bill has, up to 货币种类.
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
    let settlement = settlement_total(order, payment);
    write_order(row, order, payment, payment.paid_at, "SUCCESS");
    row.cell(&yuan(settlement));
    // What all coupons took off, those that are money too.
    row.cell(&yuan(order.total - payment.payer_total));
    if kind == TradeBill::All {
        row.cells(["0", "0", "0.00", "0.00", "", ""]);
    }
    row.cells([order.description.as_str(), order.attach.as_deref().unwrap_or_default()]);
    row.cells([fee(payment.fee).as_str(), &fee_rate(), &yuan(order.total)]);
    if kind == TradeBill::All {
        row.cell("0.00");
    }
    row.cell("");
    sums.rows += 1;
    sums.settlement += settlement;
    sums.fee += payment.fee;
    sums.total += order.total;
}

/// INFERRED(refund-row): the row of a refund has the time at which it was accepted, no amounts of the order,
/// and the fee that comes back with a minus, once it is back. A refund that was closed before the bill was made
/// is `FAIL` and gave nothing back, so that the sums are those of the ledger. What happened later changes no bill.
fn write_refund(
    row: &mut RowText,
    kind: TradeBill,
    order: &Order,
    payment: &Payment,
    refund: &Refund,
    sums: &mut Sums,
) {
    let amounts = &refund.amounts;
    let (state, channel) = refund.as_billed();
    let is_closed = state == RefundState::Closed;
    let given_back = |fen: i64| if is_closed { 0 } else { fen };
    let coupons = refund.order.promotion_detail.iter().zip(&amounts.coupons);
    let money = coupons.filter(|(coupon, _)| is_money(coupon)).map(|(_, fen)| fen).sum();
    let (refunded, money) = (given_back(amounts.settlement), given_back(money));
    // Of a refund that the platform advances the fee comes back only when the person has the money.
    let has_fee = refund.advanced().is_none() || state == RefundState::Success;
    let fee_back = if has_fee { given_back(amounts.fee) } else { 0 };
    write_order(row, order, payment, refund.created, "REFUND");
    row.cells(["0.00", "0.00"]);
    if kind == TradeBill::Refunded {
        row.cell(&time(refund.created));
        let succeeded = refund.succeeded.filter(|_| state == RefundState::Success);
        row.cell(&succeeded.map(time).unwrap_or_default());
    }
    row.cells([refund.refund_id.as_str(), &refund.out_refund_no, &yuan(refunded), &yuan(money)]);
    row.cells([channel.word(), state_of(state)]);
    row.cells([order.description.as_str(), order.attach.as_deref().unwrap_or_default()]);
    row.cells([fee(-fee_back).as_str(), &fee_rate(), "0.00", &yuan(amounts.refund), ""]);
    sums.rows += 1;
    sums.refunded += refunded;
    sums.coupons_refunded += money;
    sums.fee -= fee_back;
    sums.requested += amounts.refund;
}

/// INFERRED(reversal-row): a reversal has its row on its day, as a refund of everything that has no refund number.
fn write_reversal(
    row: &mut RowText,
    kind: TradeBill,
    order: &Order,
    payment: &Payment,
    at: i64,
    sums: &mut Sums,
) {
    let settlement = settlement_total(order, payment);
    let money = payment.promotion_detail.iter().filter(|coupon| is_money(coupon)).map(worth).sum();
    write_order(row, order, payment, at, "REVOKED");
    row.cells(["0.00", "0.00"]);
    if kind == TradeBill::Refunded {
        row.cells([time(at), time(at)].iter().map(String::as_str));
    }
    row.cells(["0", "0", &yuan(settlement), &yuan(money), Channel::Original.word(), "SUCCESS"]);
    row.cells([order.description.as_str(), order.attach.as_deref().unwrap_or_default()]);
    row.cells([fee(-payment.fee).as_str(), &fee_rate(), "0.00", &yuan(order.total), ""]);
    sums.rows += 1;
    sums.refunded += settlement;
    sums.coupons_refunded += money;
    sums.fee -= payment.fee;
    sums.requested += order.total;
}

/// 退款状态. INFERRED(refund-row): money that could not be delivered is `CHANGE`, as in APIv2.
const fn state_of(state: RefundState) -> &'static str {
    match state {
        RefundState::Processing => "PROCESSING",
        RefundState::Success => "SUCCESS",
        RefundState::Abnormal => "CHANGE",
        RefundState::Closed => "FAIL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refunds_of_orders_are_not_those_of_top_ups() {
        assert_eq!(TradeBill::from_word(Some("REFUND")), Some(TradeBill::Refunded));
        assert_eq!(TradeBill::from_word(Some("RECHARGE_REFUND")), Some(TradeBill::TopUpsRefunded));
        assert_eq!(TradeBill::from_word(Some("OTHER")), None);
    }

    #[test]
    fn the_columns_of_a_bill_are_as_many_as_the_documents_count() {
        assert_eq!(ALL.split(',').count(), 27);
        assert_eq!(PAID.split(',').count(), 27 - 7);
        assert_eq!(REFUNDED.split(',').count(), 27 + 2);
        assert_eq!(SUMMARY.split(',').count(), 7);
    }
}
