//! Which errors of ureq come from before a request.
//!
//! An error alone does not tell: a socket that has sent a request, and then runs out of retransmissions, reports the same
//! `EHOSTUNREACH` or `ECONNREFUSED` that connecting may end with. So the steps before a request mark their errors
//! themselves. ureq writes nothing of a request before its connector has returned, the TLS handshake included.

use std::fmt;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, Transport as Connection};

use super::tls::SharedTrust;

/// An error of looking up a host or connecting to it: nothing was sent.
#[derive(Debug)]
pub(super) struct Unconnected(pub(super) Error);

impl fmt::Display for Unconnected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Unconnected {}

fn mark(error: Error) -> Error {
    Error::Other(Box::new(Unconnected(error)))
}

/// ureq's own connector, marking its errors.
#[derive(Debug)]
pub(super) struct Connecting(SharedTrust);

impl Connecting {
    pub(super) fn new() -> Connecting {
        Connecting(SharedTrust::default())
    }
}

impl Connector<()> for Connecting {
    type Out = Box<dyn Connection>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(mark)
    }
}

/// ureq's own look-up of hosts, marking its errors.
#[derive(Debug, Default)]
pub(super) struct LookingUp(DefaultResolver);

impl Resolver for LookingUp {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.0.resolve(uri, config, timeout).map_err(mark)
    }
}
