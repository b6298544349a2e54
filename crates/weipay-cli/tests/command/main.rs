//! The command as scripts see it: arguments, output, exit codes, files, and what is left after `kill -9`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod api;
mod call;
mod clock_and_fault;
mod documents;
mod kit;
mod linearizability;
mod merchant_coupons;
mod nodes;
mod notifications;
mod people;
mod printed_styles;
mod quickstart;
mod receiver;
mod run;
mod sandbox;
mod serving;
mod snapshot;
mod stories;
mod survival;
mod survival_of_payments;
mod trigger_of_order;
