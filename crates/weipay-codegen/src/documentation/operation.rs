//! What is said of an operation as a whole, on the module of its types and on the step that sends it, and of a step.

use weipay_catalog::operation::document_address;
use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::rust::styles;
use weipay_catalog::{Operation, Repeat};

use super::{errors, plain, wrapped};
use crate::tree::Tree;

/// What is known of an operation as a whole, with official documents: on the module of its types.
pub(crate) fn module(operation: &Operation) -> String {
    head(operation) + &documents(operation)
}

/// What is said of the verb that sends an operation: everything that a reader needs before the call, and an example. Where the
/// types have a module, the documents are named there only.
pub(crate) fn verb(operation: &Operation, types: Option<&str>, steps: &StepNames) -> String {
    let documents = match types {
        Some(module) => {
            let name = module.rsplit("::").next().unwrap_or(module);
            format!("\n\nTypes and official documents (官方文档): [`{name}`](mod@{module}).")
        }
        None => documents(operation),
    };
    let codes = errors::table(operation);
    format!("{}{codes}{documents}\n\n{}", head(operation), styles::example(operation, steps))
}

/// What is said of a request or a response: whose it is, and its flat name.
pub(crate) fn root(operation: &Operation, what: &str, flat: Option<&str>) -> String {
    let text = format!("{}: {what}.", plain(operation.title));
    match flat {
        Some(flat) => {
            format!("{text}\n\nIts flat name is [`{flat}`](crate{}).", flat.trim_start_matches("weipay"))
        }
        None => format!("{text} `{} {}`", operation.method, operation.path),
    }
}

/// The documentation of a step: its path and the operations at it. A step without operations, and a feature, name the official
/// products (产品) of the operations below; the step of a version names all products.
pub(crate) fn step(tree: &Tree<'_>) -> String {
    let mut named: Vec<&str> = tree.titles();
    let is_version = !tree.path.contains('/');
    if tree.is_feature() || named.is_empty() && !is_version {
        named.extend(tree.products());
    }
    match &named[..] {
        [] => format!("`{}`", tree.path),
        named => format!("`{}`: {}.", tree.path, plain(&named.join(", "))),
    }
}

/// Title, method and path, and in what it is unlike the rest.
fn head(operation: &Operation) -> String {
    let mut sentences = Vec::new();
    if !operation.roles.is_empty() {
        sentences.push(format!("For {}.", operation.roles.join(", ")));
    }
    if let Some(path) = operation.partner_path {
        sentences.push(format!("Partners (服务商) call `{path}` for their sub-merchants."));
    }
    if let Some(base_url) = operation.base_url {
        sentences.push(format!("Host: `{base_url}`."));
    }
    if operation.client_cert {
        sentences.push("Needs the merchant's certificate (商户API证书) in TLS.".to_owned());
    }
    match operation.signed_digest {
        Some(header) => sentences.push(format!(
            "The signature of a response is over the SHA-1 of the file, which its header `{header}` has."
        )),
        None if operation.unsigned => sentences.push("Responses are not signed.".to_owned()),
        None => {}
    }
    if operation.success == 204 {
        sentences.push("A success has no body (204).".to_owned());
    }
    sentences.extend(repeat(operation));
    let mut text = format!("{} · `{} {}`", plain(operation.title), operation.method, operation.path);
    if !sentences.is_empty() {
        text.push_str(&format!("\n\n{}", wrapped(&sentences.join(" "), "")));
    }
    text
}

/// What is known of sending a request again. What is not known counts as not safe and is not said each time.
fn repeat(operation: &Operation) -> Option<String> {
    let number = operation.request_number().map(|(_, field)| field.name);
    match (operation.repeat?, number) {
        (Repeat::Safe, Some(number)) => {
            Some(format!("Safe to repeat with the same `{number}` and the same content."))
        }
        (Repeat::Safe, None) => Some("Safe to repeat with the same content.".to_owned()),
        (Repeat::NotSafe, _) => Some("Not safe to repeat: it may take effect twice.".to_owned()),
        (Repeat::Unknown, _) => None,
    }
}

fn documents(operation: &Operation) -> String {
    links(&operation.docs, &format!("{} {}", operation.method, operation.path))
}

/// Where the platform describes something, as a paragraph: the first page for each audience. `weipay api show` lists the
/// others.
pub(crate) fn links(docs: &[&str], shown: &str) -> String {
    let audiences = ["merchant", "partner", "institution", "brand", "global", "elsewhere"];
    let of =
        |audience: &str| docs.iter().copied().filter(move |page| audience_of(page) == audience).collect();
    let groups = audiences.map(|audience| -> (&str, Vec<&str>) { (audience, of(audience)) });
    let items: String = groups
        .iter()
        .filter_map(|(audience, pages)| Some(format!("\n- {audience}: {}", link(pages.first()?))))
        .collect();
    if items.is_empty() {
        return items;
    }
    let more = match groups.iter().any(|(_, pages)| pages.len() > 1) {
        true => format!("\n\n`weipay api show {shown}` lists all {}.", docs.len()),
        false => String::new(),
    };
    format!("\n\nOfficial documents (官方文档):\n{items}{more}")
}

/// For whom a page is written.
fn audience_of(page: &str) -> &str {
    match page.split('/').collect::<Vec<_>>()[..] {
        ["v2" | "v3", audience @ ("merchant" | "partner" | "institution" | "brand" | "global"), ..] => {
            audience
        }
        [audience @ ("global" | "brand"), ..] => audience,
        _ => "elsewhere",
    }
}

fn link(page: &str) -> String {
    match page.rsplit_once('/') {
        Some((_, number)) if !page.starts_with("http") => {
            format!("[{number}]({})", document_address(page))
        }
        _ => format!("<{}>", document_address(page)),
    }
}
