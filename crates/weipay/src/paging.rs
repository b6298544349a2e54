//! Paged lists (分页查询): one page after the other, up to the end of the list.
//!
//! The catalogue knows which operations give a list in pages, and by which fields: how many items come before a page, its number,
//! or a token that the previous page returned. Typed operations have `pages` next to their verb, and calls without types have
//! [`Call::pages`](crate::Call::pages). Both start at the page that the request names, and keep its page size.
//!
#![cfg_attr(
    all(feature = "blocking", feature = "marketing"),
    doc = r#"
```no_run
# fn run(client: weipay::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
use weipay::v3::marketing::favor::stocks::get::Request;

let request = Request::new().offset(0).limit(10).stock_creator_mchid("1900000001");
for page in client.v3().marketing().favor().stocks().pages(request) {
    for stock in page?.decode()?.data.unwrap_or_default() {
        println!("{:?}", stock.stock_id);
    }
}
# Ok(())
# }
```
"#
)]
//! The async client waits for each page with `next`, which a program may drop without losing its place:
//!
#![cfg_attr(
    feature = "async",
    doc = r#"
```no_run
# async fn run(client: weipay::Client) -> Result<(), Box<dyn std::error::Error>> {
let call = client.chain("v3/marketing/favor/stocks").query("offset", 0).query("limit", 10);
let mut stocks = call.query("stock_creator_mchid", "1900000001").pages().items();
while let Some(stock) = stocks.next().await {
    println!("{}", stock?["stock_id"]);
}
# Ok(())
# }
```
"#
)]
//! With the feature `stream`, [`Pages`] and [`Items`] of the async client are also streams of `futures-core`
//! 0.3, for functions that take a stream.
//!
//! If a page fails, you get an error, and the next request asks for the same page again; after three failures in a row
//! the list ends. A list that ended after an error is incomplete. It is also an error if a list ends before all of its
//! items were read, or if a page has an earlier offset than the requested one.

mod cursor;
mod request;
#[cfg(feature = "stream")]
mod stream;
mod typed;
mod untyped;

use std::collections::VecDeque;
use std::fmt;
#[cfg(feature = "stream")]
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use serde_json::Value;

use crate::delivery::Mode;
use crate::error::{DecodeError, Error};
use crate::members::{Member, Members, is_name};
use crate::model::table::Purpose;
use crate::operation::{ApiVersion, Operation};
use crate::response::{Decode, Response};
use cursor::{Facts, Paging, Step};
pub use cursor::{PageCursor, PageError};

/// How many pages of one list are read, if the caller sets no limit.
const MAX_PAGES: u32 = 10_000;

/// How often a page may fail in a row. A program that skips errors must end at some point.
const MAX_FAILURES: u32 = 3;

/// Requests the page at a cursor.
type Ask<M, T> = Box<dyn Fn(&PageCursor) -> <M as Mode>::Output<T> + Send + Sync>;

/// The pages of a list. With the blocking client it is an iterator; with the async one `next().await` gives
/// the next page, and with the feature `stream` it is a stream.
#[must_use = "no page is requested until you read one"]
pub struct Pages<M: Mode, T: Decode = Value> {
    ask: Ask<M, T>,
    paging: Option<Paging>,
    operation: Option<&'static Operation>,
    max_pages: u32,
    read: u32,
    failures: u32,
    has_ended: bool,
    /// The call of a stream, while it waits. Nothing ever waits for the lock, which makes the pages `Sync`: a
    /// call is only `Send`.
    #[cfg(feature = "stream")]
    waiting: Mutex<Option<M::Output<T>>>,
}

/// A page of a list.
#[derive(Clone)]
pub struct Page<T = Value> {
    response: Response<T>,
    json: Value,
    items: Option<(Vec<Member>, Member)>,
    total: Option<u64>,
}

impl<T: Decode> Page<T> {
    /// The response, which was verified.
    #[must_use]
    pub fn response(&self) -> &Response<T> {
        &self.response
    }

    /// How many items the whole list has, if this page or one before it said so.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The items as JSON, with sensitive fields decrypted.
    #[must_use]
    pub fn items(&self) -> Vec<Value> {
        let found = self.items.as_ref().and_then(|(path, member)| {
            let object = inside(&self.json, path)?;
            object.get(member.name).and_then(Value::as_array).cloned()
        });
        found.unwrap_or_default()
    }

    /// See [`Response::decode`].
    ///
    /// # Errors
    ///
    /// Those of [`Response::decode`].
    pub fn decode(&self) -> Result<T, Error> {
        self.response.decode()
    }
}

impl<T: Decode> fmt::Debug for Page<T> {
    /// Its items may be personal.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Page").field("response", &self.response).field("total", &self.total).finish()
    }
}

impl<M: Mode, T: Decode> Pages<M, T> {
    fn new(operation: Option<&'static Operation>, paging: Option<Paging>, ask: Ask<M, T>) -> Self {
        Self {
            ask,
            paging,
            operation,
            max_pages: MAX_PAGES,
            read: 0,
            failures: 0,
            has_ended: false,
            #[cfg(feature = "stream")]
            waiting: Mutex::default(),
        }
    }

    /// The maximum number of pages to read; the default is 10,000. A longer list ends with an error; with 0 the first page is
    /// one.
    pub fn max_pages(mut self, max_pages: u32) -> Self {
        self.max_pages = max_pages;
        self
    }

    /// The position of the next page. You can store it and resume the list from there later.
    #[must_use]
    pub fn cursor(&self) -> Option<&PageCursor> {
        self.paging.as_ref().map(|paging| &paging.cursor)
    }

    /// The items of all pages, one after the other. `items` takes them out of the body of a page; `None` is an empty page.
    pub fn items_by<I, F: FnMut(T) -> Option<Vec<I>>>(self, items: F) -> Items<M, T, I, F> {
        Items { pages: self, take: items, queue: VecDeque::new() }
    }

    /// The request for the next page, or what comes in its place.
    fn begin(&mut self) -> Result<M::Output<T>, Option<PageError>> {
        if self.has_ended {
            return Err(None);
        }
        let Some(paging) = &self.paging else {
            self.has_ended = true;
            return Err(Some(PageError::NotPaged));
        };
        if self.read >= self.max_pages {
            self.has_ended = true;
            return Err(Some(PageError::TooManyPages(self.max_pages)));
        }
        Ok((self.ask)(&paging.cursor))
    }

    /// Judges what came.
    fn take(&mut self, outcome: Result<Response<T>, Error>) -> Option<Result<Page<T>, PageError>> {
        let page = outcome.and_then(|response| {
            let json = response.json()?;
            // A page that cannot be read is asked for again, so its place must not be left.
            response.check_readable()?;
            match self.operation.and_then(|operation| without_list(&json, operation)) {
                Some(error) => Err(response.unreadable(error)),
                None => Ok((response, json)),
            }
        });
        // An accepted request (202) is no page. To take it for the last one would leave items out.
        let page = match page {
            Ok((response, _)) if is_no_page(&response) => Err(PageError::NoPage(response.status())),
            Ok(page) => Ok(page),
            Err(error) => Err(PageError::Call(error)),
        };
        let members = self
            .operation
            .map_or(Members::NONE, |operation| operation.members(crate::members::Place::Response));
        let offset = self.operation.and_then(offset_of);
        let paging = self.paging.as_mut()?;
        let page = page.and_then(|(response, json)| {
            let facts = facts(&json, members, offset);
            paging.is_another(&facts).map_or(Ok((response, json, facts)), Err)
        });
        let (response, json, facts) = match page {
            Ok(page) => page,
            Err(error) => {
                self.failures += 1;
                self.has_ended = self.failures >= MAX_FAILURES;
                return Some(Err(error));
            }
        };
        (self.failures, self.read) = (0, self.read + 1);
        match paging.took(&facts) {
            Step::More => {}
            Step::End => self.has_ended = true,
            // This page is good; what follows is not.
            Step::Broken(error) if facts.items == 0 => {
                self.has_ended = true;
                return Some(Err(error));
            }
            Step::Broken(error) => paging.broken = Some(error),
        }
        let total = paging.total;
        Some(Ok(Page { response, json, items: members.with_purpose(Purpose::PageItems), total }))
    }

    /// The error that the previous page left.
    fn left(&mut self) -> Option<PageError> {
        let error = self.paging.as_mut()?.broken.take()?;
        self.has_ended = true;
        Some(error)
    }
}

/// Whether a success has no page: it says "accepted" (202), or nothing where a body belongs. With 204 the
/// platform says itself that there is none.
fn is_no_page<T>(response: &Response<T>) -> bool {
    let is_empty = response.bytes().trim_ascii().is_empty();
    response.status() == StatusCode::ACCEPTED || is_empty && response.status() != StatusCode::NO_CONTENT
}

#[cfg(feature = "stream")]
impl<M: Mode, T: Decode> Pages<M, T> {
    /// The call that waited when the stream was last polled.
    fn take_waiting(&mut self) -> Option<M::Output<T>> {
        self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep_waiting(&mut self, call: M::Output<T>) {
        *self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }
}

impl<M: Mode> Pages<M, Value> {
    /// The items of all pages as JSON, one after the other.
    pub fn items(self) -> Items<M, Value, Value, impl FnMut(Value) -> Option<Vec<Value>>> {
        let members = self
            .operation
            .map_or(Members::NONE, |operation| operation.members(crate::members::Place::Response));
        let found = members.with_purpose(Purpose::PageItems);
        self.items_by(move |body| {
            let (path, member) = found.as_ref()?;
            let object = inside(&body, path)?;
            object.get(member.name).and_then(Value::as_array).cloned()
        })
    }
}

/// The object at the end of a path; JSON text on the way is read.
fn inside(json: &Value, path: &[Member]) -> Option<Value> {
    path.iter().try_fold(json.clone(), |object, member| match object.get(member.name)? {
        Value::String(text) if member.is_json_text => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
    })
}

/// Why a page gives no items although it has something at their place. Nothing there is an empty page.
fn without_list(json: &Value, operation: &Operation) -> Option<DecodeError> {
    let members = operation.members(crate::members::Place::Response);
    let (path, member) = members.with_purpose(Purpose::PageItems)?;
    let is_list = match inside(json, &path)?.get(member.name)? {
        Value::Array(_) | Value::Null => true,
        // XML has texts only.
        Value::String(text) => text.is_empty() || operation.version() == ApiVersion::V2,
        _ => false,
    };
    let path = path.iter().chain([&member]).map(|member| member.name).collect::<Vec<_>>().join(".");
    (!is_list).then(|| DecodeError { path, reason: "expected an array".to_owned() })
}

/// The field of the request with the offset of a page. Responses that have it too repeat it.
fn offset_of(operation: &Operation) -> Option<&'static str> {
    let mut places = [crate::members::Place::Query, crate::members::Place::Body].into_iter();
    places.find_map(|place| Some(operation.members(place).with_purpose(Purpose::PageOffset)?.1.name))
}

/// The facts that a page has about itself. `offset` is the name of the field with its offset.
fn facts(json: &Value, members: Members, offset: Option<&str>) -> Facts {
    let found = |purpose| {
        let (path, member) = members.with_purpose(purpose)?;
        Some((inside(json, &path)?, member))
    };
    let text = |purpose| {
        let (object, member) = found(purpose)?;
        match object.get(member.name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    };
    let items = found(Purpose::PageItems).map_or(0, |(object, member)| match object.get(member.name) {
        Some(Value::Array(items)) => items.len(),
        Some(_) => 0,
        // Elements with numbers.
        None => object.as_object().map_or(0, |object| {
            object.keys().filter(|name| member.name.contains('$') && is_name(member.name, name)).count()
        }),
    });
    let offset = offset.and_then(|name| match json.get(name)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    });
    Facts {
        offset,
        items: u64::try_from(items).unwrap_or(u64::MAX),
        total: text(Purpose::PageTotal).and_then(|total| total.parse().ok()),
        next: text(Purpose::PageNext).filter(|next| !next.is_empty()),
    }
}

impl<M: Mode, T: Decode> fmt::Debug for Pages<M, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pages")
            .field("operation", &self.operation)
            .field("cursor", &self.cursor())
            .finish_non_exhaustive()
    }
}

/// The items of a list, whatever page they are on. With the blocking client it is an iterator; with the async one `next().await`
/// gives the next item, and with the feature `stream` it is a stream.
#[must_use = "no page is requested until you read an item"]
pub struct Items<M: Mode, T: Decode, I, F> {
    pages: Pages<M, T>,
    take: F,
    queue: VecDeque<I>,
}

impl<M: Mode, T: Decode, I, F: FnMut(T) -> Option<Vec<I>>> Items<M, T, I, F> {
    /// How many pages are read at most: see [`Pages::max_pages`].
    pub fn max_pages(mut self, max_pages: u32) -> Self {
        self.pages = self.pages.max_pages(max_pages);
        self
    }

    /// The page that is asked for next: see [`Pages::cursor`].
    #[must_use]
    pub fn cursor(&self) -> Option<&PageCursor> {
        self.pages.cursor()
    }

    fn fill(&mut self, page: Result<Page<T>, PageError>) -> Result<(), PageError> {
        let body = page?.decode().map_err(PageError::Call)?;
        self.queue.extend((self.take)(body).into_iter().flatten());
        Ok(())
    }
}

impl<M: Mode, T: Decode, I, F> fmt::Debug for Items<M, T, I, F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Items").field("pages", &self.pages).finish_non_exhaustive()
    }
}

#[cfg(feature = "async")]
impl<T: Decode> Pages<crate::delivery::Async, T> {
    /// The next page; `None` after the last one. If the future is dropped, or gives an error of the call, the
    /// same page is asked for again; a page that fails three times in a row ends the list.
    pub async fn next(&mut self) -> Option<Result<Page<T>, PageError>> {
        #[cfg(feature = "stream")]
        drop(self.take_waiting());
        if let Some(error) = self.left() {
            return Some(Err(error));
        }
        match self.begin() {
            Ok(call) => {
                let outcome = call.await;
                self.take(outcome)
            }
            Err(instead) => instead.map(Err),
        }
    }
}

#[cfg(feature = "async")]
impl<T: Decode, I, F: FnMut(T) -> Option<Vec<I>>> Items<crate::delivery::Async, T, I, F> {
    /// The next item; `None` after the last one. See [`Pages::next`].
    pub async fn next(&mut self) -> Option<Result<I, PageError>> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(Ok(item));
            }
            let page = self.pages.next().await?;
            if let Err(error) = self.fill(page) {
                return Some(Err(error));
            }
        }
    }
}

#[cfg(feature = "blocking")]
impl<T: Decode> Iterator for Pages<crate::delivery::Blocking, T> {
    type Item = Result<Page<T>, PageError>;

    /// The next page. After an error of the call the same page is asked for again; a page that fails three
    /// times in a row ends the list.
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.left() {
            return Some(Err(error));
        }
        match self.begin() {
            Ok(outcome) => self.take(outcome),
            Err(instead) => instead.map(Err),
        }
    }
}

#[cfg(feature = "blocking")]
impl<T: Decode, I, F: FnMut(T) -> Option<Vec<I>>> Iterator for Items<crate::delivery::Blocking, T, I, F> {
    type Item = Result<I, PageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(Ok(item));
            }
            let page = self.pages.next()?;
            if let Err(error) = self.fill(page) {
                return Some(Err(error));
            }
        }
    }
}
