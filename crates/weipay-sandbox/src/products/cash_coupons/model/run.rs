//! The handlers on a database, asked step by step, and compared with the model.

use serde_json::{Value, json};

use super::step::{Step, step};
use super::{Accounts, Home, Model, Refused, STOCKS};
use crate::clock::{self, Clock};
use crate::ledger::{AccountKind, Owner};
use crate::merchants::Account;
use crate::products::bills::read_back::balances;
use crate::products::payments::person::PaymentRequest;
use crate::products::testing::random_steps::{Steps, live_randomly};
use crate::products::testing::world::{NOW, Sale, World, merchant, openid};
use crate::sandbox::Sandbox;

const BASE: &str = "/v3/marketing/favor";

struct Shop<'a> {
    world: World<'a>,
    callers: [Account; 2],
    stocks: [Option<String>; STOCKS.len()],
    /// As they were sent.
    coupons: Vec<String>,
    refunds: usize,
}

impl<'a> Shop<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        let merchants = &sandbox.platform().merchants;
        let own = merchants.find(&sandbox.kit().mchid).unwrap().account.clone();
        let stranger = Account { appids: own.appids.clone(), ..merchant("1900000999", &[]) };
        let world = World::with_merchants(merchants);
        let shop = Self {
            world,
            callers: [own, stranger],
            stocks: Default::default(),
            coupons: Vec::new(),
            refunds: 0,
        };
        let callback = json!({ "mchid": shop.mchid(), "notify_url": "https://example.com/coupons" });
        shop.ask(0, "POST", "callbacks", &callback).unwrap();
        shop
    }

    fn mchid(&self) -> &str {
        &self.callers[0].mchid
    }

    fn ask(&self, caller: usize, method: &str, target: &str, body: &Value) -> Result<Value, Refused> {
        let done = self.world.ask(&self.callers[caller], method, &format!("{BASE}/{target}"), body);
        done.map_err(|refusal| refusal.code)
    }

    fn create(&mut self, number: usize) -> Result<(), Refused> {
        let template = STOCKS[number];
        let mut times = json!({});
        if let Some(minutes) = template.minutes {
            times = json!({ "available_time_after_receive": minutes });
        }
        if let Some(end) = template.own_end {
            times["available_end_time"] = json!(clock::rfc3339(end));
        }
        let mut body = json!({
            "stock_name": "开业代金券", "belong_merchant": self.mchid(),
            "available_begin_time": clock::rfc3339(template.begin),
            "available_end_time": clock::rfc3339(template.end),
            "stock_use_rule": {
                "max_coupons": template.count, "max_amount": template.amount * template.count,
                "max_coupons_per_user": template.per_user, "natural_person_limit": false,
                "prevent_api_abuse": false,
            },
            "coupon_use_rule": {
                "coupon_available_time": times,
                "fixed_normal_coupon": {
                    "coupon_amount": template.amount, "transaction_minimum": template.minimum,
                },
            },
            "no_cash": template.no_cash, "stock_type": "NORMAL", "out_request_no": format!("create-{number}"),
        });
        if let Some(per_day) = template.per_day {
            body["stock_use_rule"]["max_amount_by_day"] = json!(per_day * template.amount);
        }
        let made = self.ask(0, "POST", "coupon-stocks", &body)?;
        let id = made["stock_id"].as_str().unwrap().to_owned();
        assert!(self.stocks[number].as_ref().is_none_or(|known| *known == id));
        self.stocks[number] = Some(id);
        Ok(())
    }

    /// The stock_id; one of nothing when it was not made.
    fn id(&self, stock: usize) -> &str {
        self.stocks[stock].as_deref().unwrap_or("1")
    }

    fn step(&self, caller: usize, stock: usize, step: &str) -> Result<(), Refused> {
        let body = json!({ "stock_creator_mchid": self.callers[caller].mchid });
        self.ask(caller, "POST", &format!("stocks/{}/{step}", self.id(stock)), &body).map(drop)
    }

    /// The position of the coupon.
    fn send(
        &mut self,
        caller: usize,
        (stock, person, number): (usize, usize, usize),
    ) -> Result<usize, Refused> {
        let body = json!({
            "stock_id": self.id(stock), "out_request_no": format!("send-{number}"),
            "appid": self.callers[0].appids[0], "stock_creator_mchid": self.mchid(),
        });
        let target = format!("users/{}/coupons", openid(person));
        let sent = self.ask(caller, "POST", &target, &body)?;
        let id = sent["coupon_id"].as_str().unwrap().to_owned();
        Ok(self.coupons.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.coupons.push(id);
            self.coupons.len() - 1
        }))
    }

    fn pay(&self, number: usize, person: usize, total: i64) -> Option<i64> {
        let number = format!("order-{number}");
        let sale = Sale { sub_mchid: None, number: &number, fen: total, is_shared: false, person };
        if self.world.make_order(&self.callers[0], &sale).is_err() {
            return None;
        }
        let pays = PaymentRequest::new(&*number).by_person(openid(person));
        self.world.pay(self.mchid(), &number, &pays).ok().map(|paid| paid.payer_total)
    }

    fn refund(&mut self, number: usize, fen: i64, total: i64) -> Result<i64, Refused> {
        self.refunds += 1;
        let body = json!({
            "out_trade_no": format!("order-{number}"), "out_refund_no": format!("refund-{}", self.refunds),
            "amount": { "refund": fen, "total": total, "currency": "CNY" },
        });
        let refund = self.world.ask(&self.callers[0], "POST", "/v3/refund/domestic/refunds", &body);
        refund.map(|shown| shown["amount"]["payer_refund"].as_i64().unwrap()).map_err(|refusal| refusal.code)
    }
}

fn take(shop: &mut Shop<'_>, model: &mut Model, step: &Step) {
    match *step {
        Step::Create { stock } => assert_eq!(shop.create(stock), model.create(stock)),
        Step::Start { caller, stock } => {
            assert_eq!(shop.step(caller, stock, "start"), model.start(caller, stock));
        }
        Step::Switch { caller, stock, to } => {
            let operation = match to {
                "paused" => "pause",
                "running" => "restart",
                _ => "stop",
            };
            assert_eq!(shop.step(caller, stock, operation), model.switch(caller, stock, to));
        }
        Step::Send { caller, stock, person, number } => {
            let asked = (stock, person, number);
            assert_eq!(shop.send(caller, asked), model.send(caller, asked));
        }
        Step::Pay { number, person, total } => {
            assert_eq!(shop.pay(number, person, total), model.pay(number, person, total));
        }
        Step::Refund { number, fen } => {
            let total = model.orders.get(&number).map_or(1_000, |order| order.total);
            let fen = fen.map_or(total, |fen| fen.min(total));
            assert_eq!(shop.refund(number, fen, total), model.refund(number, fen));
        }
        Step::TopUp { account, fen } => {
            let kind = match account {
                Home::Marketing => AccountKind::Marketing,
                Home::Available => AccountKind::Available,
                Home::Operation => AccountKind::Operation,
            };
            shop.world.move_by_bank(&Owner::merchant(shop.mchid()), kind, fen);
            *model.accounts.of(account) += fen;
        }
        Step::Pass { seconds } => {
            model.pass(seconds);
            shop.world.pass(seconds, false);
        }
        Step::Restart => shop.world.restart(),
    }
}

fn check_money(shop: &Shop<'_>, model: &Model) {
    use AccountKind::{Available, Fees, Marketing, Operation, Refunding, Unsettled};
    let kinds = [Unsettled, Available, Operation, Marketing, Fees, Refunding];
    let [unsettled, available, operation, marketing, fees, refunding] =
        shop.world.balances(shop.mchid(), kinds);
    let accounts = Accounts { unsettled, available, operation, marketing, fees, refunding };
    assert_eq!((accounts, shop.world.sum()), (model.accounts, 0));
}

/// The fund flow bills, of which the last shows the day that is not over, say what is in the accounts.
fn check_bills(shop: &Shop<'_>, model: &Model) {
    let Accounts { unsettled, available, operation, .. } = model.accounts;
    let billed = shop.world.act(|tx| balances(tx, shop.mchid())).unwrap();
    assert_eq!(billed, [unsettled + available, operation]);
}

fn check_records(shop: &Shop<'_>, model: &Model) {
    for (number, known) in model.stocks.iter().enumerate() {
        let target = format!("stocks/{}?stock_creator_mchid={}", shop.id(number), shop.mchid());
        let shown = shop.ask(0, "GET", &target, &Value::Null);
        let status = shown.map(|shown| shown["status"].as_str().unwrap().to_owned());
        let expected = known.as_ref().map(|known| known.state.to_owned()).ok_or("RESOURCE_NOT_EXISTS");
        assert_eq!(status, expected);
    }
    for (known, id) in model.coupons.iter().zip(&shop.coupons) {
        let (openid, appid) = (openid(known.person), &shop.callers[0].appids[0]);
        let target = format!("users/{openid}/coupons/{id}?appid={appid}");
        let shown = shop.ask(0, "GET", &target, &Value::Null).unwrap();
        assert_eq!(shown["status"], known.status(model.now));
    }
    let mut expected: Vec<_> = model.notified.iter().map(|coupon| shop.coupons[*coupon].clone()).collect();
    expected.sort_unstable();
    let found = shop.world.notified(&["coupon_id"]).into_iter();
    let found: Vec<_> = found.filter(|(event, _)| event == "COUPON.USE").map(|(_, coupon)| coupon).collect();
    assert_eq!(found, expected);
}

#[test]
fn cash_coupons_live_as_the_model_says_and_money_is_conserved() {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap();
    let steps = Steps { variable: "WEIPAY_CASH_COUPON_STEPS", default: 1_200, of_a_life: 150 };
    live_randomly(steps, step(), |steps| {
        let (mut shop, mut model) = (Shop::new(&sandbox), Model::new());
        // Stocks are made before they begin, and now and then too late.
        let first = (0..STOCKS.len()).rev().take(3).map(|stock| Step::Create { stock });
        for (position, step) in first.chain(steps.iter().cloned()).enumerate() {
            take(&mut shop, &mut model, &step);
            check_money(&shop, &model);
            if position % 10 == 9 {
                check_records(&shop, &model);
                check_bills(&shop, &model);
            }
        }
    });
}
