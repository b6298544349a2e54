//! The module of one operation: its request, its response, and the objects and enumerations inside them.

use indoc::formatdoc;
use weipay_catalog::folder::EXTENSION;
use weipay_catalog::names::request::places;
use weipay_catalog::parse::Heading;
use weipay_catalog::{Operation, Version};

use crate::documentation::{lines, operation as documentation};
use crate::flat::FlatNames;
use crate::models::{Models, Root};
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
            module: operation.method.to_ascii_lowercase(),
            has_request: !places(operation).is_empty(),
            has_response: !operation.response.is_empty(),
        }
    }

    pub(crate) fn has_types(&self) -> bool {
        self.has_request || self.has_response
    }
}

/// The module of an operation's types; `shared` is the module of the product's shared objects.
pub(crate) fn module(operation: &Operation, shared: &str, flat: &FlatNames) -> String {
    let verb = Verb::new(operation);
    let response = response_fields(operation);
    let mut models =
        Models::new(places(operation).into_iter().chain(response.iter().copied()).map(|(_, field)| field));
    let mut root = |name: &'static str, what: &str, fields: &[_]| {
        let doc = documentation::root(operation, what, flat.path(operation, name).as_deref());
        models.root(&Root { name, doc, titles: vec![operation.title] }, fields);
    };
    if verb.has_request {
        root("Request", "what is sent", &places(operation));
    }
    if verb.has_response {
        root("Response", "what comes back", &response);
    }
    formatdoc! {"
        {doc}pub mod {module} {{
        {types}}}
        ",
        doc = lines(&documentation::module(operation), "///"),
        module = verb.module,
        types = indented(&models.text(shared, 1), 1),
    }
}

/// The fields of a response, with the place that they travel in.
pub(crate) fn response_fields(operation: &Operation) -> Vec<(&'static str, &weipay_catalog::Field)> {
    let place = if operation.version() == Version::V2 { "xml" } else { "body" };
    operation.response.iter().map(|field| (place, field)).collect()
}

/// The catalogue file of an operation.
pub(crate) fn source(operation: &Operation) -> String {
    let heading = Heading::Operation(operation.method, operation.path);
    format!("catalog/{}.{EXTENSION}", heading.place())
}
