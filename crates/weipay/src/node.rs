//! The property style (属性式): `client["v3/marketing/busifavor/coupons/disassociate"].post(..)`.
//!
//! Indexing must give a reference that lives as long as the client, so all paths that were ever indexed are
//! kept in an append-only tree, which needs no locks. A look-up walks the siblings of each segment in the
//! order in which they were first indexed. That is fast for the paths of the API, which have few siblings,
//! and slower the more ids are indexed as paths. Nodes are freed only with the client, so the tree has a
//! limit: index by templates, and give ids as path values.

use std::fmt::{self, Display};
use std::ops::Index;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::delivery::{Mode, Shared};
use crate::download::Download;
use crate::error::Error;
use crate::model::Sensitive;
use crate::operation::Operation;
use crate::paging::Pages;
use crate::untyped::{Inspection, SensitiveTexts};
use crate::upload::File;
use crate::url::without_query;

/// The segment of a slash at the end of a path. It is a node too, so that `client["v3/pay/"]["transactions"]` can continue
/// after it.
const LAST_SLASH: &str = "/";

/// More than the whole API has. Beyond the limit, indexing gives a node whose verbs report the error.
const MAX_NODES: usize = 8_192;

/// A path of the API, without values: start a call from it by setting something or by a verb.
pub struct Node<M: Mode> {
    segment: Box<str>,
    path: Box<str>,
    shared: Arc<Shared<M>>,
    count: Arc<AtomicUsize>,
    child: OnceLock<Box<Self>>,
    next: OnceLock<Box<Self>>,
    /// The node for every path beyond the limit. That node itself has none.
    overflow: Option<Arc<Self>>,
}

impl<M: Mode> Node<M> {
    pub(crate) fn root(shared: Arc<Shared<M>>) -> Self {
        let count = Arc::new(AtomicUsize::new(0));
        // No path can contain spaces, so a call of this one fails before anything is sent, and the error contains this text.
        let text = "(too many different paths were indexed: index by templates and give ids with .path(name, value))";
        let overflow = Self::bare("", text.into(), &shared, &count, None);
        Self::bare("", "".into(), &shared, &count, Some(Arc::new(overflow)))
    }

    fn bare(
        segment: &str,
        path: Box<str>,
        shared: &Arc<Shared<M>>,
        count: &Arc<AtomicUsize>,
        overflow: Option<Arc<Self>>,
    ) -> Self {
        Self {
            segment: segment.into(),
            path,
            shared: Arc::clone(shared),
            count: Arc::clone(count),
            child: OnceLock::new(),
            next: OnceLock::new(),
            overflow,
        }
    }

    /// The node of one more segment, or `None` if the tree is full.
    fn step(&self, segment: &str) -> Option<&Self> {
        let mut slot = &self.child;
        loop {
            if slot.get().is_none() && self.count.load(Ordering::Relaxed) >= MAX_NODES {
                return None;
            }
            let node = slot.get_or_init(|| {
                self.count.fetch_add(1, Ordering::Relaxed);
                let path = match () {
                    () if self.path.is_empty() => segment.into(),
                    () if segment == LAST_SLASH => format!("{}/", self.path).into(),
                    () if &*self.segment == LAST_SLASH => format!("{}{segment}", self.path).into(),
                    () => format!("{}/{segment}", self.path).into(),
                };
                Box::new(Self::bare(segment, path, &self.shared, &self.count, self.overflow.clone()))
            });
            if &*node.segment == segment {
                return Some(node);
            }
            // Another segment is here, perhaps just added by another thread: go on.
            slot = &node.next;
        }
    }

    /// A doubled slash gives an empty segment, which the verb reports as an error.
    fn at(&self, path: &str) -> &Self {
        let path = path.trim_start_matches('/');
        if path.is_empty() {
            return self;
        }
        let (path, last) = match path.strip_suffix('/') {
            Some(path) => (path, Some(LAST_SLASH)),
            None => (path, None),
        };
        let found = path.split('/').chain(last).try_fold(self, Self::step);
        found.unwrap_or_else(|| self.overflow.as_deref().unwrap_or(self))
    }

    /// The path.
    pub fn template(&self) -> &str {
        &self.path
    }

    fn call(&self) -> Call<M> {
        Call::new(Arc::clone(&self.shared), self.path.to_string())
    }

    /// See [`Call::path`].
    pub fn path(&self, name: &str, value: impl Display) -> Call<M> {
        self.call().path(name, value)
    }

    /// See [`Call::query`].
    pub fn query(&self, name: &str, value: impl Display) -> Call<M> {
        self.call().query(name, value)
    }

    /// See [`Call::query_sensitive`].
    pub fn query_sensitive(&self, name: &str, value: impl Into<Sensitive>) -> Call<M> {
        self.call().query_sensitive(name, value)
    }

    /// See [`Call::sensitive_texts`].
    pub fn sensitive_texts(&self, texts: SensitiveTexts) -> Call<M> {
        self.call().sensitive_texts(texts)
    }

    /// See [`Call::inspect`].
    ///
    /// # Errors
    ///
    /// If the call could not be sent.
    pub fn inspect(&self, method: &Method, body: impl Serialize) -> Result<Inspection, Error> {
        self.call().inspect(method, body)
    }

    /// See [`Call::header`].
    pub fn header(&self, name: &str, value: impl AsRef<str>) -> Call<M> {
        self.call().header(name, value)
    }

    /// See [`Call::timeout`].
    pub fn timeout(&self, timeout: Duration) -> Call<M> {
        self.call().timeout(timeout)
    }

    /// See [`Call::base_url`].
    pub fn base_url(&self, base_url: &str) -> Call<M> {
        self.call().base_url(base_url)
    }

    /// See [`Call::pages`].
    pub fn pages(&self) -> Pages<M> {
        self.call().pages()
    }

    /// See [`Call::download`].
    pub fn download(&self) -> Download<M> {
        self.call().download()
    }

    /// See [`Call::download_by`].
    pub fn download_by(&self, method: Method, body: impl Serialize) -> Download<M> {
        self.call().download_by(method, body)
    }

    /// See [`Call::get`].
    pub fn get(&self) -> M::Output<Value> {
        self.call().get()
    }

    /// See [`Call::post`].
    pub fn post(&self, body: impl Serialize) -> M::Output<Value> {
        self.call().post(body)
    }

    /// See [`Call::put`].
    pub fn put(&self, body: impl Serialize) -> M::Output<Value> {
        self.call().put(body)
    }

    /// See [`Call::patch`].
    pub fn patch(&self, body: impl Serialize) -> M::Output<Value> {
        self.call().patch(body)
    }

    /// See [`Call::delete`].
    pub fn delete(&self) -> M::Output<Value> {
        self.call().delete()
    }

    /// See [`Call::request`].
    pub fn request(&self, method: Method, body: impl Serialize) -> M::Output<Value> {
        self.call().request(method, body)
    }

    /// See [`Call::upload`].
    pub fn upload(&self, meta: impl Serialize, file: &File) -> M::Output<Value> {
        self.call().upload(meta, file)
    }
}

impl<M: Mode> Drop for Node<M> {
    /// Drops one node after the other: siblings are a linked list, and recursion over a long one would overflow the stack.
    fn drop(&mut self) {
        let mut left = Vec::new();
        left.extend(self.child.take());
        left.extend(self.next.take());
        while let Some(mut node) = left.pop() {
            left.extend(node.child.take());
            left.extend(node.next.take());
        }
    }
}

impl<M: Mode> Index<&str> for Node<M> {
    type Output = Self;

    fn index(&self, path: &str) -> &Self {
        self.at(path)
    }
}

impl<M: Mode> fmt::Debug for Node<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its caller may have written personal values into the path.
        let known = Operation::all_at(&self.path).next();
        let path = known.map_or_else(|| without_query(&self.path), |known| known.path().into());
        f.debug_tuple("Node").field(&path).finish()
    }
}
