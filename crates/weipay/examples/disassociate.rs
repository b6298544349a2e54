//! 取消关联订单信息: undo the link between a coupon and an order. Configured by the `WEIPAY_*` environment variables.
//!
//! `cargo run -p weipay --features marketing --example disassociate -- STOCK COUPON ORDER REQUEST`
#![allow(clippy::print_stdout, reason = "command-line output")]

use weipay::v3::marketing::busifavor::coupons::disassociate::post::Request;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = weipay::Client::from_env()?;
    let mut args = std::env::args().skip(1);
    let request = Request::new()
        .stock_id(args.next().ok_or("missing argument: stock ID")?)
        .coupon_code(args.next().ok_or("missing argument: coupon code")?)
        .out_trade_no(args.next().ok_or("missing argument: order number")?)
        .out_request_no(args.next().ok_or("missing argument: request number")?);
    let response = client.v3().marketing().busifavor().coupons().disassociate().post(request).await?;
    println!("{}", response.decode()?.wechatpay_disassociate_time.ok_or("no time")?);
    Ok(())
}
