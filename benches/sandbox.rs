//! What the sandbox costs, in CPU time beside the RSA-2048 signatures that no sandbox can do without: coupons that are associated and
//! disassociated, orders that are paid with the notification of each, and queries of an order.
//!
//! The sandbox runs in another process, on SQLite, with log and outbox. The client is this process. Other load changes how long a call takes
//! and hardly how much CPU time it costs, so the ratios are of CPU time: how many calls all cores could do, beside how many signatures.
//! `openssl speed` is the yardstick when the machine has it; the other is the signature that weipay itself makes.
//! Memory is that of the process of the sandbox. Linux only: it reads `/proc`.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops when something is wrong, and prints"
)]

mod coupons;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use weipay::Client;
use weipay::wire::PrivateKey;
use weipay_sandbox::{Sandbox, control};

const ROUNDS: usize = 5;
const IN_FLIGHT: usize = 16;
const COUPON_CALLS: usize = 800;
const ORDERS: usize = 300;
const QUERIES: usize = 2_000;
/// After so many requests the memory is looked at.
const REQUESTS: usize = 100_000;
const SERVE: &str = "serve";

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let wanted = arguments.next();
    if wanted.as_deref() == Some(SERVE) {
        return serve(&arguments.next().expect("a folder"));
    }
    // One word picks a row, so that a profiler sees nothing else.
    let wanted = |row: &str| wanted.as_deref().is_none_or(|wanted| wanted == row);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_str().expect("a path");
    let mut server = Command::new(std::env::current_exe().expect("the path of this program"));
    let mut server =
        server.args([SERVE, folder]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a server");
    let mut kit = String::new();
    BufReader::new(server.stdout.take().expect("its output")).read_line(&mut kit).expect("its kit");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let bench = Bench::new(&runtime, kit.trim_end(), folder, server.id());

    println!("memory of the sandbox after its start: {:.1} MiB", bench.memory());
    let openssl = openssl();
    let (mut signing, mut coupons, mut orders, mut queries) = (vec![], vec![], vec![], vec![]);
    let prepared = if wanted("coupons") { bench.coupons(ROUNDS * COUPON_CALLS) } else { Vec::new() };
    let prepared = Arc::new(prepared);
    if wanted("queries") && !wanted("orders") {
        bench.pay(0..ORDERS);
    }
    for round in 0..ROUNDS {
        signing.push(signature());
        let share = round * COUPON_CALLS..(round + 1) * COUPON_CALLS;
        if wanted("coupons") {
            coupons.push(bench.measured(2 * COUPON_CALLS, || {
                bench.in_flight(&prepared, share.clone(), "v3/marketing/busifavor/coupons/associate");
                bench.in_flight(&prepared, share.clone(), "v3/marketing/busifavor/coupons/disassociate");
            }));
        }
        if wanted("orders") {
            orders.push(bench.measured(ORDERS, || bench.pay(round * ORDERS..(round + 1) * ORDERS)));
        }
        if wanted("queries") {
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

    if wanted("memory") {
        bench.memory_after_many_requests();
    }
    // It ends with its input.
    drop(server.stdin.take());
    server.wait().expect("the end of the server");
}

/// The sandbox, until its input ends.
fn serve(folder: &str) {
    let sandbox = Sandbox::builder().data(folder).control("127.0.0.1:0").start().expect("a sandbox");
    println!("{}", sandbox.kit_file().display());
    std::io::stdout().flush().expect("an output");
    let _ended = std::io::stdin().read_to_end(&mut Vec::new());
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
    server: u32,
    notify_url: String,
    notified: Arc<AtomicUsize>,
    latencies: std::sync::Mutex<Vec<Duration>>,
}

impl<'a> Bench<'a> {
    fn new(runtime: &'a Runtime, kit: &str, folder: &str, server: u32) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let notify_url = format!("http://{}/notify", listener.local_addr().expect("an address"));
        let notified = Arc::new(AtomicUsize::new(0));
        runtime.spawn(acknowledge(listener, Arc::clone(&notified)));
        Self {
            runtime,
            client: Client::from_kit(kit).expect("a client"),
            control: control::Client::from_data_dir(folder).expect("the control API"),
            kit: serde_json::from_slice(&fs::read(kit).expect("a kit")).expect("JSON"),
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
        let (client, server) = (own_cpu(), process_cpu(self.server));
        work();
        let each = |before: f64, after: f64| (after - before) / calls as f64;
        let (client, server) = (each(client, own_cpu()), each(server, process_cpu(self.server)));
        let mut latencies = self.latencies.lock().expect("no panic");
        latencies.sort_unstable();
        let p99 = latencies.get(latencies.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        Cost { client, server, p99 }
    }

    /// MiB of memory that the sandbox has from the system.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server)).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("KiB") / 1_024.0
    }

    /// Does `count` things with several in flight, and gives what they gave, in order.
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
        let before = self.memory();
        self.query(REQUESTS);
        let after = self.memory();
        self.query(REQUESTS / 4);
        println!(
            "memory: {before:.1} MiB; after {REQUESTS} further requests {after:.1}, after a quarter more {:.1}",
            self.memory()
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

/// A receiver of notifications: acknowledges each, over kept connections.
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
                if write.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                    return;
                }
            }
        });
    }
}

/// CPU time of this process, in microseconds.
fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// CPU time of another process, in microseconds: its threads' run times.
fn process_cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    // Behind the name, which may hold spaces: utime and stime are the 12th and 13th, in hundredths of a second.
    let (_, numbers) = stat.rsplit_once(')').expect("a name");
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    let ticks = |place: usize| numbers[place].parse::<f64>().expect("ticks");
    (ticks(11) + ticks(12)) * 1e4
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
