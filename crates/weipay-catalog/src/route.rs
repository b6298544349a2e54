//! From a concrete URL path to the operation that it belongs to.
//!
//! A literal segment wins over a placeholder (`coupons/send` before `coupons/{card_id}`), with a step back where the
//! literal branch leads nowhere. A slash at the end is an empty literal segment: `applyment/` and `applyment` are two
//! paths, and where the API has one of them, the other is unknown.

use crate::operation::{Operation, placeholder};

/// An operation found for a request line.
#[derive(Debug, Clone)]
pub struct Routed {
    /// The operation.
    pub operation: &'static Operation,
    /// Each placeholder with the text that stands in its place, still percent-encoded. It is empty where the path has
    /// nothing there, as `stocks/` or `stocks//items`.
    pub path_values: PathValues,
}

/// Placeholders with what stands in their places.
pub type PathValues = Vec<(&'static str, String)>;

/// Where a path leads: the indices of the operations there, and the values on the way.
pub(crate) struct End {
    pub(crate) operations: Vec<usize>,
    pub(crate) path_values: PathValues,
}

impl End {
    /// Whether every placeholder has a value.
    pub(crate) fn is_filled(&self) -> bool {
        self.path_values.iter().all(|(_, value)| !value.is_empty())
    }
}

/// Why no operation was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unrouted {
    /// No operation has such a path.
    UnknownPath,
    /// The path exists, with other methods.
    OtherMethod(Vec<&'static str>),
}

/// A tree of path segments; each end holds the indices of its operations.
#[derive(Debug, Default)]
pub(crate) struct Router {
    /// Sorted by segment. Vectors, because most nodes have one child and a map would spend a kilobyte on it.
    literals: Vec<(&'static str, Self)>,
    placeholders: Vec<(&'static str, Self)>,
    ends: Vec<usize>,
}

impl Router {
    pub(crate) fn insert(&mut self, path: &'static str, index: usize) {
        let mut node = self;
        for segment in path.split('/') {
            node = match placeholder(segment) {
                None => {
                    let at = node.literal(segment).unwrap_or_else(|at| {
                        node.literals.insert(at, (segment, Self::default()));
                        at
                    });
                    &mut node.literals[at].1
                }
                Some(name) => {
                    let known = node.placeholders.iter().position(|(other, _)| *other == name);
                    let at = known.unwrap_or_else(|| {
                        node.placeholders.push((name, Self::default()));
                        node.placeholders.len() - 1
                    });
                    &mut node.placeholders[at].1
                }
            };
        }
        node.ends.push(index);
    }

    /// Where the literal segment is, or would be.
    fn literal(&self, segment: &str) -> Result<usize, usize> {
        self.literals.binary_search_by(|(other, _)| (*other).cmp(segment))
    }

    /// All ends that the path leads to, the most literal first. Placeholders of different names on one path (as
    /// `{id}` and `{name}` under different methods) each give an end of their own.
    pub(crate) fn ends(&self, path: &str) -> Vec<End> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let mut found = Vec::new();
        self.walk(&segments, &mut Vec::new(), &mut found);
        found
    }

    fn walk(&self, segments: &[&str], values: &mut PathValues, found: &mut Vec<End>) {
        let Some((segment, rest)) = segments.split_first() else {
            if !self.ends.is_empty() {
                found.push(End { operations: self.ends.clone(), path_values: values.clone() });
            }
            return;
        };
        if let Ok(at) = self.literal(segment) {
            self.literals[at].1.walk(rest, values, found);
        }
        for (name, next) in &self.placeholders {
            values.push((name, (*segment).to_owned()));
            next.walk(rest, values, found);
            values.pop();
        }
    }
}
