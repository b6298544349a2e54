//! Reading a request (请求): path and query percent-decoded, the body as JSON.
//!
//! Values of the URL are percent-decoded once, after the signature was checked over the text as it was sent. JSON is read
//! strictly, and what a lenient reader would swallow is remembered: members that stand twice matter because two readers of one
//! signed body must never understand different things. Nesting is bounded by the parser (128 levels).

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use weipay_catalog::{Operation, Routed};

use super::Contract;
use crate::grammar::{self, unconfirmed};
use crate::response::Refusal;
use crate::upload::Upload;

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

    /// A request with values of its path, and a body.
    pub(crate) fn from_path_and_body(path: Vec<(&'static str, String)>, body: Map<String, Value>) -> Self {
        Self { path, body, ..Self::default() }
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

impl From<ParsedRequest<'_>> for ValidRequest {
    fn from(request: ParsedRequest<'_>) -> Self {
        let body = match request.document {
            Some(Value::Object(members)) => members,
            // No operation whose body is an array has behaviour.
            _ => Map::new(),
        };
        Self { path: request.path, query: request.query, body }
    }
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

    /// The request as a product gets it, if it is not an upload.
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

    /// UNCONFIRMED(content-type): whatever `Content-Type` says, a body is read as JSON, also with `--strict`.
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
            return Err(grammar::not_utf8().with_reason(match text.starts_with(GZIP) {
                true => {
                    "the body is compressed (gzip): send and sign the JSON itself, without Content-Encoding"
                }
                false => "the body is not UTF-8: encode the JSON as UTF-8 before it is signed and sent",
            }));
        }
        let document = read_json(text)
            .ok_or_else(|| unconfirmed::broken_json().with_reason(cause_of_broken_json(text)))?;
        if let Some(name) = &document.repeated {
            return Err(unconfirmed::repeated_member(name));
        }
        if document.four_byte && self.validation.four_byte_characters {
            return Err(unconfirmed::four_byte_character());
        }
        Ok(document.value)
    }
}

/// How a compressed body begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Why a body is not JSON, where it can be told.
fn cause_of_broken_json(text: &[u8]) -> &'static str {
    let begins = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if text.starts_with("\u{FEFF}".as_bytes()) {
        return "the body begins with a byte order mark (EF BB BF): leave it out of what is signed and sent";
    }
    match begins {
        Some(b'{' | b'[') => {
            "the body is not JSON to its end: look for a comma, a quotation mark or a bracket too many or too few"
        }
        Some(b'<') => "the body is XML, which is for APIv2: APIv3 expects a JSON object",
        _ => "the body must be a JSON object: it does not begin with {",
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

/// The parameters of a query that were set. UNCONFIRMED(null-in-query): WxJava sends `bill_type=null` where
/// nothing was set, and its users have their bills, so this word is not taken for one of those that a page
/// lists.
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

/// A body that is JSON.
#[derive(Debug)]
struct Document {
    value: Value,
    /// A member that stands twice in one object.
    repeated: Option<String>,
    /// Whether a string or a name has characters of four UTF-8 bytes (emoji and the like).
    four_byte: bool,
}

/// Reads a body; `None` when it is not JSON in UTF-8 or is nested too deeply.
fn read_json(body: &[u8]) -> Option<Document> {
    let mut found = Found::default();
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = Reader(&mut found).deserialize(&mut parser).ok()?;
    parser.end().ok()?;
    Some(Document { value, repeated: found.repeated, four_byte: found.four_byte })
}

#[derive(Default)]
struct Found {
    repeated: Option<String>,
    four_byte: bool,
}

impl Found {
    fn look_at(&mut self, text: &str) {
        // In UTF-8 only characters beyond U+FFFF begin with a byte from 0xF0 on.
        self.four_byte |= text.bytes().any(|byte| byte >= 0xF0);
    }
}

struct Reader<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        self.0.look_at(text);
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_element_seed(Reader(&mut *self.0))? {
            members.push(member);
        }
        Ok(Value::Array(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            self.0.look_at(&name);
            let value = access.next_value_seed(Reader(&mut *self.0))?;
            if members.contains_key(&name) {
                self.0.repeated.get_or_insert_with(|| name.clone());
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_is_decoded_pair_by_pair() {
        let read = query_values(Some("a=1&b=%E5%88%B8+x%2B&c&d=")).unwrap();
        let expected = [("a", "1"), ("b", "券 x+"), ("c", ""), ("d", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(query_values(None).unwrap().is_empty());
    }

    #[test]
    fn a_plus_in_a_path_stays_a_plus() {
        assert_eq!(path_values(&[("code", "a+b%2Fc".to_owned())]).unwrap(), [("code", "a+b/c".to_owned())]);
    }

    #[test]
    fn broken_encodings_and_repeated_names_are_refused() {
        for text in
            ["a=%", "a=%4", "a=%zz", "a=%%41", "a=%+1", "a=%4券", "a=%ff", "%ff=a", "a=1&a=2", "a=1&%61=2"]
        {
            let refusal = query_values(Some(text)).unwrap_err();
            assert!(refusal.code == "PARAM_ERROR" && refusal.reason.is_some(), "{text}");
        }
        assert!(path_values(&[("code", "%e5".to_owned())]).is_err());
    }

    #[test]
    fn what_is_not_one_json_value_is_not_read_json() {
        for body in ["", "{", "{}{}", "{'a':1}", "{\"a\":1,}", "NaN", "\"\u{1}\"", "{\"a\":\"\\ud800\"}"] {
            assert!(read_json(body.as_bytes()).is_none(), "{body}");
        }
        assert!(read_json(b"{\"a\":\"\xff\"}").is_none());
        assert!(read_json(b"\xef\xbb\xbf{}").is_none());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(read_json(&nested(100)).is_some());
        assert!(read_json(&nested(200_000)).is_none());
    }

    #[test]
    fn a_repeated_member_is_named_at_any_depth() {
        assert_eq!(read_json(br#"{"a":1,"b":{"a":1}}"#).unwrap().repeated, None);
        assert_eq!(read_json(br#"{"b":[{"a":1,"a":1}]}"#).unwrap().repeated.as_deref(), Some("a"));
        assert_eq!(read_json(br#"{"a":1,"\u0061":2}"#).unwrap().repeated.as_deref(), Some("a"));
    }

    #[test]
    fn four_byte_characters_are_seen_raw_and_escaped() {
        assert!(read_json("{\"a\":\"😀\"}".as_bytes()).unwrap().four_byte);
        assert!(read_json(br#"["\ud83d\ude00"]"#).unwrap().four_byte);
        assert!(read_json("{\"😀\":1}".as_bytes()).unwrap().four_byte);
        assert!(!read_json("{\"a\":\"商家券￥\"}".as_bytes()).unwrap().four_byte);
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(read_json(&body).map(|document| document.value), serde_json::from_slice(&body).ok());
        }

        #[test]
        fn it_reads_json_like_text_as_serde_json_does(body in r#"[\[\]{}",:0-9a-c\\ .eE+-]{0,40}"#) {
            let ours = read_json(body.as_bytes()).map(|document| document.value);
            prop_assert_eq!(ours, serde_json::from_str(&body).ok());
        }
    }
}
