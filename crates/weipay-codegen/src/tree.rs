//! The operations as a tree of path segments: each becomes a step of the pure chain.

use std::collections::{BTreeMap, BTreeSet};

use weipay_catalog::Operation;
use weipay_catalog::names;
use weipay_catalog::operation::placeholder;

use crate::operation::Verb;

#[derive(Default)]
pub(crate) struct Tree<'a> {
    /// The segment as it stands in the path, `{placeholder}` included.
    pub segment: &'a str,
    /// The path down to here.
    pub path: String,
    pub children: BTreeMap<&'a str, Self>,
    pub operations: Vec<&'a Operation>,
}

impl<'a> Tree<'a> {
    /// The tree of operations that share their first segment, from that segment on.
    pub(crate) fn from_operations(operations: impl Iterator<Item = &'a Operation>) -> Self {
        let mut root = Self::default();
        for operation in operations {
            let mut node = &mut root;
            // A slash at the end adds no step.
            for segment in operation.path.trim_end_matches('/').split('/') {
                let path = if node.path.is_empty() {
                    segment.to_owned()
                } else {
                    format!("{}/{segment}", node.path)
                };
                node =
                    node.children.entry(segment).or_insert_with(|| Tree { segment, path, ..Tree::default() });
            }
            node.operations.push(operation);
        }
        root.children.pop_first().map(|(_, tree)| tree).unwrap_or_default()
    }

    /// The children with the names of their methods and modules, each name once.
    pub(crate) fn named_children(&self) -> Vec<(String, &Self)> {
        names::steps(self.children.keys().copied())
            .into_iter()
            .map(|(name, segment)| (name, &self.children[segment]))
            .collect()
    }

    /// The name of the step's type beside the types of its path.
    pub(crate) fn type_name(&self) -> String {
        names::camel(placeholder(self.segment).unwrap_or(self.segment))
    }

    /// The operations that have types, each with its verb.
    pub(crate) fn typed(&self) -> impl Iterator<Item = (&'a Operation, Verb)> {
        let verbs = self.operations.iter().map(|operation| (*operation, Verb::new(operation)));
        verbs.filter(|(_, verb)| verb.has_types())
    }

    /// All operations from here on.
    pub(crate) fn all(&self) -> Vec<&'a Operation> {
        let below = self.children.values().flat_map(Tree::all);
        self.operations.iter().copied().chain(below).collect()
    }

    /// Whether it is the first segment below the version: a product of the SDK, which is a feature.
    pub(crate) fn is_feature(&self) -> bool {
        self.path.matches('/').count() == 1
    }

    /// The official products (产品) of all operations from here on.
    pub(crate) fn products(&self) -> BTreeSet<&'a str> {
        self.all().into_iter().map(|operation| operation.group).filter(|group| !group.is_empty()).collect()
    }

    /// The one official product that every operation from here on belongs to.
    pub(crate) fn only_product(&self) -> Option<&'a str> {
        let all = self.all();
        let product = all.first()?.group;
        (!product.is_empty() && all.iter().all(|operation| operation.group == product)).then_some(product)
    }

    /// The official names of the operations of this very path.
    pub(crate) fn titles(&self) -> Vec<&'a str> {
        let mut titles: Vec<&str> = Vec::new();
        for operation in &self.operations {
            if !titles.contains(&operation.title) {
                titles.push(operation.title);
            }
        }
        titles
    }
}
