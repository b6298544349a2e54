//! The contract (契约): every request is validated against the catalogue before any product sees it.
//!
//! Path, query and body are checked in this order, each for the types of all its values, then for its required fields, then
//! for the other rules; fields in the catalogue's order. The first broken rule is answered in the gateway's own
//! [sentences](crate::grammar). A product behind the contract may rely on types, lengths and required fields, and adds only
//! what the catalogue cannot say.
//!
//! Values of the URL are percent-decoded once, after the signature was checked over the text as it was sent. JSON is read
//! strictly, and what a lenient reader would swallow is remembered: members that stand twice matter because two readers of one
//! signed body must never understand different things. Nesting is bounded by the parser (128 levels).

mod carried_out;
mod json;
mod parts;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};
use weipay_catalog::{Carrier, Catalog, Field, Kind, Operation, Routed};
use weipay_rules::{BrokenRule, parse_integer, parse_number};

use self::json::read_json;
use crate::grammar::{self, OBJECT, Place, Source, unconfirmed};
use crate::response::Refusal;
use crate::upload::Upload;
pub(crate) use carried_out::CarriedOut;

/// What is refused beyond types, lengths and required fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Members that the documentation does not have. The real gateway refuses them in a body; that it does so in a
    /// query as well is UNCONFIRMED(undefined-query).
    pub undefined_members: bool,
    /// Characters of four UTF-8 bytes, which the platform does not take.
    pub four_byte_characters: bool,
    /// Values that a field's page does not list. Off by default: the platform adds values without notice, and what it
    /// says to an unknown one is UNCONFIRMED(unlisted-value). Of an operation that the sandbox carries out, what it cannot act on is
    /// refused in any case.
    pub unlisted_values: bool,
    /// A request whose `Authorization` came before. Off by default: that the platform refuses it is UNCONFIRMED(replayed-request), and official
    /// SDKs send a request again that was signed once.
    pub replayed_requests: bool,
    /// A body that says `FAIL`, under a status that acknowledges a notification. Off by default: whether the platform reads it is
    /// UNCONFIRMED(acknowledgement).
    pub failing_acknowledgements: bool,
    /// In which words what is wrong is refused, where the platform was seen to refuse otherwise than its documents say: as the documents
    /// say. Off by default. They differ for an `out_trade_no` that was used before (403 OUT_TRADE_NO_USED) and for an openid of another
    /// appid (500 OPENID_MISMATCH).
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
    /// A request that has a body only.
    pub(crate) fn from_body(body: Map<String, Value>) -> Self {
        Self { body, ..Self::default() }
    }

    /// A request that has no body.
    pub(crate) fn from_query(query: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { query: query.into_iter().collect(), ..Self::default() }
    }

    /// The same, with the values of a path.
    #[cfg(test)]
    pub(crate) fn from_values(path: Vec<(&'static str, String)>, query: Vec<(String, String)>) -> Self {
        Self { path, query, ..Self::default() }
    }

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

/// A request whose text can be read.
#[derive(Debug, Default)]
pub(crate) struct ParsedRequest<'a> {
    pub(crate) path: Vec<(&'static str, String)>,
    pub(crate) query: Vec<(String, String)>,
    /// The JSON of the body, or of an upload's `meta`; `None` when there is none to read.
    pub(crate) document: Option<Value>,
    pub(crate) upload: Option<&'a Upload<'a>>,
}

impl Contract {
    /// Takes a request apart.
    pub(crate) fn read<'a>(
        &self,
        routed: &Routed,
        query: Option<&str>,
        body: &[u8],
        upload: Option<&'a Upload<'a>>,
    ) -> Result<ParsedRequest<'a>, Refusal> {
        let path = path_values(&routed.path_values)?;
        let query = set_values(routed.operation, query_values(query)?);
        let in_query = query.iter().flat_map(|(name, value)| [name, value]);
        for text in path.iter().map(|(_, value)| value).chain(in_query) {
            self.refuse_four_byte(text.bytes())?;
        }
        let document = match upload {
            Some(upload) => upload.meta().map(|meta| self.document(meta)).transpose()?,
            None => self.body(routed.operation, body)?,
        };
        Ok(ParsedRequest { path, query, document, upload })
    }

    /// What a product would get of a request that is not an upload.
    #[cfg(test)]
    pub(crate) fn checked(
        &self,
        routed: &Routed,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<ValidRequest, Refusal> {
        let request = self.read(routed, query, body, None)?;
        self.check(routed.operation, &request)?;
        Ok(request.into())
    }

    fn refuse_four_byte(&self, mut bytes: impl Iterator<Item = u8>) -> Result<(), Refusal> {
        if self.validation.four_byte_characters && bytes.any(|byte| byte >= 0xF0) {
            return Err(unconfirmed::four_byte_character());
        }
        Ok(())
    }

    fn body(&self, operation: &Operation, body: &[u8]) -> Result<Option<Value>, Refusal> {
        // A body that the operation does not have is not looked at.
        if operation.request.json.is_empty() {
            return Ok(None);
        }
        // UNCONFIRMED(no-body): no body at all is treated like an empty object, so that the response names the first field.
        self.document(if body.is_empty() { b"{}" } else { body }).map(Some)
    }

    fn document(&self, text: &[u8]) -> Result<Value, Refusal> {
        if std::str::from_utf8(text).is_err() {
            return Err(grammar::not_utf8());
        }
        let document = read_json(text).ok_or_else(unconfirmed::broken_json)?;
        if let Some(name) = &document.repeated {
            return Err(unconfirmed::repeated_member(name));
        }
        if document.four_byte && self.validation.four_byte_characters {
            return Err(unconfirmed::four_byte_character());
        }
        Ok(document.value)
    }
}

impl From<ParsedRequest<'_>> for ValidRequest {
    fn from(request: ParsedRequest<'_>) -> Self {
        let body = match request.document {
            Some(Value::Object(members)) => members,
            // No operation whose body is an array has behaviour.
            _ => serde_json::Map::new(),
        };
        Self { path: request.path, query: request.query, body }
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
            self.walk(carried_out, Source::UriTemplate, &mut undefined),
        )?;
        self.check_query(operation, &request.query, self.walk(carried_out, Source::Query, &mut undefined))?;
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

    fn walk<'a>(&'a self, carried_out: CarriedOut, source: Source, undefined: &'a mut Undefined) -> Walk<'a> {
        let pointer = format!("/{}", source.word());
        Walk { contract: self, carried_out, source, pass: Pass::Types, pointer, undefined }
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
        let mut walk = self.walk(CarriedOut::from_operation(operation), Source::Body, undefined);
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
    let mut walk = contract.walk(CarriedOut::No, Source::Body, &mut undefined);
    let mut passes = Pass::ALL.into_iter().map(|pass| {
        walk.pass = pass;
        walk.member(field, Some(value))
    });
    passes.find_map(Result::err).map(|refusal| refusal.message.to_string())
}

/// Checks a request against the catalogue and does nothing else: no signature, no state. What is refused is told by its message. For
/// the benchmark of that.
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

impl Walk<'_> {
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
    fn members(&mut self, fields: &[Field], object: &serde_json::Map<String, Value>) -> Result<(), Refusal> {
        for field in fields {
            self.below(field.name, |walk| walk.member(field, object.get(field.name)))?;
        }
        let known = fields.iter().filter(|field| object.contains_key(field.name)).count();
        if self.pass == Pass::Types && object.len() > known {
            for name in object.keys().filter(|name| fields.iter().all(|field| field.name != *name)) {
                self.below(name, |walk| walk.undefined.add(&walk.pointer));
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

    /// What is said of a broken rule; the first two passes do not ask for it.
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
        rules.check_text(text).map_err(|rule| self.place(field).broken(rule, text.into()))?;
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

/// Decodes the values of a path's placeholders.
fn path_values(values: &[(&'static str, String)]) -> Result<Vec<(&'static str, String)>, Refusal> {
    values
        .iter()
        .map(|(name, raw)| {
            Ok((
                *name,
                decoded(raw, false)
                    .ok_or_else(|| unconfirmed::broken_url("路径").with_reason(NOT_ENCODED))?,
            ))
        })
        .collect()
}

/// The parameters of a query that were set. UNCONFIRMED(null-in-query): WxJava sends `bill_type=null` where nothing was set, and its
/// users have their bills, so this word is not taken for one of those that a page lists.
fn set_values(operation: &Operation, mut query: Vec<(String, String)>) -> Vec<(String, String)> {
    let has_words = |name: &str| {
        operation.request.query.iter().any(|field| field.name == name && !field.values.is_empty())
    };
    query.retain(|(name, value)| value != "null" || !has_words(name));
    query
}

/// Reads a query: each name once.
fn query_values(query: Option<&str>) -> Result<Vec<(String, String)>, Refusal> {
    let broken = |reason| unconfirmed::broken_url("查询参数").with_reason(reason);
    let not_encoded = || broken(NOT_ENCODED);
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name, true).ok_or_else(not_encoded)?;
        if pairs.len() == MAX_PARAMETERS {
            return Err(broken("the query has more than 200 parameters"));
        }
        if pairs.iter().any(|(earlier, _)| *earlier == name) {
            return Err(broken("the query has a parameter twice: give each name once"));
        }
        pairs.push((name, decoded(value, true).ok_or_else(not_encoded)?));
    }
    Ok(pairs)
}

const NOT_ENCODED: &str =
    "a percent sign must begin a percent-encoding (%E5), and the bytes that are encoded must be UTF-8";

/// No operation has a tenth of this; it bounds the search for repeated names.
const MAX_PARAMETERS: usize = 200;

/// Percent-decoding; in a query `+` is a blank, as clients of form encoding write it.
fn decoded(raw: &str, plus_is_blank: bool) -> Option<String> {
    // The crate keeps a `%` without two digits as it is.
    let is_digits = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !raw.split('%').skip(1).all(is_digits) {
        return None;
    }
    let raw = if plus_is_blank { Cow::Owned(raw.replace('+', " ")) } else { Cow::Borrowed(raw) };
    percent_decode_str(&raw).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
