//! The control API (控制接口): what a developer does to a sandbox, on a second listener beside the platform's.
//!
//! It listens on a loopback address, responds only to names of this machine in `Host`, wants the token that stands in
//! `control.json` of the data folder (`Authorization: Bearer ...`), and refuses every request that a web page makes (`Origin`).
//! There are no cookies. `GET /openapi.json` describes it.
//!
//! # To add a route
//!
//! Write a handler, `fn(&Control, &ControlRequest) -> Result<Value, ControlError>`, in the file of its subject below `control/`
//! (a product's in the product's folder), and add one line to the `ROUTES` of that file:
//!
//! ```text
//! Route::post("/clock/set", "Sets the clock to a time, and lets it run", &[Member::text("time", "RFC 3339").required()], set),
//! ```
//!
//! A new file also has its line in `TABLES`, a product's table in its line of `PRODUCTS`. That is all:
//! members of the body or, for `GET` and `DELETE`, of the query are checked before the handler is called, and
//! the OpenAPI document has them. `Value::Null` becomes the status 204. The command's subcommands and other
//! programs call routes with [`Client`].

mod client;
mod clock;
mod faults;
mod listener;
mod log;
mod merchants;
mod notifications;
mod openapi;
pub(crate) mod people;
mod responses;
mod state;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::platform::Platform;
pub use crate::platform::snapshots::PASSING_SNAPSHOT;
use crate::reasons;
use crate::store::StoreError;
pub use client::{Client, ClientError};
pub(crate) use listener::{ControlListener, FILE};

/// The routes that belong to no product.
static TABLES: &[&[Route]] = &[
    clock::ROUTES,
    faults::ROUTES,
    log::ROUTES,
    merchants::ROUTES,
    notifications::ROUTES,
    people::ROUTES,
    state::ROUTES,
    openapi::ROUTES,
];

/// Carries out one route. The request has the members that its route says.
pub(crate) type ControlHandler = fn(&Control, &ControlRequest) -> Result<Value, ControlError>;

/// What handlers work on.
pub(crate) struct Control {
    pub(crate) platform: Arc<Platform>,
}

/// One route.
pub(crate) struct Route {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    members: &'static [Member],
    /// Whether it needs no token.
    is_open: bool,
    handler: ControlHandler,
}

impl Route {
    const fn new(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self { method, path, summary, members, is_open: false, handler }
    }

    pub(crate) const fn get(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("GET", path, summary, members, handler)
    }

    pub(crate) const fn post(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("POST", path, summary, members, handler)
    }

    pub(crate) const fn put(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("PUT", path, summary, members, handler)
    }

    pub(crate) const fn delete(
        path: &'static str,
        summary: &'static str,
        members: &'static [Member],
        handler: ControlHandler,
    ) -> Self {
        Self::new("DELETE", path, summary, members, handler)
    }

    /// It needs no token: nothing of it is secret.
    const fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    fn has_body(&self) -> bool {
        matches!(self.method, "POST" | "PUT")
    }

    /// The values of the placeholders, when this is the route of a path.
    fn values(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let (mut template, mut given) = (self.path.split('/'), path.split('/'));
        let mut values = Vec::new();
        loop {
            match (template.next(), given.next()) {
                (None, None) => return Some(values),
                (Some(template), Some(given)) => match placeholder(template) {
                    Some(name) if !given.is_empty() => values.push((name, decoded(given)?)),
                    None if template == given => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
    }
}

fn placeholder(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// A member of a body, or a parameter of a query.
pub(crate) struct Member {
    name: &'static str,
    kind: MemberKind,
    is_required: bool,
    description: &'static str,
}

#[derive(Clone, Copy)]
enum MemberKind {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Texts,
    Integer,
    Number,
    Boolean,
    /// An object with these members, or with any; the handler reads it.
    Object(&'static [Member]),
    /// A list of such objects.
    Objects(&'static [Member]),
}

impl Member {
    /// Own numbers (商户单号) of merchants are theirs alone, so two can have given the same.
    pub(crate) const WHOSE_NUMBER: Self =
        Self::text("mchid", "The merchant whose number is meant, when several have used it");

    const fn new(name: &'static str, kind: MemberKind, description: &'static str) -> Self {
        Self { name, kind, is_required: false, description }
    }

    pub(crate) const fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Text, description)
    }

    pub(crate) const fn word(
        name: &'static str,
        words: &'static [&'static str],
        description: &'static str,
    ) -> Self {
        Self::new(name, MemberKind::Word(words), description)
    }

    pub(crate) const fn texts(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Texts, description)
    }

    pub(crate) const fn integer(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Integer, description)
    }

    pub(crate) const fn number(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Number, description)
    }

    pub(crate) const fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::new(name, MemberKind::Boolean, description)
    }

    /// `members` are those that the handler looks at; any, where none is named.
    pub(crate) const fn object(
        name: &'static str,
        members: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self::new(name, MemberKind::Object(members), description)
    }

    pub(crate) const fn objects(
        name: &'static str,
        members: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self::new(name, MemberKind::Objects(members), description)
    }

    #[cfg(test)]
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The value of a query as the value of a body.
    fn value_of_query(&self, text: &str) -> Value {
        match self.kind {
            MemberKind::Integer | MemberKind::Number | MemberKind::Boolean => {
                serde_json::from_str(text).unwrap_or_else(|_| text.into())
            }
            MemberKind::Texts => text.split(',').collect(),
            MemberKind::Text | MemberKind::Word(_) | MemberKind::Object(_) | MemberKind::Objects(_) => {
                text.into()
            }
        }
    }

    fn check(&self, value: &Value) -> Result<(), ControlError> {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        let fits = match self.kind {
            MemberKind::Text => is_text(value),
            MemberKind::Word(words) => value.as_str().is_some_and(|text| words.contains(&text)),
            MemberKind::Texts => value.as_array().is_some_and(|items| items.iter().all(is_text)),
            MemberKind::Integer => value.is_i64(),
            MemberKind::Number => value.is_number(),
            MemberKind::Boolean => value.is_boolean(),
            MemberKind::Object(_) => value.is_object(),
            MemberKind::Objects(_) => {
                value.as_array().is_some_and(|items| items.iter().all(Value::is_object))
            }
        };
        if fits {
            return Ok(());
        }
        let wanted = match self.kind {
            MemberKind::Text => "a text that is not empty".to_owned(),
            MemberKind::Word(words) => format!("one of {}", words.join(", ")),
            MemberKind::Texts => "a list of texts".to_owned(),
            MemberKind::Integer => "an integer".to_owned(),
            MemberKind::Number => "a number".to_owned(),
            MemberKind::Boolean => "true or false".to_owned(),
            MemberKind::Object(_) => "an object".to_owned(),
            MemberKind::Objects(_) => "a list of objects".to_owned(),
        };
        Err(ControlError::invalid(format!("`{}` must be {wanted}", self.name)))
    }
}

#[cfg(test)]
thread_local! {
    /// The members that handlers have asked for on this thread.
    static READ: std::cell::RefCell<std::collections::BTreeSet<String>> =
        const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

/// A request whose members fit its route.
pub(crate) struct ControlRequest {
    path: Vec<(&'static str, String)>,
    members: Map<String, Value>,
}

impl ControlRequest {
    fn read(
        route: &Route,
        path: Vec<(&'static str, String)>,
        query: &str,
        body: &[u8],
    ) -> Result<Self, ControlError> {
        let members = if route.has_body() { read_body(body)? } else { read_query(route, query)? };
        for name in members.keys() {
            if route.members.iter().all(|member| member.name != name) {
                let known: Vec<_> = route.members.iter().map(|member| member.name).collect();
                return Err(ControlError::invalid(format!(
                    "unknown member `{}`; this route has: {}",
                    name.escape_debug(),
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                )));
            }
        }
        for member in route.members {
            match members.get(member.name) {
                None | Some(Value::Null) if member.is_required => {
                    return Err(ControlError::invalid(format!("`{}` is missing", member.name)));
                }
                None | Some(Value::Null) => {}
                Some(value) => member.check(value)?,
            }
        }
        Ok(Self { path, members })
    }

    /// The value of a placeholder.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A member as it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        #[cfg(test)]
        READ.with_borrow_mut(|read| read.insert(name.to_owned()));
        self.members.get(name).filter(|value| !value.is_null())
    }
}

fn read_body(body: &[u8]) -> Result<Map<String, Value>, ControlError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(ControlError::invalid("the body must be a JSON object".to_owned())),
    }
}

fn read_query(route: &Route, query: &str) -> Result<Map<String, Value>, ControlError> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| ControlError::invalid(reasons::QUERY_NOT_UTF8))?;
            let member = route.members.iter().find(|member| member.name == name);
            Ok((name.to_owned(), member.map_or(Value::Null, |member| member.value_of_query(&value))))
        })
        .collect()
}

/// Why a route did nothing.
#[derive(Debug)]
pub(crate) struct ControlError {
    status: u16,
    code: &'static str,
    message: String,
}

impl ControlError {
    /// 400: the request makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: "INVALID", message: message.into() }
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: 404, code: "NOT_FOUND", message: message.into() }
    }

    /// 409: it is there already.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { status: 409, code: "CONFLICT", message: message.into() }
    }

    /// 500: the sandbox failed.
    pub(crate) fn failed(error: impl fmt::Display) -> Self {
        Self { status: 500, code: "FAILED", message: format!("{error:#}") }
    }

    /// 503: not yet, or not any more.
    fn not_ready(error: impl fmt::Display) -> Self {
        Self { status: 503, code: "NOT_READY", message: format!("{error:#}") }
    }
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}

/// What is sent back: a status, and JSON.
struct ControlResponse {
    status: u16,
    body: Option<Value>,
}

impl From<ControlError> for ControlResponse {
    fn from(error: ControlError) -> Self {
        let ControlError { status, code, message } = error;
        Self { status, body: Some(json!({ "code": code, "message": message })) }
    }
}

impl Control {
    fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let of_products = self.platform.products.iter().map(|product| product.control);
        TABLES.iter().copied().chain(of_products).flatten()
    }

    /// Carries out a request that came from this machine. `is_trusted` when it has the token.
    fn respond(&self, method: &str, target: &str, body: &[u8], is_trusted: bool) -> ControlResponse {
        self.outcome(method, target, body, is_trusted).unwrap_or_else(ControlResponse::from)
    }

    fn outcome(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
        is_trusted: bool,
    ) -> Result<ControlResponse, ControlError> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let found: Vec<_> = self.routes().filter_map(|route| Some((route, route.values(path)?))).collect();
        let methods: Vec<_> = found.iter().map(|(route, _)| route.method).collect();
        let of_method = found.into_iter().find(|(route, _)| route.method == method);
        if !is_trusted && of_method.as_ref().is_none_or(|(route, _)| !route.is_open) {
            return Err(ControlError {
                status: 401,
                code: "UNAUTHORIZED",
                message: format!(
                    "send `Authorization: Bearer TOKEN` with the token of {FILE} in the data folder"
                ),
            });
        }
        let Some((route, values)) = of_method else {
            if methods.is_empty() {
                return Err(ControlError::not_found("no route has this path; GET /openapi.json lists them"));
            }
            let message = format!("this path takes {}", methods.join(", "));
            return Err(ControlError { status: 405, code: "OTHER_METHOD", message });
        };
        let request = ControlRequest::read(route, values, query, body)?;
        let value = (route.handler)(self, &request)?;
        #[cfg(test)]
        responses::check(route, &value);
        Ok(match value {
            Value::Null => ControlResponse { status: 204, body: None },
            value => ControlResponse { status: 200, body: Some(value) },
        })
    }
}

#[cfg(test)]
mod tests;
