//! 付款码: the merchant scans the person's code, and the order is paid at once, or when the person has typed the password; and
//! reversing (撤销) such an order.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::closing::{check_is_free, expiry_of};
use super::creation::{place, read};
use super::deposit::check_reversal;
use super::order::{Funds, Order, OrderState, Payer, TradeType};
use super::payment::{self, CouponChoice, Means, NotPaid};
use super::query::check_parties;
use super::unconfirmed::MAX_WITHOUT_PASSWORD;
use super::{refund, refusals};
use crate::clock;
use crate::products::{Context, HandlerError, complaints};
use crate::response::Refusal;
use crate::store::{Record, Transaction};

pub(super) fn pay_by_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let new = read(tx, context, TradeType::Micropay)?;
    let payer = context.request.body.get("payer").and_then(|payer| payer.get("auth_code"));
    let auth_code = payer.and_then(Value::as_str).unwrap_or_default();
    let order = charge(tx, new, Scanned::Code(auth_code), context.now)?;
    if order.state != OrderState::UserPaying {
        return Ok(order.show());
    }
    // INFERRED(payment-code-password): the status was reported in <https://github.com/binarywang/WxJava/issues/4050> (2026), the
    // body elsewhere: <https://developers.weixin.qq.com/community/develop/doc/000ee0c62d8e48ca12f24bdcf6b400>.
    context.accept();
    Ok(json!({ "trade_state": order.state.word() }))
}

/// The value that the device of the merchant has read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scanned<'a> {
    /// 付款码.
    Code(&'a str),
    /// `face_code` (刷脸支付).
    Face(&'a str),
}

/// Makes an order and pays it by a code, or gives the one that the same request has made before.
pub(super) fn charge(
    tx: &Transaction<'_>,
    new: Order,
    scanned: Scanned<'_>,
    now: i64,
) -> Result<Order, HandlerError> {
    let known = Order::find_by_number(tx, &new.merchant, &new.out_trade_no)?;
    let is_new = known.is_none();
    if is_new {
        check_is_free(tx, &new.merchant, &new.out_trade_no)?;
    }
    // The same request again after the payment gives the order, as the first response did. INFERRED(payment-code-again)
    if let Some(known) =
        known.as_ref().filter(|known| known.fingerprint == new.fingerprint && known.state.is_paid())
    {
        return Ok(known.clone());
    }
    let mut order = place(known, new, now)?;
    if !is_new {
        return Ok(order);
    }
    AuthCode::take(tx, scanned, &order, now)?;
    order.state = OrderState::UserPaying;
    // UNCONFIRMED(payment-code-same-amount): the platform may ask the person too if the same amount was paid a moment ago.
    if order.total > MAX_WITHOUT_PASSWORD {
        // UNCONFIRMED(payment-code-password): the amount.
        tx.save(&order)?;
        return Ok(order);
    }
    let (payer, person) = payment::payer_of(tx, &order, None).map_err(failed)?;
    let funds = if order.limit_pay.forbids_cards() { Funds::Wallet } else { Funds::Card };
    let means = Means { payer, person, funds, discount: 0, coupon: CouponChoice::Best };
    payment::pay(tx, order, &means, now).map_err(failed)
}

fn failed(error: NotPaid) -> HandlerError {
    match error {
        NotPaid::Failed(error) => error.into(),
        NotPaid::NotEnough => {
            Refusal::new(403, "NOT_ENOUGH", "余额不足", "the person has too little money").into()
        }
        NotPaid::Because(reason) => Refusal::invalid_request("支付失败", reason).into(),
    }
}

/// The person of a code, under the appids of a merchant. From then on the code pays only this merchant: its page says so.
pub(super) fn owner_of_code(
    tx: &Transaction<'_>,
    code: &str,
    mchid: &str,
    appids: (&str, Option<&str>),
    now: i64,
) -> Result<Payer, HandlerError> {
    check_code(code)?;
    match tx.get::<AuthCode>(code)? {
        Some(known) if !known.is_kept_for(mchid) => {
            return Err(refusals::used_auth_code(known.whereabouts(tx, mchid, now)?).into());
        }
        _ => {}
    }
    tx.save(&AuthCode { code: code.to_owned(), order: None, kept_for: Some(mchid.to_owned()) })?;
    let (payer, _) = payment::payer_for(tx, &Payer::default(), appids, None).map_err(failed)?;
    Ok(payer)
}

fn check_code(code: &str) -> Result<(), Refusal> {
    let is_code = code.len() == 18 && code.bytes().all(|byte| byte.is_ascii_digit());
    if is_code && matches!(&code[..2], "10" | "11" | "12" | "13" | "14" | "15") {
        Ok(())
    } else {
        Err(refusals::broken_auth_code())
    }
}

/// A code that was read: it pays once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AuthCode {
    code: String,
    /// The order that it paid, or that waits for the password.
    #[serde(default)]
    order: Option<(String, String)>,
    /// The merchant that has asked whose it is, if it has paid nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_for: Option<String>,
}

impl Record for AuthCode {
    const KIND: &'static str = "payment code";

    fn key(&self) -> String {
        self.code.clone()
    }
}

impl AuthCode {
    /// Every well-formed code is somebody's here, as every openid is.
    fn take(tx: &Transaction<'_>, scanned: Scanned<'_>, order: &Order, now: i64) -> Result<(), HandlerError> {
        let code = match scanned {
            Scanned::Code(code) => {
                check_code(code)?;
                code.to_owned()
            }
            Scanned::Face(code) => format!("face {code}"),
        };
        if let Some(known) = tx.get::<Self>(&code)?.filter(|known| !known.is_kept_for(&order.merchant)) {
            return Err(refusals::used_auth_code(known.whereabouts(tx, &order.merchant, now)?).into());
        }
        let order = Some((order.merchant.clone(), order.out_trade_no.clone()));
        Ok(tx.save(&Self { code, order, kept_for: None })?)
    }

    fn is_kept_for(&self, mchid: &str) -> bool {
        self.order.is_none() && self.kept_for.as_deref() == Some(mchid)
    }

    /// Its use, as far as this merchant may know.
    fn whereabouts(
        &self,
        tx: &Transaction<'_>,
        mchid: &str,
        now: i64,
    ) -> Result<Cow<'static, str>, HandlerError> {
        let own = self.order.as_ref().filter(|(merchant, _)| merchant == mchid);
        let known = own.map(|(_, number)| Order::find_by_number(tx, mchid, number)).transpose()?.flatten();
        Ok(match known {
            Some(known) => refusals::auth_code_of(&known.seen_at(now)).into(),
            None => refusals::AUTH_CODE_WAS_READ.into(),
        })
    }
}

/// How long after the payment an order can be reversed. UNCONFIRMED(reverse-at-once): the wait of 15 seconds before is advice.
pub(super) const REVERSE_WITHIN: i64 = 7 * clock::DAY;

pub(super) fn reverse_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let order = Order::find_by_number(tx, &context.caller.mchid, request.path("out_trade_no"))?;
    let order = order.ok_or_else(refusals::no_such_order)?;
    let is_partner = request.body.contains_key("sp_mchid");
    check_parties(&order, context, is_partner, request.text("sub_mchid"))?;
    check_reversal(&order, false)?;
    let mut response = json!({ "out_trade_no": order.out_trade_no });
    for name in ["appid", "mchid", "sp_appid", "sp_mchid", "sub_appid", "sub_mchid"] {
        if let Some(value) = request.text(name) {
            response[name] = json!(value);
        }
    }
    reverse(tx, order, context.now)?;
    Ok(response)
}

const NO_PAYMENT_CODE: &str =
    "only code payments (付款码) can be reversed: close an unpaid order, refund a paid one";
const LATE_REVERSAL: &str = "the order was paid more than 7 days ago: refund it";
const REFUNDED: &str =
    "the payment was refunded, wholly or in part: what is left of it is refunded, too, and not reversed";
const EXPIRED_DEPOSIT: &str = "the deposit has expired: it is unpaid, and can no longer be paid";

/// Reverses an order: it can no longer be paid, and what was paid is returned with the fee.
pub(crate) fn reverse(tx: &Transaction<'_>, order: Order, now: i64) -> Result<(), HandlerError> {
    let order = match (order.trade_type, &order.deposit) {
        (TradeType::Micropay, _) => order,
        (_, Some(_)) => order.seen_at(now),
        (_, None) => return Err(refusals::not_reversible().with_reason(NO_PAYMENT_CODE).into()),
    };
    let is_waiting_deposit = order.is_waiting_deposit();
    let is_in_time = |paid_at: i64| is_waiting_deposit || now - paid_at <= REVERSE_WITHIN;
    match (order.state, &order.payment) {
        (OrderState::Revoked, _) => return Ok(()),
        (OrderState::Success, Some(_)) if order.deposit.is_some() && !is_waiting_deposit => {
            return Err(refusals::not_reversible().into());
        }
        (OrderState::Success, Some(payment)) if is_in_time(payment.paid_at) => {
            refund::reverse(tx, &order, payment, now)?;
            // A person who has complained about it has all of the money back.
            complaints::refund_accepted(tx, &payment.transaction_id, now)?;
            complaints::refund_succeeded(tx, &payment.transaction_id, order.total, now)?;
        }
        (OrderState::NotPay | OrderState::UserPaying | OrderState::PayError, _) => {
            tx.unschedule(&expiry_of(&order))?;
        }
        (OrderState::Success, _) => return Err(refusals::not_reversible().with_reason(LATE_REVERSAL).into()),
        (OrderState::Refund, _) if order.deposit.is_none() => {
            return Err(refusals::not_reversible().with_reason(REFUNDED).into());
        }
        (OrderState::Closed, _) if order.deposit.is_some() => {
            return Err(refusals::not_reversible().with_reason(EXPIRED_DEPOSIT).into());
        }
        _ => return Err(refusals::not_reversible().into()),
    }
    tx.save(&Order { state: OrderState::Revoked, ended: Some(now), ..order })?;
    Ok(())
}
