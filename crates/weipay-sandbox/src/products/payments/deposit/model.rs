//! Random deposits against a reference model: paid by a payment code, or offered to a person (JSAPI and APP) who pays or does
//! not; consumed wholly or in part, reversed, refunded, or forgotten; operations of other products change nothing. The model
//! knows what became of each, what its merchant is notified of, and what is in every account; all accounts together have nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::clock::DAY;
use crate::ledger::AccountKind;
use crate::merchants::Account;
use crate::products::payments::payment::{PAID_V2 as PAID, fee_of};
use crate::products::payments::person::PaymentRequest;
use crate::products::testing::random_steps::{Steps, live_randomly, share};
use crate::products::testing::world::{NOW, World, merchant, openid};

const PARTNER: &str = "1900000109";
const HOTEL: &str = "1900000110";
const TOTALS: [i64; 4] = [1_000, 99, 1, 20_000];

#[derive(Debug, Clone)]
enum Step {
    /// By a payment code.
    Pay {
        order: usize,
    },
    Offer {
        order: usize,
        is_app: bool,
    },
    /// A person pays what was offered.
    PayOffered {
        order: usize,
    },
    /// No operation closes a deposit.
    Close {
        order: usize,
    },
    Consume {
        order: usize,
        fen: i64,
    },
    /// By the operation for deposits, or by that for all other payments.
    Reverse {
        order: usize,
        is_of_deposit: bool,
    },
    /// By the operation for deposits, or by that for all other orders.
    Refund {
        order: usize,
        number: usize,
        fen: i64,
        is_of_deposit: bool,
    },
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let order = || 0..TOTALS.len();
    let fen = || prop_oneof![0..3i64, 1..120i64, 900..1_002i64, 1..20_000i64];
    let seconds =
        prop_oneof![4 => Just(5), 4 => Just(60), 2 => 1..DAY, 1 => Just(7 * DAY), 1 => Just(30 * DAY)];
    prop_oneof![
        2 => order().prop_map(|order| Step::Pay { order }),
        4 => (order(), any::<bool>()).prop_map(|(order, is_app)| Step::Offer { order, is_app }),
        4 => order().prop_map(|order| Step::PayOffered { order }),
        1 => order().prop_map(|order| Step::Close { order }),
        4 => (order(), fen()).prop_map(|(order, fen)| Step::Consume { order, fen }),
        1 => (order(), prop::bool::weighted(0.8)).prop_map(
            |(order, is_of_deposit)| Step::Reverse { order, is_of_deposit }
        ),
        5 => (order(), 0..20usize, fen(), prop::bool::weighted(0.9)).prop_map(
            |(order, number, fen, is_of_deposit)| Step::Refund { order, number, fen, is_of_deposit }
        ),
        5 => (seconds, prop::bool::weighted(0.2)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}

use crate::products::testing::random_steps::Refused;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Offered, and unpaid.
    Open,
    /// Its time was over.
    Closed,
    Waits,
    Consumed(i64),
    /// Reversed, whether or not it was paid.
    Back,
}

/// How a deposit comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    ByCode,
    Offered { is_app: bool },
}

#[derive(Debug)]
struct Refund {
    fen: i64,
    fee: i64,
    created: i64,
    has_arrived: bool,
}

#[derive(Debug)]
struct Order {
    made: Made,
    created: i64,
    /// The time of the payment, if there was one.
    paid: Option<i64>,
    state: State,
    /// By number; what was not consumed has none.
    refunds: BTreeMap<Option<usize>, Refund>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Accounts {
    frozen: i64,
    available: i64,
    fees: i64,
    refunding: i64,
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    orders: BTreeMap<usize, Order>,
    accounts: Accounts,
    /// The orders of which the merchant was notified.
    notified: Vec<usize>,
}

/// How long a person may pay what was offered.
const OFFERED_FOR: i64 = 7 * DAY;

impl Model {
    /// What becomes of an order whose number is used again.
    fn check_number(&self, order: usize, made: Made) -> Result<(), Refused> {
        let Some(known) = self.orders.get(&order) else { return Ok(()) };
        match known.state {
            State::Waits | State::Consumed(_) => Err("ORDERPAID"),
            State::Back if made == Made::ByCode => Err("ORDERREVERSED"),
            State::Open if made == known.made => Ok(()),
            State::Open | State::Closed | State::Back => Err("INVALID_REQUEST"),
        }
    }

    fn make(&mut self, order: usize, made: Made) {
        let new = Order { made, created: self.now, paid: None, state: State::Open, refunds: BTreeMap::new() };
        self.orders.entry(order).or_insert(new);
    }

    fn receive(&mut self, order: usize) {
        let fee = fee_of(TOTALS[order]);
        self.accounts.fees += fee;
        self.accounts.frozen += TOTALS[order] - fee;
        let known = self.orders.get_mut(&order).unwrap();
        known.paid = Some(self.now);
        known.state = State::Waits;
    }

    fn pay(&mut self, order: usize) -> Result<(), Refused> {
        self.check_number(order, Made::ByCode)?;
        self.make(order, Made::ByCode);
        self.receive(order);
        Ok(())
    }

    fn offer(&mut self, order: usize, is_app: bool) -> Result<(), Refused> {
        let made = Made::Offered { is_app };
        self.check_number(order, made)?;
        self.make(order, made);
        Ok(())
    }

    /// Whether a person has paid.
    fn pay_offered(&mut self, order: usize) -> bool {
        let is_open = self.orders.get(&order).is_some_and(|known| known.state == State::Open);
        if is_open {
            self.receive(order);
            self.notified.push(order);
            self.notified.sort_unstable();
        }
        is_open
    }

    fn consume(&mut self, order: usize, fen: i64) -> Result<(), Refused> {
        let known = self.orders.get_mut(&order).ok_or("ORDERNOTEXIST")?;
        if fen < 1 {
            return Err("PARAM_ERROR");
        }
        match known.state {
            State::Consumed(before) if before == fen => return Ok(()),
            State::Consumed(_) | State::Back | State::Open | State::Closed => return Err("INVALID_REQUEST"),
            State::Waits if fen > TOTALS[order] => return Err("PARAM_ERROR"),
            State::Waits => {}
        }
        known.state = State::Consumed(fen);
        let kept = TOTALS[order] - fee_of(TOTALS[order]);
        self.accounts.frozen -= kept;
        self.accounts.available += kept;
        if fen < TOTALS[order] {
            self.give_back(order, None, TOTALS[order] - fen);
        }
        Ok(())
    }

    fn reverse(&mut self, order: usize) -> Result<(), Refused> {
        let known = self.orders.get_mut(&order).ok_or("INVALID_REQUEST")?;
        match known.state {
            State::Back => return Ok(()),
            State::Consumed(_) => return Err("ORDERNOTEXIST"),
            State::Closed => return Err("INVALID_REQUEST"),
            State::Waits | State::Open => {}
        }
        known.state = State::Back;
        if known.paid.is_none() {
            return Ok(());
        }
        let fee = fee_of(TOTALS[order]);
        self.accounts.frozen -= TOTALS[order] - fee;
        self.accounts.fees -= fee;
        Ok(())
    }

    /// The fee that comes back with a refund.
    fn fee_back(&self, order: usize, fen: i64) -> i64 {
        let before = self.orders[&order].refunds.values();
        let (refunded, fees) = before.fold((0, 0), |sum, refund| (sum.0 + refund.fen, sum.1 + refund.fee));
        share(fen, (TOTALS[order], fee_of(TOTALS[order])), (refunded, fees))
    }

    fn give_back(&mut self, order: usize, number: Option<usize>, fen: i64) {
        let fee = self.fee_back(order, fen);
        self.accounts.fees -= fee;
        self.accounts.available += fee - fen;
        self.accounts.refunding += fen;
        let refund = Refund { fen, fee, created: self.now, has_arrived: false };
        self.orders.get_mut(&order).unwrap().refunds.insert(number, refund);
    }

    fn refund(&mut self, order: usize, number: usize, fen: i64, is_of_deposit: bool) -> Result<(), Refused> {
        if fen < 1 {
            return Err("PARAM_ERROR");
        }
        // Refused by `return_code`, without a code, and before the order is looked up.
        if fen > TOTALS[order] {
            return Err("");
        }
        let known = self.orders.get(&order).ok_or("ERROR")?;
        if let Some(before) = known.refunds.get(&Some(number)) {
            return if before.fen == fen { Ok(()) } else { Err("REFUND_FEE_MISMATCH") };
        }
        if !is_of_deposit || !matches!(known.state, State::Consumed(_)) {
            return Err("ERROR");
        }
        if known.paid.is_some_and(|paid| self.now - paid > 365 * DAY) {
            return Err("TRADE_OVERDUE");
        }
        let left = TOTALS[order] - known.refunds.values().map(|refund| refund.fen).sum::<i64>();
        if left == 0 {
            return Err("ERROR");
        }
        if fen > left {
            return Err("INVALID_REQUEST");
        }
        if known.refunds.iter().any(|(number, refund)| number.is_some() && self.now - refund.created < 60) {
            return Err("FREQUENCY_LIMITED");
        }
        if self.accounts.available + self.fee_back(order, fen) < fen {
            return Err("NOTENOUGH");
        }
        self.give_back(order, Some(number), fen);
        Ok(())
    }

    fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        // Whether or not the clock has done it yet.
        for known in self.orders.values_mut() {
            if known.state == State::Open && known.created + OFFERED_FOR <= self.now {
                known.state = State::Closed;
            }
        }
        if is_late {
            return;
        }
        let late: Vec<usize> = self.orders.keys().copied().collect();
        for order in late {
            let known = self.orders.get_mut(&order).unwrap();
            let arrived = |refund: &&mut Refund| !refund.has_arrived && refund.created + 5 <= self.now;
            for refund in known.refunds.values_mut().filter(arrived) {
                refund.has_arrived = true;
                self.accounts.refunding -= refund.fen;
            }
            if known.state == State::Waits && known.paid.is_some_and(|paid| paid + 30 * DAY <= self.now) {
                self.reverse(order).unwrap();
            }
        }
    }
}

struct Hotel {
    world: World<'static>,
    partner: Account,
}

impl Hotel {
    fn ask(&self, path: &str, mut body: Value) -> Result<Value, Refused> {
        for (name, value) in [
            ("appid", &*self.partner.appids[0]),
            ("mch_id", PARTNER),
            ("sub_mch_id", HOTEL),
            ("fee_type", "CNY"),
        ] {
            body[name] = json!(value);
        }
        self.world.ask_v2(&self.partner, path, &body).map_err(|refusal| refusal.code)
    }

    fn pay(&self, order: usize) -> Result<(), Refused> {
        let body = json!({
            "deposit": "Y", "body": "押金", "out_trade_no": format!("order-{order}"), "total_fee": TOTALS[order],
            "spbill_create_ip": "127.0.0.1", "auth_code": format!("10{order:016}"),
        });
        assert!(self.ask("v2/deposit/micropay", body)?["transaction_id"].is_string());
        Ok(())
    }

    fn offer(&self, order: usize, is_app: bool) -> Result<(), Refused> {
        let trade_type = if is_app { "APP" } else { "JSAPI" };
        let body = json!({
            "body": "押金", "out_trade_no": format!("order-{order}"), "total_fee": TOTALS[order],
            "spbill_create_ip": "127.0.0.1", "notify_url": "https://example.com/notify", "trade_type": trade_type,
            "openid": openid(1),
        });
        let offered = self.ask("v2/deposit/unifiedorder", body)?;
        assert!(offered["trade_type"] == trade_type && offered["prepay_id"].is_string());
        Ok(())
    }

    fn pay_offered(&self, order: usize) -> bool {
        self.world.pay(PARTNER, &format!("order-{order}"), &PaymentRequest::new("")).is_ok()
    }

    fn consume(&self, order: usize, fen: i64) -> Result<(), Refused> {
        let body = json!({
            "out_trade_no": format!("order-{order}"), "total_fee": TOTALS[order], "consume_fee": fen,
        });
        assert_eq!(self.ask("v2/deposit/consume", body)?["consume_fee"], fen);
        Ok(())
    }

    fn refund(&self, order: usize, number: usize, fen: i64, is_of_deposit: bool) -> Result<(), Refused> {
        let body = json!({
            "out_trade_no": format!("order-{order}"), "out_refund_no": format!("refund-{order}-{number}"),
            "total_fee": TOTALS[order], "refund_fee": fen,
        });
        let path = if is_of_deposit { "v2/deposit/refund" } else { "v2/secapi/pay/refund" };
        self.ask(path, body).map(drop)
    }
}

fn live(steps: &[Step]) {
    let mut hotel = Hotel { world: World::new(), partner: merchant(PARTNER, &[HOTEL]) };
    let mut model = Model { now: NOW, ..Model::default() };
    for step in steps {
        match *step {
            Step::Pay { order } => assert_eq!(hotel.pay(order), model.pay(order), "{step:?}"),
            Step::Offer { order, is_app } => {
                assert_eq!(hotel.offer(order, is_app), model.offer(order, is_app), "{step:?}");
            }
            // An order by code is open only while its response is made.
            Step::PayOffered { order } => {
                assert_eq!(hotel.pay_offered(order), model.pay_offered(order), "{step:?}");
            }
            // A number without an order would be used up.
            Step::Close { order } if model.orders.contains_key(&order) => {
                let body = json!({ "out_trade_no": format!("order-{order}") });
                let closed = hotel.ask("v2/pay/closeorder", body).map(drop);
                assert_eq!(closed, Err("INVALID_REQUEST"), "{step:?}");
            }
            Step::Close { .. } => {}
            Step::Consume { order, fen } => {
                assert_eq!(hotel.consume(order, fen), model.consume(order, fen), "{step:?}");
            }
            Step::Reverse { order, is_of_deposit: true } => {
                let body = json!({ "out_trade_no": format!("order-{order}") });
                let reversed =
                    hotel.ask("v2/deposit/reverse", body).map(|shown| assert_eq!(shown["recall"], "N"));
                assert_eq!(reversed, model.reverse(order), "{step:?}");
            }
            Step::Reverse { order, is_of_deposit: false } => {
                let body = json!({ "out_trade_no": format!("order-{order}") });
                let reversed = hotel.ask("v2/secapi/pay/reverse", body).map(drop);
                assert_eq!(reversed, Err("INVALID_REQUEST"), "{step:?}");
            }
            Step::Refund { order, number, fen, is_of_deposit } => {
                let refunded = hotel.refund(order, number, fen, is_of_deposit);
                assert_eq!(refunded, model.refund(order, number, fen, is_of_deposit), "{step:?}");
            }
            Step::Pass { seconds, is_late } => {
                model.pass(seconds, is_late);
                hotel.world.pass(seconds, is_late);
            }
            Step::Restart => hotel.world.restart(),
        }
        use AccountKind::{Available, Fees, Frozen, Refunding, Unsettled};
        let [frozen, available, fees, refunding, unsettled] =
            hotel.world.balances(HOTEL, [Frozen, Available, Fees, Refunding, Unsettled]);
        let accounts = Accounts { frozen, available, fees, refunding };
        assert_eq!((accounts, unsettled, hotel.world.sum()), (model.accounts, 0, 0), "{step:?}");
        let notified = hotel.world.notified(&["out_trade_no", "trade_type"]);
        let made = |order: &usize| match model.orders[order].made {
            Made::ByCode => "MICROPAY",
            Made::Offered { is_app } => {
                if is_app {
                    "APP"
                } else {
                    "JSAPI"
                }
            }
        };
        let expected: Vec<_> = model
            .notified
            .iter()
            .map(|order| (PAID.to_owned(), format!("order-{order} {}", made(order))))
            .collect();
        assert_eq!(notified, expected, "{step:?}");
        for (order, known) in &model.orders {
            let shown =
                hotel.ask("v2/deposit/orderquery", json!({ "out_trade_no": format!("order-{order}") }));
            let shown = shown.unwrap();
            let (state, consumed) = match known.state {
                State::Open => ("NOTPAY", None),
                State::Closed => ("CLOSED", None),
                State::Waits => ("SUCCESS", None),
                State::Consumed(fen) if known.refunds.is_empty() => ("SUCCESS", Some(fen)),
                State::Consumed(fen) => ("REFUND", Some(fen)),
                State::Back => ("REVOKED", None),
            };
            assert_eq!((&shown["trade_state"], shown["consume_fee"].as_i64()), (&json!(state), consumed));
        }
    }
}

#[test]
fn deposits_live_as_the_model_says_and_no_fen_is_lost() {
    let steps = Steps { variable: "WEIPAY_DEPOSIT_STEPS", default: 1_000, of_a_life: 80 };
    live_randomly(steps, step(), live);
}
