//! Finds the rows of a method and a path. The table is sorted by the segments of the paths, and a look-up walks it segment by
//! segment: it allocates nothing, and nothing is built at start-up.

use http::Method;
use percent_encoding::percent_decode_str;

use super::{ApiVersion, Operation, Verb, table};
use crate::members::Place;
use crate::target::placeholder;

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

    /// The operation that a call leads to, by the path that goes out: the template with its values. Of several that
    /// differ only by the names of their placeholders, it is the one whose names the template has.
    pub(crate) fn find_filled(method: &Method, template: &str, path: &str) -> Option<&'static Self> {
        let found = Self::find(method, path)?;
        let written = Self::find(method, template);
        Some(written.filter(|written| has_same_literals(written.path, found.path)).unwrap_or(found))
    }

    /// The operation with sensitive fields (敏感信息) that is probably meant by a path that the catalogue does not have: it
    /// differs by a slash at its end, by capitals, or by percent-encoding. The platform may read such a path as the right
    /// one, and nothing in the request would be encrypted. Of several, it is one with this method, if there is one.
    pub(crate) fn but_for_its_spelling(method: &Method, path: &str) -> Option<&'static Self> {
        let verb = Verb::from_method(method);
        let path = path.split('?').next().unwrap_or_default().trim_matches('/');
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        // A slash that is encoded may be one of a value, or one between two segments.
        let one_by_one: Vec<String> = path.split('/').map(decoded).collect();
        let at_once = decoded(path);
        let at_once: Vec<&str> = at_once.trim_matches('/').split('/').collect();
        let is_meant = |row: &Self| {
            let known = || row.path.trim_end_matches('/').split('/');
            (is_spelling_of(one_by_one.iter().map(String::as_str), known())
                || is_spelling_of(at_once.iter().copied(), known()))
                && row.has_encrypted_request()
        };
        let meant = table::ALL.iter().copied().filter(|row| is_meant(row));
        meant.min_by_key(|row| (Some(row.verb) != verb, row.path.matches('{').count()))
    }

    /// Whether a field of its request is encrypted.
    pub(crate) fn has_encrypted_request(&self) -> bool {
        [Place::Path, Place::Query, Place::Body].iter().any(|at| self.members(*at).has_encrypted())
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
pub(crate) fn version_of(path: &str) -> Option<ApiVersion> {
    let first = segments(path).next()?;
    let at = table::ALL.partition_point(|row| row.segment(0) < Some(first));
    table::ALL.get(at).filter(|row| row.segment(0) == Some(first)).map(|row| row.version)
}

/// Whether a path that the catalogue does not have is of an operation that brands (品牌) call, with their own
/// credentials. The first segment tells, as it tells the version.
pub(crate) fn is_of_brands(path: &str) -> bool {
    segments(path).next() == Some("brand")
}

/// Whether two templates differ at most by the names of their placeholders.
fn has_same_literals(one: &str, other: &str) -> bool {
    one.split('/').count() == other.split('/').count()
        && one
            .split('/')
            .zip(other.split('/'))
            .all(|(one, other)| one == other || placeholder(one).is_some() && placeholder(other).is_some())
}

/// Whether segments without percent-encoding are those of a template but for capitals.
fn is_spelling_of<'a>(
    mut written: impl Iterator<Item = &'a str>,
    mut known: impl Iterator<Item = &'static str>,
) -> bool {
    loop {
        match (written.next(), known.next()) {
            (None, None) => return true,
            (Some(written), Some(known))
                if placeholder(known).is_some() && !written.is_empty()
                    || written.eq_ignore_ascii_case(known) => {}
            _ => return false,
        }
    }
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
    fn what_is_sent_names_the_operation_and_the_template_one_of_several() {
        fn found(template: &str, path: &str) -> Option<&'static str> {
            Operation::find_filled(&Method::POST, template, path).map(Operation::path)
        }
        let add = "v3/profitsharing/receivers/add";
        assert_eq!(found("v3/profitsharing/receivers/{action}", add), Some(add));
        assert_eq!(found("v3/profitsharing/receivers/{action}", "v3/profitsharing/receivers/{action}"), None);
        for name in ["{applyment_id}", "{business_code}"] {
            let template = format!("v3/apply4subject/applyment/{name}/cancel");
            assert_eq!(found(&template, "v3/apply4subject/applyment/1/cancel"), Some(&*template));
        }
        // A value that is a literal of another operation leads to that one.
        let send = "v3/marketing/busifavor/coupons/send";
        assert_eq!(found("v3/marketing/busifavor/coupons/{card_id}", send), Some(send));
    }

    #[test]
    fn a_misspelt_path_of_an_operation_with_sensitive_fields_is_found_out() {
        let meant = |path| Operation::but_for_its_spelling(&Method::POST, path).map(Operation::path);
        let transfer = "v3/fund-app/mch-transfer/transfer-bills";
        for spelling in [
            "v3/fund-app/mch-transfer/transfer-bills/",
            "/V3/fund-app/mch-transfer/Transfer-Bills?a=b",
            "v3/fund%2Dapp/mch-transfer/transfer%2dbills",
            "v3%2Ffund-app/mch-transfer/transfer-bills%2F",
        ] {
            assert_eq!(meant(spelling), Some(transfer), "{spelling}");
        }
        for path in ["v3/applyment4sub/applyment", "v3/ecommerce/applyments"] {
            assert_eq!(meant(path), Some(&*format!("{path}/")));
        }
        for other in
            ["v3/never/heard/of/", "v3/refund/domestic/refunds/", "v3/fund-app/mch-transfer", "", "/"]
        {
            assert_eq!(meant(other), None, "{other}");
        }
        let another = Operation::but_for_its_spelling(&Method::PUT, "v3/applyment4sub/applyment");
        assert_eq!(another.map(|row| row.method()), Some(Method::POST));
    }

    #[test]
    fn a_path_has_its_operations_whatever_their_method() {
        let stock = Operation::all_at("v3/marketing/busifavor/stocks/1");
        assert_eq!(stock.map(|row| row.method()).collect::<Vec<_>>(), [Method::GET, Method::PATCH]);
    }

    #[test]
    fn an_unknown_path_has_the_version_that_its_first_segment_names() {
        assert_eq!(version_of("/v2/never/heard/of?a"), Some(ApiVersion::V2));
        assert_eq!(version_of("v3"), Some(ApiVersion::V3));
        for path in ["v1/a", "v4", "", "pay/unifiedorder", "v22/a"] {
            assert_eq!(version_of(path), None, "{path}");
        }
    }
}
