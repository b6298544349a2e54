//! A payment to the wallet (付款到零钱), which succeeds at once or is refused.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{MAX_AGE, PERSON_AND_TIME, at, fingerprint, new_number, receiver, refusals};
use crate::clock;
use crate::clock::spaced;
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Fingerprint, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

/// A payment that was made. The name of the person is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WalletPayment {
    /// `payment_no`, `detail_id`.
    number: String,
    mchid: String,
    partner_trade_no: String,
    openid: String,
    /// The unionid where there is one, or else the openid.
    #[serde(default)]
    person: String,
    fen: i64,
    desc: String,
    fingerprint: Fingerprint,
    paid: i64,
    /// Whether it was sent with the name of the person.
    #[serde(default)]
    has_name: bool,
}

impl Record for WalletPayment {
    const KIND: &'static str = "payment to a wallet";

    fn key(&self) -> String {
        joined(&self.mchid, &self.partner_trade_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::new(PERSON_AND_TIME, at(&self.mchid, &self.person, self.paid))]
    }
}

/// Fen of one payment. UNCONFIRMED(payout-limits): a merchant's product settings decide.
const LIMITS: std::ops::RangeInclusive<i64> = 30..=2_000_000;
/// For one person of one merchant. INFERRED(payout-day): the day is Beijing's, and that of a red packet.
const MAX_PER_DAY: usize = 10;
const MAX_FEN_PER_DAY: i64 = 2_000_000;
const SECONDS_BETWEEN: u64 = 15;

/// How long a request can be repeated with its number.
const RETRY_TIME: i64 = 3 * clock::DAY;

pub(super) fn pay(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let ip = context.request.text("spbill_create_ip").unwrap_or_default();
    if ip.parse::<IpAddr>().is_err() {
        return Err(refusals::wrong_ip().into());
    }
    pay_under(tx, context, context.request.required("mch_appid"))
}

/// The same, to an openid under this appid.
pub(super) fn pay_under(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    appid: &str,
) -> Result<Value, HandlerError> {
    let (request, now) = (context.request, context.now);
    let (mchid, number) = (&context.caller.mchid, request.required("partner_trade_no"));
    let fingerprint = fingerprint(&request.body);
    if let Some(known) = tx.get::<WalletPayment>(&joined(mchid, number))? {
        return match known.fingerprint == fingerprint {
            _ if now.saturating_sub(known.paid) > RETRY_TIME => Err(refusals::retry_time_is_over().into()),
            true => Ok(show_paid(&known)),
            false => Err(refusals::other_content().into()),
        };
    }
    if !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(refusals::wrong_number_of_payment().into());
    }
    let fen = request.body.get("amount").and_then(Value::as_i64).unwrap_or_default();
    check(fen, request.required("check_name"), request.text("re_user_name"))?;
    let openid = request.required("openid");
    let person = receiver(tx, openid, appid, refusals::no_openid)?;
    match AccountState::of_owner(tx, &person)? {
        AccountState::Normal => {}
        account => return Err(refusals::not_to_be_paid(account).into()),
    }
    check_pace(&paid_lately(tx, mchid, person.id(), now)?, fen, now)?;
    let payment = WalletPayment {
        number: new_number(tx, "1010000000", now)?,
        mchid: mchid.clone(),
        partner_trade_no: number.to_owned(),
        openid: openid.to_owned(),
        person: person.id().to_owned(),
        fen,
        desc: request.required("desc").to_owned(),
        fingerprint,
        paid: now,
        has_name: request.text("re_user_name").is_some(),
    };
    let from = Owner::merchant(mchid.as_str()).account(AccountKind::Operation);
    let posting = Posting::new(Business::Transfer, payment.number.as_str(), now).for_number(number);
    post(tx, posting.moves(from, person.account(AccountKind::Wallet), fen))
        .map_err(|error| error.or_short(refusals::not_enough))?;
    tx.save(&payment)?;
    Ok(show_paid(&payment))
}

/// INFERRED(payout-name): people have no names here, so that every name that is sent fits.
fn check(fen: i64, check_name: &str, name: Option<&str>) -> Result<(), Refusal> {
    if !LIMITS.contains(&fen) {
        return Err(refusals::payment_outside_limits());
    }
    match check_name {
        "NO_CHECK" => Ok(()),
        "FORCE_CHECK" if name.is_some() => Ok(()),
        "FORCE_CHECK" => Err(refusals::wrong_parameter("re_user_name is needed with FORCE_CHECK")),
        _ => Err(refusals::wrong_parameter("check_name must be NO_CHECK or FORCE_CHECK")),
    }
}

/// The last ones of today, and of the seconds before midnight. A clock that went back may have paid some on later days; they count
/// too, or else it would begin the limits of a day again.
fn paid_lately(
    tx: &Transaction<'_>,
    mchid: &str,
    person: &str,
    now: i64,
) -> Result<Vec<WalletPayment>, StoreError> {
    let start = clock::midnight(clock::day(now)).min(now.saturating_sub(SECONDS_BETWEEN.cast_signed()));
    let range = IndexRange {
        index: PERSON_AND_TIME,
        from: at(mchid, person, start),
        to: at(mchid, person, i64::MAX),
    };
    tx.find(&[range], Page { offset: 0, limit: 20 })
}

/// The rules of the page for one person.
fn check_pace(earlier: &[WalletPayment], fen: i64, now: i64) -> Result<(), Refusal> {
    if earlier.iter().any(|payment| payment.paid.abs_diff(now) < SECONDS_BETWEEN) {
        return Err(refusals::too_fast());
    }
    let today = clock::midnight(clock::day(now));
    let of_today: Vec<i64> =
        earlier.iter().filter(|payment| payment.paid >= today).map(|payment| payment.fen).collect();
    if of_today.len() >= MAX_PER_DAY {
        return Err(refusals::too_many_payments());
    }
    if of_today.iter().sum::<i64>().saturating_add(fen) > MAX_FEN_PER_DAY {
        return Err(refusals::too_much_to_one_person());
    }
    Ok(())
}

fn show_paid(payment: &WalletPayment) -> Value {
    json!({
        "partner_trade_no": payment.partner_trade_no,
        "payment_no": payment.number,
        "payment_time": spaced(payment.paid),
    })
}

/// `payment_no`, fen and time of a payment, and whether it was sent with the name of the person.
pub(super) fn find(
    tx: &Transaction<'_>,
    mchid: &str,
    partner_trade_no: &str,
) -> Result<Option<(String, i64, i64, bool)>, StoreError> {
    let payment: Option<WalletPayment> = tx.get(&joined(mchid, partner_trade_no))?;
    Ok(payment.map(|payment| (payment.number, payment.fen, payment.paid, payment.has_name)))
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.required("partner_trade_no");
    let payment = tx.get::<WalletPayment>(&joined(&context.caller.mchid, number))?;
    let payment = payment.filter(|payment| context.now.saturating_sub(payment.paid) <= MAX_AGE);
    let payment = payment.ok_or_else(refusals::not_found)?;
    Ok(json!({
        "partner_trade_no": payment.partner_trade_no,
        "detail_id": payment.number,
        "status": "SUCCESS",
        "openid": payment.openid,
        "payment_amount": payment.fen,
        "transfer_time": spaced(payment.paid),
        "payment_time": spaced(payment.paid),
        "desc": payment.desc,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_and_the_check_of_the_name_are_checked() {
        for (fen, check_name, name, wanted) in [
            (29, "NO_CHECK", None, Some("AMOUNT_LIMIT")),
            (30, "NO_CHECK", None, None),
            (2_000_001, "NO_CHECK", None, Some("AMOUNT_LIMIT")),
            (100, "FORCE_CHECK", None, Some("PARAM_ERROR")),
            (100, "FORCE_CHECK", Some("王小王"), None),
            (100, "no_check", None, Some("PARAM_ERROR")),
        ] {
            let refused = check(fen, check_name, name).err().map(|refusal| refusal.code);
            assert_eq!(refused, wanted, "{fen} {check_name}");
        }
    }
}
