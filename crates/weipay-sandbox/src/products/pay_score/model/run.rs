//! The handlers on a database, asked step by step, and compared with the model.

use serde_json::{Value, json};

use super::super::control::{declines, permission, with_order};
use super::super::{collection, permissions, steps};
use super::step::{Step, step};
use super::{Asked, DEPOSIT, Model, Refused};
use crate::ledger::AccountKind;
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::pay_score::control::ServiceOrderError;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::{APPID, World, merchant, openid};

const SUB: &str = "1900000110";
const CALLERS: [&str; 2] = ["1900000109", "1900000111"];
const SERVICES: [&str; 2] = ["2002000000000558128851361561536", "2002000000000558128851361561537"];

struct Shops {
    world: World<'static>,
    callers: [Account; 2],
    refunds: usize,
}

type Key = (usize, usize);

/// Merchants use the same numbers.
fn number((_, number): Key) -> String {
    format!("service-{number}")
}

impl Shops {
    fn new() -> Self {
        let callers = [merchant(CALLERS[0], &[SUB]), merchant(CALLERS[1], &[])];
        Self { world: World::new(), callers, refunds: 0 }
    }

    fn ask(&self, caller: usize, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        let done = self.world.ask(&self.callers[caller], method, target, body);
        done.map_err(|refusal| refusal.code)
    }

    fn base(is_sub: bool) -> &'static str {
        if is_sub { "/v3/payscore/partner" } else { "/v3/payscore" }
    }

    fn create(&self, key: Key, asked: Asked) -> Result<Value, Refused> {
        let fund = if asked.is_estimate { "ESTIMATE_ORDER_COST" } else { "DEPOSIT" };
        let mut body = json!({
            "out_order_no": number(key), "appid": APPID, "service_id": SERVICES[asked.service],
            "service_introduction": "充电宝", "time_range": { "start_time": "OnAccept" },
            "risk_fund": { "name": fund, "amount": DEPOSIT },
            "notify_url": format!("https://example.com/{}-{}", key.0, key.1),
        });
        if asked.is_sub {
            body["sub_mchid"] = json!(SUB);
        }
        if let Some(person) = asked.person {
            body["openid"] = json!(openid(person));
        }
        let base = Self::base(asked.is_sub);
        match asked.direct {
            None => {
                body["need_user_confirm"] = json!(asked.person.is_none());
                self.ask(key.0, "POST", &format!("{base}/serviceorder"), &body)
            }
            Some(total) => {
                if asked.is_sub {
                    body["sub_appid"] = json!("wx1111111111111111");
                }
                let members = body.as_object_mut().unwrap();
                members.remove("risk_fund");
                body["time_range"] = json!({ "start_time": "20260815100000", "end_time": "20260815110000" });
                with_total(&mut body, total);
                self.ask(key.0, "POST", &format!("{base}/serviceorder/direct-complete"), &body)
            }
        }
    }

    fn step(
        &self,
        key: Key,
        is_sub: bool,
        service: usize,
        step: &str,
        mut body: Value,
    ) -> Result<Value, Refused> {
        body["service_id"] = json!(SERVICES[service]);
        if is_sub {
            body["sub_mchid"] = json!(SUB)
        } else {
            body["appid"] = json!(APPID)
        }
        let target = format!("{}/serviceorder/{}/{step}", Self::base(is_sub), number(key));
        self.ask(key.0, "POST", &target, &body)
    }

    fn query(&self, key: Key, is_sub: bool, service: usize) -> Result<Value, Refused> {
        let (base, service) = (Self::base(is_sub), SERVICES[service]);
        let whose = if is_sub { format!("sub_mchid={SUB}") } else { format!("appid={APPID}") };
        let target = format!("{base}/serviceorder?out_order_no={}&service_id={service}&{whose}", number(key));
        self.ask(key.0, "GET", &target, &Value::Null)
    }

    /// What a person does with an order, named by its order_id.
    fn person(
        &self,
        key: Key,
        model: &Model,
        work: impl Fn(
            &crate::store::Transaction<'_>,
            super::super::order::ServiceOrder,
        ) -> Result<bool, HandlerError>,
    ) -> bool {
        let Some(order) = model.orders.get(&key) else { return false };
        let shown = self.query(key, order.asked.is_sub, order.asked.service).unwrap();
        let id = shown["order_id"].as_str().unwrap();
        match self.world.act(|tx| with_order(tx, id, &work)) {
            Ok(()) => true,
            Err(ServiceOrderError::State(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// By the transaction_id of the collection; without one by the number of the order, which names no payment.
    fn refund(&mut self, key: Key, fen: i64, model: &Model) -> Result<Value, Refused> {
        self.refunds += 1;
        let known = model.orders.get(&key);
        let shown = known.map(|order| self.query(key, order.asked.is_sub, order.asked.service).unwrap());
        let shown = shown.unwrap_or_default();
        let mut body = json!({
            "out_refund_no": format!("refund-{}", self.refunds),
            "amount": { "refund": fen, "total": shown["total_amount"].as_i64().unwrap_or(fen).max(fen), "currency": "CNY" },
        });
        match shown["collection"]["details"][0]["transaction_id"].as_str() {
            Some(id) => {
                body["transaction_id"] = json!(id);
                body["amount"]["total"] = shown["total_amount"].clone();
            }
            None => body["out_trade_no"] = json!(number(key)),
        }
        if known.is_some_and(|order| order.asked.is_sub) {
            body["sub_mchid"] = json!(SUB);
        }
        self.ask(key.0, "POST", "/v3/refund/domestic/refunds", &body)
    }

    fn ask_permission(&self, key: Key, service: usize, is_sub: bool) -> Result<Value, Refused> {
        let mut body = json!({
            "service_id": SERVICES[service], "appid": APPID, "authorization_code": code(key),
            "notify_url": format!("https://example.com/{}-{}", key.0, key.1),
        });
        if is_sub {
            body["sub_mchid"] = json!(SUB);
        }
        self.ask(key.0, "POST", &format!("{}/permissions", Self::base(is_sub)), &body)
    }

    fn open(&self, key: Key, person: Option<usize>, model: &Model) -> bool {
        let Some(known) = model.permissions.get(&key) else { return false };
        // The same request again says the token, which is nobody else's.
        let token = self.ask_permission(key, known.service, known.is_sub).unwrap();
        let token = token["apply_permissions_token"].as_str().unwrap();
        let now = self.world.now;
        let done: Result<bool, ServiceOrderError> = self.world.act(|tx| {
            let permission = permission(tx, token)?;
            Ok(match person {
                Some(person) => permissions::open(tx, permission, &openid(person), now)?.is_ok(),
                None => permissions::close(tx, permission, now)?,
            })
        });
        done.unwrap()
    }

    fn end(&self, key: Key, service: usize, is_sub: bool) -> Result<Value, Refused> {
        let mut body = json!({ "service_id": SERVICES[service], "reason": "完" });
        if is_sub {
            body["sub_mchid"] = json!(SUB);
        }
        let base = Self::base(is_sub);
        let target = format!("{base}/permissions/authorization-code/{}/terminate", code(key));
        self.ask(key.0, "POST", &target, &body)
    }
}

fn code((_, code): Key) -> String {
    format!("code-{code}")
}

/// Even totals come without a discount, which may take the place of one that had some.
fn with_total(body: &mut Value, total: i64) {
    let off = 10 * (total % 2).abs();
    body["post_payments"] = json!([{ "name": "租金", "amount": total + off }]);
    if off > 0 {
        body["post_discounts"] = json!([{ "name": "优惠", "description": "满减", "amount": off }]);
    }
    body["total_amount"] = json!(total);
}

/// What the rows of an order come to.
fn sum(rows: &Value) -> i64 {
    rows.as_array().into_iter().flatten().filter_map(|row| row["amount"].as_i64()).sum()
}

fn take(shops: &mut Shops, model: &mut Model, step: &Step) {
    let asked = |model: &Model, key: Key| {
        model.orders.get(&key).map_or((false, 0), |order| (order.asked.is_sub, order.asked.service))
    };
    match *step {
        Step::Create { caller, number, mut asked, again } => {
            let key = (caller, number);
            asked.is_sub &= caller == 0;
            if let Some(known) = model.orders.get(&key).filter(|_| again) {
                asked = known.asked;
            }
            let got = shops.create(key, asked);
            if asked.direct.is_some_and(|total| total < 0) {
                // Refused for its form, whatever the number is of.
                assert_eq!(got.err(), Some("PARAM_ERROR"));
                return;
            }
            let expected = model.create(key, asked);
            assert_eq!(got.as_ref().err(), expected.as_ref().err());
            if let (Ok(shown), Ok(state)) = (got, expected)
                && !shown.is_null()
            {
                assert_eq!(shown["state"], state.words().0);
            }
        }
        Step::Complete { caller, number, total, is_other_sub } => {
            let key = (caller, number);
            let (is_sub, service) = asked(model, key);
            let is_sub = (is_sub != is_other_sub) && caller == 0;
            let mut body = json!({ "time_range": { "end_time": crate::clock::compact(shops.world.now) } });
            with_total(&mut body, total);
            let got = shops.step(key, is_sub, service, "complete", body).map(drop);
            match total {
                // Refused for its form, whatever the number is of.
                ..0 => assert_eq!(got, Err("PARAM_ERROR")),
                _ => assert_eq!(got, model.complete(key, is_sub, total).map(drop)),
            }
        }
        Step::Modify { caller, number, total } => {
            let key = (caller, number);
            let (is_sub, service) = asked(model, key);
            let mut body = json!({ "reason": "少" });
            with_total(&mut body, total);
            let got = shops.step(key, is_sub, service, "modify", body).map(drop);
            match total {
                ..0 => assert_eq!(got, Err("PARAM_ERROR")),
                _ => assert_eq!(got, model.modify(key, is_sub, total)),
            }
        }
        Step::AskForPayment { caller, number } => {
            let key = (caller, number);
            let (is_sub, service) = asked(model, key);
            let got = shops.step(key, is_sub, service, "pay", json!({})).map(drop);
            assert_eq!(got, model.ask_for_payment(key, is_sub));
        }
        Step::Sync { caller, number } => {
            let key = (caller, number);
            let (is_sub, service) = asked(model, key);
            let body =
                json!({ "type": "Order_Paid", "detail": { "paid_time": crate::clock::compact(model.now) } });
            let got = shops.step(key, is_sub, service, "sync", body).map(drop);
            assert_eq!(got, model.sync(key, is_sub));
        }
        Step::Cancel { caller, number, reason } => {
            let key = (caller, number);
            let (is_sub, service) = asked(model, key);
            let reasons = ["不用了", "坏了"];
            let body = json!({ "reason": reasons[reason] });
            let got = shops.step(key, is_sub, service, "cancel", body).map(drop);
            assert_eq!(got, model.cancel(key, is_sub, reason));
        }
        Step::Confirm { caller, number, person } => {
            let (key, now) = ((caller, number), shops.world.now);
            let confirmed = std::cell::Cell::new(false);
            let done = shops.person(key, model, |tx, order| {
                let done = steps::confirm(tx, order, &openid(person), now)?;
                confirmed.set(matches!(done, Some(Ok(()))));
                Ok(done.is_some())
            });
            assert_eq!(done && confirmed.get(), model.confirm(key, person));
        }
        Step::Decline { caller, number } => {
            let key = (caller, number);
            let done = shops.person(key, model, declines);
            assert_eq!(done, model.decline(key));
        }
        Step::PaymentRequest { caller, number } => {
            let (key, now) = ((caller, number), shops.world.now);
            let done = shops
                .person(key, model, |tx, order| Ok(collection::pay_completed(tx, order, now)?.is_some()));
            assert_eq!(done, model.pay(key));
        }
        Step::Refund { caller, number, fen } => {
            let key = (caller, number);
            let total = model.orders.get(&key).and_then(|order| order.total);
            let fen = total.map_or(fen, |total| fen.min(total.max(1)));
            let got = shops.refund(key, fen, model);
            assert_eq!(got.as_ref().err(), model.may_refund(key, fen).as_ref().err());
            if let Ok(shown) = got {
                let amount = |name: &str| shown["amount"][name].as_i64().unwrap();
                assert_eq!(amount("payer_refund"), fen);
                model.refund(key, fen, amount("refund_fee"));
            }
        }
        Step::AskPermission { caller, code, service, is_sub } => {
            let (key, is_sub) = ((caller, code), is_sub && caller == 0);
            let got = shops.ask_permission(key, service, is_sub).map(drop);
            assert_eq!(got, model.ask(key, service, is_sub));
        }
        Step::Open { caller, code, person } => {
            let done = shops.open((caller, code), Some(person), model);
            assert_eq!(done, model.open((caller, code), Some(person)));
        }
        Step::Close { caller, code } => {
            let done = shops.open((caller, code), None, model);
            assert_eq!(done, model.open((caller, code), None));
        }
        Step::End { caller, code, service, is_sub } => {
            let (key, is_sub) = ((caller, code), is_sub && caller == 0);
            let got = shops.end(key, service, is_sub).map(drop);
            assert_eq!(got, model.end(key, service, is_sub));
        }
        Step::Pass { seconds, is_late } => {
            model.pass(seconds, is_late);
            shops.world.pass(seconds, is_late);
        }
        Step::Restart => shops.world.restart(),
    }
}

fn check_money(shops: &Shops, model: &Model) {
    use AccountKind::{Available, Fees, Frozen, Unsettled};
    let paid = [CALLERS[0], SUB, CALLERS[1]].map(|mchid| {
        let balances = shops.world.balances(mchid, [Unsettled, Available, Frozen, Fees]);
        (balances.iter().sum::<i64>(), balances[3])
    });
    assert_eq!((paid, shops.world.sum()), (model.paid, 0));
}

fn check_records(shops: &Shops, model: &Model) {
    for (key, order) in &model.orders {
        let shown = shops.query(*key, order.asked.is_sub, order.asked.service).unwrap();
        let (state, description) = order.state.words();
        assert_eq!((&shown["state"], shown["state_description"].as_str()), (&json!(state), description));
        assert_eq!(shown["total_amount"].as_i64(), order.total);
        if let Some(total) = order.total {
            assert_eq!(sum(&shown["post_payments"]) - sum(&shown["post_discounts"]), total, "{shown}");
        }
        let person = order.person.map(openid);
        assert_eq!(shown["openid"].as_str(), person.as_deref());
        let collection = match (order.total, order.is_deducted) {
            (None | Some(0), _) => None,
            _ if order.state == super::State::Revoked => None,
            (Some(_), None) => Some("USER_PAYING"),
            (Some(_), Some(_)) => Some("USER_PAID"),
        };
        assert_eq!(shown["collection"]["state"].as_str(), collection);
        let paid_type = order.is_deducted.map(|is_deducted| if is_deducted { "NEWTON" } else { "MCH" });
        assert_eq!(shown["collection"]["details"][0]["paid_type"].as_str(), paid_type);
        assert!(shops.query(*key, order.asked.is_sub, 1 - order.asked.service).is_err());
    }
    for (key, known) in &model.permissions {
        let (base, service) = (Shops::base(known.is_sub), SERVICES[known.service]);
        let sub = if known.is_sub { format!("&sub_mchid={SUB}") } else { String::new() };
        let target =
            format!("{base}/permissions/authorization-code/{}?service_id={service}{sub}", code(*key));
        let shown = shops.ask(key.0, "GET", &target, &Value::Null).unwrap();
        let state = if known.is_open { "AVAILABLE" } else { "UNAVAILABLE" };
        assert_eq!(shown["authorization_state"], state);
    }
    let mut expected = model.notified.clone();
    expected.sort_unstable();
    let mut found: Vec<_> = shops
        .world
        .outbox()
        .into_iter()
        .map(|entry| {
            let key = entry.notify_url.rsplit('/').next().unwrap_or_default();
            (entry.event_type.clone(), key.to_owned())
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

fn live(steps: &[Step]) {
    let (mut shops, mut model) = (Shops::new(), Model::new());
    for (position, step) in steps.iter().enumerate() {
        take(&mut shops, &mut model, step);
        check_money(&shops, &model);
        if position % 10 == 9 {
            check_records(&shops, &model);
        }
    }
}

#[test]
fn service_orders_live_as_the_model_says_and_money_is_conserved() {
    let steps = Steps { variable: "WEIPAY_PAY_SCORE_STEPS", default: 1_200, of_a_life: 150 };
    live_randomly(steps, step(), live);
}
