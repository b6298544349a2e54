//! APIv2 (XML): an order, a query, and a failure, which is the same error type as in APIv3. Requests are signed with MD5 or
//! HMAC-SHA256, as the request says; responses are verified. It starts its own sandbox.
//!
//! `cargo run -p weipay --features pay --example apiv2`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::blocking::Client;
use weipay::serde_json::json;
use weipay::v2::pay::orderquery::post as query;
use weipay_sandbox::{PaymentRequest, Sandbox};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program for the platform begins with `Client::from_env()?`, and sets `WEIPAY_API_V2_KEY`.
    let sandbox = Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;
    let kit = sandbox.kit();

    // Without types: members become elements of XML. The client adds `mch_id`, `nonce_str` and `sign`. Without
    // `sign_type`, MD5 signs.
    for (number, sign_type) in [("order-md5", None), ("order-hmac", Some("HMAC-SHA256"))] {
        let mut order = json!({
            "appid": kit.appid, "body": "tea", "out_trade_no": number, "total_fee": 1,
            "spbill_create_ip": "127.0.0.1", "notify_url": "https://example.com/notify", "trade_type": "NATIVE",
            "product_id": "tea",
        });
        if let Some(sign_type) = sign_type {
            order["sign_type"] = json!(sign_type);
        }
        let response = client.chain("v2/pay/unifiedorder").post(&order)?;
        println!("{number}: {}, verified {}", response.json()?["code_url"], response.is_verified());
    }

    // Typed: numbers are numbers, and numbered elements are lists. What a person does on the phone comes before.
    sandbox.pay(&PaymentRequest::new("order-hmac"))?;
    let request = query::Request::new().appid(kit.appid.as_str()).out_trade_no("order-hmac");
    let order = client.v2().pay().orderquery().post(request)?.decode()?;
    println!("{:?}: {:?} fen", order.trade_state, order.total_fee);

    // The status is always 200. The client reads `return_code` and `result_code`: what did not succeed is an `Error`.
    let request = query::Request::new().appid(kit.appid.as_str()).out_trade_no("order-unknown");
    match client.v2().pay().orderquery().post(request) {
        Ok(_) => println!("it is there"),
        Err(error) => println!("{}: {}", error.class().as_str(), error.code().unwrap_or_default()),
    }
    Ok(())
}
