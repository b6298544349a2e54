//! Calls over real sockets: one binary, so that the tests link once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod apiv2;
mod bills;
mod brand;
mod cash_coupons;
mod delivery;
mod download_attempts;
mod downloads;
mod dropped;
mod encrypted_files;
mod error_classes;
mod error_responses;
mod examples;
mod faults;
mod fleet;
mod handed_responses;
mod hostile_platform;
mod lost_connection;
mod mistakes_of_others;
mod notification;
mod observed;
mod odd_responses;
mod operations;
mod own_number;
mod paging;
mod platform;
mod platform_certificates;
mod product_coupons;
mod public_interface;
mod reports_of_others;
mod reports_of_parsing;
mod requests;
mod root_certificates;
mod sandbox;
mod sensitive;
mod signers;
mod sm;
mod statements;
mod story;
mod sub_merchant;
mod transports;
mod unasked_responses;
mod until;
mod untyped;
mod uploads;
mod waiting;
mod without_runtime;

/// One call of the async client, waited for.
pub(crate) fn on_async<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
