//! Receiving notifications (回调通知): bytes and headers in, a typed event out.
//!
//! A [`Receiver`] has the keys of one merchant or of several. It does no I/O, so it fits every web framework: give it the header
//! fields and **the raw bytes** of the body, before anything parsed them.
//!
//! ```
//! use weipay::notification::{Event, Receiver};
//!
//! /// What the handler of the route does, whichever framework calls it.
//! fn handle(receiver: &Receiver, request: &http::Request<bytes::Bytes>) -> http::Response<bytes::Bytes> {
//!     let notification = match receiver.receive_request(request) {
//!         Ok(notification) => notification,
//!         Err(rejection) => {
//!             eprintln!("{rejection:#}"); // says what is wrong, and never what was sent
//!             return rejection.response();
//!         }
//!     };
//!     match notification.event() {
//!         Event::TransactionSuccess(order) => println!("{:?} is paid", order.out_trade_no),
//!         Event::RefundSuccess(refund) => println!("{:?} is refunded", refund.out_refund_no),
//!         _ => println!("{notification:?}"),
//!     }
//!     notification.success()
//! }
//! # use weipay::{bytes, http};
//! ```
//!
//! With the feature `axum`, [`Notification`] is an extractor, and [`Rejection`] the response where it is
//! rejected: a handler takes `notification: Notification`, and the router has a [`Receiver`] as its state, or
//! a state that gives one (`FromRef`). With the feature `actix` the same holds for actix-web 4, where the
//! application has a [`Receiver`] as its data.
//!
//! A receiver works in this order: verify the signature over the raw bytes, parse the body, decrypt the resource with
//! the APIv3 key, parse it as the type of its event. [`Receiver::verify`] gives a [`Verified`], and only that can be
//! [opened](Verified::open): there is no way to decrypt what was not verified. [`Receiver::receive`] does both.
//!
//! Respond within five seconds. A status of 200 or 204 says that the notification was handled; any other lets the
//! platform send it again: most events up to fifteen times in a day, `COUPON.SEND` each minute for eleven minutes,
//! transfers more often (`weipay api show EVENT` has the table). For APIv2, the XML must say so, too:
//! [`Notification::success`] does. The platform also sends again what was handled, so a handler must do no harm the
//! second time: see [`Dedup`]. [`MemoryDedup`] remembers in one process; with the features `dedup-sqlite` and
//! `dedup-postgres`, `SqliteDedup` and `PostgresDedup` remember for several servers, and for as long as you want.
//!
//! [`events`] has a module for each event, with the type of its resource.
//!
//! Notifications of APIv2 may come to the same route: a refund without `notify_url`, or one that was made on
//! the merchant platform, is told in the XML of APIv2 although the order is of APIv3. With the APIv2 key
//! (API密钥) the receiver takes them too, as [`Event::V2`]. **A refund notification of APIv2 carries no
//! signature** ([`Notification::is_signed`]): query the refund before money or goods move.
//!
//! UNCONFIRMED: whether the notifications of deposit-free rental and stay (免押租借, 免押速住: [`V2Event::CheckSuccess`] and its
//! neighbours) are XML, as public pages show them, or JSON. The receiver takes both, verifies either by the rule for XML, and
//! rejects what does not match it.
//!
//! A small part of what the platform posts is a probe (签名探测), whose signature is wrong on purpose. It is rejected like a forgery,
//! with [`RejectionKind::Probe`]. A merchant that responds with success does not verify signatures, and the platform
//! records that.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
mod dedup;
mod event;
pub mod events;
mod fetches;
mod keys;
mod mistake;
mod opened;
mod receiver;
mod recipient;
mod rejection;
mod response;
mod v2;
mod verified;

pub use crate::notification::events::event::Event;
#[cfg(feature = "actix")]
pub use actix::ActixResponse;
#[cfg(feature = "dedup-postgres")]
pub use dedup::PostgresDedup;
#[cfg(feature = "dedup-sqlite")]
pub use dedup::SqliteDedup;
pub use dedup::{BlockingDedup, Claim, Dedup, HandleOutcome, MemoryDedup, MemoryDedupFull, Ticket};
#[cfg(any(feature = "dedup-sqlite", feature = "dedup-postgres"))]
pub use dedup::{BlockingSqlDedup, DEFAULT_LEASE, MAX_LEASE};
pub use mistake::BodyMistake;
pub use opened::Notification;
pub use receiver::{MAX_BODY, Receiver};
pub use rejection::{Rejection, RejectionKind};
pub use v2::V2Event;
pub use verified::Verified;

pub(crate) use event::{SentAs, events};
pub(crate) use keys::FetchesCertificates;
pub(crate) use v2::Mark;
