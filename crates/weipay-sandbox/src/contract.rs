//! The contract (契约): every request is validated against the catalogue before any product sees it.
//!
//! Path, query and body are checked in this order, each for the types of all its values, then for its required fields, then
//! for the other rules; fields in the catalogue's order. The first broken rule is answered in the gateway's own
//! [sentences](crate::grammar). A product behind the contract may rely on types, lengths and required fields, and adds only
//! what the catalogue cannot say.

mod parts;
mod request;
mod value;

use serde_json::{Map, Value};
use weipay_catalog::Operation;

use crate::grammar::{self, OBJECT, Place, Source};
use crate::refusal::Refusal;
pub(crate) use request::ParsedRequest;
use value::{Pass, Walk};

/// What is refused beyond types, lengths and required fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Members that the documentation does not have. The real gateway refuses them in a body; that it does so in a
    /// query as well is UNCONFIRMED.
    pub undefined_members: bool,
    /// Characters of four UTF-8 bytes, which the platform does not take.
    pub four_byte_characters: bool,
    /// Values that a field's page does not list. Off by default: the platform adds values without notice, and what it
    /// answers to an unknown one is UNCONFIRMED. A product refuses what it cannot act on in any case.
    pub unlisted_values: bool,
    /// A request whose `Authorization` came before. Off by default: that the platform refuses it is UNCONFIRMED, and official
    /// SDKs send a request again that was signed once.
    pub replayed_requests: bool,
}

impl Validation {
    /// What the real platform is known to refuse.
    pub const DEFAULT: Self = Self {
        undefined_members: true,
        four_byte_characters: true,
        unlisted_values: false,
        replayed_requests: false,
    };
    /// Everything that can be refused, but for a request that comes twice.
    pub const STRICT: Self = Self { unlisted_values: true, ..Self::DEFAULT };
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

/// A request that has passed validation.
#[derive(Debug, Clone, Default)]
pub(crate) struct ValidRequest {
    path: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    /// The members of the body, or of an upload's `meta`; empty when the operation has none. What travelled encrypted is plain
    /// text here.
    pub(crate) body: Map<String, Value>,
}

impl ValidRequest {
    /// A member of the body that is a string, not empty: an empty one means what a missing one means.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A member that the contract has proven to be there.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// The value of a path's placeholder.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Every placeholder of the path with its value.
    pub(crate) fn path_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.path.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Every query parameter with its value.
    pub(crate) fn query_values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A query parameter, not empty.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let value = self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }
}

/// Pointers of members that the documentation does not have.
#[derive(Debug, Default)]
struct Undefined(Vec<String>);

impl Undefined {
    /// A response names this many at most; one is enough to refuse.
    const NAMED: usize = 20;

    fn add(&mut self, pointer: &str) {
        if self.0.len() < Self::NAMED {
            self.0.push(pointer.to_owned());
        }
    }
}

impl Contract {
    pub(crate) fn new(validation: Validation) -> Self {
        Self { validation }
    }

    /// Validates a request against its operation.
    pub(crate) fn check(&self, operation: &Operation, request: &ParsedRequest<'_>) -> Result<(), Refusal> {
        let mut undefined = Undefined::default();
        self.check_path(operation, &request.path, &mut undefined)?;
        self.check_query(operation, &request.query, &mut undefined)?;
        if let Some(upload) = request.upload {
            self.check_parts(operation, upload, request.document.as_ref())?;
        } else if let Some(document) = &request.document {
            self.check_body(operation, document, &mut undefined)?;
        }
        if self.validation.undefined_members && !undefined.0.is_empty() {
            return Err(grammar::undefined(&undefined.0));
        }
        Ok(())
    }

    fn walk<'a>(&'a self, source: Source, undefined: &'a mut Undefined) -> Walk<'a> {
        let pointer = format!("/{}", source.word());
        Walk { contract: self, source, pass: Pass::Types, pointer, undefined }
    }

    fn check_path(
        &self,
        operation: &Operation,
        values: &[(&'static str, String)],
        undefined: &mut Undefined,
    ) -> Result<(), Refusal> {
        let mut walk = self.walk(Source::UriTemplate, undefined);
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
        undefined: &mut Undefined,
    ) -> Result<(), Refusal> {
        let mut walk = self.walk(Source::Query, undefined);
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
                walk.undefined.add(&format!("/query/{name}"));
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
        let mut walk = self.walk(Source::Body, undefined);
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
pub fn refusal_of(field: &weipay_catalog::Field, value: &Value) -> Option<String> {
    let contract = Contract::default();
    let mut undefined = Undefined::default();
    let mut walk = contract.walk(Source::Body, &mut undefined);
    let mut passes = Pass::ALL.into_iter().map(|pass| {
        walk.pass = pass;
        walk.member(field, Some(value))
    });
    passes.find_map(Result::err).map(|refusal| refusal.message.to_string())
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

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
