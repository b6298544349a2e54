//! Calls over real sockets: one binary, so that the tests link once.

mod hostile_platform;
mod platform;
mod requests;
