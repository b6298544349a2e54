//! Prints what loading the catalogue costs: `cargo run --release -p weipay-catalog --example loading`.

#![allow(clippy::print_stdout, reason = "command-line output")]

use std::time::Instant;

use weipay_catalog::Catalog;

fn main() {
    let before = resident();
    let start = Instant::now();
    let catalog = Catalog::embedded();
    let ready = start.elapsed();
    let loaded = resident();
    let start = Instant::now();
    let found = catalog.route("POST", "/v3/pay/transactions/jsapi").map(|routed| routed.operation.title);
    let routed = start.elapsed();
    let start = Instant::now();
    let fields: usize = catalog.operations().map(|operation| operation.response.len()).sum();
    let notifications = catalog.notifications().count();
    let parsed = start.elapsed();
    println!("ready             {ready:?}, {} KiB resident more", loaded.saturating_sub(before));
    println!("one routed        {routed:?} ({found:?})");
    println!(
        "everything parsed {parsed:?}, {} KiB resident more ({} operations, {fields} top fields, {notifications} notifications)",
        resident().saturating_sub(before),
        catalog.len(),
    );
}

/// Resident memory in KiB, 0 where the system does not say.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
