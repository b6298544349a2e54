//! APIv2 against a platform over real sockets that signs, reads and writes by means of its own.

pub mod by_hand;
mod handshake;
mod outcomes;
mod payments;
mod requests;
mod responses;
mod sandbox;
mod typed;
