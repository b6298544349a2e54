//! TLS for both transports: rustls with aws-lc-rs, passed by hand, and the system's own store of roots.
//!
//! The roots are loaded when the first TLS connection is made: a client for a sandbox, without TLS, needs none.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Why TLS cannot be set up, and what to do. Without roots, loading them is the only step that fails so.
fn advice(reason: &dyn std::fmt::Display) -> String {
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

#[cfg(feature = "blocking")]
pub(super) use blocking::SharedTrust;

#[cfg(feature = "blocking")]
mod blocking {
    use std::sync::Arc;

    use ureq::Error;
    use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

    use super::advice;

    /// ureq's own connector, with roots that are loaded once.
    ///
    /// A request with a time limit has settings of its own, and for those ureq loads the roots again with each connection.
    /// Here all requests have the same settings of TLS.
    #[derive(Debug, Default)]
    pub(in crate::transport) struct SharedTrust(DefaultConnector);

    impl Connector<()> for SharedTrust {
        type Out = Box<dyn Transport>;

        fn connect(
            &self,
            details: &ConnectionDetails<'_>,
            chained: Option<()>,
        ) -> Result<Option<Self::Out>, Error> {
            let details = ConnectionDetails {
                request_level: false,
                uri: details.uri,
                addrs: details.addrs.clone(),
                config: details.config,
                resolver: details.resolver,
                now: details.now,
                timeout: details.timeout,
                current_time: Arc::clone(&details.current_time),
                run_connector: Arc::clone(&details.run_connector),
                register_shutdown: Arc::clone(&details.register_shutdown),
            };
            self.0.connect(&details, chained).map_err(|error| match error {
                Error::Rustls(rustls::Error::General(reason)) => Error::Other(advice(&reason).into()),
                error => error,
            })
        }
    }
}
