//! Payments to people by APIv2, the forms that transfers (商家转账) came after: red packets (现金红包), payments to the wallet
//! (付款到零钱) and to bank cards (付款到银行卡).
//!
//! | file | what is in it |
//! |---|---|
//! | `red_packet` | a red packet: sent, opened by the person, given back after a day |
//! | `group` | the parts of a red packet that several people open (裂变红包) |
//! | `to_wallet` | a payment to the wallet, which succeeds at once |
//! | `to_bank` | a payment to a bank card, which the bank accepts, refuses or returns later; the key that encrypts its number |
//! | `wecom` | red packets and payments of 企业微信 |
//! | `control` | people open red packets; developers decide what the bank does |
//! | `refusals` | what is refused, in the platform's words |
//!
//! INFERRED(payout-account): the money comes from the operation account (运营账户), as that of transfers does.

pub(crate) mod control;
mod group;
#[cfg(test)]
mod model;
mod red_packet;
mod refusals;
#[cfg(test)]
mod tests;
mod to_bank;
mod to_wallet;
mod wecom;

use serde_json::{Map, Value};

use super::{DueHandler, HandlerError, Route, route};
use crate::clock;
use crate::ledger::Owner;
use crate::people::Person;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::response::Refusal;
use crate::store::{Fingerprint, StoreError, Transaction};
use crate::v2::response::ResponseForm;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v2/mmpaymkttransfers/sendredpack", red_packet::send).responding(ResponseForm::OF_RED_PACKET),
    route("POST", "v2/mmpaymkttransfers/sendgroupredpack", red_packet::send_group).responding(ResponseForm::OF_RED_PACKET),
    route("POST", "v2/mmpaymkttransfers/sendminiprogramhb", red_packet::send_to_mini_program).responding(ResponseForm::OF_RED_PACKET),
    route("POST", "v2/mmpaymkttransfers/gethbinfo", red_packet::query).responding(ResponseForm::OF_RED_PACKET_QUERY),
    // INFERRED(red-packet-form)
    route("POST", "v2/mmpaymkttransfers/sendworkwxredpack", wecom::send)
        .responding(ResponseForm::USUAL.repeating(&["mch_billno", "re_openid", "total_amount"])),
    route("POST", "v2/mmpaymkttransfers/queryworkwxredpack", wecom::query),
    route("POST", "v2/mmpaymkttransfers/promotion/paywwsptrans2pocket", wecom::pay),
    route("POST", "v2/mmpaymkttransfers/promotion/querywwsptrans2pocket", wecom::query_payment),
    route("POST", "v2/mmpaymkttransfers/promotion/transfers", to_wallet::pay).responding(ResponseForm::OF_PAYMENT),
    route("POST", "v2/mmpaymkttransfers/gettransferinfo", to_wallet::query),
    route("POST", "v2/mmpaysptrans/pay_bank", to_bank::pay).responding(ResponseForm::OF_BANK_PAYMENT),
    route("POST", "v2/mmpaysptrans/query_bank", to_bank::query).responding(ResponseForm::OF_BANK_QUERY),
    route("POST", "v2/risk/getpublickey", to_bank::public_key),
];

/// How many seconds back queries find what was sent or paid.
const MAX_AGE: i64 = 30 * clock::DAY;

/// Scheduled work.
pub(crate) const DUE: &[(&str, DueHandler)] =
    &[(red_packet::UNCLAIMED, red_packet::give_back), (to_bank::PAID, to_bank::settle)];

/// A payment to the wallet by the merchant's number: `payment_no`, fen and time.
pub(super) fn wallet_payment(
    tx: &Transaction<'_>,
    mchid: &str,
    partner_trade_no: &str,
) -> Result<Option<(String, i64, i64, bool)>, StoreError> {
    to_wallet::find(tx, mchid, partner_trade_no)
}

/// `payment_no`, fen and time of a payment.
pub(super) type Paid = (String, i64, i64);

/// A payment to a bank card by the merchant's number, and its [`Paid`] if the bank has the money.
pub(super) fn bank_payment(
    tx: &Transaction<'_>,
    mchid: &str,
    partner_trade_no: &str,
) -> Result<Option<Option<Paid>>, StoreError> {
    let found = to_bank::BankPayment::find(tx, mchid, partner_trade_no)?;
    Ok(found.map(|payment| payment.paid()))
}

/// A hash of a request, without its signature and the IP address of its machine.
fn fingerprint(body: &Map<String, Value>) -> Fingerprint {
    let mut body = body.clone();
    for name in ["nonce_str", "sign", "workwx_sign", "client_ip", "spbill_create_ip"] {
        body.remove(name);
    }
    Fingerprint::new(&body)
}

/// The owner of the wallet of an openid. The openid must belong to the appid; `no_openid` refuses a text that is no openid.
fn receiver(
    tx: &Transaction<'_>,
    openid: &str,
    appid: &str,
    no_openid: fn() -> Refusal,
) -> Result<Owner, HandlerError> {
    if !is_openid(openid) {
        return Err(no_openid().into());
    }
    match Person::find(tx, openid)? {
        None => Ok(Owner::person(openid)),
        Some(person) if person.openid(appid) == openid => Ok(Owner::person(person.unionid)),
        Some(_) => Err(refusals::wrong_openid(WrongOpenid::OfAnotherAppid.reason()).into()),
    }
}

/// A number of the platform: 8 digits of the day, and a serial.
fn new_number(tx: &Transaction<'_>, kind: &str, now: i64) -> Result<String, StoreError> {
    let serial = tx.next_number("payout")?;
    let day = clock::compact_day(now);
    Ok(format!("{kind}{day}{serial:010}"))
}
