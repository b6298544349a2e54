//! Holding a path against the catalogue before anything is sent: what a person types is not always one.

use http::Method;
use weipay_catalog::{Catalog, Operation};

/// The operation that the path is of; nothing for one that the catalogue does not know, which is sent all the same.
pub(super) fn checked(method: &Method, path: &str) -> Result<Option<&'static Operation>, String> {
    if let Some((_, rest)) = path.split_once("://") {
        let path = rest.split_once('/').map_or("v3/...", |(_, path)| path);
        return Err(format!(
            "write the path without its host, as {path}: the host is a matter of WEIPAY_BASE_URL or the kit"
        ));
    }
    let path = path.split('?').next().unwrap_or(path).trim_matches('/');
    let catalog = Catalog::embedded();
    let routed =
        |path: &str| catalog.route(method.as_str(), &format!("/{path}")).ok().map(|routed| routed.operation);
    let found = routed(path);
    if found.is_none() && routed(&format!("v2/{path}")).is_some() {
        return Err(format!("{path} is an operation of APIv2, which this version does not send yet"));
    }
    Ok(found)
}
