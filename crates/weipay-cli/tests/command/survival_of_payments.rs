//! Payments survive `kill -9` at any moment: after each restart orders, refunds, the ledger and the notifications
//! agree, and whatever was answered is there.
//!
//! `WEIPAY_TEST_KILLS=100 cargo test -p weipay-cli --test command survival_of_payments` kills more often than a quick run does.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use weipay::blocking::Client;
use weipay::wire::{ApiV3Key, Envelope};
use weipay::{ClientBuilder, RetryConfig};
use weipay_sandbox::control::{self, ClientError};

use crate::receiver;
use crate::serving::Serving;

const KILLS: &str = "WEIPAY_TEST_KILLS";
const DEFAULT_KILLS: usize = 3;
const WORKERS: usize = 4;
/// Fen of an order, and of its refund.
const TOTAL: i64 = 1_000;
const REFUND: i64 = 400;

/// How far an order is known to have come: what was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Wanted,
    Ordered,
    Paid,
    Refunded,
}

/// Some orders stay unpaid, some are paid, and half of them are refunded as well.
fn goal(number: usize) -> Reached {
    [Reached::Ordered, Reached::Paid, Reached::Refunded, Reached::Refunded][number % 4]
}

/// What the platform says of an order.
#[derive(Debug, Clone, Default)]
struct Seen {
    transaction_id: Option<String>,
    refund_id: Option<String>,
    refund_status: String,
}

/// A merchant and the people who pay it.
struct Shop {
    client: Client,
    control: control::Client,
    kit: Value,
    notify_url: String,
}

impl Shop {
    fn open(serving: &Serving, data: &Path, notify_url: &str) -> Self {
        let builder = ClientBuilder::from_kit(serving.kit_file()).unwrap().retries(RetryConfig::none());
        Self {
            client: builder.build_blocking().unwrap(),
            control: control::Client::from_data_dir(data).unwrap(),
            kit: serving.kit(),
            notify_url: notify_url.to_owned(),
        }
    }

    fn mchid(&self) -> &str {
        self.kit["mchid"].as_str().unwrap()
    }

    /// The next step of an order; `None` where no answer came. A step may have been taken before, and its answer been lost.
    fn advance(&self, number: usize, reached: Reached) -> Option<Reached> {
        let order = format!("order-{number}");
        match reached {
            Reached::Wanted => self.post("v3/pay/transactions/native", json!({
                "appid": self.kit["appid"], "mchid": self.mchid(), "description": "茶", "out_trade_no": order,
                "notify_url": self.notify_url, "amount": { "total": TOTAL }
            }))
            .map(|()| Reached::Ordered),
            Reached::Ordered => match self.control.call("POST", "/orders/pay", Some(&json!({ "order": order }))) {
                Ok(_) => Some(Reached::Paid),
                Err(ClientError::Refused { message, .. }) if message.contains("paid already") => Some(Reached::Paid),
                Err(ClientError::Refused { message, .. }) => panic!("{order}: {message}"),
                Err(_) => None,
            },
            Reached::Paid => self.post("v3/refund/domestic/refunds", json!({
                "out_trade_no": order, "out_refund_no": format!("refund-{number}"), "notify_url": self.notify_url,
                "amount": { "refund": REFUND, "total": TOTAL, "currency": "CNY" }
            }))
            .map(|()| Reached::Refunded),
            Reached::Refunded => Some(reached),
        }
    }

    fn post(&self, path: &str, body: Value) -> Option<()> {
        match self.client.chain(path).post(body) {
            Ok(_) => Some(()),
            Err(error) if error.status().is_some_and(|status| status.is_client_error()) => {
                panic!("{path}: {error}")
            }
            Err(_) => None,
        }
    }

    /// What there is by a query; `None` where nothing is.
    fn get(&self, path: &str) -> Option<Value> {
        match self.client.chain(path).get() {
            Ok(response) => Some(response.json().unwrap()),
            Err(error) if error.status().is_some_and(|status| status.as_u16() == 404) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Looks at an order, and compares it with what was answered: all of that was done, and at most one step more.
    fn look_at(&self, number: usize, reached: Reached) -> Seen {
        let order = self.client.chain(&format!("v3/pay/transactions/out-trade-no/order-{number}"));
        let order = match order.query("mchid", self.mchid()).get() {
            Ok(response) => response.json().unwrap(),
            Err(error) => {
                assert_eq!(error.code(), Some("ORDER_NOT_EXIST"), "{error}");
                Value::Null
            }
        };
        let state = order["trade_state"].as_str().unwrap_or("none");
        let possible: &[&str] = match reached {
            Reached::Wanted => &["none", "NOTPAY"],
            Reached::Ordered => &["NOTPAY", "SUCCESS"],
            Reached::Paid => &["SUCCESS", "REFUND"],
            Reached::Refunded => &["REFUND"],
        };
        assert!(possible.contains(&state), "order-{number} is {state}; {reached:?} was answered");
        let refund = self.get(&format!("v3/refund/domestic/refunds/refund-{number}")).unwrap_or_default();
        assert_eq!(
            refund.is_object(),
            state == "REFUND",
            "order-{number} is {state}, and its refund {refund}"
        );
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let seen = Seen {
            transaction_id: text(&order["transaction_id"]),
            refund_id: text(&refund["refund_id"]),
            refund_status: text(&refund["status"]).unwrap_or_default(),
        };
        assert_eq!(
            seen.transaction_id.is_some(),
            ["SUCCESS", "REFUND"].contains(&state),
            "order-{number} is {state}"
        );
        assert!(["", "PROCESSING", "SUCCESS"].contains(&&*seen.refund_status), "{}", seen.refund_status);
        seen
    }
}

/// The state as any SQLite tool sees it.
struct File(Connection);

impl File {
    fn open(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        Self(Connection::open_with_flags(data.join("state.db"), flags).unwrap())
    }

    fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, (), |row| row.get(0)).unwrap()
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let mut found = self.0.prepare(sql).unwrap();
        found.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Fen in all accounts of a kind.
    fn balance(&self, kind: &str) -> i64 {
        self.number(&format!(
            "SELECT coalesce(sum(account.value), 0) FROM records, json_each(document, '$.balances') AS account
             WHERE kind = 'ledger purse' AND account.key = '{kind}'"
        ))
    }

    /// Every purse is the sum of its entries, all of them together are 0, and each payment and each refund moved money once.
    fn check_ledger(&self, seen: &BTreeMap<usize, Seen>) {
        assert_eq!(self.texts("PRAGMA quick_check"), ["ok"]);
        let purses = "SELECT document ->> '$.owner' || account.key || account.value
             FROM records, json_each(document, '$.balances') AS account WHERE records.kind = 'ledger purse'";
        let entries =
            "SELECT leg.value ->> '$.owner' || (leg.value ->> '$.kind') || sum(leg.value ->> '$.fen')
             FROM records, json_each(document, '$.legs') AS leg WHERE records.kind = 'ledger entry'
             GROUP BY leg.value ->> '$.owner', leg.value ->> '$.kind'";
        let sorted = |sql: &str| self.texts(sql).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(sorted(purses), sorted(entries));
        let sum = "SELECT coalesce(sum(account.value), 0) FROM records, json_each(document, '$.balances') AS account
             WHERE kind = 'ledger purse'";
        assert_eq!(self.number(sum), 0, "money was made of nothing, or lost");

        let moved = |business: &str| {
            let mut references = self.texts(&format!(
                "SELECT document ->> '$.reference' FROM records
                 WHERE kind = 'ledger entry' AND document ->> '$.business' = '{business}'"
            ));
            references.sort_unstable();
            references
        };
        let known = |id: fn(&Seen) -> Option<String>| {
            let mut known: Vec<_> = seen.values().filter_map(id).collect();
            known.sort_unstable();
            known
        };
        assert_eq!(moved("payment"), known(|seen| seen.transaction_id.clone()), "each payment once");
        // A refund moves money when it is accepted, and again when it arrives.
        let mut refunds = moved("refund");
        refunds.dedup();
        assert_eq!(refunds, known(|seen| seen.refund_id.clone()));
    }
}

/// What a notification tells of, and its id.
fn told(key: &ApiV3Key, body: &Value) -> String {
    let text = |name: &str| body["resource"][name].as_str().unwrap();
    let envelope = Envelope {
        nonce: text("nonce"),
        associated_data: text("associated_data"),
        ciphertext: text("ciphertext"),
    };
    let opened: Value = serde_json::from_slice(&key.open(&envelope).unwrap()).unwrap();
    let number = opened.get("out_refund_no").unwrap_or(&opened["out_trade_no"]);
    [&body["event_type"], number, &body["id"]].map(|text| text.as_str().unwrap()).join(" ")
}

#[test]
fn orders_refunds_ledger_and_notifications_agree_after_every_kill() {
    let kills = env::var(KILLS).map_or(DEFAULT_KILLS, |kills| kills.parse().unwrap());
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let mut serving = Serving::start(data);
    let key = ApiV3Key::new(serving.kit()["api_v3_key"].as_str().unwrap()).unwrap();
    let (url, heard) = receiver::start_by(move |body| told(&key, body));
    let orders: Mutex<BTreeMap<usize, Reached>> = Mutex::default();
    let mut seen: BTreeMap<usize, Seen> = BTreeMap::new();
    let (next, answers) = (AtomicUsize::new(0), AtomicUsize::new(0));

    for round in 0..kills {
        // After another number of answers each time, in the middle of four calls.
        let enough = answers.load(Ordering::SeqCst) + 3 + round * 37 % 31;
        // What the last kill cut off is finished first, by repeating the request whose answer was lost.
        let unfinished: Vec<usize> = {
            let orders = orders.lock().unwrap();
            orders
                .iter()
                .filter(|(number, reached)| **reached < goal(**number))
                .map(|(number, _)| *number)
                .collect()
        };
        let (first_new, stop) = (next.load(Ordering::SeqCst), AtomicBool::new(false));
        let queue = Mutex::new(unfinished.clone());
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                let shop = Shop::open(&serving, data, &url);
                let (orders, queue, next, answers, stop) = (&orders, &queue, &next, &answers, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        let waiting = queue.lock().unwrap().pop();
                        let number = waiting.unwrap_or_else(|| next.fetch_add(1, Ordering::SeqCst));
                        let mut reached = *orders.lock().unwrap().entry(number).or_insert(Reached::Wanted);
                        while reached < goal(number) {
                            let Some(further) = shop.advance(number, reached) else { return };
                            reached = further;
                            orders.lock().unwrap().insert(number, reached);
                            answers.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            while answers.load(Ordering::SeqCst) < enough {
                thread::sleep(Duration::from_micros(200));
            }
            serving.kill();
            stop.store(true, Ordering::SeqCst);
        });
        serving = Serving::start(data);
        let shop = Shop::open(&serving, data, &url);
        let orders = orders.lock().unwrap();
        for number in unfinished.into_iter().chain(first_new..next.load(Ordering::SeqCst)) {
            seen.insert(number, shop.look_at(number, orders[&number]));
        }
        File::open(data).check_ledger(&seen);
    }

    // All of them once more, when the clock has let the refunds arrive.
    let shop = Shop::open(&serving, data, &url);
    for (number, reached) in orders.lock().unwrap().iter() {
        let mut look = shop.look_at(*number, *reached);
        while look.refund_status == "PROCESSING" {
            thread::sleep(Duration::from_millis(200));
            look = shop.look_at(*number, *reached);
        }
        seen.insert(*number, look);
    }
    let file = File::open(data);
    file.check_ledger(&seen);
    let count = |id: fn(&Seen) -> bool| i64::try_from(seen.values().filter(|seen| id(seen)).count()).unwrap();
    let left =
        count(|seen| seen.transaction_id.is_some()) * TOTAL - count(|seen| seen.refund_id.is_some()) * REFUND;
    assert_eq!((file.balance("bank"), file.balance("refunding")), (-left, 0));
    let balance = shop.get("v3/merchant/fund/balance/BASIC").unwrap();
    let balance = ["available_amount", "pending_amount"].map(|name| balance[name].as_i64().unwrap());
    assert_eq!(balance.iter().sum::<i64>(), left - file.balance("fees"));

    // Each payment and each refund is told by one notification, however often that came.
    let mut expected = BTreeSet::new();
    for (number, seen) in &seen {
        expected.extend(seen.transaction_id.as_ref().map(|_| format!("TRANSACTION.SUCCESS order-{number}")));
        expected.extend(seen.refund_id.as_ref().map(|_| format!("REFUND.SUCCESS refund-{number}")));
    }
    receiver::wait_for(&heard, expected.len());
    let heard = heard.lock().unwrap();
    let told: BTreeSet<_> = heard.keys().map(|key| key.rsplit_once(' ').unwrap().0.to_owned()).collect();
    assert_eq!(told, expected);
    assert_eq!(heard.len(), expected.len(), "of each there is one");
    assert!(heard.values().all(|times| *times <= kills + 1), "again only after a kill: {heard:?}");
}
