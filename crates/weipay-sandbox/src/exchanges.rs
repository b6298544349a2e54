//! The log of the last requests (请求记录): request, response, and the reason of a failure. The newest stay, within a
//! number of bytes.
//!
//! Nothing is parsed while a request is served: what is kept is one copy of its bytes, in memory only. They are
//! [masked](mask) when they are read, and cannot be read otherwise.

mod exchange;
pub(crate) mod mask;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::explain::SignatureExplanation;
use crate::faults::FAULT_HEADER;
use crate::log::LogEntry;
use crate::platform::Request;
use crate::response::{REASON_HEADER, Response, decode_reason};
pub use exchange::Exchange;

/// How many bytes are kept by default.
pub(crate) const DEFAULT_BYTES: usize = 8 * 1024 * 1024;

/// Of a longer body only the length is kept.
const MAX_BODY: usize = 64 * 1024;

/// The newest requests, with their responses.
#[derive(Debug)]
pub(crate) struct Exchanges {
    max_bytes: usize,
    ring: Mutex<Ring>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Kept>,
    bytes: usize,
    /// The number of the newest.
    last: u64,
}

/// One request, not masked. It has no `Debug` that prints it.
#[derive(Clone)]
struct Kept {
    number: u64,
    size: usize,
    content: Arc<Content>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("number", &self.number).field("size", &self.size).finish_non_exhaustive()
    }
}

enum Content {
    /// A request and its response.
    Whole(Whole),
    /// An entry with only a line: a connection without a request, an attempt to deliver a notification.
    Line(LogEntry),
}

struct Whole {
    time: i64,
    took: Duration,
    /// `None` when a fault kept the response from the client.
    status: Option<u16>,
    fault: Option<String>,
    code: Option<&'static str>,
    reason: Option<String>,
    is_example: bool,
    explanation: Option<Box<SignatureExplanation>>,
    /// Method, target, header fields and body of the request, then header fields and body of the response, one after the other.
    bytes: Box<[u8]>,
    /// Where each of them ends.
    ends: [usize; 6],
    /// The lengths of both bodies, which may be longer than what was kept of them.
    lengths: [usize; 2],
}

impl Whole {
    fn part(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }
}

/// A part of the list of what is kept.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) exchanges: Vec<Exchange>,
    /// The position after which the next page begins.
    pub(crate) next: u64,
    /// How many after the given number are gone already.
    pub(crate) dropped: u64,
}

impl Exchanges {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, ring: Mutex::default(), changed: Notify::new() }
    }

    /// Keeps a request and its response.
    pub(crate) fn keep(&self, request: &Request, response: &Response, took: Duration) {
        if self.max_bytes == 0 {
            return;
        }
        let message = || response.message.clone();
        let whole = Whole {
            time: Clock::System.now(),
            took,
            status: response.delivery.has_status().then_some(response.status),
            fault: response.header(FAULT_HEADER).map(str::to_owned),
            code: response.code(),
            reason: response.header(REASON_HEADER).map(decode_reason).or_else(message),
            is_example: response.is_example(),
            explanation: response.explanation.clone(),
            bytes: Box::default(),
            ends: [0; 6],
            lengths: [request.body.len(), response.body.len()],
        };
        let whole = whole.with_bytes(request, response);
        let size = whole.bytes.len()
            + whole.reason.as_ref().map_or(0, String::len)
            + whole.explanation.as_ref().map_or(0, |explanation| explanation.size())
            + size_of::<Whole>();
        self.add(Content::Whole(whole), size);
    }

    /// Keeps what has only a line.
    pub(crate) fn note(&self, entry: LogEntry) {
        if self.max_bytes == 0 {
            return;
        }
        let size = size_of::<LogEntry>() + entry.path.len() + entry.reason.as_ref().map_or(0, String::len);
        self.add(Content::Line(entry), size);
    }

    fn add(&self, content: Content, size: usize) {
        let size = size + size_of::<Kept>();
        let mut ring = self.ring();
        ring.last += 1;
        let number = ring.last;
        // What is dropped is freed after the lock is released.
        let mut gone = Vec::new();
        if size <= self.max_bytes {
            ring.bytes += size;
            ring.kept.push_back(Kept { number, size, content: Arc::new(content) });
        }
        while ring.bytes > self.max_bytes
            && let Some(oldest) = ring.kept.pop_front()
        {
            ring.bytes -= oldest.size;
            gone.push(oldest);
        }
        drop(ring);
        self.changed.notify_waiters();
    }

    /// The entries after `after`, or the newest ones, oldest first.
    pub(crate) fn page(&self, after: Option<u64>, limit: usize, only_failed: bool) -> Page {
        let ring = self.ring();
        let first = ring.kept.front().map_or(ring.last + 1, |kept| kept.number);
        let is_wanted = |kept: &&Kept| !only_failed || kept.is_failed();
        let Some(after) = after else {
            let mut newest: Vec<_> = ring.kept.iter().rev().filter(is_wanted).take(limit).cloned().collect();
            let next = ring.last;
            drop(ring);
            newest.reverse();
            return Page { exchanges: newest.iter().map(Exchange::from_kept).collect(), next, dropped: 0 };
        };
        let start = ring.kept.partition_point(|kept| kept.number <= after);
        let mut found: Vec<_> = ring.kept.range(start..).filter(is_wanted).take(limit).cloned().collect();
        let mut next = ring.last.max(after);
        // Masking takes longer than requests may wait.
        drop(ring);
        if let Some(last) = found.last().filter(|_| found.len() == limit) {
            next = last.number;
        }
        let exchanges = found.drain(..).map(|kept| Exchange::from_kept(&kept)).collect();
        Page { exchanges, next, dropped: first.saturating_sub(after.saturating_add(1)) }
    }

    /// One, if it is still kept.
    pub(crate) fn find(&self, number: u64) -> Option<Exchange> {
        let ring = self.ring();
        let index = ring.kept.binary_search_by_key(&number, |kept| kept.number).ok()?;
        let kept = ring.kept.get(index).cloned();
        drop(ring);
        kept.as_ref().map(Exchange::from_kept)
    }

    /// Waits until something came after `after`.
    pub(crate) async fn changed_after(&self, after: u64, only_failed: bool) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if self.has_any_after(after, only_failed) {
                return;
            }
            changed.await;
        }
    }

    fn has_any_after(&self, after: u64, only_failed: bool) -> bool {
        let ring = self.ring();
        ring.kept
            .iter()
            .rev()
            .take_while(|kept| kept.number > after)
            .any(|kept| !only_failed || kept.is_failed())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_failed(&self) -> bool {
        match &*self.content {
            // A refusal of APIv2 has the status of a success.
            Content::Whole(whole) => whole.code.is_some() || whole.status.is_none_or(|status| status >= 400),
            Content::Line(entry) => entry.is_failed(),
        }
    }
}

impl Whole {
    fn with_bytes(mut self, request: &Request, response: &Response) -> Self {
        let kept = |body: &'_ [u8]| if body.len() > MAX_BODY { 0 } else { body.len() };
        let length = |headers: &http::HeaderMap| -> usize {
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum()
        };
        let capacity = request.method.len()
            + request.target.len()
            + length(&request.headers)
            + length(&response.headers)
            + kept(&request.body)
            + kept(&response.body);
        let mut bytes = Vec::with_capacity(capacity);
        let fields = |bytes: &mut Vec<u8>, headers: &http::HeaderMap| {
            for (name, value) in headers {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.push(b':');
                bytes.extend_from_slice(value.as_bytes());
                bytes.push(b'\n');
            }
        };
        let mut ends = [0; 6];
        bytes.extend_from_slice(request.method.as_bytes());
        ends[0] = bytes.len();
        bytes.extend_from_slice(request.target.as_bytes());
        ends[1] = bytes.len();
        fields(&mut bytes, &request.headers);
        ends[2] = bytes.len();
        bytes.extend_from_slice(request.body.get(..kept(&request.body)).unwrap_or_default());
        ends[3] = bytes.len();
        fields(&mut bytes, &response.headers);
        ends[4] = bytes.len();
        bytes.extend_from_slice(response.body.get(..kept(&response.body)).unwrap_or_default());
        ends[5] = bytes.len();
        (self.bytes, self.ends) = (bytes.into_boxed_slice(), ends);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: usize) -> Request {
        let target = "/v3/marketing/busifavor/stocks".to_owned();
        Request { method: "POST".to_owned(), target, body: vec![b'x'; length], ..Request::default() }
    }

    fn keep(exchanges: &Exchanges, length: usize, status: u16) {
        exchanges.keep(&request(length), &Response::empty(status), Duration::ZERO);
    }

    #[test]
    fn the_newest_stay_within_the_bytes_and_the_oldest_go() {
        let exchanges = Exchanges::new(100_000);
        for _ in 0..1_000 {
            keep(&exchanges, 10_000, 200);
        }
        let ring = exchanges.ring();
        let held: usize = ring.kept.iter().map(|kept| kept.size).sum();
        assert_eq!(held, ring.bytes);
        assert!(held <= 100_000 && ring.kept.len() >= 8, "{held} in {}", ring.kept.len());
        assert_eq!(ring.kept.back().unwrap().number, 1_000);
    }

    #[test]
    fn of_a_long_body_only_the_length_is_kept() {
        let exchanges = Exchanges::new(DEFAULT_BYTES);
        keep(&exchanges, 500_000, 200);
        assert!(exchanges.ring().bytes < 2_000);
        assert_eq!(exchanges.find(1).unwrap().request_body, "(500000 bytes)");
        let nothing = Exchanges::new(0);
        keep(&nothing, 10, 200);
        assert!(nothing.page(None, 10, false).exchanges.is_empty());
    }

    #[test]
    fn pages_follow_one_another_and_tell_what_is_gone() {
        let exchanges = Exchanges::new(20_000);
        for number in 0..10 {
            keep(&exchanges, 10, if number % 2 == 0 { 200 } else { 400 });
        }
        let numbers = |page: &Page| page.exchanges.iter().map(|one| one.number).collect::<Vec<_>>();
        let first = exchanges.page(Some(0), 3, true);
        assert_eq!((numbers(&first), first.next, first.dropped), (vec![2, 4, 6], 6, 0));
        let second = exchanges.page(Some(first.next), 3, true);
        assert_eq!((numbers(&second), second.next), (vec![8, 10], 10));
        assert_eq!(numbers(&exchanges.page(None, 2, false)), [9, 10]);
        for _ in 0..100 {
            keep(&exchanges, 1_000, 200);
        }
        assert!(exchanges.page(Some(10), 1, false).dropped > 50);
        assert!(exchanges.find(1).is_none());
    }
}
