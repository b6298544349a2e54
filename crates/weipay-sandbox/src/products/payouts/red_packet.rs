//! A red packet (现金红包): sent to one person, who opens it within a day or does not.
//!
//! ```text
//!   SENT ── the person opens it ──► RECEIVED
//!     └── 24 hours ──► REFUND
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{fingerprint, new_number, receiver, refusals};
use crate::clock;
use crate::clock::spaced;
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{
    Due, Fingerprint, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, at_time, joined,
};

/// `status`. SENDING, FAILED and RFUND_ING are never seen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RedPacketState {
    Sent,
    Received,
    Refund,
}

impl RedPacketState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sent => "SENT",
            Self::Received => "RECEIVED",
            Self::Refund => "REFUND",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RedPacket {
    /// `send_listid`, `detail_id`.
    number: String,
    mchid: String,
    mch_billno: String,
    openid: String,
    person: Owner,
    fen: i64,
    wishing: String,
    act_name: String,
    remark: String,
    fingerprint: Fingerprint,
    sent: i64,
    pub(super) state: RedPacketState,
    /// When it was opened or given back.
    ended: Option<i64>,
}

const NUMBER: &str = "number";
const PERSON_AND_TIME: &str = "merchant, person and time";

impl Record for RedPacket {
    const KIND: &'static str = "red packet";

    fn key(&self) -> String {
        joined(&self.mchid, &self.mch_billno)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(NUMBER, self.mch_billno.as_str()),
            IndexEntry::new(NUMBER, self.number.as_str()),
            IndexEntry::new(PERSON_AND_TIME, at(&self.mchid, &self.openid, self.sent)),
        ]
    }
}

fn at(mchid: &str, openid: &str, time: i64) -> String {
    at_time(&format!("{mchid}@{openid}"), time)
}

/// Fen of one red packet, without a `scene_id`.
const USUAL: std::ops::RangeInclusive<i64> = 100..=20_000;
/// UNCONFIRMED(red-packet-scene): with one.
const WITH_SCENE: std::ops::RangeInclusive<i64> = 1..=49_900;
/// For one person of one merchant on one day. INFERRED(red-packet-day): the day is Beijing's.
const MAX_PER_DAY: usize = 10;
const MAX_FEN_PER_DAY: i64 = 100_000;
/// How long a person can open it.
const LIFE: i64 = clock::DAY;

pub(super) fn send(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (request, now) = (context.request, context.now);
    let (mchid, number) = (&context.caller.mchid, request.required("mch_billno"));
    let fingerprint = fingerprint(&request.body);
    if let Some(known) = tx.get::<RedPacket>(&joined(mchid, number))? {
        return if known.fingerprint == fingerprint {
            Ok(show_sent(&known))
        } else {
            Err(refusals::other_content().into())
        };
    }
    let amount = |name: &str| request.body.get(name).and_then(Value::as_i64).unwrap_or_default();
    let fen = amount("total_amount");
    check_amount(fen, amount("total_num"), request.text("scene_id").is_some())?;
    let openid = request.required("re_openid");
    let person = receiver(tx, openid, request.required("wxappid"))?;
    let account = AccountState::of_owner(tx, &person)?;
    if !account.works() {
        return Err(refusals::abnormal_receiver(account).into());
    }
    check_day(&sent_today(tx, mchid, openid, now)?, fen)?;
    let packet = RedPacket {
        number: new_number(tx, "1000000000", now)?,
        mchid: mchid.clone(),
        mch_billno: number.to_owned(),
        openid: openid.to_owned(),
        person,
        fen,
        wishing: request.required("wishing").to_owned(),
        act_name: request.required("act_name").to_owned(),
        remark: request.required("remark").to_owned(),
        fingerprint,
        sent: now,
        state: RedPacketState::Sent,
        ended: None,
    };
    move_money(tx, &packet, AccountKind::Operation, AccountKind::Transferring, now)?;
    tx.save(&packet)?;
    tx.schedule(&unclaimed(&packet))?;
    Ok(show_sent(&packet))
}

fn check_amount(fen: i64, people: i64, has_scene: bool) -> Result<(), Refusal> {
    if people != 1 {
        return Err(refusals::wrong_parameter("total_num must be 1"));
    }
    let limits = if has_scene { WITH_SCENE } else { USUAL };
    if limits.contains(&fen) { Ok(()) } else { Err(refusals::red_packet_outside_limits()) }
}

/// The last ones of today. A clock that went back may have sent some on later days; they count too, or else
/// it would begin the limits of a day again.
fn sent_today(
    tx: &Transaction<'_>,
    mchid: &str,
    openid: &str,
    now: i64,
) -> Result<Vec<RedPacket>, StoreError> {
    let from = at(mchid, openid, clock::midnight(clock::day(now)));
    let range = IndexRange { index: PERSON_AND_TIME, from, to: at(mchid, openid, i64::MAX) };
    tx.find(&[range], Page { offset: 0, limit: 10 })
}

/// The rule of a day.
fn check_day(earlier: &[RedPacket], fen: i64) -> Result<(), Refusal> {
    if earlier.len() >= MAX_PER_DAY {
        return Err(refusals::too_many_red_packets());
    }
    if earlier.iter().map(|packet| packet.fen).sum::<i64>().saturating_add(fen) > MAX_FEN_PER_DAY {
        return Err(refusals::too_much_for_a_day());
    }
    Ok(())
}

fn show_sent(packet: &RedPacket) -> Value {
    json!({
        "mch_billno": packet.mch_billno,
        "re_openid": packet.openid,
        "total_amount": packet.fen,
        "send_listid": packet.number,
    })
}

fn move_money(
    tx: &Transaction<'_>,
    packet: &RedPacket,
    from: AccountKind,
    to: AccountKind,
    now: i64,
) -> Result<(), HandlerError> {
    let merchant = Owner::merchant(packet.mchid.as_str());
    let to = match to {
        AccountKind::Wallet => packet.person.as_of_now(tx)?.account(to),
        _ => merchant.account(to),
    };
    let posting = Posting::new(Business::RedPacket, packet.number.as_str(), now)
        .for_number(packet.mch_billno.as_str())
        .moves(merchant.account(from), to, packet.fen);
    post(tx, posting).map_err(|error| error.or_short(refusals::not_enough))
}

/// What the clock does when nobody has opened it.
pub(super) const UNCLAIMED: &str = "red packet is unclaimed";

fn unclaimed(packet: &RedPacket) -> Due {
    Due { kind: UNCLAIMED.to_owned(), key: packet.key(), at: packet.sent.saturating_add(LIFE) }
}

pub(super) fn give_back(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let Some(packet) = tx.get::<RedPacket>(key)?.filter(|packet| packet.state == RedPacketState::Sent) else {
        return Ok(());
    };
    move_money(tx, &packet, AccountKind::Transferring, AccountKind::Operation, at)?;
    tx.save(&RedPacket { state: RedPacketState::Refund, ended: Some(at), ..packet })?;
    Ok(())
}

/// Why a person cannot open a red packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// There is nothing left to open.
    State(RedPacketState),
    /// The account takes nothing.
    Account(AccountState),
}

/// The person opens it.
pub(super) fn open(
    tx: &Transaction<'_>,
    packet: RedPacket,
    now: i64,
) -> Result<Result<(), NotOpened>, HandlerError> {
    let due = unclaimed(&packet);
    if packet.state != RedPacketState::Sent || now >= due.at {
        return Ok(Err(NotOpened::State(packet.state)));
    }
    match AccountState::of_owner(tx, &packet.person.as_of_now(tx)?)? {
        AccountState::Normal => {}
        account => return Ok(Err(NotOpened::Account(account))),
    }
    tx.unschedule(&due)?;
    move_money(tx, &packet, AccountKind::Transferring, AccountKind::Wallet, now)?;
    tx.save(&RedPacket { state: RedPacketState::Received, ended: Some(now), ..packet })?;
    Ok(Ok(()))
}

/// Those with a number of the platform or of a merchant; two where merchants share one.
pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<RedPacket>, StoreError> {
    tx.find(&[IndexRange::equal(NUMBER, number)], Page { offset: 0, limit: 2 })
}

/// How many seconds back queries find what was sent.
const MAX_AGE: i64 = 30 * clock::DAY;

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let key = joined(&context.caller.mchid, context.request.required("mch_billno"));
    let packet = tx.get::<RedPacket>(&key)?;
    let packet = packet.filter(|packet| context.now.saturating_sub(packet.sent) <= MAX_AGE);
    Ok(show(&packet.ok_or_else(refusals::not_found)?))
}

fn show(packet: &RedPacket) -> Value {
    let mut shown = json!({
        "mch_billno": packet.mch_billno,
        "detail_id": packet.number,
        "status": packet.state.word(),
        "send_type": "API",
        "hb_type": "NORMAL",
        "total_num": 1,
        "total_amount": packet.fen,
        "send_time": spaced(packet.sent),
        "wishing": packet.wishing,
        "remark": packet.remark,
        "act_name": packet.act_name,
    });
    let ended = packet.ended.map(spaced);
    match packet.state {
        RedPacketState::Sent => {}
        RedPacketState::Received => {
            let info = json!({ "openid": packet.openid, "amount": packet.fen, "rcv_time": ended });
            shown["hblist"] = json!({ "hbinfo": [info] });
        }
        RedPacketState::Refund => {
            shown["refund_time"] = json!(ended);
            shown["refund_amount"] = json!(packet.fen);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(fen: i64) -> RedPacket {
        RedPacket {
            number: "1".to_owned(),
            mchid: "1900000109".to_owned(),
            mch_billno: "1".to_owned(),
            openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned(),
            person: Owner::person("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
            fen,
            wishing: "恭喜".to_owned(),
            act_name: "新年".to_owned(),
            remark: "茶".to_owned(),
            fingerprint: Fingerprint([0; 32]),
            sent: 0,
            state: RedPacketState::Sent,
            ended: None,
        }
    }

    fn code(checked: Result<(), Refusal>) -> Option<&'static str> {
        checked.err().map(|refusal| refusal.code)
    }

    #[test]
    fn an_amount_is_inside_the_limits_of_its_scene() {
        for (fen, people, has_scene, wanted) in [
            (99, 1, false, Some("MONEY_LIMIT")),
            (100, 1, false, None),
            (20_000, 1, false, None),
            (20_001, 1, false, Some("MONEY_LIMIT")),
            (20_001, 1, true, None),
            (0, 1, true, Some("MONEY_LIMIT")),
            (100, 2, false, Some("PARAM_ERROR")),
        ] {
            assert_eq!(code(check_amount(fen, people, has_scene)), wanted, "{fen} {people} {has_scene}");
        }
    }

    #[test]
    fn a_person_gets_ten_a_day_and_a_thousand_yuan() {
        assert_eq!(code(check_day(&vec![packet(100); 9], 100)), None);
        assert_eq!(code(check_day(&vec![packet(100); 10], 100)), Some("SENDNUM_LIMIT"));
        assert_eq!(code(check_day(&vec![packet(20_000); 4], 20_000)), None);
        assert_eq!(code(check_day(&vec![packet(20_000); 4], 20_001)), Some("RCVDAMOUNT_LIMIT"));
    }
}
