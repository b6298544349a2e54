//! A client for each certificate that TLS handshakes show. Connections of one merchant never carry calls of
//! another, so each has a separate pool.

use std::sync::{Arc, Mutex, PoisonError};

use weipay_wire::ClientIdentity;

/// The most clients that are kept. The one that was made first goes when there are more.
const MAX_CLIENTS: usize = 64;

/// Clients by their certificates.
#[derive(Debug)]
pub(super) struct Identities<C>(Mutex<Vec<(Arc<ClientIdentity>, C)>>);

impl<C: Clone> Identities<C> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The client that shows this certificate, if it was made before.
    pub(super) fn get(&self, identity: &Arc<ClientIdentity>) -> Option<C> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().find(|(known, _)| is_same(known, identity)).map(|(_, client)| client.clone())
    }

    /// Keeps a client, unless another call has kept one in the meantime; gives the one that is kept.
    pub(super) fn keep(&self, identity: &Arc<ClientIdentity>, client: C) -> C {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = clients.iter().find(|(known, _)| is_same(known, identity)) {
            return known.clone();
        }
        if clients.len() == MAX_CLIENTS {
            clients.remove(0);
        }
        clients.push((Arc::clone(identity), client.clone()));
        client
    }
}

fn is_same(one: &Arc<ClientIdentity>, other: &Arc<ClientIdentity>) -> bool {
    Arc::ptr_eq(one, other) || one.certificate().as_der() == other.certificate().as_der()
}
