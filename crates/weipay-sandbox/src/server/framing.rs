//! The head of a response as it goes out: the platform's own headers, and at their recorded place those that only the connection
//! knows: `Content-Length`, `Connection` and `Keep-Alive`.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Extensions, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Bytes;

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
