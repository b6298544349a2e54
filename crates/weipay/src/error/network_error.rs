//! The network failed, and how far the call had come.

use std::error;

/// The network failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", match sent {
    Sent::No => "no connection",
    Sent::Perhaps => "no complete response was received, and the request may have been sent",
})]
pub struct NetworkError {
    /// Whether the request may have been sent.
    pub sent: Sent,
    /// The error of the transport. `Display` does not repeat it.
    pub source: Box<dyn error::Error + Send + Sync>,
}

/// Whether the request may have been sent when the network failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// No byte of the request left: the platform has not seen it.
    No,
    /// The request may have reached the platform.
    Perhaps,
}
