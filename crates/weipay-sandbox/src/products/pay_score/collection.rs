//! How the money of a service order comes: the platform deducts it after the completion, again when the
//! merchant asks, or the person pays.

use serde_json::Value;

use super::order::{OrderState, Paid, ServiceOrder};
use super::{DEDUCTION_SECONDS, EXPIRY_SECONDS};
use crate::ledger::Owner;
use crate::people::account::AccountState;
use crate::products::HandlerError;
use crate::products::payments::order::{self, Dialect, Funds, LimitPay, Order, Payer, TradeType};
use crate::products::payments::payment::{self, CouponChoice, Means, NotPaid};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Due, Fingerprint, StoreError, Transaction};

/// The kind of scheduled work that ends an unconfirmed order.
pub(super) const EXPIRY: &str = "service order expiry";
/// Falls due when a deduction is done.
pub(super) const DEDUCTION: &str = "service order deduction";

pub(super) fn expiry(order: &ServiceOrder) -> Due {
    let at = order.create_time.saturating_add(EXPIRY_SECONDS);
    Due { kind: EXPIRY.to_owned(), key: order.id.clone(), at }
}

pub(super) fn expire(tx: &Transaction<'_>, id: &str, _: i64) -> Result<(), HandlerError> {
    let Some(order) = tx.get::<ServiceOrder>(id)? else { return Ok(()) };
    if order.state == OrderState::Created {
        tx.save(&ServiceOrder { state: OrderState::Expired, ..order })?;
    }
    Ok(())
}

/// Begins a deduction. The order is saved by it.
pub(super) fn begin(tx: &Transaction<'_>, order: ServiceOrder, now: i64) -> Result<ServiceOrder, StoreError> {
    let at = now.saturating_add(DEDUCTION_SECONDS);
    let order = ServiceOrder { deduction: Some(at), ..order };
    tx.save(&order)?;
    tx.schedule(&Due { kind: DEDUCTION.to_owned(), key: order.id.clone(), at })?;
    Ok(order)
}

pub(super) fn deduct(tx: &Transaction<'_>, id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(order) = tx.get::<ServiceOrder>(id)? else { return Ok(()) };
    if order.state != OrderState::Completed {
        return Ok(());
    }
    let order = ServiceOrder { deduction: None, ..order };
    if can_pay(tx, &order)? { pay(tx, order, at) } else { Ok(tx.save(&order)?) }
}

/// Whether the person has money, and an account that works.
pub(super) fn can_pay(tx: &Transaction<'_>, order: &ServiceOrder) -> Result<bool, StoreError> {
    let account = AccountState::of_person(tx, order.person().unwrap_or_default())?;
    Ok(!order.declines && account.works())
}

/// The person pays at once, or cannot for this reason. Nothing when the order is not completed, or its money is there.
pub(super) fn pay_completed(
    tx: &Transaction<'_>,
    order: ServiceOrder,
    now: i64,
) -> Result<Option<Result<(), &'static str>>, HandlerError> {
    if order.state != OrderState::Completed {
        return Ok(None);
    }
    if !AccountState::of_person(tx, order.person().unwrap_or_default())?.works() {
        return Ok(Some(Err(reasons::ACCOUNT_DOES_NOT_WORK)));
    }
    pay(tx, order, now).map(|()| Some(Ok(())))
}

/// The person's money comes to the merchant: by an order (订单) like any other, so that it has a fee, can be
/// shared and refunded, and stands in bills, with trade type AUTH and the numbers of the service order as
/// 商户数据包. INFERRED(pay-score-trade-type): a query shows it with the same `trade_type` and `attach`.
fn pay(tx: &Transaction<'_>, order: ServiceOrder, now: i64) -> Result<(), HandlerError> {
    let named = Payer { openid: order.openid.clone(), sub_openid: order.sub_openid.clone() };
    let appids = (order.appid.as_str(), order.sub_appid.as_deref());
    let (payer, person) = match payment::payer_for(tx, &named, appids, None) {
        // The person has confirmed, whatever the openids are: an order whose deduction ends in an error would never end.
        Err(NotPaid::Because(_)) => (named, Owner::of_person(tx, order.person().unwrap_or_default())?),
        known => known.map_err(not_paid)?,
    };
    let means =
        Means { payer: payer.clone(), person, funds: Funds::Card, discount: 0, coupon: CouponChoice::None };
    let paid = payment::pay(tx, order_behind(&order, payer, now), &means, now).map_err(not_paid)?;
    let transaction_id = paid.transaction_id().unwrap_or_default().to_owned();
    if let Some(at) = order.deduction {
        tx.unschedule(&Due { kind: DEDUCTION.to_owned(), key: order.id.clone(), at })?;
    }
    let paid = Some(Paid::Deducted { transaction_id, time: now });
    let done = ServiceOrder { state: OrderState::Done, paid, deduction: None, ..order };
    tx.save(&done)?;
    if let Some(announcement) = done.announcement("PAYSCORE.USER_PAID", now) {
        tx.announce(&announcement)?;
    }
    Ok(())
}

/// The order that the money is paid for.
fn order_behind(order: &ServiceOrder, payer: Payer, now: i64) -> Order {
    let text = |name: &str| order.members.get(name).and_then(Value::as_str).map(str::to_owned);
    Order {
        merchant: order.mchid.clone(),
        sub_mchid: order.sub_mchid.clone(),
        appid: order.appid.clone(),
        sub_appid: order.sub_appid.clone(),
        out_trade_no: order.out_trade_no().to_owned(),
        trade_type: TradeType::Auth,
        dialect: Dialect::V3,
        state: order::OrderState::NotPay,
        total: order.total.unwrap_or_default(),
        currency: "CNY".to_owned(),
        description: text("service_introduction").unwrap_or_default(),
        attach: Some(format!("wxzff|{}|{}", order.id, order.out_order_no)),
        // The notification of the service order tells of the payment.
        notify_url: None,
        goods_tag: None,
        detail: None,
        scene_info: None,
        profit_sharing: order.profit_sharing,
        subsidy: 0,
        deposit: None,
        limit_pay: LimitPay::default(),
        payer,
        created: now,
        expires: now.saturating_add(DEDUCTION_SECONDS),
        ended: None,
        combined: None,
        fingerprint: Fingerprint::new(&order.members),
        platform_serial: order.platform_serial.clone(),
        prepays: Vec::new(),
        payment: None,
    }
}

/// A bank is never short; only the person's account can be frozen or cancelled.
fn not_paid(error: NotPaid) -> HandlerError {
    match error {
        NotPaid::Failed(error) => error.into(),
        NotPaid::Because(reason) => Refusal::invalid_request("支付失败", reason).into(),
        NotPaid::NotEnough => StoreError::Corrupt("the payment of a service order".to_owned()).into(),
    }
}
