//! The handlers on a database, asked step by step, and compared with the model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::step::{AskedSplit, AskedWithdrawal, Step, step};
use super::{
    Accounts, BRAND_FORM, Balances, Model, ORDERS, Outcome, PARTIES, PERSON, PLATFORM, RECEIVERS, Refund,
    Refused, Split,
};
use crate::clock::{self, DAY};
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::HandlerError;
use crate::products::bills::read_back::balances;
use crate::products::number_lookup::NumberRef;
use crate::products::payments::person::PaymentRequest;
use crate::products::payments::refund::control::{self as refund_control, RefundDecision};
use crate::products::payments::refund::record::RefundState;
use crate::products::testing::random_steps::{Steps, live_randomly, meant};
use crate::products::testing::world::{APPID, Sale, World, merchant, openid};
use crate::products::withdrawals::WithdrawalState;
use crate::products::withdrawals::control::{self, Decided};

const MCHIDS: [&str; PARTIES] = ["1900000110", "1900000111", "1900000109"];
const BRAND: &str = "1900000120";
const STORES: [&str; 2] = ["1900000130", "1900000131"];
const PATHS: [&str; 2] = ["/v3/ecommerce/profitsharing", "/v3/brand/profitsharing"];
const NOTIFY_URL: &str = "https://example.com/notify";

struct Platform {
    world: World<'static>,
    caller: Account,
    stranger: Account,
    /// The transaction_id of each order, and the refund_id of each refund.
    paid: [Option<String>; ORDERS.len()],
    refunds: BTreeMap<usize, String>,
}

fn receiver(number: usize) -> (&'static str, String) {
    match STORES.get(number) {
        Some(mchid) => ("MERCHANT_ID", (*mchid).to_owned()),
        None => ("PERSONAL_OPENID", openid(number)),
    }
}

/// How a form names the account of a receiver.
fn account_member(form: usize) -> &'static str {
    if form == BRAND_FORM { "account" } else { "receiver_account" }
}

/// The sub-merchant of an order. The platform's own orders have none, but a request must name one.
fn sub_mchid(order: usize) -> &'static str {
    MCHIDS[ORDERS[order].party % PLATFORM]
}

impl Platform {
    fn new() -> Self {
        let caller = merchant(MCHIDS[PLATFORM], &[MCHIDS[0], MCHIDS[1], BRAND]);
        let stranger = merchant("1900000140", &["1900000141"]);
        Self { world: World::new(), caller, stranger, paid: Default::default(), refunds: BTreeMap::new() }
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        self.world.ask(&self.caller, method, target, body).map_err(|refusal| refusal.code)
    }

    fn pay(&mut self, order: usize) -> bool {
        let (number, sold) = (format!("order-{order}"), ORDERS[order]);
        if self.paid[order].is_some() {
            return self.world.pay(&self.caller.mchid, &number, &PaymentRequest::new(&*number)).is_ok();
        }
        let sub_mchid = (sold.party != PLATFORM).then(|| MCHIDS[sold.party]);
        let sale = Sale { sub_mchid, number: &number, fen: sold.total, is_shared: sold.is_shared, person: 0 };
        self.paid[order] = Some(self.world.sell(&self.caller, &sale));
        true
    }

    fn relate(&self, form: usize, number: usize, is_there: bool) {
        let (kind, account) = receiver(number);
        let mut body = json!({ "appid": APPID, "type": kind, "account": account });
        if is_there {
            body["relation_type"] = json!("SUPPLIER");
            body["name"] = json!("a");
        }
        if form == BRAND_FORM {
            body["brand_mchid"] = json!(BRAND);
        }
        let operation = if is_there { "add" } else { "delete" };
        let shown = self.ask("POST", &format!("{}/receivers/{operation}", PATHS[form]), &body).unwrap();
        assert_eq!((&shown["type"], &shown["account"]), (&json!(kind), &json!(account)));
    }

    /// The transaction_id of an order; one of nothing when it is not paid.
    fn id(&self, order: usize) -> &str {
        self.paid[order].as_deref().unwrap_or("4200000000000000000000000000")
    }

    fn split(&self, by_stranger: bool, number: usize, asked: &AskedSplit) -> Result<Value, Refused> {
        let mut body = json!({
            "sub_mchid": sub_mchid(asked.order), "transaction_id": self.id(asked.order),
            "out_order_no": format!("split-{number}"),
        });
        let mut operation = "finish-order";
        if asked.is_finish_order {
            body["description"] = json!("完结");
        } else {
            operation = "orders";
            let parts = asked.parts.iter().map(|(number, fen)| {
                let (kind, account) = receiver(*number);
                json!({ "type": kind, account_member(asked.form): account, "amount": fen, "description": "分" })
            });
            body["receivers"] = parts.collect();
            body["appid"] = json!(APPID);
            body["finish"] = json!(asked.finishes);
            if asked.form == BRAND_FORM {
                body["brand_mchid"] = json!(BRAND);
            }
        }
        let caller = if by_stranger { &self.stranger } else { &self.caller };
        let target = format!("{}/{operation}", PATHS[asked.form]);
        self.world.ask(caller, "POST", &target, &body).map_err(|refusal| refusal.code)
    }

    fn give_back(
        &self,
        form: usize,
        number: usize,
        (model, split, to, fen): (&Model, usize, usize, i64),
    ) -> Result<(), Refused> {
        let order = model.splits.get(&split).map_or(0, |split| split.asked.order);
        let body = json!({
            "sub_mchid": sub_mchid(order), "out_order_no": format!("split-{split}"),
            "out_return_no": format!("return-{number}"), "return_mchid": receiver(to).1, "amount": fen,
            "description": "退",
        });
        let shown = self.ask("POST", &format!("{}/returnorders", PATHS[form]), &body)?;
        assert_eq!((&shown["result"], &shown["amount"]), (&json!("SUCCESS"), &json!(fen)));
        Ok(())
    }

    fn refund(&mut self, number: usize, order: usize, fen: i64, is_advanced: bool) -> Result<(), Refused> {
        let sold = ORDERS[order];
        let account = if is_advanced { "PARTNER_ADVANCE" } else { "SUB_MERCHANT" };
        let mut body = json!({
            "sp_appid": APPID, "out_trade_no": format!("order-{order}"), "out_refund_no": format!("refund-{number}"),
            "refund_account": format!("REFUND_SOURCE_{account}"), "notify_url": NOTIFY_URL,
            "amount": { "refund": fen, "total": sold.total, "currency": "CNY" },
        });
        if sold.party != PLATFORM {
            body["sub_mchid"] = json!(MCHIDS[sold.party]);
        }
        let refund = self.ask("POST", "/v3/ecommerce/refunds/apply", &body)?;
        self.refunds.insert(number, refund["refund_id"].as_str().unwrap().to_owned());
        Ok(())
    }

    /// The fee for service after the sale of an order.
    fn share_after_sales(&self, order: usize, refund: usize, fen: i64) -> Result<(), Refused> {
        let refund_id = self.refunds.get(&refund).map_or("unknown", |id| id);
        let body = json!({
            "sub_mchid": sub_mchid(order), "transaction_id": self.id(order), "amount": fen,
            "type": "SERVICE_FEE_INCOME", "scene": "RETURN_GOODS", "refund_id": refund_id,
        });
        let shown = self.ask("POST", &format!("{}/after-sales-orders", PATHS[0]), &body)?;
        assert_eq!((&shown["sub_mchid"], &shown["amount"]), (&body["sub_mchid"], &body["amount"]));
        Ok(())
    }

    /// What a party has, now or at the end of a day.
    fn balances(&self, party: usize, date: Option<&str>) -> Result<Balances, Refused> {
        let (now, then, query) = match party {
            PLATFORM => ("merchant/fund/balance", "merchant/fund/dayendbalance", false),
            _ => ("ecommerce/fund/balance", "ecommerce/fund/enddaybalance", true),
        };
        let ask = |account: &str| -> Result<[i64; 2], Refused> {
            let named = if query { MCHIDS[party] } else { account };
            let path = if date.is_some() { then } else { now };
            let date = date.map(|date| format!("&date={date}")).unwrap_or_default();
            let account = if query { format!("&account_type={account}") } else { String::new() };
            let query = format!("{account}{date}");
            let shown = self.ask(
                "GET",
                &format!("/v3/{path}/{named}?{}", query.trim_start_matches('&')),
                &Value::Null,
            )?;
            Ok(["available_amount", "pending_amount"].map(|name| shown[name].as_i64().unwrap()))
        };
        // At the end of a day only the platform's own operation account can be asked for.
        let has_operation = party == PLATFORM || date.is_none();
        let operation = if has_operation { ask("OPERATION")? } else { [0, 0] };
        let ([available, pending], [operation, transferring]) = (ask("BASIC")?, operation);
        assert_eq!(transferring, 0);
        Ok([available, pending, operation])
    }

    /// The refund_id of a refund, and a sub-merchant: its own, if it has one.
    fn refund_of(&self, model: &Model, number: usize) -> (String, &'static str) {
        let id = self.refunds.get(&number).cloned().unwrap_or_else(|| "unknown".to_owned());
        (id, sub_mchid(model.refunds.get(&number).map_or(0, |refund| refund.order)))
    }

    fn return_advance(&self, model: &Model, number: usize) -> Result<String, Refused> {
        let (id, sub_mchid) = self.refund_of(model, number);
        let path = format!("/v3/ecommerce/refunds/{id}/return-advance");
        let shown = self.ask("POST", &path, &json!({ "sub_mchid": sub_mchid }))?;
        Ok(shown["result"].as_str().unwrap().to_owned())
    }

    fn withdraw(&self, number: usize, asked: AskedWithdrawal) -> Result<(), Refused> {
        let mut body = json!({
            "out_request_no": format!("withdrawal-{number}"), "amount": asked.fen, "account_type": asked.account,
            "notify_url": NOTIFY_URL,
        });
        let whose = if asked.party == PLATFORM {
            "merchant"
        } else {
            body["sub_mchid"] = json!(MCHIDS[asked.party]);
            "ecommerce"
        };
        let caller = if asked.by_stranger { &self.stranger } else { &self.caller };
        let done = self.world.ask(caller, "POST", &format!("/v3/{whose}/fund/withdraw"), &body);
        done.map(drop).map_err(|refusal| refusal.code)
    }

    fn decide_withdrawal(&self, number: usize, to: WithdrawalState) -> bool {
        let (number, now) = (format!("withdrawal-{number}"), self.world.now);
        let decided: Result<_, HandlerError> =
            self.world.act(|tx| control::decide(tx, NumberRef::of_any_merchant(&number), to, None, now));
        matches!(decided.unwrap(), Decided::Now(_))
    }

    fn decide(&self, number: usize, to: RefundState) -> bool {
        let Some(id) = self.refunds.get(&number) else { return false };
        let (decision, now) = (RefundDecision::Becomes(to), self.world.now);
        let decided: Result<_, HandlerError> =
            self.world.act(|tx| refund_control::decide(tx, (id, None), decision, now));
        matches!(decided.unwrap(), refund_control::Decided::Now(_))
    }
}

fn take(platform: &mut Platform, model: &mut Model, step: &Step) {
    match step.clone() {
        Step::Pay { order } => assert_eq!(platform.pay(order), model.pay(order)),
        Step::Relate { form, receiver, is_there } => {
            platform.relate(form, receiver, is_there);
            model.related[form][receiver] = is_there;
        }
        Step::Split { by_stranger, number, asked, again } => {
            let known = model.splits.get(&number).filter(|_| again);
            let asked = known.map_or(asked, |known| known.asked.clone());
            let got = platform.split(by_stranger, number, &asked).map(drop);
            assert_eq!(got, model.split(by_stranger, number, asked));
        }
        Step::Return { form, number, split, receiver, fen, tenths } => {
            let got = model.splits.iter().filter(|(_, split)| split.outcomes.contains(&Outcome::Success));
            let split = meant(split, got.map(|(number, _)| *number));
            let parts = model.splits.get(&split).map(|split| split.asked.parts.clone()).unwrap_or_default();
            let receiver = meant(receiver, parts.into_iter().map(|(receiver, _)| receiver));
            let fen = tenths.and_then(|tenths| model.part(split, receiver, tenths)).unwrap_or(fen);
            let got = platform.give_back(form, number, (&*model, split, receiver, fen));
            assert_eq!(got, model.give_back(number, split, receiver, fen));
        }
        Step::Refund { number, order, fen, is_advanced } => {
            let fen = fen.min(ORDERS[order].total);
            let got = platform.refund(number, order, fen, is_advanced);
            assert_eq!(got, model.refund(number, order, fen, is_advanced));
        }
        Step::Decide { number, to } => {
            let is_open =
                |refund: &Refund| !matches!(refund.state, RefundState::Success | RefundState::Closed);
            let open = model.refunds.iter().filter(|(_, refund)| is_open(refund));
            let number = meant(number, open.map(|(number, _)| *number));
            assert_eq!(platform.decide(number, to), model.decide(number, to));
        }
        Step::AfterSales { refund, other, fen, again } => {
            let refund = meant(refund, model.refunds.keys().copied());
            let order = other.or(model.refunds.get(&refund).map(|refund| refund.order)).unwrap_or(0);
            let known = model.after_sales.get(&order).filter(|_| again);
            let (refund, fen) = known.copied().unwrap_or((refund, fen));
            let got = platform.share_after_sales(order, refund, fen);
            assert_eq!(got, model.share_after_sales(order, refund, fen));
        }
        Step::DayEnd { party, days } => {
            let date = clock::date(model.now - days * DAY);
            assert_eq!(platform.balances(party, Some(&date)), model.at_the_end(party, days));
        }
        Step::ReturnAdvance { number } => {
            let advanced = model.refunds.iter().filter(|(_, refund)| refund.is_advanced);
            let number = meant(number, advanced.map(|(number, _)| *number));
            let got = platform.return_advance(model, number);
            assert_eq!(got, model.return_advance(number).map(str::to_owned));
        }
        Step::Withdraw { number, asked, again } => {
            let known = model.withdrawals.get(&number).filter(|_| again);
            let asked = known.map_or(asked, |known| known.asked);
            assert_eq!(platform.withdraw(number, asked), model.withdraw(number, asked));
        }
        Step::DecideWithdrawal { number, to } => {
            let number = meant(number, model.withdrawals.keys().copied());
            assert_eq!(platform.decide_withdrawal(number, to), model.decide_withdrawal(number, to));
        }
        Step::TopUp { party, fen, is_operation } => {
            let kind = if is_operation { AccountKind::Operation } else { AccountKind::Available };
            platform.world.move_by_bank(&Owner::merchant(MCHIDS[party]), kind, fen);
            let accounts = &mut model.accounts[party];
            *if is_operation { &mut accounts.operation } else { &mut accounts.available } += fen;
        }
        Step::Spend { receiver: number, fen } => {
            let fen = model.received[number].min(fen);
            if let Some(mchid) = STORES.get(number).filter(|_| fen > 0) {
                model.received[number] -= fen;
                platform.world.move_by_bank(&Owner::merchant(*mchid), AccountKind::Available, -fen);
            }
        }
        Step::Pass { seconds, is_late } => {
            model.pass(seconds, is_late);
            platform.world.pass(seconds, is_late);
        }
        Step::Restart => platform.world.restart(),
    }
    model.note();
}

fn check_money(platform: &Platform, model: &Model) {
    use AccountKind::{Available, Fees, Frozen, Operation, Refunding, Unsettled, Wallet, Withdrawing};
    let world = &platform.world;
    let accounts = MCHIDS.map(|mchid| {
        let kinds = [Unsettled, Available, Frozen, Fees, Refunding, Withdrawing, Operation];
        let [unsettled, available, frozen, fees, refunding, withdrawing, operation] =
            world.balances(mchid, kinds);
        Accounts { unsettled, available, frozen, fees, refunding, withdrawing, operation }
    });
    let mut received = [0; RECEIVERS];
    for (fen, mchid) in received.iter_mut().zip(STORES) {
        *fen = world.balance(&Owner::merchant(mchid), Available);
    }
    received[PERSON] = world.balance(&Owner::person(openid(PERSON)), Wallet);
    assert_eq!((accounts, received, world.sum()), (model.accounts, model.received, 0));
    let all = accounts.iter().flat_map(|one| {
        [one.unsettled, one.available, one.frozen, one.fees, one.refunding, one.withdrawing, one.operation]
    });
    assert!(all.chain(received).all(|fen| fen >= 0), "{accounts:?} {received:?}");
}

fn check_split(shown: &Value, form: usize, split: &Split) {
    assert_eq!(shown["status"], if split.is_finished { "FINISHED" } else { "PROCESSING" });
    assert_eq!(shown["finish_amount"].as_i64(), split.rest);
    let expected = split.asked.parts.iter().zip(&split.outcomes).map(|((number, fen), outcome)| {
        let result = match outcome {
            Outcome::Pending => "PENDING",
            Outcome::Success => "SUCCESS",
            Outcome::Closed => "CLOSED",
        };
        (json!(receiver(*number).1), json!(fen), json!(result))
    });
    let parts = shown["receivers"].as_array().unwrap().iter();
    let parts = parts
        .map(|part| (part[account_member(form)].clone(), part["amount"].clone(), part["result"].clone()));
    assert_eq!(parts.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

/// The rest of every order, what became of everything, and what the platform was notified of.
fn check_records(platform: &Platform, model: &mut Model) {
    for order in (0..ORDERS.len()).filter(|order| platform.paid[*order].is_some()) {
        // Looking is enough.
        model.release_late(order);
        let left =
            platform.ask("GET", &format!("{}/orders/{}/amounts", PATHS[0], platform.id(order)), &Value::Null);
        let left = left.map(|shown| shown["unsplit_amount"].as_i64().unwrap());
        let is_shared = ORDERS[order].is_shared;
        assert_eq!(left, if is_shared { Ok(model.orders[order].left) } else { Err("INVALID_REQUEST") });
    }
    for (number, split) in &model.splits {
        for (form, path) in PATHS.iter().enumerate() {
            let (order, id) = (split.asked.order, platform.id(split.asked.order));
            let target = format!(
                "{path}/orders?sub_mchid={}&transaction_id={id}&out_order_no=split-{number}",
                sub_mchid(order)
            );
            check_split(&platform.ask("GET", &target, &Value::Null).unwrap(), form, split);
        }
    }
    let of_sub_merchants = |refund: &Refund| ORDERS[refund.order].party != PLATFORM;
    for (number, refund) in model.refunds.iter().filter(|(_, refund)| of_sub_merchants(refund)) {
        let (id, sub_mchid) = platform.refund_of(model, *number);
        let target = format!("/v3/ecommerce/refunds/id/{id}?sub_mchid={sub_mchid}");
        let shown = platform.ask("GET", &target, &Value::Null).unwrap();
        // A platform has another word for it.
        let word = refund.state.word().replace("CLOSED", "CLOSE");
        let advance = refund.is_advanced.then_some(refund.fen);
        assert_eq!((&shown["status"], shown["amount"]["advance"].as_i64()), (&json!(word), advance));
        let target = format!("/v3/ecommerce/refunds/{id}/return-advance?sub_mchid={sub_mchid}");
        let result = platform.ask("GET", &target, &Value::Null).ok();
        let result = result.map(|shown| shown["result"].as_str().unwrap().to_owned());
        assert_eq!(result.as_deref(), refund.comes_back.map(|known| known.state));
    }
    for (number, known) in &model.withdrawals {
        let (whose, query) = match known.asked.party {
            PLATFORM => ("merchant", String::new()),
            party => ("ecommerce", format!("?sub_mchid={}", MCHIDS[party])),
        };
        let target = format!("/v3/{whose}/fund/withdraw/out-request-no/withdrawal-{number}{query}");
        let shown = platform.ask("GET", &target, &Value::Null);
        if model.now - known.made > 90 * DAY {
            assert_eq!(shown, Err("RESOURCE_NOT_EXISTS"));
        } else {
            assert_eq!(shown.unwrap()["status"], known.state.word());
        }
    }
    for order in (0..ORDERS.len()).filter(|order| ORDERS[*order].party != PLATFORM) {
        let target = format!(
            "{}/after-sales-orders?sub_mchid={}&transaction_id={}",
            PATHS[0],
            sub_mchid(order),
            platform.id(order)
        );
        let shown = platform.ask("GET", &target, &Value::Null);
        let shown =
            shown.map(|shown| (shown["amount"].as_i64(), shown["result"].as_str().map(str::to_owned)));
        let known = model.after_sales.get(&order).map(|(_, fen)| (Some(*fen), Some("SUCCESS".to_owned())));
        assert_eq!(shown, known.ok_or("RESOURCE_NOT_EXISTS"));
    }
    for (party, accounts) in model.accounts.iter().enumerate() {
        assert_eq!(platform.balances(party, None), Ok(accounts.balances()));
    }
    model.note();
    let mut expected = model.notified.clone();
    expected.sort_unstable();
    let mut found: Vec<_> = platform
        .world
        .outbox()
        .into_iter()
        .map(|entry| {
            let members = ["out_refund_no", "out_request_no", "out_trade_no"];
            let number = members.into_iter().find_map(|member| entry.resource[member].as_str());
            format!("{} {}", entry.event_type, number.unwrap_or_default())
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected);
}

/// The fund flow bills of all days say what there is, and each balance follows from the one before.
fn check_bills(platform: &Platform, model: &Model) {
    for (mchid, accounts) in MCHIDS.iter().zip(&model.accounts) {
        assert_eq!(platform.world.act(|tx| balances(tx, mchid)).unwrap(), accounts.billed(), "{mchid}");
    }
    for (mchid, received) in STORES.iter().zip(model.received) {
        assert_eq!(platform.world.act(|tx| balances(tx, mchid)).unwrap(), [received, 0], "{mchid}");
    }
}

fn live(steps: &[Step]) {
    let (mut platform, mut model) = (Platform::new(), Model::new());
    // Something is there that can be shared and advanced, or nearly all would be refused.
    take(&mut platform, &mut model, &Step::TopUp { party: PLATFORM, fen: 30_000, is_operation: false });
    for form in 0..=BRAND_FORM {
        take(&mut platform, &mut model, &Step::Relate { form, receiver: 0, is_there: true });
    }
    for (position, step) in steps.iter().enumerate() {
        take(&mut platform, &mut model, step);
        check_money(&platform, &model);
        if position % 10 == 9 {
            check_records(&platform, &mut model);
        }
    }
    check_records(&platform, &mut model);
    check_bills(&platform, &model);
}

#[test]
fn platforms_live_as_the_model_says_and_money_is_conserved() {
    let steps = Steps { variable: "WEIPAY_PLATFORM_STEPS", default: 1_500, of_a_life: 150 };
    live_randomly(steps, step(), live);
}

/// What waits to be shared pays the fee first; after its end the available money does.
#[test]
fn a_fee_for_service_after_a_sale_is_taken_once_of_an_order() {
    let pass = |seconds| Step::Pass { seconds, is_late: false };
    let share = |refund, fen| Step::AfterSales { refund, other: None, fen, again: false };
    live(&[
        Step::Pay { order: 1 },
        Step::Pay { order: 2 },
        Step::Refund { number: 0, order: 1, fen: 200, is_advanced: false },
        share(0, 801),
        share(0, 800),
        share(0, 300),
        share(0, 300),
        share(0, 301),
        pass(30 * DAY),
        Step::Refund { number: 1, order: 2, fen: 100, is_advanced: false },
        share(1, 400),
        Step::DayEnd { party: 1, days: 1 },
        pass(DAY),
        Step::DayEnd { party: 0, days: 1 },
        Step::DayEnd { party: 1, days: 1 },
        Step::DayEnd { party: PLATFORM, days: 1 },
    ]);
}

#[test]
fn an_advance_is_asked_back_for_90_days_and_not_longer() {
    let withdrawal = AskedWithdrawal { party: 0, fen: 400, account: "BASIC", by_stranger: false };
    let pass = |seconds| Step::Pass { seconds, is_late: false };
    let steps = [
        Step::Pay { order: 3 },
        Step::Refund { number: 0, order: 3, fen: 500, is_advanced: true },
        pass(DAY),
        Step::Withdraw { number: 0, asked: withdrawal, again: false },
        Step::ReturnAdvance { number: 0 },
        pass(90 * DAY - 1),
        Step::ReturnAdvance { number: 0 },
        pass(1),
        Step::TopUp { party: 0, fen: 1_000, is_operation: false },
        Step::ReturnAdvance { number: 0 },
    ];
    live(&steps);
}

#[test]
fn a_withdrawal_is_remembered_by_its_number_for_six_days() {
    let asked = AskedWithdrawal { party: PLATFORM, fen: 400, account: "BASIC", by_stranger: false };
    let withdraw = || Step::Withdraw { number: 0, asked, again: false };
    let pass = |seconds| Step::Pass { seconds, is_late: false };
    live(&[withdraw(), pass(6 * DAY), withdraw(), pass(1), withdraw()]);
}
