//! 查询: waits for a bill and for an order within a deadline, in both clients. It starts its own sandbox.
//!
//! `cargo run -p weipay --features bill,pay --example waiting`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::time::Duration;

use weipay::serde_json::json;
use weipay::v3::bill::tradebill;
use weipay::v3::pay::transactions::out_trade_no::out_trade_no as order;
use weipay::waiting::{WaitOptions, WaitOutcome};
use weipay::{Client, blocking};
use weipay_sandbox::{Clock, PaymentRequest, Sandbox};

/// Noon in Beijing on 25 November 2026.
const NOON: i64 = 1_795_579_200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`.
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOON).0).start()?;
    let client = blocking::Client::from_kit(sandbox.kit_file())?;
    let kit = sandbox.kit();
    let order_of = |number: &str| {
        json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": number,
            "notify_url": "http://127.0.0.1:9/notify", "amount": {"total": 1},
        })
    };

    // What the bill is made of, the day before.
    client.chain("v3/pay/transactions/native").post(order_of("1217752501201407032"))?;
    sandbox.pay(&PaymentRequest::new("1217752501201407032"))?;
    sandbox.run_for(24 * 60 * 60)?;

    // A bill that is still being made is asked for every half hour; `poll_interval` sets another time.
    let waited = client.wait(&WaitOptions::timeout(Duration::from_secs(4 * 60 * 60)), |left| {
        let request = tradebill::get::Request::new().bill_date("2026-11-25");
        client.v3().bill().tradebill().timeout(left).get(request)
    })?;
    if let WaitOutcome::Final { response, .. } = waited {
        println!("the bill is there: {} bytes", client.download(&response).to_bytes()?.len());
    }

    // An order is asked for every five seconds. Only the platform's word settles it: at the deadline it is undecided.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let client = Client::from_kit(sandbox.kit_file())?;
        client.chain("v3/pay/transactions/native").post(order_of("1217752501201407033")).await?;
        // What a person does on the phone.
        sandbox.pay(&PaymentRequest::new("1217752501201407033"))?;
        let waited = client
            .wait(
                &WaitOptions::timeout(Duration::from_secs(3)).poll_interval(Duration::from_secs(1)),
                |left| {
                    let request = order::get::Request::new();
                    let order =
                        client.v3().pay().transactions().out_trade_no().out_trade_no("1217752501201407033");
                    order.timeout(left).get(request)
                },
            )
            .await?;
        match waited {
            WaitOutcome::Final { state, .. } => println!("the order is decided: {state}"),
            WaitOutcome::TimedOut { last, .. } => println!("the order is undecided, last seen as {last:?}"),
        }
        Ok(())
    })
}
