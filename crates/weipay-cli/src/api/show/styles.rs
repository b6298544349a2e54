//! The six styles (六种写法) of an operation: pure chain, declarative and property, each async and blocking.

mod chain;
mod json;
mod statement;
mod typed;
pub(super) mod upload;

use weipay_catalog::{Operation, Version};

use super::{sample, sensitive};
use statement::statement;

/// Styles that share what must stand before them.
pub(super) struct Group {
    /// The lines before, empty where nothing is needed.
    pub(super) before: String,
    pub(super) styles: Vec<Style>,
}

pub(super) struct Style {
    pub(super) name: &'static str,
    pub(super) line: String,
}

/// All six, or why there are none.
pub(super) fn of(operation: &Operation) -> Result<Vec<Group>, &'static str> {
    let is_upload = !operation.request.multipart.is_empty();
    if is_upload && operation.version() == Version::V2 {
        return Err("an upload of APIv2, which no style sends yet");
    }
    let mut groups = Vec::new();
    let chain = chain::typed(operation);
    let request = typed::request(operation);
    let argument = if request.is_some() { "request" } else { "" };
    let verb = format!("{}({argument})", operation.method.to_ascii_lowercase());
    let before = request.map(|request| typed::before(operation, &chain.module, &request)).unwrap_or_default();
    let note = if sensitive::is_in_sample(operation) { sensitive::NOTE } else { "" };
    groups.push(Group {
        before: format!("{note}{before}"),
        styles: both(["异步纯链式  async, pure chain", "同步纯链式  blocking, pure chain"], |end| {
            statement(&[&chain.calls[..], std::slice::from_ref(&verb)].concat(), end)
        }),
    });
    let body = if is_upload { Some(upload::before(operation)) } else { json::body(operation) };
    let tail = chain::untyped(operation, body.is_some());
    let path = operation.path;
    let mut styles =
        both(["异步声明式  async, declarative", "同步声明式  blocking, declarative"], |end| {
            statement(&[&["client".to_owned(), format!("chain({path:?})")], &tail[..]].concat(), end)
        });
    styles.extend(both(["异步属性式  async, property", "同步属性式  blocking, property"], |end| {
        statement(&[&[format!("client[{path:?}]")], &tail[..]].concat(), end)
    }));
    groups.push(Group { before: body.unwrap_or_default(), styles });
    Ok(groups)
}

fn both(names: [&'static str; 2], line: impl Fn(&str) -> String) -> Vec<Style> {
    let [waiting, blocking] = names;
    vec![Style { name: waiting, line: line(".await?") }, Style { name: blocking, line: line("?") }]
}

#[cfg(test)]
mod tests;
