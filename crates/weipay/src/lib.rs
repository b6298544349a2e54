#![doc = include_str!("../docs/crate.md")]
#![cfg_attr(test, allow(clippy::print_stdout))]

#[cfg(not(any(feature = "async", feature = "blocking")))]
compile_error!(
    "weipay needs one of its features `async` (weipay::Client) and `blocking` (weipay::blocking::Client)"
);

mod base_url;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod call;
#[cfg(feature = "async")]
mod client;
mod core;
mod environment;
pub mod error;
mod merchant;
mod mode;
#[cfg(feature = "_typed")]
pub mod model;
mod node;
mod path;
mod reply;
mod styles;
pub mod transport;
mod unsigned;
#[cfg(feature = "_typed")]
pub mod v3;

pub use base_url::BaseUrl;
pub use builder::{Builder, ConfigError};
pub use call::Call;
#[cfg(feature = "async")]
pub use client::Client;
pub use error::Error;
#[cfg(feature = "blocking")]
pub use mode::Blocking;
pub use mode::Mode;
#[cfg(feature = "async")]
pub use mode::{Async, Pending};
pub use node::Node;
pub use reply::{Decode, Reply};
pub use weipay_wire as wire;
