//! The blocking client: the same calls without `.await` and without a runtime.

use std::ops::Index;
use std::sync::Arc;

use crate::builder::{ClientBuilder, ConfigError, TRANSPORT_CONNECTS};
use crate::call::Call;
use crate::client::client_styles;
use crate::delivery::{Blocking, Deadline, Shared};
use crate::error::Error;
use crate::node::Node;

pub use crate::transport::blocking::Transport;

/// A WeChat Pay client whose calls return when the response is there. Cheap to clone; clones share keys and connections.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = weipay::blocking::Client::from_env()?;
/// let response = client.chain("v3/marketing/busifavor/callbacks").get()?;
/// println!("{}", response.json()?["notify_url"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared<Blocking>>,
    root: Arc<Node<Blocking>>,
}

impl ClientBuilder {
    /// Builds a blocking client.
    ///
    /// # Errors
    ///
    /// If a required setting is missing, or settings do not fit together.
    pub fn build_blocking(mut self) -> Result<Client, ConfigError> {
        let transport = match self.blocking_transport.take() {
            Some(_) if self.has_connections() => return Err(ConfigError::Mismatch(TRANSPORT_CONNECTS)),
            Some(transport) => transport,
            None => Arc::new(crate::transport::blocking::DefaultTransport::with(self.connections.clone())?),
        };
        Ok(Client::from_shared(Shared::new(self, transport)?))
    }
}

impl Client {
    /// Fetches the platform's certificates (平台证书) now, and waits for it. It is never needed for calls, which fetch them when they
    /// need them. It is for programs that want to know at their start whether it works, or encrypt before their first call.
    ///
    /// # Errors
    ///
    /// If the client has no APIv3 key, or the certificates cannot be fetched. The keys that are there stay.
    pub fn fetch_platform_certificates(&self) -> Result<(), Error> {
        let ring = &self.shared.core.merchant.ring;
        ring.check_can_fetch()?;
        let deadline = Deadline::after(self.shared.core.timeout);
        self.shared.fetch(ring.ticket(), deadline).map_err(Error::without_keys)
    }
}

client_styles!(Client, Blocking);
