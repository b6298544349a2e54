//! A call before it is sent: path values, query, headers, time limit and base URL. A verb sends it.
//!
//! All three styles end here. An error on the way is recorded and reported by the verb, so that a chain needs no `?` before its
//! verb. Nothing is sent then.
//!
//! The macros write the steps of the pure chain (纯链式): each step is a [`Call`] so far. The steps of a product
//! are one struct, which differs by a path that is only a type. What all steps have is compiled once for each
//! product, and not for each of 1,700 steps.

use std::borrow::Cow;
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
use crate::members::Place;
use crate::model::sensitive::for_sending;
use crate::model::table::Purpose;
use crate::model::value::check;
use crate::model::{Field, Model, Sensitive, Value as _};
use crate::operation::{ApiVersion, Operation};
use crate::paging::{self as page, Pages, Paging, kind_of};
use crate::request::Request;
use crate::request::encoding::{describe_file, fill_in_caller, set_with_purpose, with_purpose};
use crate::response::Decode;
use crate::retry::RetryConfig;
use crate::target::without_query;
use crate::untyped::{self, Inspection, SensitiveTexts};
use crate::upload::UploadFile;
use crate::xml;

/// The capacity for a path that is written step by step: more than most need.
const ROOM_FOR_PATH: usize = 96;

/// A call before it is sent. A verb ([`get`](Call::get), [`post`](Call::post), ...) sends it.
#[must_use = "a call does nothing before its verb"]
pub struct Call<M: Mode> {
    shared: Arc<Shared<M>>,
    /// Boxed, since each step of a chain moves the call.
    request: Box<Request>,
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

    /// The pages of a list that a GET returns: see [`paging`](crate::paging).
    pub fn pages(self) -> Pages<M> {
        self.pages_with(Method::GET, ())
    }

    /// The pages of a list that another method returns, such as those of APIv2.
    pub fn pages_with(self, method: Method, body: impl Serialize) -> Pages<M> {
        let operation = self.request.find_operation(&method);
        let body = json_of(&body).map(|body| body.and_then(|body| serde_json::from_str::<Value>(&body).ok()));
        let places = operation.map(|row| [row.members(Place::Query), row.members(Place::Body)]);
        // A call that cannot be sent must report that, and not that it has no pages.
        let has_failed = self.request.check_recorded().is_err();
        let kind = places.and_then(kind_of).or(has_failed.then_some(Purpose::PageOffset));
        let member = move |purpose| {
            let [query, body] = places?;
            let in_query = query.with_purpose(purpose).map(|(_, member)| (true, member.name));
            in_query.or_else(|| body.with_purpose(purpose).map(|(_, member)| (false, member.name)))
        };
        let paging = kind.map(|kind| {
            Paging::begin(kind, |purpose| {
                let (is_in_query, name) = member(purpose)?;
                if is_in_query {
                    return self.request.query_value(name).map(Cow::into_owned);
                }
                match body.as_ref().ok()?.as_ref()?.get(name)? {
                    Value::String(text) => Some(text.clone()),
                    value => Some(value.to_string()),
                }
            })
        });
        let ask = move |cursor: &page::PageCursor| {
            let mut call = self.clone();
            let mut body = match &body {
                Ok(body) => body.clone(),
                Err(error) => {
                    call.request.record_error(error.clone());
                    None
                }
            };
            if let (Some((is_in_query, name)), Some(value)) = (kind.and_then(member), cursor.value()) {
                if is_in_query {
                    call.request.set_query(name, value);
                } else {
                    let body = body.get_or_insert_with(|| Value::Object(serde_json::Map::new()));
                    if let Some(members) = body.as_object_mut() {
                        // As the caller wrote it: a number, or a text with one.
                        let is_number = members.get(name).is_some_and(Value::is_number);
                        let number = value.parse::<u64>().ok().filter(|_| is_number);
                        members.insert(name.to_owned(), number.map_or(Value::String(value), Value::from));
                    }
                }
            }
            call.request(method.clone(), body)
        };
        Pages::new(operation, paging, Box::new(ask))
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

/// The functions for typed operations: they step down the path, and fill a call in from a request.
#[allow(dead_code, reason = "the products that are compiled may have no placeholder, or nothing but one")]
impl<M: Mode> Call<M> {
    /// Adds a segment to the path.
    pub(crate) fn step(mut self, segment: &str) -> Self {
        let template = &mut self.request.template;
        if template.capacity() < ROOM_FOR_PATH {
            template.reserve(ROOM_FOR_PATH);
        }
        if !template.is_empty() {
            template.push('/');
        }
        template.push_str(segment);
        self
    }

    /// Adds a placeholder to the path, with its value. The value is checked against the placeholder's row, and encrypted if the
    /// row says so.
    pub(crate) fn fill(mut self, row: Field, mut value: String) -> Self {
        if self.shared.core.check_requests
            && let Err(violation) = value.check(&row)
        {
            self.request.record_error(violation.within(row.name).into());
        }
        if row.encrypted {
            match self.shared.core.encrypt_sensitive(&value) {
                Ok(ciphertext) => value = ciphertext,
                Err(error) => self.request.record_error(error),
            }
        }
        let mut call = self.step("{");
        call.request.template.push_str(row.name);
        call.request.template.push('}');
        call.request.values.push((row.name.to_owned(), value));
        call
    }

    /// Sends a typed request: query, headers and body, each from its own fields.
    pub(crate) fn typed<R: Model, T: Decode>(
        mut self,
        operation: &'static Operation,
        request: R,
    ) -> M::Output<T> {
        self.request.operation = Some(operation);
        self.fill_from(operation, Box::new(request)).send(operation.method())
    }

    /// The file that a typed request gives as its response.
    pub(crate) fn typed_download<R: Model>(
        mut self,
        operation: &'static Operation,
        request: R,
    ) -> Download<M> {
        self.request.operation = Some(operation);
        let mut call = self.fill_from(operation, Box::new(request));
        call.request.method = operation.method();
        Download::of_call(call.shared, call.request)
    }

    /// The pages of a typed list. The request says where it begins.
    pub(crate) fn typed_pages<R: Model + Clone, T: Decode>(
        self,
        operation: &'static Operation,
        request: R,
    ) -> Pages<M, T> {
        let kind = kind_of([operation.members(Place::Query), operation.members(Place::Body)]);
        let paging = kind.map(|kind| Paging::begin(kind, |purpose| with_purpose(&request, purpose)));
        let ask = move |cursor: &page::PageCursor| {
            let mut request = request.clone();
            if let (Some(purpose), Some(value)) = (kind, cursor.value()) {
                set_with_purpose(&mut request, purpose, &value);
            }
            self.clone().typed(operation, request)
        };
        Pages::new(Some(operation), paging, Box::new(ask))
    }

    fn fill_from(mut self, operation: &Operation, mut model: Box<dyn Model>) -> Self {
        let core = &self.shared.core;
        describe_file(&mut *model);
        if operation.version() == ApiVersion::V2 {
            xml::fill_in_sign_type(&mut *model);
        }
        fill_in_caller(core, operation, &mut *model);
        if core.check_requests
            && let Err(violation) = check(&*model)
        {
            self.request.record_error(violation.into());
            return self;
        }
        self.request.fill(model, core);
        self
    }
}

/// A body as JSON text; `None` for `()`.
fn json_of(body: &impl Serialize) -> Result<Option<Zeroizing<String>>, RequestError> {
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

/// Writes what the steps of a product have in common.
macro_rules! chain {
    () => {
        /// A step of a chain. Each has a name in the module of its path.
        #[must_use = "a chain does nothing before its verb"]
        pub struct Step<M: $crate::delivery::Mode, Path> {
            #[allow(dead_code, reason = "a version may have none of the products that are asked for")]
            call: $crate::call::Call<M>,
            path: std::marker::PhantomData<fn() -> Path>,
        }

        impl<M: $crate::delivery::Mode, Path> Step<M, Path> {
            pub(crate) fn new(call: $crate::call::Call<M>) -> Self {
                Self { call, path: std::marker::PhantomData }
            }

            /// Sets a header: see [`Call::header`](crate::Call::header).
            pub fn header(self, name: &str, value: impl AsRef<str>) -> Self {
                Self::new(self.call.header(name, value))
            }

            /// Limits the time of this call: see [`Call::timeout`](crate::Call::timeout).
            pub fn timeout(self, timeout: std::time::Duration) -> Self {
                Self::new(self.call.timeout(timeout))
            }

            /// Decides about repeats of this call: see [`Call::retries`](crate::Call::retries).
            pub fn retries(self, retries: $crate::RetryConfig) -> Self {
                Self::new(self.call.retries(retries))
            }

            /// Sends this call elsewhere: see [`Call::base_url`](crate::Call::base_url).
            pub fn base_url(self, base_url: &str) -> Self {
                Self::new(self.call.base_url(base_url))
            }
        }

        impl<M: $crate::delivery::Mode, Path> Clone for Step<M, Path> {
            fn clone(&self) -> Self {
                Self::new(self.call.clone())
            }
        }

        impl<M: $crate::delivery::Mode, Path> std::fmt::Debug for Step<M, Path> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.call.fmt(f)
            }
        }
    };
}

/// Writes a step: its name, and the type of its path.
macro_rules! chain_step {
    ($(#[$doc:meta])* $name:ident at $path:ident) => {
        $(#[$doc])*
        pub type $name<M> = Step<M, $path>;

        #[doc = concat!("Where [`", stringify!($name), "`] is.")]
        pub enum $path {}
    };
}

pub(crate) use {chain, chain_step};

#[cfg(all(test, feature = "blocking"))]
mod tests {
    use weipay_wire::{MerchantId, MerchantSerial, PrivateKey, PublicKeyId};

    use crate::blocking::Client;
    use crate::model::path;

    /// No operation has such a placeholder today; a future one must not put a name into the URL.
    #[test]
    fn a_sensitive_value_of_the_path_is_encrypted() {
        let (merchant, platform) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let client = Client::builder()
            .mchid(MerchantId::new("1900007291").unwrap())
            .merchant_serial(MerchantSerial::new("408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB").unwrap())
            .merchant_key(merchant)
            .public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap(), platform.public_key())
            .build_blocking()
            .unwrap();
        let filled = |row| client.chain("v3/cards").fill(row, "13800138000".to_owned()).request;
        let encrypted = filled(path("phone").encrypted());
        assert_eq!(encrypted.template, "v3/cards/{phone}");
        assert_eq!(platform.decrypt_oaep(&encrypted.values[0].1).unwrap().as_slice(), b"13800138000");
        assert_eq!(filled(path("phone")).values[0].1, "13800138000");
    }
}
