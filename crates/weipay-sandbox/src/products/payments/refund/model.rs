//! Random lives of refunds against a reference model that is small enough to be believed.
//!
//! The model knows of each order its total and when it was last refunded, and of each refund its amount and state. It says of every
//! step which status it ends with or with which code it is refused. Time passes, and the store is closed and opened in between. After
//! each step all money adds up to nothing, and what people got, is on its way and came back is what the model says.
//!
//! `WEIPAY_REFUND_STEPS` has the number of steps; the default is quick.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::fixtures::{NOW, Wish, World};
use super::record::RefundState;
use crate::products::ledger::AccountKind;

const ORDERS: [&str; 3] = ["a", "b", "c"];
const TOTALS: [i64; 3] = [1, 97, 1_000];
const STEPS_OF_A_CASE: usize = 40;

#[derive(Debug, Clone)]
enum Step {
    Refund { order: usize, number: u8, fen: i64, total_off: i64 },
    Query { number: u8 },
    Decide { number: u8, to: RefundState },
    Handle { number: u8 },
    Pass { seconds: i64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let state =
        prop_oneof![Just(RefundState::Success), Just(RefundState::Abnormal), Just(RefundState::Closed)];
    prop_oneof![
        6 => (0..3usize, 0..30u8, prop_oneof![1..40i64, 1..1_100i64], prop_oneof![9 => Just(0), 1 => Just(1)])
            .prop_map(|(order, number, fen, total_off)| Step::Refund { order, number, fen, total_off }),
        2 => (0..30u8).prop_map(|number| Step::Query { number }),
        3 => (0..30u8, state).prop_map(|(number, to)| Step::Decide { number, to }),
        1 => (0..30u8).prop_map(|number| Step::Handle { number }),
        5 => prop_oneof![Just(1), Just(4), Just(5), Just(59), Just(60), 1..4_000_000i64]
            .prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}

#[derive(Debug)]
struct ModelRefund {
    id: String,
    order: usize,
    fen: i64,
    state: RefundState,
    created: i64,
    settles: i64,
    is_to_merchant: bool,
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    refunds: BTreeMap<u8, ModelRefund>,
}

impl Model {
    fn of(&self, order: usize) -> impl Iterator<Item = &ModelRefund> {
        self.refunds.values().filter(move |refund| refund.order == order)
    }

    /// The status that a refund has afterwards, or the code of the refusal.
    fn refund(
        &self,
        order: usize,
        number: u8,
        fen: i64,
        total_off: i64,
    ) -> Result<RefundState, &'static str> {
        if let Some(known) = self.refunds.get(&number) {
            let is_same = (known.order, known.fen, total_off) == (order, fen, 0);
            return if is_same { Ok(known.state) } else { Err("INVALID_REQUEST") };
        }
        let gone: i64 =
            self.of(order).filter(|known| known.state != RefundState::Closed).map(|known| known.fen).sum();
        let is_old = self.now - NOW > 365 * 86_400;
        if is_old || total_off != 0 || fen > TOTALS[order] - gone || self.of(order).count() >= 50 {
            return Err("INVALID_REQUEST");
        }
        if self.of(order).any(|known| self.now - known.created < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        Ok(RefundState::Processing)
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        for refund in self.refunds.values_mut() {
            if refund.state == RefundState::Processing && refund.settles <= self.now {
                refund.state = RefundState::Success;
            }
        }
    }

    fn sum(&self, is_counted: impl Fn(&ModelRefund) -> bool) -> i64 {
        self.refunds.values().filter(|refund| is_counted(refund)).map(|refund| refund.fen).sum()
    }
}

fn code(result: Result<Value, crate::response::Refusal>) -> Result<Value, &'static str> {
    result.map_err(|refusal| refusal.code)
}

fn live(steps: Vec<Step>) {
    let mut world = World::new();
    for (number, total) in ORDERS.into_iter().zip(TOTALS) {
        // One is to be shared, so that its refunds take what waits.
        let wish = Wish { number, total, fee: total / 100, profit_sharing: total == 97, ..Wish::default() };
        world.pay(&wish);
    }
    let (fees, mut model) = (world.merchant(AccountKind::Fees), Model { now: NOW, ..Model::default() });
    for step in steps {
        match step {
            Step::Refund { order, number, fen, total_off } => {
                let expected = model.refund(order, number, fen, total_off);
                let total = TOTALS[order] + total_off;
                let got = code(world.refund(ORDERS[order], &number.to_string(), fen, total));
                assert_eq!(
                    got.as_ref().map(|refund| refund["status"].as_str().unwrap()).map_err(|code| *code),
                    expected.map(RefundState::word),
                    "{step:?} {model:?}"
                );
                if let Ok(refund) = got {
                    let id = refund["refund_id"].as_str().unwrap().to_owned();
                    let (created, settles) = (model.now, model.now + 5);
                    let state = RefundState::Processing;
                    model.refunds.entry(number).or_insert(ModelRefund {
                        id,
                        order,
                        fen,
                        state,
                        created,
                        settles,
                        is_to_merchant: false,
                    });
                }
            }
            Step::Query { number } => {
                let got = code(world.query(&number.to_string()));
                let expected = model.refunds.get(&number).ok_or("RESOURCE_NOT_EXISTS");
                assert_eq!(
                    got.map(|refund| refund["status"].as_str().unwrap().to_owned()),
                    expected.map(|refund| refund.state.word().to_owned())
                );
            }
            Step::Decide { number, to } => {
                let refund = model.refunds.get_mut(&number).filter(|refund| {
                    refund.state == RefundState::Processing
                        || (refund.state, to) == (RefundState::Abnormal, RefundState::Success)
                });
                assert_eq!(world.decide(&number.to_string(), to), refund.is_some());
                if let Some(refund) = refund {
                    refund.state = to;
                }
            }
            Step::Handle { number } => {
                let Some(refund) = model.refunds.get_mut(&number) else { continue };
                let target = format!("/v3/refund/domestic/refunds/{}/apply-abnormal-refund", refund.id);
                let body =
                    serde_json::json!({ "out_refund_no": number.to_string(), "type": "MERCHANT_BANK_CARD" });
                let got = code(world.ask("POST", &target, &body));
                match refund.state {
                    RefundState::Abnormal => {
                        assert_eq!(got.unwrap()["status"], "PROCESSING");
                        (refund.state, refund.is_to_merchant) = (RefundState::Processing, true);
                        refund.settles = model.now + 5;
                    }
                    _ => assert_eq!(got.unwrap_err(), "INVALID_REQUEST"),
                }
            }
            Step::Pass { seconds } => {
                model.pass(seconds);
                world.pass(seconds);
            }
            Step::Restart => world.restart(),
        }
        assert_eq!(world.sum(), 0);
        let is_on_its_way =
            |refund: &ModelRefund| matches!(refund.state, RefundState::Processing | RefundState::Abnormal);
        assert_eq!(world.merchant(AccountKind::Refunding), model.sum(is_on_its_way));
        let is_with_person =
            |refund: &ModelRefund| refund.state == RefundState::Success && !refund.is_to_merchant;
        assert_eq!(world.person(AccountKind::Wallet), model.sum(is_with_person));
        let left = [AccountKind::Unsettled, AccountKind::Available, AccountKind::Frozen]
            .map(|kind| world.merchant(kind));
        let gone = model.sum(|refund| refund.state != RefundState::Closed);
        let all: i64 = TOTALS.iter().sum();
        assert_eq!(left.iter().sum::<i64>() + world.merchant(AccountKind::Fees), all - gone);
        assert!(world.merchant(AccountKind::Fees) <= fees);
    }
}

#[test]
fn refunds_live_as_the_model_says_and_money_is_conserved() {
    let steps =
        std::env::var("WEIPAY_REFUND_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(1_000usize);
    let cases = u32::try_from(steps.div_ceil(STEPS_OF_A_CASE)).unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let lives = proptest::collection::vec(step(), STEPS_OF_A_CASE);
    let run = TestRunner::new(config).run(&lives, |steps| {
        live(steps);
        Ok(())
    });
    run.unwrap();
}
