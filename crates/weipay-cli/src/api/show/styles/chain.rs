//! The way to an operation: segment by segment, or by its path with values.

use std::collections::BTreeSet;

use weipay_catalog::operation::placeholder;
use weipay_catalog::{Catalog, Operation, names};

use super::{json, sample};

pub(super) struct Chain {
    /// `client`, `v3()`, ...
    pub(super) calls: Vec<String>,
    /// The module of the types, such as `weipay::v3::marketing::busifavor::stocks::post`.
    pub(super) module: String,
}

/// The pure chain up to its verb.
pub(super) fn typed(operation: &Operation) -> Chain {
    let mut chain = Chain { calls: vec!["client".to_owned()], module: "weipay".to_owned() };
    let mut above = String::new();
    // A slash at the end adds no step.
    for segment in operation.path.trim_end_matches('/').split('/') {
        let name = if above.is_empty() { segment.to_owned() } else { name_of(segment, &above) };
        let value = placeholder(segment).map(|placeholder| value_of(operation, placeholder));
        chain.calls.push(format!("{name}({})", value.unwrap_or_default()));
        chain.module.push_str(&format!("::{name}"));
        above.push_str(segment);
        above.push('/');
    }
    chain.module.push_str(&format!("::{}", operation.method.to_ascii_lowercase()));
    chain
}

/// The name of a segment among those beside it.
fn name_of(segment: &str, above: &str) -> String {
    let beside: BTreeSet<&str> = Catalog::embedded()
        .headings()
        .filter_map(|(_, path)| path.strip_prefix(above)?.split('/').next())
        .filter(|segment| !segment.is_empty())
        .collect();
    let named = names::steps(beside.iter().copied());
    named.into_iter().find(|(_, other)| *other == segment).map(|(name, _)| name).unwrap_or_default()
}

fn value_of(operation: &Operation, placeholder: &str) -> String {
    let field = operation.request.path.iter().find(|field| field.name == placeholder);
    format!("{:?}", field.map(sample::plain).unwrap_or_default())
}

/// What follows the path in the other styles: values, then the verb.
pub(super) fn untyped(operation: &Operation, has_body: bool) -> Vec<String> {
    let mut calls = Vec::new();
    for name in operation.placeholders() {
        calls.push(format!("path({name:?}, {})", value_of(operation, name)));
    }
    for field in sample::required(&operation.request.query) {
        let value = json::encrypted(field).unwrap_or_else(|| format!("{:?}", sample::plain(field)));
        calls.push(format!("query({:?}, {value})", field.name));
    }
    for field in sample::required(&operation.request.headers) {
        calls.push(format!("header({:?}, {:?})", field.name, sample::plain(field)));
    }
    let verb = operation.method.to_ascii_lowercase();
    calls.push(match (operation.method, has_body) {
        ("GET" | "DELETE", false) => format!("{verb}()"),
        // The short verbs of these send no body.
        ("GET" | "DELETE", true) => format!("request(http::Method::{}, request)", operation.method),
        _ if !operation.request.multipart.is_empty() => "upload(meta, &file)".to_owned(),
        (_, false) => format!("{verb}(())"),
        (_, true) => format!("{verb}(request)"),
    });
    calls
}
