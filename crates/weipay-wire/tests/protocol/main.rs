//! Tests of the protocol with known answers from other sources, with files made by OpenSSL, and with tampered input.

#![allow(clippy::unwrap_used, reason = "helper functions of tests may unwrap, as tests do")]

mod apiv2;
mod authorization;
mod envelope;
mod identifiers;
mod key_formats;
mod keys;
mod known_answers;
mod pkcs12;
#[cfg(feature = "sm")]
mod sm;
mod verification;
