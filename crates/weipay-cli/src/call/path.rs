//! Holding a path against the catalogue before anything is sent: what a person types is not always one.

use http::Method;
use weipay_catalog::{Catalog, Operation, Unrouted};

use super::names::decoded;
use crate::arguments;
use crate::nearest::{closeness, nearest};

/// The operation that the path is of; nothing for one that the catalogue does not know, which is sent all the same.
pub(super) fn checked(method: &Method, path: &str) -> Result<Option<&'static Operation>, String> {
    if let Some((_, rest)) = path.split_once("://") {
        let path = rest.split_once('/').map_or("v3/...", |(_, path)| path);
        // What is behind the question mark of a download address opens the file.
        let path = path.split_once('?').map_or(path.to_owned(), |(path, _)| format!("{path}?..."));
        return Err(format!(
            "write the path without its host, as {path}: the host is a matter of WEIPAY_BASE_URL or the kit"
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
        let end = if path.ends_with('/') { "does not end in a slash" } else { "ends in a slash" };
        return Err(format!("{path} is not known to the platform: {} {end}", meant.path));
    }
    if found.is_none() && routed(&format!("v2/{path}")).is_some() {
        return Err(format!("{path} is an operation of APIv2, which this version does not send yet"));
    }
    Ok(found)
}

/// For a path that the catalogue does not know: the operations that are there when it is read as the platform may read it, with
/// the values in their places and without percent-encoding, whatever the method and the case.
pub(super) fn written_otherwise(arguments: &arguments::Call) -> Vec<&'static Operation> {
    let path = arguments.path.split('?').next().unwrap_or_default();
    let segments = path.split('/').map(|segment| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let value = name.and_then(|name| arguments.values.iter().rfind(|(known, _)| known == name));
        value.map_or_else(|| decoded(segment).into_owned(), |(_, value)| value.clone())
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let catalog = Catalog::embedded();
    match catalog.all_at(&path) {
        none if none.is_empty() => catalog.all_at(&path.to_ascii_lowercase()),
        operations => operations,
    }
}

/// For a call that failed: that the catalogue does not have its path, and which ones come near.
pub(super) fn unknown(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let catalog = Catalog::embedded();
    if let Err(Unrouted::OtherMethod(methods)) = catalog.route(method.as_str(), &format!("/{path}")) {
        return format!("the catalogue has {path} with {} only", methods.join(", "));
    }
    let names = catalog.headings().map(|(known_method, known)| {
        // Of two that are equally near, the one with the same method is meant.
        let same_method = if known_method == method.as_str() { 0.001 } else { 0.0 };
        (closeness(path, known) + same_method, (known_method, known))
    });
    let names: Vec<String> =
        nearest(names).iter().map(|(method, known)| format!("\n  {method} {known}")).collect();
    match names.concat() {
        none if none.is_empty() => "the catalogue does not have this path".to_owned(),
        names => format!("the catalogue does not have this path; near it are{names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_whose_last_slash_is_wrong_is_told_the_right_one() {
        let refused = |method: Method, path: &str| checked(&method, path).unwrap_err();
        assert_eq!(
            refused(Method::POST, "v3/applyment4sub/applyment"),
            "v3/applyment4sub/applyment is not known to the platform: v3/applyment4sub/applyment/ ends in a slash"
        );
        assert_eq!(
            refused(Method::GET, "/v3/certificates/"),
            "v3/certificates/ is not known to the platform: v3/certificates does not end in a slash"
        );
        assert!(
            refused(Method::GET, "v3/marketing/busifavor/stocks/1/").contains("stocks/{stock_id} does not")
        );
        for path in ["v3/applyment4sub/applyment/", "/v3/ecommerce/applyments/"] {
            assert!(checked(&Method::POST, path).unwrap().is_some(), "{path}");
        }
        assert!(checked(&Method::POST, "v3/new/operation/").unwrap().is_none());
    }
}
