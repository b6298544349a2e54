//! Takes the keys from the environment and asks for a Native order (Native下单). `../../weipay` is the same program.

use std::env;
use std::error::Error;
use std::fs;

use wxpay_rs::services::payments::jsapi::Amount;
use wxpay_rs::services::payments::native::NativeRequest;
use wxpay_rs::{WxPayClient, WxPayConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = WxPayConfig::builder()
        .app_id(env::var("APPID")?)
        .merchant_id(env::var("WXPAY_MCHID")?)
        .api_v3_key(env::var("WXPAY_API_V3_KEY")?)
        .private_key_from_file(env::var("WXPAY_MERCHANT_KEY")?)
        .cert_serial_number(env::var("WXPAY_MERCHANT_SERIAL")?)
        .platform_public_key(env::var("WXPAY_PUBLIC_KEY_ID")?, fs::read(env::var("WXPAY_PUBLIC_KEY")?)?)
        .build()?;
    let client = WxPayClient::new(config).await?;
    let request = NativeRequest {
        appid: client.config().app_id.clone(),
        mchid: client.config().merchant_id.clone(),
        description: "Image形象店-深圳腾大-QQ公仔".into(),
        out_trade_no: "1217752501201407033233368018".into(),
        amount: Some(Amount { total: 100, currency: Some("CNY".into()) }),
        notify_url: Some("https://www.example.com/wxpay".into()),
    };
    println!("{}", client.native().create_order(&request).await?.code_url);
    Ok(())
}
