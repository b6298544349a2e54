//! The receiver of a notification: one POST.
//!
//! Names are looked up once, and what was found is what is called, if it [may be](super::address). Redirects
//! are not followed. Of the body of a response the beginning is read, if it comes soon.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderName};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Target, may_be_called};
use super::connections::{Connection, Connections, stays_open};
use super::lookup::Resolver;
use super::message::Message;
use crate::store::receiver_of;

/// So much of a body is read.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// A receiver must have responded by then, its body aside. Documented for product coupons; most pages do not say.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How long a body may take after its head where the status counts without it.
const BODY_TIME: Duration = Duration::from_millis(300);
/// Some programs begin every text with it.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();
/// The most certificates of authorities trusted beside those of the system.
const MAX_AUTHORITIES: usize = 256;

/// Which receivers may be called, and whom they may show to be who they are.
#[derive(Clone, Default)]
pub(crate) struct Receivers {
    /// Whether they may be in a private network.
    pub(crate) private: bool,
    /// Authorities that are trusted beside those of the system.
    authorities: Vec<CertificateDer<'static>>,
    /// Made for the first receiver that wants TLS: the roots of the system are loaded then.
    tls: Arc<OnceLock<TlsConnector>>,
    resolver: Resolver,
    connections: Connections,
}

impl Receivers {
    pub(crate) fn new(private: bool) -> Self {
        Self { private, ..Self::default() }
    }

    /// Ends connections that no notification has needed for a while.
    pub(super) fn end_idle_connections(&self) {
        self.connections.end_idle();
    }

    /// Also trusts the authorities whose certificates are in this text.
    pub(crate) fn trust(mut self, pem: &str) -> Result<Self, String> {
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(pem.as_bytes()).take(MAX_AUTHORITIES).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => self.authorities.extend(certificates),
            _ => {
                return Err(
                    "the certificate authority of receivers must be one or more certificates in PEM \
                            (-----BEGIN CERTIFICATE-----)"
                        .to_owned(),
                );
            }
        }
        self.tls = Arc::default();
        Ok(self)
    }

    fn tls(&self) -> Result<TlsConnector, String> {
        self.tls_by(|| {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let verifier = Verifier::new_with_extra_roots(self.authorities.clone(), Arc::clone(&provider))?;
            let builder =
                ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
            Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
        })
    }

    /// A failure is tried again with the next receiver: files of the system may be missing for a moment only.
    fn tls_by(
        &self,
        make: impl FnOnce() -> Result<TlsConnector, rustls::Error>,
    ) -> Result<TlsConnector, String> {
        if let Some(made) = self.tls.get() {
            return Ok(made.clone());
        }
        let made = make().map_err(|error| format!("TLS cannot be set up: {error}"))?;
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

/// The response of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) status: u16,
    /// The beginning of its body.
    pub(super) body: String,
    pub(super) end: BodyEnd,
}

/// How the body of a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// It ended in time, or was longer than what is read of any.
    Whole,
    /// The connection ended before all of it had come.
    CutOff,
    /// It had not ended when its time was over.
    Late,
}

/// The head of a response, and the connection on which its body comes.
struct Head {
    response: Response<Incoming>,
    connection: Connection,
}

/// The purpose for which the body of a response is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It decides: it may come as late as its head.
    Counts,
    /// It is shown. What was responded in time counts without it.
    Shown,
}

/// Posts a message. What came back, or why nothing did.
pub(super) async fn post(
    url: &str,
    message: Message,
    receivers: &Receivers,
    reading: Reading,
) -> Result<Received, String> {
    let (received, kept) = within(TIME_LIMIT, reading, head(url, message, receivers)).await?;
    if let Some(mut connection) = kept
        && connection.is_ready_again().await
    {
        receivers.connections.keep(receiver_of(url), connection);
    }
    Ok(received)
}

/// Waits this long for the head of a response, and for its body as it is read. With the connection, if it stays open.
async fn within(
    limit: Duration,
    reading: Reading,
    head: impl Future<Output = Result<Head, String>>,
) -> Result<(Received, Option<Connection>), String> {
    let began = Instant::now();
    match timeout(limit, head).await {
        Ok(head) => {
            let Head { response, connection } = head?;
            let left = match reading {
                Reading::Counts => limit.saturating_sub(began.elapsed()).max(BODY_TIME),
                Reading::Shown => BODY_TIME,
            };
            let (head, body) = response.into_parts();
            let (body, end) = beginning(body, left).await;
            let is_kept = end == BodyEnd::Whole && stays_open(&head.headers);
            let received = Received { status: head.status.as_u16(), body, end };
            Ok((received, is_kept.then_some(connection)))
        }
        Err(_) => Err(format!("no response within {} seconds", limit.as_secs())),
    }
}

async fn head(url: &str, message: Message, receivers: &Receivers) -> Result<Head, String> {
    let target = Target::parse(url)?;
    target.check_not_official()?;
    let mut request = request(&target, message)?;
    if let Some(mut connection) = receivers.connections.take(receiver_of(url)) {
        match connection.send(request).await {
            Ok(response) => return Ok(Head { response, connection }),
            Err(mut error) => match error.take_message() {
                // The connection had ended, and nothing was sent.
                Some(unsent) => request = unsent,
                None => return Err(failed(&error.into_error())),
            },
        }
    }
    let found = receivers.resolver.addresses(target.name(), target.port).await;
    let found = found.map_err(|error| format!("the host of notify_url was not found: {error}"))?;
    let allowed = allowed(found, receivers.private)?;
    let stream = TcpStream::connect(&*allowed).await;
    let stream = stream.map_err(|error| format!("notify_url cannot be reached: {error}"))?;
    if !target.is_https {
        return exchange(Connection::open(stream).await, request).await;
    }
    let name =
        ServerName::try_from(target.name().to_owned()).map_err(|_| "the host of notify_url is not a name")?;
    let receivers = receivers.clone();
    let tls = spawn_blocking(move || receivers.tls()).await.map_err(|error| error.to_string())??;
    let stream = tls.connect(name, stream).await;
    let stream = stream.map_err(|error| format!("TLS with the receiver failed: {error}"))?;
    exchange(Connection::open(stream).await, request).await
}

/// Of the addresses of a host those that may be called.
fn allowed(found: Vec<SocketAddr>, private_receivers: bool) -> Result<Vec<SocketAddr>, String> {
    let (allowed, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.into_iter().partition(|address| may_be_called(address.ip(), private_receivers));
    match refused.first() {
        Some(address) if allowed.is_empty() => Err(format!(
            "notify_url leads into a private or special network ({}), which the sandbox calls only with `weipay sandbox \
             --private-receivers` or SandboxBuilder::private_receivers. A proxy on this machine may give names such an address",
            address.ip()
        )),
        _ => Ok(allowed),
    }
}

/// A notification as it is sent.
fn request(target: &Target, message: Message) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::new(Full::new(Bytes::from(message.body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.parse().map_err(|_| "notify_url has no usable path")?;
    let host = target.authority().parse().map_err(|_| "notify_url has no usable host")?;
    request.headers_mut().insert(HOST, host);
    for (name, value) in message.headers {
        let value = value.parse().map_err(|_| "a header of the notification is not ASCII")?;
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

/// One request on a new connection.
async fn exchange(
    connection: Result<Connection, hyper::Error>,
    request: Request<Full<Bytes>>,
) -> Result<Head, String> {
    let mut connection = connection.map_err(|error| failed(&error))?;
    let response = connection.send(request).await.map_err(|error| failed(&error.into_error()))?;
    Ok(Head { response, connection })
}

fn failed(error: &hyper::Error) -> String {
    let reason = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    format!("the receiver did not respond: {reason}")
}

/// The beginning of a body, and how it ended. Who sends none in time has responded all the same.
async fn beginning(mut body: Incoming, limit: Duration) -> (String, BodyEnd) {
    let mut bytes = Vec::new();
    let read = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return BodyEnd::CutOff };
            let Ok(data) = frame.into_data() else { break };
            bytes.extend(data.iter().take(MAX_BODY_BYTES - bytes.len()));
            if bytes.len() >= MAX_BODY_BYTES {
                break;
            }
        }
        BodyEnd::Whole
    };
    let end = timeout(limit, read).await.unwrap_or(BodyEnd::Late);
    let text = String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes)).into_owned();
    (text, end)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream as Stream};
    use std::thread;

    use tokio::runtime::Builder;

    use super::*;
    use crate::authority::is_official;

    #[test]
    fn the_real_platform_is_never_called() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        for url in
            ["https://pay.weixin.qq.com", "http://API.MCH.weixin.qq.com.:8000/a", "https://weixin.qq.com/"]
        {
            let message = Message { headers: Vec::new(), body: Vec::new() };
            let posted = runtime.block_on(post(url, message, &Receivers::new(true), Reading::Shown));
            assert!(posted.unwrap_err().contains("the real platform"), "{url}");
        }
        assert!(!is_official("notweixin.qq.com") && !is_official("example.com"));
    }

    #[test]
    fn a_name_that_leads_into_a_network_that_is_not_public_is_not_called() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        for address in
            ["198.18.0.1", "100.64.0.1", "192.0.0.8", "240.0.0.1", "fd00::1", "fe80::1", "64:ff9b::a00:1"]
        {
            let resolver = Resolver::new(1, move |_, port| {
                Ok(vec![SocketAddr::new(address.parse().map_err(std::io::Error::other)?, port)])
            });
            let receivers = Receivers { resolver, ..Receivers::new(false) };
            let message = Message { headers: Vec::new(), body: Vec::new() };
            let posted =
                runtime.block_on(post("http://shop.example/notify", message, &receivers, Reading::Shown));
            let expected = format!("leads into a private or special network ({address})");
            assert!(posted.unwrap_err().contains(&expected), "{address}");
        }
    }

    #[test]
    fn of_several_addresses_of_a_name_only_those_that_may_be_are_called() {
        let addresses: Vec<SocketAddr> =
            ["198.18.0.1:80", "8.8.8.8:80", "[fd00::1]:80"].map(|address| address.parse().unwrap()).into();
        assert_eq!(allowed(addresses.clone(), false).unwrap(), ["8.8.8.8:80".parse().unwrap()]);
        assert_eq!(allowed(addresses.clone(), true).unwrap(), addresses);
        // Nothing was found: connecting tells it.
        assert_eq!(allowed(Vec::new(), false), Ok(Vec::new()));
    }

    /// The error of a receiver that does this with the connection.
    fn posted(receive: impl FnOnce(Stream) + Send + 'static) -> Result<Received, String> {
        posted_to_read(Reading::Shown, receive)
    }

    fn posted_to_read(
        reading: Reading,
        receive: impl FnOnce(Stream) + Send + 'static,
    ) -> Result<Received, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let receiver = thread::spawn(move || receive(listener.accept().unwrap().0));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let message = Message { headers: vec![("wechatpay-nonce", "n".to_owned())], body: b"{}".to_vec() };
        let receivers = Receivers::default();
        let posted = runtime.block_on(async {
            timeout(Duration::from_secs(4), post(&url, message, &receivers, reading)).await
        });
        // The connection ends with its runtime.
        drop(runtime);
        receiver.join().unwrap();
        posted.unwrap_or_else(|_| Err("too late".to_owned()))
    }

    fn read_request(stream: &mut Stream) -> String {
        let mut bytes = [0; 4096];
        let mut text = String::new();
        while !text.ends_with("{}") {
            let count = stream.read(&mut bytes).unwrap();
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        text
    }

    #[test]
    fn a_receiver_gets_one_post_and_its_status_is_what_counts() {
        let status = posted(|mut stream| {
            let request = read_request(&mut stream);
            assert!(request.starts_with("POST /notify HTTP/1.1\r\n"), "{request}");
            assert!(
                request.contains("\r\nHost: 127.0.0.1:") && request.contains("\r\nWechatpay-Nonce: n\r\n")
            );
            // A body that never ends is not waited for.
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        });
        assert_eq!(status.unwrap().status, 204);
        let endless = posted(|mut stream| {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n").unwrap();
            let _ = stream.read(&mut [0]);
        });
        assert_eq!(endless, Ok(Received { status: 200, body: "OK".to_owned(), end: BodyEnd::Late }));
        let cut_off = posted(|mut stream| {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nO").unwrap();
        });
        assert_eq!(cut_off, Ok(Received { status: 200, body: "O".to_owned(), end: BodyEnd::CutOff }));
        let elsewhere = posted(|mut stream| {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n").unwrap();
        });
        assert_eq!(elsewhere.unwrap().status, 302);
    }

    #[test]
    fn the_next_one_comes_on_the_same_connection_if_the_receiver_says_that_it_stays_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let (ended, has_ended) = std::sync::mpsc::channel();
        let receiver = thread::spawn(move || {
            let stays_open = "Connection: keep-alive\r\n";
            for fields in
                [&[stays_open, stays_open, ""][..], &[stays_open], &[stays_open, "Connection: close\r\n"]]
            {
                let mut stream = listener.accept().unwrap().0;
                for field in fields {
                    read_request(&mut stream);
                    let response = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok");
                    stream.write_all(response.as_bytes()).unwrap();
                }
                if fields.last() != Some(&stays_open) {
                    // The sandbox ends a connection that may not stay open.
                    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                }
                drop(stream);
                ended.send(()).unwrap();
            }
        });
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let receivers = Receivers::new(false);
        for ends_then in [false, false, true, true, false, true] {
            assert_eq!(runtime.block_on(post_to(&url, &receivers)), "ok");
            if ends_then {
                has_ended.recv().unwrap();
                // Until the runtime sees that the receiver has ended it.
                runtime.block_on(async {
                    while let Some(connection) = receivers.connections.take(receiver_of(&url)) {
                        receivers.connections.keep(receiver_of(&url), connection);
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                });
            }
        }
        receiver.join().unwrap();
    }

    async fn post_to(url: &str, receivers: &Receivers) -> String {
        let message = Message { headers: Vec::new(), body: b"{}".to_vec() };
        post(url, message, receivers, Reading::Shown).await.unwrap().body
    }

    #[test]
    fn a_connection_ends_with_the_runtime_of_an_attempt_on_demand() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let receiver = thread::spawn(move || {
            for _ in 0..2 {
                let mut stream = listener.accept().unwrap().0;
                read_request(&mut stream);
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
                    .unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            }
        });
        let receivers = Receivers::new(false);
        for _ in 0..2 {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            assert_eq!(runtime.block_on(post_to(&url, &receivers)), "ok");
        }
        receiver.join().unwrap();
    }

    #[test]
    fn a_response_in_time_counts_although_its_body_comes_later() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let received = runtime.block_on(async {
            let (stream, mut receiver) = tokio::io::duplex(64 * 1024);
            let target = Target::parse("http://127.0.0.1/notify").unwrap();
            let message = Message { headers: Vec::new(), body: b"{}".to_vec() };
            let written = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nO";
            // Its end of the connection stays open as long as this task is not waited for.
            let _receiving = tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"{}") {
                    assert!(receiver.read_buf(&mut request).await.unwrap() > 0);
                }
                receiver.write_all(written).await.unwrap();
                receiver
            });
            let head = exchange(Connection::open(stream).await, request(&target, message).unwrap()).await;
            // The head came at the last moment, so nothing is left of the limit for the body, which never ends.
            within(Duration::ZERO, Reading::Counts, std::future::ready(head))
                .await
                .map(|(received, _)| received)
        });
        assert_eq!(received, Ok(Received { status: 200, body: "O".to_owned(), end: BodyEnd::Late }));
    }

    /// A server may flush the head first.
    #[test]
    fn a_body_that_decides_is_waited_for_and_read_behind_its_first_kilobyte() {
        let filler = "x".repeat(2_000);
        let expected = format!("{filler}SUCCESS");
        let received = posted_to_read(Reading::Counts, move |mut stream| {
            read_request(&mut stream);
            let length = filler.len() + 10;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n\u{FEFF}{filler}");
            stream.write_all(head.as_bytes()).unwrap();
            thread::sleep(BODY_TIME * 3);
            // Who does not wait has hung up.
            let _ = stream.write_all(b"SUCCESS");
        });
        assert_eq!(received, Ok(Received { status: 200, body: expected, end: BodyEnd::Whole }));
    }

    #[test]
    fn tls_that_could_not_be_set_up_is_set_up_for_the_next_receiver() {
        let receivers = Receivers::new(false);
        let failed = receivers.tls_by(|| Err(rustls::Error::General("no roots".to_owned())));
        assert!(failed.map(drop).unwrap_err().contains("no roots"));
        assert!(receivers.clone().tls().is_ok());
        assert!(receivers.tls_by(|| Err(rustls::Error::General("not made again".to_owned()))).is_ok());
    }

    #[test]
    fn hanging_up_silence_and_too_many_bytes_are_no_response() {
        assert!(posted(drop).unwrap_err().starts_with("the receiver did not respond"));
        let silent = posted(|mut stream| {
            read_request(&mut stream);
            let _ = stream.read(&mut [0]);
        });
        assert_eq!(silent, Err("too late".to_owned()));
        let talkative = posted(|mut stream| {
            read_request(&mut stream);
            let line = format!("X: {}\r\n", "x".repeat(1000));
            stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
            while stream.write_all(line.as_bytes()).is_ok() {}
        });
        assert!(talkative.unwrap_err().starts_with("the receiver did not respond"));
    }
}
