//! The HTTP server of these tests. It follows a script, or answers by a function, and knows nothing of the platform but how a
//! request must be signed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::platform::check;

/// A request as it arrived.
#[derive(Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A response to script.
#[derive(Clone)]
pub struct Scripted {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A response without a signature.
pub fn unsigned(status: u16, body: &str) -> Scripted {
    Scripted { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

impl Scripted {
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Sets a header, in place of the one there.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn with_body(self, body: &str) -> Self {
        self.with_bytes(body.as_bytes())
    }

    pub fn with_bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }
}

/// A socket to which connections are made, and its base URL. Nobody takes them before the test does: the system takes connection
/// and request, and is silent.
pub fn bind() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    (listener, base_url)
}

/// Gives each connection to `take`, on a thread of its own: the base URL.
pub fn listen(take: impl Fn(&TcpStream) + Send + Sync + 'static) -> String {
    let (listener, base_url) = bind();
    let take = Arc::new(take);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let take = Arc::clone(&take);
            thread::spawn(move || take(&stream));
        }
    });
    base_url
}

/// Gives one connection to `take`, and refuses others.
pub fn listen_once(take: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let (listener, base_url) = bind();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        take(stream);
    });
    base_url
}

/// Answers each request by a function, over as many connections as there are.
pub fn serve(respond: impl Fn(Seen) -> Scripted + Send + Sync + 'static) -> String {
    listen(move |stream| {
        let mut reader = BufReader::new(stream);
        while let Some(seen) = read(&mut reader) {
            write(stream, &respond(seen));
        }
    })
}

/// What the server does with a request: it writes these bytes, and then something becomes of the connection.
#[derive(Clone)]
pub struct Step {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is kept for the next request.
    Keep,
    Close,
    /// It is reset: the last byte of the request is left unread.
    Reset,
    /// It stays open, and nothing more comes on it.
    Silence,
    /// The end of the bytes comes again and again, for as long as somebody reads it.
    Repeat,
}

impl Step {
    pub fn new(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        Self { bytes: bytes.into(), then }
    }

    pub fn close() -> Self {
        Self::new("", Then::Close)
    }

    pub fn reset() -> Self {
        Self::new("", Then::Reset)
    }

    pub fn silence() -> Self {
        Self::new("", Then::Silence)
    }
}

impl From<Scripted> for Step {
    fn from(response: Scripted) -> Self {
        Self::new(response_bytes(&response), Then::Keep)
    }
}

/// A server that follows a script over many connections, and notes what arrives.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    steps: Mutex<VecDeque<Step>>,
    /// What follows the last step.
    rest: Option<Step>,
    seen: Mutex<VecDeque<Seen>>,
    arrived: Condvar,
}

impl Server {
    /// Follows the steps, one for each request; after the last one, connections are closed.
    pub fn start(steps: Vec<Step>) -> Self {
        Self::with(State { steps: Mutex::new(steps.into()), ..State::default() })
    }

    /// Does the same with every request.
    pub fn always(step: Step) -> Self {
        Self::with(State { rest: Some(step), ..State::default() })
    }

    fn with(state: State) -> Self {
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let base_url = listen(move |stream| follow(stream, &shared));
        Self { address: base_url["http://".len()..].parse().unwrap(), state }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn add(&self, steps: Vec<Step>) {
        self.state.steps.lock().unwrap().extend(steps);
    }

    /// Takes back the steps that are left.
    pub fn clear(&self) {
        self.state.steps.lock().unwrap().clear();
    }

    /// The requests that arrived since this was asked for the last time.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().drain(..).collect()
    }

    /// The first of these.
    pub fn take_seen(&self) -> Option<Seen> {
        self.state.seen.lock().unwrap().pop_front()
    }

    /// The next request that arrives.
    pub fn next_seen(&self) -> Seen {
        let seen = self.state.seen.lock().unwrap();
        let mut seen = self.state.arrived.wait_while(seen, |seen| seen.is_empty()).unwrap();
        seen.pop_front().unwrap()
    }
}

fn follow(stream: &TcpStream, state: &State) {
    let mut reader = BufReader::with_capacity(1, stream);
    loop {
        // What is left unread makes it a reset.
        let resets = || {
            let steps = state.steps.lock().unwrap();
            steps.front().or(state.rest.as_ref()).is_some_and(|step| step.then == Then::Reset)
        };
        let seen = if resets() { read_but_one_byte(stream) } else { read(&mut reader).inspect(check) };
        let Some(seen) = seen else { return };
        let step = state.steps.lock().unwrap().pop_front().or_else(|| state.rest.clone());
        state.seen.lock().unwrap().push_back(seen);
        state.arrived.notify_all();
        let Some(Step { bytes, then }) = step else { return };
        let mut writer = stream;
        if writer.write_all(&bytes).is_err() {
            return;
        }
        match then {
            Then::Keep => {}
            Then::Close => return,
            // The bytes arrive before the reset discards what has not.
            Then::Reset if bytes.is_empty() => return,
            Then::Reset => return thread::sleep(std::time::Duration::from_millis(50)),
            Then::Silence => return wait_for_the_end(stream),
            Then::Repeat => {
                let end = &bytes[bytes.len().saturating_sub(4096)..];
                let endless = end.repeat(16);
                while writer.write_all(&endless).is_ok() {}
                return;
            }
        }
    }
}

/// Waits until the client gives up.
pub fn wait_for_the_end(mut stream: &TcpStream) {
    while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
}

/// Reads a whole request but for its last byte, and waits until that has arrived too. Nobody can check the signature.
pub fn read_but_one_byte(mut stream: &TcpStream) -> Option<Seen> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    let mut next = |seen: &mut Vec<u8>| {
        let read = stream.read(&mut byte).is_ok_and(|read| read == 1);
        seen.push(byte[0]);
        read
    };
    while !head.ends_with(b"\r\n\r") {
        next(&mut head).then_some(())?;
    }
    let text = String::from_utf8(head.clone()).unwrap();
    let mut words = text.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = text.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut seen = Seen { method, target, headers, body: Vec::new() };
    let length = seen.header("content-length").map_or(0, |length| length.parse::<usize>().unwrap());
    if length > 0 {
        next(&mut head).then_some(())?;
        seen.body = vec![0; length - 1];
        stream.read_exact(&mut seen.body).ok()?;
    }
    stream.peek(&mut byte).is_ok_and(|read| read == 1).then_some(seen)
}

pub fn read(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let mut seen = Seen { method, target, headers, body: Vec::new() };
    if seen.header("transfer-encoding") == Some("chunked") {
        seen.body = chunks(reader)?;
        return Some(seen);
    }
    let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    seen.body = vec![0; length];
    reader.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

fn chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        assert_eq!(chunk.split_off(size), b"\r\n");
        if size == 0 {
            return Some(body);
        }
        body.extend(chunk);
    }
}

/// A response as it goes over the wire.
pub fn response_bytes(response: &Scripted) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} X\r\n", response.status);
    if response.status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", response.body.len()));
    }
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    [head.as_bytes(), &response.body].concat()
}

fn write(mut stream: &TcpStream, response: &Scripted) {
    stream.write_all(&response_bytes(response)).ok();
}
