//! The handlers on a database, asked step by step, and compared with the model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::red_packet::{self, RedPacket};
use super::step::{Step, step};
use super::{Asked, Key, Model, PEOPLE, Refused};
use crate::clock;
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::bills::read_back::balances;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::{APPID, World, merchant, openid};

const MCHIDS: [&str; 2] = ["1900000109", "1900000111"];
const PERSONS: [usize; PEOPLE] = [0, 1, 2, 3];
const MONTH: i64 = 30 * clock::DAY;

struct Payers {
    world: World<'static>,
    callers: [Account; 2],
    /// `send_listid`, by which a person opens the right one of two merchants.
    packets: BTreeMap<Key, String>,
}

impl Payers {
    fn new() -> Self {
        let callers = MCHIDS.map(|mchid| merchant(mchid, &[]));
        Self { world: World::new(), callers, packets: BTreeMap::new() }
    }

    fn ask(&self, caller: usize, operation: &str, body: &Value) -> Result<Value, Refused> {
        let path = format!("v2/mmpaymkttransfers/{operation}");
        self.world.ask_v2(&self.callers[caller], &path, body).map_err(|refusal| refusal.code)
    }

    fn send(&mut self, key: Key, asked: Asked) -> Result<(), Refused> {
        let mut body = json!({
            "mch_billno": format!("n{}", key.1), "mch_id": MCHIDS[key.0], "wxappid": APPID, "send_name": "茶",
            "re_openid": openid(asked.person), "total_amount": asked.fen, "total_num": asked.parts,
            "wishing": "恭喜", "act_name": "新年", "remark": "茶",
        });
        let operation = if asked.parts > 1 { "sendgroupredpack" } else { "sendredpack" };
        if asked.has_scene {
            body["scene_id"] = json!("PRODUCT_1");
        }
        let sent = self.ask(key.0, operation, &body)?;
        assert_eq!(
            (&sent["total_amount"], &sent["re_openid"]),
            (&json!(asked.fen), &json!(openid(asked.person)))
        );
        self.packets.insert(key, sent["send_listid"].as_str().unwrap().to_owned());
        Ok(())
    }

    /// Fen of what the person has opened.
    fn open(&self, key: Key, person: usize) -> Option<i64> {
        let (number, now) = (self.packets.get(&key)?, self.world.now);
        let done: Result<_, HandlerError> = self.world.act(|tx| {
            let packet = RedPacket::find_for_person(tx, number)?.pop().unwrap();
            red_packet::open(tx, packet, Some(&openid(person)), now)
        });
        done.unwrap().ok().map(|opened| opened.fen)
    }

    fn pay(&self, key: Key, asked: Asked) -> Result<(), Refused> {
        let body = json!({
            "mch_appid": APPID, "mchid": MCHIDS[key.0], "partner_trade_no": format!("n{}", key.1),
            "openid": openid(asked.person), "check_name": "NO_CHECK", "amount": asked.fen,
            "spbill_create_ip": "192.168.0.1",
            "desc": format!("{} {}", if asked.has_scene { "工资" } else { "奖金" }, asked.parts),
        });
        self.ask(key.0, "promotion/transfers", &body).map(drop)
    }

    fn balance(&self, caller: usize, target: &str) -> Result<(i64, i64), Refused> {
        let target = format!("/v3/merchant/fund/{target}");
        let shown = self.world.ask(&self.callers[caller], "GET", &target, &Value::Null);
        let shown = shown.map_err(|refusal| refusal.code)?;
        let fen = |name: &str| shown[name].as_i64().unwrap();
        Ok((fen("available_amount"), fen("pending_amount")))
    }
}

fn take(payers: &mut Payers, model: &mut Model, step: &Step) {
    match *step {
        Step::Send { caller, number, asked, again } => {
            let key = (caller, number);
            let known = model.packets.get(&key).filter(|_| again);
            let asked = known.map_or(asked, |known| known.asked);
            assert_eq!(payers.send(key, asked), model.send(key, asked));
        }
        Step::Open { caller, number, person } => {
            let key = (caller, number);
            let opened = payers.open(key, person);
            assert_eq!(opened.is_some(), model.is_open_to(key, person));
            if let Some(fen) = opened {
                model.open(key, person, fen);
            }
        }
        Step::Pay { caller, number, asked, again } => {
            let key = (caller, number);
            let known = model.payments.get(&key).filter(|_| again);
            let asked = known.map_or(asked, |(known, _)| *known);
            assert_eq!(payers.pay(key, asked), model.pay(key, asked));
        }
        Step::TopUp { caller, fen } => {
            payers.world.move_by_bank(&Owner::merchant(MCHIDS[caller]), AccountKind::Operation, fen);
            model.top_up(caller, fen);
        }
        Step::DayEnd { caller, days } => {
            let date = clock::date(model.now - days * clock::DAY);
            let got = payers.balance(caller, &format!("dayendbalance/OPERATION?date={date}"));
            assert_eq!(got, model.at_the_end(caller, days));
        }
        Step::Pass { seconds, is_late } => {
            model.pass(seconds, is_late);
            payers.world.pass(seconds, is_late);
        }
        Step::Restart => payers.world.restart(),
    }
}

fn check_money(payers: &Payers, model: &Model) {
    let operation = [0, 1].map(|caller| payers.balance(caller, "balance/OPERATION").unwrap());
    let wallet = |person| payers.world.balance(&Owner::person(openid(person)), AccountKind::Wallet);
    let expected = (model.operation, model.wallets, 0);
    assert_eq!((operation, PERSONS.map(wallet), payers.world.sum()), expected);
    // What nobody has opened yet is still in the account.
    let billed = MCHIDS.map(|mchid| payers.world.act(|tx| balances(tx, mchid)).unwrap());
    assert_eq!(billed, operation.map(|(available, pending)| [0, available + pending]));
    // Nobody is notified of payouts.
    assert!(payers.world.outbox().is_empty());
}

fn check_records(payers: &Payers, model: &Model) {
    for ((caller, number), packet) in &model.packets {
        let body = json!({ "mch_billno": format!("n{number}"), "bill_type": "MCHT" });
        let shown = payers.ask(*caller, "gethbinfo", &body);
        let shown = shown.map(|shown| {
            let list = shown["hblist"]["hbinfo"].as_array().cloned().unwrap_or_default();
            let opened: Vec<i64> = list.iter().map(|info| info["amount"].as_i64().unwrap()).collect();
            (shown["status"].as_str().unwrap().to_owned(), opened)
        });
        let is_old = model.now - packet.sent > MONTH;
        let opened = packet.opened.iter().map(|(_, fen)| *fen).collect();
        assert_eq!(shown, if is_old { Err("NOT_FOUND") } else { Ok((packet.state.to_owned(), opened)) });
    }
    for ((caller, number), (asked, paid)) in &model.payments {
        let body = json!({ "partner_trade_no": format!("n{number}") });
        let shown = payers.ask(*caller, "gettransferinfo", &body);
        let fen = shown.map(|shown| shown["payment_amount"].as_i64().unwrap());
        assert_eq!(fen, if model.now - paid > MONTH { Err("NOT_FOUND") } else { Ok(asked.fen) });
    }
}

fn live(steps: &[Step]) {
    let (mut payers, mut model) = (Payers::new(), Model::new());
    for (position, step) in steps.iter().enumerate() {
        take(&mut payers, &mut model, step);
        check_money(&payers, &model);
        if position % 10 == 9 {
            check_records(&payers, &model);
        }
    }
}

#[test]
fn payouts_live_as_the_model_says_and_balances_agree() {
    let steps = Steps { variable: "WEIPAY_PAYOUT_STEPS", default: 1_200, of_a_life: 150 };
    live_randomly(steps, step(), live);
}
