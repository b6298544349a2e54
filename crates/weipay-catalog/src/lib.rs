//! The WeChat Pay (微信支付) API as data.
//!
//! The folder `catalog/` has one readable file per URL path and one per notification. This crate embeds these files and
//! provides them as [`Operation`]s and [`Notification`]s. The code generator, the sandbox and the `weipay` command all use them.
//!
//! ```
//! use weipay_catalog::{Catalog, ApiVersion};
//!
//! let catalog = Catalog::embedded();
//! let found = catalog.route("POST", "/v3/marketing/busifavor/coupons/disassociate").unwrap();
//! assert_eq!(found.operation.title, "取消关联订单信息");
//! assert!(found.operation.request.json.iter().all(|field| field.required));
//!
//! let refunded = catalog.notification(ApiVersion::V3, "REFUND.SUCCESS").unwrap();
//! assert!(refunded.resource.iter().any(|field| field.name == "refund_status"));
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`operation`] | one operation: method, path, the fields of its request and response |
//! | [`notification`] | one notification: what is posted, its decrypted content, the expected response |
//! | [`any_response`] | what the responses of a version have in common |
//! | [`errors`] | error codes: meaning, advice, source |
//! | [`field`] | one field: name, type, limits, label |
//! | [`parse`] | the file format, with errors that name file and line |
//! | [`catalog`] | all operations and notifications, parsed when they are first used |
//! | [`waiting`] | how long to ask for a state, and which states are final |
//! | [`route`] | finds the operation of a URL path |
//! | [`sample`] | sample values of fields, for pages and for responses |
//! | [`names`] | from the API's names to Rust's |
//! | `rust` | the operations as Rust: types, samples, the styles of a call (feature `rust`) |
//! | [`folder`] | reads a folder of catalogue files from disk, for tools |
//! | `lint` | finds mistakes in catalogue files (feature `lint`) |
//! | `export` | the catalogue as JSON lines (feature `export`) |
//! | `openapi` | the operations and notifications of APIv3 as an OpenAPI 3.1 document (feature `openapi`) |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod any_response;
pub mod catalog;
pub mod errors;
#[cfg(any(test, feature = "export"))]
pub mod export;
pub mod field;
pub mod folder;
#[cfg(any(test, feature = "lint"))]
pub mod lint;
pub mod names;
pub mod notification;
#[cfg(any(test, feature = "openapi"))]
pub mod openapi;
pub mod operation;
pub mod parse;
pub mod route;
#[cfg(any(test, feature = "rust"))]
pub mod rust;
pub mod sample;
mod shared;
pub mod waiting;

pub use any_response::AnyResponse;
pub use catalog::Catalog;
pub use errors::{Advice, ErrorCode};
pub use field::{Carrier, Field, Format, Kind, Limits, Purpose};
pub use notification::{Notification, Retry};
pub use operation::{ApiVersion, BodyFormat, Operation, Pictures, Place, Repeat, Request};
pub use parse::ParseError;
pub use route::{Routed, Unrouted};
pub use waiting::Wait;
pub use weipay_rules::Rules;
