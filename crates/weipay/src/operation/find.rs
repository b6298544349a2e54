//! Finds the rows of a method and a path. The table is sorted by the segments of the paths, and a look-up walks it segment by
//! segment: it allocates nothing, and nothing is built at start-up.

use http::Method;

use super::{Operation, Verb, Version, table};

impl Operation {
    /// The operation of this method and path, if the catalogue has it.
    ///
    /// The path is a template, such as `v3/marketing/busifavor/stocks/{stock_id}`, or a concrete path that
    /// matches one. A slash before it and a query after it are ignored. A slash at its end is not: it makes a
    /// different path. Paths of APIv2 begin with `v2/` here.
    ///
    /// ```
    /// # use weipay::{Operation, http::Method};
    /// let found = Operation::find(&Method::GET, "/v3/marketing/busifavor/stocks/9865000");
    /// assert_eq!(found.map(Operation::path), Some("v3/marketing/busifavor/stocks/{stock_id}"));
    /// assert_eq!(Operation::find(&Method::PUT, "v3/marketing/busifavor/stocks/9865000"), None);
    /// ```
    #[must_use]
    pub fn find(method: &Method, path: &str) -> Option<&'static Self> {
        let verb = Verb::from_method(method)?;
        let mut found = None;
        walk(&table::ALL, 0, segments(path), &mut |rows| {
            found = rows.iter().copied().find(|row| row.verb == verb);
            found.is_some()
        });
        found
    }

    /// The operations at this path, one for each method. [`find`](Self::find) says how the path may be written.
    #[must_use]
    pub fn all_at(path: &str) -> impl ExactSizeIterator<Item = &'static Self> + Clone {
        let mut found: &'static [&'static Self] = &[];
        walk(&table::ALL, 0, segments(path), &mut |rows| {
            found = rows;
            true
        });
        found.iter().copied()
    }
}

impl Verb {
    fn from_method(method: &Method) -> Option<Self> {
        match *method {
            Method::DELETE => Some(Self::Delete),
            Method::GET => Some(Self::Get),
            Method::PATCH => Some(Self::Patch),
            Method::POST => Some(Self::Post),
            Method::PUT => Some(Self::Put),
            _ => None,
        }
    }
}

/// The protocol of a path that the catalogue may not have: the protocol of the paths that begin with the same segment.
pub(crate) fn version_of(path: &str) -> Option<Version> {
    let first = segments(path).next()?;
    let at = table::ALL.partition_point(|row| row.segment(0) < Some(first));
    table::ALL.get(at).filter(|row| row.segment(0) == Some(first)).map(|row| row.version)
}

/// Whether a path that the catalogue does not have is of an operation that brands (品牌) call, with their own
/// credentials. The first segment tells, as it tells the version.
pub(crate) fn is_of_brands(path: &str) -> bool {
    segments(path).next() == Some("brand")
}

type Segments<'a> = std::str::Split<'a, char>;

/// The segments of a path without its query.
fn segments(path: &str) -> Segments<'_> {
    path.split('?').next().unwrap_or_default().trim_start_matches('/').split('/')
}

impl Operation {
    fn segment(&self, depth: usize) -> Option<&'static str> {
        self.path.split('/').nth(depth)
    }
}

type Rows = &'static [&'static Operation];

/// Passes the rows of each template that the path matches to `see`, the most literal template first, until it returns `true`. All
/// `rows` have the same segments up to `depth`.
fn walk(rows: Rows, depth: usize, mut path: Segments<'_>, see: &mut dyn FnMut(Rows) -> bool) -> bool {
    // Paths that end here are sorted before longer ones.
    let (ending, longer) = rows.split_at(rows.partition_point(|row| row.segment(depth).is_none()));
    let Some(segment) = path.next() else {
        return !ending.is_empty() && see(ending);
    };
    let below = |bound: &str| longer.partition_point(|row| row.segment(depth) < Some(bound));
    let literal = &longer[below(segment)..];
    let literal = &literal[..literal.partition_point(|row| row.segment(depth) == Some(segment))];
    if walk_into(literal, depth, &path, see) {
        return true;
    }
    if segment.is_empty() {
        return false;
    }
    // `|` is the character after `{`: between the two are all placeholders, one group for each name.
    let mut placeholders = &longer[below("{")..below("|")];
    while let Some(first) = placeholders.first() {
        let name = first.segment(depth);
        let (group, others) =
            placeholders.split_at(placeholders.partition_point(|row| row.segment(depth) == name));
        if name != Some(segment) && walk_into(group, depth, &path, see) {
            return true;
        }
        placeholders = others;
    }
    false
}

fn walk_into(rows: Rows, depth: usize, path: &Segments<'_>, see: &mut dyn FnMut(Rows) -> bool) -> bool {
    !rows.is_empty() && walk(rows, depth + 1, path.clone(), see)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::operations;

    fn path_of(method: Method, path: &str) -> Option<&'static str> {
        Operation::find(&method, path).map(Operation::path)
    }

    #[test]
    fn every_operation_is_found_by_its_template_and_with_a_slash_before_it() {
        for row in operations() {
            assert_eq!(Operation::find(&row.method(), row.path), Some(row), "{row}");
            assert_eq!(Operation::find(&row.method(), &format!("/{}?a=b/c", row.path)), Some(row), "{row}");
        }
    }

    #[test]
    fn a_concrete_path_finds_its_template_and_a_literal_segment_wins() {
        let coupon = "v3/marketing/busifavor/coupons/{card_id}/send";
        assert_eq!(path_of(Method::POST, "v3/marketing/busifavor/coupons/p1/send"), Some(coupon));
        assert_eq!(
            path_of(Method::POST, "v3/marketing/busifavor/coupons/send"),
            Some("v3/marketing/busifavor/coupons/send")
        );
        let template = "v3/merchant-service/images/{media_id}";
        for path in [template, "v3/merchant-service/images/abc", "v3/merchant-service/images/{id}"] {
            assert_eq!(path_of(Method::GET, path), Some(template));
        }
    }

    #[test]
    fn an_unknown_path_is_not_found() {
        for path in [
            "",
            "/",
            "v3",
            "v3/merchant-service/images",
            "v3/merchant-service/images/",
            "v3/merchant-service/images/a/b",
            "v3/billdownload/file/",
            "v3/never/heard/of",
            "https://api.mch.weixin.qq.com/v3/billdownload/file",
        ] {
            assert_eq!(path_of(Method::GET, path), None, "{path}");
            assert_eq!(Operation::all_at(path).len(), 0, "{path}");
        }
        assert_eq!(path_of(Method::OPTIONS, "v3/billdownload/file"), None);
        assert_eq!(path_of(Method::POST, "v3/billdownload/file"), None);
    }

    #[test]
    fn a_slash_at_the_end_makes_another_path() {
        assert!(path_of(Method::POST, "v3/applyment4sub/applyment/").is_some());
        assert_eq!(path_of(Method::POST, "v3/applyment4sub/applyment"), None);
    }

    #[test]
    fn a_path_has_its_operations_whatever_their_method() {
        let stock = Operation::all_at("v3/marketing/busifavor/stocks/1");
        assert_eq!(stock.map(|row| row.method()).collect::<Vec<_>>(), [Method::GET, Method::PATCH]);
    }

    #[test]
    fn an_unknown_path_has_the_version_that_its_first_segment_names() {
        assert_eq!(version_of("/v2/never/heard/of?a"), Some(Version::V2));
        assert_eq!(version_of("v3"), Some(Version::V3));
        for path in ["v1/a", "v4", "", "pay/unifiedorder", "v22/a"] {
            assert_eq!(version_of(path), None, "{path}");
        }
    }
}
