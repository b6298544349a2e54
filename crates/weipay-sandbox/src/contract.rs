//! The contract (契约): every request is validated against the catalogue before any product sees it.
//!
//! Path, query and body are checked in this order, each for the types of all its values, then for its required fields, then
//! for the other rules; fields in the catalogue's order. The first broken rule is answered in the gateway's own
//! [sentences](crate::grammar). A product may rely on types, lengths and required fields, and adds only
//! what the catalogue cannot say.

mod carried_out;
mod json;
mod parts;
mod request;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod walk;

use serde_json::{Map, Value};
use weipay_catalog::{Catalog, Field, Operation};

use crate::grammar::{self, OBJECT, Place, Source};
use crate::response::Refusal;
pub(crate) use carried_out::CarriedOut;
pub(crate) use request::{ParsedRequest, ValidRequest};
use walk::{Pass, Undefined, Walk};

/// What is refused beyond types, lengths and required fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Members that the documentation does not have. The real gateway refuses them in a body; that it does so in a
    /// query as well is UNCONFIRMED(undefined-query).
    pub undefined_members: bool,
    /// Characters of four UTF-8 bytes, which the platform does not take.
    pub four_byte_characters: bool,
    /// Values that a field's page does not list. Off by default: the platform adds values without notice, and
    /// what it says to an unknown one is UNCONFIRMED(unlisted-value). Of an operation that the sandbox
    /// carries out, what it cannot act on is refused in any case.
    pub unlisted_values: bool,
    /// A request whose `Authorization` came before. Off by default: that the platform refuses it is
    /// UNCONFIRMED(replayed-request), and official SDKs send a request again that was signed once.
    pub replayed_requests: bool,
    /// A body that says `FAIL`, under a status that acknowledges a notification. Off by default: whether the platform reads it is
    /// UNCONFIRMED(acknowledgement).
    pub failing_acknowledgements: bool,
    /// In which words what is wrong is refused, where the platform was seen to refuse otherwise than its
    /// documents say: as the documents say. Off by default. They differ for an `out_trade_no` that was used
    /// before (403 OUT_TRADE_NO_USED) and for an openid of another appid (500 OPENID_MISMATCH).
    pub documented_errors: bool,
}

impl Validation {
    /// What the real platform is known to refuse.
    pub const DEFAULT: Self = Self {
        undefined_members: true,
        four_byte_characters: true,
        unlisted_values: false,
        replayed_requests: false,
        failing_acknowledgements: false,
        documented_errors: false,
    };
    /// Everything that can be refused, but for a request that comes twice, in the words that were observed.
    pub const STRICT: Self = Self { unlisted_values: true, failing_acknowledgements: true, ..Self::DEFAULT };
    /// Types, lengths and required fields only.
    pub const LENIENT: Self = Self { undefined_members: false, four_byte_characters: false, ..Self::DEFAULT };
}

impl Default for Validation {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Checks requests against the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    validation: Validation,
}

impl Contract {
    pub(crate) fn new(validation: Validation) -> Self {
        Self { validation }
    }

    /// The refusal in the words of the documents, where that is asked for and the operation's page has the code.
    pub(crate) fn in_words(&self, operation: &Operation, refusal: Refusal) -> Refusal {
        let is_listed = refusal
            .documented
            .is_some_and(|documented| operation.error_codes().any(|known| known.code == documented.code));
        if self.validation.documented_errors && is_listed { refusal.into_documented() } else { refusal }
    }

    /// Validates a request against its operation.
    pub(crate) fn check(&self, operation: &Operation, request: &ParsedRequest<'_>) -> Result<(), Refusal> {
        let mut undefined = Undefined::default();
        let carried_out = CarriedOut::from_operation(operation);
        self.check_path(
            operation,
            &request.path,
            Walk::new(self, carried_out, Source::UriTemplate, &mut undefined),
        )?;
        self.check_query(
            operation,
            &request.query,
            Walk::new(self, carried_out, Source::Query, &mut undefined),
        )?;
        if let Some(upload) = request.upload {
            self.check_parts(operation, upload, request.document.as_ref())?;
        } else if let Some(document) = &request.document {
            self.check_body(operation, document, &mut undefined)?;
        }
        if self.validation.undefined_members && !undefined.pointers().is_empty() {
            return Err(grammar::undefined(undefined.pointers()));
        }
        Ok(())
    }

    fn check_path(
        &self,
        operation: &Operation,
        values: &[(&'static str, String)],
        mut walk: Walk<'_>,
    ) -> Result<(), Refusal> {
        for pass in Pass::ALL {
            walk.pass = pass;
            for (name, value) in values {
                if let Some(field) = operation.request.path.iter().find(|field| field.name == *name) {
                    walk.pointer = format!("/uri_template/{name}");
                    // Recorded of `/v3/marketing/favor/stocks//...`: a value that is not there is missing, not too short.
                    match value.as_str() {
                        "" => walk.member(field, None)?,
                        value => walk.url_text(field, value)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn check_query(
        &self,
        operation: &Operation,
        pairs: &[(String, String)],
        mut walk: Walk<'_>,
    ) -> Result<(), Refusal> {
        for pass in Pass::ALL {
            walk.pass = pass;
            for field in &operation.request.query {
                walk.pointer = format!("/query/{}", field.name);
                match pairs.iter().find(|(name, _)| name == field.name) {
                    Some((_, value)) => walk.url_text(field, value)?,
                    None => walk.member(field, None)?,
                }
            }
        }
        for (name, _) in pairs {
            if operation.request.query.iter().all(|field| field.name != *name) {
                walk.pointer = format!("/query/{name}");
                walk.add_undefined();
            }
        }
        Ok(())
    }

    fn check_body(
        &self,
        operation: &Operation,
        document: &Value,
        undefined: &mut Undefined,
    ) -> Result<(), Refusal> {
        let request = &operation.request;
        let mut walk = Walk::new(self, CarriedOut::from_operation(operation), Source::Body, undefined);
        match document {
            Value::Object(members) => {
                refuse_path_values(operation, members)?;
                for pass in Pass::ALL {
                    walk.pass = pass;
                    walk.members(&request.json, members)?;
                }
                Ok(())
            }
            other => Err(not_an_object("/body", other)),
        }
    }
}

/// What the sandbox says of one value of a body, when it refuses it. For the SDK's tests, which compare verdicts.
#[doc(hidden)]
#[must_use]
pub fn refusal_of(field: &Field, value: &Value) -> Option<String> {
    let contract = Contract::default();
    let mut undefined = Undefined::default();
    let mut walk = Walk::new(&contract, CarriedOut::No, Source::Body, &mut undefined);
    let mut passes = Pass::ALL.into_iter().map(|pass| {
        walk.pass = pass;
        walk.member(field, Some(value))
    });
    passes.find_map(Result::err).map(|refusal| refusal.message.to_string())
}

/// Checks a request against the catalogue and does nothing else: no signature, no state. For the benchmark of that.
///
/// # Errors
///
/// What is refused, by its message.
#[doc(hidden)]
pub fn check_against_catalogue(method: &str, target: &str, body: &[u8]) -> Result<(), String> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let routed =
        Catalog::embedded().route(method, path).map_err(|_| format!("{method} {path} is not there"))?;
    let contract = Contract::default();
    let message = |refusal: Refusal| refusal.message.into_owned();
    let request = contract.read(&routed, query, body, None).map_err(message)?;
    contract.check(routed.operation, &request).map_err(message)
}

fn not_an_object(pointer: &str, value: &Value) -> Refusal {
    Place { source: Source::Body, pointer, title: "请求体" }.wrong_type(OBJECT, value.clone())
}

/// A value that the path has given must not stand in the body again, unless the body has a field of that name.
fn refuse_path_values(operation: &Operation, members: &Map<String, Value>) -> Result<(), Refusal> {
    let request = &operation.request;
    for field in &request.path {
        if let Some(value) = members.get(field.name)
            && request.json.iter().all(|known| known.name != field.name)
        {
            let pointer = format!("/body/{}", field.name);
            let place = Place { source: Source::Body, pointer: &pointer, title: field.label };
            return Err(place.given_by_path(field.name, value.clone()));
        }
    }
    Ok(())
}
