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
/// It needs no runtime. A call blocks its thread, so do not call it in async code, or only within `spawn_blocking`. The client
/// starts threads only to look up hosts and to fetch certificates.
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
    /// If a required setting is missing, or the base URL or the proxy cannot be used. If settings do not fit together, such as
    /// a key and the certificate of another, a [`blocking_transport`](Self::blocking_transport) and a proxy, or a transport or
    /// signer of the async client alone. If TLS cannot be set up.
    pub fn build_blocking(mut self) -> Result<Client, ConfigError> {
        let transport = match self.blocking_transport.take() {
            Some(_) if self.has_connection_options() => {
                return Err(ConfigError::Mismatch(TRANSPORT_CONNECTS));
            }
            Some(transport) => transport,
            None => {
                self.check_no_other_transport()?;
                Arc::new(crate::transport::blocking::DefaultTransport::with_options(
                    self.connection_options.clone(),
                )?)
            }
        };
        Ok(Client::from_shared(Shared::new(self, transport)?))
    }
}

impl Client {
    /// Fetches the platform's certificates (平台证书) now, and waits for them. Calls do not need this: they fetch
    /// certificates when necessary. Use it to check the settings at start-up, to encrypt before the first call, or to accept
    /// the first notification.
    ///
    /// # Errors
    ///
    /// If the client has no APIv3 key, or the certificates cannot be fetched. The keys that are there stay.
    pub fn fetch_platform_certificates(&self) -> Result<(), Error> {
        let ring = &self.shared.core.merchant.ring;
        ring.check_can_fetch()?;
        let deadline = Deadline::after(self.shared.core.timeout);
        self.shared.fetch(ring.new_ticket(), deadline, deadline).map_err(Error::without_keys)
    }
}

client_styles!(Client, Blocking);
