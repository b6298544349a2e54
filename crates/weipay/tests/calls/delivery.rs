//! How calls are delivered: what is sent again, after which waits, to which host, and what the outcome tells of it. Over real
//! sockets, for both clients; the time is the tests' own.

mod connecting;
mod failover;
mod intermediary;
mod proxy;
mod retries;
pub mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use weipay::ClientBuilder;
use weipay::bytes::Bytes;
use weipay::http::Method;
use weipay::retry::{Sleep, Timer};

/// Safe to repeat with the same `out_trade_no`.
const ORDER: &str = "v3/pay/transactions/native";
/// Its repeat is not known to be safe.
const BY_CODE: &str = "v3/pay/transactions/codepay";
const REFUND: &str = "v3/refund/domestic/refunds";

/// A timer on which nobody waits: it notes the waits, and moves on.
#[derive(Clone, Default)]
pub(crate) struct Noting(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl Noting {
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap().1.clone()
    }

    fn advance(&self, time: Duration) {
        self.0.lock().unwrap().0 += time;
    }
}

impl Timer for Noting {
    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn sleep(&self, wait: Duration) -> Sleep<'_> {
        Box::pin(async move { self.sleep_blocking(wait) })
    }

    fn sleep_blocking(&self, wait: Duration) {
        let mut noted = self.0.lock().unwrap();
        noted.0 += wait;
        noted.1.push(wait);
    }
}

/// The outcome of a call, whichever client made it.
type Outcome = Result<weipay::Response, weipay::Error>;

/// A client of either kind that makes calls one after another.
enum Either {
    Async(tokio::runtime::Runtime, weipay::Client),
    Blocking(weipay::blocking::Client),
}

impl Either {
    /// Both clients, each made from its own builder.
    fn both(builder: impl Fn() -> ClientBuilder) -> [Self; 2] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        [
            Self::Async(runtime, builder().build().unwrap()),
            Self::Blocking(builder().build_blocking().unwrap()),
        ]
    }

    fn get(&self, path: &str) -> Outcome {
        match self {
            Self::Async(runtime, client) => runtime.block_on(async { client.chain(path).get().await }),
            Self::Blocking(client) => client.chain(path).get(),
        }
    }

    fn post_with(&self, path: &str, (name, value): (&str, &str), body: &serde_json::Value) -> Outcome {
        match self {
            Self::Async(runtime, client) => {
                runtime.block_on(async { client.chain(path).header(name, value).post(body).await })
            }
            Self::Blocking(client) => client.chain(path).header(name, value).post(body),
        }
    }

    /// A bill of APIv2, which is the response itself.
    fn download(&self, limit: Duration) -> Result<Bytes, weipay::Error> {
        let (path, body) = ("v2/pay/downloadbill", json!({"bill_date": "20261126"}));
        match self {
            Self::Async(runtime, client) => {
                let call = client.chain(path).download_with(Method::POST, &body).timeout(limit);
                runtime.block_on(call.to_bytes())
            }
            Self::Blocking(client) => {
                client.chain(path).download_with(Method::POST, &body).timeout(limit).to_bytes()
            }
        }
    }

    /// A file of APIv3 that is the response itself.
    fn file(&self, path: &str, as_download: bool) -> Result<Bytes, weipay::Error> {
        if !as_download {
            return self.get(path).map(|response| response.bytes().clone());
        }
        match self {
            Self::Async(runtime, client) => {
                runtime.block_on(async { client.chain(path).download().to_bytes().await })
            }
            Self::Blocking(client) => client.chain(path).download().to_bytes(),
        }
    }

    /// Fetches the certificates.
    fn fetch(&self) -> Result<(), weipay::Error> {
        match self {
            Self::Async(runtime, client) => {
                runtime.block_on(async { client.fetch_platform_certificates().await })
            }
            Self::Blocking(client) => client.fetch_platform_certificates(),
        }
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> Outcome {
        match self {
            Self::Async(runtime, client) => runtime.block_on(async { client.chain(path).post(body).await }),
            Self::Blocking(client) => client.chain(path).post(body),
        }
    }
}
