//! 调起支付: what a page, a mini program, an app and a browser need to open what the server prepared. Names, capitals and signatures
//! differ; `FrontEnd` makes each of them from the response of the call before. It starts its own sandbox.
//!
//! `cargo run -p weipay --example front_end`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::error::Error;

use weipay::blocking::Client;
use weipay::front_end::{CouponToSend, FrontEnd, h5_link};
use weipay::serde_json::{Value, json};
use weipay::wire::{ApiV2Key, MerchantId, PrivateKey};
use weipay_sandbox::{PaymentRequest, Sandbox};

fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start()?;
    let client = Client::from_kit(sandbox.kit_file())?;
    let kit = sandbox.kit();
    // Where the private key is elsewhere, `FrontEnd::with_signer` takes a function that signs.
    let key = PrivateKey::from_pem(&sandbox.kit_on_disk().merchant_key_pem()?)?;
    let front_end = FrontEnd::new(MerchantId::new(kit.mchid.as_str())?, key)
        .api_v2_key(ApiV2Key::new(kit.api_v2_key.as_str())?);

    // JSAPI and mini program. `timeStamp` is a string. The sandbox checks the signature as the phone does.
    let order =
        client.chain("v3/pay/transactions/jsapi").post(order(&sandbox, "order-1", "payer"))?.json()?;
    let parameters = front_end.jsapi(&kit.appid, text(&order, "prepay_id")?)?;
    println!("page: {}", names(&json!(parameters))?);
    let Value::Object(given) = json!(parameters) else { return Err("not an object".into()) };
    println!("  paid: {}", sandbox.pay(&PaymentRequest::with_front_end(given))?.paid);

    // APP: all names are in lower case.
    let order = client.chain("v3/pay/transactions/app").post(self::order(&sandbox, "order-2", ""))?.json()?;
    println!("app: {}", names(&json!(front_end.app(&kit.appid, text(&order, "prepay_id")?)?))?);

    // H5: the URL, and where the browser returns to. Native: `code_url` is the text of a QR code.
    let order =
        client.chain("v3/pay/transactions/h5").post(self::order(&sandbox, "order-3", "scene"))?.json()?;
    println!("browser: {}", h5_link(text(&order, "h5_url")?, Some("https://example.com/paid"))?.len() > 40);

    // 用户确认收款: `package_info` is from the response of the transfer.
    println!("transfer: {}", names(&json!(front_end.transfer(&kit.appid, "affffddafdfafddffda==")?))?);
    // 支付分: `package` is from the response of the service order. Signed with the APIv2 key.
    // A mini program takes an object, a web page and an app one text.
    let score = front_end.pay_score("AQF-4sKX")?;
    println!("pay score: {}", names(&json!(score))?);
    println!("  as a text: {}", score.query().starts_with("mch_id="));
    // 商家券: the plugin of a mini program, and a link for a page.
    let coupon = CouponToSend::new("1282070000000003", "request-1");
    println!("coupons: {}", names(&json!(front_end.coupon_plugin(&kit.mchid, &[coupon])?))?);
    Ok(())
}

fn order(sandbox: &Sandbox, number: &str, more: &str) -> Value {
    let kit = sandbox.kit();
    let mut order = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": number,
        "notify_url": "https://example.com/notify", "amount": {"total": 1},
    });
    match more {
        "payer" => order["payer"] = json!({"openid": kit.openid}),
        "scene" => {
            order["scene_info"] = json!({"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}});
        }
        _ => {}
    }
    order
}

fn text<'a>(response: &'a Value, name: &str) -> Result<&'a str, Box<dyn Error>> {
    Ok(response[name].as_str().ok_or_else(|| format!("no {name}"))?)
}

/// The names of the parameters: their values are for one user.
fn names(parameters: &Value) -> Result<String, Box<dyn Error>> {
    let Value::Object(members) = parameters else { return Err("not an object".into()) };
    Ok(members.keys().map(String::as_str).collect::<Vec<_>>().join(" "))
}
