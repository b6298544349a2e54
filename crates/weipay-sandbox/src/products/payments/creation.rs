//! Making an order (下单): JSAPI and mini programs, APP, H5 and Native, of merchants and partners.
//!
//! The same request again re-enters the order while it is unpaid. A `prepay_id` lives for two hours and then gets a
//! successor; a `code_url` and an `h5_url` are new each time, and the older ones are void.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::closing::expiry_of;
use super::order::{Dialect, LimitPay, Order, OrderState, Prepay, TradeType};
use super::parties::{Parties, check_sells_itself, read_payer, text};
use super::refusals;
use crate::clock;
use crate::clock::parse_compact;
use crate::entropy::Entropy;
use crate::products::payments::closing::check_is_free;
use crate::products::{Context, Decision, HandlerError, carry_out};
use crate::reasons;
use crate::response::Refusal;
use crate::store::{Fingerprint, Transaction};

pub(crate) fn order_jsapi(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Jsapi)
}

pub(crate) fn order_app(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::App)
}

/// 扫码支付下单: a till shows a code, the person scans it, and the mini program of the till asks for the order.
/// UNCONFIRMED(scanned-till): it is one like any other of a mini program, and its trade_type is JSAPI.
pub(super) fn order_scanned(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Jsapi)
}

pub(super) fn order_h5(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Mweb)
}

pub(super) fn order_native(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Native)
}

fn order(tx: &Transaction<'_>, context: &Context<'_>, trade_type: TradeType) -> Result<Value, HandlerError> {
    let order = make(tx, read(tx, context, trade_type)?, context)?;
    Ok(show_offer(trade_type, order.prepays.last()))
}

/// Makes an order, or re-enters the one that has its number, and gives it with what the app needs.
pub(super) fn make(tx: &Transaction<'_>, new: Order, context: &Context<'_>) -> Result<Order, HandlerError> {
    let known = Order::find_by_number(tx, &new.merchant, &new.out_trade_no)?;
    let is_new = known.is_none();
    if is_new {
        check_is_free(tx, &new.merchant, &new.out_trade_no)?;
        check_expiry(context)?;
    }
    let mut order = place(known, new, context.now)?;
    offer(&mut order.prepays, order.trade_type, context.now, context.entropy);
    let due = is_new.then(|| expiry_of(&order)).into_iter().collect();
    carry_out(tx, Decision { due, ..Decision::new(order.clone(), Value::Null) })?;
    Ok(order)
}

/// The order that a request would make, if its number is free.
pub(super) fn read(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    trade_type: TradeType,
) -> Result<Order, HandlerError> {
    let (body, now) = (&context.request.body, context.now);
    let parties = Parties::read(context)?;
    if parties.sub_mchid.is_none() {
        check_sells_itself(context.caller)?;
    }
    let payer = read_payer(tx, &parties, body.get("payer"), trade_type == TradeType::Jsapi)?;
    let amount = body.get("amount").and_then(Value::as_object);
    let settle = body.get("settle_info").and_then(Value::as_object);
    let total = amount.and_then(|amount| amount.get("total")).and_then(Value::as_i64).unwrap_or_default();
    check_total(total)?;
    check_client_ip(body.get("scene_info"))?;
    check_detail(body.get("detail"))?;
    Ok(Order {
        merchant: parties.merchant,
        sub_mchid: parties.sub_mchid,
        appid: parties.appid,
        sub_appid: parties.sub_appid,
        out_trade_no: context.request.required("out_trade_no").to_owned(),
        trade_type,
        dialect: Dialect::V3,
        state: OrderState::NotPay,
        total,
        currency: read_currency(amount)?,
        description: context.request.required("description").to_owned(),
        attach: text(body, "attach"),
        notify_url: text(body, "notify_url"),
        goods_tag: text(body, "goods_tag"),
        detail: body.get("detail").cloned(),
        scene_info: body.get("scene_info").cloned(),
        profit_sharing: is_shared(settle),
        subsidy: subsidy_of(settle)?,
        deposit: None,
        limit_pay: LimitPay::from_list(body.get("limit_pay")),
        payer,
        created: now,
        expires: expires(context.request.text("time_expire").and_then(clock::parse), trade_type, now),
        ended: None,
        combined: None,
        fingerprint: Fingerprint::new(body),
        platform_serial: context.platform_serial.to_owned(),
        prepays: Vec::new(),
        payment: None,
    })
}

/// The address of the person's device is one of IPv4 or IPv6.
pub(super) fn check_client_ip(scene: Option<&Value>) -> Result<(), Refusal> {
    let given = scene.and_then(|scene| scene.get("payer_client_ip")).and_then(Value::as_str);
    if given.is_none_or(|text| text.parse::<IpAddr>().is_ok()) {
        Ok(())
    } else {
        Err(refusals::bad_client_ip())
    }
}

/// How large `detail` may be. UNCONFIRMED(order-detail): counted as JSON without spaces.
const MAX_DETAIL_BYTES: usize = 6_144;

pub(super) fn check_detail(detail: Option<&Value>) -> Result<(), Refusal> {
    if detail.is_none_or(|detail| detail.to_string().len() <= MAX_DETAIL_BYTES) {
        Ok(())
    } else {
        Err(refusals::large_detail())
    }
}

/// The limits of the amount of an order. UNCONFIRMED(order-maximum): only the page of combined orders has an upper limit,
/// which is taken for all.
pub(crate) fn check_total(fen: i64) -> Result<(), Refusal> {
    match fen {
        ..1 => Err(refusals::no_amount()),
        1..=MAX_TOTAL => Ok(()),
        _ => Err(refusals::too_large()),
    }
}

/// Ten million yuan.
pub(super) const MAX_TOTAL: i64 = 1_000_000_000;

pub(super) fn read_currency(amount: Option<&Map<String, Value>>) -> Result<String, Refusal> {
    check_currency(amount.and_then(|amount| text(amount, "currency")))
}

/// Orders are in yuan: nothing here has a rate.
pub(crate) fn check_currency(named: Option<String>) -> Result<String, Refusal> {
    match named {
        None => Ok("CNY".to_owned()),
        Some(named) if named == "CNY" => Ok(named),
        Some(_) => Err(refusals::other_currency()),
    }
}

pub(super) fn is_shared(settle: Option<&Map<String, Value>>) -> bool {
    settle.and_then(|settle| settle.get("profit_sharing")).and_then(Value::as_bool).unwrap_or_default()
}

/// UNCONFIRMED(platform-subsidy-rules): it is not below 0.
pub(super) fn subsidy_of(settle: Option<&Map<String, Value>>) -> Result<i64, Refusal> {
    let Some(given) = settle.and_then(|settle| settle.get("subsidy_amount")) else { return Ok(0) };
    given.as_i64().filter(|fen| *fen >= 0).ok_or_else(|| {
        Refusal::param_error("补差金额不正确", "settle_info.subsidy_amount must not be below 0")
    })
}

/// How long an unpaid order is open, when `time_expire` is missing.
const LIFE: i64 = 7 * clock::DAY;
/// Times that come earlier or later than this are moved here, without a word.
const SHORTEST_LIFE: i64 = 60;

/// When an order expires.
pub(super) fn expires(time_expire: Option<i64>, trade_type: TradeType, now: i64) -> i64 {
    let longest = if trade_type == TradeType::Native { 7 } else { 15 } * clock::DAY;
    match time_expire {
        Some(time) => time.clamp(now.saturating_add(SHORTEST_LIFE), now.saturating_add(longest)),
        None => now.saturating_add(LIFE),
    }
}

/// UNCONFIRMED(expiry-is-over): a new order whose time is over already is refused; the documents say only
/// that a time within the next minute is moved to its end. The same request again is judged by the order that
/// it has made.
pub(super) fn check_expiry(context: &Context<'_>) -> Result<(), Refusal> {
    let text = context.request.text("time_expire").unwrap_or_default();
    check_not_over(clock::parse(text).or_else(|| parse_compact(text)), context.now)
}

fn check_not_over(time_expire: Option<i64>, now: i64) -> Result<(), Refusal> {
    match time_expire {
        Some(time) if time < now => Err(refusals::expiry_is_over(time, now)),
        _ => Ok(()),
    }
}

/// The rule of making an order: what its number was used for decides. UNCONFIRMED(order-checks): the state of a known order is
/// looked at before its parameters.
pub(crate) fn place(known: Option<Order>, new: Order, now: i64) -> Result<Order, Refusal> {
    let Some(known) = known else { return Ok(new) };
    match known.seen_at(now) {
        // What was paid as a deposit has paid for no sale: ORDERPAID would say so.
        known if known.combined != new.combined || known.deposit.is_some() != new.deposit.is_some() => {
            Err(refusals::number_of_another_order(&known, &new))
        }
        known => match known.state {
            OrderState::Success | OrderState::Refund => Err(refusals::paid_before()),
            OrderState::Revoked => Err(refusals::reversed()),
            OrderState::Closed if new.trade_type == TradeType::Native => Err(refusals::order_closed()),
            OrderState::Closed if known.ended == Some(known.expires) => Err(refusals::order_expired()),
            OrderState::Closed => Err(refusals::number_is_taken(reasons::ORDER_WAS_CLOSED)),
            OrderState::NotPay
            | OrderState::UserPaying
            | OrderState::PayError
            | OrderState::Accept
            | OrderState::PayFail => {
                if !known.is_from_the_same_product(&new) {
                    return Err(refusals::number_of_another_order(&known, &new));
                }
                if known.fingerprint != new.fingerprint {
                    return Err(refusals::other_parameters(known.trade_type));
                }
                Ok(known)
            }
        },
    }
}

/// The most that are remembered of an order, so that a void one is told from one that never was.
const MAX_PREPAYS: usize = 8;
/// How long a `prepay_id` and a `code_url` live, and how long an `h5_url`.
const PREPAY_LIFE: i64 = 2 * 3_600;
const H5_LIFE: i64 = 300;

/// Makes what the app needs, when the last one does not serve any more. UNCONFIRMED(prepay-again): a
/// `prepay_id` that lives is given again.
pub(crate) fn offer(prepays: &mut Vec<Prepay>, trade_type: TradeType, now: i64, entropy: &Entropy) {
    let is_kept = matches!(trade_type, TradeType::Jsapi | TradeType::App);
    if is_kept && prepays.last().is_some_and(|last| now < last.expires && now >= last.made) {
        return;
    }
    let id = match trade_type {
        TradeType::Native => format!("{}zz", entropy.letters_and_digits(7)),
        _ => new_prepay_id(now, entropy),
    };
    let life = if trade_type == TradeType::Mweb { H5_LIFE } else { PREPAY_LIFE };
    prepays.push(Prepay { id, made: now, expires: now.saturating_add(life) });
    if prepays.len() > MAX_PREPAYS {
        prepays.remove(0);
    }
}

/// `wx`, the time in Beijing, and 20 hexadecimal digits.
pub(super) fn new_prepay_id(now: i64, entropy: &Entropy) -> String {
    format!("wx{}{}00", clock::compact(now), entropy.hex_digits(18))
}

/// The response of making an order.
pub(super) fn show_offer(trade_type: TradeType, prepay: Option<&Prepay>) -> Value {
    let id = prepay.map_or("", |prepay| &prepay.id);
    match trade_type {
        TradeType::Native => json!({ "code_url": code_url(id) }),
        TradeType::Mweb => json!({ "h5_url": h5_url(id) }),
        TradeType::Jsapi | TradeType::App | TradeType::Micropay | TradeType::Pap | TradeType::Auth => {
            json!({ "prepay_id": id })
        }
    }
}

/// The content of the QR code of a Native order.
pub(crate) fn code_url(id: &str) -> String {
    format!("{CODE_URL}{id}")
}

/// Where the browser of an H5 order goes.
pub(crate) fn h5_url(id: &str) -> String {
    format!("{H5_URL}{id}&package={}", h5_package(id))
}

/// The number that belongs to the `prepay_id` in an `h5_url`: without it nothing is opened. UNCONFIRMED(h5-package): it
/// has ten digits.
pub(super) fn h5_package(id: &str) -> String {
    let digest = digest(&SHA256, format!("weipay sandbox: package of the h5_url of {id}").as_bytes());
    let number = digest.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (1_000_000_000 + number % 9_000_000_000).to_string()
}

/// The error of an `h5_url` that has another `package`, or none.
pub(super) fn check_h5_package(id: &str, given: Option<&str>) -> Result<(), &'static str> {
    match given {
        Some(given) if given == h5_package(id) => Ok(()),
        Some(_) => Err(
            "this is not the h5_url (mweb_url) of an order: its `package` is another. It was changed, or an older sandbox made it: open it as it came, or send the request of the order again, which gives it anew",
        ),
        None => Err(
            "this is not the whole h5_url (mweb_url) of an order: its `package` is missing; open it as it came, in quotation marks in a shell",
        ),
    }
}

pub(super) const CODE_URL: &str = "weixin://wxpay/bizpayurl?pr=";
pub(super) const H5_URL: &str = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_over_is_refused_and_one_within_the_next_minute_is_moved() {
        let check = |time| check_not_over(time, 1_000).map_err(|refusal| refusal.code);
        for over in [i64::MIN, 0, 999] {
            assert_eq!(check(Some(over)), Err("PARAM_ERROR"));
        }
        assert_eq!([check(Some(1_000)), check(Some(i64::MAX)), check(None)], [Ok(()); 3]);
        let expires = |time| expires(time, TradeType::Jsapi, 1_000);
        assert_eq!([expires(Some(1_000)), expires(Some(1_059)), expires(Some(1_061))], [1_060, 1_060, 1_061]);
        assert_eq!(expires(Some(i64::MAX)), 1_000 + 15 * clock::DAY);
        assert_eq!(expires(None), 1_000 + 7 * clock::DAY);
    }

    #[test]
    fn an_order_is_of_1_fen_to_ten_million_yuan() {
        assert!(check_total(1).is_ok() && check_total(MAX_TOTAL).is_ok());
        for fen in [i64::MIN, -300, 0, MAX_TOTAL + 1, 99_999_999_999_999, i64::MAX] {
            assert_eq!(check_total(fen).unwrap_err().code, "PARAM_ERROR", "{fen}");
        }
    }

    #[test]
    fn the_goods_of_an_order_take_6144_bytes_at_most() {
        let detail = |name: usize| json!({ "goods_detail": [{ "goods_name": "a".repeat(name) }] });
        let rest = detail(0).to_string().len();
        assert!(check_detail(None).is_ok() && check_detail(Some(&detail(MAX_DETAIL_BYTES - rest))).is_ok());
        let refused = check_detail(Some(&detail(MAX_DETAIL_BYTES - rest + 1))).unwrap_err();
        assert_eq!((refused.status, refused.code), (400, "PARAM_ERROR"));
    }

    #[test]
    fn an_order_is_in_yuan() {
        assert_eq!(check_currency(None).as_deref().ok(), Some("CNY"));
        assert_eq!(check_currency(Some("CNY".to_owned())).as_deref().ok(), Some("CNY"));
        assert_eq!(check_currency(Some("USD".to_owned())).unwrap_err().code, "PARAM_ERROR");
    }
}
