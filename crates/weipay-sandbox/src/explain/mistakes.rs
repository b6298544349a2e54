//! Common mistakes in signing, each with its name: what was signed in the place of method, URL, time, nonce or body. Those of the
//! [layout](super::message) stand beside it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{WrongSignature, gbk};
use crate::encodings::{COMPONENT, UNRESERVED_KEPT, URL};

/// The most parameters whose orders are tried.
const MAX_ORDERED: usize = 4;

/// Messages that may have been signed by mistake, each with the mistake.
type Candidates<T> = Vec<(T, &'static str)>;

pub(super) fn methods(method: &str) -> Candidates<String> {
    const OTHER: &str = "the signed method differs from the sent one";
    let others = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|other| *other != method);
    let lower = (method.to_ascii_lowercase(), "the method was signed in lower case; sign it in capitals");
    std::iter::once(lower).chain(others.map(|other| (other.to_owned(), OTHER))).collect()
}

pub(super) fn timestamps(timestamp: i64) -> Candidates<String> {
    const OTHER: &str = "the timestamp that was signed is not that of Authorization; read the clock once and use that time for both";
    let mut all = vec![(
        format!("{timestamp}000"),
        "the timestamp was signed in milliseconds; sign the seconds that Authorization carries",
    )];
    for distance in 1..=5 {
        all.push(((timestamp - distance).to_string(), OTHER));
        all.push(((timestamp + distance).to_string(), OTHER));
    }
    all
}

pub(super) fn nonces(nonce: &str) -> Candidates<String> {
    const CASE: &str =
        "the nonce was signed in a different letter case from the one sent; it is case-sensitive";
    vec![
        (nonce.to_ascii_lowercase(), CASE),
        (nonce.to_ascii_uppercase(), CASE),
        (String::new(), "an empty nonce was signed; sign the one that Authorization carries"),
    ]
}

const QUERY_LEFT_OUT: &str =
    "the query was left out of what was signed; sign path and query as they are sent";
/// gopay does so.
const QUESTION_MARK: &str = "the URL was sent with a question mark at its end that was not signed, as clients do that join an empty query \
     to the path; send no question mark without a query, or sign it too";
const WITH_HOST: &str = "the path was signed with the host in front of it; sign only path and query";
const NOT_ENCODED: &str = "the URL was signed before its values were percent-encoded; sign it as it is sent";
const ENCODED: &str =
    "the URL was signed with other percent-encoding than it was sent with; sign it as it is sent";
const PATH_ENCODED: &str = "a value in the path was signed with other percent-encoding than it was sent with: some \
     HTTP libraries change it, for example %2E to . and | to %7C; sign the path as it is sent";
const ORDER: &str = "the parameters of the query were signed in another order than they were sent in";

/// The ways in which programs encode a value of a path.
const OF_SEGMENT: [&AsciiSet; 6] = [
    UNRESERVED_KEPT,
    NON_ALPHANUMERIC,
    &UNRESERVED_KEPT.add(b'.'),
    COMPONENT,
    URL,
    // URLEncoder of Java.
    &UNRESERVED_KEPT.add(b'~').remove(b'*'),
];

/// The path with its values encoded in each of those ways.
fn otherwise_encoded(path: &str, template: &str) -> Vec<String> {
    let is_value = |segment: &str| segment.starts_with('{');
    let templates: Vec<&str> = template.trim_start_matches('/').split('/').collect();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if templates.len() != segments.len() || !templates.iter().any(|segment| is_value(segment)) {
        return Vec::new();
    }
    let encoded = |encode: &&'static AsciiSet| {
        let segments = segments.iter().zip(&templates).map(|(segment, template)| match is_value(template) {
            true => utf8_percent_encode(&percent_decode_str(segment).decode_utf8_lossy(), encode).to_string(),
            false => (*segment).to_owned(),
        });
        format!("/{}", segments.collect::<Vec<_>>().join("/"))
    };
    OF_SEGMENT.iter().map(encoded).collect()
}

/// Targets that may have been signed by mistake, the most probable one first.
pub(super) fn targets(wrong: &WrongSignature<'_>) -> Candidates<String> {
    let target = &*wrong.request.target;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut targets = Targets { target, path, query, all: Vec::new() };
    let hosts = hosts(wrong);
    targets.add_without_query();
    for host in &hosts {
        targets.add(format!("{host}{target}"), WITH_HOST);
    }
    targets.add(percent_decode_str(target).decode_utf8_lossy().into_owned(), NOT_ENCODED);
    if let Some(query) = query {
        targets.add_other_encodings(query);
        for host in &hosts {
            targets.add(
                format!("{host}{path}"),
                "the path was signed with the host in front of it and without the query; sign path and query as they are sent",
            );
        }
        targets.add_other_parameters(query);
    }
    targets.add_other_paths(wrong.operation.path);
    targets.add(String::new(), "an empty URL was signed");
    // Last, so that the others are still tried in pairs.
    for path in otherwise_encoded(path, wrong.operation.path) {
        targets.add(query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")), PATH_ENCODED);
    }
    targets.all
}

/// The hosts that may have been signed in front of a path.
fn hosts(wrong: &WrongSignature<'_>) -> Vec<String> {
    let mut hosts =
        vec!["https://api.mch.weixin.qq.com".to_owned(), "https://api2.mch.weixin.qq.com".to_owned()];
    if let Some(host) = wrong.request.header("host").filter(|host| !host.is_empty()) {
        hosts.extend([format!("http://{host}"), format!("https://{host}"), host.to_owned()]);
    }
    hosts.extend(["api.mch.weixin.qq.com".to_owned(), "https://apihk.mch.weixin.qq.com".to_owned()]);
    hosts
}

/// Targets that may have been signed by mistake, each once.
struct Targets<'a> {
    target: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    all: Candidates<String>,
}

impl Targets<'_> {
    fn add(&mut self, text: String, cause: &'static str) {
        if text != self.target && self.all.iter().all(|(known, _)| *known != text) {
            self.all.push((text, cause));
        }
    }

    fn add_query(&mut self, query: &str, cause: &'static str) {
        self.add(format!("{}?{query}", self.path), cause);
    }

    fn add_without_query(&mut self) {
        match self.query {
            Some("") => self.add(self.path.to_owned(), QUESTION_MARK),
            Some(_) => {
                self.add(self.path.to_owned(), QUERY_LEFT_OUT);
                self.add_query("", QUERY_LEFT_OUT);
            }
            None => {}
        }
    }

    fn add_other_encodings(&mut self, query: &str) {
        // A percent-encoded path and a plain query, and the other way round.
        let plain = percent_decode_str(query).decode_utf8_lossy().into_owned();
        self.add_query(&plain.replace('+', " "), NOT_ENCODED);
        self.add_query(&plain, NOT_ENCODED);
        self.add_query(&query.replace("%20", "+"), ENCODED);
        self.add_query(&query.replace('+', "%20"), ENCODED);
        self.add_query(&query.replace('+', "%2B"), ENCODED);
        for encode in [URL, COMPONENT] {
            let pairs = query.split('&').map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let plain = percent_decode_str(value).decode_utf8_lossy();
                format!("{name}={}", utf8_percent_encode(&plain, encode))
            });
            self.add_query(&pairs.collect::<Vec<_>>().join("&"), ENCODED);
        }
    }

    fn add_other_parameters(&mut self, query: &str) {
        for order in orders(query) {
            self.add_query(&order, ORDER);
        }
        let filled = query.split('&').filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("&");
        self.add_query(
            &filled,
            "parameters without a value were left out of what was signed; sign the query as it is sent",
        );
    }

    fn add_other_paths(&mut self, template: &str) {
        let (target, path) = (self.target, self.path);
        self.add(utf8_percent_encode(target, URL).to_string(), ENCODED);
        self.add(lower_hexadecimal(target), ENCODED);
        self.add(target.replace("%7C", "|").replace("%2A", "*"), ENCODED);
        self.add(
            target.trim_start_matches('/').to_owned(),
            "the path was signed without the slash at its beginning",
        );
        self.add(format!("/{target}"), "the path was signed with two slashes at its beginning");
        self.add(
            format!("{path}/{}", self.query.map(|query| format!("?{query}")).unwrap_or_default()),
            "the path was signed with a slash at its end that was not sent",
        );
        self.add(
            format!("{target}?"),
            "the URL was signed with a question mark at its end that was not sent",
        );
        if let Some(rest) = target.strip_prefix("/v3") {
            self.add(rest.to_owned(), "the path was signed without /v3");
        }
        self.add(format!("/{template}"), "the path was signed with its placeholders instead of their values");
    }
}

fn lower_hexadecimal(text: &str) -> String {
    let mut since_percent = 3;
    let lower = |letter: char| {
        since_percent = if letter == '%' { 0 } else { since_percent + 1 };
        if since_percent <= 2 { letter.to_ascii_lowercase() } else { letter }
    };
    text.chars().map(lower).collect()
}

/// Other orders of the parameters: all of a few, and the sorted one.
fn orders(query: &str) -> Vec<String> {
    let mut pairs: Vec<&str> = query.split('&').collect();
    let mut all = Vec::new();
    if pairs.len() <= MAX_ORDERED {
        permute(&mut pairs.clone(), 0, &mut all);
    } else {
        all.push(pairs.iter().rev().copied().collect::<Vec<_>>().join("&"));
    }
    pairs.sort_unstable();
    all.push(pairs.join("&"));
    all
}

fn permute(pairs: &mut [&str], from: usize, all: &mut Vec<String>) {
    if from + 1 >= pairs.len() {
        all.push(pairs.join("&"));
        return;
    }
    for index in from..pairs.len() {
        pairs.swap(from, index);
        permute(pairs, from + 1, all);
        pairs.swap(from, index);
    }
}

const BODY_LEFT_OUT: &str =
    "the body was left out of what was signed; sign the bytes of the body that is sent";
pub(super) const RE_ENCODED: &str = "the body was serialized twice, for signing and for sending; serialize it once, sign these bytes, and send them";
const FEED_SENT: &str =
    "the body was sent with a line feed at its end that was not signed; sign the same bytes that are sent";
const IN_GBK: &str = "the message was signed in GBK, and its body sent in UTF-8; make the bytes once, in UTF-8, sign them, and send the same bytes";
const SENT_IN_GBK: &str = "the body was sent in GBK, and signed in UTF-8; make the bytes once, in UTF-8, sign them, and send the same bytes";
const WITHOUT_LETTERS: &str = "the message was signed in an encoding that has no Chinese letters, with a question mark in the place of each; \
     make the bytes once, in UTF-8, sign them, and send the same bytes";
const WHOLE_UPLOAD: &str = "the whole body of an upload was signed; sign only the text of its part `meta`";

/// The same text in the encodings that programs take where none is named.
fn otherwise_encoded_text(body: &[u8]) -> Candidates<Vec<u8>> {
    if body.is_ascii() {
        return Vec::new();
    }
    let mut all = Vec::new();
    if let Ok(text) = str::from_utf8(body) {
        if let Some(in_gbk) = gbk::encode(text) {
            all.push((in_gbk, IN_GBK));
        }
        all.push((text.replace(|letter: char| !letter.is_ascii(), "?").into_bytes(), WITHOUT_LETTERS));
    }
    // Some bytes are text in both.
    if let Some(text) = gbk::decode(body) {
        all.push((text.into_bytes(), SENT_IN_GBK));
    }
    all
}

pub(super) fn bodies(wrong: &WrongSignature<'_>) -> Candidates<Vec<u8>> {
    let body = wrong.body;
    let mut all: Candidates<Vec<u8>> = Vec::new();
    let mut add = |bytes: Vec<u8>, cause| {
        if bytes != body && all.iter().all(|(known, _)| *known != bytes) {
            all.push((bytes, cause));
        }
    };
    if body != wrong.request.body {
        add(wrong.request.body.clone(), WHOLE_UPLOAD);
    }
    if !body.is_empty() {
        add(Vec::new(), BODY_LEFT_OUT);
        add(body.trim_ascii_end().to_vec(), FEED_SENT);
        add(body.trim_ascii().to_vec(), "the body was sent with white space around it that was not signed");
        add(
            body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).to_vec(),
            "the body was sent with a byte order mark that was not signed",
        );
        for (bytes, cause) in otherwise_encoded_text(body) {
            add(bytes, cause);
        }
        let text = serde_json::Value::from(String::from_utf8_lossy(body));
        add(
            text.to_string().into_bytes(),
            "the body was encoded as JSON twice for signing; sign the text that is sent",
        );
    }
    for end in ["\r\n", " "] {
        add(
            [body, end.as_bytes()].concat(),
            "the body was signed with a space or a line break at its end that was not sent",
        );
    }
    for other in ["{}", "null", "[]", "undefined", "\"\"", "None", "nil"] {
        add(
            other.into(),
            "a body was signed that was not sent; a request without a body signs an empty line",
        );
    }
    if let Some(query) = wrong.request.query() {
        let cause = "the query was signed as if it were the body; a GET signs it in the URL, and an empty line for the body";
        add(query.into(), cause);
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let decoded = pairs.map(|(name, value)| {
            (name.to_owned(), serde_json::Value::from(percent_decode_str(value).decode_utf8_lossy()))
        });
        add(serde_json::Value::Object(decoded.collect()).to_string().into_bytes(), cause);
    }
    all
}
