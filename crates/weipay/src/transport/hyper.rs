//! The async transport, on hyper.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Answer, AsyncTransport, IDLE, MOST_BYTES, tls};
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
        .build(connector)
}

impl AsyncTransport for HyperTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Answer<'_> {
        Box::pin(async move {
            let answer = async { exchange(self.client_for(request.uri()).await?, request).await };
            match tokio::time::timeout(timeout, answer).await {
                Ok(answer) => answer,
                // How far it had come is not known, and must not be guessed.
                Err(_) => {
                    Err(perhaps(io::Error::new(io::ErrorKind::TimedOut, "no answer within the time limit")))
                }
            }
        })
    }
}

async fn exchange(client: HttpClient, request: Request<Bytes>) -> Result<Response<Bytes>, NetworkProblem> {
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
