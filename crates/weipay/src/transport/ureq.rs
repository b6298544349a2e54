//! The blocking transport, on ureq: no runtime, no thread of its own.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error, Timeout};

use super::{IDLE, MOST_BYTES, Transport, tls};
use crate::builder::ConfigError;
use crate::error::{NetworkProblem, Sent};

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
            // Nothing is taken from the environment behind the caller's back, proxies included.
            .proxy(None)
            .tls_config(tls)
            .build();
        Ok(UreqTransport(config.into()))
    }
}

impl Transport for UreqTransport {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, NetworkProblem> {
        let (parts, body) = request.into_parts();
        let response = if body.is_empty() && [http::Method::GET, http::Method::DELETE].contains(&parts.method)
        {
            self.run(Request::from_parts(parts, ()), timeout)
        } else {
            self.run(Request::from_parts(parts, body.to_vec()), timeout)
        };
        let (parts, mut body) = response.map_err(problem)?.into_parts();
        let limit = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
        let body = body.with_config().limit(limit).read_to_vec();
        // The request was answered, so it was seen, however the reading of the answer ended.
        let body = body.map_err(|error| NetworkProblem { sent: Sent::Perhaps, source: error.into() })?;
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

fn problem(error: Error) -> NetworkProblem {
    let unseen = match &error {
        // These kinds come from connecting only: bytes that were written fail with others.
        Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::AddrNotAvailable
        ),
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Tls(_)
        | Error::Rustls(_)
        | Error::BadUri(_)
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        _ => false,
    };
    NetworkProblem { sent: if unseen { Sent::No } else { Sent::Perhaps }, source: error.into() }
}
