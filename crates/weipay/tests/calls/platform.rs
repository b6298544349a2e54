//! A platform for tests that is independent of the sandbox: one socket, one scripted response for each request, keys of
//! its own. It checks the request's signature itself, so that nothing of the SDK checks what the SDK signs.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use weipay::ClientBuilder;
use weipay::wire::{
    Authorization, MerchantId, MerchantSerial, PrivateKey, PublicKeyId, is_fresh, request_message,
    response_message,
};

pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026";
pub const MERCHANT_SERIAL: &str = "0C4AEF34B89340881BB2B25226393DC2E47F094B";

pub static MERCHANT: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());
pub static PLATFORM: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

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

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// A response without a signature.
pub fn unsigned(status: u16, body: &str) -> Scripted {
    Scripted { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// A response that is properly signed.
pub fn signed(status: u16, body: &str) -> Scripted {
    signed_at(status, body, now())
}

pub fn signed_at(status: u16, body: &str, timestamp: i64) -> Scripted {
    signed_by(&PLATFORM, PUBLIC_KEY_ID, status, body, timestamp)
}

/// A response that is signed with this key, under this serial.
pub fn signed_by(key: &PrivateKey, serial: &str, status: u16, body: &str, timestamp: i64) -> Scripted {
    let (timestamp, nonce) = (timestamp.to_string(), "c5ac7061fccab6bf3e254dcf98995b8c");
    let signature = key.sign(&response_message(&timestamp, nonce, body.as_bytes())).unwrap();
    unsigned(status, body)
        .header("Wechatpay-Timestamp", &timestamp)
        .header("Wechatpay-Nonce", nonce)
        .header("Wechatpay-Signature", &signature)
        .header("Wechatpay-Serial", serial)
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

/// The same call on both clients, each on its own platform with these responses: the two outcomes with their platforms.
macro_rules! on_both {
    ($responses:expr, $client:ident => $call:expr) => {{
        let platform = $crate::platform::Platform::start($responses);
        let $client = platform.builder().build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let first = (runtime.block_on(async { $call.await }), platform);
        let platform = $crate::platform::Platform::start($responses);
        let $client = platform.builder().build_blocking().unwrap();
        [first, ($call, platform)]
    }};
}
pub(crate) use on_both;

/// A running platform. Each response is used for one request; afterwards connections are closed unanswered.
pub struct Platform {
    pub base_url: String,
    seen: Receiver<Seen>,
}

impl Platform {
    pub fn start(responses: Vec<Scripted>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, seen) = channel();
        thread::spawn(move || serve(&listener, responses, &tell));
        Self { base_url, seen }
    }

    /// The next request that arrived.
    pub fn seen(&self) -> Seen {
        self.seen.recv().unwrap()
    }

    /// Whether a request has arrived that was not looked at.
    pub fn saw_more(&self) -> bool {
        self.seen.try_recv().is_ok()
    }

    pub fn builder(&self) -> ClientBuilder {
        configured().base_url(&self.base_url)
    }
}

pub fn configured() -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new("1900000001").unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .merchant_key(MERCHANT.clone())
        .public_key(PublicKeyId::new(PUBLIC_KEY_ID).unwrap(), PLATFORM.public_key())
}

/// A platform that answers each request by what is in it, over as many connections as there are: its base URL.
pub fn responding(respond: impl Fn(&Seen) -> Scripted + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let respond = Arc::new(respond);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let respond = Arc::clone(&respond);
            thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                while let Some(seen) = read(&mut reader) {
                    check(&seen);
                    write(&stream, &respond(&seen));
                }
            });
        }
    });
    base_url
}

fn serve(listener: &TcpListener, responses: Vec<Scripted>, tell: &Sender<Seen>) {
    let mut responses = responses.into_iter();
    for stream in listener.incoming().flatten() {
        let stream = Arc::new(stream);
        let mut reader = BufReader::new(&*stream);
        while let Some(seen) = read(&mut reader) {
            check(&seen);
            tell.send(seen).ok();
            match responses.next() {
                Some(response) => write(&stream, &response),
                None => break,
            }
        }
    }
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

/// The platform's own check of the request: a wrong signature ends the test.
pub fn check(seen: &Seen) {
    let Some(authorization) = seen.header("authorization") else {
        // What APIv2 signs stands in the body: see `apiv2/by_hand.rs`.
        assert!(!seen.target.starts_with("/v3/"));
        return;
    };
    if let Some(parameters) = authorization.strip_prefix("WECHATPAY-BRAND-SHA256-RSA2048 ") {
        return check_brand(seen, parameters);
    }
    let authorization: Authorization = authorization.parse().unwrap();
    assert!(["1900000001", "1900000002"].contains(&authorization.mchid.as_str()));
    assert_eq!(authorization.serial_no, MERCHANT_SERIAL);
    assert!(is_fresh(now(), authorization.timestamp));
    let message = request_message(
        &seen.method,
        &seen.target,
        authorization.timestamp,
        &authorization.nonce_str,
        &seen.body,
    );
    MERCHANT.public_key().verify(&message, &authorization.signature).unwrap();
}

fn check_brand(seen: &Seen, parameters: &str) {
    let parameters: HashMap<_, _> = parameters.split(',').map(|pair| pair.split_once('=').unwrap()).collect();
    let text = |name: &str| parameters[name].strip_prefix('"').unwrap().strip_suffix('"').unwrap();
    assert_eq!((parameters.len(), text("serial_no")), (5, MERCHANT_SERIAL));
    let timestamp = text("timestamp").parse().unwrap();
    let message = request_message(&seen.method, &seen.target, timestamp, text("nonce_str"), &seen.body);
    MERCHANT.public_key().verify(&message, text("signature")).unwrap();
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

pub fn write(mut stream: &TcpStream, response: &Scripted) {
    stream.write_all(&response_bytes(response)).ok();
}
