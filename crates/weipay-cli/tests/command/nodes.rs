//! Three sandboxes on one PostgreSQL database, killed with `kill -9` and started again while merchants work: what they answer is
//! what one sandbox could have answered, no budget is overdrawn, and every notification arrives.
//!
//! `.ci/with-postgres cargo test -p weipay-cli --test command nodes` starts a server; without one this is skipped.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use weipay::blocking::Client;

use crate::linearizability::{Call, Operation, Outcome, is_linearizable};
use crate::merchant_coupons::stock;
use crate::receiver;
use crate::serving::Serving;

const SERVER: &str = "WEIPAY_TEST_POSTGRES";
/// A file that gets the histories, for foreign/linearizability.
const HISTORIES: &str = "WEIPAY_HISTORIES";
const FAMILY: &str = "v3/marketing/busifavor";
const NODES: usize = 3;
const WORKERS: usize = 6;
const BUDGET: usize = 20;
const COUPONS: usize = 4;
/// Of each coupon: what can be checked.
const MAX_CALLS: usize = 120;
const OPERATIONS: usize = 40;

/// Where the nodes are. A node that is killed comes back on another port, and its kit says so.
struct Story {
    kits: Vec<PathBuf>,
    kit: Value,
    stock_id: String,
    /// Makes request numbers unique, also among runs on one server.
    run: u128,
    next: AtomicU64,
}

/// A merchant that speaks to any of the nodes.
struct Merchant<'a> {
    story: &'a Story,
    clients: Vec<Option<Client>>,
    random: u64,
    /// Whether the last call that failed surely did nothing: its node was not there.
    did_nothing: bool,
}

impl Story {
    fn merchant(&self, number: u64) -> Merchant<'_> {
        Merchant {
            story: self,
            clients: vec![None; NODES],
            random: number.wrapping_add(7),
            did_nothing: false,
        }
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }
}

impl Merchant<'_> {
    fn random(&mut self, below: usize) -> usize {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn random_operation(&mut self) -> Operation {
        match self.random(7) {
            0 | 1 => Operation::Use,
            2 => Operation::Return,
            3 | 4 => Operation::Associate(self.random(2) as u8),
            5 => Operation::Disassociate(self.random(2) as u8),
            _ => Operation::Query,
        }
    }

    /// One call to one node. `None`: it is not known what came of it.
    fn call(
        &mut self,
        work: impl Fn(&Client) -> Result<Value, weipay::Error>,
    ) -> Option<Result<Value, String>> {
        let node = self.random(NODES);
        if self.clients[node].is_none() {
            self.clients[node] = Client::from_kit(&self.story.kits[node]).ok();
        }
        self.did_nothing = true;
        match work(self.clients[node].as_ref()?) {
            Ok(body) => Some(Ok(body)),
            Err(error) if error.status().is_some_and(|status| status.is_client_error()) => {
                Some(Err(error.code().unwrap_or_default().to_owned()))
            }
            Err(error) => {
                self.did_nothing = !error.may_have_taken_effect();
                self.clients[node] = None;
                None
            }
        }
    }

    fn post(&mut self, path: &str, body: &Value) -> Option<Result<Value, String>> {
        self.call(|client| {
            let response = client.chain(&format!("{FAMILY}/{path}")).post(body.clone())?;
            Ok(response.json().unwrap_or_default())
        })
    }

    /// Asks until it is known what came of it, with the same request number each time.
    fn post_until_known(&mut self, path: &str, body: &Value) -> Result<Value, String> {
        loop {
            match self.post(path, body) {
                Some(known) => return known,
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn operate(&mut self, coupon: &str, openid: &str, operation: Operation) -> Option<Outcome> {
        let (story, number) = (self.story, self.story.number());
        let (stock_id, request_no) = (&story.stock_id, format!("nodes-{}-{number}", story.run));
        let order = |order: u8| format!("order-{order}-{coupon}");
        let tie = |tied: u8| {
            json!({
                "stock_id": stock_id, "coupon_code": coupon, "out_trade_no": order(tied), "out_request_no": request_no
            })
        };
        let done = match operation {
            Operation::Use => self.post("coupons/use", &json!({
                "stock_id": stock_id, "coupon_code": coupon, "appid": story.kit["appid"], "openid": openid,
                "use_time": now(), "use_request_no": request_no
            })),
            Operation::Return => self.post("coupons/return", &json!({
                "stock_id": stock_id, "coupon_code": coupon, "return_request_no": request_no
            })),
            Operation::Associate(tied) => self.post("coupons/associate", &tie(tied)),
            Operation::Disassociate(tied) => self.post("coupons/disassociate", &tie(tied)),
            Operation::Query => {
                let seen = self.call(|client| {
                    let seen = client[format!("{FAMILY}/users/{{openid}}/coupons/{{coupon_code}}/appids/{{appid}}").as_str()]
                        .path("openid", openid)
                        .path("coupon_code", coupon)
                        .path("appid", story.kit["appid"].as_str().unwrap())
                        .get()?;
                    Ok(seen.json().unwrap_or_default())
                });
                let seen = seen?.unwrap();
                let tied = seen["associate_out_trade_no"].as_str();
                return Some(Outcome::Seen {
                    is_used: seen["coupon_state"] == "USED",
                    order: (0..2).find(|candidate| tied == Some(&*order(*candidate))),
                });
            }
        };
        Some(match done? {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Refused,
        })
    }
}

fn now() -> String {
    weipay::model::Time::from(SystemTime::now()).to_string()
}

/// Three sandboxes on one database.
struct Nodes<'a> {
    server: &'a str,
    // Before their folders: fields are dropped in this order.
    running: Vec<Option<Serving>>,
    folders: Vec<TempDir>,
    kills: usize,
}

impl<'a> Nodes<'a> {
    fn start(server: &'a str) -> Self {
        let folders = (0..NODES).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut nodes = Self { server, folders, running: Vec::new(), kills: 0 };
        nodes.running = (0..NODES).map(|node| Some(nodes.start_one(node))).collect();
        nodes
    }

    fn start_one(&self, node: usize) -> Serving {
        Serving::with(self.folders[node].path(), &["--quiet", "--store", self.server])
    }

    fn kits(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.path().join("kit.json")).collect()
    }

    /// Kills one node after the other, each time when some more work is done, until all of it is.
    fn kill_while(&mut self, done: &AtomicUsize, every: usize, all: usize) {
        for (round, node) in (0..NODES).cycle().enumerate().take(all / every) {
            while done.load(Ordering::SeqCst) < round * every + every / 2 {
                thread::sleep(Duration::from_millis(1));
            }
            self.running[node].take().unwrap().kill();
            self.kills += 1;
            self.running[node] = Some(self.start_one(node));
        }
    }
}

impl Story {
    /// A stock of coupons, whose merchant is notified at an address.
    fn begin(nodes: &Nodes<'_>, notify_url: &str) -> Self {
        let kits = nodes.kits();
        let kit: Value = serde_json::from_slice(&fs::read(&kits[0]).unwrap()).unwrap();
        for other in &kits[1..] {
            let other: Value = serde_json::from_slice(&fs::read(other).unwrap()).unwrap();
            assert_eq!(other["merchant_serial"], kit["merchant_serial"], "all nodes have the same keys");
        }
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut story = Self { kits, kit, stock_id: String::new(), run, next: AtomicU64::new(1) };
        let made = story
            .merchant(99)
            .post_until_known("stocks", &stock(&story.kit, &format!("nodes-{run}"), [BUDGET, 1]))
            .unwrap();
        story.stock_id = made["stock_id"].as_str().unwrap().to_owned();
        let callback = json!({ "mchid": story.kit["mchid"], "notify_url": notify_url });
        story.merchant(98).post_until_known("callbacks", &callback).unwrap();
        story
    }

    /// More people ask for coupons than there are: the coupons that were sent, and to whom.
    fn send_while_nodes_are_killed(&self, nodes: &mut Nodes<'_>) -> Vec<(String, String)> {
        let (sent, asked) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        thread::scope(|scope| {
            for worker in 0..WORKERS {
                let (sent, asked) = (&sent, &asked);
                scope.spawn(move || {
                    let mut merchant = self.merchant(worker as u64);
                    for person in 0..5 {
                        let openid = format!("o{:027}", worker * 5 + person);
                        let done = merchant.post_until_known(
                            "coupons/send",
                            &json!({
                                "openid": openid, "appid": self.kit["appid"], "stock_id": self.stock_id,
                                "out_request_no": format!("send-{}-{worker}-{person}", self.run)
                            }),
                        );
                        if let Ok(done) = done {
                            let code = done["send_coupon_result"]["coupon_code"].as_str().unwrap().to_owned();
                            sent.lock().unwrap().push((code, openid));
                        }
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            nodes.kill_while(&asked, 10, WORKERS * 5);
        });
        sent.into_inner().unwrap()
    }

    /// Many merchants use, return and tie few coupons, so that they meet: the history of each coupon.
    fn operate_while_nodes_are_killed(
        &self,
        nodes: &mut Nodes<'_>,
        sent: &[(String, String)],
    ) -> Vec<Vec<Call>> {
        let (clock, done) = (AtomicU64::new(0), AtomicUsize::new(0));
        let histories = Mutex::new(vec![Vec::new(); COUPONS]);
        let (stop, begun) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; COUPONS]);
        thread::scope(|scope| {
            for worker in 0..WORKERS {
                let (clock, done, histories) = (&clock, &done, &histories);
                let (stop, begun) = (&stop, &begun);
                scope.spawn(move || {
                    let mut merchant = self.merchant(1000 + worker as u64);
                    while !stop.load(Ordering::SeqCst) {
                        let coupon = merchant.random(COUPONS);
                        if begun[coupon].fetch_add(1, Ordering::SeqCst) >= MAX_CALLS {
                            continue;
                        }
                        let operation = merchant.random_operation();
                        let (code, openid) = &sent[coupon];
                        let called = clock.fetch_add(1, Ordering::SeqCst);
                        let outcome = merchant.operate(code, openid, operation);
                        let returned = clock.fetch_add(1, Ordering::SeqCst);
                        let call =
                            Call { operation, called, outcome: outcome.map(|outcome| (returned, outcome)) };
                        if outcome.is_none() && merchant.did_nothing {
                            begun[coupon].fetch_sub(1, Ordering::SeqCst);
                            thread::sleep(Duration::from_millis(5));
                            continue;
                        }
                        histories.lock().unwrap()[coupon].push(call);
                        done.fetch_add(usize::from(outcome.is_some()), Ordering::SeqCst);
                    }
                });
            }
            nodes.kill_while(&done, OPERATIONS, OPERATIONS * 6);
            stop.store(true, Ordering::SeqCst);
        });
        histories.into_inner().unwrap()
    }
}

/// Writes histories for foreign/linearizability, where somebody wants them.
fn write_histories(sent: &[(String, String)], histories: &[Vec<Call>]) {
    if let Ok(file) = env::var(HISTORIES) {
        let calls = sent
            .iter()
            .zip(histories)
            .flat_map(|((code, _), history)| history.iter().map(move |call| (code, call)));
        let lines: String = calls.map(|(code, call)| format!("{}\n", call.to_json(code))).collect();
        fs::write(file, lines).unwrap();
    }
}

/// One test, because all nodes on a server are of one merchant, which has one address of notifications.
#[test]
fn killed_nodes_respond_as_one_sandbox_that_was_not() {
    let Ok(server) = env::var(SERVER) else {
        println!(
            "skipped: {SERVER} is not set; `.ci/with-postgres cargo test ...` starts a server and sets it"
        );
        return;
    };
    let mut nodes = Nodes::start(&server);
    let (url, heard) = receiver::start();
    let story = Story::begin(&nodes, &url);

    let sent = story.send_while_nodes_are_killed(&mut nodes);
    assert_eq!(sent.len(), BUDGET, "every coupon of the budget was sent, and not one more");
    assert_eq!(sent.iter().map(|(code, _)| code).collect::<HashSet<_>>().len(), BUDGET);

    let histories = story.operate_while_nodes_are_killed(&mut nodes, &sent);
    write_histories(&sent, &histories);
    for history in histories {
        let known = history.iter().filter(|call| call.outcome.is_some()).count();
        assert!(known > 0 && is_linearizable(&history), "{known} of {}: {history:#?}", history.len());
    }

    // The claims of nodes that were killed run out.
    receiver::wait_for(&heard, BUDGET);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), BUDGET, "every coupon that was sent was told");
    let most = 1 + nodes.kills;
    assert!(heard.values().all(|times| *times <= most), "again only after a kill: {heard:?}");
}
