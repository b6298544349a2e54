//! The contract (契约): every request is validated against the catalogue before any product sees it.
//!
//! Path, query and body are checked in this order, each for the types of all its values, then for its required fields, then
//! for the other rules; fields in the catalogue's order. The first broken rule is refused in the gateway's own
//! [sentences](crate::grammar). A product may rely on types, lengths and required fields, and adds only
//! what the catalogue cannot say.

mod carried_out;
mod parts;
mod request;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod validation;

use serde_json::{Map, Number, Value};
use weipay_catalog::{Carrier, Catalog, Field, Kind, Operation};
use weipay_rules::{BrokenRule, Format, parse_integer, parse_number};

use crate::grammar::{self, OBJECT, Place, Source, unconfirmed};
use crate::response::Refusal;
pub(crate) use carried_out::CarriedOut;
pub(crate) use request::{ParsedRequest, ValidRequest};
pub use validation::Validation;

/// Checks requests against the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Contract {
    validation: Validation,
}

impl Contract {
    pub(crate) fn new(validation: Validation) -> Self {
        Self { validation }
    }

    /// What is refused.
    pub(crate) const fn validation(&self) -> Validation {
        self.validation
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
            let is_taken = TAKEN.contains(&(operation.path, name));
            if operation.request.query.iter().all(|field| field.name != *name) && !is_taken {
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

/// Parameters of a query that no page has, and that the platform did not refuse (2023):
/// <https://github.com/binarywang/WxJava/issues/3153>
const TAKEN: [(&str, &str); 1] = [("v3/bill/fundflowbill", "bill_type")];

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

/// Pointers of members that the documentation does not have.
#[derive(Debug, Default)]
struct Undefined(Vec<String>);

impl Undefined {
    /// A response names this many at most; one is enough to refuse.
    const NAMED: usize = 20;

    fn pointers(&self) -> &[String] {
        &self.0
    }

    fn add(&mut self, pointer: &str) {
        if self.0.len() < Self::NAMED {
            self.0.push(pointer.to_owned());
        }
    }
}

/// What a walk looks at. Recorded: a wrong type wins over a missing field that stands before it, and a missing field over an
/// empty string that stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Types,
    Required,
    Rules,
}

impl Pass {
    const ALL: [Self; 3] = [Self::Types, Self::Required, Self::Rules];
}

/// A walk through one source of a request; the pointer grows and shrinks with the depth.
struct Walk<'a> {
    contract: &'a Contract,
    carried_out: CarriedOut,
    source: Source,
    pass: Pass,
    pointer: String,
    undefined: &'a mut Undefined,
}

impl<'a> Walk<'a> {
    fn new(
        contract: &'a Contract,
        carried_out: CarriedOut,
        source: Source,
        undefined: &'a mut Undefined,
    ) -> Self {
        let pointer = format!("/{}", source.word());
        Self { contract, carried_out, source, pass: Pass::Types, pointer, undefined }
    }
}

impl Walk<'_> {
    /// The member where the walk is has no field.
    fn add_undefined(&mut self) {
        self.undefined.add(&self.pointer);
    }

    fn place<'b>(&'b self, field: &'b Field) -> Place<'b> {
        let title = if field.label.is_empty() { field.name } else { field.label };
        Place { source: self.source, pointer: &self.pointer, title }
    }

    fn below<R>(&mut self, segment: &str, visit: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.pointer.len();
        self.pointer.push('/');
        // A name may hold the two characters that a JSON Pointer escapes.
        if segment.contains(['~', '/']) {
            self.pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        } else {
            self.pointer.push_str(segment);
        }
        let result = visit(self);
        self.pointer.truncate(length);
        result
    }

    /// The members of an object against its fields, in the catalogue's order.
    fn members(&mut self, fields: &[Field], object: &Map<String, Value>) -> Result<(), Refusal> {
        for field in fields {
            self.below(field.name, |walk| walk.member(field, object.get(field.name)))?;
        }
        let known = fields.iter().filter(|field| object.contains_key(field.name)).count();
        if self.pass == Pass::Types && object.len() > known {
            for name in object.keys().filter(|name| fields.iter().all(|field| field.name != *name)) {
                self.below(name, Self::add_undefined);
            }
        }
        Ok(())
    }

    /// A member that may be missing. `null` is as good as missing.
    fn member(&mut self, field: &Field, value: Option<&Value>) -> Result<(), Refusal> {
        match value {
            None | Some(Value::Null) if field.required && self.pass == Pass::Required => {
                Err(self.place(field).required())
            }
            None | Some(Value::Null) => Ok(()),
            Some(value) if field.list => self.list(field, value),
            Some(value) => self.one(field, value),
        }
    }

    fn list(&mut self, field: &Field, value: &Value) -> Result<(), Refusal> {
        let Value::Array(members) = value else {
            return Err(self.place(field).not_a_list(value.clone()));
        };
        self.judge(field, || field.rules().check_items(members.len()), value)?;
        for (index, member) in members.iter().enumerate() {
            self.below(&index.to_string(), |walk| walk.one(field, member))?;
        }
        Ok(())
    }

    fn one(&mut self, field: &Field, value: &Value) -> Result<(), Refusal> {
        if field.carrier.is_some() {
            return self.text(field, value);
        }
        match field.kind {
            Kind::String => self.text(field, value),
            Kind::Integer => self.integer(field, value),
            Kind::Number => match value.as_f64() {
                Some(number) => self.judge(field, || field.rules().check_number(number), value),
                None => Err(self.place(field).wrong_type(unconfirmed::NUMBER, value.clone())),
            },
            Kind::Boolean if value.is_boolean() => Ok(()),
            Kind::Boolean => Err(self.place(field).wrong_type(unconfirmed::BOOLEAN, value.clone())),
            Kind::Object => match value {
                Value::Object(members) => self.members(&field.fields, members),
                _ => Err(self.place(field).wrong_type(OBJECT, value.clone())),
            },
        }
    }

    fn text(&mut self, field: &Field, value: &Value) -> Result<(), Refusal> {
        match value {
            Value::String(text) if self.pass == Pass::Rules => self.string(field, text),
            Value::String(_) => Ok(()),
            _ => Err(self.place(field).not_a_string(value.clone())),
        }
    }

    /// The message of a broken rule; the first two passes do not need it.
    fn judge(
        &self,
        field: &Field,
        verdict: impl FnOnce() -> Result<(), BrokenRule>,
        value: &Value,
    ) -> Result<(), Refusal> {
        match self.pass {
            Pass::Rules => verdict().map_err(|rule| self.place(field).broken(rule, value.clone())),
            Pass::Types | Pass::Required => Ok(()),
        }
    }

    /// The rules of a string.
    fn string(&self, field: &Field, text: &str) -> Result<(), Refusal> {
        // What travels encrypted has another length and other characters than the page means.
        if matches!(field.carrier, Some(Carrier::Encrypted | Carrier::Sealed)) {
            return Ok(());
        }
        let rules = field.rules();
        rules.check_text(text).map_err(|rule| {
            // Recorded of an order: <https://github.com/labring/sealos/pull/2300> (2022).
            let is_no_address = text.is_empty() && field.format == Some(Format::NotifyUrl);
            let rule = if is_no_address { BrokenRule::Format(Format::NotifyUrl) } else { rule };
            let refusal = self.carried_out.empty_sub_merchant(field, text);
            refusal.unwrap_or_else(|| self.place(field).broken(rule, text.into()))
        })?;
        // A word in a path names a resource, which its product knows or does not.
        if self.source != Source::UriTemplate {
            self.carried_out.check_word(field, text).map_err(|reason| {
                self.place(field).broken(BrokenRule::Unlisted, text.into()).with_reason(reason)
            })?;
        }
        let listed: &[&str] = if self.contract.validation.unlisted_values { &field.values } else { &[] };
        let verdict = rules.check_listed(text, listed);
        verdict.map_err(|rule| self.place(field).broken(rule, text.into()))
    }

    fn integer(&self, field: &Field, value: &Value) -> Result<(), Refusal> {
        let number = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        self.whole(field, number, value)
    }

    /// An integer; `value` is how it was sent.
    fn whole(&self, field: &Field, number: Option<i128>, value: &Value) -> Result<(), Refusal> {
        let rules = field.rules();
        let kind = rules.integer_type();
        match number.filter(|number| kind.holds(*number)) {
            Some(number) => {
                let check =
                    || rules.check_integer(number).and_then(|()| self.carried_out.check_money(field, number));
                self.judge(field, check, value)
            }
            None => Err(self.place(field).wrong_type(grammar::integer(kind), value.clone())),
        }
    }

    /// A value from the URL, where everything is text.
    fn url_text(&self, field: &Field, text: &str) -> Result<(), Refusal> {
        if text.is_empty() && !field.required {
            return Ok(());
        }
        let place = self.place(field);
        match field.kind {
            Kind::Integer => {
                let number = parse_integer(text);
                // One that is out of its range is told as a number, one that cannot be held as the text that was sent.
                let as_number = number.filter(|number| field.rules().integer_type().holds(*number));
                let as_number = as_number.and_then(Number::from_i128).map(Value::Number);
                self.whole(field, number, &as_number.unwrap_or_else(|| text.into()))
            }
            Kind::Number => match parse_number(text) {
                Some(number) => self.judge(field, || field.rules().check_number(number), &number.into()),
                None => Err(place.wrong_type(unconfirmed::NUMBER, text.into())),
            },
            Kind::Boolean if !matches!(text, "true" | "false") => {
                Err(place.wrong_type(unconfirmed::BOOLEAN, text.into()))
            }
            Kind::Boolean => Ok(()),
            // Objects and lists travel as JSON text; their inside is the operation's own affair.
            Kind::Object => Ok(()),
            Kind::String if self.pass == Pass::Rules => self.string(field, text),
            Kind::String => Ok(()),
        }
    }
}

/// The message about one value of a body, if it is refused. For the SDK's tests, which compare verdicts.
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
/// An error, by its message.
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
