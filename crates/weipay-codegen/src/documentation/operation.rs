//! What is said of an operation as a whole, on the module of its types and on the step that sends it.

use weipay_catalog::operation::document_address;
use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::rust::styles;
use weipay_catalog::{Operation, Repeat};

use super::{plain, wrapped};

/// What is known of an operation as a whole, with the official documents: the head of the file of its types.
pub(crate) fn module(operation: &Operation) -> String {
    head(operation) + &links(&operation.docs)
}

/// The same on the step that sends it, with an example. Where the types have a module, the documents are listed there only:
/// some operations have thirty.
pub(crate) fn verb(operation: &Operation, module: Option<&str>, steps: &StepNames) -> String {
    let documents = match module {
        Some(module) => format!("\n\nTypes and official documents (官方文档): [`{module}`](mod@{module})."),
        None => links(&operation.docs),
    };
    let example = styles::example(operation, steps);
    format!("{}{documents}\n\n{example}", head(operation))
}

/// Title, method and path, and in what it is unlike the rest.
fn head(operation: &Operation) -> String {
    let mut sentences = Vec::new();
    if !operation.roles.is_empty() {
        sentences.push(format!("For {}.", operation.roles.join(", ")));
    }
    if let Some(base_url) = operation.base_url {
        sentences.push(format!("Host: `{base_url}`."));
    }
    if operation.client_cert {
        sentences.push("Needs the merchant's certificate (商户API证书) in TLS.".to_owned());
    }
    if operation.unsigned {
        sentences.push("Answers are not signed.".to_owned());
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

/// Where the platform describes something, as a paragraph of its own: the pages by whom they are written for.
pub(crate) fn links(docs: &[&str]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> =
        ["merchant", "partner", "institution", "brand", "global", "elsewhere"]
            .map(|name| (name, Vec::new()))
            .into();
    for page in docs {
        let audience = match page.split('/').collect::<Vec<_>>()[..] {
            ["v2" | "v3", audience, ..] => audience,
            [audience @ ("global" | "brand"), ..] => audience,
            _ => "elsewhere",
        };
        let group = groups.iter().position(|(name, _)| *name == audience).unwrap_or(groups.len() - 1);
        groups[group].1.push(link(page));
    }
    let items = groups.into_iter().filter(|(_, links)| !links.is_empty());
    let items: String =
        items.map(|(name, links)| wrapped(&format!("\n- {name}: {}", links.join(", ")), "  ")).collect();
    if items.is_empty() { items } else { format!("\n\nOfficial documents (官方文档):\n{items}") }
}

fn link(page: &str) -> String {
    match page.rsplit_once('/') {
        Some((_, number)) if !page.starts_with("http") => {
            format!("[{number}]({})", document_address(page))
        }
        _ => format!("<{}>", document_address(page)),
    }
}
