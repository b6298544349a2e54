//! The hosts of the platform at addresses of the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use weipay::error::NetworkError;
use weipay::http::{Request, Response, Uri};
use weipay::transport::{Body, DefaultTransport, ResponseFuture, Transport, blocking};

/// An address where nobody listens, as long as the socket is kept.
pub fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Sends what goes to a host to an address of the tests, over plain sockets.
pub struct Routed {
    inner: DefaultTransport,
    blocking: blocking::DefaultTransport,
    routes: Routes,
    /// To which host TLS is spoken.
    tls_to: Option<&'static str>,
}

/// Where requests to a host go, and where they went.
#[derive(Clone)]
pub struct Routes(Arc<dyn Fn(&str) -> SocketAddr + Send + Sync>);

impl Routed {
    pub fn by(routes: impl Fn(&str) -> SocketAddr + Send + Sync + 'static) -> Self {
        Self {
            inner: DefaultTransport::new().unwrap(),
            blocking: blocking::DefaultTransport::new().unwrap(),
            routes: Routes(Arc::new(routes)),
            tls_to: None,
        }
    }

    /// The same, with TLS to this host.
    pub fn with_tls_to(mut self, host: &'static str) -> Self {
        self.tls_to = Some(host);
        self
    }

    fn route<B>(&self, mut request: Request<B>) -> Request<B> {
        let host = request.uri().host().unwrap();
        let (scheme, address) =
            (if self.tls_to == Some(host) { "https" } else { "http" }, (self.routes.0)(host));
        let target = request.uri().path_and_query().unwrap();
        let uri: Uri = format!("{scheme}://{address}{target}").parse().unwrap();
        *request.uri_mut() = uri;
        request
    }
}

impl Transport for Routed {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        self.inner.send(self.route(request), timeout)
    }
}

impl blocking::Transport for Routed {
    fn send(
        &self,
        request: Request<blocking::Body>,
        timeout: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        self.blocking.send(self.route(request), timeout)
    }
}
