//! Random recharges against a reference model: a platform recharges its own accounts and those of its sub-merchant; a person pays
//! by the right channel or another one, the right amount or another one; recharges are closed or expire. The model has the state
//! of each recharge and the balance of every account. The bills must agree with it, and the sum of all accounts is 0.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::control::{Outcome, Pays, pay};
use super::recharge::Channel;
use crate::clock::DAY;
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::bills::read_back::{balances, deposit};
use crate::products::number_lookup::NumberRef;
use crate::products::testing::random_steps::{Refused, Steps, live_randomly};
use crate::products::testing::world::{World, merchant, openid};

const PLATFORM: &str = "1900000109";
const SUB: &str = "1900000110";
const WEEK: i64 = 7 * DAY;
const CHANNELS: [Channel; 3] = [Channel::BankTransfer, Channel::QrRecharge, Channel::OnlineBank];

/// A request: the operation, the account (of two), fen, and whether only codes are allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Asked {
    form: usize,
    account: usize,
    fen: i64,
    only_codes: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Apply {
        number: usize,
        asked: Asked,
        again: bool,
    },
    Close {
        number: usize,
    },
    /// `fen` more or less than the recharge's.
    Pay {
        number: usize,
        channel: usize,
        fen: i64,
    },
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let asked = (0..3usize, 0..2usize, 0..50i64, prop::bool::weighted(0.3))
        .prop_map(|(form, account, fen, only_codes)| Asked { form, account, fen, only_codes });
    let seconds = prop_oneof![Just(1), Just(-1), Just(DAY), Just(WEEK), 1..WEEK];
    prop_oneof![
        6 => (0..8usize, asked, prop::bool::weighted(0.3))
            .prop_map(|(number, asked, again)| Step::Apply { number, asked, again }),
        2 => (0..8usize).prop_map(|number| Step::Close { number }),
        6 => (0..8usize, 0..3usize, prop_oneof![4 => Just(0), 1 => -1..2i64])
            .prop_map(|(number, channel, fen)| Step::Pay { number, channel, fen }),
        3 => (seconds, prop::bool::weighted(0.3)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}

#[derive(Debug)]
struct Recharge {
    asked: Asked,
    made: i64,
    state: &'static str,
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    recharges: BTreeMap<usize, Recharge>,
    /// Available money and operation account of the platform; deposit and operation account of its sub-merchant.
    accounts: [[i64; 2]; 2],
    notified: Vec<(String, String)>,
}

impl Model {
    fn apply(&mut self, number: usize, asked: Asked) -> Result<(), Refused> {
        if let Some(known) = self.recharges.get(&number) {
            return if known.asked == asked { Ok(()) } else { Err("INVALID_REQUEST") };
        }
        if asked.fen < 1 {
            return Err("PARAM_ERROR");
        }
        self.recharges.insert(number, Recharge { asked, made: self.now, state: "RECHARGING" });
        Ok(())
    }

    fn close(&mut self, number: usize) -> Result<&'static str, Refused> {
        let known = self.recharges.get(&number).filter(|known| known.asked.form == 2);
        match known.ok_or("RESOURCE_NOT_EXISTS")?.state {
            "SUCCESS" => return Err("INVALID_REQUEST"),
            "RECHARGING" => self.end(number, "CLOSED"),
            _ => {}
        }
        Ok("CLOSED")
    }

    /// Whether something happened.
    fn pay(&mut self, number: usize, channel: usize, more: i64) -> bool {
        let now = self.now;
        let known = self.recharges.get(&number);
        let open = known.filter(|known| known.state == "RECHARGING" && now < known.made + WEEK);
        let Some(Recharge { asked, .. }) = open else { return false };
        let asked = *asked;
        let takes = match asked.form {
            2 => !asked.only_codes || channel == 1,
            _ => channel == 0,
        };
        if !takes {
            return false;
        }
        if channel == 0 && more != 0 && asked.fen + more > 0 {
            self.notify(asked, "RECHARGE.FUND_RETURNED", number);
            return true;
        }
        self.accounts[usize::from(asked.form == 2)][asked.account] += asked.fen;
        self.end(number, "SUCCESS");
        true
    }

    fn end(&mut self, number: usize, state: &'static str) {
        let Some(known) = self.recharges.get_mut(&number) else { return };
        known.state = state;
        let asked = known.asked;
        self.notify(asked, &format!("RECHARGE.{state}"), number);
    }

    fn notify(&mut self, asked: Asked, event: &str, number: usize) {
        // Only the operation for sub-merchants takes an address.
        if asked.form == 2 {
            self.notified.push((event.to_owned(), format!("cz{number}")));
        }
    }

    fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if is_late {
            return;
        }
        let now = self.now;
        let is_over = |known: &Recharge| known.state == "RECHARGING" && known.made + WEEK <= now;
        let over = self.recharges.iter().filter(|(_, known)| is_over(known));
        for number in over.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.end(number, "CLOSED");
        }
    }
}

const PATHS: [&str; 3] = [
    "/v3/recharge/bank-transfer-recharges",
    "/v3/platsolution/ecommerce/bank-transfer-recharges",
    "/v3/platsolution/ecommerce/recharges",
];
/// By operation: the scene and the account, for each of two accounts.
const ACCOUNTS: [[(&str, &str); 2]; 3] = [
    [("NORMAL_BANK_TRANSFER", "BASIC"), ("NORMAL_BANK_TRANSFER", "OPERATION")],
    [("ECOMMERCE_BANK_TRANSFER", "BASIC"), ("ECOMMERCE_BANK_TRANSFER", "OPERATION")],
    [("ECOMMERCE_DEPOSIT", "DEPOSIT"), ("ECOMMERCE_PAYMENT", "OPERATION")],
];

struct Platform {
    world: World<'static>,
    caller: Account,
}

impl Platform {
    fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        self.world.ask(&self.caller, method, target, body).map_err(|refusal| refusal.code)
    }

    fn apply(&self, number: usize, asked: Asked) -> Result<(), Refused> {
        let (scene, account) = ACCOUNTS[asked.form][asked.account];
        let mut body = json!({
            "out_recharge_no": format!("cz{number}"), "recharge_scene": scene, "account_type": account,
            "recharge_amount": { "amount": asked.fen },
        });
        if asked.form == 2 {
            body["sub_mchid"] = json!(SUB);
            body["notify_url"] = json!("https://example.com/n");
            if asked.only_codes {
                body["available_recharge_channels"] = json!(["QR_RECHARGE"]);
            }
        }
        self.ask("POST", &format!("{}/apply", PATHS[asked.form]), &body).map(drop)
    }

    fn pay(&self, number: usize, channel: usize, fen: Option<i64>) -> bool {
        let (number, person) = (format!("cz{number}"), openid(0));
        let openid = (channel == 1).then_some(&*person);
        let pays = Pays { channel: CHANNELS[channel], openid, fen };
        let paid: Result<Outcome, HandlerError> =
            self.world.act(|tx| pay(tx, NumberRef::of_any_merchant(&number), pays, self.world.now));
        matches!(paid.unwrap(), Outcome::Paid(_))
    }
}

fn live(steps: &[Step]) {
    let mut platform = Platform { world: World::new(), caller: merchant(PLATFORM, &[SUB]) };
    let mut model = Model { now: platform.world.now, ..Model::default() };
    for step in steps {
        match *step {
            Step::Apply { number, asked, again } => {
                let known = model.recharges.get(&number).filter(|_| again);
                // Only the operation for sub-merchants has channels.
                let asked = Asked { only_codes: asked.only_codes && asked.form == 2, ..asked };
                let asked = known.map_or(asked, |known| known.asked);
                assert_eq!(platform.apply(number, asked), model.apply(number, asked), "{step:?}");
            }
            Step::Close { number } => {
                let target = format!("{}/out-recharge-no/cz{number}/close?sub_mchid={SUB}", PATHS[2]);
                let closed = platform.ask("POST", &target, &Value::Null);
                let closed = closed.map(|shown| shown["recharge_state"].as_str().unwrap().to_owned());
                assert_eq!(closed, model.close(number).map(str::to_owned), "{step:?}");
            }
            Step::Pay { number, channel, fen } => {
                let asked = model.recharges.get(&number).map_or(1, |known| known.asked.fen);
                let sent = Some(asked + fen).filter(|sent| fen != 0 && *sent > 0);
                assert_eq!(platform.pay(number, channel, sent), model.pay(number, channel, fen), "{step:?}");
            }
            Step::Pass { seconds, is_late } => {
                model.pass(seconds, is_late);
                platform.world.pass(seconds, is_late);
            }
            Step::Restart => platform.world.restart(),
        }
        let balance = |mchid: &str, kind| platform.world.balance(&Owner::merchant(mchid), kind);
        let found = [
            [balance(PLATFORM, AccountKind::Available), balance(PLATFORM, AccountKind::Operation)],
            [balance(SUB, AccountKind::Deposit), balance(SUB, AccountKind::Operation)],
        ];
        assert_eq!((found, platform.world.sum()), (model.accounts, 0), "{step:?}");
    }
    for (number, known) in &model.recharges {
        let query = if known.asked.form == 2 { format!("?sub_mchid={SUB}") } else { String::new() };
        for (form, path) in PATHS.iter().enumerate() {
            let shown =
                platform.ask("GET", &format!("{path}/out-recharge-no/cz{number}{query}"), &Value::Null);
            match shown {
                Ok(shown) => {
                    assert_eq!((form, &shown["recharge_state"]), (known.asked.form, &json!(known.state)))
                }
                Err(code) => assert_ne!(form, known.asked.form, "{code}"),
            }
        }
    }
    model.notified.sort_unstable();
    assert_eq!(platform.world.notified(&["out_recharge_no"]), model.notified);
    let billed = platform
        .world
        .act(|tx| Ok::<_, crate::store::StoreError>((balances(tx, PLATFORM)?, deposit(tx, SUB)?)));
    assert_eq!(billed.unwrap(), (model.accounts[0], model.accounts[1][0]));
}

#[test]
fn recharges_live_as_the_model_says_and_no_fen_is_lost() {
    let steps = Steps { variable: "WEIPAY_RECHARGE_STEPS", default: 1_200, of_a_life: 80 };
    live_randomly(steps, step(), live);
}
