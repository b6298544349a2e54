//! 服务商模式: a partner orders, queries and refunds for a sub-merchant (子商户). Both numbers are set once. It starts its own sandbox.
//!
//! `cargo run -p weipay --features pay,refund --example partner`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::v3::pay::partner::transactions::native::post as order;
use weipay::v3::pay::partner::transactions::out_trade_no::out_trade_no::get as query;
use weipay::v3::refund::domestic::refunds::post as refund;
use weipay::wire::MerchantId;
use weipay::{Client, SubMerchant};
use weipay_sandbox::{PaymentRequest, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`, with the keys of the partner.
    let sandbox = Sandbox::start()?;
    let partner = Client::from_kit(sandbox.kit_file())?;

    // The client fills in `sub_mchid` and `sub_appid` where a request has them, and the partner's own `sp_mchid`.
    let shop = SubMerchant::new(MerchantId::new("1900000109")?).appid("wxd678efh567hg6999");
    let client = partner.for_sub_merchant(shop);

    let request = order::Request::new()
        .sp_appid(sandbox.kit().appid.as_str())
        .description("tea")
        .out_trade_no("order-1")
        .notify_url("https://example.com/notify")
        .amount(order::PayOrderAmount::new().total(100).currency("CNY"));
    let response = client.v3().pay().partner().transactions().native().post(request).await?.decode()?;
    println!("{}", response.code_url.unwrap_or_default());

    // What a person does on the phone.
    sandbox.pay(&PaymentRequest::new("order-1"))?;
    let paid = client.v3().pay().partner().transactions().out_trade_no().out_trade_no("order-1");
    let paid = paid.get(query::Request::new()).await?.decode()?;
    println!("{:?} for {:?}", paid.trade_state, paid.sub_mchid);

    let request = refund::Request::new()
        .out_trade_no("order-1")
        .out_refund_no("order-1-1")
        .amount(refund::Amount::new().refund(100).total(100).currency("CNY"));
    let refunded = client.v3().refund().domestic().refunds().post(request).await?.decode()?;
    println!("{:?}", refunded.status);
    Ok(())
}
