//! TLS for both transports: rustls with aws-lc-rs, passed by hand, and the system's own store of roots.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
