//! Platform certificates (平台证书): those that a client is given, and those that it fetches.

mod fetched;
mod given;
mod notified;
pub(crate) mod server;
