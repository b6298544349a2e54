//! The blocking transport, on ureq: no runtime, no thread of its own.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Error};

use super::{IDLE, MAX_BODY, MAX_HEAD, Transport, lost, timed_out, tls, too_large, watched};
use crate::builder::ConfigError;
use crate::error::NetworkProblem;

pub(crate) struct UreqTransport(Agent);

impl UreqTransport {
    pub(crate) fn new() -> Result<UreqTransport, ConfigError> {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(tls::provider())
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_age(IDLE)
            .max_response_header_size(MAX_HEAD)
            // Nothing is taken from the environment behind the caller's back, proxies included.
            .proxy(None)
            .tls_config(tls)
            .build();
        Ok(UreqTransport(Agent::with_parts(
            config,
            watched::WatchingConnector::new(),
            DefaultResolver::default(),
        )))
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, NetworkProblem> {
        watched::begin();
        let (parts, body) = request.into_parts();
        let response = if body.is_empty() && [http::Method::GET, http::Method::DELETE].contains(&parts.method)
        {
            self.run(Request::from_parts(parts, ()), timeout)
        } else {
            self.run(Request::from_parts(parts, body.to_vec()), timeout)
        };
        let (parts, mut body) = response.map_err(problem)?.into_parts();
        if parts.headers.contains_key(CONTENT_LENGTH) || is_chunked(&parts.headers) {
            watched::ends_before_connection();
        }
        let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
        let body = body.with_config().limit(limit).read_to_vec().map_err(problem)?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl UreqTransport {
    fn run<B: ureq::AsSendBody>(
        &self,
        request: Request<B>,
        timeout: Duration,
    ) -> Result<Response<ureq::Body>, Error> {
        self.0.run(self.0.configure_request(request).timeout_global(Some(timeout)).build())
    }
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(TRANSFER_ENCODING).iter().filter_map(|value| value.to_str().ok());
    encodings
        .flat_map(|value| value.split(','))
        .any(|encoding| encoding.trim().eq_ignore_ascii_case("chunked"))
}

/// How far the call had come is what its connection saw, whatever the error says.
fn problem(error: Error) -> NetworkProblem {
    let sent = watched::sent();
    match error {
        Error::Timeout(_) => timed_out(sent),
        Error::BodyExceedsLimit(_) => too_large(),
        error => lost(sent, error),
    }
}
