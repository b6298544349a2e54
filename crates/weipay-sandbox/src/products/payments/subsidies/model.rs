//! Random subsidies against a reference model: a platform subsidises two orders of its sub-merchant, has money back, cancels. The
//! model knows what each order said, what was subsidised of it, and what is in every account; all accounts together have nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::payments::person::PaymentRequest;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::{World, merchant, openid};

const PLATFORM: &str = "1900000109";
const SUB: &str = "1900000110";
/// `subsidy_amount` of each order; the last has none.
const SAID: [i64; 3] = [100, 30, 0];
const TOTAL: i64 = 1_000;

#[derive(Debug, Clone)]
enum Step {
    /// A number of 0 is none.
    Create {
        order: usize,
        number: usize,
        fen: i64,
    },
    /// `pending` fen come from what is not settled.
    Return {
        order: usize,
        number: usize,
        fen: i64,
        pending: i64,
    },
    Cancel {
        order: usize,
    },
    Move {
        owner: usize,
        fen: i64,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3usize, 0..5usize, 0..40i64)
            .prop_map(|(order, number, fen)| Step::Create { order, number, fen }),
        5 => (0..3usize, 0..6usize, 0..30i64, 0..3i64)
            .prop_map(|(order, number, fen, pending)| Step::Return { order, number, fen, pending }),
        1 => (0..3usize).prop_map(|order| Step::Cancel { order }),
        4 => (0..2usize, -30..60i64).prop_map(|(owner, fen)| Step::Move { owner, fen }),
        1 => Just(Step::Restart),
    ]
}

use crate::products::testing::random_steps::Refused;

#[derive(Debug, Default)]
struct Model {
    /// By order and number: fen, and what went back of it, in the order in which they were made.
    subsidies: Vec<((usize, usize), i64, i64)>,
    /// By number: the order, and fen, of which some were pending.
    returns: BTreeMap<usize, (usize, i64, i64)>,
    cancelled: [bool; 3],
    /// What is available to the platform and to its sub-merchant.
    available: [i64; 2],
    unsettled: i64,
}

impl Model {
    fn create(&mut self, order: usize, number: usize, fen: i64) -> Result<&'static str, Refused> {
        if fen < 1 {
            return Err("PARAM_ERROR");
        }
        // A number is one of all orders.
        let is_known =
            |known: &&((usize, usize), i64, i64)| known.0.1 == number && (number > 0 || known.0.0 == order);
        if let Some(((of, _), known, returned)) = self.subsidies.iter().find(is_known) {
            let result = if returned == known { "REFUND" } else { "SUCCESS" };
            return if (*of, *known) == (order, fen) { Ok(result) } else { Err("INVALID_REQUEST") };
        }
        let before: i64 = self.subsidies.iter().filter(|known| known.0.0 == order).map(|known| known.1).sum();
        if self.cancelled[order] || before + fen > SAID[order] {
            return Err("INVALID_REQUEST");
        }
        if self.available[0] < fen {
            return Err("NOT_ENOUGH");
        }
        self.available[0] -= fen;
        self.available[1] += fen;
        self.subsidies.push(((order, number), fen, 0));
        Ok("SUCCESS")
    }

    fn give_back(
        &mut self,
        order: usize,
        number: usize,
        fen: i64,
        pending: i64,
    ) -> Result<&'static str, Refused> {
        if fen < 1 {
            return Err("PARAM_ERROR");
        }
        if let Some(known) = self.returns.get(&number) {
            return if *known == (order, fen, pending) { Ok("SUCCESS") } else { Err("INVALID_REQUEST") };
        }
        let has_left =
            |known: &&mut ((usize, usize), i64, i64)| known.0.0 == order && known.1 - known.2 >= fen;
        let found = self.subsidies.iter_mut().rev().find(has_left).ok_or("INVALID_REQUEST")?;
        if self.available[1] < fen - pending || self.unsettled < pending {
            return Err("NOT_ENOUGH");
        }
        found.2 += fen;
        self.available[1] -= fen - pending;
        self.unsettled -= pending;
        self.available[0] += fen;
        self.returns.insert(number, (order, fen, pending));
        Ok("SUCCESS")
    }

    fn cancel(&mut self, order: usize) -> Result<&'static str, Refused> {
        let is_subsidised = self.subsidies.iter().any(|known| known.0.0 == order);
        if !self.cancelled[order] && (SAID[order] == 0 || is_subsidised) {
            return Err("INVALID_REQUEST");
        }
        self.cancelled[order] = true;
        Ok("SUCCESS")
    }
}

struct Platform {
    world: World<'static>,
    caller: Account,
    /// `transaction_id` and `refund_id` of each order.
    orders: Vec<(String, String)>,
}

impl Platform {
    fn new() -> Self {
        let mut platform =
            Self { world: World::new(), caller: merchant(PLATFORM, &[SUB]), orders: Vec::new() };
        platform.orders = SAID.iter().enumerate().map(|(place, said)| platform.sell(place, *said)).collect();
        platform
    }

    /// An order that was paid and of which one fen was refunded.
    fn sell(&self, place: usize, said: i64) -> (String, String) {
        let appid = &self.caller.appids[0];
        let number = format!("order-{place}");
        let mut settle = json!({ "profit_sharing": false });
        if said > 0 {
            settle["subsidy_amount"] = json!(said);
        }
        let order = json!({
            "sp_appid": appid, "sp_mchid": PLATFORM, "sub_mchid": SUB, "description": "茶", "out_trade_no": number,
            "notify_url": "https://example.com/notify", "amount": { "total": TOTAL }, "settle_info": settle,
        });
        self.ask("/v3/pay/partner/transactions/native", &order).unwrap();
        let pays = PaymentRequest::new(number.as_str()).by_person(openid(0));
        let id = self.world.pay(PLATFORM, &number, &pays).unwrap().transaction_ids.remove(0);
        let refund = json!({
            "sub_mchid": SUB, "sp_appid": appid, "transaction_id": id, "out_refund_no": format!("refund-{place}"),
            "amount": { "refund": 1, "total": TOTAL, "currency": "CNY" },
        });
        let refund = self.ask("/v3/ecommerce/refunds/apply", &refund).unwrap();
        (id, refund["refund_id"].as_str().unwrap().to_owned())
    }

    fn ask(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        self.world.ask(&self.caller, "POST", path, body).map_err(|refusal| refusal.code)
    }

    fn subsidise(&self, step: &str, order: usize, mut body: Value) -> Result<String, Refused> {
        body["sub_mchid"] = json!(SUB);
        body["transaction_id"] = json!(self.orders[order].0);
        body["description"] = json!("补差");
        let done = self.ask(&format!("/v3/ecommerce/subsidies/{step}"), &body)?;
        Ok(done["result"].as_str().unwrap().to_owned())
    }
}

fn live(steps: &[Step]) {
    let mut platform = Platform::new();
    let owners = [Owner::merchant(PLATFORM), Owner::merchant(SUB)];
    let unsettled = platform.world.balance(&owners[1], AccountKind::Unsettled);
    let mut model = Model { unsettled, ..Model::default() };
    for step in steps {
        match *step {
            Step::Create { order, number, fen } => {
                let mut body = json!({ "amount": fen });
                if number > 0 {
                    body["out_subsidy_no"] = json!(format!("s{number}"));
                }
                let expected = model.create(order, number, fen).map(str::to_owned);
                assert_eq!(platform.subsidise("create", order, body), expected, "{step:?}");
            }
            Step::Return { order, number, fen, pending } => {
                let pending = if pending < fen { pending } else { 0 };
                let mut body = json!({
                    "amount": fen, "out_order_no": format!("r{number}"), "refund_id": platform.orders[order].1,
                });
                if pending > 0 {
                    body["from"] = json!([
                        { "account": "UNAVAILABLE", "amount": pending },
                        { "account": "AVAILABLE", "amount": fen - pending },
                    ]);
                }
                let expected = model.give_back(order, number, fen, pending).map(str::to_owned);
                assert_eq!(platform.subsidise("return", order, body), expected, "{step:?}");
            }
            Step::Cancel { order } => {
                let expected = model.cancel(order).map(str::to_owned);
                assert_eq!(platform.subsidise("cancel", order, json!({})), expected, "{step:?}");
            }
            Step::Move { owner, fen } => {
                let fen = fen.max(-model.available[owner]);
                if fen != 0 {
                    platform.world.move_by_bank(&owners[owner], AccountKind::Available, fen);
                    model.available[owner] += fen;
                }
            }
            Step::Restart => platform.world.restart(),
        }
        let balance = |owner: usize, kind| platform.world.balance(&owners[owner], kind);
        let available = [balance(0, AccountKind::Available), balance(1, AccountKind::Available)];
        assert_eq!((available, balance(1, AccountKind::Unsettled)), (model.available, model.unsettled));
        assert_eq!(platform.world.sum(), 0);
    }
}

#[test]
fn subsidies_of_platforms_live_as_the_model_says_and_no_fen_is_lost() {
    let steps = Steps { variable: "WEIPAY_PLATFORM_SUBSIDY_STEPS", default: 600, of_a_life: 60 };
    live_randomly(steps, step(), live);
}
