//! HTTP transports of the blocking client: as in [`transport`](super), without `async`.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::time::Duration;
//!
//! use weipay::error::NetworkError;
//! use weipay::http::{Request, Response};
//! use weipay::transport::blocking::{Body, DefaultTransport, Transport};
//!
//! /// Counts calls, and lets the inner transport send them.
//! struct Counting {
//!     inner: DefaultTransport,
//!     calls: Arc<AtomicU64>,
//! }
//!
//! impl Transport for Counting {
//!     fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
//!         self.calls.fetch_add(1, Ordering::Relaxed);
//!         self.inner.send(request, timeout)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let calls = Arc::new(AtomicU64::new(0));
//! let counting = Counting { inner: DefaultTransport::new()?, calls: Arc::clone(&calls) };
//! let builder = weipay::ClientBuilder::default().blocking_transport(counting);
//! # let _ = builder;
//! # Ok(())
//! # }
//! ```

mod body;
mod connection;

use std::sync::Arc;
use std::time::Duration;

use ::bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Error, SendBody};
use weipay_wire::ClientIdentity;

pub use self::body::Body;
use self::connection::{NoLookup, Waits, WatchingConnector};
use crate::builder::ConfigError;
use crate::error::{NetworkError, Sent};
use crate::transport::connections::Identities;
use crate::transport::connections::{ConnectionOptions, Proxy};
use crate::transport::{
    ConnectTimeout, IDLE, MAX_BODY, MAX_HEAD, StreamResponse, crypto_provider, lost, timed_out, too_large,
    unreadable_response,
};

/// Carries requests for the blocking client. It must follow [these rules](crate::transport#rules-of-a-transport).
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response. All of it, to the last byte of the response's body, takes at most
    /// `timeout`, which is never more than a year.
    ///
    /// # Errors
    ///
    /// If no complete response comes. The error says whether the request may have been sent.
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        (**self).send(request, timeout)
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        (**self).send(request, timeout)
    }
}

/// A response with its whole body.
pub(crate) fn read_whole(response: Response<Body>) -> Result<Response<Bytes>, NetworkError> {
    let (parts, body) = response.into_parts();
    let body = body.into_bytes(MAX_BODY).map_err(unreadable_response)?;
    Ok(Response::from_parts(parts, body))
}

/// The default transport of the blocking client. It keeps connections open, and works on the thread that calls it; only the name
/// of a host is looked up on another thread, when a new connection is made.
///
/// It returns whole bodies of at most 8 MiB, and readers of any length where a request
/// [asks for them](crate::transport::StreamResponse).
///
/// Clones share the connections, and what the system trusts.
#[derive(Debug, Clone)]
pub struct DefaultTransport {
    agent: Agent,
    /// For TLS with the certificate of a merchant.
    identified: Arc<Identities<Agent>>,
    options: ConnectionOptions,
}

impl DefaultTransport {
    /// A transport with the default options. It has no connections yet.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, ConfigError> {
        Self::with_options(ConnectionOptions::default())
    }

    /// A transport with these options.
    ///
    /// # Errors
    ///
    /// If the proxy cannot be used.
    pub fn with_options(options: ConnectionOptions) -> Result<Self, ConfigError> {
        let agent = agent(None, &options)?;
        Ok(Self { agent, identified: Arc::new(Identities::new()), options })
    }

    /// The agent for a request: the one that shows its certificate, if it has one.
    fn agent_for(&self, identity: Option<&Arc<ClientIdentity>>) -> Result<Agent, NetworkError> {
        let Some(identity) = identity else { return Ok(self.agent.clone()) };
        if let Some(agent) = self.identified.get(identity) {
            return Ok(agent);
        }
        let chain: Vec<_> = identity.chain().map(|der| Certificate::from_der(der).to_owned()).collect();
        let pem = identity.key().to_pkcs8_pem().map_err(|error| lost(Sent::No, error))?;
        let key = PrivateKey::from_pem(pem.as_bytes()).map_err(|error| lost(Sent::No, error))?;
        let agent = agent(Some(ClientCert::new_with_certs(&chain, key)), &self.options);
        let agent = agent.map_err(|error| lost(Sent::No, error))?;
        Ok(self.identified.keep(identity, agent))
    }
}

fn agent(client_cert: Option<ClientCert>, options: &ConnectionOptions) -> Result<Agent, ConfigError> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .client_cert(client_cert)
        .unversioned_rustls_crypto_provider(crypto_provider())
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_age(IDLE)
        .max_response_header_size(MAX_HEAD)
        // No proxy from the environment: nothing happens that the caller did not ask for.
        .proxy(options.proxy.as_ref().map(proxy).transpose()?)
        .tls_config(tls)
        .build();
    Ok(Agent::with_parts(config, WatchingConnector::default(), NoLookup))
}

/// The error does not repeat ureq's, which might repeat the credentials.
fn proxy(proxy: &Proxy) -> Result<ureq::Proxy, ConfigError> {
    let builder = ureq::Proxy::builder(ureq::ProxyProtocol::Http).host(&proxy.host).port(proxy.port);
    let builder = match &proxy.credentials {
        Some((user, password)) => builder.username(user).password(password.as_str()),
        None => builder,
    };
    builder.build().map_err(|_| ConfigError::setting("the proxy", "its host or credentials are not valid"))
}

impl Transport for DefaultTransport {
    fn send(&self, request: Request<Body>, timeout: Duration) -> Result<Response<Body>, NetworkError> {
        let is_streamed = request.extensions().get::<StreamResponse>().is_some();
        let waits = Waits::new(timeout, request.extensions().get());
        let connect = ConnectTimeout::of(&request, &self.options);
        connection::begin(waits, connect);
        let limits = match is_streamed {
            true => TimeLimits { connect: timeout.min(connect), whole: None },
            false => TimeLimits { connect, whole: Some(timeout) },
        };
        let agent = self.agent_for(request.extensions().get())?;
        let (mut parts, body) = request.into_parts();
        let bodiless = [Method::GET, Method::DELETE].contains(&parts.method);
        let response = match body.as_bytes() {
            Some(bytes) if bytes.is_empty() && bodiless => {
                run(&agent, Request::from_parts(parts, ()), limits)
            }
            Some(bytes) => run(&agent, Request::from_parts(parts, &**bytes), limits),
            None => {
                if let Some(length) = body.length() {
                    parts.headers.insert(CONTENT_LENGTH, length.into());
                }
                run(&agent, Request::from_parts(parts, SendBody::from_owned_reader(body)), limits)
            }
        };
        let (parts, mut body) = response.map_err(network_error)?.into_parts();
        if parts.headers.contains_key(CONTENT_LENGTH) || is_chunked(&parts.headers) {
            connection::ends_before_connection();
        }
        if is_streamed {
            let length = body.content_length();
            let reader = connection::Resuming::new(body.into_reader(), waits);
            return Ok(Response::from_parts(parts, Body::from_reader(length, reader)));
        }
        let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
        let body = body.with_config().limit(limit).read_to_vec().map_err(network_error)?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

fn run<B: AsSendBody>(
    agent: &Agent,
    request: Request<B>,
    limits: TimeLimits,
) -> Result<Response<ureq::Body>, Error> {
    let request = agent.configure_request(request);
    agent.run(request.timeout_connect(Some(limits.connect)).timeout_global(limits.whole).build())
}

#[derive(Clone, Copy)]
struct TimeLimits {
    connect: Duration,
    /// From connecting to the last byte; `None` for what has the limits of [`Waits`] after connecting.
    whole: Option<Duration>,
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(TRANSFER_ENCODING).iter().filter_map(|value| value.to_str().ok());
    encodings
        .flat_map(|value| value.split(','))
        .any(|encoding| encoding.trim().eq_ignore_ascii_case("chunked"))
}

/// How far the call had come is what its connection recorded, whatever the error says.
fn network_error(error: Error) -> NetworkError {
    let sent = connection::sent();
    match error {
        Error::Timeout(_) => timed_out(sent),
        Error::BodyExceedsLimit(_) => too_large(),
        // ureq's error does not give its cause.
        Error::Io(error) => lost(sent, error),
        Error::Rustls(error) => lost(sent, error),
        Error::Other(error) => lost(sent, error),
        error => lost(sent, error),
    }
}
