//! TLS for both transports: rustls with aws-lc-rs, passed by hand, and the system's own store of roots.
//!
//! The roots are loaded when the first TLS connection is made: a client for a sandbox, without TLS, needs none.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Why TLS cannot be set up, and what to do. Without roots, loading them is the only step that fails so.
pub(super) fn advice(reason: &dyn std::fmt::Display) -> String {
    let advice = if cfg!(all(unix, not(target_vendor = "apple"))) {
        ": install the root certificates of the system (on Debian, Ubuntu and Alpine the package ca-certificates), or \
         name a file of them in SSL_CERT_FILE"
    } else {
        ""
    };
    format!("TLS cannot be set up: {reason}{advice}")
}

#[cfg(feature = "async")]
pub(super) use asynchronous::{trusting_nobody, trusting_the_system};

#[cfg(feature = "async")]
mod asynchronous {
    use hyper_rustls::ConfigBuilderExt;
    use rustls::client::WantsClientCert;
    use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

    use super::{advice, provider};

    fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
    }

    /// For connections without TLS: no server would be believed.
    pub(in crate::transport) fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
        Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    /// Believes the servers that the system believes. Reads files.
    pub(in crate::transport) fn trusting_the_system() -> Result<ClientConfig, String> {
        let trusting = builder().and_then(ConfigBuilderExt::try_with_platform_verifier);
        trusting.map(ConfigBuilder::<_, WantsClientCert>::with_no_client_auth).map_err(|error| advice(&error))
    }
}
