//! A transport around the default one, and the program's own clock. It starts its own sandbox.
//!
//! `cargo run -p weipay --example transport`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weipay::http::Request;
use weipay::transport::{Body, DefaultTransport, ResponseFuture, Transport};
use weipay::{ClientBuilder, Error};

/// Prints where calls go. Headers and bodies stay unprinted: they may be secret.
struct Printing(DefaultTransport);

impl Transport for Printing {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        println!("{} {}", request.method(), request.uri().path());
        self.0.send(request, timeout)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let clock = Arc::new(AtomicI64::new(now));
    let read = Arc::clone(&clock);
    let client = ClientBuilder::from_kit(sandbox.kit_file())?
        .transport(Printing(DefaultTransport::new()?))
        .clock(move || read.load(Ordering::Relaxed))
        .build()?;

    println!("{}", client.chain("v3/merchant/fund/balance/BASIC").get().await?.status());
    // Ten minutes late, the platform accepts no signature.
    clock.fetch_sub(600, Ordering::Relaxed);
    let refused = client.chain("v3/merchant/fund/balance/BASIC").get().await;
    println!("{:?}", refused.err().as_ref().and_then(Error::code));
    Ok(())
}
