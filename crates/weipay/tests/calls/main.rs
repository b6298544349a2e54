//! Calls over real sockets: one binary, so that the tests link once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod apiv2;
mod bills;
mod brand;
mod cash_coupons;
mod custom_transport_responses;
mod delivery;
mod download_attempts;
mod downloads;
mod dropped_calls;
mod either;
mod encrypted_files;
mod error_classes;
mod error_responses;
mod examples;
mod faults;
mod hostile_platform;
mod known_sdk_mistakes;
mod lost_connection;
mod malformed_responses;
mod many_merchants;
mod merchant_number;
mod notification;
mod observers;
mod operations;
mod overseas_statements;
mod paging;
mod platform;
mod platform_certificates;
mod product_coupons;
mod public_interface;
mod reported_bugs;
mod reported_parsing_bugs;
mod requests;
mod root_certificates;
mod sandbox;
mod sensitive;
mod server;
mod shared_sandbox;
mod signers;
mod sm;
mod sub_merchant;
mod transports;
mod unsolicited_responses;
mod untyped;
mod uploads;
mod wait_until;
mod waiting;
mod without_runtime;

/// One call of the async client, waited for.
pub(crate) fn on_async<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
