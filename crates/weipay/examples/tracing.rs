//! A span for each call, and counters for each attempt. It starts its own sandbox.
//!
//! `cargo run -p weipay --features tracing --example tracing`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use weipay::ClientBuilder;
use weipay::observer::{DroppedCall, EndedAttempt, EndedCall, Observer};

/// Where a program counts for its metrics.
#[derive(Default)]
struct Counters {
    attempts: AtomicU64,
    failures: AtomicU64,
}

impl Observer for Counters {
    fn attempt_ended(&self, _: &EndedAttempt<'_>) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    fn call_ended(&self, call: &EndedCall<'_>) {
        if let Some(class) = call.error_class() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            println!("{:?} failed: {} after {:?}", call.operation(), class.as_str(), call.duration());
        }
    }

    /// By `select!`, a time limit around it, or a web server whose visitor has gone: nobody else hears of it.
    fn call_dropped(&self, call: &DroppedCall<'_>) {
        if call.may_have_taken_effect() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            println!("{:?} was dropped, and may have taken effect: query its result", call.operation());
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program sends its spans to a collector; this one prints them.
    // What the blocking client sends by logs whole URLs, and at TRACE all bytes: `ureq=off,ureq_proto=off` in `RUST_LOG`.
    let targets = Targets::new()
        .with_default(LevelFilter::DEBUG)
        .with_target("ureq", LevelFilter::OFF)
        .with_target("ureq_proto", LevelFilter::OFF);
    let spans = tracing_subscriber::fmt::layer().with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(spans).with(targets).init();
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let counters = Arc::new(Counters::default());
    let client = ClientBuilder::from_kit(sandbox.kit_file())?.observer(Arc::clone(&counters)).build()?;

    client.chain("v3/merchant/fund/balance/BASIC").get().await?;
    let unknown = client.chain("v3/marketing/busifavor/stocks/{stock_id}").path("stock_id", "1");
    println!("{:?}", unknown.get().await.err());
    println!(
        "{} attempts, {} failures",
        counters.attempts.load(Ordering::Relaxed),
        counters.failures.load(Ordering::Relaxed)
    );
    Ok(())
}
