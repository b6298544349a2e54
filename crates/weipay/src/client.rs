//! The async client.

use std::ops::Index;
use std::sync::Arc;

use crate::builder::{ClientBuilder, ConfigError};
use crate::call::Call;
use crate::mode::{Async, Shared};
use crate::node::Node;
use crate::styles::client_styles;

/// A WeChat Pay client whose calls are futures. Cheap to clone; clones share keys and connections.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = weipay::Client::from_env()?;
/// let response = client.chain("v3/marketing/busifavor/callbacks").get().await?;
/// println!("{}", response.json()?["notify_url"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared<Async>>,
    root: Arc<Node<Async>>,
}

impl ClientBuilder {
    /// Builds an async client. Its calls need a tokio runtime.
    ///
    /// # Errors
    ///
    /// If a required setting is missing, or settings do not fit together.
    pub fn build(mut self) -> Result<Client, ConfigError> {
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => Box::new(crate::transport::DefaultTransport::new()?),
        };
        let shared = Arc::new(Shared { core: self.into_core()?, transport });
        Ok(Client { root: Arc::new(Node::root(Arc::clone(&shared))), shared })
    }
}

client_styles!(Client, Async);
