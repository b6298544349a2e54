//! 签名器: the merchant private key stays elsewhere, here with a thread that stands for a hardware module or a key
//! service. It starts its own sandbox.
//!
//! `cargo run -p weipay --example signer`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::sync::oneshot;
use weipay::ClientBuilder;
use weipay::signer::{Signature, SignatureFuture, Signer};
use weipay::wire::{MerchantId, MerchantSerial, PrivateKey, PublicKey, PublicKeyId};

type Job = (Vec<u8>, oneshot::Sender<Option<String>>);

/// Asks the module, and waits for its signature without holding up a thread.
struct Module(Sender<Job>);

impl Signer for Module {
    fn sign<'a>(&'a self, message: &'a [u8]) -> SignatureFuture<'a> {
        Box::pin(async move {
            let (respond, signature) = oneshot::channel();
            self.0.send((message.to_vec(), respond))?;
            let signature = signature.await?.ok_or("the module could not sign")?;
            Ok(Signature::from_base64(&signature)?)
        })
    }
}

/// The module: nothing but signatures leaves it.
fn run_module(key: &PrivateKey, jobs: &Receiver<Job>) {
    for (message, respond) in jobs {
        println!("the module signs {} bytes", message.len());
        respond.send(key.sign(&message).ok()).ok();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = weipay_sandbox::Sandbox::start()?;
    let (kit, folder) = (sandbox.kit(), sandbox.kit_file().parent().ok_or("no folder")?);
    let read = |name: &str| std::fs::read_to_string(folder.join(name));

    let key = PrivateKey::from_pem(&read(&kit.merchant_key)?)?;
    let (module, jobs) = channel();
    thread::spawn(move || run_module(&key, &jobs));

    // No `merchant_key`: this client never has it.
    let client = ClientBuilder::default()
        .base_url(&kit.base_url)
        .mchid(MerchantId::new(kit.mchid.as_str())?)
        .merchant_serial(MerchantSerial::new(kit.merchant_serial.as_str())?)
        .public_key(
            PublicKeyId::new(kit.public_key_id.as_deref().unwrap_or_default())?,
            PublicKey::from_pem(&read(kit.public_key.as_deref().unwrap_or_default())?)?,
        )
        .signer(Module(module))
        .build()?;
    println!("{}", client.chain("v3/merchant/fund/balance/BASIC").get().await?.status());
    Ok(())
}
