//! The async transport, on hyper.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{
    Body, IDLE, MAX_BODY, MAX_HEAD, MAX_HEADERS, ResponseFuture, Transport, lost, timed_out, tls, too_large,
};
use crate::builder::ConfigError;
use crate::error::{NetworkError, Sent};

type HttpClient = Client<HttpsConnector<HttpConnector>, Outgoing>;

/// The transport of the async client unless it is given another one. It keeps connections, and needs a tokio runtime.
///
/// It gives back whole bodies, of at most 8 MB.
pub struct DefaultTransport {
    // Two clients of one type, so that hyper is compiled once.
    /// For `http://`.
    plain: HttpClient,
    /// For `https://`, made when it is first needed: that takes the root certificates of the system.
    secure: OnceLock<HttpClient>,
}

impl DefaultTransport {
    /// A transport without connections yet.
    pub fn new() -> Result<Self, ConfigError> {
        let tls = tls::trusting_nobody().map_err(|error| ConfigError::Tls(error.to_string()))?;
        Ok(Self { plain: client(tls), secure: OnceLock::new() })
    }

    async fn client_for(&self, uri: &Uri) -> Result<HttpClient, NetworkError> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(self.plain.clone());
        }
        if let Some(client) = self.secure.get() {
            return Ok(client.clone());
        }
        let unsent = |source| NetworkError { sent: Sent::No, source };
        // It reads files, for which other calls should not wait.
        let loaded = tokio::task::spawn_blocking(tls::trusting_the_system).await;
        let tls = loaded.map_err(|error| unsent(error.into()))?.map_err(|reason| unsent(reason.into()))?;
        Ok(self.secure.get_or_init(|| client(tls)).clone())
    }
}

fn client(tls: rustls::ClientConfig) -> HttpClient {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    // A signed request is one small write: waiting for more to fill a packet only costs time.
    http.set_nodelay(true);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(http);
    // hyper repeats a request only when a pooled connection closed before any byte of it was written: it is then
    // the same request, still unseen by the platform.
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
            let mut request = request.map(Outgoing);
            let connection = capture_connection(&mut request);
            let answer = async {
                look_at_idle_connections().await;
                let client = self.client_for(request.uri()).await?;
                exchange(client, request).await
            };
            match tokio::time::timeout(timeout, answer).await {
                Ok(answer) => answer,
                // A request that was given a connection may have left on it; another has not left at all.
                Err(_) if connection.connection_metadata().is_some() => Err(timed_out(Sent::Perhaps)),
                Err(_) => Err(timed_out(Sent::No)),
            }
        })
    }
}

/// Lets a runtime of one thread look at its sockets, which it does not between two calls: bytes that came on a kept connection
/// after a response would be taken for the response to the next request. With them, hyper closes the connection.
async fn look_at_idle_connections() {
    // The runtime looks at the sockets in the first pause, and the connections at what is there in the second.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

async fn exchange(client: HttpClient, request: Request<Outgoing>) -> Result<Response<Body>, NetworkError> {
    let response = client.request(request).await.map_err(|error| {
        let sent = if error.is_connect() { Sent::No } else { Sent::Perhaps };
        lost(sent, error)
    })?;
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, whole(body).await?.into()))
}

/// Each piece is copied as it comes and let go: kept whole, with the buffer that it was read into, pieces of one byte would
/// take many times their size.
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
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DefaultTransport")
    }
}

/// A body of ours as hyper sends it.
struct Outgoing(Body);

impl hyper::body::Body for Outgoing {
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
