//! A call that is being filled in: path values, query, headers, timeout and base URL, then a verb.
//!
//! All three styles end here. A mistake on the way is kept and given out by the verb, so that a chain reads in one
//! breath; nothing is sent then.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::Value;

use crate::core::{Body, Outgoing, located};
use crate::error::{Error, RequestProblem};
use crate::mode::{Mode, Shared};
use crate::model::encode::for_sending;
use crate::operation::{self, Operation, Version};
use crate::path;
use crate::response::Decode;
use crate::upload::{File, Upload};

/// A call that is being filled in. A verb ([`get`](Call::get), [`post`](Call::post), ...) sends it.
#[must_use = "a call does nothing before its verb"]
pub struct Call<M: Mode> {
    pub(crate) shared: Arc<Shared<M>>,
    pub(crate) outgoing: Outgoing,
    problem: Option<RequestProblem>,
}

impl<M: Mode> Clone for Call<M> {
    fn clone(&self) -> Call<M> {
        Call {
            shared: Arc::clone(&self.shared),
            outgoing: self.outgoing.clone(),
            problem: self.problem.clone(),
        }
    }
}

impl<M: Mode> Call<M> {
    pub(crate) fn new(shared: Arc<Shared<M>>, template: String) -> Call<M> {
        let outgoing = Outgoing {
            operation: None,
            method: Method::GET,
            template,
            values: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            timeout: None,
            base_url: None,
            body: None,
        };
        Call { shared, outgoing, problem: None }
    }

    /// Gives a `{placeholder}` of the path its value. The value is percent-encoded as one segment, never changed.
    pub fn path(mut self, name: &str, value: impl Display) -> Call<M> {
        self.outgoing.values.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a pair to the query string.
    pub fn query(mut self, name: &str, value: impl Display) -> Call<M> {
        self.outgoing.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets a header, in place of the one that the client would send. `Authorization` stays the client's. Blanks and line
    /// breaks around the value, as a file may leave them, are not sent.
    ///
    /// Headers that describe the connection or the length of the body (`Host`, `Connection`, `Content-Length`,
    /// `Transfer-Encoding`, `Expect` and the like) cannot be set: they would cut or hold up the body that was signed.
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Call<M> {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value.as_ref().trim())) {
            (Ok(name), Ok(_)) if is_framing(&name) => {
                self.spoil(RequestProblem::FramingHeader(name.to_string()));
            }
            (Ok(name), Ok(value)) => {
                self.outgoing.headers.insert(name, value);
            }
            _ => self.spoil(RequestProblem::Header(name.escape_default().to_string())),
        }
        self
    }

    /// How long this call may take, from connecting to the last byte.
    pub fn timeout(mut self, timeout: Duration) -> Call<M> {
        self.outgoing.timeout = Some(timeout);
        self
    }

    /// Sends this call elsewhere, such as to another region's host.
    pub fn base_url(mut self, base_url: &str) -> Call<M> {
        match base_url.parse() {
            Ok(base_url) => self.outgoing.base_url = Some(base_url),
            Err(problem) => self.spoil(problem),
        }
        self
    }

    /// Sends a GET.
    pub fn get(self) -> M::Sent<Value> {
        self.request(Method::GET, ())
    }

    /// Sends a POST with a JSON body; `()` sends none.
    pub fn post(self, body: impl Serialize) -> M::Sent<Value> {
        self.request(Method::POST, body)
    }

    /// Sends a PUT with a JSON body; `()` sends none.
    pub fn put(self, body: impl Serialize) -> M::Sent<Value> {
        self.request(Method::PUT, body)
    }

    /// Sends a PATCH with a JSON body; `()` sends none.
    pub fn patch(self, body: impl Serialize) -> M::Sent<Value> {
        self.request(Method::PATCH, body)
    }

    /// Sends a DELETE.
    pub fn delete(self) -> M::Sent<Value> {
        self.request(Method::DELETE, ())
    }

    /// Sends any method but CONNECT with a JSON body; `()` sends none.
    pub fn request(mut self, method: Method, body: impl Serialize) -> M::Sent<Value> {
        if method == Method::CONNECT {
            self.spoil(RequestProblem::Connect);
        }
        let body = for_sending(|| serde_json::to_vec(&body));
        let body = body.map_err(|error| RequestProblem::Body(error.to_string()));
        self.send(method, body.map(|body| if body == b"null" { None } else { Some(Body::Json(body.into())) }))
    }

    /// Uploads a file (上传), with what `meta` says about it: for most operations `filename` and `sha256`, see
    /// [`File::sha256`].
    pub fn upload(self, meta: impl Serialize, file: &File) -> M::Sent<Value> {
        let meta = for_sending(|| serde_json::to_string(&meta));
        let meta = meta.map_err(|error| RequestProblem::Body(error.to_string()));
        self.send(Method::POST, meta.map(|meta| Some(Body::Upload(Upload::new(meta, file)))))
    }

    fn send<T: Decode>(mut self, method: Method, body: Result<Option<Body>, RequestProblem>) -> M::Sent<T> {
        self.outgoing.operation = Operation::find(&method, &self.outgoing.template);
        // APIv2 has other URLs and another language: JSON to this path would be nonsense.
        if operation::version_of(&self.outgoing.template) == Some(Version::V2) {
            self.spoil(RequestProblem::NotYet("APIv2 calls (XML)"));
        }
        match body {
            Ok(body) => self.outgoing.body = body,
            Err(problem) => self.spoil(problem),
        }
        self.send_filled(method)
    }

    pub(crate) fn send_filled<T: Decode>(mut self, method: Method) -> M::Sent<T> {
        self.outgoing.method = method;
        let outgoing = match self.problem.take() {
            Some(problem) => Err(located(Error::from(problem), &self.outgoing)),
            None => Ok(self.outgoing),
        };
        M::send(&self.shared, outgoing)
    }

    /// Keeps the first mistake: later ones are often its consequence.
    pub(crate) fn spoil(&mut self, problem: RequestProblem) {
        self.problem.get_or_insert(problem);
    }
}

/// Whether a header belongs to the connection and not to the request: it is the transport's to write.
fn is_framing(name: &HeaderName) -> bool {
    const FRAMING: [HeaderName; 8] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    FRAMING.contains(name)
        || ["keep-alive", "http2-settings"].contains(&name.as_str())
        || name.as_str().starts_with("proxy-")
}

impl<M: Mode> fmt::Debug for Call<M> {
    /// The path and what is known of it. Values stay out: they may be personal.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template = &self.outgoing.template;
        let known = Operation::all_at(template).map(|known| format!("{} {}", known.method(), known.title()));
        let known = known.collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "no operation of the catalogue" } else { &known };
        out.debug_struct("Call")
            .field("path", &path::shown(template))
            .field("operation", &format_args!("{known}"))
            .finish_non_exhaustive()
    }
}
