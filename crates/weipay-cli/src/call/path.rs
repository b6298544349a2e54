//! Looks up the path of a call in the catalogue before anything is sent: it may be mistyped.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use weipay_catalog::{Catalog, Operation, Unrouted};

use super::Arguments;
use crate::nearest::{closeness, nearest};

/// The operation with this path; `None` if the catalogue does not have the path, which is sent anyway.
///
/// # Errors
///
/// If this cannot be a path of APIv3.
pub(super) fn find_operation(method: &Method, path: &str) -> Result<Option<&'static Operation>, String> {
    if let Some((_, rest)) = path.split_once("://") {
        let path = rest.split_once('/').map_or("v3/...", |(_, path)| path);
        // The query of a download address gives access to the file, so it is not printed.
        let path = path.split_once('?').map_or(path.to_owned(), |(path, _)| format!("{path}?..."));
        return Err(format!(
            "write only the path, without the host: {path} (the host is set by WEIPAY_BASE_URL or the kit)"
        ));
    }
    let path = path.split('?').next().unwrap_or(path).trim_start_matches('/');
    let catalog = Catalog::embedded();
    let method = method.as_str();
    let routed = |path: &str| {
        let routed = catalog.route(method, &format!("/{path}")).ok()?;
        routed.path_values.iter().all(|(_, value)| !value.is_empty()).then_some(routed.operation)
    };
    let found = routed(path);
    if found.is_none()
        && let Some(meant) = catalog.but_for_the_last_slash(method, path)
    {
        let end = if path.ends_with('/') { "without" } else { "with" };
        return Err(format!(
            "the platform does not have {path}: write it {end} a slash at the end: {}",
            meant.path
        ));
    }
    if found.is_none() && routed(&format!("v2/{path}")).is_some() {
        return Err(format!("the paths of APIv2 begin with v2/ here: write v2/{path}"));
    }
    Ok(found)
}

/// The operations that the platform may recognize in a path that the catalogue does not have: with values in their places,
/// without percent-encoding, with any method, and in lower case.
pub(super) fn possible_operations(arguments: &Arguments) -> Vec<&'static Operation> {
    let path = arguments.path.split('?').next().unwrap_or_default();
    let segments = path.split('/').map(|segment| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let value = name.and_then(|name| arguments.values.iter().rfind(|(known, _)| known == name));
        value.map_or_else(|| percent_decode(segment).into_owned(), |(_, value)| value.clone())
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let catalog = Catalog::embedded();
    match catalog.all_at(&path) {
        none if none.is_empty() => catalog.all_at(&path.to_ascii_lowercase()),
        operations => operations,
    }
}

/// Decodes the percent-encoding in a part of a URL. What does not decode to text stays as it is.
pub(super) fn percent_decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8().unwrap_or(Cow::Borrowed(text))
}

/// Says after a failed call that the catalogue does not have its path, and which paths are similar.
pub(super) fn suggestions(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let catalog = Catalog::embedded();
    if let Err(Unrouted::OtherMethod(methods)) = catalog.route(method.as_str(), &format!("/{path}")) {
        return format!("the catalogue has {path} only with {}", methods.join(", "));
    }
    let names = catalog.headings().map(|(known_method, known)| {
        // Of two that are equally similar, the one with the same method comes first.
        let same_method = if known_method == method.as_str() { 0.001 } else { 0.0 };
        (closeness(path, known) + same_method, (known_method, known))
    });
    let names: Vec<String> =
        nearest(names).iter().map(|(method, known)| format!("\n  {method} {known}")).collect();
    match names.concat() {
        none if none.is_empty() => "the catalogue does not have this path".to_owned(),
        names => format!("the catalogue does not have this path; similar ones are{names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_wrong_slash_at_the_end_has_the_right_path() {
        let refused = |method: Method, path: &str| find_operation(&method, path).unwrap_err();
        assert_eq!(
            refused(Method::POST, "v3/applyment4sub/applyment"),
            "the platform does not have v3/applyment4sub/applyment: write it with a slash at the end: v3/applyment4sub/applyment/"
        );
        assert_eq!(
            refused(Method::GET, "/v3/certificates/"),
            "the platform does not have v3/certificates/: write it without a slash at the end: v3/certificates"
        );
        assert!(refused(Method::GET, "v3/marketing/busifavor/stocks/1/").ends_with("stocks/{stock_id}"));
        for path in ["v3/applyment4sub/applyment/", "/v3/ecommerce/applyments/"] {
            assert!(find_operation(&Method::POST, path).unwrap().is_some(), "{path}");
        }
        assert!(find_operation(&Method::POST, "v3/new/operation/").unwrap().is_none());
    }

    #[test]
    fn percent_encoding_is_undone_where_it_is_one() {
        for (text, expected) in [
            ("a", "a"),
            ("%6Dobile", "mobile"),
            ("%e5%bc%a0", "张"),
            ("a%", "a%"),
            ("%zz%4", "%zz%4"),
            ("%FF", "%FF"),
        ] {
            assert_eq!(percent_decode(text), expected);
        }
    }
}
