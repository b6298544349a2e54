//! Holding a path against the catalogue before anything is sent: what a person types is not always one.

use http::Method;
use weipay_catalog::{Catalog, Operation, Unrouted};

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
    let path = path.trim_matches('/');
    let catalog = Catalog::embedded();
    let routed =
        |path: &str| catalog.route(method.as_str(), &format!("/{path}")).ok().map(|routed| routed.operation);
    let found = routed(path);
    if found.is_none() && routed(&format!("v2/{path}")).is_some() {
        return Err(format!("{path} is an operation of APIv2, which this version does not send yet"));
    }
    Ok(found)
}

/// For a call that failed: that the catalogue does not have its path, and which ones come near.
pub(super) fn unknown(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_matches('/');
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
