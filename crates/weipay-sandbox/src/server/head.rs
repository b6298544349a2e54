//! The head of a response as it goes out: the platform's own headers, at their recorded place those that only the connection
//! knows (`Content-Length`, `Connection`, `Keep-Alive`), and the spelling of names (响应头大小写): `Request-ID`, which no rule of
//! capital letters gives.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Extensions, Request, Response, StatusCode, Version};
use http_body_util::{Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use crate::exchange;

/// Whether the connection of a request stays open behind its response.
pub(super) fn stays_open<B>(request: &Request<B>) -> bool {
    let said = |word: &str| {
        let values = request.headers().get_all(CONNECTION);
        let mut words =
            values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|known| known.trim().eq_ignore_ascii_case(word))
    };
    if request.version() == Version::HTTP_10 { said("keep-alive") } else { !said("close") }
}

/// The response with its frame. `idle` is how long the connection may be idle, when it stays open.
pub(super) fn framed(
    response: exchange::Response,
    idle: Option<Duration>,
    spelling: &Extensions,
) -> Response<Full<Bytes>> {
    let mut frame = Vec::new();
    // A response without content has no length either (RFC 9110, 8.6).
    if response.status != 204 {
        frame.push((CONTENT_LENGTH, HeaderValue::from(response.body.len())));
    }
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
    let mut framed = Response::new(Full::new(Bytes::from(response.body)));
    *framed.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *framed.headers_mut() = headers;
    *framed.extensions_mut() = spelling.clone();
    framed
}

/// Every other name of a response is spelled by the rule.
const SPELLED: &[u8] = b"GET / HTTP/1.1\r\nRequest-ID: 0\r\n\r\n";

/// What a response must carry so that hyper spells the names of its headers as the platform does.
///
/// Names are compared without regard to case, so hyper keeps them in lower case. It writes a name in another spelling when it
/// has one, and it takes spellings from the requests that it reads. So it gets one to read.
pub(super) async fn spelling() -> Extensions {
    let learnt = Arc::new(Mutex::new(Extensions::new()));
    let kept = Arc::clone(&learnt);
    let reading = service_fn(move |request: Request<Incoming>| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = request.extensions().clone();
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    // Should this fail, `Request-ID` is spelled by the rule, and nothing else changes.
    let _ = http1::Builder::new().preserve_header_case(true).serve_connection(Memory(SPELLED), reading).await;
    let learnt = learnt.lock().unwrap_or_else(PoisonError::into_inner);
    learnt.clone()
}

/// A connection on which a text arrives, and from which nothing goes anywhere.
struct Memory(&'static [u8]);

impl Read for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.0.split_at(self.0.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
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
        let mut response = exchange::Response::empty(200);
        for (name, value) in [("server", "s"), ("cache-control", "c"), ("request-id", "r")] {
            response.set(name, value);
        }
        response.body = b"{}".to_vec();
        let response = framed(response, Some(Duration::from_secs(8)), &Extensions::new());
        let names: Vec<&str> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(
            names,
            ["server", "content-length", "connection", "keep-alive", "cache-control", "request-id"]
        );
        assert_eq!(response.headers()["keep-alive"], "timeout=8");
        let closing = framed(exchange::Response::empty(204), None, &Extensions::new());
        assert_eq!(closing.headers().keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["connection"]);
    }
}
