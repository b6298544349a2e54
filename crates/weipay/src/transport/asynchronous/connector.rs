//! hyper's connections: through a proxy if there is one, and within a time limit that covers TLS too. Whom TLS (HTTPS) trusts,
//! and what it shows.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::net::TcpStream;
use tower_service::Service;
use weipay_wire::ClientIdentity;

use crate::runtime;
use crate::transport::{Proxy, crypto_provider, tls_error};

type BoxError = Box<dyn Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// The largest head of a proxy's response.
const MAX_HEAD: usize = 8 * 1024;

tokio::task_local! {
    /// How long the request that is sent now may wait for a new connection. hyper gives a connector nothing but the URL, and
    /// calls it while the request is polled.
    static CONNECT_TIMEOUT: Duration;
}

/// Sends a request for which connections are made within this time.
pub(super) async fn within<F: Future>(connect_timeout: Duration, sending: F) -> F::Output {
    CONNECT_TIMEOUT.scope(connect_timeout, sending).await
}

/// Makes connections within a time limit: that of the [request](within) that needs them, or else its own.
#[derive(Clone)]
pub(super) struct Limited {
    pub(super) https: HttpsConnector<Dialer>,
    pub(super) limit: Duration,
}

impl Service<Uri> for Limited {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let late = || {
            let late = "not connected within the time limit for connecting";
            Err(io::Error::new(ErrorKind::TimedOut, late).into())
        };
        let limit = CONNECT_TIMEOUT.try_with(|limit| *limit).unwrap_or(self.limit);
        // With a limit of zero, `timeout` would accept a connection that is ready at once. The blocking client never does.
        if limit.is_zero() {
            return Box::pin(async move { late() });
        }
        let connecting = runtime::connect(self.https.call(uri));
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(_) => late(),
            }
        })
    }
}

/// Connects to a host, or to the proxy and through it to the host.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) http: HttpConnector,
    pub(super) proxy: Option<Proxy>,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let Some(proxy) = self.proxy.clone() else {
            let connecting = self.http.call(target);
            return Box::pin(async move { Ok(connecting.await?) });
        };
        let at = format!("http://{}:{}", proxy.host, proxy.port).parse();
        let connecting = at.map(|at: Uri| self.http.call(at));
        Box::pin(async move {
            let stream = connecting?.await?.into_inner();
            tunnel(&stream, &target, &proxy).await?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// Asks the proxy for a tunnel.
async fn tunnel(stream: &TcpStream, target: &Uri, proxy: &Proxy) -> io::Result<()> {
    let host = target.host().unwrap_or_default();
    let is_https = target.scheme_str() == Some("https");
    let port = target.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let mut rest = &request[..];
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let status = read_status(stream).await?;
    match status.as_str() {
        "200" => Ok(()),
        "407" => Err(io::Error::other("the proxy rejected the credentials (407)")),
        status => Err(io::Error::other(format!("the proxy refused the tunnel ({status})"))),
    }
}

/// Reads the head of the proxy's response, byte by byte: what follows it belongs to the tunnel.
async fn read_status(stream: &TcpStream) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.readable().await?;
        match stream.try_read(&mut byte) {
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the proxy closed the connection")),
            Ok(_) if head.len() < MAX_HEAD => head.push(byte[0]),
            Ok(_) => return Err(io::Error::other("the response of the proxy is too large")),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let status = head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or_default();
    match status.iter().all(u8::is_ascii_digit) && status.len() == 3 {
        true => Ok(String::from_utf8_lossy(status).into_owned()),
        false => Err(io::Error::other("the proxy does not speak HTTP")),
    }
}

fn tls_builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(crypto_provider()).with_safe_default_protocol_versions()
}

/// For connections without TLS: it accepts no server.
pub(super) fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    Ok(tls_builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// The TLS settings with the root certificates of the system, once they are loaded. A failure is not kept: root certificates
/// may be installed while a program runs.
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
