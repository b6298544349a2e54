//! Payouts to people whose account takes nothing, and the limits of a day.

use serde_json::{Value, json};

use super::red_packet::{self, NotOpened, RedPacket};
use crate::clock::{DAY, day, midnight};
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::people::account::AccountState;
use crate::products::HandlerError;
use crate::products::testing::world::{APPID, World, merchant, openid};

const MCHID: &str = "1900000109";

fn world() -> (World<'static>, Account) {
    let world = World::new();
    world.move_by_bank(&Owner::merchant(MCHID), AccountKind::Operation, 1_000_000);
    (world, merchant(MCHID, &[]))
}

fn set_account(world: &World<'_>, state: AccountState) {
    world.act(|tx| state.keep(tx, &openid(0))).unwrap();
}

fn send(world: &World<'_>, caller: &Account, number: &str, fen: i64) -> Result<Value, &'static str> {
    let body = json!({
        "mch_billno": number, "mch_id": MCHID, "wxappid": APPID, "send_name": "茶", "re_openid": openid(0),
        "total_amount": fen, "total_num": 1, "wishing": "恭喜", "client_ip": "127.0.0.1", "act_name": "新年",
        "remark": "茶",
    });
    world.ask_v2(caller, "v2/mmpaymkttransfers/sendredpack", &body).map_err(|refusal| refusal.code)
}

fn open(world: &World<'_>, number: &str) -> Result<(), NotOpened> {
    open_by(world, number, None).map(drop)
}

fn open_by(world: &World<'_>, number: &str, who: Option<usize>) -> Result<i64, NotOpened> {
    let who = who.map(openid);
    let done: Result<_, HandlerError> = world.act(|tx| {
        let packet = RedPacket::find_for_person(tx, number)?.pop().unwrap();
        red_packet::open(tx, packet, who.as_deref(), world.now)
    });
    done.unwrap().map(|opened| opened.fen)
}

fn pay(world: &World<'_>, caller: &Account) -> Result<Value, &'static str> {
    pay_to(world, caller, 0, "p1", 100)
}

fn pay_to(
    world: &World<'_>,
    caller: &Account,
    person: usize,
    number: &str,
    fen: i64,
) -> Result<Value, &'static str> {
    let body = json!({
        "mch_appid": APPID, "mchid": MCHID, "partner_trade_no": number, "openid": openid(person),
        "check_name": "NO_CHECK", "amount": fen, "desc": "奖金",
        "spbill_create_ip": "192.168.0.1",
    });
    let path = "v2/mmpaymkttransfers/promotion/transfers";
    world.ask_v2(caller, path, &body).map_err(|refusal| refusal.code)
}

#[test]
fn an_account_that_takes_nothing_is_sent_nothing_and_no_money_moves() {
    let (world, caller) = world();
    for (state, by_red_packet, to_wallet) in [
        (AccountState::Frozen, Some("NO_AUTH"), "RECV_ACCOUNT_NOT_ALLOWED"),
        (AccountState::Cancelled, Some("NO_AUTH"), "RECV_ACCOUNT_NOT_ALLOWED"),
        (AccountState::Unverified, None, "V2_ACCOUNT_SIMPLE_BAN"),
    ] {
        set_account(&world, state);
        assert_eq!(send(&world, &caller, "r1", 100).err(), by_red_packet);
        assert_eq!(pay(&world, &caller).err(), Some(to_wallet));
    }
    // A red packet waits until the person has a verified name.
    assert_eq!(open(&world, "r1"), Err(NotOpened::Account(AccountState::Unverified)));
    assert_eq!(world.balances(MCHID, [AccountKind::Operation, AccountKind::Transferring]), [999_900, 100]);
    set_account(&world, AccountState::Normal);
    assert_eq!(open(&world, "r1"), Ok(()));
    pay(&world, &caller).unwrap();
    assert_eq!(world.balance(&Owner::person(openid(0)), AccountKind::Wallet), 200);
    assert_eq!(world.sum(), 0);
}

fn send_group(world: &World<'_>, caller: &Account, fen: i64) {
    let body = json!({
        "mch_billno": "g1", "mch_id": MCHID, "wxappid": APPID, "send_name": "茶", "re_openid": openid(0),
        "total_amount": fen, "total_num": 3, "amt_type": "ALL_RAND", "wishing": "恭喜", "act_name": "新年",
        "remark": "茶",
    });
    world.ask_v2(caller, "v2/mmpaymkttransfers/sendgroupredpack", &body).unwrap();
}

#[test]
fn the_money_of_a_group_goes_to_those_who_open_it_and_the_rest_back() {
    let (mut world, caller) = world();
    send_group(&world, &caller, 1_000);
    let balances =
        |world: &World<'_>| world.balances(MCHID, [AccountKind::Operation, AccountKind::Transferring]);
    assert_eq!(balances(&world), [999_000, 1_000]);
    assert_eq!(open_by(&world, "g1", Some(1)), Err(NotOpened::BeforeTheFirst));
    let first = open_by(&world, "g1", None).unwrap();
    assert_eq!(open_by(&world, "g1", Some(0)), Err(NotOpened::Twice));
    // A person whose account takes nothing leaves the part to others.
    world.act(|tx| AccountState::Frozen.keep(tx, &openid(1))).unwrap();
    assert_eq!(open_by(&world, "g1", Some(1)), Err(NotOpened::Account(AccountState::Frozen)));
    let second = open_by(&world, "g1", Some(2)).unwrap();
    assert_eq!(balances(&world), [999_000, 1_000 - first - second]);
    for (person, fen) in [(0, first), (1, 0), (2, second)] {
        assert_eq!(world.balance(&Owner::person(openid(person)), AccountKind::Wallet), fen);
    }
    world.pass(DAY, false);
    assert_eq!(balances(&world), [1_000_000 - first - second, 0]);
    assert_eq!(open_by(&world, "g1", Some(3)), Err(NotOpened::State(red_packet::RedPacketState::Refund)));
    assert_eq!(world.sum(), 0);
}

#[test]
fn nobody_opens_what_was_sent_to_another_person() {
    let (world, caller) = world();
    send(&world, &caller, "r1", 100).unwrap();
    assert_eq!(open_by(&world, "r1", Some(1)), Err(NotOpened::Stranger));
    assert_eq!(open_by(&world, "r1", Some(0)), Ok(100));
}

#[test]
fn a_red_packet_to_a_frozen_account_goes_back_after_a_day() {
    let (mut world, caller) = world();
    send(&world, &caller, "r1", 100).unwrap();
    set_account(&world, AccountState::Frozen);
    assert_eq!(open(&world, "r1"), Err(NotOpened::Account(AccountState::Frozen)));
    world.pass(DAY, false);
    assert_eq!(open(&world, "r1"), Err(NotOpened::State(red_packet::RedPacketState::Refund)));
    assert_eq!(world.balances(MCHID, [AccountKind::Operation, AccountKind::Transferring]), [1_000_000, 0]);
}

#[test]
fn a_clock_that_goes_back_starts_no_new_day() {
    let (mut world, caller) = world();
    world.now += DAY;
    for number in 0..10 {
        send(&world, &caller, &format!("a{number}"), 100).unwrap();
    }
    for back in [0, 1] {
        world.now -= back * DAY;
        assert_eq!(send(&world, &caller, "b", 100).err(), Some("SENDNUM_LIMIT"));
    }
    world.now += 2 * DAY;
    send(&world, &caller, "b", 100).unwrap();
}

#[test]
fn a_person_is_paid_after_15_seconds_ten_times_a_day_and_20000_yuan() {
    let (mut world, caller) = world();
    world.move_by_bank(&Owner::merchant(MCHID), AccountKind::Operation, 10_000_000);
    world.now = midnight(day(world.now) + 1);
    let pay = |world: &World<'_>, person: usize, number: &str, fen: i64| {
        pay_to(world, &caller, person, number, fen).err()
    };
    for number in 0..10 {
        let number = format!("a{number}");
        assert_eq!(pay(&world, 0, &number, 100), None);
        // The same again is no payment.
        assert_eq!(pay(&world, 0, &number, 100), None);
        world.now += 14;
        assert_eq!(pay(&world, 0, "b", 100), Some("FREQ_LIMIT"));
        world.now += 1;
    }
    assert_eq!(pay(&world, 0, "b", 100), Some("SENDNUM_LIMIT"));
    assert_eq!(pay(&world, 1, "c1", 1_999_900), None, "it is another person");
    world.now += 15;
    assert_eq!(pay(&world, 1, "c2", 101), Some("MONEY_LIMIT"));
    assert_eq!(pay(&world, 1, "c2", 100), None);
    // A day later; not even the seconds of the day before are forgotten.
    world.now = midnight(day(world.now) + 1) - 1;
    assert_eq!(pay(&world, 2, "d1", 100), None);
    world.now += 2;
    assert_eq!(pay(&world, 2, "d2", 100), Some("FREQ_LIMIT"));
    assert_eq!(pay(&world, 0, "b", 100), None);
    assert_eq!(pay(&world, 1, "c3", 2_000_000), None);
    assert_eq!(world.sum(), 0);
}

#[test]
fn a_clock_that_goes_back_pays_no_eleventh_time() {
    let (mut world, caller) = world();
    world.now += DAY;
    for number in 0..10 {
        pay_to(&world, &caller, 0, &format!("a{number}"), 100).unwrap();
        world.now += 15;
    }
    world.now -= DAY;
    assert_eq!(pay_to(&world, &caller, 0, "b", 100), Err("SENDNUM_LIMIT"));
}
