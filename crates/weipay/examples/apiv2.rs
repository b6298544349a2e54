//! APIv2: a payment by code (付款码支付) and a refund, in XML, signed and verified, with the errors of APIv3. It starts its own sandbox.
//!
//! `cargo run -p weipay --features pay --example apiv2`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::blocking::Client;
use weipay::serde_json::json;
use weipay::v2::pay::orderquery::post as query;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`, and with `WEIPAY_API_V2_KEY`.
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;
    let kit = sandbox.kit();

    // Without types: the members become elements. `mch_id`, `nonce_str` and `sign` are the client's work.
    let order = json!({
        "appid": kit.appid, "body": "tea", "out_trade_no": "1217752501201407033", "total_fee": 1,
        "spbill_create_ip": "127.0.0.1", "notify_url": "https://example.com/notify", "trade_type": "NATIVE",
        "product_id": "tea", "sign_type": "HMAC-SHA256",
    });
    let response = client.chain("v2/pay/unifiedorder").post(&order)?;
    println!("{}", response.json()?["code_url"]);

    // Typed: numbers are numbers, and what is numbered is a list.
    let request = query::Request::new().appid(kit.appid.as_str()).out_trade_no("1217752501201407033");
    let order = client.v2().pay().orderquery().post(request)?.decode()?;
    println!("{:?}", order.trade_state);

    // `return_code` and `result_code` are judged: what did not succeed is an error, as in APIv3.
    let request = query::Request::new().appid(kit.appid.as_str()).out_trade_no("1217752501201407099");
    if let Err(error) = client.v2().pay().orderquery().post(request) {
        println!("{} {:?}", error.class().as_str(), error.code());
    }
    Ok(())
}
