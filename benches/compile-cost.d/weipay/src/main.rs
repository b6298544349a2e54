//! Takes the keys from the environment and asks for a Native order (Native下单). `../../wxpay-rs` is the same program.

use std::env;
use std::error::Error;

use serde_json::json;
use weipay::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let response = client
        .chain("v3/pay/transactions/native")
        .post(json!({
            "appid": env::var("APPID")?,
            "mchid": env::var("WEIPAY_MCHID")?,
            "description": "Image形象店-深圳腾大-QQ公仔",
            "out_trade_no": "1217752501201407033233368018",
            "notify_url": "https://www.example.com/wxpay",
            "amount": { "total": 100, "currency": "CNY" },
        }))
        .await?;
    println!("{}", response.json()?["code_url"]);
    Ok(())
}
