//! The property style (属性式): `client["v3/marketing/busifavor/coupons/disassociate"].post(..)`.
//!
//! Indexing must give a reference that lives as long as the client, so every path that was ever indexed is kept, in an
//! append-only tree, which needs no locks. It is ordered by hashes, so that a look-up takes about as many steps as the
//! logarithm of the number of paths. Nodes are freed only with the client, so their number has a limit. Beyond it
//! the paths of the catalogue are kept all the same, and calls of any other new path report the error.

use std::collections::hash_map::RandomState;
use std::fmt::{self, Display};
use std::hash::BuildHasher;
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
use crate::error::{Error, RequestError};
use crate::model::Sensitive;
use crate::operation::{Operation, operations};
use crate::paging::Pages;
use crate::retry::RetryConfig;
use crate::target::without_query;
use crate::untyped::{Inspection, SensitiveTexts};
use crate::upload::UploadFile;

/// About 200 MB. A program that indexes by templates has a thousandth of it.
const MAX_PATHS: usize = 1_000_000;

/// A path of the API, without values: start a call from it by setting something or by a verb.
pub struct Node<M: Mode> {
    path: Box<str>,
    /// Where the part of the path begins by which the node above knows this one.
    own_part: usize,
    tree: Arc<Tree<M>>,
    /// Stands for every path beyond the limit; it has none itself.
    beyond: Option<Arc<Self>>,
    /// The nodes under this path.
    below: Slot<M>,
    /// Others under the path above, by the next bit of their hash.
    beside: [Slot<M>; 2],
}

type Slot<M> = OnceLock<Box<Node<M>>>;

/// The state that all nodes of a client share.
struct Tree<M: Mode> {
    shared: Arc<Shared<M>>,
    hasher: RandomState,
    count: AtomicUsize,
}

impl<M: Mode> Node<M> {
    pub(crate) fn root(shared: Arc<Shared<M>>) -> Self {
        let tree = Arc::new(Tree { shared, hasher: RandomState::new(), count: AtomicUsize::new(0) });
        let beyond = Self::bare("(too many different paths were indexed)".into(), 0, &tree, None);
        Self::bare("".into(), 0, &tree, Some(Arc::new(beyond)))
    }

    fn bare(path: Box<str>, own_part: usize, tree: &Arc<Tree<M>>, beyond: Option<Arc<Self>>) -> Self {
        let tree = Arc::clone(tree);
        Self { path, own_part, tree, beyond, below: Slot::new(), beside: [Slot::new(), Slot::new()] }
    }

    /// The node of a path under this one. A doubled slash is kept, and the verb reports it as an error.
    fn at(&self, path: &str) -> &Self {
        let path = path.trim_start_matches('/');
        let Some(beyond) = self.beyond.as_ref().filter(|_| !path.is_empty()) else { return self };
        let mut hash = self.tree.hasher.hash_one(path);
        let mut slot = &self.below;
        loop {
            let node = match slot.get() {
                Some(node) => node,
                None => {
                    let whole = self.joined(path);
                    if self.tree.count.load(Ordering::Relaxed) >= MAX_PATHS && !is_of_the_catalogue(&whole) {
                        return beyond;
                    }
                    slot.get_or_init(|| {
                        self.tree.count.fetch_add(1, Ordering::Relaxed);
                        let own_part = whole.len() - path.len();
                        let beyond = Some(Arc::clone(beyond));
                        Box::new(Self::bare(whole.into(), own_part, &self.tree, beyond))
                    })
                }
            };
            if node.path.get(node.own_part..) == Some(path) {
                return node;
            }
            // Another path is here, perhaps just added by another thread: go on.
            slot = &node.beside[usize::from(hash & 1 == 1)];
            hash >>= 1;
        }
    }

    fn joined(&self, path: &str) -> String {
        let slash = if self.path.is_empty() || self.path.ends_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.path)
    }

    /// The path.
    pub fn template(&self) -> &str {
        &self.path
    }

    fn call(&self) -> Call<M> {
        let call = Call::new(Arc::clone(&self.tree.shared), self.path.to_string());
        match self.beyond {
            Some(_) => call,
            None => call.failed(RequestError::TooManyPaths(MAX_PATHS)),
        }
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

    /// See [`Call::retries`].
    pub fn retries(&self, retries: RetryConfig) -> Call<M> {
        self.call().retries(retries)
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

    /// See [`Call::download_with`].
    pub fn download_with(&self, method: Method, body: impl Serialize) -> Download<M> {
        self.call().download_with(method, body)
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
    pub fn upload(&self, meta: impl Serialize, file: &UploadFile) -> M::Output<Value> {
        self.call().upload(meta, file)
    }
}

/// Whether a path is one of the catalogue, or the beginning of one. There are few of them, so they need no limit.
fn is_of_the_catalogue(path: &str) -> bool {
    operations().any(|row| {
        let rest = row.path().strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/'))
    })
}

impl<M: Mode> Drop for Node<M> {
    /// Drops one node after the other: recursion could overflow the stack.
    fn drop(&mut self) {
        let mut left = Vec::new();
        self.empty_into(&mut left);
        while let Some(mut node) = left.pop() {
            node.empty_into(&mut left);
        }
    }
}

impl<M: Mode> Node<M> {
    fn empty_into(&mut self, left: &mut Vec<Self>) {
        let slots = [&mut self.below].into_iter().chain(&mut self.beside);
        left.extend(slots.filter_map(OnceLock::take).map(|node| *node));
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

#[cfg(all(test, feature = "blocking"))]
mod tests {
    use super::*;
    use crate::ClientBuilder;
    use weipay_wire::{MerchantId, MerchantSerial, PrivateKey, PublicKeyId};

    fn root() -> Result<Node<crate::delivery::Blocking>, Box<dyn std::error::Error>> {
        let (key, platform) = (PrivateKey::generate()?, PrivateKey::generate()?);
        let client = ClientBuilder::default()
            .mchid(MerchantId::new("1900007291")?)
            .merchant_serial(MerchantSerial::new("408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB")?)
            .public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026")?, platform.public_key())
            .merchant_key(key)
            .build_blocking()?;
        Ok(Node::root(Arc::clone(&client["v3"].tree.shared)))
    }

    #[test]
    fn a_path_is_one_node_however_many_there_are_and_in_whatever_steps() {
        let root = root().unwrap();
        for number in 0..20_000 {
            let path = format!("v3/refund/domestic/refunds/R{number}");
            let node = &root[&*path];
            assert!(node.template() == path && std::ptr::eq(node, &root[&*format!("/{path}")]));
        }
        for (steps, path) in [
            (&root["v3/pay/"]["transactions"], "v3/pay/transactions"),
            (&root["v3/pay"]["/transactions/"], "v3/pay/transactions/"),
            (&root["v3/pay"][""], "v3/pay"),
            (&root["v3"]["a//b"], "v3/a//b"),
        ] {
            assert_eq!(steps.template(), path);
        }
    }

    #[test]
    fn beyond_the_limit_only_paths_of_the_catalogue_work() {
        let root = root().unwrap();
        let before = &root["v3/refund/domestic/refunds/R1"];
        root.tree.count.store(MAX_PATHS, Ordering::Relaxed);
        let refund = "v3/refund/domestic/refunds/{out_refund_no}";
        for known in [refund, "v3/applyment4sub/applyment/", "v3/refund", "v3/refund/domestic/refunds/R1"] {
            assert_eq!(root[known].template(), known);
        }
        assert_eq!(root["v3/pay"]["transactions/native"].template(), "v3/pay/transactions/native");
        assert!(std::ptr::eq(before, &root["v3/refund/domestic/refunds/R1"]));
        for new in ["v3/refund/domestic/refunds/R2", "v3/never/heard/of"] {
            for node in [&root[new], &root[new]["more"]] {
                let error = node.get().unwrap_err();
                assert!(error.is_request() && !error.may_have_taken_effect());
                let told = error.to_string();
                assert!(told.contains("1000000 different paths") && !told.contains("which a URL"), "{told}");
                assert!(node.pages().next().unwrap().unwrap_err().to_string().contains("1000000 different"));
            }
        }
    }
}
