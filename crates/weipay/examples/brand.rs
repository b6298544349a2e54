//! 品牌: a brand calls its own operations with its own credentials, the ID and the API certificate of the brand
//! (品牌API证书). The calls, the checks and the errors are those of a merchant. The sandbox has no brands, so a transport
//! plays the platform.
//!
//! `cargo run -p weipay --example brand`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weipay::ClientBuilder;
use weipay::error::NetworkError;
use weipay::http::header::AUTHORIZATION;
use weipay::http::{Request, Response};
use weipay::serde_json::json;
use weipay::transport::blocking::{Body, Transport};
use weipay::wire::{
    BRAND_SCHEME, BrandId, MerchantSerial, PrivateKey, PublicKey, PublicKeyId, request_message,
    response_message,
};

const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026";
const COUPONS: &str = "brand/marketing/product-coupon/product-coupons";

/// Verifies what the brand signed, and signs its response.
struct Platform {
    key: PrivateKey,
    brand: PublicKey,
}

impl Platform {
    fn respond(
        &self,
        request: &Request<Body>,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let authorization = request.headers().get(AUTHORIZATION).ok_or("no signature")?.to_str()?;
        let parameter = |name: &str| {
            let (_, rest) = authorization.split_once(&format!("{name}=\""))?;
            rest.split('"').next()
        };
        let said = |name: &str| parameter(name).ok_or_else(|| format!("no {name}"));
        if !authorization.starts_with(BRAND_SCHEME) {
            return Err("another scheme".into());
        }
        println!("{BRAND_SCHEME} of brand {}", said("brand_id")?);
        let body = request.body().as_bytes().ok_or("a stream")?;
        let signed = request_message(
            request.method().as_str(),
            request.uri().path(),
            said("timestamp")?.parse()?,
            said("nonce_str")?,
            body,
        );
        self.brand.verify(&signed, said("signature")?)?;

        let (body, nonce) = (r#"{"product_coupon_id":"1000000013"}"#, "c5ac7061fccab6bf3e254dcf98995b8c");
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
    let (brand, platform) = (PrivateKey::generate()?, PrivateKey::generate()?);
    let client = ClientBuilder::default()
        .brand(BrandId::new("123456789")?)
        // Of the brand's API certificate. A brand knows the platform by its public key.
        .merchant_serial(MerchantSerial::new("0C4AEF34B89340881BB2B25226393DC2E47F094B")?)
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID)?, platform.public_key())
        .blocking_transport(Platform { key: platform, brand: brand.public_key() })
        .merchant_key(brand)
        .build_blocking()?;
    let coupon = client.chain(COUPONS).post(json!({"out_request_no": "request-1"}))?;
    println!("verified {}: {}", coupon.is_verified(), coupon.json()?["product_coupon_id"]);
    // Operations of merchants are refused before anything is sent, as those of brands are to a merchant's client.
    let error =
        client.chain("v3/merchant/fund/balance/BASIC").get().err().ok_or("a brand called as a merchant")?;
    println!("nothing was sent: {}", error.is_request());
    Ok(())
}
