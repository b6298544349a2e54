//! The async transport, on hyper.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Answer, AsyncTransport, IDLE, MAX_BODY, MAX_HEAD, MAX_HEADERS, lost, timed_out, tls, too_large};
use crate::builder::ConfigError;
use crate::error::{NetworkProblem, Sent};

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Two clients of one type, so that hyper is compiled once.
pub(crate) struct HyperTransport {
    /// For `http://`.
    plain: HttpClient,
    /// For `https://`, made when it is first needed: that takes the root certificates of the system.
    secure: OnceLock<HttpClient>,
}

impl HyperTransport {
    pub(crate) fn new() -> Result<HyperTransport, ConfigError> {
        let tls = tls::trusting_nobody().map_err(|error| ConfigError::Tls(error.to_string()))?;
        Ok(HyperTransport { plain: client(tls), secure: OnceLock::new() })
    }

    async fn client_for(&self, uri: &Uri) -> Result<HttpClient, NetworkProblem> {
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Ok(self.plain.clone());
        }
        if let Some(client) = self.secure.get() {
            return Ok(client.clone());
        }
        let unsent = |source| NetworkProblem { sent: Sent::No, source };
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

impl AsyncTransport for HyperTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Answer<'_> {
        Box::pin(async move {
            if timeout.is_zero() {
                return Err(timed_out(Sent::No));
            }
            let mut request = request.map(Full::new);
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
/// after an answer would be taken for the answer to the next request. With them, hyper closes the connection.
async fn look_at_idle_connections() {
    // The runtime looks at the sockets in the first pause, and the connections at what is there in the second.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

async fn exchange(
    client: HttpClient,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, NetworkProblem> {
    let response = client.request(request).await.map_err(|error| {
        let sent = if error.is_connect() { Sent::No } else { Sent::Perhaps };
        lost(sent, error)
    })?;
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, whole(body).await?))
}

/// Each piece is copied as it comes and let go: kept whole, with the buffer that it was read into, pieces of one byte would
/// take many times their size.
async fn whole(mut body: Incoming) -> Result<Bytes, NetworkProblem> {
    let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
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
