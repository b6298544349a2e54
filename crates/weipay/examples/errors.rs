//! 错误: what a program does about an error: what it is about, whether the call may have taken effect, whether it may be sent again, and
//! which line of a refused signature differs. It starts its own sandbox.
//!
//! `cargo run -p weipay --example errors`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use weipay::error::ErrorClass;
use weipay::serde_json::json;
use weipay::wire::PrivateKey;
use weipay::{ClientBuilder, Error, Retries};
use weipay_sandbox::{FaultRule, Sandbox};

/// What to do. The first question is always whether it may have happened: then only a query settles it, or the same request again
/// with the same number.
fn advice(error: &Error) -> &'static str {
    match error.class() {
        _ if error.may_have_taken_effect() => "query the result",
        ErrorClass::Parameter => "mend the request",
        ErrorClass::Signature => "check key, serial and clock",
        ErrorClass::NotFound => "there is no such order",
        _ if error.is_retryable() => "try again later",
        _ => "show it to a person",
    }
}

fn tell<T>(what: &str, outcome: Result<T, Error>) {
    let Err(error) = outcome else { return println!("{what}: done") };
    println!("{what}: {} {:?}: {}", error.class().as_str(), error.code(), advice(&error));
    if let Some(difference) = error.sign_difference() {
        println!("  {difference}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let settings = || ClientBuilder::from_kit(sandbox.kit_file());
    // Without repeats, so that each error is seen.
    let client = settings()?.retries(Retries::none()).build_blocking()?;
    let kit = sandbox.kit();
    let path = "v3/pay/transactions/native";
    let order = |number: &str| {
        json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": number,
            "notify_url": "https://example.com/notify", "amount": {"total": 1},
        })
    };

    let query = client.chain("v3/pay/transactions/out-trade-no/{out_trade_no}").query("mchid", &kit.mchid);
    tell("an order that is not there", query.path("out_trade_no", "1217752501201407033").get());
    tell(
        "an order without an amount",
        client.chain(path).post(json!({"appid": kit.appid, "mchid": kit.mchid})),
    );

    let stranger = settings()?.merchant_key(PrivateKey::generate()?).build_blocking()?;
    tell("another private key", stranger.chain(path).post(order("order-1")));

    // The platform does it, and the connection ends before its response.
    sandbox.add_fault(FaultRule::new("commit-then-drop".parse()?).first(1))?;
    tell("a response that was lost", client.chain(path).post(order("order-2")));

    let nobody = settings()?.base_url("http://127.0.0.1:1").retries(Retries::none()).build_blocking()?;
    tell("nobody there", nobody.chain(path).post(order("order-3")));
    Ok(())
}
