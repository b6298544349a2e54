//! TLS (HTTPS): whom connections trust, and what they show.

use std::sync::{Arc, Mutex, PoisonError};

use hyper_rustls::ConfigBuilderExt;
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use weipay_wire::ClientIdentity;

use crate::transport::{crypto_provider, tls_error};

fn tls_builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(crypto_provider()).with_safe_default_protocol_versions()
}

/// For connections without TLS: it accepts no server.
pub(super) fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    Ok(tls_builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// What the system accepts, once it has been read. A failure is not kept: root certificates may be installed
/// while a program runs.
static TRUSTING_THE_SYSTEM: Mutex<Option<ClientConfig>> = Mutex::new(None);

/// Accepts the servers that the system accepts. The first time it reads files.
pub(super) fn trusting_the_system() -> Result<ClientConfig, String> {
    let mut known = TRUSTING_THE_SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = &*known {
        return Ok(known.clone());
    }
    let trusting = tls_builder().and_then(ConfigBuilderExt::try_with_platform_verifier);
    let trusting = trusting.map(ConfigBuilder::<_, WantsClientCert>::with_no_client_auth);
    Ok(known.insert(trusting.map_err(|error| tls_error(&error))?).clone())
}

/// The same, and shows a certificate where the server asks for one.
pub(super) fn trusting_the_system_with(identity: &ClientIdentity) -> Result<ClientConfig, String> {
    let mut config = trusting_the_system()?;
    let chain = identity.chain().map(|der| CertificateDer::from(der.to_vec())).collect();
    // It is wiped when it is dropped, so it is lent and not copied.
    let der = identity.key().to_pkcs8_der().map_err(|error| error.to_string())?;
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(&der[..])))
        .map_err(|error| format!("the merchant private key cannot be used for TLS: {error}"))?;
    config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
    // A session that was begun with another certificate must not be resumed.
    config.resumption = Resumption::default();
    Ok(config)
}
