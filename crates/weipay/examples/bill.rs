//! 交易账单: asks for a bill, downloads and verifies it, and reads its rows. It starts its own sandbox.
//!
//! `cargo run -p weipay --features bill --example bill`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::fs::File;

use weipay::bill::Bill;
use weipay::blocking::Client;
use weipay::serde_json::json;
use weipay::v3::bill::tradebill::get::{Request, TarType};
use weipay_sandbox::{Clock, PaymentRequest, Sandbox};

/// Noon in Beijing on 25 November 2026.
const NOON: i64 = 1_795_579_200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`.
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOON).0).start()?;
    let client = Client::from_kit(sandbox.kit_file())?;

    // What a bill is made of: an order that a person pays. On the next day from ten o'clock on there is a bill.
    let kit = sandbox.kit();
    let order = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": "1217752501201407033",
        "notify_url": "http://127.0.0.1:9/notify", "amount": {"total": 1990},
    });
    client.chain("v3/pay/transactions/native").post(&order)?;
    sandbox.pay(&PaymentRequest::new("1217752501201407033"))?;
    sandbox.run_for(24 * 60 * 60)?;

    // The response is signed, and names the file and its digest. The file arrives compressed.
    let request = Request::new().bill_date("2026-11-25").tar_type(TarType::Gzip);
    let response = client.v3().bill().tradebill().get(request)?;

    // Decompressed and checked while it arrives; the path has the file only if it is the announced one.
    let path = std::env::temp_dir().join(format!("weipay-tradebill-{}.csv", std::process::id()));
    let downloaded = client.download(&response).to_file(&path)?;
    println!("{} bytes, digest checked: {}", downloaded.size, downloaded.is_verified());

    let mut bill = Bill::new(File::open(&path)?)?;
    println!("{} columns", bill.columns().len());
    while let Some(row) = bill.next_row()? {
        println!("{:?} {:?}", row.get("商户订单号"), row.amount("订单金额")?);
    }
    println!("{} rows", bill.rows_read());
    for (column, value) in bill.summary().into_iter().flat_map(|row| row.iter()) {
        println!("{column}: {value}");
    }
    std::fs::remove_file(&path)?;
    Ok(())
}
