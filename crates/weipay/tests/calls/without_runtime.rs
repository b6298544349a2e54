//! The async client on threads without a tokio runtime, and in runtimes whose timers or I/O are off.

use std::time::Duration;

use weipay::error::{NetworkError, Sent};
use weipay::http::Request;
use weipay::transport::{Body, ResponseFuture, Transport};
use weipay::waiting::{WaitError, WaitOptions};
use weipay::wire::{ApiV3Key, MerchantId, MerchantSerial};
use weipay::{ClientBuilder, Error, RetryConfig};

use crate::platform::{MERCHANT, MERCHANT_SERIAL, Platform, configured, signed};

/// Runs a future as a program does that has such a runtime, or none.
#[derive(Debug, Clone, Copy)]
enum On {
    NoRuntime,
    NoDrivers,
    TimersOnly,
    IoOnly,
}

impl On {
    fn run<T>(self, future: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        match self {
            Self::NoRuntime => return block_on(future),
            Self::NoDrivers => {}
            Self::TimersOnly => drop(runtime.enable_time()),
            Self::IoOnly => drop(runtime.enable_io()),
        }
        runtime.build().unwrap().block_on(future)
    }

    fn said(self) -> &'static str {
        match self {
            Self::NoRuntime => "needs a tokio runtime",
            Self::NoDrivers | Self::IoOnly => "has no timers: build it with `enable_all()`",
            Self::TimersOnly => "has no I/O: build it with `enable_all()`",
        }
    }
}

/// Drives a future on this thread, without tokio.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(ended) => return ended,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

const EACH: [On; 4] = [On::NoRuntime, On::NoDrivers, On::TimersOnly, On::IoOnly];

#[test]
fn a_call_says_what_the_thread_lacks_and_nothing_is_sent() {
    for on in EACH {
        let platform = Platform::start(vec![signed(200, "{}")]);
        let client = platform.builder().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (file, url) = (folder.path().join("bill"), format!("{}/v3/billdownload/file", platform.base_url));
        let errors: [Error; 3] = [
            on.run(async { client.chain("v3/certificates").get().await }).unwrap_err(),
            on.run(async { client.download(&url).to_bytes().await }).unwrap_err(),
            on.run(async { client.download(&url).to_file(&file).await }).unwrap_err(),
        ];
        for error in errors {
            let text = format!("{error:#}");
            assert!(text.contains(on.said()), "{on:?}: {text}");
            assert!(!error.may_have_taken_effect() && !error.is_retryable(), "{on:?}: {text}");
            assert!(error.attempts().len() <= 1, "{on:?}: {text}");
        }
        assert!(!platform.saw_more() && !file.exists());
    }
}

/// Another query would end in the same way, so waiting for the deadline would be for nothing.
#[test]
fn waiting_ends_at_once_where_no_query_can_be_sent() {
    for on in [On::NoRuntime, On::TimersOnly] {
        let client = Platform::start(Vec::new()).builder().build().unwrap();
        let asked = std::cell::Cell::new(0);
        let waited = on.run(client.wait(&WaitOptions::timeout(Duration::from_secs(3)), |_| {
            asked.set(asked.get() + 1);
            client.chain("v3/pay/transactions/out-trade-no/1234567?mchid=1900000001").get()
        }));
        let Err(WaitError::Call(error)) = waited else { panic!("{on:?}") };
        assert!(format!("{error:#}").contains(on.said()), "{on:?}: {error:#}");
        assert_eq!(asked.get(), 1, "{on:?}");
    }
}

#[test]
fn certificates_are_not_fetched_there_and_the_error_says_why() {
    for on in EACH {
        let builder = ClientBuilder::default()
            .mchid(MerchantId::new("1900000001").unwrap())
            .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
            .merchant_key(MERCHANT.clone())
            .api_v3_key(ApiV3Key::new(&"x".repeat(32)).unwrap());
        let client = builder.base_url("http://127.0.0.1:1").build().unwrap();
        let error = on.run(async { client.fetch_platform_certificates().await }).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains(on.said()) && !error.may_have_taken_effect(), "{on:?}: {text}");
    }
}

/// Nobody can connect.
struct Offline;

impl Transport for Offline {
    fn send(&self, _: Request<Body>, _: Duration) -> ResponseFuture<'_> {
        Box::pin(async { Err(NetworkError { sent: Sent::No, source: "offline".into() }) })
    }
}

#[test]
fn over_a_transport_of_ones_own_calls_are_made_and_repeated_there() {
    for on in EACH {
        let retries = RetryConfig::default().base_delay(Duration::from_nanos(1));
        let client = configured().transport(Offline).retries(retries).build().unwrap();
        let error = on.run(async { client.chain("v3/certificates").get().await }).unwrap_err();
        assert_eq!(error.attempts().len(), 3, "{on:?}: {error:#}");
    }
}
