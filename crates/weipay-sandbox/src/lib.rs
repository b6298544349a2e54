//! A local WeChat Pay (微信支付) platform that checks every signature and signs its responses.
//!
//! WeChat Pay has no sandbox for APIv3. This is one: it holds a merchant with real keys, verifies requests as the
//! platform's gateway does, keeps the state of its products in SQLite, and signs its responses. A test starts one in
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
//! # The path of a request
//!
//! ```text
//! gate ──► contract ──► handler of a product ──► sign ──► response
//!                           │  one transaction, committed before the response leaves
//!                           ├──► records        what changed
//!                           ├──► idempotency    the response to a repeat
//!                           ├──► outbox         notifications for merchants ──► sender
//!                           └──► due ──► tick   what the clock will do
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | `sandbox` | a running platform: kit, state and socket |
//! | `server` | the HTTP server: connections, limits, timeouts |
//! | `environment` | environment variables that point a program in any language to the sandbox |
//! | `authority` | the certificate authority for clients that speak TLS to the official hosts |
//! | `platform` | handling of a request, scheduled work, examples |
//! | `gate` | what the gateway checks before any product sees a request |
//! | `v2` | the gateway of APIv2, before the same products |
//! | `contract` | every request validated against the catalogue |
//! | `grammar` | error messages for invalid values (`PARAM_ERROR`) |
//! | `sensitive` | encrypted fields, in both directions |
//! | `upload` | the parts of an upload |
//! | `merchants` | the known merchants, with what belongs to each |
//! | `ledger` | accounts, and every movement of money |
//! | `products` | each in its folder: routes, handlers, rules as pure functions, records |
//! | `notifications` | notifications and their delivery, with retries |
//! | `store` | records, idempotency keys, outbox and due times in one transaction; SQLite below |
//! | `reasons` | error reasons shared by several products |
//! | `response` | responses and refusals: headers, signature, the reason for developers |
//! | `example` | responses of operations without state |
//! | `faults` | fault injection |
//! | `log` | one line for each request |
//! | `exchanges` | the log of the last requests in full, masked when read |
//! | `explain` | diagnosis of rejected requests: wrong signatures, mistyped paths |
//! | `kit` | the credentials that clients use |
//! | `data_folder` | the folder of kit and state, for one user and one process |
//! | `people` | who pays and receives |
//! | `seed` | merchants and people from a file |
//! | `control` | the second listener, for developers |
//! | `clock`, `entropy` | time and randomness as values |
//! | `encodings` | percent-encoding |
//! | `words` | enumerations and the words that stand for them |
//! | `error` | why a sandbox did not start |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod authority;
mod clock;
mod contract;
pub mod control;
mod data_folder;
mod encodings;
mod entropy;
mod environment;
mod error;
mod example;
mod exchanges;
mod explain;
mod faults;
mod gate;
mod grammar;
pub mod kit;
mod ledger;
mod log;
mod merchants;
mod notifications;
mod people;
mod platform;
mod products;
mod reasons;
mod response;
mod sandbox;
pub mod seed;
mod sensitive;
mod server;
mod store;
mod upload;
mod v2;
mod words;

pub use clock::{Clock, ClockControl, ClockMode, parse_duration};
pub use contract::Validation;
#[doc(hidden)]
pub use contract::{check_against_catalogue, refusal_of};
pub use data_folder::FolderError;
pub use environment::ClientEnvironment;
pub use error::StartError;
pub use exchanges::Exchange;
pub use explain::{Difference, SignatureExplanation};
pub use faults::{FAULT_HEADER, Fault, FaultError, FaultProfile, FaultRule};
pub use log::LogEntry;
pub use merchants::add::NewMerchant;
pub use merchants::change::MerchantError;
pub use merchants::record::{CertificateState, PlatformKeys};
pub use merchants::rotation::{KeyKind, RotationStep};
pub use notifications::event_name::EventName;
pub use notifications::hold::Holds;
pub use notifications::on_demand::{NotificationError, NotificationFilter, Notifications};
pub use notifications::record::{Attempt, AttemptKind, Notification, NotificationState};
pub use notifications::release::ReleaseOrder;
pub use notifications::trigger::{Trigger, TriggerError, TriggeredMessage};
pub use people::Person;
pub use people::account::AccountState;
pub use platform::snapshots::{Snapshot, SnapshotError};
pub use platform::{ClientCertificate, ClockError, ClockRun, Platform, Request};
pub use products::Behaviour;
pub use products::balance::top_up::MerchantAccount;
pub use products::contracts::control::ContractError;
pub use products::pay_score::control::ServiceOrderError;
pub use products::payments::person::{BankCard, PaymentError, PaymentFailure, PaymentRequest, PaymentResult};
pub use products::transfers::control::TransferError;
pub use response::{ANSWER_HEADER, REASON_HEADER, Response, decode_reason};
pub use sandbox::{Sandbox, SandboxBuilder};
pub use store::{StoreAddress, StoreError};
pub use v2::CLIENT_CERTIFICATE_HEADER;

/// Actions of consumers on complaints (消费者投诉) that are not part of the API.
pub mod complaints {
    pub use crate::products::complaints::control::ComplaintError;
    pub use crate::products::complaints::person::{ComplaintMessage, NewComplaint, Problem};
    pub use crate::products::complaints::rules::PersonStep;
}

/// Actions on merchant coupons (商家券) that are not part of the API: the state of a stock, and pages that give coupons.
pub mod merchant_coupons {
    pub use crate::products::merchant_coupons::reception::{CouponPage, ReceiveResult, ReceivedCoupon};
    pub use crate::products::merchant_coupons::stock::StockState;
}

/// Actions on product coupons (商品券) that are not part of the API: the state of a stock, and tokens that give coupons.
pub mod product_coupons {
    pub use crate::products::product_coupons::stock::ProductStockState;
    pub use crate::products::product_coupons::tokens::TakenProductCoupons;
}
