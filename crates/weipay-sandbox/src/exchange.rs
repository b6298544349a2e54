//! One exchange as plain values: what came in and what goes out, before and after there are sockets.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::platform::{ANSWER_ORIGIN, Behaviour};

/// A request as it was received. The signature covers target and body byte for byte, so neither is ever rewritten.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// The method, upper case.
    pub method: String,
    /// Path and query exactly as they stood on the request line.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Incoming {
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// The query, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// A header field that is there once and is readable text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }
}

/// A reply as it is to be sent.
#[derive(Debug, Clone)]
pub struct Outgoing {
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

impl Outgoing {
    pub(crate) fn empty(status: u16) -> Outgoing {
        Outgoing { status, headers: HeaderMap::new(), body: Vec::new(), code: None, message: None }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        // Every value is made here, of visible ASCII; one that was not would be left out rather than sent broken.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// Whether nothing happened, and the answer only shows what one looks like.
    pub fn is_example(&self) -> bool {
        self.header(ANSWER_ORIGIN) == Some(Behaviour::Example.word())
    }

    /// The error code (错误码) of a refusal that has one.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// A header field as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_cut_at_its_first_question_mark() {
        let incoming = Incoming { target: "/v3/a?b=c?d".to_owned(), ..Incoming::default() };
        assert_eq!((incoming.path(), incoming.query()), ("/v3/a", Some("b=c?d")));
    }

    #[test]
    fn a_header_that_stands_twice_is_as_good_as_none() {
        let mut incoming = Incoming::default();
        incoming.headers.append("authorization", HeaderValue::from_static("a"));
        assert_eq!(incoming.header("Authorization"), Some("a"));
        incoming.headers.append("authorization", HeaderValue::from_static("b"));
        assert_eq!(incoming.header("Authorization"), None);
    }
}
