//! The file of one operation: its request, its answer, and the objects and enumerations inside them.

use weipay_catalog::Operation;

use crate::documentation;
use crate::models::Models;
use crate::output::header;

/// How an operation looks at the end of a chain.
pub(crate) struct Verb {
    /// `post`: the method of the chain, and the module of the types.
    pub module: String,
    /// `POST`
    pub method: &'static str,
    pub has_request: bool,
    pub has_answer: bool,
}

impl Verb {
    pub(crate) fn of(operation: &Operation) -> Verb {
        let request = &operation.request;
        Verb {
            module: operation.method.to_ascii_lowercase(),
            method: operation.method,
            has_request: !(request.query.is_empty() && request.headers.is_empty() && request.json.is_empty()),
            has_answer: !operation.answer.is_empty(),
        }
    }

    pub(crate) fn has_types(&self) -> bool {
        self.has_request || self.has_answer
    }
}

/// Whether the operation has a verb in the chain. A body of several parts cannot be sent yet, and a verb that left it
/// out would be a trap.
pub(crate) fn is_typed(operation: &Operation) -> bool {
    operation.request.multipart.is_empty() && !operation.request.json_is_array
}

pub(crate) fn text(operation: &Operation) -> String {
    let mut models = Models::default();
    let verb = Verb::of(operation);
    let request = &operation.request;
    if verb.has_request {
        let places = [("query", &request.query), ("header", &request.headers), ("body", &request.json)];
        models.root("Request", &format!("{}: what is sent.", operation.title), &places);
    }
    if verb.has_answer {
        models.root(
            "Answer",
            &format!("{}: what is answered.", operation.title),
            &[("body", &operation.answer)],
        );
    }
    let mut text = header(&format!("catalog/{}.api", operation.path));
    text.push_str(&documentation::lines(&documentation::operation(operation), "//!"));
    text.push('\n');
    text.push_str(&models.text());
    text
}
