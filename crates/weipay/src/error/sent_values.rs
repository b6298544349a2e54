//! Values of a request that are personal or secret. Any response may repeat them, and errors are written to logs, so an error
//! prints none of them: neither the signature of the request, nor the headers that the caller
//! set, nor what the catalogue calls private in path, query and body.

use std::ops::Range;
use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue};
use memchr::memmem;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::core::SERIAL;
use crate::model::is_private_name;
use crate::request::{Body, Request};
use crate::target::percent_encode;

/// How many values are looked for, and in how large a body of the request. More would cost more than an error should.
const MAX_VALUES: usize = 256;
const MAX_BODY: usize = 1024 * 1024;

/// JSON text inside of JSON text, so deep.
const MAX_TEXTS: usize = 3;

/// For a long value, this many characters must match: the response may have truncated it.
const ENOUGH: usize = 16;

/// Headers whose values are never personal, and help to understand an error.
const TOLD: [HeaderName; 5] = [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT, SERIAL];

/// The values of one request. Clones share them, and they are wiped from memory at the end.
#[derive(Clone, Default)]
pub(crate) struct SentValues(Option<Arc<[Zeroizing<String>]>>);

/// Always equal: these values only decide what is printed.
impl PartialEq for SentValues {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl SentValues {
    pub(crate) fn of(request: &Request, authorization: Option<&HeaderValue>) -> Self {
        let mut found = Found::default();
        if let Some(authorization) = authorization.and_then(|value| value.to_str().ok()) {
            found.authorization(authorization);
        }
        let set = request.headers.iter().filter(|(name, _)| !TOLD.contains(name));
        for value in set.filter_map(|(_, value)| value.to_str().ok()) {
            found.secret(value);
            // Such as the token after `Bearer`.
            value.split_ascii_whitespace().skip(1).for_each(|part| found.secret(part));
        }
        for (name, value) in request.values.iter().chain(&request.query) {
            found.of_url(is_private_name(name), value);
        }
        found.template(request);
        match &request.body {
            None => {}
            Some(Body::Json(json)) => found.json(json, 0),
            Some(Body::Upload(upload)) => found.json(&upload.meta, 0),
            Some(Body::Form { fields, .. }) => {
                fields.iter().for_each(|(name, value)| found.member(name, value, false, 0));
            }
        }
        found.done()
    }

    pub(super) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// Where a text repeats one of them, whole or, if it is long, its beginning.
    pub(super) fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        for value in self.0.iter().flat_map(|values| values.iter()) {
            let enough = value.char_indices().nth(ENOUGH).map_or(value.len(), |(end, _)| end);
            let mut from = 0;
            while let Some(at) = memmem::find(&text.as_bytes()[from..], &value.as_bytes()[..enough]) {
                let start = from + at;
                let same = text[start..].chars().zip(value.chars()).take_while(|(one, other)| one == other);
                from = start + same.map(|(one, _)| one.len_utf8()).sum::<usize>();
                found.push(start..from);
            }
        }
    }
}

#[derive(Default)]
struct Found(Vec<Zeroizing<String>>);

impl Found {
    /// A text that is looked for. A very short one would be found everywhere; a name in Chinese has two letters. The
    /// words of lists (`AVAILABLE`) and merchant numbers stand in fields with private names too, and are what an error
    /// is about.
    fn secret(&mut self, text: &str) {
        let is_word = text.bytes().all(|letter| letter.is_ascii_uppercase() || letter == b'_');
        let is_merchant = (8..=10).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        if is_word || is_merchant {
            return;
        }
        let least = if text.is_ascii() { 4 } else { 2 };
        if self.0.len() < MAX_VALUES && text.chars().nth(least - 1).is_some() {
            self.0.push(Zeroizing::new(text.to_owned()));
        }
    }

    /// The scheme is shown: a wrong one is a mistake that an error may be about.
    fn authorization(&mut self, authorization: &str) {
        self.secret(authorization.split_once(' ').map_or(authorization, |(_, parameters)| parameters));
        for opening in ["signature=\"", "nonce_str=\""] {
            if let Some((_, rest)) = authorization.split_once(opening) {
                self.secret(rest.split('"').next().unwrap_or_default());
            }
        }
    }

    /// A value of the path or the query.
    fn of_url(&mut self, is_private: bool, value: &str) {
        if is_private {
            self.secret(value);
            let mut encoded = String::new();
            percent_encode(&mut encoded, value);
            if encoded != value {
                self.secret(&encoded);
            }
        }
    }

    /// Values that the caller wrote into the path.
    fn template(&mut self, request: &Request) {
        let (path, query) = request.template.split_once('?').unwrap_or((&request.template, ""));
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            // The address of a file on any host: what its query holds opens it.
            self.of_url(request.operation.is_none() || is_private_name(&decoded(name)), &decoded(value));
        }
        let known = request.operation.map_or("", |operation| operation.path());
        for (written, known) in path.trim_start_matches('/').split('/').zip(known.split('/')) {
            let Some(name) = placeholder(known) else { continue };
            // The caller may have another name for the placeholder.
            match placeholder(written) {
                Some(other) => {
                    let values = request.values.iter().filter(|(known, _)| known == other);
                    values.for_each(|(_, value)| self.of_url(is_private_name(name), value));
                }
                None => self.of_url(is_private_name(name), &decoded(written)),
            }
        }
    }

    fn json(&mut self, json: &[u8], texts: usize) {
        if json.len() <= MAX_BODY
            && let Ok(value) = serde_json::from_slice(json)
        {
            self.value(&value, false, texts);
        }
    }

    fn member(&mut self, name: &str, value: &Value, is_private: bool, texts: usize) {
        self.value(value, is_private || is_private_name(name), texts);
    }

    /// `is_private` says that an object around it is.
    fn value(&mut self, value: &Value, is_private: bool, texts: usize) {
        if self.0.len() >= MAX_VALUES {
            return;
        }
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| self.member(name, value, is_private, texts));
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item, is_private, texts)),
            Value::String(text) if text.starts_with(['{', '[']) && texts < MAX_TEXTS => {
                match serde_json::from_str(text) {
                    Ok(inside) => self.value(&inside, is_private, texts + 1),
                    Err(_) if is_private => self.secret(text),
                    Err(_) => {}
                }
            }
            Value::String(text) if is_private => {
                self.secret(text);
                if !text.is_ascii() {
                    // As some write it in a body that is no error response of the platform.
                    self.secret(&text.encode_utf16().map(escaped).collect::<String>());
                }
            }
            Value::Number(number) if is_private => self.secret(&number.to_string()),
            _ => {}
        }
    }

    fn done(mut self) -> SentValues {
        self.0.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        self.0.dedup_by(|one, other| one.as_str() == other.as_str());
        SentValues(Some(self.0.into()))
    }
}

fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// A letter of JSON that has ASCII only.
fn escaped(unit: u16) -> String {
    match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;

    fn request(method: Method, path: &str) -> Request {
        let mut request = Request::new(path.to_owned());
        request.operation = crate::Operation::find(&method, path);
        request.method = method;
        request
    }

    fn values(sent: &SentValues) -> Vec<&str> {
        sent.0.iter().flat_map(|values| values.iter()).map(|value| value.as_str()).collect()
    }

    #[test]
    fn what_is_private_is_found_wherever_it_travels() {
        let mut request = request(
            Method::GET,
            "v3/marketing/favor/users/oUpF8uMuAJO_M2pxb1Q9zNjWeS6o/coupons?device_id=dev%2F1",
        );
        request.query = vec![("appid".into(), "wx1234".into()), ("sub_openid".into(), "张三".into())];
        request.set_header("X-Token", "Bearer secret-token");
        request.set_header("Accept-Language", "zh-CN");
        request.body = Some(Body::Json(
            json!({
                "payer": {"openid": "openid-1"},
                "description": "a cup of tea",
                "detail": r#"{"phone":"138 0013"}"#,
                "user_info": [{"anything": "inside"}, {"age": 12345}],
            })
            .to_string()
            .into(),
        ));
        let authorization = HeaderValue::from_static(
            "SCHEME-OF-IT mchid=\"1900000001\",nonce_str=\"n0nce\",signature=\"c2lnbmVk\"",
        );
        let sent = SentValues::of(&request, Some(&authorization));
        assert_eq!(
            values(&sent),
            [
                "%E5%BC%A0%E4%B8%89",
                "12345",
                "138 0013",
                "Bearer secret-token",
                "c2lnbmVk",
                "dev%2F1",
                "dev/1",
                "inside",
                "mchid=\"1900000001\",nonce_str=\"n0nce\",signature=\"c2lnbmVk\"",
                "n0nce",
                "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
                "openid-1",
                "secret-token",
                "张三"
            ]
        );
    }

    #[test]
    fn a_placeholder_is_known_by_its_place() {
        let mut request = request(Method::GET, "v3/marketing/favor/users/{who}/coupons/{coupon_id}");
        request.operation =
            crate::Operation::find(&Method::GET, "v3/marketing/favor/users/{openid}/coupons/{coupon_id}");
        request.values = vec![("who".into(), "openid-1".into()), ("coupon_id".into(), "12345".into())];
        assert_eq!(values(&SentValues::of(&request, None)), ["openid-1"]);
    }

    #[test]
    fn of_the_address_of_a_file_the_whole_query_is_secret() {
        let request = request(Method::GET, "bills/1?appid=wx1234&sig=c2ln%2Fbg");
        assert_eq!(values(&SentValues::of(&request, None)), ["c2ln%2Fbg", "c2ln/bg", "wx1234"]);
    }

    #[test]
    fn a_large_body_costs_little() {
        let mut request = request(Method::POST, "v3/a");
        request.body = Some(Body::Json(json!({"name": vec!["name"; 10_000]}).to_string().into()));
        assert_eq!(values(&SentValues::of(&request, None)), ["name"]);
        request.body = Some(Body::Json(json!({"name": "x".repeat(MAX_BODY)}).to_string().into()));
        assert_eq!(values(&SentValues::of(&request, None)), [""; 0]);
    }
}
