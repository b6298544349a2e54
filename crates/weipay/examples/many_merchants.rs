//! 多商户与服务商: ten thousand sub-merchants of a partner and several merchants in one process, over one connection pool. It starts its
//! own sandbox.
//!
//! `cargo run -p weipay --example many_merchants`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::error::Error;

use weipay::serde_json::json;
use weipay::wire::MerchantId;
use weipay::{Client, ClientBuilder, SubMerchant};

const SHOPS: u64 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = weipay_sandbox::Sandbox::start()?;
    // A program for the platform begins with `Client::from_env()?`.
    let partner = Client::from_kit(sandbox.kit_file())?;

    // A handle for each sub-merchant (子商户): keys, connections and trust store are the partner's.
    let before = resident_bytes();
    let shops = (0..SHOPS)
        .map(|number| Ok(SubMerchant::new(MerchantId::new((1_900_000_000 + number).to_string())?)))
        .map(
            |shop: Result<_, Box<dyn Error>>| Ok(partner.for_sub_merchant(shop?.appid("wxd678efh567hg6999"))),
        )
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    println!("{SHOPS} handles, {} bytes each", resident_bytes().saturating_sub(before) / SHOPS);

    // `sub_mchid` and `sub_appid` are filled in. An order's number is unique among all shops of the partner.
    for (number, shop) in shops.iter().enumerate().step_by(4_000) {
        let order = json!({
            "sp_appid": sandbox.kit().appid,
            "sp_mchid": sandbox.kit().mchid,
            "description": "tea",
            "out_trade_no": format!("order-{number}"),
            "notify_url": "https://example.com/notify",
            "amount": {"total": 1},
        });
        let response = shop.chain("v3/pay/partner/transactions/native").post(&order).await?;
        println!("{:?}: {}", shop.sub_merchant().map(SubMerchant::mchid), response.json()?["code_url"]);
    }

    // Another merchant with its own keys, over the same connections. Its settings come from wherever they are stored.
    let settings = ClientBuilder::from_kit(sandbox.kit_file())?;
    let merchant = partner.for_merchant(settings)?;
    println!(
        "{:?}: {}",
        merchant.mchid(),
        merchant.chain("v3/merchant/fund/balance/BASIC").get().await?.status()
    );
    Ok(())
}

/// What the process has in memory; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<u64> = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    kilobytes.unwrap_or_default() * 1_024
}
