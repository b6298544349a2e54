//! A red packet (现金红包): sent to one person, who opens it within a day or does not. One of a mini program (小程序红包) is the
//! same, and one of several parts (裂变红包) is opened by more people.
//!
//! ```text
//!   SENT ── the person opens it ──► RECEIVED
//!     └── 24 hours ──► REFUND
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use weipay_wire::sha256_hex;

use super::group::{self, Group};
use super::{MAX_AGE, fingerprint, new_number, receiver, refusals};
use crate::clock;
use crate::clock::spaced;
use crate::ledger::{Account, AccountKind, Business, Owner, Posting, post};
use crate::people::Person;
use crate::people::account::AccountState;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{
    Due, Fingerprint, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, at_time, joined,
};
use crate::words::words;

words! {
    /// `status`. SENDING, FAILED and RFUND_ING are never seen here.
    pub(super) enum RedPacketState {
        Sent = "SENT",
        Received = "RECEIVED",
        Refund = "REFUND",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RedPacket {
    /// `send_listid`, `detail_id`.
    number: String,
    mchid: String,
    mch_billno: String,
    pub(super) openid: String,
    person: Owner,
    pub(super) fen: i64,
    wishing: String,
    act_name: String,
    remark: String,
    fingerprint: Fingerprint,
    sent: i64,
    pub(super) state: RedPacketState,
    /// When it was opened or given back.
    pub(super) ended: Option<i64>,
    /// Of one that has several parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Group>,
    /// Of one of 企业微信.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<Sender>,
}

/// The sender of a red packet of 企业微信 (企业红包).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sender {
    pub(super) name: String,
    /// `sender_header_media_id`.
    pub(super) picture: Option<String>,
}

/// The kind of a red packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To one person.
    One,
    /// 裂变红包.
    Group,
    /// 企业红包, to one person.
    WeCom,
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
pub(super) const USUAL: std::ops::RangeInclusive<i64> = 100..=20_000;
/// UNCONFIRMED(red-packet-scene): with one.
pub(super) const WITH_SCENE: std::ops::RangeInclusive<i64> = 1..=49_900;
/// For one person of one merchant on one day. INFERRED(red-packet-day): the day is Beijing's.
const MAX_PER_DAY: usize = 10;
const MAX_FEN_PER_DAY: i64 = 100_000;
/// How long a person can open it.
const LIFE: i64 = clock::DAY;

/// 发放普通红包.
pub(super) fn send(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(show_sent(&send_packet(tx, context, Kind::One)?))
}

/// 发放裂变红包.
pub(super) fn send_group(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(show_sent(&send_packet(tx, context, Kind::Group)?))
}

/// 发放小程序红包: the mini program lets the person open it with the `package`.
pub(super) fn send_to_mini_program(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let packet = send_packet(tx, context, Kind::One)?;
    let mut shown = show_sent(&packet);
    shown["package"] = json!(package(&packet));
    Ok(shown)
}

/// UNCONFIRMED(red-packet-package): what stands in it. It follows from the number, so that the same request again has the same.
fn package(packet: &RedPacket) -> String {
    let word = |of: &str| sha256_hex(format!("red packet {of} {}", packet.number).as_bytes());
    format!("sendid={}&ver=8&sign={}&mchid={}&spid=", word("sendid"), word("sign"), packet.mchid)
}

pub(super) fn send_packet(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    kind: Kind,
) -> Result<RedPacket, HandlerError> {
    let (request, now) = (context.request, context.now);
    let (mchid, number) = (&context.caller.mchid, request.required("mch_billno"));
    let fingerprint = fingerprint(&request.body);
    if let Some(known) = tx.get::<RedPacket>(&joined(mchid, number))? {
        return if known.fingerprint == fingerprint {
            Ok(known)
        } else {
            Err(refusals::other_content().into())
        };
    }
    if request.text("msgappid").is_some() && request.text("sub_mch_id").is_none() {
        return Err(refusals::not_of_a_partner().into());
    }
    let amount = |name: &str| request.body.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (fen, is_group) = (amount("total_amount"), kind == Kind::Group);
    let parts = if kind == Kind::WeCom { 1 } else { amount("total_num") };
    let check = if is_group { group::check } else { check_amount };
    check(fen, parts, request.text("scene_id").is_some())?;
    let (openid, appid) = (request.required("re_openid"), request.required("wxappid"));
    let person = receiver(tx, openid, appid, refusals::no_openid_of_red_packet)?;
    let account = AccountState::of_owner(tx, &person)?;
    if !account.works() {
        return Err(refusals::abnormal_receiver(account).into());
    }
    check_day(&sent_today(tx, mchid, openid, now)?, if is_group { 0 } else { fen })?;
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
        group: is_group.then(|| Group::new(appid, fen, parts, context.entropy)),
        sender: (kind == Kind::WeCom).then(|| Sender {
            name: request.required("sender_name").to_owned(),
            picture: request.text("sender_header_media_id").map(str::to_owned),
        }),
    };
    let [operation, transferring] = packet.accounts();
    move_money(tx, &packet, (operation, transferring), fen, now)?;
    tx.save(&packet)?;
    tx.schedule(&unclaimed(&packet))?;
    Ok(packet)
}

fn check_amount(fen: i64, people: i64, has_scene: bool) -> Result<(), Refusal> {
    if people != 1 {
        return Err(refusals::wrong_count());
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

/// The rule of a day. What a group brings a person is not known before it is opened: INFERRED(red-packet-day) it counts as one
/// of the ten only.
fn check_day(earlier: &[RedPacket], fen: i64) -> Result<(), Refusal> {
    if earlier.len() >= MAX_PER_DAY {
        return Err(refusals::too_many_red_packets());
    }
    let of_person = earlier.iter().filter(|packet| packet.group.is_none()).map(|packet| packet.fen);
    if of_person.sum::<i64>().saturating_add(fen) > MAX_FEN_PER_DAY {
        return Err(refusals::too_much_for_a_day());
    }
    Ok(())
}

pub(super) fn show_sent(packet: &RedPacket) -> Value {
    json!({
        "mch_billno": packet.mch_billno,
        "re_openid": packet.openid,
        "total_amount": packet.fen,
        "send_listid": packet.number,
    })
}

impl RedPacket {
    /// The account that pays, and the account where the money waits.
    fn accounts(&self) -> [Account; 2] {
        let merchant = Owner::merchant(self.mchid.as_str());
        [AccountKind::Operation, AccountKind::Transferring].map(|kind| merchant.account(kind))
    }

    /// Fen of the parts that were not opened, of one whose time is over.
    fn left(&self) -> i64 {
        self.group.as_ref().map_or(self.fen, Group::left)
    }
}

fn move_money(
    tx: &Transaction<'_>,
    packet: &RedPacket,
    (from, to): (Account, Account),
    fen: i64,
    now: i64,
) -> Result<(), HandlerError> {
    let posting = Posting::new(Business::RedPacket, packet.number.as_str(), now)
        .for_number(packet.mch_billno.as_str())
        .moves(from, to, fen);
    post(tx, posting).map_err(|error| error.or_short(refusals::not_enough_for_red_packet))
}

/// Scheduled work: the time to open it is over.
pub(super) const UNCLAIMED: &str = "red packet is unclaimed";

fn unclaimed(packet: &RedPacket) -> Due {
    Due { kind: UNCLAIMED.to_owned(), key: packet.key(), at: packet.sent.saturating_add(LIFE) }
}

pub(super) fn give_back(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let Some(packet) = tx.get::<RedPacket>(key)?.filter(|packet| packet.state == RedPacketState::Sent) else {
        return Ok(());
    };
    let [operation, transferring] = packet.accounts();
    let fen = packet.left();
    move_money(tx, &packet, (transferring, operation), fen, at)?;
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
    /// It was sent to another person.
    Stranger,
    /// The person whom a group was sent to has not opened it yet.
    BeforeTheFirst,
    /// The person has a part of the group.
    Twice,
}

/// A part that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) fen: i64,
    /// Of the whole red packet.
    pub(super) state: RedPacketState,
}

/// The person opens it, or one of several parts. `who` is an openid or a unionid; without one it is the person whom it
/// was sent to.
pub(super) fn open(
    tx: &Transaction<'_>,
    mut packet: RedPacket,
    who: Option<&str>,
    now: i64,
) -> Result<Result<Opened, NotOpened>, HandlerError> {
    let due = unclaimed(&packet);
    if packet.state != RedPacketState::Sent || now >= due.at {
        return Ok(Err(NotOpened::State(packet.state)));
    }
    let receiver = packet.person.as_of_now(tx)?;
    let person = who.map_or_else(|| Ok(receiver.clone()), |who| Owner::of_person(tx, who))?;
    match AccountState::of_owner(tx, &person)? {
        AccountState::Normal => {}
        account => return Ok(Err(NotOpened::Account(account))),
    }
    let (fen, is_opened) = match &mut packet.group {
        None if person != receiver => return Ok(Err(NotOpened::Stranger)),
        None => (packet.fen, true),
        Some(group) => {
            let openid = match who.filter(|_| person != receiver) {
                None => packet.openid.clone(),
                Some(who) => Person::openid_under(tx, who, &group.appid, now)?,
            };
            match group.open(tx, &receiver, (&openid, &person), now)? {
                Err(why) => return Ok(Err(why)),
                Ok(fen) => (fen, group.is_opened()),
            }
        }
    };
    let [_, transferring] = packet.accounts();
    move_money(tx, &packet, (transferring, person.account(AccountKind::Wallet)), fen, now)?;
    if is_opened {
        tx.unschedule(&due)?;
        (packet.state, packet.ended) = (RedPacketState::Received, Some(now));
    }
    tx.save(&packet)?;
    Ok(Ok(Opened { fen, state: packet.state }))
}

impl RedPacket {
    /// Finds red packets of any merchant by either number: two if merchants share one.
    pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two(NUMBER, number)
    }
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(show(&find(tx, context)?.ok_or_else(refusals::not_found)?))
}

/// The one that a query asks for.
pub(super) fn find(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Option<RedPacket>, StoreError> {
    let key = joined(&context.caller.mchid, context.request.required("mch_billno"));
    let packet = tx.get::<RedPacket>(&key)?;
    Ok(packet.filter(|packet| context.now.saturating_sub(packet.sent) <= MAX_AGE))
}

pub(super) fn show(packet: &RedPacket) -> Value {
    let mut shown = json!({
        "mch_billno": packet.mch_billno,
        "detail_id": packet.number,
        "status": packet.state.word(),
        "send_type": "API",
        "hb_type": if packet.group.is_some() { "GROUP" } else { "NORMAL" },
        "total_num": packet.group.as_ref().map_or(1, Group::parts),
        "total_amount": packet.fen,
        "send_time": spaced(packet.sent),
        "wishing": packet.wishing,
        "remark": packet.remark,
        "act_name": packet.act_name,
    });
    let ended = packet.ended.map(spaced);
    let opened = match (&packet.group, packet.state) {
        (Some(group), _) => group.show(),
        (None, RedPacketState::Received) => {
            vec![json!({ "openid": packet.openid, "amount": packet.fen, "rcv_time": ended })]
        }
        (None, _) => Vec::new(),
    };
    if !opened.is_empty() {
        shown["hblist"] = json!({ "hbinfo": opened });
    }
    if packet.state == RedPacketState::Refund {
        shown["refund_time"] = json!(ended);
        shown["refund_amount"] = json!(packet.left());
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
            group: None,
            sender: None,
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
