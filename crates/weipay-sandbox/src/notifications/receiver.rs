//! The receiver of a notification: which addresses may be called, and one POST.
//!
//! Whoever can send requests to a sandbox can name an address. So a sandbox calls this machine and public
//! addresses, and others of a private network only when it is told. Names are looked up once, and what was
//! found is what is called. Redirects are not followed. Of the body of a response the beginning is read, if
//! it comes soon.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderName};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::lookup::Resolver;
use super::message::Message;
use crate::authority::is_official;

/// The head of a response; a longer one is a failure.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// So much of a body is read.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// A receiver must have responded by then, its body aside. Documented for product coupons; most pages do not say.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How long a body may take after its head where the status counts without it.
const BODY_TIME: Duration = Duration::from_millis(300);
/// Some programs begin every text with it.
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();
/// So many certificates of authorities are trusted beside those of the system.
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
}

impl Receivers {
    pub(crate) fn new(private: bool) -> Self {
        Self { private, ..Self::default() }
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

    /// What could not be made is tried again by the next receiver: files of the system may be missing for a moment only.
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

/// What a receiver responded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) status: u16,
    /// The beginning of its body.
    pub(super) body: String,
}

/// Where a notification goes.
struct Target {
    is_https: bool,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "notify_url is not a URL")?;
        let is_https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err("notify_url must begin with http:// or https://".to_owned()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("notify_url has no host")?.to_owned();
        let authority = uri.authority().map_or("", Authority::as_str);
        let behind_host = authority.rsplit('@').next().and_then(|place| place.strip_prefix(&*host));
        let port = match (uri.port_u16(), behind_host) {
            (Some(port), _) => port,
            // An empty port is the usual one (RFC 3986, 3.2.3).
            (None, Some("" | ":")) => {
                if is_https {
                    443
                } else {
                    80
                }
            }
            // Another port would be that of another service.
            _ => return Err("the port of notify_url is not a number from 0 to 65535".to_owned()),
        };
        Ok(Self { is_https, host, port, path: uri.path().to_owned() })
    }

    /// The host as names are looked up: an IPv6 address without its brackets.
    fn name(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    fn check_not_official(&self) -> Result<(), String> {
        match is_official(self.name()) {
            true => Err("notify_url leads to the real platform, which a sandbox never calls".to_owned()),
            false => Ok(()),
        }
    }

    /// The value of `Host`.
    fn authority(&self) -> String {
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// What a log shows of an address: where it leads, without its path and without a user's name.
pub(super) fn shown(url: &str) -> String {
    Target::parse(url).map_or_else(
        |_| "an address that is not a URL".to_owned(),
        |target| format!("{}://{}", if target.is_https { "https" } else { "http" }, target.authority()),
    )
}

/// The head of a response, and the connection on which its body comes.
struct Head {
    status: u16,
    body: Incoming,
    _connection: Connection,
}

/// What the body of a response is read for.
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
    within(TIME_LIMIT, reading, head(url, message, receivers)).await
}

/// Waits so long for the head of a response, and for its body as it is read.
async fn within(
    limit: Duration,
    reading: Reading,
    head: impl Future<Output = Result<Head, String>>,
) -> Result<Received, String> {
    let began = Instant::now();
    match timeout(limit, head).await {
        Ok(head) => {
            let Head { status, body, _connection } = head?;
            let left = match reading {
                Reading::Counts => limit.saturating_sub(began.elapsed()).max(BODY_TIME),
                Reading::Shown => BODY_TIME,
            };
            Ok(Received { status, body: beginning(body, left).await })
        }
        Err(_) => Err(format!("no response within {} seconds", limit.as_secs())),
    }
}

/// An address to which a notification may go at all.
pub(super) fn check_address(url: &str) -> Result<(), String> {
    Target::parse(url)?.check_not_official()
}

async fn head(url: &str, message: Message, receivers: &Receivers) -> Result<Head, String> {
    let target = Target::parse(url)?;
    target.check_not_official()?;
    let found = receivers.resolver.addresses(target.name(), target.port).await;
    let found = found.map_err(|error| format!("the host of notify_url was not found: {error}"))?;
    let (allowed, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.into_iter().partition(|address| may_be_called(address.ip(), receivers.private));
    if allowed.is_empty() && !refused.is_empty() {
        let address = refused.first().map_or_else(String::new, |address| address.ip().to_string());
        return Err(format!(
            "notify_url leads into a private network ({address}), which the sandbox calls only with `weipay sandbox \
             --private-receivers` or SandboxBuilder::private_receivers. A proxy on this machine may give names such an address"
        ));
    }
    let stream = TcpStream::connect(&*allowed).await;
    let stream = stream.map_err(|error| format!("notify_url cannot be reached: {error}"))?;
    if !target.is_https {
        return exchange(stream, &target, message).await;
    }
    let name =
        ServerName::try_from(target.name().to_owned()).map_err(|_| "the host of notify_url is not a name")?;
    let receivers = receivers.clone();
    let tls = spawn_blocking(move || receivers.tls()).await.map_err(|error| error.to_string())??;
    let stream = tls.connect(name, stream).await;
    exchange(stream.map_err(|error| format!("TLS with the receiver failed: {error}"))?, &target, message)
        .await
}

/// One request on a new connection.
async fn exchange<S>(stream: S, target: &Target, message: Message) -> Result<Head, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| {
        let error = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        format!("the receiver did not respond: {error}")
    };
    let mut protocol = http1::Builder::new();
    protocol.max_buf_size(MAX_HEAD_BYTES).title_case_headers(true);
    let (mut sender, connection) = protocol.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
    let mut request = Request::new(Full::new(Bytes::from(message.body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.parse().map_err(|_| "notify_url has no usable path")?;
    let host = target.authority().parse().map_err(|_| "notify_url has no usable host")?;
    request.headers_mut().insert(HOST, host);
    for (name, value) in message.headers {
        let value = value.parse().map_err(|_| "a header of the notification is not ASCII")?;
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status().as_u16();
    Ok(Head { status, body: response.into_body(), _connection: connection })
}

/// The beginning of a body. Who sends none in time has responded all the same.
async fn beginning(mut body: Incoming, limit: Duration) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { break };
            bytes.extend(data.iter().take(MAX_BODY_BYTES - bytes.len()));
            if bytes.len() >= MAX_BODY_BYTES {
                break;
            }
        }
    };
    let _ = timeout(limit, read).await;
    String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes)).into_owned()
}

/// The task of a connection, which ends with its attempt.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether a sandbox may call an address: of this machine and of the public network always, of a private network when it is
/// told, and what belongs to no network never.
fn may_be_called(address: IpAddr, private_receivers: bool) -> bool {
    match canonical(address) {
        address if address.is_loopback() => true,
        address if address.is_unspecified() || address.is_multicast() => false,
        IpAddr::V4(address) if address.is_broadcast() || address.octets()[0] == 0 => false,
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Not in the public network either (RFC 6890): 100.64.0.0/10, which the customers of a provider
            // share, 192.0.0.0/24 for protocols, and 198.18.0.0/15 for measurements.
            let is_of_a_network = match (first, second) {
                (100, 64..128) | (198, 18 | 19) => true,
                (192, 0) => address.octets()[2] == 0,
                _ => false,
            };
            private_receivers || !(address.is_private() || address.is_link_local() || is_of_a_network)
        }
        IpAddr::V6(address) => {
            let [first, second, third, ..] = address.segments();
            // Of one site, as before RFC 3879, and translations within one network (RFC 8215).
            let is_of_a_site = first & 0xFFC0 == 0xFEC0 || [first, second, third] == [0x64, 0xFF9B, 1];
            private_receivers
                || !(address.is_unique_local() || address.is_unicast_link_local() || is_of_a_site)
        }
    }
}

/// The IPv4 address in an IPv6 one that only carries it: mapped, translated by NAT64 (RFC 6052), or the end
/// of a tunnel (6to4, RFC 3056).
fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if address.segments()[..6] == [0x64, 0xFF9B, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::from([a, b, c, d])
        }
        IpAddr::V6(address) if address.segments()[..6] == [0; 6] && address != Ipv6Addr::LOCALHOST => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::from([a, b, c, d])
        }
        IpAddr::V6(address) if address.segments()[0] == 0x2002 => {
            let [_, _, a, b, c, d, ..] = address.octets();
            IpAddr::from([a, b, c, d])
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream as Stream};
    use std::thread;

    use tokio::runtime::Builder;

    use super::*;

    fn calls(address: &str, private_receivers: bool) -> bool {
        may_be_called(address.parse().unwrap(), private_receivers)
    }

    #[test]
    fn this_machine_and_the_public_network_are_called() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "8.8.8.8",
            "2606:4700::1111",
            "100.128.0.1",
            "2002:0808:0808::1",
            "198.20.0.1",
            "198.17.255.255",
            "192.0.1.1",
        ] {
            assert!(calls(address, false), "{address}");
        }
    }

    #[test]
    fn private_networks_are_called_only_when_that_is_told() {
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "::10.0.0.1",
            "64:ff9b:1::1",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "fec0::1",
            "feff::1",
            "2002:0a00:0001::1",
            "2002:c0a8:0101::1",
            "198.18.0.1",
            "198.19.255.255",
            "192.0.0.1",
            "192.0.0.255",
            "::ffff:198.18.0.1",
        ] {
            assert!(!calls(address, false) && calls(address, true), "{address}");
        }
    }

    #[test]
    fn addresses_of_no_host_are_never_called() {
        for address in
            ["0.0.0.0", "0.1.2.3", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0"]
        {
            assert!(!calls(address, true), "{address}");
        }
    }

    #[test]
    fn a_url_is_read_and_shown_without_user_and_path() {
        let target = Target::parse("http://user@[::1]:8000/a/b").unwrap();
        assert_eq!((target.name(), target.port, &*target.path), ("::1", 8000, "/a/b"));
        assert_eq!(shown("http://user@[::1]:8000/a/b"), "http://[::1]:8000");
        assert_eq!(shown("https://example.com"), "https://example.com");
        assert_eq!(Target::parse("https://example.com").unwrap().path, "/");
        for url in ["", "example.com/a", "ftp://example.com", "http://", "/a"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
        for url in ["http://a:88800/b", "http://u@a:99999", "http://[::1]:65536/"] {
            let refusal = Target::parse(url).map(|target| target.port).unwrap_err();
            assert!(refusal.contains("the port of notify_url"), "{url}: {refusal}");
        }
        for (url, port) in [
            ("http://u@a/", 80),
            ("https://a:/b", 443),
            ("https://[::1]/", 443),
            ("http://[::1]:8080/", 8080),
        ] {
            assert_eq!(Target::parse(url).unwrap().port, port, "{url}");
        }
    }

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

    /// What is said of a receiver that does this with the connection.
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
        assert_eq!(endless, Ok(Received { status: 200, body: "OK".to_owned() }));
        let elsewhere = posted(|mut stream| {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n").unwrap();
        });
        assert_eq!(elsewhere.unwrap().status, 302);
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
            let head = exchange(stream, &target, message).await;
            // The head came at the last moment, so nothing is left of the limit for the body, which never ends.
            within(Duration::ZERO, Reading::Counts, std::future::ready(head)).await
        });
        assert_eq!(received, Ok(Received { status: 200, body: "O".to_owned() }));
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
        assert_eq!(received, Ok(Received { status: 200, body: expected }));
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
    fn a_receiver_that_hangs_up_stays_silent_or_talks_too_much_has_not_responded() {
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
