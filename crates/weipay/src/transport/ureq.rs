//! The blocking transport, on ureq: no runtime, no thread of its own.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error, Timeout};

use super::connecting::{Connecting, LookingUp, Unconnected};
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
        Ok(UreqTransport(Agent::with_parts(config, Connecting::new(), LookingUp::default())))
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

/// What marked itself as coming from before the request proves that nothing was sent; so does what ureq finds before it
/// looks up a host. Nothing else does.
fn problem(error: Error) -> NetworkProblem {
    match error {
        Error::Other(error) => match error.downcast::<Unconnected>() {
            Ok(unconnected) => unsent(unconnected.0),
            Err(error) => NetworkProblem { sent: Sent::Perhaps, source: error },
        },
        Error::BadUri(_)
        | Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => unsent(error),
        _ => NetworkProblem { sent: Sent::Perhaps, source: error.into() },
    }
}

fn unsent(error: Error) -> NetworkProblem {
    NetworkProblem { sent: Sent::No, source: error.into() }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn an_error_of_a_socket_proves_nothing_unless_it_comes_from_connecting() {
        for kind in [
            ErrorKind::ConnectionRefused,
            ErrorKind::HostUnreachable,
            ErrorKind::NetworkUnreachable,
            ErrorKind::AddrNotAvailable,
            ErrorKind::ConnectionReset,
        ] {
            let failed = || Error::Io(io::Error::from(kind));
            assert_eq!(problem(failed()).sent, Sent::Perhaps, "{kind}");
            let connecting = problem(Error::Other(Box::new(Unconnected(failed()))));
            assert_eq!(connecting.sent, Sent::No, "{kind}");
            assert!(connecting.source.is::<Error>(), "the mark stays inside");
        }
    }
}
