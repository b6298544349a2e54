//! The HTTP server (服务器). Clients connect in one of three [ways], on one port.
//!
//! Reading and writing is asynchronous. Making a response is not, because a signature keeps a core busy for a quarter of a
//! millisecond. So each response is made on a blocking thread. There are as many of these threads as can work at once. The
//! number of connections is [limited](connection_limiter), so the number of requests that wait is limited too. A connection that is slow,
//! silent or oversized is dropped, or makes room for a new one. The others are still served.
//!
//! A body that is too long is still read for a limited time, and discarded, so that a client that is sending can see
//! the refusal.

mod bodies;
mod connection_limiter;
mod life;
mod outgoing;
mod spelling;
mod stream;
mod ways;

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use http::request::Parts;
use http::{Extensions, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, is_official};
use crate::faults::Delivery;
use crate::log::{Log, LogEntry};
use crate::platform::{self, ClientCertificate, Platform};
use crate::response;
use bodies::{BodyReader, ReadBody};
use connection_limiter::{ConnectionLimiter, ConnectionSlot, Phase};
pub(crate) use life::Server;
use outgoing::Outgoing;
use stream::Stream;
use ways::{ConnectError, Protocol};

/// The head of a request, request line included. The platform's own limit is not known.
const MAX_HEAD_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 100;

/// The state that every connection shares.
#[derive(Clone)]
struct Service {
    settings: Settings,
    bodies: Arc<BodyReader>,
    spelling: Extensions,
    /// Closed when the server ends.
    ending: Arc<Semaphore>,
}

/// The platform and the limits of the server.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) platform: Arc<Platform>,
    /// How long a request may take to arrive, head and body each, its response to leave, and a connection to be idle.
    pub(crate) idle_timeout: Duration,
    /// How many connections there are at most; `None` for as many as the process may have.
    pub(crate) connections: Option<usize>,
    pub(crate) log: Option<Arc<Log>>,
    pub(crate) authority: Arc<Authority>,
}

impl Settings {
    fn tell(&self, entry: impl FnOnce() -> LogEntry) {
        if let Some(log) = &self.log {
            log(entry());
        }
    }

    /// Logs an event without a complete request.
    fn note(&self, entry: LogEntry) {
        self.platform.exchanges.note(entry.clone());
        self.tell(|| entry);
    }
}

async fn accept(listener: TcpListener, service: Service, connections: Arc<GracefulShutdown>) {
    let limiter = Arc::new(ConnectionLimiter::new(
        service.settings.connections.unwrap_or_else(connection_limiter::most),
    ));
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of file descriptors, or the peer is gone already: room for the next, and a pause to make it.
            limiter.make_room();
            sleep(Duration::from_millis(1)).await;
            continue;
        };
        let Some(slot) = limiter.take().await else { return };
        let (service, watcher) = (service.clone(), connections.watcher());
        tokio::spawn(connection(socket, slot, service, watcher));
    }
}

async fn connection(socket: TcpStream, mut slot: ConnectionSlot, service: Service, watcher: Watcher) {
    // A response is one small write: waiting to join it with another would only delay it.
    let _ = socket.set_nodelay(true);
    let Some(evicted) = slot.evicted() else { return };
    let (mut served, mut evicted) =
        (pin!(serve_connection(socket, Arc::new(slot), service, watcher)), pin!(evicted));
    poll_fn(|context| match evicted.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => served.as_mut().poll(context),
    })
    .await;
}

/// Finds out which way a client comes in, and serves it.
async fn serve_connection(socket: TcpStream, slot: Arc<ConnectionSlot>, service: Service, watcher: Watcher) {
    let Settings { idle_timeout, authority, .. } = &service.settings;
    let Some(protocol) = ways::detect_protocol(&socket, *idle_timeout, &service.ending).await else { return };
    let mut stream = Stream::new(socket, Arc::clone(&slot), *idle_timeout);
    if protocol == Protocol::Http {
        return serve(stream, Way::Plain, false, slot, service, watcher).await;
    }
    if protocol == Protocol::Connect {
        let connected =
            timeout(*idle_timeout, ways::connect(&mut stream, &service.settings.platform.faults)).await;
        if let Err(refused) = connected.unwrap_or(Err(ConnectError::Broken)) {
            if let ConnectError::Down(_, fault) = &refused
                && fault.resets()
            {
                slot.reset_at_end();
            }
            return service.settings.note(LogEntry::unconnected(refused.target(), refused.reason()));
        }
    }
    let accepted = match authority.server() {
        Ok(config) => timeout(*idle_timeout, TlsAcceptor::from(config).accept(stream)).await,
        Err(reason) => return service.settings.note(LogEntry::without_tls(&reason)),
    };
    match accepted {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = shown.map_or(ClientCertificate::Missing, |certificate| {
                ClientCertificate::Shown(certificate.as_ref().into())
            });
            serve(stream, Way::Tls(certificate), protocol == Protocol::Connect, slot, service, watcher).await;
        }
        Ok(Err(error)) => service.settings.note(LogEntry::without_tls(&error.to_string())),
        Err(_) => service.settings.note(LogEntry::without_tls("the handshake did not end in time")),
    }
}

/// The transport of a connection.
#[derive(Clone)]
enum Way {
    Plain,
    Tls(ClientCertificate),
}

/// Serves the requests of one connection until it ends. How it ended is its client's business.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    way: Way,
    is_tunnel: bool,
    slot: Arc<ConnectionSlot>,
    service: Service,
    watcher: Watcher,
) {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(service.settings.idle_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        // A client that has said all it wants to say may still wait for the response.
        .half_close(true)
        .title_case_headers(true);
    let is_of_new_tunnel = AtomicBool::new(is_tunnel);
    let responding = service_fn(move |request| {
        let is_first = is_of_new_tunnel.swap(false, Ordering::Relaxed);
        respond(request, way.clone(), is_first, service.clone(), Arc::clone(&slot))
    });
    let _ = watcher.watch(protocol.serve_connection(TokioIo::new(stream), responding)).await;
}

/// A request that gets no response; its connection is dropped.
#[derive(Debug)]
struct ConnectionDropped;

impl fmt::Display for ConnectionDropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request did not arrive")
    }
}

impl std::error::Error for ConnectionDropped {}

async fn respond(
    request: Request<Incoming>,
    way: Way,
    is_of_new_tunnel: bool,
    service: Service,
    slot: Arc<ConnectionSlot>,
) -> Result<Response<Outgoing>, ConnectionDropped> {
    let stays_open = stays_open(&request);
    let (head, stream) = request.into_parts();
    let Settings { platform, idle_timeout, .. } = &service.settings;
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let is_page = platform.pages(method.as_str(), &path, &head.headers).is_some();
    // Some clients give the whole URL to a proxy instead of asking for a connection.
    let by_proxy = head.uri.authority().map(|authority| is_official(authority.host()));
    if by_proxy == Some(false) {
        service.settings.note(LogEntry::unconnected("", ways::FORBIDDEN_HOST));
        return Ok(proxy_forbidden());
    }
    slot.set_phase(Phase::Sending);
    let is_upload = platform.is_upload(method.as_str(), &path);
    let Ok(body) = service.bodies.read(stream, &slot, is_upload, *idle_timeout).await else {
        let reason = "its body did not arrive completely within the time limit";
        service.settings.note(LogEntry::incomplete(method.as_str(), &path, reason));
        return Err(ConnectionDropped);
    };
    if !slot.set_phase(Phase::Responding) {
        return Err(ConnectionDropped);
    }
    // What is left of a body that is too long would be taken for the next request.
    let stays_open = stays_open && !matches!(body, ReadBody::TooLong);
    let response = match body {
        ReadBody::TooLong => {
            let response = platform.too_long(method.as_str(), &path);
            if !is_page {
                platform.exchanges.note(LogEntry::new(method.as_str(), &path, &response));
            }
            response
        }
        ReadBody::Whole(body, _place) => {
            let request = whole_request(head, body, way, by_proxy.is_some(), is_of_new_tunnel);
            let platform = Arc::clone(platform);
            spawn_blocking(move || platform.respond(&request)).await.map_err(|_| ConnectionDropped)?
        }
    };
    if !is_page {
        service.settings.tell(|| LogEntry::new(method.as_str(), &path, &response));
    }
    wait_to_deliver(response.delivery, &slot).await?;
    slot.set_phase(Phase::Waiting);
    Ok(into_http_response(response, stays_open.then_some(*idle_timeout), &service.spelling))
}

/// A request as the platform sees it.
fn whole_request(
    head: Parts,
    body: Vec<u8>,
    way: Way,
    by_proxy: bool,
    is_of_new_tunnel: bool,
) -> platform::Request {
    let target = head.uri.path_and_query();
    platform::Request {
        method: head.method.as_str().to_owned(),
        target: target.map_or_else(String::new, |target| target.as_str().to_owned()),
        headers: head.headers,
        body,
        is_secure: matches!(way, Way::Tls(_)) || by_proxy,
        client_certificate: match way {
            Way::Plain => ClientCertificate::NotAsked,
            Way::Tls(certificate) => certificate,
        },
        is_of_new_tunnel,
    }
}

/// Waits, or drops the connection, as a fault wants it.
async fn wait_to_deliver(delivery: Delivery, slot: &ConnectionSlot) -> Result<(), ConnectionDropped> {
    match delivery {
        Delivery::Whole | Delivery::Truncated => Ok(()),
        Delivery::Late(delay) if slot.set_phase(Phase::Delaying) => {
            sleep(delay).await;
            Ok(())
        }
        Delivery::Late(_) | Delivery::Dropped => Err(ConnectionDropped),
        Delivery::Reset => {
            slot.reset_at_end();
            Err(ConnectionDropped)
        }
    }
}

/// The response to a request that the proxy does not lead on.
fn proxy_forbidden() -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::whole(format!("{}\n", ways::FORBIDDEN_HOST)));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Whether the connection of a request stays open after its response.
fn stays_open<B>(request: &Request<B>) -> bool {
    let said = |word: &str| {
        let values = request.headers().get_all(CONNECTION);
        let mut words =
            values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|known| known.trim().eq_ignore_ascii_case(word))
    };
    if request.version() == Version::HTTP_10 { said("keep-alive") } else { !said("close") }
}

/// The response with its frame. `idle` is how long the connection may be idle, when it stays open.
fn into_http_response(
    response: response::Response,
    idle: Option<Duration>,
    spelling: &Extensions,
) -> Response<Outgoing> {
    // Also with 204, where HTTP allows no length (RFC 9110, 8.6): the platform was seen to send `Content-Length: 0`.
    let mut frame = vec![(CONTENT_LENGTH, HeaderValue::from(response.body.len()))];
    match idle {
        None => frame.push((CONNECTION, HeaderValue::from_static("close"))),
        Some(idle) => {
            frame.push((CONNECTION, HeaderValue::from_static("keep-alive")));
            if let Ok(value) = HeaderValue::from_str(&format!("timeout={}", idle.as_secs())) {
                frame.push((HeaderName::from_static("keep-alive"), value));
            }
        }
    }
    let mut headers = HeaderMap::with_capacity(response.headers.len() + frame.len());
    for (name, value) in &response.headers {
        // A response of the router has no headers but these two kinds; the sandbox's own come last everywhere.
        if name == CACHE_CONTROL || name.as_str().starts_with("weipay-sandbox-") {
            headers.extend(frame.drain(..));
        }
        headers.append(name, value.clone());
    }
    headers.extend(frame);
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut framed = Response::new(match response.delivery {
        Delivery::Truncated => Outgoing::half(response.body),
        _ => Outgoing::whole(response.body),
    });
    *framed.status_mut() = status;
    *framed.headers_mut() = headers;
    *framed.extensions_mut() = spelling.clone();
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, connection: Option<&'static str>) -> Request<()> {
        let mut request = Request::new(());
        *request.version_mut() = version;
        if let Some(connection) = connection {
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static(connection));
        }
        request
    }

    #[test]
    fn a_connection_stays_open_as_its_version_of_http_has_it() {
        for (version, connection, open) in [
            (Version::HTTP_11, None, true),
            (Version::HTTP_11, Some("keep-alive"), true),
            (Version::HTTP_11, Some("TE, Close"), false),
            (Version::HTTP_10, None, false),
            (Version::HTTP_10, Some("Keep-Alive"), true),
        ] {
            assert_eq!(stays_open(&request(version, connection)), open, "{version:?} {connection:?}");
        }
    }

    #[test]
    fn the_frame_stands_before_the_platforms_own_headers() {
        let mut response = response::Response::empty(200);
        for (name, value) in [("server", "s"), ("cache-control", "c"), ("request-id", "r")] {
            response.set(name, value);
        }
        response.body = b"{}".to_vec();
        let response = into_http_response(response, Some(Duration::from_secs(8)), &Extensions::new());
        let names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(
            names,
            ["server", "content-length", "connection", "keep-alive", "cache-control", "request-id"]
        );
        assert_eq!(response.headers()["keep-alive"], "timeout=8");
        let closing = into_http_response(response::Response::empty(204), None, &Extensions::new());
        let names: Vec<&str> = closing.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-length", "connection"]);
    }
}
