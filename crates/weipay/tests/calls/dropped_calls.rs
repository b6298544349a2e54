//! What observers and spans get of a call whose future is dropped before it ends. No I/O: a future is polled once, and dropped.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};
use std::time::Duration;

use serde_json::json;
use weipay::ClientBuilder;
use weipay::error::{NetworkError, Sent};
use weipay::http::{Method, Request};
use weipay::observer::{DroppedCall, EndedCall, Observer};
use weipay::retry::{Sleep, Timer};
use weipay::signer::{SignatureFuture, Signer};
use weipay::transport::{Body, ResponseFuture, Transport};
use weipay::wire::{MerchantId, MerchantSerial};

use crate::observers::{Notes, told};
use crate::on_async;
use crate::platform::{MERCHANT_SERIAL, PLATFORM, PUBLIC_KEY_ID, configured};

/// Its repeat is not known to be safe.
const BY_CODE: &str = "v3/pay/transactions/codepay";
/// Safe to repeat with the same number.
const ORDER: &str = "v3/pay/transactions/native";

/// Fails as often as there is something in it, and then stays silent.
struct Silent(Mutex<VecDeque<Sent>>);

fn silent(before: impl Into<VecDeque<Sent>>) -> Silent {
    Silent(Mutex::new(before.into()))
}

impl Transport for Silent {
    fn send(&self, _: Request<Body>, _: Duration) -> ResponseFuture<'_> {
        match self.0.lock().unwrap().pop_front() {
            Some(sent) => Box::pin(async move { Err(NetworkError { sent, source: "lost".into() }) }),
            None => Box::pin(pending()),
        }
    }
}

/// Its waits never end.
struct Stopped;

impl Timer for Stopped {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(pending())
    }

    fn sleep_blocking(&self, _: Duration) {}
}

/// Its waits end at once.
struct Running;

impl Timer for Running {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep<'_> {
        Box::pin(async {})
    }

    fn sleep_blocking(&self, _: Duration) {}
}

/// Never signs.
struct Asleep;

impl Signer for Asleep {
    fn sign<'a>(&'a self, _: &'a [u8]) -> SignatureFuture<'a> {
        Box::pin(pending())
    }
}

/// Notes calls that ended and calls that were dropped.
struct Ends(Notes);

impl Observer for Ends {
    fn call_ended(&self, call: &EndedCall<'_>) {
        self.0.note(format!("ended {}", call.attempts()));
    }

    fn call_dropped(&self, call: &DroppedCall<'_>) {
        let title = call.operation().map_or("unknown", |known| known.title());
        let (method, attempts, perhaps) = (call.method(), call.attempts(), call.may_have_taken_effect());
        self.0.note(format!("dropped {method} {title} {attempts} {perhaps}"));
        assert!(call.duration() < Duration::MAX && format!("{call:?}").contains("may_have_taken_effect"));
    }
}

/// Polls a future once, which does not end it, and drops it.
fn drop_after_one_poll(future: impl Future) {
    let mut future = pin!(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

/// What is told of a call that is dropped, and of everything that subscribers of `tracing` get.
fn dropped(builder: ClientBuilder, path: &str, method: Method) -> (Vec<String>, String) {
    let notes = Notes::default();
    let client = builder.observer(Ends(notes.clone())).build().unwrap();
    let call = client.chain(path);
    let text = told(|| match method == Method::GET {
        true => drop_after_one_poll(call.get()),
        false => drop_after_one_poll(call.post(json!({"out_trade_no": "1"}))),
    });
    (notes.take(), text)
}

#[test]
fn a_payment_that_is_dropped_on_its_way_may_have_taken_effect() {
    let (notes, text) = dropped(configured().transport(silent([])), BY_CODE, Method::POST);
    assert_eq!(notes, ["dropped POST 付款码支付 1 true"]);
    for expected in [
        "otel.status_code=\"ERROR\"",
        "error.type=\"dropped\"",
        "http.request.resend_count=0",
        "http.client.request.duration=",
        "weipay.may_have_taken_effect=true",
        "may have taken effect: query its result",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn a_query_that_is_dropped_asks_for_nothing() {
    let (notes, text) = dropped(configured().transport(silent([])), "v3/certificates", Method::GET);
    assert_eq!(notes.len(), 1);
    assert!(text.contains("error.type=\"dropped\"") && !text.contains("query its result"), "{text}");
    // Of a path without a row only the method tells.
    let (notes, _) = dropped(configured().transport(silent([])), "v3/never/heard/of", Method::GET);
    assert_eq!(notes, ["dropped GET unknown 1 true"]);
}

#[test]
fn a_call_that_is_dropped_between_two_attempts_is_as_open_as_those() {
    for (sent, perhaps) in [(Sent::No, false), (Sent::Perhaps, true)] {
        let builder = configured().transport(silent([sent])).timer(Stopped);
        assert_eq!(dropped(builder, ORDER, Method::POST).0, [format!("dropped POST Native下单 1 {perhaps}")]);
        // The second attempt is on its way.
        let builder = configured().transport(silent([sent])).timer(Running);
        assert_eq!(dropped(builder, ORDER, Method::POST).0, ["dropped POST Native下单 2 true"]);
    }
}

#[test]
fn a_call_that_is_dropped_before_anything_was_sent_has_no_attempt() {
    let builder = ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), PLATFORM.public_key())
        .signer(Asleep)
        .transport(silent([]));
    let (notes, text) = on_async(async { dropped(builder, BY_CODE, Method::POST) });
    assert_eq!(notes, ["dropped POST 付款码支付 0 false"]);
    assert!(!text.contains("query its result"), "{text}");
}

#[test]
fn of_a_future_that_was_never_polled_or_has_ended_nothing_is_dropped() {
    let notes = Notes::default();
    let builder = configured().transport(silent([Sent::Perhaps])).observer(Ends(notes.clone()));
    let client = builder.build().unwrap();
    drop(client.chain(BY_CODE).post(json!({"out_trade_no": "1"})));
    assert!(notes.take().is_empty());
    on_async(client.chain(BY_CODE).post(json!({"out_trade_no": "1"}))).unwrap_err();
    assert_eq!(notes.take(), ["ended 1"]);
}

#[test]
fn a_download_that_is_dropped_is_told_too() {
    let notes = Notes::default();
    let client = configured().transport(silent([])).observer(Ends(notes.clone())).build().unwrap();
    let download = client.download("https://api.mch.weixin.qq.com/v3/billdownload/file?token=t").to_bytes();
    on_async(async { drop_after_one_poll(download) });
    assert_eq!(notes.take(), ["dropped GET 下载账单 1 true"]);
}

#[test]
fn a_time_limit_around_a_call_drops_it() {
    let notes = Notes::default();
    let client = configured().transport(silent([])).observer(Ends(notes.clone())).build().unwrap();
    let call = client.chain(BY_CODE).post(json!({"out_trade_no": "1"}));
    on_async(async { tokio::time::timeout(Duration::ZERO, call).await }).unwrap_err();
    assert_eq!(notes.take(), ["dropped POST 付款码支付 1 true"]);
}
