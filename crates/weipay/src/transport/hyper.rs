//! The async transport, on hyper.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Answer, AsyncTransport, IDLE, MOST_BYTES, tls};
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
            .build(connector);
        Ok(HyperTransport(client))
    }
}

impl AsyncTransport for HyperTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Answer<'_> {
        let client = self.0.clone();
        Box::pin(async move {
            match tokio::time::timeout(timeout, exchange(client, request)).await {
                Ok(answer) => answer,
                // How far it had come is not known, and must not be guessed.
                Err(_) => {
                    Err(perhaps(io::Error::new(io::ErrorKind::TimedOut, "no answer within the time limit")))
                }
            }
        })
    }
}

async fn exchange(
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, NetworkProblem> {
    let response = client.request(request.map(Full::new)).await.map_err(|error| {
        let sent = if error.is_connect() { Sent::No } else { Sent::Perhaps };
        NetworkProblem { sent, source: error.into() }
    })?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|source| NetworkProblem { sent: Sent::Perhaps, source })?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn perhaps(error: io::Error) -> NetworkProblem {
    NetworkProblem { sent: Sent::Perhaps, source: error.into() }
}
