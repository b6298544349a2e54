//! The file of one operation: its request, its response, and the objects and enumerations inside them.

use weipay_catalog::rust::types::{Types, request_fields};
use weipay_catalog::{Operation, names};

use crate::documentation;
use crate::homes::Homes;
use crate::models;
use crate::output::header;
use crate::segment;

/// How an operation looks at the end of a chain.
pub(crate) struct Verb {
    /// `post`: the method of the chain, and the module of the types.
    pub module: String,
    pub has_request: bool,
    pub has_answer: bool,
}

impl Verb {
    pub(crate) fn of(operation: &Operation) -> Verb {
        Verb {
            module: names::verb(operation),
            has_request: !request_fields(operation).is_empty(),
            has_answer: !operation.response.is_empty(),
        }
    }

    pub(crate) fn has_types(&self) -> bool {
        self.has_request || self.has_answer
    }
}

/// The file of an operation whose types live in this module.
pub(crate) fn text(operation: &Operation, module: &str, homes: &mut Homes) -> String {
    let mut text = header(&segment::source(operation));
    text.push_str(&documentation::lines(&documentation::operation::module(operation), "//!"));
    text.push('\n');
    text.push_str(&models::text(&Types::new(operation), module, homes));
    text
}
