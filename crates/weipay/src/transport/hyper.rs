//! The async transport, on hyper.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Answer, AsyncTransport, IDLE, MAX_BODY, MAX_HEAD, MAX_HEADERS, lost, timed_out, tls, too_large};
use crate::builder::ConfigError;
use crate::error::{NetworkProblem, Sent};

pub(crate) struct HyperTransport(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HyperTransport {
    pub(crate) fn new() -> Result<HyperTransport, ConfigError> {
        let problem = |error: &dyn std::error::Error| ConfigError::Tls(error.to_string());
        let tls = rustls::ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| problem(&error))?
            .try_with_platform_verifier()
            .map_err(|error| problem(&error))?
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        // A signed request is one small write: waiting for more to fill a packet only costs time.
        http.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        // hyper repeats a request only when a pooled connection closed before any byte of it was written: it is then
        // the same request, still unseen by the platform.
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADERS)
            .build(connector);
        Ok(HyperTransport(client))
    }
}

impl AsyncTransport for HyperTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Answer<'_> {
        let client = self.0.clone();
        Box::pin(async move {
            if timeout.is_zero() {
                return Err(timed_out(Sent::No));
            }
            let mut request = request.map(Full::new);
            let connection = capture_connection(&mut request);
            match tokio::time::timeout(timeout, exchange(client, request)).await {
                Ok(answer) => answer,
                // A request that was given a connection may have left on it; another has not left at all.
                Err(_) if connection.connection_metadata().is_some() => Err(timed_out(Sent::Perhaps)),
                Err(_) => Err(timed_out(Sent::No)),
            }
        })
    }
}

async fn exchange(
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
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
