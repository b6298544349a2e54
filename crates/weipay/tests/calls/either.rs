//! Both clients behind one type, so that a test makes the same calls with each.

use std::time::Duration;

use serde_json::json;
use weipay::ClientBuilder;
use weipay::bytes::Bytes;
use weipay::http::Method;

/// The outcome of a call, whichever client made it.
pub type Outcome = Result<weipay::Response, weipay::Error>;

/// A client of either kind.
pub enum Either {
    Async(tokio::runtime::Runtime, weipay::Client),
    Blocking(weipay::blocking::Client),
}

impl Either {
    /// Both clients, each made from its own builder.
    pub fn both(builder: impl Fn() -> ClientBuilder) -> [Self; 2] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        [
            Self::Async(runtime, builder().build().unwrap()),
            Self::Blocking(builder().build_blocking().unwrap()),
        ]
    }

    /// For messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Async(..) => "async",
            Self::Blocking(_) => "blocking",
        }
    }

    pub fn get(&self, path: &str) -> Outcome {
        match self {
            Self::Async(runtime, client) => runtime.block_on(async { client.chain(path).get().await }),
            Self::Blocking(client) => client.chain(path).get(),
        }
    }

    pub fn post_with(&self, path: &str, (name, value): (&str, &str), body: &serde_json::Value) -> Outcome {
        match self {
            Self::Async(runtime, client) => {
                runtime.block_on(async { client.chain(path).header(name, value).post(body).await })
            }
            Self::Blocking(client) => client.chain(path).header(name, value).post(body),
        }
    }

    /// A bill of APIv2, which is the response itself.
    pub fn download(&self, limit: Duration) -> Result<Bytes, weipay::Error> {
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
    pub fn file(&self, path: &str, as_download: bool) -> Result<Bytes, weipay::Error> {
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
    pub fn fetch(&self) -> Result<(), weipay::Error> {
        match self {
            Self::Async(runtime, client) => {
                runtime.block_on(async { client.fetch_platform_certificates().await })
            }
            Self::Blocking(client) => client.fetch_platform_certificates(),
        }
    }

    pub fn post(&self, path: &str, body: &serde_json::Value) -> Outcome {
        match self {
            Self::Async(runtime, client) => runtime.block_on(async { client.chain(path).post(body).await }),
            Self::Blocking(client) => client.chain(path).post(body),
        }
    }
}
