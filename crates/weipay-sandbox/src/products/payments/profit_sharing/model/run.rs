//! The handlers on a database, asked step by step, and compared with the model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::super::person::PaymentRequest;
use super::super::super::refund::control::{Decided, RefundDecision, decide};
use super::step::{Step, step};
use super::{Accounts, Asked, Model, ORDERS, Outcome, PERSON, RECEIVERS, Refused};
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::bills::read_back::balances;
use crate::products::testing::random_steps::{Steps, live_randomly, meant};
use crate::products::testing::world::{APPID, Sale, World, merchant, openid, selling_itself};
use crate::response::Refusal;

const PAYEES: [&str; 3] = ["1900000109", "1900000110", "1900000111"];
const STORES: [&str; 2] = ["1900000120", "1900000121"];

struct Shops {
    world: World<'static>,
    callers: [Account; 2],
    /// The transaction_id of each order, and the refund_id of each refund.
    paid: [Option<String>; ORDERS.len()],
    refunds: BTreeMap<usize, String>,
}

fn code<T>(done: Result<T, Refusal>) -> Result<T, Refused> {
    done.map_err(|refusal| refusal.code)
}

fn receiver(number: usize) -> (&'static str, String) {
    match STORES.get(number) {
        Some(mchid) => ("MERCHANT_ID", (*mchid).to_owned()),
        None => ("PERSONAL_OPENID", openid(number)),
    }
}

impl Shops {
    fn new() -> Self {
        let callers = [merchant(PAYEES[0], &[PAYEES[1]]), merchant(PAYEES[2], &[])];
        Self { world: World::new(), callers, paid: Default::default(), refunds: BTreeMap::new() }
    }

    fn ask(&self, caller: usize, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        code(self.world.ask(&self.callers[caller], method, target, body))
    }

    /// The same by APIv2, with its codes as APIv3 has them.
    fn ask_v2(&self, caller: usize, path: &str, body: &Value) -> Result<Value, Refused> {
        let done = self.world.ask_v2(&self.callers[caller], path, body);
        done.map_err(|refusal| match refusal.code {
            "NOTENOUGH" => "NOT_ENOUGH",
            "RULELIMIT" => "INVALID_REQUEST",
            "ORDERNOTEXIST" => "RESOURCE_NOT_EXISTS",
            "NOT_SHARE_ORDER" => "INVALID_REQUEST",
            // Of a return by a merchant that got no share, or of more than is left.
            "PARAM_ERROR" | "NOAUTH" if refusal.message.contains("回退") => "INVALID_REQUEST",
            code => code,
        })
    }

    fn pay(&mut self, order: usize) -> bool {
        let (number, sold) = (format!("order-{order}"), ORDERS[order]);
        let caller = &self.callers[sold.caller];
        if sold.is_code && self.paid[order].is_none() {
            let body = json!({
                "appid": APPID, "mchid": caller.mchid, "description": "茶", "out_trade_no": number,
                "amount": { "total": sold.total }, "settle_info": { "profit_sharing": true },
                "payer": { "auth_code": "130000000000000001" }, "scene_info": { "store_info": { "id": "0001" } },
            });
            let seller = selling_itself(caller);
            let paid = code(self.world.ask(&seller, "POST", "/v3/pay/transactions/codepay", &body)).unwrap();
            self.paid[order] = Some(paid["transaction_id"].as_str().unwrap().to_owned());
            return true;
        }
        if self.paid[order].is_some() {
            return self.world.pay(&caller.mchid, &number, &PaymentRequest::new(&*number)).is_ok();
        }
        let sub_mchid = (sold.payee == 1).then_some(PAYEES[1]);
        let (fen, is_shared) = (sold.total, sold.is_shared);
        let sale = Sale { sub_mchid, number: &number, fen, is_shared, person: 0 };
        self.paid[order] = Some(self.world.sell(caller, &sale));
        true
    }

    fn reverse(&self, order: usize) -> Result<(), Refused> {
        let sold = ORDERS[order];
        let mchid = &self.callers[sold.caller].mchid;
        let (between, body) = match sold.payee {
            1 => ("partner/", json!({ "sp_appid": APPID, "sp_mchid": mchid, "sub_mchid": PAYEES[1] })),
            _ => ("", json!({ "appid": APPID, "mchid": mchid })),
        };
        let target = format!("/v3/pay/{between}transactions/out-trade-no/order-{order}/reverse");
        self.ask(sold.caller, "POST", &target, &body).map(drop)
    }

    fn relate(&self, payee: usize, number: usize, is_there: bool, is_v2: bool) {
        let (kind, account) = receiver(number);
        if is_v2 {
            let named = json!({ "type": kind, "account": account, "name": "店", "relation_type": "STORE" });
            let mut body = json!({ "appid": APPID, "receiver": named.to_string() });
            if payee == 1 {
                body["sub_mch_id"] = json!(PAYEES[1]);
            }
            let operation = if is_there { "addreceiver" } else { "removereceiver" };
            let shown = self.ask_v2(payee / 2, &format!("v2/pay/profitsharing{operation}"), &body).unwrap();
            let shown: Value = serde_json::from_str(shown["receiver"].as_str().unwrap()).unwrap();
            assert_eq!(shown, json!({ "type": kind, "account": account }));
            return;
        }
        let mut body = json!({ "appid": APPID, "type": kind, "account": account });
        if is_there {
            body["relation_type"] = json!("STORE");
        }
        if is_there && kind == "MERCHANT_ID" {
            body["name"] = json!("bmFtZQ==");
        }
        if payee == 1 {
            body["sub_mchid"] = json!(PAYEES[1]);
        }
        let operation = if is_there { "add" } else { "delete" };
        let target = format!("/v3/profitsharing/receivers/{operation}");
        let shown = self.ask(payee / 2, "POST", &target, &body).unwrap();
        assert_eq!((&shown["type"], &shown["account"]), (&json!(kind), &json!(account)));
    }

    /// The transaction_id of an order; one of nothing when it is not paid.
    fn id(&self, order: usize) -> &str {
        self.paid[order].as_deref().unwrap_or("4200000000000000000000000000")
    }

    /// A split by APIv2, as APIv3 shows it. One without receivers is asked for by finishing only.
    fn split_v2(&self, caller: usize, number: usize, asked: &Asked) -> Result<Value, Refused> {
        let (id, number) = (self.id(asked.order), format!("split-{number}"));
        let mut body = json!({ "appid": APPID, "transaction_id": id, "out_order_no": number });
        if ORDERS[asked.order].payee == 1 {
            body["sub_mch_id"] = json!(PAYEES[1]);
        }
        let operation = match (asked.is_unfreeze, asked.unfreezes) {
            (true, _) => "profitsharingfinish",
            (false, true) => "profitsharing",
            (false, false) => "multiprofitsharing",
        };
        if asked.is_unfreeze {
            body["description"] = json!("完结");
        } else {
            let parts = asked.parts.iter().map(|(number, fen)| {
                let (kind, account) = receiver(*number);
                json!({ "type": kind, "account": account, "amount": fen, "description": "分" })
            });
            body["receivers"] = json!(Value::from_iter(parts).to_string());
        }
        self.ask_v2(caller, &format!("v2/secapi/pay/{operation}"), &body)?;
        let mut body = json!({ "transaction_id": id, "out_order_no": number });
        if ORDERS[asked.order].payee == 1 {
            body["sub_mch_id"] = json!(PAYEES[1]);
        }
        let shown = self.ask_v2(caller, "v2/pay/profitsharingquery", &body)?;
        let receivers: Value = serde_json::from_str(shown["receivers"].as_str().unwrap()).unwrap();
        Ok(json!({ "state": shown["status"], "receivers": receivers }))
    }

    fn split(&self, caller: usize, number: usize, asked: &Asked) -> Result<Value, Refused> {
        if asked.is_v2 {
            return self.split_v2(caller, number, asked);
        }
        let mut body =
            json!({ "transaction_id": self.id(asked.order), "out_order_no": format!("split-{number}") });
        if ORDERS[asked.order].payee == 1 {
            body["sub_mchid"] = json!(PAYEES[1]);
        }
        if asked.is_unfreeze {
            body["description"] = json!("解冻");
            return self.ask(caller, "POST", "/v3/profitsharing/orders/unfreeze", &body);
        }
        let parts = asked.parts.iter().map(|(number, fen)| {
            let (kind, account) = receiver(*number);
            json!({ "type": kind, "account": account, "amount": fen, "description": "分" })
        });
        body["receivers"] = parts.collect();
        body["appid"] = json!(APPID);
        body["unfreeze_unsplit"] = json!(asked.unfreezes);
        self.ask(caller, "POST", "/v3/profitsharing/orders", &body)
    }

    fn give_back(
        &self,
        caller: usize,
        number: usize,
        (split, number_of_receiver, fen): (usize, usize, i64),
        (is_of_sub_merchant, is_v2): (bool, bool),
    ) -> Result<Value, Refused> {
        let (_, account) = receiver(number_of_receiver);
        if is_v2 {
            let mut body = json!({
                "out_order_no": format!("split-{split}"), "out_return_no": format!("return-{number}"),
                "return_account_type": "MERCHANT_ID", "return_account": account, "return_amount": fen,
                "description": "退",
            });
            if is_of_sub_merchant {
                body["sub_mch_id"] = json!(PAYEES[1]);
            }
            return self.ask_v2(caller, "v2/secapi/pay/profitsharingreturn", &body);
        }
        let mut body = json!({
            "out_order_no": format!("split-{split}"), "out_return_no": format!("return-{number}"),
            "return_mchid": account, "amount": fen, "description": "退",
        });
        if is_of_sub_merchant {
            body["sub_mchid"] = json!(PAYEES[1]);
        }
        self.ask(caller, "POST", "/v3/profitsharing/return-orders", &body)
    }

    fn refund(&mut self, number: usize, order: usize, fen: i64) -> Result<Value, Refused> {
        let sold = ORDERS[order];
        let mut body = json!({
            "out_trade_no": format!("order-{order}"), "out_refund_no": format!("refund-{number}"),
            "notify_url": "https://example.com/refunds",
            "amount": { "refund": fen, "total": sold.total, "currency": "CNY" },
        });
        if sold.payee == 1 {
            body["sub_mchid"] = json!(PAYEES[1]);
        }
        let refund = self.ask(sold.caller, "POST", "/v3/refund/domestic/refunds", &body)?;
        self.refunds.insert(number, refund["refund_id"].as_str().unwrap().to_owned());
        Ok(refund)
    }
}

fn take(shops: &mut Shops, model: &mut Model, step: &Step) {
    match step {
        Step::Pay { order } => assert_eq!(shops.pay(*order), model.pay(*order)),
        Step::Relate { payee, receiver, is_there, is_v2 } => {
            shops.relate(*payee, *receiver, *is_there, *is_v2);
            model.relate(*payee, *receiver, *is_there);
        }
        Step::Split { caller, order, number, parts, unfreezes, again, is_v2 } => {
            let known = model.splits.get(&(*caller, *number)).filter(|_| *again);
            let is_v2 = *is_v2 && !parts.is_empty();
            let (order, parts, unfreezes) = (*order, parts.clone(), *unfreezes);
            let asked = known.map_or_else(
                || Asked { order, parts, unfreezes, is_unfreeze: false, is_v2 },
                |known| known.asked.clone(),
            );
            split(shops, model, (*caller, *number), asked);
        }
        Step::Unfreeze { caller, order, number, is_v2 } => {
            let (order, is_v2) = (*order, *is_v2);
            let asked = Asked { order, parts: Vec::new(), unfreezes: true, is_unfreeze: true, is_v2 };
            split(shops, model, (*caller, *number), asked);
        }
        Step::Return { caller, number, split, receiver, fen, tenths, is_v2 } => {
            let got = model
                .splits
                .iter()
                .filter(|((by, _), split)| by == caller && split.outcomes.contains(&Outcome::Success));
            let split = &meant(*split, got.map(|((_, number), _)| *number));
            let known = model.splits.get(&(*caller, *split));
            let parts = known.map(|split| split.asked.parts.clone()).unwrap_or_default();
            let receiver = &meant(*receiver, parts.into_iter().map(|(receiver, _)| receiver));
            let part = tenths.and_then(|tenths| model.part(*caller, *split, *receiver, tenths));
            let asked = (*split, *receiver, part.unwrap_or(*fen));
            let is_sub = model
                .splits
                .get(&(*caller, *split))
                .is_some_and(|split| ORDERS[split.asked.order].payee == 1);
            let got = shops.give_back(*caller, *number, asked, (is_sub, *is_v2));
            let got = got.map(|shown| shown["result"] == "SUCCESS");
            assert_eq!(got, model.give_back(*caller, *number, asked, *is_v2));
        }
        Step::Spend { receiver: number, fen } => {
            let fen = model.received[*number].min(*fen);
            if let Some(mchid) = STORES.get(*number).filter(|_| fen > 0) {
                model.received[*number] -= fen;
                shops.world.move_by_bank(&Owner::merchant(*mchid), AccountKind::Available, -fen);
            }
        }
        Step::Refund { number, order, fen } => {
            // A number is one order's callers', so that the model need not know whose it is.
            let number = number * 2 + ORDERS[*order].caller;
            let fen = (*fen).min(ORDERS[*order].total);
            let got =
                shops.refund(number, *order, fen).map(|shown| shown["status"].as_str().unwrap().to_owned());
            assert_eq!(got, model.refund(number, *order, fen).map(|state| state.word().to_owned()));
        }
        Step::Reverse { order } => assert_eq!(shops.reverse(*order), model.reverse(*order)),
        Step::Decide { number, to } => {
            let decided = match shops.refunds.get(number) {
                None => false,
                Some(id) => {
                    let now = shops.world.now;
                    let decision = RefundDecision::Becomes(*to);
                    let decided: Result<_, HandlerError> =
                        shops.world.act(|tx| decide(tx, (id, None), decision, now));
                    matches!(decided.unwrap(), Decided::Now(_))
                }
            };
            assert_eq!(decided, model.decide(*number, *to));
        }
        Step::Pass { seconds, is_late } => {
            model.pass(*seconds, *is_late);
            shops.world.pass(*seconds, *is_late);
        }
        Step::Restart => shops.world.restart(),
    }
}

fn split(shops: &Shops, model: &mut Model, (caller, number): (usize, usize), asked: Asked) {
    let got = shops.split(caller, number, &asked);
    let expected = model.split(caller, number, asked);
    assert_eq!(got.as_ref().err(), expected.as_ref().err());
    if let Ok(shown) = got {
        check_split(&shown, model, (caller, number));
    }
}

fn check_split(shown: &Value, model: &Model, key: (usize, usize)) {
    let split = &model.splits[&key];
    assert_eq!(shown["state"], if split.is_finished { "FINISHED" } else { "PROCESSING" });
    let mut expected: Vec<_> = split
        .asked
        .parts
        .iter()
        .zip(&split.outcomes)
        .map(|((number, fen), outcome)| {
            let result = match outcome {
                Outcome::Pending => "PENDING",
                Outcome::Success => "SUCCESS",
                Outcome::Closed => "CLOSED",
            };
            (receiver(*number).1, *fen, result)
        })
        .collect();
    if let Some(rest) = split.rest {
        expected.push((PAYEES[ORDERS[split.asked.order].payee].to_owned(), rest, "SUCCESS"));
    }
    let parts = shown["receivers"].as_array().unwrap();
    let parts: Vec<_> = parts
        .iter()
        .map(|part| {
            let text = |name: &str| part[name].as_str().unwrap();
            (text("account").to_owned(), part["amount"].as_i64().unwrap(), text("result"))
        })
        .collect();
    assert_eq!(parts, expected);
}

fn check_money(shops: &Shops, model: &Model) {
    use AccountKind::{Available, Fees, Frozen, Refunding, Unsettled};
    let accounts = PAYEES.map(|mchid| {
        let [unsettled, available, frozen, fees, refunding] =
            shops.world.balances(mchid, [Unsettled, Available, Frozen, Fees, Refunding]);
        Accounts { unsettled, available, frozen, fees, refunding }
    });
    let mut received = [0; RECEIVERS];
    for (fen, mchid) in received.iter_mut().zip(STORES) {
        *fen = shops.world.balance(&Owner::merchant(mchid), Available);
    }
    received[PERSON] = shops.world.balance(&Owner::person(openid(PERSON)), AccountKind::Wallet);
    assert_eq!((accounts, received, shops.world.sum()), (model.accounts, model.received, 0));
}

/// The rest of every order, every split came to and every merchant was notified of.
fn check_records(shops: &Shops, model: &mut Model) {
    for order in (0..ORDERS.len()).filter(|order| shops.paid[*order].is_some()) {
        // Looking is enough.
        model.release_late(order);
        let known = &model.orders[order];
        let (id, sold) = (shops.id(order), ORDERS[order]);
        let target = format!("/v3/profitsharing/transactions/{id}/amounts");
        let left = shops.ask(sold.caller, "GET", &target, &Value::Null);
        let left = left.map(|shown| shown["unsplit_amount"].as_i64().unwrap());
        assert_eq!(left, if sold.is_shared { Ok(known.left) } else { Err("INVALID_REQUEST") });
        let asked = json!({ "transaction_id": id });
        let by_v2 = shops.ask_v2(sold.caller, "v2/pay/profitsharingorderamountquery", &asked);
        assert_eq!(by_v2.map(|shown| shown["unsplit_amount"].as_i64().unwrap()), left);
        assert_eq!(shops.ask(1 - sold.caller, "GET", &target, &Value::Null), Err("INVALID_REQUEST"));
    }
    for ((caller, number), split) in &model.splits {
        let id = shops.id(split.asked.order);
        let mut target = format!("/v3/profitsharing/orders/split-{number}?transaction_id={id}");
        if ORDERS[split.asked.order].payee == 1 {
            target = format!("{target}&sub_mchid={}", PAYEES[1]);
        }
        check_split(&shops.ask(*caller, "GET", &target, &Value::Null).unwrap(), model, (*caller, *number));
        let other = shops.ask(1 - *caller, "GET", &target, &Value::Null);
        assert!(other.is_err() || model.splits.contains_key(&(1 - *caller, *number)));
    }
    for ((caller, number), back) in &model.returns {
        let mut target =
            format!("/v3/profitsharing/return-orders/return-{number}?out_order_no=split-{}", back.split);
        if ORDERS[model.splits[&(*caller, back.split)].asked.order].payee == 1 {
            target = format!("{target}&sub_mchid={}", PAYEES[1]);
        }
        let shown = shops.ask(*caller, "GET", &target, &Value::Null).unwrap();
        assert_eq!(shown["result"], if back.has_succeeded { "SUCCESS" } else { "FAILED" });
        assert_eq!(shown["amount"], back.fen);
    }
    let mut notified = model.notified.clone();
    notified.sort_unstable();
    let of_orders = |(event, text): &(String, String)| match event.as_str() {
        "TRANSACTION.SUCCESS" => (event.clone(), text.split(' ').next().unwrap_or_default().to_owned()),
        _ => (event.clone(), text.clone()),
    };
    let found = shops.world.notified(&["out_refund_no", "refund_status"]);
    let paid = shops.world.notified(&["out_trade_no"]);
    let mut found: Vec<_> = found.into_iter().filter(|(event, _)| event.starts_with("REFUND.")).collect();
    found.extend(paid.iter().map(of_orders).filter(|(event, _)| event.starts_with("TRANSACTION.")));
    found.sort_unstable();
    assert_eq!(found, notified);
}

/// The fund flow bills of all days say what there is, and each balance follows from the one before.
fn check_bills(shops: &Shops, model: &Model) {
    let billed = |mchid: &str| shops.world.act(|tx| balances(tx, mchid)).unwrap();
    for (mchid, has) in PAYEES.iter().zip(model.accounts) {
        assert_eq!(billed(mchid), [has.unsettled + has.available + has.frozen, 0], "{mchid}");
    }
    for (mchid, received) in STORES.iter().zip(model.received) {
        assert_eq!(billed(mchid), [received, 0], "{mchid}");
    }
}

fn live(steps: &[Step]) {
    let (mut shops, mut model) = (Shops::new(), Model::new());
    for (position, step) in steps.iter().enumerate() {
        take(&mut shops, &mut model, step);
        check_money(&shops, &model);
        // Asking for everything after each step would be most of the time.
        if position % 10 == 9 {
            check_records(&shops, &mut model);
        }
    }
    check_bills(&shops, &model);
}

#[test]
fn orders_are_shared_as_the_model_says_and_money_is_conserved() {
    let steps = Steps { variable: "WEIPAY_SHARING_STEPS", default: 1_200, of_a_life: 150 };
    live_randomly(steps, step(), live);
}
