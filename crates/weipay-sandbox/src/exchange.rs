//! One exchange as plain values: what came in and what goes out, before and after there are sockets.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::platform::{Behaviour, ORIGIN_HEADER};

/// A request as it was received. The signature covers target and body byte for byte, so neither is ever rewritten.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// Path and query exactly as they stood on the request line.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// The query, without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// A header field that is there once and is readable text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }
}

/// A response as it will be sent.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header fields, in the platform's order; transport adds `Content-Length`, `Connection` and `Keep-Alive`.
    pub headers: HeaderMap,
    /// The body, already signed where the headers say so.
    pub body: Vec<u8>,
    /// The code of a refusal.
    pub(crate) code: Option<&'static str>,
    /// The message of a refusal; it names fields and rules, and no values.
    pub(crate) message: Option<String>,
}

impl Response {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Vec::new(), code: None, message: None }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        // Every value is made here, of visible ASCII; one that was not would be left out rather than sent broken.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Whether nothing happened, and the response only shows what one looks like.
    #[must_use]
    pub fn is_example(&self) -> bool {
        self.header(ORIGIN_HEADER) == Some(Behaviour::Example.word())
    }

    /// The error code (错误码) of a refusal that has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// A header field as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_cut_at_its_first_question_mark() {
        let request = Request { target: "/v3/a?b=c?d".to_owned(), ..Request::default() };
        assert_eq!((request.path(), request.query()), ("/v3/a", Some("b=c?d")));
    }

    #[test]
    fn a_header_that_stands_twice_is_as_good_as_none() {
        let mut request = Request::default();
        request.headers.append("authorization", HeaderValue::from_static("a"));
        assert_eq!(request.header("Authorization"), Some("a"));
        request.headers.append("authorization", HeaderValue::from_static("b"));
        assert_eq!(request.header("Authorization"), None);
    }
}
