//! The certificate in the TLS handshake: a server that demands one, in a process that trusts its authority.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use serde_json::json;
use weipay::ClientBuilder;
use weipay::error::{ErrorKind, RequestError};
use weipay::wire::{ApiV2Key, Certificate, PrivateKey};

use super::by_hand::{KEY, success};
use crate::platform::{MERCHANT, configured};
use crate::server::response_bytes;

/// Names the folder with the authority's certificate and key in the process that trusts it.
const FOLDER: &str = "WEIPAY_TEST_TRUSTED_AUTHORITY";

/// Runs a test of this binary again in a process that trusts a test authority.
fn trusting(test: &str, body: impl FnOnce(&Authority)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(&Authority::read(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    Authority::write(folder.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("apiv2::handshake::{test}"), "--nocapture"])
        .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What signs the certificates of the server and of the merchant.
struct Authority {
    certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn params() -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "weipay test authority");
        params
    }

    fn write(folder: &Path) {
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.join("ca.pem"), Self::params().self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.join("ca.key"), key.serialize_pem()).unwrap();
    }

    fn read(folder: &Path) -> Self {
        let key = KeyPair::from_pem(&std::fs::read_to_string(folder.join("ca.key")).unwrap()).unwrap();
        let pem = std::fs::read_to_string(folder.join("ca.pem")).unwrap();
        let certificate =
            <CertificateDer as rustls::pki_types::pem::PemObject>::from_pem_slice(pem.as_bytes());
        Self { certificate: certificate.unwrap().to_vec(), issuer: Issuer::new(Self::params(), key) }
    }

    /// The certificate of a merchant's key.
    fn certificate(&self, key: &PrivateKey) -> Certificate {
        let pem = key.to_pkcs8_pem().unwrap();
        let key = KeyPair::from_pem_and_sign_algo(&pem, &PKCS_RSA_SHA256).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&serial()));
        Certificate::from_der(params.signed_by(&key, &self.issuer).unwrap().der()).unwrap()
    }

    /// A platform that demands a certificate of this authority, and how often a merchant has shown one.
    fn serve(&self, calls: usize) -> String {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.certificate.clone())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take(calls) {
                let connection = ServerConnection::new(Arc::new(config.clone())).unwrap();
                let mut tls = rustls::StreamOwned::new(connection, stream);
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.ends_with(b"</xml>") {
                    match tls.read(&mut buffer) {
                        Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                        _ => break,
                    }
                }
                if request.ends_with(b"</xml>") {
                    assert!(tls.conn.peer_certificates().is_some());
                    tls.write_all(&response_bytes(
                        &success(&[("refund_id", "1")]).header("Connection", "close"),
                    ))
                    .ok();
                    tls.conn.send_close_notify();
                    tls.flush().ok();
                }
            }
        });
        url
    }
}

fn serial() -> Vec<u8> {
    base16ct::mixed::decode_vec(crate::platform::MERCHANT_SERIAL).unwrap()
}

fn builder(url: &str) -> ClientBuilder {
    configured().api_v2_key(ApiV2Key::new(KEY).unwrap()).base_url(url)
}

const REFUND: &str = "v2/secapi/pay/refund";

#[test]
fn the_blocking_client_shows_its_certificate_where_it_is_demanded() {
    trusting("the_blocking_client_shows_its_certificate_where_it_is_demanded", |authority| {
        let url = authority.serve(2);
        let certificate = authority.certificate(&MERCHANT);
        let client = builder(&url).merchant_certificate(certificate).build_blocking().unwrap();
        for _ in 0..2 {
            assert!(client.chain(REFUND).post(json!({})).unwrap().is_verified());
        }
    });
}

#[test]
fn the_async_client_shows_its_certificate_where_it_is_demanded() {
    trusting("the_async_client_shows_its_certificate_where_it_is_demanded", |authority| {
        let url = authority.serve(2);
        let certificate = authority.certificate(&MERCHANT);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = builder(&url).merchant_certificate(certificate).build().unwrap();
            for _ in 0..2 {
                assert!(client.chain(REFUND).post(json!({})).await.unwrap().is_verified());
            }
        });
    });
}

#[test]
fn a_call_that_needs_no_certificate_shows_none() {
    trusting("a_call_that_needs_no_certificate_shows_none", |authority| {
        let url = authority.serve(1);
        let certificate = authority.certificate(&MERCHANT);
        let client = builder(&url).merchant_certificate(certificate).build_blocking().unwrap();
        let error = client.chain("v2/pay/orderquery").post(json!({})).unwrap_err();
        assert!(error.is_network(), "{error:#}");
    });
}

#[test]
fn without_a_certificate_such_a_call_is_not_sent_and_says_what_to_give() {
    let client = builder("https://localhost:1").build_blocking().unwrap();
    let error = client.chain(REFUND).post(json!({})).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::MissingClientCertificate)), "{error}");
    let text = error.to_string();
    assert!(text.contains("apiclient_cert.pem") && text.contains("apiclient_cert.p12"), "{text}");
}
