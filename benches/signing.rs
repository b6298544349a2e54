//! What a signed request costs beside the bare RSA-2048 signature in it. The signature is the physical limit; everything
//! around it (path, JSON, headers, message) must stay small beside it.
//!
//! The client's transport is one that goes nowhere, so that a call is its preparation and next to nothing else.
//!
//! Both are timed by criterion in turns, within one run; the ratio of their medians is printed at the end.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops when something is wrong, and prints"
)]

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::Criterion;
use http::{Request, Response, StatusCode};
use weipay::ClientBuilder;
use weipay::error::NetworkError;
use weipay::transport::blocking::{Body, Transport};
use weipay::v3::marketing::busifavor::coupons::disassociate::post;
use weipay::wire::{MerchantId, MerchantSerial, PrivateKey, PublicKeyId, request_message};
use weipay_benches::median;

const LIMIT: f64 = 1.10;

fn main() {
    let key = PrivateKey::generate().expect("a key");
    let pair = pair_of(&key);
    let client = ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").expect("a merchant number"))
        .merchant_serial(MerchantSerial::new("408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB").expect("a serial"))
        .merchant_key(key)
        .public_key(
            PublicKeyId::new("PUB_KEY_ID_0119000000012026").expect("an ID"),
            PrivateKey::generate().expect("a key").public_key(),
        )
        .blocking_transport(Nowhere)
        .build_blocking()
        .expect("a client");
    let request = || {
        post::Request::new()
            .stock_id("1282070000000003")
            .coupon_code("1201059453000011062474")
            .out_trade_no("1217752501201407033233368018")
            .out_request_no("1002600620019090123143254435")
    };
    let path = || client.v3().marketing().busifavor().coupons().disassociate();
    path().post(request()).expect_err("a response from nowhere");
    let body = SENT.lock().expect("a body").clone();
    let message = request_message(
        "POST",
        "/v3/marketing/busifavor/coupons/disassociate",
        1_554_208_460,
        "593BEC0C930BF1AFEB40B4A08C8FB242",
        &body,
    );

    let bare = RefCell::new(Vec::new());
    let whole = RefCell::new(Vec::new());
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("signing");
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    // In turns: the machine's other load then falls on both alike.
    for round in 1..=3 {
        group.bench_function(format!("bare signature, round {round}"), |bencher| {
            bencher.iter_custom(|times| {
                timed(times, &bare, || {
                    pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature).expect("a signature");
                    black_box(&signature);
                })
            });
        });
        group.bench_function(format!("prepared request, round {round}"), |bencher| {
            bencher.iter_custom(|times| {
                timed(times, &whole, || {
                    black_box(path().post(request()).expect_err("a response from nowhere"));
                })
            });
        });
    }
    group.finish();
    criterion.final_summary();

    let (bare, whole) = (median(bare.borrow().clone()), median(whole.borrow().clone()));
    println!("bare signature    {bare:.1} µs");
    println!("prepared request  {whole:.1} µs");
    println!("ratio             {:.3} (at most {LIMIT:.2} wanted)", whole / bare);
}

/// The body that was last sent, to sign the same message bare.
static SENT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Refuses every call at once.
struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, request: Request<Body>, _: Duration) -> Result<Response<Body>, NetworkError> {
        let body = request.into_body().into_bytes(usize::MAX).expect("a body");
        SENT.lock().expect("a body").clone_from(&body.to_vec());
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        Ok(refusal)
    }
}

fn pair_of(key: &PrivateKey) -> RsaKeyPair {
    let pem = key.to_pkcs8_pem().expect("a PEM text");
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).expect("base64")).expect("the same key")
}

/// Runs `work` and keeps the time of each single run, in microseconds.
fn timed(times: u64, kept: &RefCell<Vec<f64>>, mut work: impl FnMut()) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..times {
        let start = Instant::now();
        work();
        let took = start.elapsed();
        total += took;
        kept.borrow_mut().push(took.as_secs_f64() * 1e6);
    }
    total
}
