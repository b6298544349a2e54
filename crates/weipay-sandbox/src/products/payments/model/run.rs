//! The handlers on a database, asked step by step, and compared with the model.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::combined::CombinedOrder;
use super::super::order::{Combination, Order, TradeType};
use super::super::payment::SOMEBODY;
use super::super::person::{PaymentError, PaymentRequest, PaymentResult, pay_one};
use super::super::profit_sharing::funds::SharedFunds;
use super::step::{Pays, Step, WALLETS, Wish, step};
use super::{Accounts, Asked, Model, NOW, Refused, SINGLES, WHOLES, part_numbers};
use crate::clock::{self, Clock};
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::merchants::{Account, Merchant};
use crate::products::HandlerError;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::World;
use crate::sandbox::Sandbox;
use crate::store::StoreError;

const PERSONS: [&str; 3] = ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p", SOMEBODY];
const SUB_MCHID: &str = "1900000110";

/// A merchant of a sandbox, in its own world.
struct Shop<'a> {
    world: World<'a>,
    merchant: Arc<Merchant>,
    codes: u64,
    refunds: u64,
}

impl<'a> Shop<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let merchants = &sandbox.platform().merchants;
        let shop = Self {
            world: World::with_merchants(merchants),
            merchant: merchants.find(&sandbox.kit().mchid).unwrap(),
            codes: 0,
            refunds: 0,
        };
        for (person, fen) in PERSONS.into_iter().zip(WALLETS) {
            shop.world.move_by_bank(&Owner::person(person), AccountKind::Wallet, fen);
        }
        shop
    }

    fn account(&self) -> &Account {
        &self.merchant.account
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        self.world.ask(self.account(), method, target, body).map_err(|refusal| refusal.code)
    }

    fn create(&self, number: usize, asked: &Asked) -> Result<Value, Refused> {
        let (wish, account) = (asked.wish, self.account());
        let mut body = json!({
            "description": "茶", "out_trade_no": order_number(number), "amount": { "total": wish.total },
            "settle_info": { "profit_sharing": wish.is_shared },
        });
        let (between, openid) = match wish.is_partner {
            true => {
                body["sp_appid"] = json!(account.appids[0]);
                body["sp_mchid"] = json!(account.mchid);
                body["sub_mchid"] = json!(SUB_MCHID);
                ("partner/", "sp_openid")
            }
            false => {
                body["appid"] = json!(account.appids[0]);
                body["mchid"] = json!(account.mchid);
                ("", "openid")
            }
        };
        if wish.product != TradeType::Micropay {
            body["notify_url"] = json!("https://example.com/notify");
            body["time_expire"] = json!(clock::rfc3339(asked.made + wish.life));
        }
        match wish.product {
            TradeType::Jsapi => body["payer"] = json!({ openid: PERSONS[super::NAMED] }),
            TradeType::Mweb => {
                body["scene_info"] = json!({ "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } });
            }
            TradeType::Micropay => {
                body["payer"] = json!({ "auth_code": format!("13{:016}", asked.code) });
                body["scene_info"] = json!({ "store_info": { "id": "0001" } });
            }
            TradeType::App | TradeType::Native | TradeType::Pap | TradeType::Auth => {}
        }
        let product = product_path(wish.product);
        self.ask("POST", &format!("/v3/pay/{between}transactions/{product}"), &body)
    }

    fn combine(&self, whole: usize, asked: &Asked) -> Result<Value, Refused> {
        let (wish, account) = (asked.wish, self.account());
        let [first, second] = part_numbers(whole);
        let part = |number: usize, total: i64| {
            let mut part = json!({
                "mchid": account.mchid, "attach": "a", "out_trade_no": order_number(number), "description": "茶",
                "amount": { "total_amount": total, "currency": "CNY" },
                "settle_info": { "profit_sharing": wish.is_shared },
            });
            if wish.is_partner {
                part["sub_mchid"] = json!(SUB_MCHID);
            }
            part
        };
        let mut body = json!({
            "combine_appid": account.appids[0], "combine_mchid": account.mchid,
            "combine_out_trade_no": whole_number(whole), "notify_url": "https://example.com/notify",
            "time_expire": clock::rfc3339(asked.made + wish.life),
            "sub_orders": [part(first, wish.total), part(second, 97)],
        });
        if wish.product == TradeType::Jsapi {
            body["combine_payer_info"] = json!({ "openid": PERSONS[super::NAMED] });
        }
        self.ask("POST", &format!("/v3/combine-transactions/{}", product_path(wish.product)), &body)
    }

    /// What a query of an order names: path, query and body.
    fn named(&self, is_partner: bool) -> (&'static str, String, Value) {
        let mchid = &self.account().mchid;
        match is_partner {
            true => (
                "partner/",
                format!("sp_mchid={mchid}&sub_mchid={SUB_MCHID}"),
                json!({ "sp_mchid": mchid, "sub_mchid": SUB_MCHID }),
            ),
            false => ("", format!("mchid={mchid}"), json!({ "mchid": mchid })),
        }
    }

    fn query(&self, number: usize, is_partner: bool) -> Result<Value, Refused> {
        let (between, query, _) = self.named(is_partner);
        let number = order_number(number);
        self.ask("GET", &format!("/v3/pay/{between}transactions/out-trade-no/{number}?{query}"), &Value::Null)
    }

    fn query_by_transaction(&self, id: &str, is_partner: bool) -> Result<Value, Refused> {
        let (between, query, _) = self.named(is_partner);
        self.ask("GET", &format!("/v3/pay/{between}transactions/id/{id}?{query}"), &Value::Null)
    }

    fn close(&self, number: usize, is_partner: bool) -> Result<Value, Refused> {
        let (between, _, body) = self.named(is_partner);
        let number = order_number(number);
        self.ask("POST", &format!("/v3/pay/{between}transactions/out-trade-no/{number}/close"), &body)
    }

    fn reverse(&self, number: usize, is_partner: bool) -> Result<Value, Refused> {
        let (between, _, mut body) = self.named(is_partner);
        body[if is_partner { "sp_appid" } else { "appid" }] = json!(self.account().appids[0]);
        let number = order_number(number);
        self.ask("POST", &format!("/v3/pay/{between}transactions/out-trade-no/{number}/reverse"), &body)
    }

    fn close_combined(&self, whole: usize, is_partner: bool) -> Result<Value, Refused> {
        let parts = part_numbers(whole).map(|number| {
            let mut part = json!({ "mchid": self.account().mchid, "out_trade_no": order_number(number) });
            if is_partner {
                part["sub_mchid"] = json!(SUB_MCHID);
            }
            part
        });
        let body = json!({ "combine_appid": self.account().appids[0], "sub_orders": parts });
        let number = whole_number(whole);
        self.ask("POST", &format!("/v3/combine-transactions/out-trade-no/{number}/close"), &body)
    }

    fn query_combined(&self, whole: usize) -> Result<Value, Refused> {
        let target = format!("/v3/combine-transactions/out-trade-no/{}", whole_number(whole));
        self.ask("GET", &target, &Value::Null)
    }

    /// `None` when it cannot be paid.
    fn pay(&self, number: usize, pays: Pays) -> Option<PaymentResult> {
        let mut wish = PaymentRequest::new(order_number(number)).discount(pays.discount);
        if let Some(person) = pays.person {
            wish = wish.by_person(PERSONS[person]);
        }
        if let Some(failure) = pays.fail {
            wish = wish.failing(failure);
        }
        if pays.wallet {
            wish = wish.by_wallet();
        }
        let paid = self.world.act(|tx| {
            let order = Order::find_by_number(tx, &self.account().mchid, &order_number(number))?;
            let order = order.ok_or_else(|| PaymentError::NotFound(String::new()))?;
            match &order.combined {
                Some(combination) => {
                    let combined = CombinedOrder::find(tx, combination)?.unwrap();
                    combined.pay(tx, &wish.means()?, self.world.now)
                }
                None => pay_one(tx, order, &wish, self.world.now),
            }
        });
        match paid {
            Ok(paid) => Some(paid),
            Err(PaymentError::Store(error)) => panic!("{error}"),
            Err(_) => None,
        }
    }

    fn refund(&mut self, number: usize, fen: i64, total: i64, is_partner: bool) -> Result<Value, Refused> {
        self.refunds += 1;
        let mut body = json!({
            "out_trade_no": order_number(number), "out_refund_no": format!("refund-{}", self.refunds),
            "amount": { "refund": fen, "total": total, "currency": "CNY" },
        });
        if is_partner {
            body["sub_mchid"] = json!(SUB_MCHID);
        }
        self.ask("POST", "/v3/refund/domestic/refunds", &body)
    }
}

fn product_path(product: TradeType) -> &'static str {
    match product {
        TradeType::Jsapi => "jsapi",
        TradeType::App => "app",
        TradeType::Mweb => "h5",
        TradeType::Native => "native",
        TradeType::Micropay => "codepay",
        TradeType::Pap | TradeType::Auth => unreachable!("contracts and pay score have their own models"),
    }
}

fn order_number(number: usize) -> String {
    format!("order-{number:02}")
}

fn whole_number(whole: usize) -> String {
    format!("whole-{whole}")
}

fn live(sandbox: &Sandbox, steps: &[Step]) {
    let (mut shop, mut model) = (Shop::new(sandbox), Model::new());
    for step in steps {
        take(&mut shop, &mut model, step);
        check_money(&shop, &model, step);
        check_orders(&shop, &model, step);
    }
}

fn take(shop: &mut Shop<'_>, model: &mut Model, step: &Step) {
    let asked = |known: Option<Asked>, wish: Wish, again: bool, codes: &mut u64| match known {
        Some(asked) if again => asked,
        _ => {
            *codes += u64::from(wish.product == TradeType::Micropay);
            Asked { wish, made: model.now, code: *codes }
        }
    };
    let known = |number: usize| model.orders.get(&number).map(|order| order.asked);
    let is_partner = |number: usize| known(number).is_some_and(|asked| asked.wish.is_partner);
    match *step {
        Step::Create { number, wish, again } => {
            let asked = asked(known(number), wish, again, &mut shop.codes);
            let got = shop.create(number, &asked);
            let expected = model.create(number, asked);
            assert_eq!(got.as_ref().err(), expected.as_ref().err(), "{step:?} {model:?}");
            if let (Ok(shown), Ok(state)) = (got, expected)
                && asked.wish.product == TradeType::Micropay
            {
                assert_eq!(shown["trade_state"], state.word(), "{step:?} {model:?}");
            }
        }
        Step::Combine { whole, wish, again } => {
            let first = model.orders.get(&part_numbers(whole)[0]).filter(|order| order.whole == Some(whole));
            let asked = asked(first.map(|order| order.asked), wish, again, &mut shop.codes);
            let got = shop.combine(whole, &asked).map(drop);
            assert_eq!(got, model.combine(whole, asked), "{step:?} {model:?}");
        }
        Step::Query { number } => {
            let got = shop.query(number, is_partner(number));
            let got = got.map(|order| order["trade_state"].as_str().unwrap().to_owned());
            assert_eq!(got, model.query(number).map(|state| state.word().to_owned()), "{step:?} {model:?}");
        }
        Step::Close { number } => {
            let got = shop.close(number, is_partner(number)).map(drop);
            assert_eq!(got, model.close(number), "{step:?} {model:?}");
        }
        Step::CloseCombined { whole } => {
            let got = shop.close_combined(whole, is_partner(part_numbers(whole)[0])).map(drop);
            assert_eq!(got, model.close_combined(whole), "{step:?} {model:?}");
        }
        Step::Pay { number, pays } => {
            let got = shop.pay(number, pays);
            let expected = model.pay(number, pays);
            assert_eq!(got.as_ref().map(|paid| paid.paid), expected, "{step:?} {model:?}");
        }
        Step::Reverse { number } => {
            let got = shop.reverse(number, is_partner(number)).map(drop);
            assert_eq!(got, model.reverse(number), "{step:?} {model:?}");
        }
        Step::Refund { number, fen } => {
            let total = model.orders.get(&number).map_or(fen, |order| order.total);
            let fen = fen.min(total);
            let got = shop.refund(number, fen, total, is_partner(number));
            let expected = model.may_refund(number, fen);
            assert_eq!(got.as_ref().err(), expected.as_ref().err(), "{step:?} {model:?}");
            if let Ok(refund) = got {
                let amount = |name: &str| refund["amount"][name].as_i64().unwrap();
                let (payer, fee) = (amount("payer_refund"), amount("refund_fee"));
                assert!((0..=fen).contains(&payer) && (0..=payer).contains(&fee), "{refund}");
                model.refund(number, fen, payer, fee);
            }
        }
        Step::Pass { seconds, is_done } => {
            model.pass(seconds, is_done);
            shop.world.now = model.now;
            if is_done {
                shop.world.tick();
            }
        }
        Step::Restart => shop.world.restart(),
    }
}

fn check_money(shop: &Shop<'_>, model: &Model, step: &Step) {
    use AccountKind::{Available, Fees, Frozen, Refunding, Unsettled};
    let world = &shop.world;
    let payees = [&*shop.account().mchid, SUB_MCHID].map(|mchid| {
        let [unsettled, available, frozen, fees, refunding] =
            world.balances(mchid, [Unsettled, Available, Frozen, Fees, Refunding]);
        Accounts { unsettled, available, frozen, fees, refunding }
    });
    let wallets = PERSONS.map(|person| world.balance(&Owner::person(person), AccountKind::Wallet));
    let (sum, outbox) = (world.sum(), world.outbox());
    assert_eq!((payees, wallets, sum), (model.accounts, model.wallets, 0), "{step:?} {model:?}");
    assert_eq!(outbox.len(), model.notified, "{step:?} {model:?}");
    assert!(outbox.iter().all(|entry| entry.event_type == "TRANSACTION.SUCCESS"));
}

fn check_orders(shop: &Shop<'_>, model: &Model, step: &Step) {
    let mchid = &shop.account().mchid;
    let mut transactions = Vec::new();
    for number in 0..SINGLES + 2 * WHOLES {
        let found: Result<_, StoreError> = shop.world.act(|tx| {
            let order = Order::find_by_number(tx, mchid, &order_number(number))?;
            let id = order.as_ref().and_then(Order::transaction_id);
            Ok((tx.get::<SharedFunds>(id.unwrap_or_default())?, order))
        });
        let (funds, order) = found.unwrap();
        let order = order.map(|order| order.seen_at(shop.world.now));
        let Some(known) = model.orders.get(&number) else {
            assert!(order.is_none(), "{step:?} {order:?}");
            continue;
        };
        let order = order.unwrap();
        assert_eq!((order.state, order.total), (known.state, known.total), "{step:?} {model:?}");
        let whole = known
            .whole
            .map(|whole| Combination { merchant: mchid.clone(), out_trade_no: whole_number(whole) });
        assert_eq!(order.combined, whole);
        let paid = order.payment.as_ref().map(|payment| (payment.payer_total, payment.refunded));
        assert_eq!(paid, known.payment.map(|payment| (payment.payer_total, known.refunded)), "{step:?}");
        let waits = funds.filter(|funds| funds.is_open).map(|funds| funds.left);
        assert_eq!(waits, known.waits, "{step:?} {model:?}");
        if let Some(id) = order.transaction_id() {
            transactions.push((number, id.to_owned(), known.asked.wish.is_partner));
        }
    }
    // A query of everything after every step would be most of the time.
    if !matches!(step, Step::Restart | Step::Query { .. }) {
        return;
    }
    for (number, id, is_partner) in transactions {
        let got = shop.query_by_transaction(&id, is_partner);
        let got = got.map(|order| order["trade_state"].as_str().unwrap().to_owned());
        assert_eq!(got, model.query(number).map(|state| state.word().to_owned()), "{number} {model:?}");
    }
    for whole in (0..WHOLES).filter(|whole| model.is_combined(*whole)) {
        let shown = shop.query_combined(whole).unwrap();
        for (index, number) in part_numbers(whole).into_iter().enumerate() {
            assert_eq!(shown["sub_orders"][index]["trade_state"], model.orders[&number].state.word());
        }
    }
}

#[test]
fn a_shared_order_is_not_reversed_with_the_money_of_another() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap();
    let shop = Shop::new(&sandbox);
    let product = TradeType::Micropay;
    let wish = Wish { product, is_partner: false, is_shared: true, total: 1_000, life: 600 };
    for number in 0..2 {
        shop.create(number, &Asked { wish, made: NOW, code: number as u64 }).unwrap();
    }
    let mchid = shop.account().mchid.clone();
    let share: Result<(), HandlerError> = shop.world.act(|tx| {
        let order = Order::find_by_number(tx, &mchid, &order_number(0))?.unwrap();
        let mut funds = SharedFunds::find(tx, &order, NOW)?.unwrap();
        funds.left -= 100;
        tx.save(&funds)?;
        let owner = Owner::merchant(mchid.as_str());
        let (from, to) = (owner.account(AccountKind::Frozen), owner.account(AccountKind::Available));
        post(tx, Posting::new(Business::ProfitSharing, "", NOW).moves(from, to, 100)).unwrap();
        Ok(())
    });
    share.unwrap();
    assert_eq!(shop.reverse(0, false).map(drop), Err("NOT_ENOUGH"));
    assert_eq!(shop.reverse(1, false).map(drop), Ok(()));
    assert_eq!(shop.world.balance(&Owner::merchant(mchid.as_str()), AccountKind::Frozen), 894);
}

#[test]
fn orders_live_as_the_model_says_and_money_is_conserved() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap();
    let steps = Steps { variable: "WEIPAY_ORDER_STEPS", default: 1_000, of_a_life: 50 };
    live_randomly(steps, step(), |steps| live(&sandbox, steps));
}

#[test]
fn a_sub_merchants_part_of_a_combined_order_can_be_shared_for_180_days() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap();
    let product = TradeType::App;
    let wish = Wish { product, is_partner: true, is_shared: true, total: 1_000, life: 600 };
    let pass = |seconds| Step::Pass { seconds, is_done: true };
    live(
        &sandbox,
        &[
            Step::Combine { whole: 1, wish, again: false },
            Step::Pay { number: part_numbers(1)[0], pays: Pays::default() },
            pass(180 * clock::DAY - 1),
            pass(1),
        ],
    );
}
