//! Platform certificates (平台证书): those that a client is given, and those that it fetches.

mod fetched;
mod notified;
pub(crate) mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, date_time_ymd};
use weipay::ClientBuilder;
use weipay::error::NetworkError;
use weipay::transport::blocking::{Body, Transport};
use weipay::wire::{Certificate, MerchantId, MerchantSerial, PublicKeyId};

use crate::platform::{MERCHANT, MERCHANT_SERIAL, PLATFORM, PUBLIC_KEY_ID};

/// 2026-07-01T00:00:00Z
const NOW: i64 = 1_782_864_000;

fn certificate(first_year: i32, last_year: i32) -> Certificate {
    let pem = PLATFORM.to_pkcs8_pem().unwrap();
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::default();
    // Of one key, so that only the serial tells them apart.
    params.serial_number = Some(u64::try_from(first_year).unwrap().into());
    params.not_before = date_time_ymd(first_year, 1, 1);
    params.not_after = date_time_ymd(last_year, 12, 31);
    Certificate::from_pem(&params.self_signed(&key).unwrap().pem()).unwrap()
}

/// Keeps the serial that a request names.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Transport for Kept {
    fn send(&self, request: Request<Body>, _: Duration) -> Result<Response<Body>, NetworkError> {
        let serial = request.headers().get("Wechatpay-Serial").unwrap().to_str().unwrap();
        serial.clone_into(&mut self.0.lock().unwrap());
        Ok(Response::builder().status(400).body(Body::empty()).unwrap())
    }
}

fn named(builder: ClientBuilder) -> String {
    let kept = Kept::default();
    let client = builder.blocking_transport(kept.clone()).build_blocking().unwrap();
    client.chain("v3/a").get().unwrap_err();
    kept.0.lock().unwrap().clone()
}

fn builder() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .merchant_key(MERCHANT.clone())
}

#[test]
fn the_newest_valid_certificate_is_named_unless_there_is_a_public_key() {
    let (ended, old, current, coming) =
        (certificate(2020, 2025), certificate(2022, 2027), certificate(2025, 2030), certificate(2027, 2032));
    let expected = current.serial().to_owned();
    assert_ne!(expected, old.serial());
    let given = [ended, coming, old, current];
    let with = || given.iter().cloned().fold(builder(), ClientBuilder::platform_certificate);
    assert_eq!(named(with().clock(|| NOW)), expected);
    let both = with().public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key());
    assert_eq!(named(both), PUBLIC_KEY_ID);
}
