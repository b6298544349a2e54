//! Signers of the caller's, in place of the merchant private key.

use std::time::Duration;

use serde_json::json;
use weipay::error::{ErrorKind, RequestError};
use weipay::signer::{Signature, SignatureFuture, Signer, SignerError, blocking};
use weipay::wire::{MerchantId, MerchantSerial};
use weipay::{ClientBuilder, ConfigError, Error};

use crate::on_async;
use crate::platform::{
    MERCHANT, MERCHANT_SERIAL, PLATFORM, PUBLIC_KEY_ID, Platform, configured, signed, unsigned,
};

/// The key of the tests, behind a pause: it never reaches the client.
#[derive(Clone, Copy)]
struct Remote;

impl Signer for Remote {
    fn sign<'a>(&'a self, message: &'a [u8]) -> SignatureFuture<'a> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(Signature::from_base64(&MERCHANT.sign(message)?)?)
        })
    }
}

impl blocking::Signer for Remote {
    fn sign(&self, message: &[u8], limit: Duration) -> Result<Signature, SignerError> {
        assert!(limit <= Duration::from_secs(30));
        Ok(Signature::from_base64(&MERCHANT.sign(message)?)?)
    }
}

struct Broken;

/// An error of the caller's own.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the module is locked")]
struct Locked;

impl Signer for Broken {
    fn sign<'a>(&'a self, _: &'a [u8]) -> SignatureFuture<'a> {
        Box::pin(async { Err(Locked.into()) })
    }
}

impl blocking::Signer for Broken {
    fn sign(&self, _: &[u8], _: Duration) -> Result<Signature, SignerError> {
        Err(Locked.into())
    }
}

struct Asleep;

impl Signer for Asleep {
    fn sign<'a>(&'a self, _: &'a [u8]) -> SignatureFuture<'a> {
        Box::pin(std::future::pending())
    }
}

fn without_key() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), PLATFORM.public_key())
}

/// The platform of the tests verifies every signature.
#[test]
fn each_attempt_is_signed_by_the_signer() {
    let again = || unsigned(500, r#"{"code":"SYSTEM_ERROR"}"#);
    let platform = Platform::start(vec![again(), signed(200, "{}")]);
    let client = without_key().base_url(&platform.base_url).signer(Remote).build().unwrap();
    let response = on_async(async { client.chain("v3/marketing/busifavor/callbacks").get().await }).unwrap();
    assert_eq!(response.attempts().len(), 2);

    let platform = Platform::start(vec![again(), signed(200, "{}")]);
    let client = without_key().base_url(&platform.base_url).blocking_signer(Remote).build_blocking().unwrap();
    let response = client.chain("v3/marketing/busifavor/callbacks").get().unwrap();
    assert_eq!(response.attempts().len(), 2);
}

fn is_unsent(error: &Error, reason: &str) {
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::Signer(_))), "{error:?}");
    assert!(!error.may_have_taken_effect() && !error.to_string().contains(reason), "{error}");
    assert_eq!(format!("{error:#}").matches(reason).count(), 1, "{error:#}");
}

#[test]
fn nothing_is_sent_without_a_signature() {
    let platform = Platform::start(Vec::new());
    let to = |builder: ClientBuilder| builder.base_url(&platform.base_url);
    let order = json!({"out_trade_no": "1"});
    let client = to(without_key()).signer(Broken).build().unwrap();
    is_unsent(
        &on_async(async { client.chain("v3/a").post(&order).await }).unwrap_err(),
        "the module is locked",
    );
    let client = to(without_key()).blocking_signer(Broken).build_blocking().unwrap();
    let error = client.chain("v3/a").post(&order).unwrap_err();
    is_unsent(&error, "the module is locked");
    assert_eq!(std::error::Error::source(&error).and_then(|source| source.downcast_ref()), Some(&Locked));
    let client = to(without_key()).signer(Asleep).timeout(Duration::from_millis(10)).build().unwrap();
    is_unsent(&on_async(async { client.chain("v3/a").post(&order).await }).unwrap_err(), "time limit");
    assert!(!platform.saw_more());
}

#[test]
fn a_client_needs_a_key_or_the_signer_of_its_kind() {
    let Err(ConfigError::Missing(missing)) = without_key().build() else { panic!("built") };
    assert!(missing[0].contains(".merchant_key(...)"), "{missing:?}");
    let client = without_key().blocking_signer(Remote).build_blocking().unwrap();
    let error = client.decrypt_sensitive(&PLATFORM.public_key().encrypt_oaep(b"x").unwrap()).unwrap_err();
    assert!(format!("{error:#}").contains(".merchant_key(...)"), "{error:#}");
}

/// It would be ignored, and the client would sign with the merchant private key.
#[test]
fn a_signer_of_the_other_client_alone_is_refused() {
    let for_async = || configured().signer(Remote);
    let for_blocking = || configured().blocking_signer(Remote);
    let client = configured().build().unwrap();
    let blocking_client = configured().build_blocking().unwrap();
    for built in [
        for_async().build_blocking().map(drop),
        for_blocking().build().map(drop),
        blocking_client.for_merchant(for_async()).map(drop),
        client.for_merchant(for_blocking()).map(drop),
    ] {
        let Err(ConfigError::Mismatch(text)) = built else { panic!("the signer is ignored") };
        assert!(text.contains("`.signer(...)`") && text.contains("`.blocking_signer(...)`"), "{text}");
    }
    // With a signer for each, the same settings build both.
    for_async().blocking_signer(Remote).build().unwrap();
    for_async().blocking_signer(Remote).build_blocking().unwrap();
}

#[test]
fn a_merchant_of_the_fleet_has_a_signer_of_its_own() {
    let platform = Platform::start(vec![signed(200, "{}"); 2]);
    let broken = without_key().base_url(&platform.base_url).blocking_signer(Broken).build_blocking().unwrap();
    let works = broken.for_merchant(without_key().blocking_signer(Remote)).unwrap();
    works.chain("v3/a").get().unwrap();
    is_unsent(&broken.chain("v3/a").get().unwrap_err(), "locked");
    assert!(broken.for_merchant(without_key()).is_err(), "the signer of another merchant must not sign");
}
