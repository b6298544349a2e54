//! 平台证书与微信支付公钥: a client that is given the APIv3 key alone, and fetches the platform's certificates by itself; then one that is
//! given the public key. Calls are the same with both. It starts its own sandboxes.
//!
//! `cargo run -p weipay --example platform_keys`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::error::Error;
use std::fs;

use weipay::ClientBuilder;
use weipay::blocking::Client;
use weipay::wire::{ApiV3Key, MerchantId, MerchantSerial, PrivateKey, PublicKey, PublicKeyId};
use weipay_sandbox::{PlatformKeys, Sandbox};

fn main() -> Result<(), Box<dyn Error>> {
    // A merchant of before October 2024: the platform signs with a certificate (平台证书). The client fetches it before its
    // first call, fetches it again every eleven hours, and when a response names a serial that it does not know.
    let certificates = Sandbox::builder().platform_keys(PlatformKeys::Certificate).start()?;
    let key = ApiV3Key::new(certificates.kit().api_v3_key.as_str())?;
    let client = merchant_of(&certificates)?.api_v3_key(key).build_blocking()?;
    // Only for a program that wants to know at its start whether it works.
    client.fetch_platform_certificates()?;
    call("certificate", &client)?;

    // A merchant of today: the platform signs with its public key (微信支付公钥), which never has to be fetched.
    let public_key = Sandbox::start()?;
    let (kit, folder) = (public_key.kit(), public_key.kit_file().parent().ok_or("no folder")?);
    let pem = fs::read_to_string(folder.join(kit.public_key.as_deref().unwrap_or_default()))?;
    let id = PublicKeyId::new(kit.public_key_id.as_deref().unwrap_or_default())?;
    let client = merchant_of(&public_key)?.public_key(id, PublicKey::from_pem(&pem)?).build_blocking()?;
    call("public key", &client)
}

/// The merchant, without a key of the platform.
fn merchant_of(sandbox: &Sandbox) -> Result<ClientBuilder, Box<dyn Error>> {
    let (kit, folder) = (sandbox.kit(), sandbox.kit_file().parent().ok_or("no folder")?);
    let key = fs::read_to_string(folder.join(&kit.merchant_key))?;
    Ok(ClientBuilder::default()
        .base_url(&kit.base_url)
        .mchid(MerchantId::new(kit.mchid.as_str())?)
        .merchant_serial(MerchantSerial::new(kit.merchant_serial.as_str())?)
        .merchant_key(PrivateKey::from_pem(&key)?))
}

fn call(name: &str, client: &Client) -> Result<(), Box<dyn Error>> {
    let response =
        client.chain("v3/merchant/fund/balance/{account_type}").path("account_type", "BASIC").get()?;
    let serial = response.headers().get("Wechatpay-Serial").ok_or("no serial")?;
    println!("{name}: verified {}, signed by {serial:?}", response.is_verified());
    Ok(())
}
