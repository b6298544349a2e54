//! What one more merchant costs, counted by an allocator: in a separate binary, because the allocator counts for the
//! whole process. Bytes are counted, not time, so the numbers do not depend on the machine.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::alloc::System;
use std::sync::Mutex;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use weipay::error::{NetworkError, Sent};
use weipay::http::{Request, Response};
use weipay::observer::Observer;
use weipay::transport::blocking::{Body, Transport};
use weipay::wire::{ApiV3Key, MerchantId, MerchantSerial, PrivateKey, PublicKey, PublicKeyId};
use weipay::{ClientBuilder, SubMerchant};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is promised of a merchant, beyond its keys.
const MAX_BYTES: usize = 16 * 1024;
/// How many merchants are made, as many as a process is promised to hold. One more or less must not be seen.
const MERCHANTS: usize = 10_000;

struct Keys {
    merchant: PrivateKey,
    platform: PublicKey,
}

fn settings(keys: &Keys, number: usize) -> ClientBuilder {
    let mchid = 1_900_000_000 + number;
    ClientBuilder::default()
        .mchid(MerchantId::new(mchid.to_string()).unwrap())
        .merchant_serial(MerchantSerial::new("0C4AEF34B89340881BB2B25226393DC2E47F094B").unwrap())
        .merchant_key(keys.merchant.clone())
        .public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap(), keys.platform.clone())
        .api_v3_key(ApiV3Key::new("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb").unwrap())
}

/// Makes clients, and gives what each of them holds, in bytes.
fn each<T>(make: impl Fn(usize) -> T) -> usize {
    let mut clients = Vec::with_capacity(MERCHANTS);
    let region = Region::new(ALLOCATOR);
    clients.extend((1..=MERCHANTS).map(&make));
    let change = region.change();
    let held = change.bytes_allocated - change.bytes_deallocated;
    held / MERCHANTS
}

/// Threads of this process, where the system tells.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// One test: two at a time would count each other's allocations.
#[test]
fn a_merchant_costs_little_beyond_its_keys_and_no_thread() {
    let platform = PrivateKey::generate().unwrap().public_key();
    let keys = Keys { merchant: PrivateKey::generate().unwrap(), platform };
    let (first, blocking) =
        (settings(&keys, 0).build().unwrap(), settings(&keys, 0).build_blocking().unwrap());
    let before = threads();

    let costs = [
        each(|number| first.for_merchant(settings(&keys, number)).unwrap()),
        each(|number| blocking.for_merchant(settings(&keys, number)).unwrap()),
        each(|number| sub_merchant(&number, |shop| first.for_sub_merchant(shop))),
        each(|number| sub_merchant(&number, |shop| blocking.for_sub_merchant(shop))),
    ];
    assert!(costs.iter().all(|bytes| (1..=MAX_BYTES).contains(bytes)), "{costs:?}");
    // What is in use: a path of the property style, and its sibling.
    let used = each(|number| {
        let client = first.for_merchant(settings(&keys, number)).unwrap();
        let _ = (&client["v3/pay/transactions/native"], &client["v3/refund/domestic/refunds"]);
        client
    });
    assert!(used <= MAX_BYTES, "{used}");
    assert_eq!(threads(), before);
    let [plain, observed] = [false, true].map(|observed| allocations_of_a_call(&keys, observed));
    // The address of the server is kept for the observer.
    assert!(observed <= plain + 4, "{plain} {observed}");
    #[allow(clippy::print_stdout, reason = "the numbers are worth reading: --nocapture")]
    {
        println!("allocations of a call {plain}, of one with an observer {observed}");
        println!(
            "bytes of a merchant {:?}, of a sub-merchant {:?}, of one in use {used}",
            &costs[..2],
            &costs[2..]
        );
    }
}

struct Silent;

impl Observer for Silent {}

/// Responds at once, so that only the client's own allocations are counted.
struct Canned(Mutex<Vec<Response<Body>>>);

impl Transport for Canned {
    fn send(&self, _: Request<Body>, _: Duration) -> Result<Response<Body>, NetworkError> {
        self.0.lock().unwrap().pop().ok_or_else(|| NetworkError { sent: Sent::No, source: "no more".into() })
    }
}

fn canned() -> Response<Body> {
    Response::builder().status(403).body(Body::from(r#"{"code":"NO_AUTH","message":"no"}"#)).unwrap()
}

/// How many allocations a call takes that is refused: everything but the verification, which does not depend on what is counted.
fn allocations_of_a_call(keys: &Keys, observed: bool) -> usize {
    let canned = Canned(Mutex::new(vec![canned(), canned()]));
    let builder = settings(keys, 0).blocking_transport(canned);
    let builder = if observed { builder.observer(Silent) } else { builder };
    let client = builder.build_blocking().unwrap();
    let call = || client.chain("v3/pay/transactions/native").post([("out_trade_no", "order-1")]).is_err();
    assert!(call());
    let region = Region::new(ALLOCATOR);
    assert!(call());
    region.change().allocations
}

fn sub_merchant<T>(number: &usize, make: impl Fn(SubMerchant) -> T) -> T {
    make(SubMerchant::new(MerchantId::new((1_900_000_000 + number).to_string()).unwrap()))
}
