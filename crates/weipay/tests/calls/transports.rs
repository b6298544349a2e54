//! Transports around the default ones, and bodies that stream, in both directions and on both clients.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::json;
use weipay::bytes::Bytes;
use weipay::error::{NetworkError, Sent};
use weipay::http::{Method, Request, Response};
use weipay::transport::{self, ResponseFuture, blocking};
use weipay::{ClientBuilder, Error, RetryConfig};

use crate::either::Either;
use crate::on_async;
use crate::platform::{PLATFORM, PUBLIC_KEY_ID, Platform, configured, now, signed};
use crate::server::{bind, listen_once};

/// The catalogue does not have it, so any body is a response.
const PATH: &str = "v3/never/heard/of";

/// Makes the same call on both clients.
fn both(builder: impl Fn() -> ClientBuilder) -> [Result<String, Error>; 2] {
    let body = json!({"stock_id": "1282070000000003"});
    Either::both(builder).map(|client| Ok(client.post(PATH, &body)?.text().unwrap().to_owned()))
}

/// Forgets the time limit.
struct Forgetful;

impl transport::Transport for Forgetful {
    fn send(&self, _: Request<transport::Body>, _: Duration) -> ResponseFuture<'_> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_transport_that_forgets_the_time_limit_does_not_hold_a_call_for_ever() {
    let client = configured().transport(Forgetful).timeout(Duration::from_millis(20)).build().unwrap();
    let error = on_async(client.chain("v3/certificates").get()).unwrap_err();
    assert!(error.is_network() && error.may_have_taken_effect(), "{error:?}");
}

/// Nobody can connect.
struct Offline;

impl transport::Transport for Offline {
    fn send(&self, _: Request<transport::Body>, _: Duration) -> ResponseFuture<'_> {
        Box::pin(async { Err(NetworkError { sent: Sent::No, source: "offline".into() }) })
    }
}

/// A transport of the caller's may belong to another runtime than tokio.
#[test]
fn a_call_over_a_transport_of_ones_own_needs_no_tokio() {
    let client = configured().transport(Offline).retries(RetryConfig::none()).build().unwrap();
    let mut call = std::pin::pin!(client.chain("v3/a").get());
    let Poll::Ready(ended) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("nothing in it waits")
    };
    assert!(ended.unwrap_err().is_network());
}

/// A program without an async main has such runtimes: each call drives its own, and nobody drives it between two calls.
#[test]
fn a_runtime_that_stands_still_keeps_no_connection_from_another() {
    // It serves several connections at a time.
    let kit = crate::shared_sandbox::SANDBOX.kit_file();
    let client = ClientBuilder::from_kit(kit).unwrap().timeout(Duration::from_secs(20)).build().unwrap();
    let one_thread = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (one_thread(), one_thread());
    for runtime in [&first, &second, &first, &second] {
        // It has none for a merchant with a public key, and says so.
        let error = runtime.block_on(client.chain("v3/certificates").get()).unwrap_err();
        assert_eq!(error.code(), Some("RESOURCE_NOT_EXISTS"), "{error}");
    }
}

/// Has the default transport stream what it is given whole, in pieces of three bytes, and counts calls.
struct Streaming<T> {
    inner: T,
    with_length: bool,
    calls: Arc<AtomicU32>,
}

fn pieces(mut bytes: Bytes) -> impl FnMut() -> Option<io::Result<Bytes>> {
    move || (!bytes.is_empty()).then(|| Ok(bytes.split_to(bytes.len().min(3))))
}

impl transport::Transport for Streaming<transport::DefaultTransport> {
    fn send(&self, request: Request<transport::Body>, timeout: Duration) -> ResponseFuture<'_> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let request = request.map(|body| {
            let bytes = body.as_bytes().unwrap();
            let (length, mut pieces) =
                (self.with_length.then_some(bytes.len() as u64), pieces(bytes.clone()));
            let mut waited = false;
            transport::Body::from_stream(length, move |context| {
                waited = !waited;
                if waited {
                    // Every piece is awaited.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(pieces())
            })
        });
        self.inner.send(request, timeout)
    }
}

impl blocking::Transport for Streaming<blocking::DefaultTransport> {
    fn send(
        &self,
        request: Request<blocking::Body>,
        timeout: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let request = request.map(|body| {
            let bytes = body.as_bytes().unwrap();
            let length = self.with_length.then_some(bytes.len() as u64);
            blocking::Body::from_reader(length, Pieces(pieces(bytes.clone()), Bytes::new()))
        });
        self.inner.send(request, timeout)
    }
}

/// Reads pieces that come one after another, with what is left of the last one.
struct Pieces<F>(F, Bytes);

impl<F: FnMut() -> Option<io::Result<Bytes>>> Read for Pieces<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.1 = (self.0)().transpose()?.unwrap_or_default();
        }
        let piece = self.1.split_to(self.1.len().min(buffer.len()));
        Cursor::new(piece).read(buffer)
    }
}

/// The default transports, streaming what they send.
fn streaming(builder: ClientBuilder, with_length: bool, calls: &Arc<AtomicU32>) -> ClientBuilder {
    let calls = || Arc::clone(calls);
    let inner = transport::DefaultTransport::new().unwrap();
    let builder = builder.transport(Streaming { inner, with_length, calls: calls() });
    let inner = blocking::DefaultTransport::new().unwrap();
    builder.blocking_transport(Streaming { inner, with_length, calls: calls() })
}

#[test]
fn a_streamed_request_arrives_whole_with_its_length_or_in_chunks() {
    for with_length in [true, false] {
        let platform = Platform::start(vec![signed(200, "{}"), signed(200, "{}")]);
        let calls = Arc::default();
        for response in both(|| streaming(platform.builder(), with_length, &calls)) {
            assert_eq!(response.unwrap(), "{}");
            let seen = platform.seen();
            assert_eq!(seen.body, br#"{"stock_id":"1282070000000003"}"#);
            assert_eq!(seen.header("content-length").is_some(), with_length, "{:?}", seen.headers);
            assert_eq!(seen.header("transfer-encoding").is_some(), !with_length, "{:?}", seen.headers);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }
}

/// Proxies answer 411 to a POST that does not say how long it is.
#[test]
fn a_request_with_effect_says_its_length_also_without_a_body() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::GET, Method::DELETE] {
        let path = "v3/marketing/favor/stocks/1/start";
        let platform = Platform::start(vec![signed(200, "{}"), signed(200, "{}")]);
        let client = platform.builder().build().unwrap();
        drop(on_async(async { client.chain(path).request(method.clone(), ()).await }));
        drop(platform.builder().build_blocking().unwrap().chain(path).request(method.clone(), ()));
        for _ in 0..2 {
            let seen = platform.seen();
            let length = (![Method::GET, Method::DELETE].contains(&method)).then_some("0");
            assert_eq!(seen.header("content-length"), length, "{method} {:?}", seen.headers);
        }
    }
}

/// Sends a body that fails, or that is not as long as announced.
#[derive(Clone, Copy)]
struct Failing {
    announced: Option<u64>,
}

impl transport::Transport for Failing {
    fn send(&self, request: Request<transport::Body>, timeout: Duration) -> ResponseFuture<'_> {
        let mut pieces = [Ok(Bytes::from("abc"))].into_iter();
        let broken = self.announced.is_none();
        let request = request.map(|_| {
            transport::Body::from_stream(self.announced, move |_| {
                let end = || broken.then(|| Err(io::Error::other("the disk is gone")));
                Poll::Ready(pieces.next().or_else(end))
            })
        });
        Box::pin(async move { transport::DefaultTransport::new().unwrap().send(request, timeout).await })
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

impl blocking::Transport for Failing {
    fn send(
        &self,
        request: Request<blocking::Body>,
        timeout: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        let request = request.map(|_| match self.announced {
            Some(length) => blocking::Body::from_reader(Some(length), "abc".as_bytes()),
            None => blocking::Body::from_reader(None, "abc".as_bytes().chain(Broken)),
        });
        blocking::DefaultTransport::new().unwrap().send(request, timeout)
    }
}

#[test]
fn a_request_whose_stream_fails_may_have_been_sent() {
    for (announced, why) in [(None, "the disk is gone"), (Some(9), "before its announced length")] {
        // It takes connections and never answers.
        let (_listener, base_url) = bind();
        let failing = Failing { announced };
        for response in
            both(|| configured().base_url(&base_url).transport(failing).blocking_transport(failing))
        {
            let error = response.unwrap_err();
            let text = format!("{error:#}");
            assert!(error.is_network() && error.may_have_taken_effect() && text.contains(why), "{text}");
        }
    }
}

/// Gives back a signed response whose body streams: a number of pieces, and then perhaps a failure.
#[derive(Clone, Copy)]
struct Handed {
    pieces: usize,
    piece: &'static [u8],
    fails: bool,
}

impl Handed {
    fn response(self) -> (weipay::http::response::Builder, impl FnMut() -> Option<io::Result<Bytes>>) {
        let timestamp = now().to_string();
        let body = self.piece.repeat(self.pieces);
        let message = weipay::wire::response_message(&timestamp, "n", &body);
        let response = Response::builder()
            .header("Wechatpay-Timestamp", timestamp)
            .header("Wechatpay-Nonce", "n")
            .header("Wechatpay-Signature", PLATFORM.sign(&message).unwrap())
            .header("Wechatpay-Serial", PUBLIC_KEY_ID);
        let mut left = self.pieces;
        let next = move || match left.checked_sub(1) {
            Some(fewer) => {
                left = fewer;
                Some(Ok(Bytes::from_static(self.piece)))
            }
            None => self.fails.then(|| Err(io::Error::from(io::ErrorKind::ConnectionReset))),
        };
        (response, next)
    }
}

impl transport::Transport for Handed {
    fn send(&self, _: Request<transport::Body>, _: Duration) -> ResponseFuture<'_> {
        let (response, mut next) = self.response();
        let body = transport::Body::from_stream(None, move |_| Poll::Ready(next()));
        Box::pin(async move { Ok(response.body(body).unwrap()) })
    }
}

impl blocking::Transport for Handed {
    fn send(
        &self,
        _: Request<blocking::Body>,
        _: Duration,
    ) -> Result<Response<blocking::Body>, NetworkError> {
        let (response, next) = self.response();
        Ok(response.body(blocking::Body::from_reader(None, Pieces(next, Bytes::new()))).unwrap())
    }
}

fn handing(handed: Handed) -> impl Fn() -> ClientBuilder {
    // Behind a pointer: a program may keep one to what it counts.
    move || configured().transport(Arc::new(handed)).blocking_transport(Arc::new(handed))
}

#[test]
fn a_streamed_response_is_read_to_its_end_and_verified() {
    for response in both(handing(Handed { pieces: 4, piece: b"[] ", fails: false })) {
        assert_eq!(response.unwrap(), "[] [] [] [] ");
    }
}

#[test]
fn a_response_whose_stream_fails_or_does_not_end_may_have_taken_effect() {
    let endless = Handed { pieces: 8193, piece: &[b' '; 1024], fails: true };
    for handed in [Handed { pieces: 2, piece: b"{}", fails: true }, endless] {
        for response in both(handing(handed)) {
            let error = response.unwrap_err();
            assert!(error.is_network() && error.may_have_taken_effect(), "{error:#}");
            let weipay::error::ErrorKind::Network(problem) = error.kind() else { panic!("{error}") };
            assert_eq!(problem.sent, Sent::Perhaps);
        }
    }
}

#[test]
fn a_host_is_found_by_its_name_and_connections_are_kept() {
    // Only one connection is accepted: both calls must come on it.
    let base_url = listen_once(|stream| {
        let mut buffer = [0; 4096];
        while (&stream).read(&mut buffer).is_ok_and(|read| read > 0) {
            let response: &[u8] = b"HTTP/1.1 404 X\r\nContent-Length: 19\r\n\r\n{\"code\":\"NOT_HERE\"}";
            io::Write::write_all(&mut &stream, response).unwrap();
        }
    });
    let base_url = base_url.replace("127.0.0.1", "localhost");
    let client = configured().base_url(&base_url).build_blocking().unwrap();
    for _ in 0..2 {
        let error = client.chain("v3/certificates").get().unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(404), "{error:#}");
    }
}
