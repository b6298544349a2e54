//! The async transport: its trait, and the default one, on hyper.

mod body;
mod connector;

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio::runtime::{self, Handle};
use weipay_wire::ClientIdentity;

pub use self::body::Body;
use self::connector::{Dialer, Limited, within};
use self::connector::{trusting_nobody, trusting_the_system, trusting_the_system_with};
use super::connections::ConnectionOptions;
use super::connections::Identities;
use super::{
    ConnectTimeout, IDLE, MAX_BODY, MAX_HEAD, StreamResponse, lost, timed_out, too_large, unreadable_response,
};
use crate::builder::ConfigError;
use crate::error::{Cause, NetworkError, Sent};

/// The limit on header fields of a response. It is ureq's, which cannot be changed.
const MAX_HEADERS: usize = 128;

/// The future that a [`Transport`] returns.
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, NetworkError>> + Send + 'a>>;

/// Carries requests for the async client. It must follow [these rules](crate::transport#rules-of-a-transport).
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its response. All of it, to the last byte of the response's body, takes at most
    /// `timeout`, which is never more than a year.
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_>;
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        (**self).send(request, timeout)
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        (**self).send(request, timeout)
    }
}

/// A response with its whole body.
pub(crate) async fn read_whole(response: Response<Body>) -> Result<Response<Bytes>, NetworkError> {
    let (parts, body) = response.into_parts();
    let body = body.into_bytes(MAX_BODY).await.map_err(unreadable_response)?;
    Ok(Response::from_parts(parts, body))
}

type HttpClient = Client<Limited, SendBody>;

/// The default transport of the async client. It keeps connections open, and needs a tokio runtime with its timers and I/O
/// (`enable_all`), as `#[tokio::main]` makes it: on a thread without, a call fails with [`Sent::No`].
///
/// Each tokio runtime has connections of its own. Those of another runtime are never used, because it may not be running.
///
/// It returns whole bodies of at most 8 MiB, and streams of any length where a request [asks for them](StreamResponse).
///
/// Clones share the connections. What the system trusts is read once in a process, whatever the number of transports.
#[derive(Clone)]
pub struct DefaultTransport(Arc<Shared>);

struct Shared {
    /// Those of the runtime that called first, as almost always the only one.
    first: OnceLock<(Option<runtime::Id>, Arc<Clients>)>,
    others: Mutex<Vec<(Option<runtime::Id>, Arc<Clients>)>>,
    options: ConnectionOptions,
    /// For connections without TLS.
    trusting_nobody: ClientConfig,
}

/// The most runtimes beside the first whose connections are kept. Those of the one that has not called for
/// longest go when there are more. Some servers have a runtime for each thread.
const MAX_RUNTIMES: usize = 256;

/// The connections of one runtime. A task of that runtime drives each of them, so on another runtime a call
/// would wait for one that stands still, and it would be unknown whether it was sent.
struct Clients {
    // Two clients of the same type, so that hyper is compiled once.
    /// For `http://`.
    plain: HttpClient,
    /// For `https://`. It is made when it is first needed, because that loads the root certificates of the system.
    secure: OnceLock<HttpClient>,
    /// For `https://` with the certificate of a merchant.
    identified: Identities<HttpClient>,
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
    /// If TLS cannot be set up.
    pub fn with_options(options: ConnectionOptions) -> Result<Self, ConfigError> {
        let trusting_nobody = trusting_nobody().map_err(|error| ConfigError::Tls(Cause::new(error)))?;
        let (first, others) = (OnceLock::new(), Mutex::default());
        Ok(Self(Arc::new(Shared { first, others, options, trusting_nobody })))
    }
}

impl Shared {
    /// The clients of this runtime.
    fn clients(&self) -> Arc<Clients> {
        self.clients_of(Handle::try_current().ok().map(|runtime| runtime.id()))
    }

    fn clients_of(&self, id: Option<runtime::Id>) -> Arc<Clients> {
        let (first, clients) = self.first.get_or_init(|| (id, self.new_clients()));
        if *first == id {
            return Arc::clone(clients);
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = others.iter().position(|(known, _)| *known == id) {
            // The last one has called last.
            others[at..].rotate_left(1);
            return Arc::clone(&others[others.len() - 1].1);
        }
        if others.len() == MAX_RUNTIMES {
            others.remove(0);
        }
        let clients = self.new_clients();
        others.push((id, Arc::clone(&clients)));
        clients
    }

    fn new_clients(&self) -> Arc<Clients> {
        let options = self.options.clone();
        let plain = client(self.trusting_nobody.clone(), &options);
        Arc::new(Clients { plain, secure: OnceLock::new(), identified: Identities::new(), options })
    }
}

impl Clients {
    async fn client_for(
        &self,
        uri: &Uri,
        identity: Option<Arc<ClientIdentity>>,
    ) -> Result<HttpClient, NetworkError> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(self.plain.clone());
        }
        if let Some(identity) = identity {
            return self.client_with(&identity).await;
        }
        if let Some(client) = self.secure.get() {
            return Ok(client.clone());
        }
        let tls = load(trusting_the_system).await?;
        Ok(self.secure.get_or_init(|| client(tls, &self.options)).clone())
    }

    async fn client_with(&self, identity: &Arc<ClientIdentity>) -> Result<HttpClient, NetworkError> {
        if let Some(client) = self.identified.get(identity) {
            return Ok(client);
        }
        let shown = Arc::clone(identity);
        let tls = load(move || trusting_the_system_with(&shown)).await?;
        Ok(self.identified.keep(identity, client(tls, &self.options)))
    }
}

/// Makes a configuration on another thread: that reads files, and other calls should not wait for them.
async fn load(
    make: impl FnOnce() -> Result<ClientConfig, String> + Send + 'static,
) -> Result<ClientConfig, NetworkError> {
    let unsent = |source| NetworkError { sent: Sent::No, source };
    let loaded = tokio::task::spawn_blocking(make).await;
    loaded.map_err(|error| unsent(error.into()))?.map_err(|reason| unsent(reason.into()))
}

fn client(tls: ClientConfig, options: &ConnectionOptions) -> HttpClient {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    // A signed request is one small write, so waiting to fill a packet only costs time.
    http.set_nodelay(true);
    let dialer = Dialer { http, proxy: options.proxy.clone() };
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(dialer);
    let connector = Limited { https, limit: options.connect_timeout };
    // hyper repeats a request only if a pooled connection was closed before any byte of it was written. It is then the same
    // request, and the platform has not received it.
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .http1_max_buf_size(MAX_HEAD)
        .http1_max_headers(MAX_HEADERS)
        .build(connector)
}

impl Transport for DefaultTransport {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        Box::pin(async move {
            if timeout.is_zero() {
                return Err(timed_out(Sent::No));
            }
            crate::runtime::check().map_err(|error| lost(Sent::No, error))?;
            let is_streamed = request.extensions().get::<StreamResponse>().is_some();
            let connect_timeout = ConnectTimeout::of(&request, &self.0.options);
            let mut request = request.map(SendBody);
            // hyper says nothing of a body without bytes, and proxies answer 411 to a POST without a length.
            let is_bodiless = [Method::GET, Method::DELETE].contains(request.method());
            if !is_bodiless && request.body().0.length() == Some(0) {
                request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            let connection = capture_connection(&mut request);
            let call = async {
                look_at_idle_connections().await;
                let identity = request.extensions().get().cloned();
                let client = self.0.clients().client_for(request.uri(), identity).await?;
                let (parts, body) = within(connect_timeout, exchange(client, request)).await?.into_parts();
                let body = if is_streamed { streamed(body, timeout) } else { whole(body).await?.into() };
                Ok(Response::from_parts(parts, body))
            };
            match tokio::time::timeout(timeout, call).await {
                Ok(result) => result,
                // A request that got a connection may have been sent on it. Without a connection, nothing was sent.
                Err(_) if connection.connection_metadata().is_some() => Err(timed_out(Sent::Perhaps)),
                Err(_) => Err(timed_out(Sent::No)),
            }
        })
    }
}

/// Yields, so that a single-threaded runtime polls its sockets: it does not do so between two calls. Otherwise
/// bytes that came on a kept connection after a response would be taken for the response to the next request.
/// hyper closes a connection with such bytes.
async fn look_at_idle_connections() {
    // In the first pause the runtime polls its sockets, in the second the connections read what arrived.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

async fn exchange(
    client: HttpClient,
    request: Request<SendBody>,
) -> Result<Response<Incoming>, NetworkError> {
    client.request(request).await.map_err(|error| {
        let sent = if error.is_connect() { Sent::No } else { Sent::Perhaps };
        lost(sent, error)
    })
}

/// The next piece of a streamed body did not come in time.
fn next_piece_timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the rest of the body did not arrive within the time limit")
}

/// A body that is read when it is needed, and may wait that long for each piece.
fn streamed(mut body: Incoming, wait: Duration) -> Body {
    let length = hyper::body::Body::size_hint(&body).exact();
    let mut end: Option<Pin<Box<tokio::time::Sleep>>> = None;
    Body::from_stream(length, move |context| {
        loop {
            let Poll::Ready(frame) = hyper::body::Body::poll_frame(Pin::new(&mut body), context) else {
                let end = end.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
                return end.as_mut().poll(context).map(|()| Some(Err(next_piece_timed_out())));
            };
            end = None;
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) => return Poll::Ready(Some(Ok(piece))),
                // Trailers.
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
        }
    })
}

/// Copies each piece and drops it. Kept, each with the buffer into which it was read, pieces of one byte would take many times
/// their size.
async fn whole(mut body: Incoming) -> Result<Bytes, NetworkError> {
    let announced =
        hyper::body::Body::size_hint(&body).exact().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|error| lost(Sent::Perhaps, error))?.into_data() else { continue };
        if bytes.len() + piece.len() > MAX_BODY {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

impl fmt::Debug for DefaultTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DefaultTransport")
    }
}

/// Our body, as hyper sends it.
struct SendBody(Body);

impl hyper::body::Body for SendBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_bytes().is_some_and(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As servers have them that run one for each thread.
    #[test]
    fn the_runtime_that_called_longest_ago_loses_its_connections() {
        let transport = DefaultTransport::new().unwrap();
        let runtime = |_| tokio::runtime::Builder::new_current_thread().build().unwrap();
        let runtimes: Vec<_> = (0..MAX_RUNTIMES + 2).map(runtime).collect();
        let clients = |at: usize| transport.0.clients_of(Some(runtimes[at].handle().id()));
        let before: Vec<_> = (0..=MAX_RUNTIMES).map(clients).collect();
        for (at, kept) in before.iter().enumerate() {
            assert!(Arc::ptr_eq(kept, &clients(at)), "{at}");
        }
        assert!(Arc::ptr_eq(&before[1], &clients(1)));
        clients(MAX_RUNTIMES + 1);
        assert!(Arc::ptr_eq(&before[1], &clients(1)), "it has just called");
        assert!(Arc::ptr_eq(&before[0], &clients(0)) && Arc::ptr_eq(&before[3], &clients(3)));
        assert!(!Arc::ptr_eq(&before[2], &clients(2)), "its place was taken");
    }
}
