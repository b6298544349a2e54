//! The platform's handlers on a database, asked step by step, and compared with the model.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::step::{self, Number, Step, Subsidise, Tie, step};
use super::{
    BY_DAY, BY_USER, CodeState, INVALID, Model, ModelCoupon, OWN, State, TOTAL, UPLOADED, WECHATPAY, target,
};
use crate::clock;
use crate::ledger::AccountType;
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::bills::read_back::flows;
use crate::products::merchant_coupons::coupon::{self, Condition, Coupon};
use crate::products::merchant_coupons::fixtures::{APPID, CALLER, MCHID, NOW, stock_request, stranger};
use crate::products::merchant_coupons::stock::{self, StockState};
use crate::products::payments::refund::fixtures::Wish;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::World;
use crate::response::Refusal;
use crate::store::StoreError;

const END: &str = "2026-08-20T23:59:59+08:00";

/// The first request under a number, and what came back.
struct Known {
    number: String,
    asked: (Value, bool),
    response: Value,
}

/// The merchant that all stocks belong to.
const SUB: &str = "1900000110";
/// What subsidies move money between.
const PARTIES: [&str; 2] = [MCHID, SUB];

/// A partner with three stocks that belong to its sub-merchant, and the model of them.
struct Life {
    world: World<'static>,
    caller: Account,
    /// Another merchant, with the same appid.
    stranger: Account,
    /// How many numbers were taken.
    numbers: u64,
    model: Model,
    stocks: Vec<String>,
    /// `transaction_id` of each order, and the `refund_id` of the one that was refunded.
    orders: Vec<String>,
    refund_id: String,
    /// By the kind of the step, and by where its numbers are unique.
    known: HashMap<(&'static str, String), Vec<Known>>,
}

impl Life {
    fn new() -> Self {
        let mut world = World::new();
        world.now = NOW;
        let caller = Account { sub_merchants: vec![SUB.to_owned()], ..CALLER.clone() };
        let mut stocks = Vec::new();
        for position in [WECHATPAY, OWN, UPLOADED] {
            let mut request = stock_request();
            request.insert("belong_merchant".to_owned(), SUB.into());
            let mut times =
                json!({ "available_begin_time": "2026-08-01T00:00:00+08:00", "available_end_time": END });
            let mut rule = json!({ "max_coupons": TOTAL, "max_coupons_per_user": BY_USER });
            let mode = match position {
                WECHATPAY => "WECHATPAY_MODE",
                OWN => {
                    times["wait_days_after_receive"] = json!(1);
                    times["available_day_after_receive"] = json!(2);
                    "MERCHANT_API"
                }
                _ => {
                    rule["max_coupons_by_day"] = json!(BY_DAY);
                    "MERCHANT_UPLOAD"
                }
            };
            request["coupon_use_rule"]["coupon_available_time"] = times;
            request.insert("stock_send_rule".to_owned(), rule);
            request.insert("coupon_code_mode".to_owned(), mode.into());
            request.insert("out_request_no".to_owned(), position.to_string().into());
            let body = Value::Object(request);
            let created = world.ask(&caller, "POST", "/v3/marketing/busifavor/stocks", &body).unwrap();
            stocks.push(created["stock_id"].as_str().unwrap().to_owned());
        }
        let model = Model::new(NOW, clock::parse(END).unwrap());
        // The money of the orders is not a part of the model, so none of it moves.
        let wish =
            |number, profit_sharing| Wish { number, profit_sharing, sub_mchid: Some(SUB), ..Wish::default() };
        let wishes = [wish("shared-1", true), wish("shared-2", true), wish("not-shared", false)];
        let orders: Vec<String> = ["1", "2", "3", "4"].map(|digit| digit.repeat(28)).into();
        let refund_id = "5".repeat(28);
        let saved: Result<(), StoreError> = world.act(|tx| {
            for (wish, id) in wishes.iter().zip(&orders) {
                tx.save(&wish.paid(id.clone(), NOW))?;
            }
            tx.save(&wishes[0].refunded(orders[0].clone(), refund_id.clone(), NOW))
        });
        saved.unwrap();
        let known = HashMap::new();
        Self { world, caller, stranger: stranger(), numbers: 0, model, stocks, orders, refund_id, known }
    }

    fn fresh_number(&mut self) -> String {
        self.numbers += 1;
        format!("n-{}", self.numbers)
    }

    fn take(&mut self, step: &Step) {
        let Some(number) = step.number() else { return self.take_without_number(step) };
        let scope = (step.kind(), self.scope(step));
        let known = self.known.get(&scope).filter(|known| !known.is_empty());
        let known = match (number, known) {
            (Number::Known(index), Some(known)) => Some(index % known.len()),
            _ => None,
        };
        let number = match known {
            Some(index) => self.known[&scope][index].number.clone(),
            None => self.fresh_number(),
        };
        let by_other = step.by_other();
        let (method, target, body) = self.request(step, &number);
        let response = self.send((method, &target, &number), &body, by_other);
        let refused = response.as_ref().err().map(|refusal| refusal.code);
        let first = known.map(|index| &self.known[&scope][index]);
        match (first, response) {
            (Some(first), Ok(response)) => {
                assert_eq!(first.asked, (body, by_other), "another request succeeded under a known number");
                assert_eq!(first.response, response, "a repeat got another response");
            }
            (Some(first), Err(refusal)) => {
                assert_ne!(first.asked, (body, by_other), "a repeat was refused: {refusal:?}");
                assert_eq!((refusal.status, refusal.code), (400, INVALID));
            }
            (None, response) => {
                assert_eq!(refused, self.model.apply(step).err(), "{step:?}: {response:?}");
                let Ok(response) = response else { return self.touched(step) };
                if matches!(step, Step::PaySubsidy(_) | Step::ReturnSubsidy(_)) {
                    assert_eq!(response["status"], self.model.status, "{step:?}");
                }
                if let Step::Send { stock, user, code, .. } = step {
                    let sent = response["send_coupon_result"]["coupon_code"].as_str().unwrap();
                    assert!(code.is_none_or(|code| step::own_code(code) == sent));
                    self.model.sent(*stock, *user, sent);
                }
                let asked = (body, by_other);
                self.known.entry(scope).or_default().push(Known { number, asked, response });
            }
        }
        self.touched(step);
    }

    fn take_without_number(&mut self, step: &Step) {
        match step {
            Step::Restart => self.world.restart(),
            Step::SetState { stock, runs } => {
                let state = if *runs { StockState::Running } else { StockState::Paused };
                let found = self
                    .world
                    .act(|tx| stock::set_stock_state(tx, &self.stocks[*stock], state, self.world.now));
                assert!(found.unwrap());
            }
            Step::UserDeletes { coupon } => {
                let deleted = self.model.coupons.get(*coupon).is_some_and(|known| self.throw_away(known));
                assert_eq!(self.model.apply(step).is_ok(), deleted);
                return self.touched(step);
            }
            Step::Wait { seconds } => self.world.pass(*seconds, false),
            Step::Fund { party, fen } => {
                self.world.move_by_bank(&Owner::merchant(PARTIES[*party]), AccountKind::Available, *fen);
            }
            _ => {}
        }
        let _ = self.model.apply(step);
    }

    fn throw_away(&self, known: &ModelCoupon) -> bool {
        let (id, now) = (&self.stocks[known.stock], self.model.now);
        let thrown: Result<bool, StoreError> = self.world.act(|tx| {
            let found = coupon::find(tx, id, &known.code)?.map(|(_, coupon)| coupon);
            let usable = found.filter(|coupon| coupon.is_usable_at(now));
            let thrown = usable.map(|coupon| Coupon { condition: Condition::Deleted, ..coupon });
            thrown.map_or(Ok(false), |coupon| tx.save(&coupon).map(|()| true))
        });
        thrown.unwrap()
    }

    /// Where numbers of a step are unique.
    fn scope(&self, step: &Step) -> String {
        match step {
            Step::Send { stock, user, by_partner, .. } => format!("{stock} {user} {by_partner}"),
            Step::Budget { stock, .. } => stock.to_string(),
            Step::DeleteCode { code, .. } => code.to_string(),
            // A number is the caller's.
            _ => step.by_other().to_string(),
        }
    }

    fn send(
        &self,
        (method, target, number): (&str, &str, &str),
        body: &Value,
        by_other: bool,
    ) -> Result<Value, Refusal> {
        let caller = if by_other { &self.stranger } else { &self.caller };
        // Only these operations have their number in a header.
        let key = target.starts_with("partnerships").then_some(number);
        self.world.ask_with_key(caller, method, &format!("/v3/marketing/{target}"), body, key)
    }

    fn request(&self, step: &Step, number: &str) -> (&'static str, String, Value) {
        let post = |below: &str, body: Value| ("POST", below.to_owned(), body);
        let of_coupon = |coupon: usize, name: &str| {
            let (stock, code) = match self.model.coupons.get(coupon) {
                Some(known) => (known.stock, &*known.code),
                None => (WECHATPAY, "unknown"),
            };
            json!({ "stock_id": self.stocks[stock], "coupon_code": code, name: number })
        };
        let tie = |tie: &Tie| {
            let mut body = of_coupon(tie.coupon, "out_request_no");
            body["out_trade_no"] = json!(order(tie.order));
            body
        };
        let subsidy = |given: &Subsidise, name: &str| {
            let mut body = of_coupon(given.coupon, name);
            body["transaction_id"] = json!(self.orders[usize::from(given.order)]);
            body["payer_merchant"] = json!(PARTIES[given.payer]);
            body["payee_merchant"] = json!(SUB);
            body["amount"] = json!(given.fen);
            body["description"] = json!("补差");
            body
        };
        match step {
            Step::Send { stock, user, code, .. } => {
                let mut body = json!({
                    "stock_id": self.stocks[*stock], "openid": openid(*user), "appid": APPID, "out_request_no": number,
                });
                if let Some(code) = code {
                    body["coupon_code"] = json!(step::own_code(*code));
                }
                post("busifavor/coupons/send", body)
            }
            Step::Use { coupon, .. } => {
                let mut body = of_coupon(*coupon, "use_request_no");
                body["appid"] = json!(APPID);
                body["use_time"] = json!("2026-08-15T12:00:00+08:00");
                post("busifavor/coupons/use", body)
            }
            Step::Associate(given) => post("busifavor/coupons/associate", tie(given)),
            Step::Disassociate(given) => post("busifavor/coupons/disassociate", tie(given)),
            Step::Return { coupon, .. } => {
                post("busifavor/coupons/return", of_coupon(*coupon, "return_request_no"))
            }
            Step::Deactivate { coupon, .. } => {
                post("busifavor/coupons/deactivate", of_coupon(*coupon, "deactivate_request_no"))
            }
            Step::Budget { stock, by, by_day, knows, .. } => {
                let known = &self.model.stocks[*stock];
                let cap = if *by_day { known.by_day.unwrap_or(BY_DAY) } else { known.total };
                let names = if *by_day {
                    ("target_max_coupons_by_day", "current_max_coupons_by_day")
                } else {
                    ("target_max_coupons", "current_max_coupons")
                };
                let current = if *knows { cap } else { cap + 1 };
                let body = json!({
                    names.0: target(cap, *by), names.1: current, "modify_budget_request_no": number,
                });
                ("PATCH", format!("busifavor/stocks/{}/budget", self.stocks[*stock]), body)
            }
            Step::Upload { codes, .. } => {
                let codes: Vec<_> = codes.iter().map(|code| step::uploaded_code(*code)).collect();
                let body = json!({ "coupon_code_list": codes, "upload_request_no": number });
                ("POST", format!("busifavor/stocks/{}/couponcodes", self.stocks[UPLOADED]), body)
            }
            Step::DeleteCode { code, .. } => {
                let code = step::uploaded_code(*code);
                let code = percent_encoding::utf8_percent_encode(&code, percent_encoding::NON_ALPHANUMERIC);
                let target = format!(
                    "busifavor/stocks/{}/couponcodes/{code}?delete_request_no={number}",
                    self.stocks[UPLOADED]
                );
                ("DELETE", target, Value::Null)
            }
            Step::Pact { stock, builds, .. } => {
                let body = json!({
                    "partner": { "type": "APPID", "appid": APPID },
                    "authorized_data": { "business_type": "BUSIFAVOR_STOCK", "stock_id": self.stocks[*stock] },
                });
                post(if *builds { "partnerships/build" } else { "partnerships/terminate" }, body)
            }
            Step::PaySubsidy(given) => {
                post("busifavor/subsidy/pay-receipts", subsidy(given, "out_subsidy_no"))
            }
            Step::ReturnSubsidy(given) => {
                let mut body = subsidy(given, "out_subsidy_return_no");
                body["refund_id"] = json!(self.refund_id);
                post("busifavor/subsidy/return-receipts", body)
            }
            Step::Fund { .. }
            | Step::UserDeletes { .. }
            | Step::SetState { .. }
            | Step::Wait { .. }
            | Step::Restart => {
                unreachable!()
            }
        }
    }

    /// The coupon and the stock that a step was about are as the model says, whether or not the step was done.
    fn touched(&self, step: &Step) {
        let available =
            PARTIES.map(|mchid| self.world.balance(&Owner::merchant(mchid), AccountKind::Available));
        assert_eq!((available, self.world.sum()), (self.model.available, 0), "{step:?}");
        let coupon = match step {
            Step::Send { .. } => self.model.coupons.last(),
            _ => step.coupon().and_then(|coupon| self.model.coupons.get(coupon)),
        };
        let Some(known) = coupon else { return };
        let id = &self.stocks[known.stock];
        let found = self.world.act(|tx| {
            Ok::<_, StoreError>((coupon::find(tx, id, &known.code)?, stock::find_with_sent(tx, id)?))
        });
        let (coupon, stock) = found.unwrap();
        let ((_, coupon), (_, sent)) = (coupon.unwrap(), stock.unwrap());
        let is_same = matches!(
            (&coupon.condition, known.state),
            (Condition::Sent, State::Sended)
                | (Condition::Used(_), State::Used)
                | (Condition::Deactivated(..), State::Deactivated)
                | (Condition::Deleted, State::Deleted)
        );
        assert!(is_same, "{:?} is not {:?}", coupon, known);
        let associated = coupon.association.as_ref().map(|association| association.out_trade_no.clone());
        assert_eq!(associated, known.order.map(order));
        assert_eq!(coupon.returned.is_some(), known.is_returned);
        assert_eq!(coupon.window.expire, known.expire);
        let of_stock = &self.model.stocks[known.stock];
        assert_eq!(
            (sent.total, sent.today(self.model.now)),
            (of_stock.sent, self.model.sent_today(known.stock))
        );
        assert!(sent.total <= of_stock.total);
    }

    /// Everything that the API shows is as the model says.
    fn agrees(&self) {
        let now = self.model.now;
        let get = |target: &str| {
            let target = format!("/v3/marketing/busifavor/{target}");
            self.world.ask(&self.caller, "GET", &target, &Value::Null).unwrap()
        };
        for (position, id) in self.stocks.iter().enumerate() {
            let (shown, known) = (get(&format!("stocks/{id}")), &self.model.stocks[position]);
            assert_eq!(&shown["send_count_information"]["total_send_num"], &json!(known.sent));
            assert_eq!(&shown["stock_send_rule"]["max_coupons"], &json!(known.total));
            assert_eq!(shown["stock_state"] == "RUNNING", self.model.runs(position));
        }
        let count = |state: CodeState| self.model.codes.values().filter(|known| **known == state).count();
        let (available, dispatched) = (count(CodeState::Available), count(CodeState::Dispatched));
        let uploaded = &self.stocks[UPLOADED];
        let counts = &get(&format!("stocks/{uploaded}"))["coupon_code_count"];
        assert_eq!(counts, &json!({ "total_count": available + dispatched, "available_count": available }));
        for (status, number) in [("AVAILABLE", available), ("DISPATCHED", dispatched)] {
            let list = get(&format!("stocks/{uploaded}/couponcodes?status={status}&limit=50"));
            assert_eq!((&list["total_count"], &list["limit"]), (&json!(number), &json!(number)));
        }
        for known in &self.model.coupons {
            let code = percent_encoding::utf8_percent_encode(&known.code, percent_encoding::NON_ALPHANUMERIC);
            let id = &self.stocks[known.stock];
            let found = self.world.act(|tx| coupon::find(tx, id, &known.code)).unwrap().unwrap();
            let shown = found.1.describe(&found.0, now);
            let state = match known.state {
                State::Sended if now > known.expire => "EXPIRED",
                State::Sended => "SENDED",
                State::Used => "USED",
                State::Deactivated => "DEACTIVATED",
                State::Deleted => "DELETED",
            };
            assert_eq!(shown["coupon_state"], state);
            if known.stock == WECHATPAY {
                // Only codes that the platform made are one user's in all stocks.
                let by_api = get(&format!("users/{}/coupons/{code}/appids/{APPID}", openid(known.user)));
                assert_eq!(by_api, Value::Object(shown));
            }
        }
        for user in 0..4_u8 {
            for (position, id) in self.stocks.iter().enumerate() {
                let list = get(&format!(
                    "users/{}/coupons?appid={APPID}&creator_merchant={MCHID}&stock_id={id}&limit=50",
                    openid(user)
                ));
                let of_user = |coupon: &&ModelCoupon| coupon.stock == position && coupon.user == user;
                let wanted: Vec<_> =
                    self.model.coupons.iter().filter(of_user).map(|coupon| json!(coupon.code)).collect();
                let shown: Vec<_> = list["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .rev()
                    .map(|coupon| coupon["coupon_code"].clone())
                    .collect();
                assert_eq!(shown, wanted);
            }
        }
    }
}

impl Life {
    /// The bills of all days say what money moved.
    fn bills_agree(&self) {
        for (party, mchid) in PARTIES.into_iter().enumerate() {
            let flows = self.world.act(|tx| flows(tx, mchid, AccountType::Basic));
            let mut flows = flows.unwrap();
            let known = self.model.flows.iter().filter(|(whose, ..)| *whose == party);
            let mut known: Vec<_> = known.map(|(_, name, fen)| ((*name).to_owned(), *fen)).collect();
            flows.sort_unstable();
            known.sort_unstable();
            assert_eq!(flows, known);
        }
    }
}

fn openid(user: u8) -> String {
    format!("o{user:027}")
}

fn order(order: u8) -> String {
    format!("order-{order}")
}

/// How often everything is looked at: what a step is about is looked at after each.
const LOOK: usize = 50;

fn live(steps: &[Step]) {
    let mut life = Life::new();
    for (position, step) in steps.iter().enumerate() {
        life.take(step);
        if position % LOOK == LOOK - 1 {
            life.agrees();
        }
    }
    life.bills_agree();
}

#[test]
fn merchant_coupons_live_as_the_model_says() {
    let steps = Steps { variable: "WEIPAY_MERCHANT_COUPON_STEPS", default: 50_000, of_a_life: 250 };
    live_randomly(steps, step(), live);
}
