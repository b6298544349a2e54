//! A local WeChat Pay (微信支付) platform that checks every signature and answers with its own.
//!
//! WeChat Pay has no sandbox for APIv3. This is one: it holds a merchant with real keys, verifies requests as the
//! platform's gateway does, keeps the state of its products in SQLite, and signs what it answers. A test starts one in
//! its own process; the command `weipay sandbox` serves one.
//!
//! ```no_run
//! # fn main() -> Result<(), weipay_sandbox::StartError> {
//! let sandbox = weipay_sandbox::Sandbox::start()?;
//! // Point any client at `sandbox.base_url()` with the keys of `sandbox.kit_file()`.
//! # Ok(())
//! # }
//! ```
//!
//! # The journey of a request
//!
//! ```text
//! gate ──► contract ──► domain ──► sign ──► reply
//!                         │
//!                        store (one transaction per request, committed before the reply leaves)
//! ```
//!
//! | room | idea |
//! |---|---|
//! | `sandbox` | a running platform: kit, state and socket |
//! | `server` | sockets to plain requests, and everything that bounds a stranger |
//! | `platform` | the journey itself |
//! | `gate` | what the gateway checks before any product sees a request |
//! | `contract` | every request against the catalogue |
//! | `sensitive` | fields that travel encrypted, in both directions |
//! | `upload` | the parts of an upload |
//! | `download` | addresses of files, and the files |
//! | `grammar` | the sentences in which a value is refused |
//! | `domain` | the products, as pure functions |
//! | `desk` | which records an operation reads and keeps |
//! | `store` | SQLite, one transaction per request |
//! | `answer` | headers and signature |
//! | `example` | answers of operations that have no behaviour |
//! | `reason` | why a request was refused, for the developer |
//! | `log` | one line for each request |
//! | `kit` | the credentials that clients use |
//! | `data_folder` | where kit and state are: for one user and one process |

mod answer;
mod causes;
mod chance;
mod clock;
mod contract;
mod data_folder;
mod desk;
mod domain;
mod download;
mod example;
mod exchange;
mod gate;
mod grammar;
pub mod kit;
mod log;
mod moment;
mod platform;
mod reason;
mod refusal;
mod sandbox;
mod sensitive;
mod server;
mod sm3;
mod store;
mod upload;

pub use clock::{Clock, HeldClock};
pub use contract::Strictness;
pub use data_folder::FolderError;
pub use domain::merchant_coupons::stock::StockState;
pub use exchange::{Incoming, Outgoing};
pub use log::LogEntry;
pub use platform::{ANSWER_ORIGIN, Behaviour, Platform};
pub use reason::{REASON, decode as decode_reason};
pub use sandbox::{Builder, Sandbox, StartError};
pub use store::StoreError;
