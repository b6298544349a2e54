#![doc = include_str!("../docs/crate.md")]
#![doc = include_str!("../docs/features.md")]
// docs.rs builds with a nightly compiler, and then shows for each item which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The recipes of the repository, which are not in the package, compile: `cargo test --doc` with these features.
#[cfg(all(
    doctest,
    feature = "async",
    feature = "blocking",
    feature = "bill",
    feature = "dedup-sqlite",
    feature = "marketing",
    feature = "merchant",
    feature = "pay",
    feature = "refund"
))]
#[doc = include_str!("../../../docs/cookbook.md")]
mod cookbook {}

#[cfg(not(any(feature = "async", feature = "blocking")))]
compile_error!(
    "enable a feature of weipay: `async` for weipay::Client, `blocking` for weipay::blocking::Client, or both"
);

mod attempts;
mod base_url;
pub mod bill;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod call;
mod client;
mod core;
mod credentials;
mod delivery;
pub mod download;
mod environment;
pub mod error;
pub mod error_code;
mod failover;
pub mod front_end;
mod json;
mod members;
pub mod model;
mod node;
#[cfg(feature = "notifications")]
pub mod notification;
pub mod observer;
pub mod operation;
pub mod paging;
mod platform_keys;
mod products;
mod request;
mod response;
pub mod retry;
#[cfg(feature = "async")]
mod runtime;
pub mod signer;
mod sub_merchant;
mod target;
pub mod transport;
mod untyped;
mod upload;
pub mod v2;
#[allow(clippy::module_inception, reason = "the path decides: `batch-id/{batch_id}` exists")]
pub mod v3;
pub mod waiting;
mod xml;

pub use base_url::BaseUrl;
pub use builder::{ClientBuilder, ConfigError};
pub use call::Call;
#[cfg(feature = "async")]
pub use client::Client;
#[cfg(feature = "blocking")]
pub use delivery::Blocking;
pub use delivery::Mode;
#[cfg(feature = "async")]
pub use delivery::{Async, CallFuture};
pub use error::{Error, Result};
pub use node::Node;
pub use operation::{ApiVersion, BodyFormat, Idempotency, Operation, operations};
#[allow(unused_imports, reason = "without a product there are none")]
pub use products::*;
pub use response::{Decode, Response};
pub use retry::RetryConfig;
pub use sub_merchant::SubMerchant;
#[cfg(feature = "async")]
pub use transport::Transport;
pub use untyped::{Inspection, SensitiveTexts};
pub use upload::UploadFile;
pub use weipay_wire as wire;

// Their types are in this crate's interface, so programs need the same versions.
#[cfg(feature = "actix")]
pub use actix_web;
#[cfg(any(feature = "dedup-sqlite", feature = "dedup-postgres"))]
pub use sqlx;
pub use {bytes, http, serde_json};
