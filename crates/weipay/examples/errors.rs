//! 错误处理: what a program does about an error: the next step, the category, what its code means, and which line of a refused
//! signature differs. It starts its own sandbox.
//!
//! `cargo run -p weipay --example errors`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::time::Duration;

use weipay::error::{NetworkError, NextStep};
use weipay::http::{Request, Response, Uri};
use weipay::serde_json::json;
use weipay::signer::blocking::Signer;
use weipay::signer::{Signature, SignerError};
use weipay::transport::blocking::{Body, DefaultTransport, Transport};
use weipay::wire::PrivateKey;
use weipay::{ClientBuilder, Error, RetryConfig, error_code};
use weipay_sandbox::{FaultRule, Sandbox};

/// `next_step` asks first whether it may have happened. The same request is sent again only where it cannot take effect twice.
fn what_to_do(error: &Error) -> &'static str {
    // A code that matters to the program. `error_code` has a constant for each known one.
    if error.code() == Some(error_code::ORDERPAID) {
        return "the order is paid: do not pay again";
    }
    match error.next_step() {
        NextStep::Query | NextStep::QueryOrRepeat => "query the result",
        NextStep::Repeat => "try again later",
        NextStep::CorrectRequest => "correct the request",
        NextStep::CheckKeys => "check key, serial and clock",
        _ => "decide by the code, or show it to a person",
    }
}

fn tell<T>(what: &str, outcome: Result<T, Error>) {
    let Err(error) = outcome else { return println!("{what}: done") };
    let code = error.code().unwrap_or("no code");
    println!("{what}: {}, {code}: {}", error.class().as_str(), what_to_do(&error));
    // What the official pages say of the code, for this operation.
    if let (Some(meaning), Some(advice)) = (error.meaning(), error.advice()) {
        println!("  it means: {meaning}; advice: {advice}");
    }
    // Only with `SIGN_ERROR`: the platform shows what it verified, and the client compares that with what it signed.
    if let Some(difference) = error.sign_difference() {
        println!("  {difference}");
    }
    // The support of WeChat Pay asks for it.
    if let Some(id) = error.request_id() {
        println!("  Request-ID with {} characters", id.len());
    }
}

/// Signs with a key that is not the merchant's.
struct Stranger(PrivateKey);

impl Signer for Stranger {
    fn sign(&self, message: &[u8], _: Duration) -> Result<Signature, SignerError> {
        Ok(Signature::from_base64(&self.0.sign(message)?)?)
    }
}

/// Changes the query after it was signed, as some proxies do.
struct Rewriting(DefaultTransport);

impl Transport for Rewriting {
    fn send(&self, mut request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        let changed = request.uri().to_string().replace("mchid=", "mchid=0");
        if let Ok(uri) = changed.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
        self.0.send(request, timeout)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let settings = || ClientBuilder::from_kit(sandbox.kit_file()).map(|it| it.retries(RetryConfig::none()));
    // Without repeats, so that each error is seen.
    let client = settings()?.build_blocking()?;
    let kit = sandbox.kit();
    let path = "v3/pay/transactions/native";
    let order = |number: &str| {
        json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": "tea", "out_trade_no": number,
            "notify_url": "https://example.com/notify", "amount": {"total": 1},
        })
    };
    let query = "v3/pay/transactions/out-trade-no/{out_trade_no}";

    let missing = client.chain(query).query("mchid", &kit.mchid).path("out_trade_no", "1217752501");
    tell("an order that does not exist", missing.get());
    tell("an order without an amount", client.chain(path).post(json!({"appid": kit.appid})));

    let stranger = settings()?.blocking_signer(Stranger(PrivateKey::generate()?)).build_blocking()?;
    tell("another private key", stranger.chain(path).post(order("order-1")));
    let changed = settings()?.blocking_transport(Rewriting(DefaultTransport::new()?)).build_blocking()?;
    let call = changed.chain(query).query("mchid", &kit.mchid).path("out_trade_no", "1217752501");
    tell("a query that a proxy changed", call.get());

    // The platform does it, and the connection ends before its response.
    sandbox.add_fault(FaultRule::new("commit-then-drop".parse()?).first(1))?;
    tell("a response that was lost", client.chain(path).post(order("order-2")));
    sandbox.add_fault(FaultRule::new("429".parse()?).first(1))?;
    tell("too many calls", client.chain(path).post(order("order-3")));

    let nobody = settings()?.base_url("http://127.0.0.1:1").build_blocking()?;
    tell("nobody at that address", nobody.chain(path).post(order("order-4")));
    Ok(())
}
