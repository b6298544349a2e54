//! How connections are made: how long that may take, through which proxy, and which certificate TLS handshakes show.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use weipay_wire::ClientIdentity;
use zeroize::Zeroizing;

use crate::builder::ConfigError;
use crate::core::MAX_TIMEOUT;

/// How long connecting may take: looking the host up, TCP, the proxy, and TLS. A host that does not answer leaves time for the
/// other one within the time limit of a call.
const CONNECT: Duration = Duration::from_secs(10);

/// Options of the connections that the default transports make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOptions {
    pub(crate) connect_timeout: Duration,
    pub(crate) proxy: Option<Proxy>,
}

impl Default for ConnectionOptions {
    /// Without a proxy, whatever the environment says; connecting may take ten seconds.
    fn default() -> Self {
        Self { connect_timeout: CONNECT, proxy: None }
    }
}

impl ConnectionOptions {
    /// How long it may take to make a connection: to look up the host, to connect, and to agree on TLS; ten
    /// seconds by default. The time limit of the call also applies. More than 365 days count as 365 days.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = if timeout.as_secs() < MAX_TIMEOUT.as_secs() { timeout } else { MAX_TIMEOUT };
        self
    }

    /// Makes all connections through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }
}

/// An HTTP proxy, which is asked for a tunnel to the platform (CONNECT, RFC 9110, 9.3.6). TLS is spoken
/// through the tunnel, so the proxy sees only which host is called.
///
/// A proxy is used only if it is set. Variables such as `HTTPS_PROXY` are ignored.
///
/// ```
/// # fn run() -> Result<(), weipay::ConfigError> {
/// use weipay::transport::Proxy;
///
/// let proxy = Proxy::new("http://proxy.example:3128")?.credentials("shop", "secret");
/// let builder = weipay::ClientBuilder::default().proxy(proxy);
/// # let _ = builder;
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<(String, Zeroizing<String>)>,
}

impl Proxy {
    /// A proxy at `http://host:port`. Without a port it is 80.
    ///
    /// # Errors
    ///
    /// If the text is not such a URL, or holds credentials: they are set with
    /// [`credentials`](Self::credentials). The error does not repeat the text, which may hold a password.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let error = |reason: &str| ConfigError::setting("the proxy", reason);
        let uri: Uri =
            url.trim().parse().map_err(|_| error("it is not a URL: give one such as http://host:3128"))?;
        if uri.scheme_str() != Some("http") {
            return Err(error(
                "it must begin with http://, such as http://host:3128: other proxies are not supported",
            ));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(error(
                "it has credentials in its URL: give them with `.credentials(user, password)`",
            ));
        }
        if uri.path_and_query().is_some_and(|target| target.as_str() != "/") {
            return Err(error("it has a path: give only scheme, host and port"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| error("it has no host"))?;
        let port = match authority.get(host.len()..).unwrap_or_default().strip_prefix(':') {
            None | Some("") => 80,
            Some(port) => {
                port.parse().map_err(|_| error("it has an invalid port: give a number from 1 to 65535"))?
            }
        };
        Ok(Self { host: host.to_owned(), port, credentials: None })
    }

    /// The name and the password with which the proxy lets the client through (Basic). They are never printed.
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), Zeroizing::new(password.into())));
        self
    }

    /// The value of `Proxy-Authorization`.
    #[allow(dead_code, reason = "the async client needs it, and is optional")]
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials.as_ref()?;
        let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.as_bytes()))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Proxy {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy(http://{}:{})", self.host, self.port)
    }
}

/// The most clients that are kept. The one that was made first goes when there are more.
const MAX_CLIENTS: usize = 64;

/// Clients by their certificates.
#[derive(Debug)]
pub(super) struct Identities<C>(Mutex<Vec<(Arc<ClientIdentity>, C)>>);

impl<C: Clone> Identities<C> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The client that shows this certificate, if it was made before.
    pub(super) fn get(&self, identity: &Arc<ClientIdentity>) -> Option<C> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().find(|(known, _)| is_same(known, identity)).map(|(_, client)| client.clone())
    }

    /// Keeps a client, unless another call has kept one in the meantime; gives the one that is kept.
    pub(super) fn keep(&self, identity: &Arc<ClientIdentity>, client: C) -> C {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = clients.iter().find(|(known, _)| is_same(known, identity)) {
            return known.clone();
        }
        if clients.len() == MAX_CLIENTS {
            clients.remove(0);
        }
        clients.push((Arc::clone(identity), client.clone()));
        client
    }
}

fn is_same(one: &Arc<ClientIdentity>, other: &Arc<ClientIdentity>) -> bool {
    Arc::ptr_eq(one, other) || one.certificate().as_der() == other.certificate().as_der()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_printed() {
        let proxy = Proxy::new("http://proxy.example:3128/").unwrap().credentials("Aladdin", "open sesame");
        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.example:3128)");
        assert!(!format!("{:?}", ConnectionOptions::default().proxy(proxy.clone())).contains("sesame"));
        // RFC 7617, 2.
        assert_eq!(proxy.authorization().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(format!("{:?}", proxy.authorization()), "Some(Sensitive)");
    }

    #[test]
    fn a_url_of_another_kind_is_refused_and_not_repeated() {
        for url in [
            "",
            "secret",
            "secret:3128",
            "https://secret:3128",
            "socks5://secret",
            "http://user:secret@host:3128",
            "http://host:3128/secret",
            "http://secret:99999",
        ] {
            let error = format!("{:#}", Proxy::new(url).unwrap_err());
            assert!(
                error.starts_with("the proxy cannot be used: it ") && !error.contains("secret"),
                "{url}: {error}"
            );
        }
        let proxy = Proxy::new("http://[::1]").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("[::1]", 80));
    }
}
