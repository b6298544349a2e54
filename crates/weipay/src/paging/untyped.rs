//! The pages of a list that is called without types.

use std::borrow::Cow;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Pages;
use super::cursor::kind_of;
use super::request::{PageRequest, pages};
use crate::call::{Call, json_of};
use crate::delivery::Mode;
use crate::error::RequestError;
use crate::members::{Members, Place};
use crate::model::table::Purpose;

struct Untyped<M: Mode> {
    call: Call<M>,
    method: Method,
    body: Result<Option<Value>, RequestError>,
    /// What the catalogue has in the query and in the body, if it has the operation.
    members: Option<[Members; 2]>,
}

impl<M: Mode> Clone for Untyped<M> {
    fn clone(&self) -> Self {
        let Self { call, method, body, members } = self;
        Self { call: call.clone(), method: method.clone(), body: body.clone(), members: *members }
    }
}

impl<M: Mode> Untyped<M> {
    /// Whether the field with this purpose is in the query, and its name.
    fn field(&self, purpose: Purpose) -> Option<(bool, &'static str)> {
        let [query, body] = self.members?;
        let in_query = query.with_purpose(purpose).map(|(_, member)| (true, member.name));
        in_query.or_else(|| body.with_purpose(purpose).map(|(_, member)| (false, member.name)))
    }
}

impl<M: Mode> PageRequest<M, Value> for Untyped<M> {
    fn get(&self, purpose: Purpose) -> Option<String> {
        let (is_in_query, name) = self.field(purpose)?;
        if is_in_query {
            return self.call.request.query_value(name).map(Cow::into_owned);
        }
        match self.body.as_ref().ok()?.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    fn set(&mut self, purpose: Purpose, value: String) {
        let Some((is_in_query, name)) = self.field(purpose) else { return };
        if is_in_query {
            return self.call.request.set_query(name, value);
        }
        let Ok(body) = &mut self.body else { return };
        if let Some(members) = body.get_or_insert_with(|| Value::Object(Map::new())).as_object_mut() {
            // As the caller wrote it: a number, or a text with one.
            let is_number = members.get(name).is_some_and(Value::is_number);
            let number = value.parse::<u64>().ok().filter(|_| is_number);
            members.insert(name.to_owned(), number.map_or(Value::String(value), Value::from));
        }
    }

    fn send(self) -> M::Output<Value> {
        match self.body {
            Ok(body) => self.call.request(self.method, body),
            Err(error) => self.call.failed(error).request(self.method, ()),
        }
    }
}

impl<M: Mode> Call<M> {
    /// The pages of a list that a GET returns: see [`paging`](crate::paging).
    pub fn pages(self) -> Pages<M> {
        self.pages_with(Method::GET, ())
    }

    /// The pages of a list that another method returns, such as those of APIv2.
    pub fn pages_with(self, method: Method, body: impl Serialize) -> Pages<M> {
        let operation = self.request.find_operation(&method);
        let members = operation.map(|row| [row.members(Place::Query), row.members(Place::Body)]);
        // A call that cannot be sent must report that, and not that it has no pages.
        let has_failed = self.request.check_recorded().is_err();
        let kind = members.and_then(kind_of).or(has_failed.then_some(Purpose::PageOffset));
        let body = json_of(&body).map(|body| body.and_then(|body| serde_json::from_str(&body).ok()));
        pages(operation, kind, Untyped { call: self, method, body, members })
    }
}
