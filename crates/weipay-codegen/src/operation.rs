//! The module of one operation: its request, its response, and the objects and enumerations inside them.

use indoc::formatdoc;
use weipay_catalog::folder::EXTENSION;
use weipay_catalog::parse::Heading;
use weipay_catalog::rust::module_types::{REQUEST, RESPONSE, Types, request_fields};
use weipay_catalog::{Operation, names};

use crate::documentation::{lines, operation as documentation};
use crate::flat::FlatNames;
use crate::models::Module;
use crate::output::indented;

/// How an operation looks at the end of a chain.
pub(crate) struct Verb {
    /// `post`: the method of the chain, and the module of the types.
    pub module: String,
    pub has_request: bool,
    pub has_response: bool,
}

impl Verb {
    pub(crate) fn new(operation: &Operation) -> Self {
        Self {
            module: names::verb(operation),
            has_request: !request_fields(operation).is_empty(),
            has_response: !operation.response.is_empty(),
        }
    }

    pub(crate) fn has_types(&self) -> bool {
        self.has_request || self.has_response
    }
}

/// The module of an operation's types; `shared` is the module of the product's shared types.
pub(crate) fn module(operation: &Operation, shared: &str, flat: &FlatNames) -> String {
    let types = Types::new(operation);
    let root =
        |name: &str, what: &str| documentation::root(operation, what, flat.path(operation, name).as_deref());
    let module = Module {
        types: &types,
        shared: Some(shared),
        level: 1,
        root_doc: &|name| match name {
            REQUEST => Some(root(REQUEST, "the request")),
            RESPONSE => Some(root(RESPONSE, "the response")),
            _ => None,
        },
        titles: &[operation.title],
    };
    formatdoc! {"
        {doc}pub mod {verb} {{
        {types}}}
        ",
        doc = lines(&documentation::module(operation), "///"),
        verb = names::verb(operation),
        types = indented(&module.text(), 1),
    }
}

/// The catalogue file of an operation.
pub(crate) fn source(operation: &Operation) -> String {
    let heading = Heading::Operation(operation.method, operation.path);
    format!("catalog/{}.{EXTENSION}", heading.place())
}
