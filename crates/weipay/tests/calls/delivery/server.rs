//! A platform that follows a script over many connections, and counts them.

use std::io::{BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use weipay::error::NetworkError;
use weipay::http::{Request, Response, Uri};
use weipay::transport::{Body, DefaultTransport, ResponseFuture, Transport, blocking};

use crate::platform::{Scripted, Seen, check, read, write};

/// What the platform does with the next request.
pub enum Step {
    Response(Scripted),
    /// Reads the request, and closes the connection.
    Close,
    /// Reads the head of the request only, and resets the connection.
    Reset,
    /// Reads the request, and stays silent until the other side hangs up.
    Silence,
}

impl From<Scripted> for Step {
    fn from(response: Scripted) -> Self {
        Self::Response(response)
    }
}

pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    steps: std::collections::VecDeque<Step>,
    seen: Vec<Seen>,
}

impl Server {
    /// Follows the steps; after the last one, connections are closed.
    pub fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { steps: steps.into(), ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, state }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn add(&self, steps: Vec<Step>) {
        self.state.lock().unwrap().steps.extend(steps);
    }

    /// Takes back the steps that are left.
    pub fn clear(&self) {
        self.state.lock().unwrap().steps.clear();
    }

    /// The requests that arrived since this was asked for the last time.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::with_capacity(1, stream);
    loop {
        let resets = matches!(state.lock().unwrap().steps.front(), Some(Step::Reset));
        if resets {
            let mut byte = [0];
            if (&*stream).read(&mut byte).is_ok_and(|read| read == 1) {
                let mut state = state.lock().unwrap();
                state.steps.pop_front();
                state.seen.push(Seen {
                    method: String::new(),
                    target: String::new(),
                    headers: Vec::new(),
                    body: Vec::new(),
                });
            }
            // What is left unread makes it a reset.
            return;
        }
        let Some(seen) = read(&mut reader) else { return };
        check(&seen);
        let step = {
            let mut state = state.lock().unwrap();
            state.seen.push(seen);
            state.steps.pop_front()
        };
        match step {
            Some(Step::Response(response)) => write(stream, &response),
            Some(Step::Silence) => {
                read(&mut reader);
                return;
            }
            _ => return,
        }
    }
}

/// An address where nobody listens, as long as the socket is kept.
pub fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Sends what goes to a host to an address of the tests, over plain sockets.
pub struct Routed {
    inner: DefaultTransport,
    blocking: blocking::DefaultTransport,
    routes: Routes,
    /// To which host TLS is spoken.
    tls_to: Option<&'static str>,
}

/// Where requests to a host go, and where they went.
#[derive(Clone)]
pub struct Routes(Arc<dyn Fn(&str) -> SocketAddr + Send + Sync>);

impl Routed {
    pub fn by(routes: impl Fn(&str) -> SocketAddr + Send + Sync + 'static) -> Self {
        Self {
            inner: DefaultTransport::new().unwrap(),
            blocking: blocking::DefaultTransport::new().unwrap(),
            routes: Routes(Arc::new(routes)),
            tls_to: None,
        }
    }

    /// The same, with TLS to this host.
    pub fn with_tls_to(mut self, host: &'static str) -> Self {
        self.tls_to = Some(host);
        self
    }

    fn route<B>(&self, mut request: Request<B>) -> Request<B> {
        let host = request.uri().host().unwrap();
        let (scheme, address) =
            (if self.tls_to == Some(host) { "https" } else { "http" }, (self.routes.0)(host));
        let target = request.uri().path_and_query().unwrap();
        let uri: Uri = format!("{scheme}://{address}{target}").parse().unwrap();
        *request.uri_mut() = uri;
        request
    }
}

impl Transport for Routed {
    fn send(&self, request: Request<Body>, timeout: Duration) -> ResponseFuture<'_> {
        self.inner.send(self.route(request), timeout)
    }
}

impl blocking::Transport for Routed {
    fn send(
        &self,
        request: Request<blocking::Body>,
        timeout: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        self.blocking.send(self.route(request), timeout)
    }
}
