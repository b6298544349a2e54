//! How many signed and verified disassociations a second go through a running sandbox over loopback, beside how many
//! signatures one core makes. Each call costs two signatures, one on each side, so that two cores could at best do as
//! many calls as one core does signatures.
//!
//! The sandbox and the client share this process and this machine. Coupons are made ready first; only the
//! disassociations are timed, each of another coupon, in rounds between the rounds of signing.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops when something is wrong, and prints"
)]

mod coupons;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;
use weipay::Client;
use weipay::wire::PrivateKey;
use weipay_benches::median;
use weipay_sandbox::Sandbox;

const WANTED: f64 = 0.5;
const ROUNDS: usize = 5;
const CALLS: usize = 800;
const IN_FLIGHT: usize = 16;

fn main() {
    let sandbox = Sandbox::start().expect("a sandbox");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let client = Client::from_kit(sandbox.kit_file()).expect("a client");
    let kit: Value =
        serde_json::from_slice(&std::fs::read(sandbox.kit_file()).expect("a kit")).expect("JSON");
    let key = PrivateKey::generate().expect("a key");

    let coupons = Arc::new(prepared(&runtime, &client, &kit, ROUNDS * CALLS));
    let (mut signing, mut calling) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        signing.push(signatures_a_second(&key));
        let share = round * CALLS..(round + 1) * CALLS;
        let start = Instant::now();
        in_flight(&runtime, &client, &coupons, share, "disassociate");
        calling.push(CALLS as f64 / start.elapsed().as_secs_f64());
    }
    let (signing, calling) = (median(signing), median(calling));
    println!("signatures of one core          {signing:.0} a second");
    println!("signed, verified disassociations {calling:.0} a second");
    println!("ratio                           {:.3} (at least {WANTED:.2} wanted)", calling / signing);
}

fn signatures_a_second(key: &PrivateKey) -> f64 {
    let message = [b'x'; 340];
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(300) {
        key.sign(&message).expect("a signature");
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Coupons that are sent and associated, as the bodies of the calls to come.
fn prepared(runtime: &Runtime, client: &Client, kit: &Value, count: usize) -> Vec<Value> {
    let text = |name: &str| kit[name].as_str().expect("a kit member").to_owned();
    let stock = coupons::stock(&text("mchid"), count);
    let stock = runtime.block_on(client["v3/marketing/busifavor/stocks"].post(stock)).expect("a stock");
    let stock_id = stock.json().expect("JSON")["stock_id"].clone();
    let requests = coupons::sendings(&stock_id, &text("appid"), count);
    let sent = in_flight(runtime, client, &Arc::new(requests), 0..count, "send");
    let coupons = coupons::associations(&stock_id, &sent);
    in_flight(runtime, client, &Arc::new(coupons.clone()), 0..count, "associate");
    coupons
}

/// Makes the calls of a range with several in flight, and gives the responses in order. Every one must verify.
fn in_flight(
    runtime: &Runtime,
    client: &Client,
    bodies: &Arc<Vec<Value>>,
    range: std::ops::Range<usize>,
    verb: &'static str,
) -> Vec<Value> {
    let next = Arc::new(AtomicUsize::new(range.start));
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, bodies, next, end) =
                (client.clone(), Arc::clone(bodies), Arc::clone(&next), range.end);
            runtime.spawn(async move {
                let mut responses = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return responses;
                    }
                    let call =
                        client.chain(&format!("v3/marketing/busifavor/coupons/{verb}")).post(&bodies[number]);
                    responses.push((number, call.await.expect("a verified response").json().expect("JSON")));
                }
            })
        })
        .collect();
    let mut responses: Vec<(usize, Value)> =
        tasks.into_iter().flat_map(|task| runtime.block_on(task).expect("a finished task")).collect();
    responses.sort_by_key(|(number, _)| *number);
    responses.into_iter().map(|(_, response)| response).collect()
}
