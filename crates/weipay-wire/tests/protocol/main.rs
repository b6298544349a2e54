//! The protocol held against known answers from outside, against OpenSSL's files, and against tampering.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail a test by unwrapping, as tests do")]

mod apiv2;
mod authorization;
mod envelope;
mod identifiers;
mod key_formats;
mod keys;
mod known_answers;
mod pkcs12;
mod verification;
