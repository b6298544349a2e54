//! The sandbox from outside: real sockets, and a client written out by hand so that nothing of ours checks itself.
//!
//! One sandbox serves all tests that do not need their own; every test has its own stock in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod apiv2;
mod association;
mod bad_requests;
mod balances;
mod cash_coupons;
mod choices;
mod client;
mod clock;
mod complaints;
mod connections;
mod contracts;
mod downloads;
mod error_codes;
mod examples;
mod faults;
mod life_of_a_coupon;
mod log;
mod merchant;
mod notifications;
mod notifications_on_demand;
mod orders;
mod partner_transfers;
mod pay_page;
mod pay_score;
mod payments;
mod platforms;
mod product_coupons;
mod profit_sharing;
mod recharges;
mod restart;
mod rules_of_a_stock;
mod same_seed;
mod second_charge;
mod sensitive_fields;
mod signatures;
mod snapshots;
mod source_code;
mod stored_codes;
mod stored_words;
mod strangers;
mod subsidies;
mod transfers;
mod uploads;
mod ways_in;
mod wrong_signatures;

use std::sync::LazyLock;

use weipay_sandbox::{Clock, PlatformKeys, Sandbox, SandboxBuilder};

/// 2026-08-15T12:00:00+08:00: the time at which every test begins, so that none depends on the day it runs.
const NOW: i64 = 1_786_766_400;

/// A sandbox that starts at [`NOW`], whose clock stands still.
fn sandbox() -> SandboxBuilder {
    Sandbox::builder().clock(Clock::frozen(NOW).0)
}

/// The sandbox that tests share. Its merchant has the platform's public key only, as every new one.
static SHARED: LazyLock<Sandbox> = LazyLock::new(|| start_shared(PlatformKeys::PublicKey));

/// The same for tests of the platform certificate: its merchant has both.
static IN_MIGRATION: LazyLock<Sandbox> = LazyLock::new(|| start_shared(PlatformKeys::Migration));

/// Its folder stays in the target directory when the tests are done.
fn start_shared(keys: PlatformKeys) -> Sandbox {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in the target directory");
    sandbox().data(folder.keep()).platform_keys(keys).start().expect("a sandbox")
}
