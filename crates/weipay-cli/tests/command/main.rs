//! The command as scripts see it: arguments, output, exit codes, files, and what is left after `kill -9`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod api;
mod call;
mod documents;
mod kit;
mod notifications;
mod printed_styles;
mod quickstart;
mod run;
mod sandbox;
mod serving;
mod survival;
