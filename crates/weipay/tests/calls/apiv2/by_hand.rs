//! The platform's side of APIv2, written by hand and without the crate's own code, after the official page on signatures.

use aws_lc_rs::hmac;
use md5::{Digest as _, Md5};
use weipay::ClientBuilder;
use weipay::wire::ApiV2Key;

use crate::platform::{Platform, Scripted, Seen, unsigned};

pub const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

/// A client of a platform, with the APIv2 key.
pub fn builder(platform: &Platform) -> ClientBuilder {
    platform.builder().api_v2_key(ApiV2Key::new(KEY).unwrap())
}

pub fn md5(fields: &[(&str, &str)]) -> String {
    hex(&Md5::digest(message(fields)))
}

pub fn hmac_sha256(fields: &[(&str, &str)]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    hex(hmac::sign(&key, message(fields).as_bytes()).as_ref())
}

fn message(fields: &[(&str, &str)]) -> String {
    let mut fields: Vec<_> =
        fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()).collect();
    fields.sort();
    let joined: String = fields.iter().map(|(name, value)| format!("{name}={value}&")).collect();
    format!("{joined}key={KEY}")
}

fn hex(bytes: &[u8]) -> String {
    base16ct::upper::encode_string(bytes)
}

/// XML as the platform writes it: every value in CDATA.
pub fn xml(fields: &[(&str, &str)]) -> String {
    let elements: String =
        fields.iter().map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>\n")).collect();
    format!("<xml>{elements}</xml>")
}

/// A response: HTTP 200 and plain text, whatever it says.
pub fn xml_response(fields: &[(&str, &str)]) -> Scripted {
    unsigned(200, &xml(fields)).header("Content-Type", "text/plain")
}

/// The same, signed.
pub fn signed(fields: &[(&str, &str)]) -> Scripted {
    let sign = md5(fields);
    xml_response(&[fields, &[("sign", sign.as_str())]].concat())
}

pub const SUCCESS: [(&str, &str); 4] = [
    ("return_code", "SUCCESS"),
    ("return_msg", "OK"),
    ("result_code", "SUCCESS"),
    ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
];

/// A signed success that says this too.
pub fn success(fields: &[(&str, &str)]) -> Scripted {
    signed(&[&SUCCESS, fields].concat())
}

/// The elements of a request, in their order, read without a parser of XML.
pub fn elements(seen: &Seen) -> Vec<(String, String)> {
    let body = std::str::from_utf8(&seen.body).unwrap();
    let mut rest = body.strip_prefix("<xml>").unwrap().strip_suffix("</xml>").unwrap();
    let mut elements = Vec::new();
    while let Some(after) = rest.strip_prefix('<') {
        let (name, after) = after.split_once('>').unwrap();
        let (value, after) = after.split_once(&format!("</{name}>")).unwrap();
        elements.push((name.to_owned(), text(value)));
        rest = after;
    }
    assert_eq!(rest, "");
    elements
}

fn text(mut value: &str) -> String {
    let mut text = String::new();
    while !value.is_empty() {
        if let Some(after) = value.strip_prefix("<![CDATA[") {
            let (inside, after) = after.split_once("]]>").unwrap();
            text.push_str(inside);
            value = after;
        } else if let Some(after) = value.strip_prefix("&#13;") {
            text.push('\r');
            value = after;
        } else {
            let end = value.find(['<', '&']).unwrap_or(value.len());
            assert!(end > 0, "{value}");
            text.push_str(&value[..end]);
            value = &value[end..];
        }
    }
    text
}

/// The value of an element of a request.
pub fn value(elements: &[(String, String)], name: &str) -> Option<String> {
    let mut all = elements.iter().filter(|(found, _)| found == name);
    let found = all.next().map(|(_, value)| value.clone());
    assert!(all.next().is_none(), "{name} is there twice");
    found
}

/// Whether the request carries the signature of its elements, which tells its kind by its length.
pub fn is_rightly_signed(elements: &[(String, String)]) -> bool {
    let fields: Vec<_> = elements.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sign = value(elements, "sign").unwrap();
    sign == if sign.len() == 32 { md5(&fields) } else { hmac_sha256(&fields) }
}
