//! APIv2 against a platform over real sockets that signs, reads and writes without our code.

mod bills;
pub mod by_hand;
mod handshake;
mod outcomes;
mod payments;
mod requests;
mod responses;
mod sandbox;
mod typed;
