//! How the blocking transport makes a new connection: ureq's own connector, with two changes.
//!
//! - **The host is looked up here**, only when the pool has no connection. ureq asks its resolver before it looks into the
//!   pool, and its own resolver starts a thread for each look-up with a time limit: a thread for each call.
//! - **The roots are loaded once.** A request with a time limit has settings of its own, and for those ureq loads the roots
//!   again with each connection. Here all requests have the same settings of TLS.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use http::Uri;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport as Connection,
};

use crate::transport::tls;

/// So many addresses of a host are tried, as ureq does.
const MAX_ADDRESSES: usize = 16;

/// Leaves the look-up to [`NewConnections`].
#[derive(Debug)]
pub(super) struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// Makes the connections that the pool does not have.
#[derive(Debug, Default)]
pub(super) struct NewConnections(DefaultConnector);

impl Connector<()> for NewConnections {
    type Out = Box<dyn Connection>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let start = Instant::now();
        let mut addrs = NoLookup.empty();
        for address in addresses(details.uri, details.timeout)?.into_iter().take(MAX_ADDRESSES) {
            addrs.push(address);
        }
        if addrs.is_empty() {
            return Err(Error::HostNotFound);
        }
        let left = details.timeout.after.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(Error::Timeout(details.timeout.reason));
        }
        let details = ConnectionDetails {
            request_level: false,
            uri: details.uri,
            addrs,
            config: details.config,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: NextTimeout { after: left.into(), ..details.timeout },
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        self.0.connect(&details, chained).map_err(|error| match error {
            Error::Rustls(rustls::Error::General(reason)) => Error::Other(tls::advice(&reason).into()),
            error => error,
        })
    }
}

/// The addresses of a URL's host. A numeric one is no question for anybody; a name is looked up on another thread, since the
/// system's look-up knows no time limit.
fn addresses(uri: &Uri, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
    let host = uri.scheme().zip(uri.authority());
    let host = host.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
    let host = host.ok_or_else(|| Error::BadUri(uri.to_string()))?;
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let (tell, found) = sync_channel(1);
    let lookup = move || tell.send(host.to_socket_addrs().map(Iterator::collect)).unwrap_or_default();
    thread::Builder::new().name("weipay-lookup".to_owned()).spawn(lookup)?;
    match found.recv_timeout(*timeout.after) {
        Ok(addresses) => Ok(addresses?),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(Error::Timeout(timeout.reason)),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            Err(io::Error::other("the look-up of the host ended without a result").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_numeric_host_is_not_looked_up() {
        // A look-up would have no time.
        let none = NextTimeout { after: Duration::ZERO.into(), ..NextTimeout::default() };
        for (url, address) in [
            ("http://127.0.0.1:8880/v3", "127.0.0.1:8880"),
            ("https://127.0.0.1", "127.0.0.1:443"),
            ("http://[::1]", "[::1]:80"),
        ] {
            let found = addresses(&url.parse().unwrap(), none).unwrap();
            assert_eq!(found, [address.parse().unwrap()], "{url}");
        }
    }

    #[test]
    fn ureq_is_given_no_address_before_a_connection_is_needed() {
        let uri = "http://host.invalid".parse().unwrap();
        let none = NextTimeout { after: Duration::ZERO.into(), ..NextTimeout::default() };
        assert!(NoLookup.resolve(&uri, &Config::default(), none).unwrap().is_empty());
    }
}
