//! What the sandbox costs. `cargo bench -p weipay-benches --bench sandbox` measures every row; behind `--`, a name
//! picks one of them, so that a profiler sees nothing else:
//!
//! | name | what is measured |
//! |---|---|
//! | `coupons` | coupons are associated with an order and disassociated |
//! | `orders` | orders are paid, with the notification of each |
//! | `queries` | an order is queried |
//! | `memory` | memory when idle, and after 100,000 requests |
//! | `start` | the time and the memory of a warm start |
//! | `validation` | requests are checked against the catalogue, without anything else |
//! | `stored` | the calls of `coupons` with 1,000,000 coupons in the store, beside those with 8,000; takes a minute and 4 GB of disk |
//!
//! The first three are CPU time beside the RSA-2048 signatures that no sandbox can do without. The sandbox runs in
//! another process, on SQLite, with log and outbox. The client is this process. Other load changes how long a call
//! takes and hardly how much CPU time it costs, so the ratios are of CPU time: how many calls all cores could do,
//! beside how many signatures. `openssl speed` is the yardstick when the machine has it; the other is the signature
//! that weipay itself makes. Memory is that of the process of the sandbox. Linux only: it reads `/proc`.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops when something is wrong, and prints"
)]

mod coupons;
mod server;
mod stored;
mod validation;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use weipay::Client;
use weipay::wire::PrivateKey;
use weipay_benches::median;
use weipay_sandbox::control;

use server::{Server, own_cpu};

const ROUNDS: usize = 5;
const IN_FLIGHT: usize = 16;
const COUPON_CALLS: usize = 800;
const ORDERS: usize = 300;
const QUERIES: usize = 2_000;
/// After so many requests the memory is looked at.
const REQUESTS: usize = 100_000;
/// How often the sandbox is started.
const STARTS: usize = 21;
const ROWS: [&str; 7] = ["coupons", "orders", "queries", "memory", "start", "validation", "stored"];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let name = arguments.next();
    if name.as_deref() == Some(server::SERVE) {
        return server::serve(&arguments.next().expect("a folder"));
    }
    if let Some(name) = name.as_deref() {
        assert!(ROWS.contains(&name), "no row has the name {name}; there are: {}", ROWS.join(", "));
    }
    let is_wanted = |row: &str| name.as_deref().is_none_or(|name| name == row);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    if is_wanted("validation") {
        validation::measure(ROUNDS);
    }
    if is_wanted("start") {
        warm_start();
    }
    if ["coupons", "orders", "queries", "memory"].into_iter().any(is_wanted) {
        calls(&runtime, is_wanted);
    }
    if is_wanted("stored") {
        with_many_stored(&runtime);
    }
}

/// How long a sandbox takes to start whose data folder is there, and how much memory it has then.
fn warm_start() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Server::start(folder.path()));
    let (mut times, mut memory) = (vec![], vec![]);
    for _ in 0..STARTS {
        let server = Server::start(folder.path());
        times.push(server.start_time.as_secs_f64() * 1e3);
        memory.push(server.memory());
    }
    let longest = times.iter().copied().fold(0.0, f64::max);
    println!(
        "warm start of a process: {:.1} ms, at most {longest:.1} of {STARTS}; memory then: {:.1} MiB",
        median(times),
        median(memory)
    );
}

/// The same calls to a sandbox with few coupons and to one with many, in turns.
fn with_many_stored(runtime: &Runtime) {
    let calls = ROUNDS * COUPON_CALLS;
    let folders = stored::COUNTS.map(|count| {
        let folder = tempfile::tempdir().expect("a folder");
        let start = Instant::now();
        let coupons = stored::fill(folder.path(), count, calls);
        println!("{count} coupons were stored in {:.0} s", start.elapsed().as_secs_f64());
        (folder, Arc::new(coupons))
    });
    let servers = folders.each_ref().map(|(folder, _)| Server::start(folder.path()));
    let benches = servers.each_ref().map(|server| Bench::new(runtime, server));
    let mut costs = [vec![], vec![]];
    for round in 0..ROUNDS {
        let share = round * COUPON_CALLS..(round + 1) * COUPON_CALLS;
        for (place, (_, coupons)) in folders.iter().enumerate() {
            costs[place].push(benches[place].associate_and_disassociate(coupons, &share));
        }
    }
    let mut rates = vec![];
    for (place, count) in stored::COUNTS.iter().enumerate() {
        let pick = |part: fn(&Cost) -> f64| median(costs[place].iter().map(part).collect());
        let (cpu, server) = (pick(|cost| cost.client + cost.server), pick(|cost| cost.server));
        println!(
            "associate or disassociate with {count:>7} coupons stored: {cpu:.0} µs, of that in the sandbox {server:.0}, p99 {:.1} ms; \
             started in {:.1} ms, memory {:.1} MiB",
            pick(|cost| cost.p99),
            servers[place].start_time.as_secs_f64() * 1e3,
            servers[place].memory()
        );
        rates.push(1.0 / cpu);
    }
    println!(
        "throughput with {} stored, beside that with {}: {:.2}",
        stored::COUNTS[1],
        stored::COUNTS[0],
        rates[1] / rates[0]
    );
}

/// Calls in CPU time beside signatures, and the memory that stays.
fn calls(runtime: &Runtime, is_wanted: impl Fn(&str) -> bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let bench = Bench::new(runtime, &server);

    println!("memory of the sandbox after its start: {:.1} MiB", server.memory());
    let openssl = openssl();
    let (mut signing, mut coupons, mut orders, mut queries) = (vec![], vec![], vec![], vec![]);
    let prepared = if is_wanted("coupons") { bench.coupons(ROUNDS * COUPON_CALLS) } else { Vec::new() };
    let prepared = Arc::new(prepared);
    if is_wanted("queries") && !is_wanted("orders") {
        bench.pay(0..ORDERS);
    }
    for round in 0..ROUNDS {
        signing.push(signature());
        let share = round * COUPON_CALLS..(round + 1) * COUPON_CALLS;
        if is_wanted("coupons") {
            coupons.push(bench.associate_and_disassociate(&prepared, &share));
        }
        if is_wanted("orders") {
            orders.push(bench.measured(ORDERS, || bench.pay(round * ORDERS..(round + 1) * ORDERS)));
        }
        if is_wanted("queries") {
            queries.push(bench.measured(QUERIES, || bench.query(QUERIES)));
        }
    }
    let signing = median(signing);
    println!(
        "a signature: {signing:.0} µs of CPU; by openssl: {}",
        openssl.map_or("?".to_owned(), |one| format!("{one:.0} µs"))
    );
    println!(
        "{:<44} {:>8} {:>8} {:>10} {:>10} {:>8}",
        "", "µs CPU", "sandbox", "signature", "openssl", "p99 ms"
    );
    let row = |what: &str, costs: Vec<Cost>| {
        if costs.is_empty() {
            return;
        }
        let pick = |part: fn(&Cost) -> f64| median(costs.iter().map(part).collect());
        let cpu = pick(|cost| cost.client + cost.server);
        let beside = openssl.map_or("?".to_owned(), |one| format!("{:.2}", one / cpu));
        let (server, p99) = (pick(|cost| cost.server), pick(|cost| cost.p99));
        println!("{what:<44} {cpu:>8.0} {server:>8.0} {:>10.2} {beside:>10} {p99:>8.1}", signing / cpu);
    };
    row("associate or disassociate a coupon", coupons);
    row("order, payment and notification", orders);
    row("query of an order", queries);

    if is_wanted("memory") {
        bench.memory_after_many_requests();
    }
}

/// What one call costs: µs of CPU, and the time within which 99 of 100 end.
struct Cost {
    client: f64,
    server: f64,
    p99: f64,
}

struct Bench<'a> {
    runtime: &'a Runtime,
    client: Client,
    control: control::Client,
    kit: Value,
    server: &'a Server,
    notify_url: String,
    notified: Arc<AtomicUsize>,
    latencies: std::sync::Mutex<Vec<Duration>>,
}

impl<'a> Bench<'a> {
    fn new(runtime: &'a Runtime, server: &'a Server) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let notify_url = format!("http://{}/notify", listener.local_addr().expect("an address"));
        let notified = Arc::new(AtomicUsize::new(0));
        runtime.spawn(acknowledge(listener, Arc::clone(&notified)));
        Self {
            runtime,
            client: Client::from_kit(&server.kit).expect("a client"),
            control: control::Client::from_data_dir(&server.folder).expect("the control API"),
            kit: serde_json::from_slice(&fs::read(&server.kit).expect("a kit")).expect("JSON"),
            server,
            notify_url,
            notified,
            latencies: std::sync::Mutex::default(),
        }
    }

    fn text(&self, member: &str) -> &str {
        self.kit[member].as_str().expect("a member of the kit")
    }

    fn measured(&self, calls: usize, work: impl FnOnce()) -> Cost {
        self.latencies.lock().expect("no panic").clear();
        let (client, server) = (own_cpu(), self.server.cpu());
        work();
        let each = |before: f64, after: f64| (after - before) / calls as f64;
        let (client, server) = (each(client, own_cpu()), each(server, self.server.cpu()));
        let mut latencies = self.latencies.lock().expect("no panic");
        latencies.sort_unstable();
        let p99 = latencies.get(latencies.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        Cost { client, server, p99 }
    }

    /// Does things with several in flight, and gives what they gave, in order.
    fn each<T, F>(&self, range: std::ops::Range<usize>, one: impl Fn(usize) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut given = Vec::with_capacity(range.len());
        let mut numbers = range;
        self.runtime.block_on(async {
            let mut running = tokio::task::JoinSet::new();
            loop {
                while running.len() < IN_FLIGHT
                    && let Some(number) = numbers.next()
                {
                    let work = one(number);
                    running.spawn(async move {
                        let start = Instant::now();
                        (number, work.await, start.elapsed())
                    });
                }
                let Some(done) = running.join_next().await else { break };
                let (number, value, time) = done.expect("a finished task");
                self.latencies.lock().expect("no panic").push(time);
                given.push((number, value));
            }
        });
        given.sort_by_key(|(number, _)| *number);
        given.into_iter().map(|(_, value)| value).collect()
    }

    /// Posts bodies. Every response must verify.
    fn in_flight(
        &self,
        bodies: &Arc<Vec<Value>>,
        range: std::ops::Range<usize>,
        path: &'static str,
    ) -> Vec<Value> {
        self.each(range, |number| {
            let (client, bodies) = (self.client.clone(), Arc::clone(bodies));
            async move {
                let call = client.chain(path).post(&bodies[number]);
                call.await.expect("a verified response").json().expect("JSON")
            }
        })
    }

    /// Associates the coupons of a range, and disassociates them again.
    fn associate_and_disassociate(&self, coupons: &Arc<Vec<Value>>, range: &std::ops::Range<usize>) -> Cost {
        self.measured(2 * range.len(), || {
            self.in_flight(coupons, range.clone(), "v3/marketing/busifavor/coupons/associate");
            self.in_flight(coupons, range.clone(), "v3/marketing/busifavor/coupons/disassociate");
        })
    }

    /// Coupons that were sent, as the bodies of the calls to come.
    fn coupons(&self, count: usize) -> Vec<Value> {
        let stock = coupons::stock(self.text("mchid"), count);
        let stock = self.in_flight(&Arc::new(vec![stock]), 0..1, "v3/marketing/busifavor/stocks");
        let stock_id = &stock[0]["stock_id"];
        let requests = coupons::sendings(stock_id, self.text("appid"), count);
        let sent = self.in_flight(&Arc::new(requests), 0..count, "v3/marketing/busifavor/coupons/send");
        coupons::associations(stock_id, &sent)
    }

    /// Creates orders, lets a person pay each, and waits until the notification of each is acknowledged.
    fn pay(&self, range: std::ops::Range<usize>) {
        let wanted = self.notified.load(Ordering::SeqCst) + range.len();
        self.each(range, |number| {
            let out_trade_no = format!("paid-{number}");
            let order = json!({
                "appid": self.text("appid"), "mchid": self.text("mchid"), "description": "一杯咖啡",
                "out_trade_no": out_trade_no, "notify_url": self.notify_url, "amount": {"total": 1_000}
            });
            let (client, control) = (self.client.clone(), self.control.clone());
            async move {
                client.chain("v3/pay/transactions/native").post(&order).await.expect("an order");
                let paid =
                    move || control.call("POST", "/orders/pay", Some(&json!({ "order": out_trade_no })));
                tokio::task::spawn_blocking(paid).await.expect("a finished task").expect("a payment");
            }
        });
        while self.notified.load(Ordering::SeqCst) < wanted {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Queries an order again and again and prints what the process of the sandbox holds.
    fn memory_after_many_requests(&self) {
        if self.notified.load(Ordering::SeqCst) < ORDERS {
            self.pay(0..ORDERS);
        }
        let before = self.server.memory();
        self.query(REQUESTS);
        let after = self.server.memory();
        self.query(REQUESTS / 4);
        println!(
            "memory: {before:.1} MiB; after {REQUESTS} further requests {after:.1}, after a quarter more {:.1}",
            self.server.memory()
        );
    }

    /// Queries the orders that were paid.
    fn query(&self, count: usize) {
        let mchid = self.text("mchid");
        self.each(0..count, |number| {
            let path = format!("v3/pay/transactions/out-trade-no/paid-{}?mchid={mchid}", number % ORDERS);
            let client = self.client.clone();
            async move {
                let order = client.chain(&path).get().await.expect("an order").json().expect("JSON");
                assert_eq!(order["trade_state"], "SUCCESS");
            }
        });
    }
}

/// A receiver of notifications: acknowledges each, over kept connections. It says that they are kept, as Node.js and nginx do.
async fn acknowledge(listener: TcpListener, notified: Arc<AtomicUsize>) {
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        let notified = Arc::clone(&notified);
        tokio::spawn(async move {
            let (read, mut write) = socket.into_split();
            let mut read = tokio::io::BufReader::new(read);
            loop {
                let (mut line, mut length) = (String::new(), 0);
                while read.read_line(&mut line).await.is_ok_and(|count| count > 2) {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().expect("a length");
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if length == 0 || read.read_exact(&mut body).await.is_err() {
                    return;
                }
                notified.fetch_add(1, Ordering::SeqCst);
                let response = b"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n";
                if write.write_all(response).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// CPU time of one signature, in microseconds.
fn signature() -> f64 {
    let key = PrivateKey::generate().expect("a key");
    let (start, count) = (own_cpu(), 500);
    (0..count).for_each(|_| drop(key.sign(&[b'x'; 340]).expect("a signature")));
    (own_cpu() - start) / f64::from(count)
}

/// CPU time of one signature by openssl, in microseconds.
fn openssl() -> Option<f64> {
    let run = Command::new("openssl")
        .args(["speed", "-seconds", "3", "rsa2048"])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&run.stdout);
    let line = text.lines().find(|line| line.starts_with("rsa 2048"))?;
    let seconds = line.split_whitespace().find_map(|word| word.strip_suffix('s')?.parse::<f64>().ok())?;
    Some(seconds * 1e6)
}
