//! The merchants' receivers of notifications in a story: one listener, a path for each merchant, and the SDK's own checks.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use weipay::notification::Receiver;

/// The largest notification that is read, and its head.
const MAX_BODY: usize = 1024 * 1024;
const MAX_HEAD: u64 = 64 * 1024;
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
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let shared = Shared::default();
        let of_thread = shared.clone();
        thread::Builder::new().name("receiver".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = of_thread.clone();
                // The sandbox posts few at a time. What fails here is a notification that was not acknowledged.
                let _ = thread::Builder::new().spawn(move || serve(stream, &shared));
            }
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

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    let mut reader = BufReader::new(stream);
    let (path, headers) = read_head(&mut reader)?;
    let length =
        headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    if length > MAX_BODY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = receive(&path, &headers, &body, shared);
    let response = format!("HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(response.as_bytes())
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(String, HeaderMap)> {
    let mut reader = reader.take(MAX_HEAD);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((path, headers)) };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim()))
        {
            headers.insert(name, value);
        }
    }
}

/// Verifies a notification, keeps it, and gives the status to respond with.
fn receive(path: &str, headers: &HeaderMap, body: &[u8], shared: &Shared) -> u16 {
    let merchant = path.trim_start_matches('/');
    let mut state = shared.lock();
    let Some(receiver) = state.receivers.get(merchant) else { return 404 };
    let notification = match receiver.receive(headers, body) {
        Ok(notification) => notification,
        Err(rejection) => return rejection.status().as_u16(),
    };
    let status = state.statuses.get(merchant).copied().unwrap_or(204);
    let event = notification.event_type().to_owned();
    let resource = notification.json().unwrap_or_default();
    let shown =
        json!({ "id": notification.id(), "event_type": event, "resource": resource, "responded": status });
    if state.arrived.len() < MAX_WAITING {
        state.arrived.push_back(Arrival { merchant: merchant.to_owned(), event, shown });
    }
    shared.0.1.notify_all();
    status
}
