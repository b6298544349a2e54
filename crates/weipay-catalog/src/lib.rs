//! The WeChat Pay (微信支付) API as data.
//!
//! The folder `catalog/` holds one readable file per URL path; this crate embeds those files and gives them out as
//! [`Operation`]s. Everything that must know what an operation looks like derives from here: the code generator, the
//! sandbox's contract check, the command's help.
//!
//! ```
//! let catalog = weipay_catalog::Catalog::embedded();
//! let found = catalog.route("POST", "/v3/marketing/busifavor/coupons/disassociate").unwrap();
//! assert_eq!(found.operation.title, "取消关联订单信息");
//! assert!(found.operation.request.json.iter().all(|field| field.required));
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`operation`] | one operation: method, path, where each field travels, what is answered |
//! | [`field`] | one field: name, type, limits, label |
//! | [`parse`] | the file format, with errors that name file and line |
//! | [`catalog`] | all operations, parsed when first asked for |
//! | [`route`] | from a concrete URL path to the operation that it belongs to |
//! | [`folder`] | reading a folder of catalogue files from disk, for tools |

pub mod catalog;
pub mod field;
pub mod folder;
pub mod operation;
pub mod parse;
pub mod route;

pub use catalog::Catalog;
pub use field::{Carrier, Field, Format, Kind, Limits};
pub use operation::{Operation, Request};
pub use parse::ParseError;
pub use route::{Routed, Unrouted};
