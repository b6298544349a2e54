//! Finds the operation of a URL path.
//!
//! A literal segment is preferred to a placeholder (`coupons/send` before `coupons/{card_id}`); if it leads to no operation, the
//! placeholder is tried. A slash at the end is an empty literal segment: `applyment/` and `applyment` are different paths, and
//! if the API has one of them, the other is unknown.

use crate::operation::{Operation, placeholder};

/// An operation found for a request line.
#[derive(Debug, Clone)]
pub struct Routed {
    /// The operation.
    pub operation: &'static Operation,
    /// Each placeholder with its value, still percent-encoded. The value is empty if the path has nothing there, as in `stocks/`
    /// or `stocks//items`.
    pub path_values: PathValues,
}

impl Routed {
    /// Whether each value is one that its placeholder can have.
    pub(crate) fn fits_its_rules(&self) -> bool {
        let fits = |name: &str, value: &str| {
            let field = self.operation.request.path.iter().find(|field| field.name == name);
            field.is_none_or(|field| value.contains('%') || field.rules().check_text(value).is_ok())
        };
        self.path_values.iter().all(|(name, value)| fits(name, value))
    }

    /// Whether both were found by the same literal segments.
    pub(crate) fn has_the_values_of(&self, other: &Self) -> bool {
        self.path_values.iter().map(|(_, value)| value).eq(other.path_values.iter().map(|(_, value)| value))
    }
}

/// Placeholders with their values.
pub type PathValues = Vec<(&'static str, String)>;

/// The end of a path: the indices of its operations, and the values of placeholders.
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
    /// The path exists, but only with these methods.
    OtherMethod(Vec<&'static str>),
}

/// A tree of path segments; each end holds the indices of its operations.
#[derive(Debug, Default)]
pub(crate) struct Router {
    /// Sorted by segment. Vectors, because most nodes have one child, for which a map would need a kilobyte.
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

    /// All ends of the path, the most literal first. Placeholders with different names (such as `{id}` and `{name}` under
    /// different methods) have separate ends.
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
