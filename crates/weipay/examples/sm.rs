//! 国密: a merchant and a platform with keys of SM2. The keys decide: the same calls are signed with SM2 over SM3, and
//! verified so. The sandbox has no keys of SM2, so a transport plays the platform.
//!
//! `cargo run -p weipay --features sm --example sm`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weipay::ClientBuilder;
use weipay::error::NetworkError;
use weipay::http::header::AUTHORIZATION;
use weipay::http::{Request, Response};
use weipay::transport::blocking::{Body, Transport};
use weipay::wire::{
    Authorization, MerchantId, MerchantSerial, PrivateKey, PublicKey, PublicKeyId, request_message,
    response_message,
};

const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026";

/// Verifies what the merchant signed, and signs its response.
struct Platform {
    key: PrivateKey,
    merchant: PublicKey,
}

impl Platform {
    fn respond(
        &self,
        request: &Request<Body>,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let authorization: Authorization =
            request.headers().get(AUTHORIZATION).ok_or("no signature")?.to_str()?.parse()?;
        println!("{}", authorization.scheme);
        let signed = request_message(
            request.method().as_str(),
            request.uri().path(),
            authorization.timestamp,
            &authorization.nonce_str,
            b"",
        );
        self.merchant.verify(&signed, &authorization.signature)?;

        let (body, nonce) =
            (r#"{"available_amount":100,"pending_amount":0}"#, "c5ac7061fccab6bf3e254dcf98995b8c");
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        let signature = self.key.sign(&response_message(&now, nonce, body.as_bytes()))?;
        Ok(Response::builder()
            .header("Wechatpay-Timestamp", now)
            .header("Wechatpay-Nonce", nonce)
            .header("Wechatpay-Serial", PUBLIC_KEY_ID)
            .header("Wechatpay-Signature", signature)
            .body(Body::from(body))?)
    }
}

impl Transport for Platform {
    fn send(&self, request: Request<Body>, _: Duration) -> Result<Response<Body>, NetworkError> {
        let sent = weipay::error::Sent::Perhaps;
        self.respond(&request).map_err(|source| NetworkError { sent, source })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Read from PEM as keys of RSA are: `PrivateKey::from_pem`, `PublicKey::from_pem`, `Certificate::from_pem`.
    let (merchant, platform) = (PrivateKey::generate_sm2()?, PrivateKey::generate_sm2()?);
    let client = ClientBuilder::default()
        .mchid(MerchantId::new("1900000001")?)
        .merchant_serial(MerchantSerial::new("0C4AEF34B89340881BB2B25226393DC2E47F094B")?)
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID)?, platform.public_key())
        .blocking_transport(Platform { key: platform, merchant: merchant.public_key() })
        .merchant_key(merchant)
        .build_blocking()?;
    let balance = client.chain("v3/merchant/fund/balance/BASIC").get()?;
    println!("verified {}: {}", balance.is_verified(), balance.json()?["available_amount"]);
    Ok(())
}
