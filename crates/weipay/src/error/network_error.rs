//! The network failed, and how far the call had come.

use std::error;

/// The network failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", match sent {
    Sent::No => "no connection",
    Sent::Perhaps => "no complete response was received, and the request may have been sent",
})]
pub struct NetworkError {
    /// How far the call had come.
    pub sent: Sent,
    /// What the transport reports. `Display` does not repeat it.
    pub source: Box<dyn error::Error + Send + Sync>,
}

/// How far a call had come when the network failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// No byte of the request left: the platform has not seen it.
    No,
    /// The request may have reached the platform.
    Perhaps,
}
