//! 超时与重试: time limits, what is sent again and what is not, what became of each attempt, and the switch that turns it all off. It
//! starts its own sandbox, which fails on demand.
//!
//! `cargo run -p weipay --example delivery`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::time::Duration;

use weipay::blocking::Client;
use weipay::retry::Attempt;
use weipay::serde_json::json;
use weipay::{ClientBuilder, Error, RetryConfig};
use weipay_sandbox::{FaultRule, Sandbox};

fn tell(what: &str, attempts: &[Attempt], error: Option<&Error>) {
    let outcomes: Vec<_> = attempts.iter().map(Attempt::outcome).collect();
    println!("{what}: {outcomes:?}");
    if let Some(error) = error {
        println!("  may have taken effect: {}", error.may_have_taken_effect());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let kit = sandbox.kit();
    // 20 seconds for a call with all its attempts, 3 to connect; up to four attempts, with short waits between them.
    let client: Client = ClientBuilder::from_kit(sandbox.kit_file())?
        .timeout(Duration::from_secs(20))
        .connect_timeout(Duration::from_secs(3))
        .retries(RetryConfig::default().max_attempts(4).base_delay(Duration::from_millis(20)))
        .build_blocking()?;
    let fail = |fault: &str, times| -> Result<_, Box<dyn std::error::Error>> {
        sandbox.clear_faults();
        Ok(sandbox.add_fault(FaultRule::new(fault.parse()?).first(times))?)
    };
    let order = |number: &str| {
        json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": number,
            "notify_url": "https://example.com/notify", "amount": {"total": 1},
        })
    };
    let native = "v3/pay/transactions/native";

    // The number makes an order safe to repeat: even after a response that was lost, it is the same order.
    fail("commit-then-drop", 2)?;
    let response = client.chain(native).post(order("order-1"))?;
    tell("an order", &response.attempts(), None);

    // A payment by code (付款码支付) could charge twice, so it is sent once. The program queries the order.
    fail("503", 1)?;
    let payment = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": "order-2",
        "payer": {"auth_code": "130061098828009406"}, "amount": {"total": 1},
        "scene_info": {"store_info": {"out_id": "1"}},
    });
    if let Err(error) = client.chain("v3/pay/transactions/codepay").post(payment) {
        tell("a payment by code", error.attempts(), Some(&error));
    }

    // No wait goes beyond the time limit: here the limit of this call, which also ends an attempt that hangs.
    fail("slow; ms=5000", 1)?;
    if let Err(error) = client.chain(native).timeout(Duration::from_millis(300)).post(order("order-3")) {
        tell("a slow platform", error.attempts(), Some(&error));
    }

    // Off for one call. For a whole client: `ClientBuilder::retries(RetryConfig::none())`, which also turns failover off.
    fail("503", 1)?;
    if let Err(error) = client.chain(native).retries(RetryConfig::none()).post(order("order-4")) {
        tell("sent once", error.attempts(), Some(&error));
    }
    Ok(())
}
