//! A store with the handlers of all products on top, without a server: what reference models are compared with, and where things
//! happen at the same time.

use std::cell::{Cell, RefCell};
use std::sync::{Barrier, LazyLock};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use weipay_catalog::Catalog;
use weipay_wire::ApiV3Key;

use crate::contract::{Contract, ValidRequest};
use crate::entropy::Entropy;
use crate::ledger::{AccountKind, Business, Owner, Posting, Purse, post, sum_of_everything};
use crate::merchants::{Account, Merchants};
use crate::products::payments::order::Order;
use crate::products::payments::person::{PaymentError, PaymentRequest, PaymentResult, pay_one};
use crate::products::{Context, HandlerError, PRODUCTS, due_handler, handler};
use crate::response::Refusal;
use crate::store::{Due, OutboxEntry, Store, StoreError, Transaction};

/// 2027-01-15T16:00:00+08:00.
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const APPID: &str = "wx8888888888888888";

/// A merchant with an appid that is bound to it.
pub(crate) fn merchant(mchid: &str, sub_merchants: &[&str]) -> Account {
    let sub_merchants = sub_merchants.iter().map(|&mchid| mchid.to_owned()).collect();
    Account { mchid: mchid.to_owned(), appids: vec![APPID.to_owned()], sub_merchants }
}

/// A merchant before it had sub-merchants, when it sold something itself.
pub(crate) fn selling_itself(merchant: &Account) -> Account {
    Account { sub_merchants: Vec::new(), ..merchant.clone() }
}

/// An openid; another for each number.
pub(crate) fn openid(number: usize) -> String {
    format!("o{number:027}")
}

pub(crate) struct World<'a> {
    folder: TempDir,
    store: Option<Store>,
    contract: Contract,
    entropy: Entropy,
    merchants: &'a Merchants,
    api_v3_key: ApiV3Key,
    pub(crate) now: i64,
}

impl World<'static> {
    pub(crate) fn new() -> Self {
        static NOBODY: LazyLock<Merchants> = LazyLock::new(Merchants::default);
        World::with_merchants(&NOBODY)
    }
}

impl<'a> World<'a> {
    /// For products that look merchants up, beside the one that asks.
    pub(crate) fn with_merchants(merchants: &'a Merchants) -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            store: None,
            contract: Contract::default(),
            entropy: Entropy::seeded(1),
            merchants,
            api_v3_key: ApiV3Key::new(&"0".repeat(32)).unwrap(),
            now: NOW,
        };
        world.restart();
        world
    }

    /// Closes the database and opens it again.
    pub(crate) fn restart(&mut self) {
        self.store = None;
        self.store = Some(Store::open(&self.folder.path().join("state.db")).unwrap());
    }

    /// Works on the store, as people and developers do by the control API.
    pub(crate) fn act<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.store().transaction(work)
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// A merchant asks an operation of APIv3.
    pub(crate) fn ask(
        &self,
        caller: &Account,
        method: &str,
        target: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        self.ask_with_key(caller, method, target, body, None)
    }

    /// The same, of an operation that has its request number in a header.
    pub(crate) fn ask_with_key(
        &self,
        caller: &Account,
        method: &str,
        target: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Value, Refusal> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let routed = Catalog::embedded().route(method, path).unwrap();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = self.contract.checked(&routed, query, &body)?;
        let handler = handler(PRODUCTS, routed.operation).unwrap();
        self.handle(caller, handler, &request, key)
    }

    /// A merchant asks an operation of APIv2. What a body may hold is tested elsewhere.
    pub(crate) fn ask_v2(&self, caller: &Account, path: &str, body: &Value) -> Result<Value, Refusal> {
        let mut routes = PRODUCTS.iter().flat_map(|product| product.routes);
        let route = routes.find(|route| route.path == path).unwrap();
        let request = ValidRequest::from_body(body.as_object().unwrap().clone());
        self.handle(caller, route.handler, &request, None)
    }

    fn handle(
        &self,
        caller: &Account,
        handler: crate::products::Handler,
        request: &ValidRequest,
        key: Option<&str>,
    ) -> Result<Value, Refusal> {
        let context = Context {
            caller,
            api_v3_key: &self.api_v3_key,
            request,
            now: self.now,
            entropy: &self.entropy,
            file: None,
            base_url: "http://127.0.0.1",
            idempotency_key: key,
            merchants: self.merchants,
            certificates: &[],
            platform_serial: "",
            failure: &RefCell::default(),
            is_accepted: &Cell::new(false),
        };
        self.act(|tx| handler(tx, &context)).map_err(|error| match error {
            HandlerError::Refused(refusal) => refusal,
            HandlerError::Failed(error) => panic!("{error}"),
        })
    }

    /// Time passes, and what is due on the way is done, as the platform's tick does it; or the tick has not come yet.
    pub(crate) fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if !is_late {
            self.tick();
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&self) {
        while let Some(due) = self.act(|tx| tx.next_due(self.now, None)).unwrap() {
            self.do_due(&due).unwrap();
        }
    }

    fn do_due(&self, due: &Due) -> Result<(), HandlerError> {
        let handler = due_handler(PRODUCTS, &due.kind).unwrap();
        self.act(|tx| {
            tx.unschedule(due)?;
            handler(tx, &due.key, due.at)?;
            // `clock show` names it, so that it must be something.
            assert!(tx.has_saved(), "{due:?} did nothing: what decides it early must take it away");
            Ok(())
        })
    }

    /// A merchant makes an order by Native, for itself or a sub-merchant.
    pub(crate) fn make_order(&self, caller: &Account, sale: &Sale<'_>) -> Result<Value, Refusal> {
        let mut body = json!({
            "description": "茶", "out_trade_no": sale.number, "notify_url": "https://example.com/notify",
            "amount": { "total": sale.fen }, "settle_info": { "profit_sharing": sale.is_shared },
        });
        let (appid, mchid, between) = match sale.sub_mchid {
            Some(sub_mchid) => {
                body["sub_mchid"] = json!(sub_mchid);
                ("sp_appid", "sp_mchid", "partner/")
            }
            None => ("appid", "mchid", ""),
        };
        body[appid] = json!(caller.appids[0]);
        body[mchid] = json!(caller.mchid);
        self.ask(caller, "POST", &format!("/v3/pay/{between}transactions/native"), &body)
    }

    /// A person pays an order.
    pub(crate) fn pay(
        &self,
        mchid: &str,
        number: &str,
        pays: &PaymentRequest,
    ) -> Result<PaymentResult, PaymentError> {
        self.act(|tx| {
            let order = Order::find_by_number(tx, mchid, number)?;
            let order = order.ok_or_else(|| PaymentError::NotFound(String::new()))?;
            pay_one(tx, order, pays, self.now)
        })
    }

    /// A merchant makes an order, and a person pays it. Returns the transaction_id.
    pub(crate) fn sell(&self, caller: &Account, sale: &Sale<'_>) -> String {
        match sale.sub_mchid {
            Some(_) => self.make_order(caller, sale).unwrap(),
            None => self.make_order(&selling_itself(caller), sale).unwrap(),
        };
        let pays = PaymentRequest::new(sale.number).by_person(openid(sale.person));
        self.pay(&caller.mchid, sale.number, &pays).unwrap().transaction_ids.remove(0)
    }

    /// Money comes from a bank, or goes there.
    pub(crate) fn move_by_bank(&self, owner: &Owner, kind: AccountKind, fen: i64) {
        let (bank, account) = (owner.account(AccountKind::Bank), owner.account(kind));
        let (from, to) = if fen < 0 { (account, bank) } else { (bank, account) };
        let posting = Posting::new(Business::TopUp, "", self.now).moves(from, to, fen.abs());
        self.act(|tx| post(tx, posting.clone())).unwrap();
    }

    pub(crate) fn balance(&self, owner: &Owner, kind: AccountKind) -> i64 {
        let purse: Result<Purse, StoreError> = self.act(|tx| Purse::find(tx, owner));
        purse.unwrap().balance(kind)
    }

    /// Fen in accounts of a merchant.
    pub(crate) fn balances<const N: usize>(&self, mchid: &str, kinds: [AccountKind; N]) -> [i64; N] {
        kinds.map(|kind| self.balance(&Owner::merchant(mchid), kind))
    }

    /// Fen in all accounts of everybody: nothing.
    pub(crate) fn sum(&self) -> i64 {
        self.act(sum_of_everything).unwrap()
    }

    pub(crate) fn outbox(&self) -> Vec<OutboxEntry> {
        self.act(|tx| tx.outbox_due(i64::MAX, 10_000)).unwrap()
    }

    /// What merchants are notified of: the kind, and what these members of it say, in the order of the alphabet.
    pub(crate) fn notified(&self, members: &[&str]) -> Vec<(String, String)> {
        let shown = |entry: OutboxEntry| {
            let said = members.iter().filter_map(|member| entry.resource[*member].as_str());
            (entry.event_type, said.collect::<Vec<_>>().join(" "))
        };
        let mut notified: Vec<_> = self.outbox().into_iter().map(shown).collect();
        notified.sort_unstable();
        notified
    }
}

/// An order to be sold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sale<'a> {
    pub(crate) sub_mchid: Option<&'a str>,
    pub(crate) number: &'a str,
    pub(crate) fen: i64,
    pub(crate) is_shared: bool,
    /// Who pays, by [`openid`].
    pub(crate) person: usize,
}

/// How often each race is run.
pub(crate) const RACES: usize = 1_000;

/// Does all of these at once, and says of each whether it was done. The one with the number `late`, counted
/// round, comes to the start last, and is often the first to leave it.
pub(crate) fn at_once<const N: usize>(racers: [&(dyn Fn() -> bool + Sync); N], late: usize) -> [bool; N] {
    let start = Barrier::new(N);
    thread::scope(|scope| {
        let started = (1..=N).map(|place| {
            let (number, start) = ((late + place) % N, &start);
            let racer = racers[number];
            let run = move || {
                start.wait();
                racer()
            };
            (number, scope.spawn(run))
        });
        // All are on their way before the first is waited for.
        let started: Vec<_> = started.collect();
        let mut done = [false; N];
        for (number, running) in started {
            done[number] = running.join().unwrap();
        }
        done
    })
}

#[test]
fn each_says_whether_it_was_done() {
    for late in 0..4 {
        assert_eq!(at_once([&|| true, &|| false, &|| true], late), [true, false, true]);
    }
}
