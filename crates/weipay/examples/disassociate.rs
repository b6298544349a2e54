//! 取消关联订单信息: undo the link between a coupon and an order. Configured by the `WEIPAY_*` environment variables.
//!
//! `cargo run -p weipay --features marketing --example disassociate -- STOCK COUPON ORDER REQUEST`
#![allow(clippy::print_stdout, reason = "command-line output")]

use weipay::v3::marketing::busifavor::coupons::disassociate::post::Request;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = weipay::Client::from_env()?;
    let mut given = std::env::args().skip(1);
    let request = Request::new()
        .stock_id(given.next().ok_or("which stock?")?)
        .coupon_code(given.next().ok_or("which coupon?")?)
        .out_trade_no(given.next().ok_or("which order?")?)
        .out_request_no(given.next().ok_or("which request number?")?);
    let response = client.v3().marketing().busifavor().coupons().disassociate().post(request).await?;
    println!("{}", response.decode()?.wechatpay_disassociate_time.ok_or("no time")?);
    Ok(())
}
