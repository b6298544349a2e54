//! The merchants' receivers of notifications in a story: one listener, a path for each merchant, and the SDK's own checks.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use weipay::bytes::Bytes;
use weipay::notification::{Event, Receiver};
use weipay_sandbox::EventName;

use crate::notification_listener;

/// The most notifications that wait for a step.
const MAX_WAITING: usize = 10_000;
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// What arrived.
#[derive(Debug)]
pub(super) struct Arrival {
    merchant: String,
    event: String,
    /// `id`, `event_type`, `resource`, and the status that it was given.
    pub(super) shown: Value,
}

#[derive(Default)]
struct State {
    receivers: BTreeMap<String, Receiver>,
    statuses: BTreeMap<String, u16>,
    arrived: VecDeque<Arrival>,
}

#[derive(Clone, Default)]
struct Shared(Arc<(Mutex<State>, Condvar)>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The listener. It ends with the process.
pub(super) struct Listener {
    address: String,
    shared: Shared,
}

impl Listener {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Shared::default();
        let of_handler = shared.clone();
        let address = notification_listener::listen(move |path, headers, body| {
            receive(&of_handler, path, headers, body)
        })?;
        Ok(Self { address, shared })
    }

    /// Receives for a merchant, and gives the address for its notifications.
    pub(super) fn add(&self, merchant: &str, receiver: Receiver) -> String {
        self.shared.lock().receivers.insert(merchant.to_owned(), receiver);
        format!("{}/{merchant}", self.address)
    }

    pub(super) fn respond(&self, merchant: &str, status: u16) {
        self.shared.lock().statuses.insert(merchant.to_owned(), status);
    }

    /// Takes the first that arrived for a merchant with this event, or waits for it.
    pub(super) fn take(&self, merchant: &str, event: &str) -> Option<Arrival> {
        let deadline = Instant::now() + TIME_LIMIT;
        let mut state = self.shared.lock();
        loop {
            let is_it = |arrival: &Arrival| arrival.merchant == merchant && arrival.event == event;
            if let Some(at) = state.arrived.iter().position(is_it) {
                return state.arrived.remove(at);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = self.shared.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Verifies a notification, keeps it, and gives the response.
fn receive(shared: &Shared, path: &str, headers: &HeaderMap, body: &[u8]) -> Response<Bytes> {
    let merchant = path.trim_start_matches('/');
    let mut state = shared.lock();
    let Some(receiver) = state.receivers.get(merchant) else { return empty(404) };
    let notification = match receiver.receive(headers, body) {
        Ok(notification) => notification,
        Err(rejection) => return rejection.response(),
    };
    let response = match state.statuses.get(merchant) {
        None | Some(200..300) => notification.success(),
        Some(status) => empty(*status),
    };
    let event = match notification.event() {
        Event::V2(_) => EventName::v2(notification.event_type()),
        _ => EventName::v3(notification.event_type()),
    };
    let event = event.to_string();
    let shown = json!({
        "id": notification.id(),
        "event_type": event,
        "resource": notification.json().unwrap_or_default(),
        "responded": response.status().as_u16(),
    });
    if state.arrived.len() < MAX_WAITING {
        state.arrived.push_back(Arrival { merchant: merchant.to_owned(), event, shown });
    }
    shared.0.1.notify_all();
    response
}

fn empty(status: u16) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
