//! A retry policy (重试策略) of the program's own. A transport that loses the first two requests before they leave shows it
//! at work. It starts its own sandbox.
//!
//! `cargo run -p weipay --example retry_policy`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use weipay::ClientBuilder;
use weipay::error::{NetworkError, Sent};
use weipay::http::{Request, Response};
use weipay::retry::{RetryContext, RetryPolicy};
use weipay::transport::blocking::{Body, DefaultTransport, Transport};

/// A steady pause, and four attempts. It is only asked where sending again cannot make a call take effect twice.
struct Steady;

impl RetryPolicy for Steady {
    fn delay(&self, context: &RetryContext<'_>) -> Option<Duration> {
        println!("attempt {} ended with {:?}", context.attempts(), context.last().outcome());
        (context.attempts() < 4).then_some(Duration::from_millis(50))
    }
}

/// Loses as many requests.
struct Losing(AtomicU32, DefaultTransport);

impl Transport for Losing {
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        let one_less = |left: u32| left.checked_sub(1);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Err(NetworkError { sent: Sent::No, source: "no route to the host".into() });
        }
        self.1.send(request, timeout)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let client = ClientBuilder::from_kit(sandbox.kit_file())?
        .blocking_transport(Losing(AtomicU32::new(2), DefaultTransport::new()?))
        .retry_policy(Steady)
        .build_blocking()?;
    let response = client.chain("v3/merchant/fund/balance/BASIC").get()?;
    println!("{} after {} attempts", response.status(), response.attempts().len());
    Ok(())
}
