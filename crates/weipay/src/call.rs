//! A call before it is sent: path values, query, headers, time limit and base URL. A verb sends it.
//!
//! All three styles end here. An error on the way is recorded and reported by the verb, so that a chain needs no `?` before its
//! verb. Nothing is sent then.

mod step;
mod typed;

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::delivery::{Mode, Shared};
use crate::download::Download;
use crate::error::{Cause, Error, RequestError};
use crate::json::wiped_text;
use crate::model::Sensitive;
use crate::model::sensitive::for_sending;
use crate::operation::Operation;
use crate::request::Request;
use crate::response::Decode;
use crate::retry::RetryConfig;
use crate::target::without_query;
use crate::untyped::{self, Inspection, SensitiveTexts};
use crate::upload::UploadFile;
pub(crate) use step::{chain, chain_step};

/// A call before it is sent. A verb ([`get`](Call::get), [`post`](Call::post), ...) sends it.
#[must_use = "a call does nothing before its verb"]
pub struct Call<M: Mode> {
    pub(crate) shared: Arc<Shared<M>>,
    /// Boxed, because each step of a chain moves the call.
    pub(crate) request: Box<Request>,
}

impl<M: Mode> Clone for Call<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), request: self.request.clone() }
    }
}

impl<M: Mode> Call<M> {
    pub(crate) fn new(shared: Arc<Shared<M>>, template: String) -> Self {
        Self { shared, request: Box::new(Request::new(template)) }
    }

    /// A call that cannot be sent.
    pub(crate) fn failed(mut self, error: RequestError) -> Self {
        self.request.record_error(error);
        self
    }

    /// Sets the value of a `{placeholder}` in the path. The value is percent-encoded as one segment and otherwise not changed. An
    /// unknown placeholder, one without a value, and a value that is empty, `.` or `..` are errors of the verb.
    pub fn path(mut self, name: &str, value: impl Display) -> Self {
        self.request.values.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a pair to the query string, percent-encoded.
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        self.request.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a sensitive value (敏感信息加密) to the query string, such as
    /// [`Sensitive::ciphertext`](Sensitive::ciphertext). [`query`](Self::query) takes the plain text of one.
    pub fn query_sensitive(mut self, name: &str, value: impl Into<Sensitive>) -> Self {
        self.request.sensitive_query.push((name.to_owned(), value.into()));
        self
    }

    /// Sets whether strings in the sensitive fields of this call are plain text, which the client encrypts, or ciphertext,
    /// which is sent as it is.
    pub fn sensitive_texts(mut self, texts: SensitiveTexts) -> Self {
        self.request.texts = texts;
        self
    }

    /// Checks this call with this body against the catalogue, and sends nothing: which values would be encrypted, and
    /// which members the catalogue does not have.
    ///
    /// ```no_run
    /// # fn run(client: weipay::blocking::Client) -> Result<(), weipay::Error> {
    /// use weipay::http::Method;
    /// use weipay::serde_json::json;
    ///
    /// let close = client.chain("v3/pay/transactions/out-trade-no/{out_trade_no}/close").path("out_trade_no", "1");
    /// let found = close.inspect(&Method::POST, &json!({"mch_id": "1900000001"}))?;
    /// assert_eq!(found.unknown_members, ["body: mch_id"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The error that the verb would give before sending, for example if a value does not fit its field.
    pub fn inspect(&self, method: &Method, body: impl Serialize) -> Result<Inspection, Error> {
        let body = json_of(&body)?;
        Ok(self.request.inspection(method, body.as_ref().map(|body| &***body))?)
    }

    /// Sets a header. It replaces the one that the client would send, except for `Authorization`, which the client always sets.
    /// White space and line breaks around the value, as a file may leave them, are removed.
    ///
    /// Headers that describe the connection or the length of the body cannot be set: `Host`, `Connection`, `Content-Length`,
    /// `Transfer-Encoding`, `Expect` and similar ones. They could truncate or delay the signed body. A header that cannot be
    /// set is an error of the verb ([`RequestError::Header`], [`RequestError::FramingHeader`]).
    pub fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.request.set_header(name, value.as_ref());
        self
    }

    /// How long this call may take, from connecting to the last byte, with all its attempts; by default the
    /// [time limit](crate::ClientBuilder::timeout) of the client. More than 365 days count as 365 days; with zero the call fails.
    /// With [failover](crate::ClientBuilder::failover), an attempt may have only a part of it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout = Some(timeout);
        self
    }

    /// How often this call is repeated, instead of the setting of the client, also instead of its
    /// [retry policy](crate::ClientBuilder::retry_policy). It is repeated only if it cannot take effect twice; see
    /// [`RetryConfig`].
    pub fn retries(mut self, retries: RetryConfig) -> Self {
        self.request.retries = Some(retries);
        self
    }

    /// Sends this call to another base URL, such as the host of another region. An invalid URL is an error of the verb.
    pub fn base_url(mut self, base_url: &str) -> Self {
        match base_url.parse() {
            Ok(base_url) => self.request.base_url = Some(base_url),
            Err(error) => self.request.record_error(error),
        }
        self
    }

    /// Sends a GET.
    #[allow(clippy::must_use_candidate, reason = "what it gives must be used by itself")]
    pub fn get(self) -> M::Output<Value> {
        self.request(Method::GET, ())
    }

    /// Sends a POST with a JSON body; `()`, `None` and `null` send none.
    ///
    /// A string in a sensitive field (敏感信息加密) is taken as plain text, and the client encrypts it, as in typed
    /// operations; the catalogue knows these fields. For a value that is already ciphertext, use
    /// [`Sensitive::ciphertext`], or [`sensitive_texts`](Self::sensitive_texts) for the whole call. The client never
    /// guesses from the text which it is. For a path that the catalogue does not have, nothing is encrypted.
    ///
    /// ```no_run
    /// # fn run(client: weipay::blocking::Client, ciphertext: String) -> Result<(), weipay::Error> {
    /// use weipay::model::Sensitive;
    /// use weipay::serde_json::json;
    ///
    /// let add = client.chain("v3/profitsharing/receivers/add");
    /// add.clone().post(json!({"type": "MERCHANT_ID", "account": "1900000109", "name": "示例商户"}))?;
    /// add.post(json!({"type": "MERCHANT_ID", "account": "1900000109", "name": Sensitive::ciphertext(ciphertext)}))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// In APIv2 the members of the object become elements of XML, and what is
    /// nested in them JSON text.
    pub fn post(self, body: impl Serialize) -> M::Output<Value> {
        self.request(Method::POST, body)
    }

    /// Sends a PUT with a JSON body; `()`, `None` and `null` send none.
    pub fn put(self, body: impl Serialize) -> M::Output<Value> {
        self.request(Method::PUT, body)
    }

    /// Sends a PATCH with a JSON body; `()`, `None` and `null` send none.
    pub fn patch(self, body: impl Serialize) -> M::Output<Value> {
        self.request(Method::PATCH, body)
    }

    /// Sends a DELETE.
    #[allow(clippy::must_use_candidate, reason = "what it gives must be used by itself")]
    pub fn delete(self) -> M::Output<Value> {
        self.request(Method::DELETE, ())
    }

    /// Sends any method but CONNECT with a JSON body; `()`, `None` and `null` send none.
    ///
    /// # Errors
    ///
    /// As all verbs. [`ErrorKind::Request`](crate::error::ErrorKind::Request) if the call cannot be prepared, also because of a
    /// path, a header or a base URL that was given before; nothing is sent then.
    /// [`ErrorKind::PlatformCertificates`](crate::error::ErrorKind::PlatformCertificates) if the platform's certificates are
    /// needed and cannot be fetched. Otherwise as [`ErrorKind`](crate::error::ErrorKind) lists them;
    /// [`Error::may_have_taken_effect`] says whether the operation may have been carried out.
    pub fn request(mut self, method: Method, body: impl Serialize) -> M::Output<Value> {
        if method == Method::CONNECT {
            self.request.record_error(RequestError::ConnectMethod);
        }
        match json_of(&body) {
            Ok(body) => self.fill_untyped(&method, body, None),
            Err(error) => self.request.record_error(error),
        }
        self.send(method)
    }

    /// Uploads a file (上传). `meta` describes it. What the catalogue says of the file's name and digest is filled in where
    /// `meta` does not have it, so that `()` is enough for most operations.
    ///
    /// In APIv2, the members of `meta` are the fields of the form next to the file.
    pub fn upload(mut self, meta: impl Serialize, file: &UploadFile) -> M::Output<Value> {
        match json_of(&meta) {
            Ok(meta) => self.fill_untyped(&Method::POST, meta, Some(file.clone())),
            Err(error) => self.request.record_error(error),
        }
        self.send(Method::POST)
    }

    fn fill_untyped(
        &mut self,
        method: &Method,
        mut body: Option<Zeroizing<String>>,
        file: Option<UploadFile>,
    ) {
        let core = &self.shared.core;
        untyped::fill_in_caller(core, method, &mut self.request, &mut body, file.is_some());
        self.request.fill_untyped(method, body, file);
    }

    /// Downloads the file that is the response of a GET, such as an overseas statement (境外对账单): see
    /// [`download_with`](Self::download_with).
    pub fn download(self) -> Download<M> {
        self.download_with(Method::GET, ())
    }

    /// Downloads the file that is the response of a call, such as a bill of APIv2 (下载对账单), as a stream of any length. The
    /// verbs keep such a response in memory, and take 8 MiB at most. If the platform returns an error instead of the file, that
    /// is the usual error, and nothing of it is written: see [`download`](crate::download).
    ///
    /// ```no_run
    /// # fn run(client: weipay::blocking::Client) -> Result<(), weipay::Error> {
    /// use weipay::http::Method;
    /// use weipay::serde_json::json;
    ///
    /// let bill = json!({"appid": "wx8888888888888888", "bill_date": "20260814", "bill_type": "ALL", "tar_type": "GZIP"});
    /// client.chain("v2/pay/downloadbill").download_with(Method::POST, bill).to_file("bill.csv")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn download_with(mut self, method: Method, body: impl Serialize) -> Download<M> {
        match json_of(&body) {
            Ok(body) => self.fill_untyped(&method, body, None),
            Err(error) => self.request.record_error(error),
        }
        self.request.method = method;
        Download::of_call(self.shared, self.request)
    }

    fn send<T: Decode>(mut self, method: Method) -> M::Output<T> {
        self.request.method = method;
        M::send(&self.shared, self.request)
    }
}

/// A body as JSON text; `None` for `()`.
pub(crate) fn json_of(body: &impl Serialize) -> Result<Option<Zeroizing<String>>, RequestError> {
    match for_sending(|| wiped_text(body)) {
        Ok(body) => Ok(Some(body).filter(|body| **body != "null")),
        Err(error) => Err(RequestError::Body(Cause::new(error))),
    }
}

impl<M: Mode> fmt::Debug for Call<M> {
    /// The path, and what the catalogue says about it. Values are left out, because they may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template = &self.request.template;
        let sent = self.request.path();
        // A caller may have written personal values into the path.
        let path = Operation::all_at(&sent)
            .next()
            .map_or_else(|| without_query(template), |known| known.path().into());
        let known = Operation::all_at(&sent).map(|known| format!("{} {}", known.method(), known.title()));
        let known = known.collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() {
            "no operation of the catalogue: nothing is known of its fields"
        } else {
            &known
        };
        let mut shown = f.debug_struct("Call");
        shown.field("path", &path).field("operation", &format_args!("{known}"));
        if let Some(sub_merchant) = &self.shared.core.sub_merchant {
            shown.field("sub_merchant", sub_merchant);
        }
        shown.finish_non_exhaustive()
    }
}
