//! Fills the merchant numbers of the caller into a call without types: see [`caller`].

use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::core::Core;
use crate::model::table::Place;
use crate::request::Request;
use crate::request::encoding::caller;
use crate::target::position_of_placeholder;
use crate::untyped::joined;

/// Fills in who calls, where the caller has not. `body` is its JSON, or that of the description of a file.
pub(crate) fn fill_in_caller(
    core: &Core,
    method: &Method,
    request: &mut Request,
    body: &mut Option<Zeroizing<String>>,
    is_upload: bool,
) {
    let Some(operation) = request.find_operation(method) else { return };
    for (name, place, text) in caller(core, operation) {
        match place {
            Place::Path => {
                if position_of_placeholder(&request.template, name).is_some() {
                    add(&mut request.values, name, text);
                }
            }
            Place::Query if has_in_query(&request.template, name) => {}
            Place::Query => add(&mut request.query, name, text),
            _ => {
                if is_upload && body.is_none() {
                    *body = Some(Zeroizing::new("{}".to_owned()));
                }
                if let Some(filled) = body.as_ref().and_then(|json| with_member(json, name, text)) {
                    *body = Some(filled);
                }
            }
        }
    }
}

fn add(pairs: &mut Vec<(String, String)>, name: &str, text: &str) {
    if !pairs.iter().any(|(known, _)| known == name) {
        pairs.push((name.to_owned(), text.to_owned()));
    }
}

/// Whether a path comes with a query that has a name, whatever its value.
fn has_in_query(template: &str, name: &str) -> bool {
    let query = template.split_once('?').map_or("", |(_, query)| query);
    let mut names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.any(|known| percent_decode_str(known).decode_utf8_lossy() == name)
}

/// The JSON object with one more member at its beginning; `None` if it has the member, or the text is not an
/// object. Everything else keeps its bytes: numbers that are written again could differ.
fn with_member(json: &str, name: &str, text: &str) -> Option<Zeroizing<String>> {
    let members: BTreeMap<String, IgnoredAny> = serde_json::from_str(json).ok()?;
    if members.contains_key(name) {
        return None;
    }
    let rest = json.trim_ascii_start().strip_prefix('{')?;
    let comma = if members.is_empty() { "" } else { "," };
    let (name, text) = (Value::from(name).to_string(), Value::from(text).to_string());
    Some(joined(&["{", &name, ":", &text, comma, rest]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_query_of_a_path_is_found_whatever_its_value() {
        let has = |template| has_in_query(template, "mchid");
        assert!(has("v3/x?mchid=1") && has("v3/x?a=1&mchid=") && has("v3/x?mchid") && has("v3/x?m%63hid=1"));
        assert!(!has("v3/mchid=1") && !has("v3/x?a=mchid") && !has("v3/x?sub_mchid=1") && !has("v3/x?"));
    }

    #[test]
    fn a_member_is_added_and_every_other_byte_stays() {
        let with = |json: &str| with_member(json, "sub_mchid", "1900000109").map(|json| json.to_string());
        assert_eq!(with("{}").unwrap(), r#"{"sub_mchid":"1900000109"}"#);
        assert_eq!(
            with(r#" {"a":1.00,"b":{"sub_mchid":"2"}}"#).unwrap(),
            r#"{"sub_mchid":"1900000109","a":1.00,"b":{"sub_mchid":"2"}}"#
        );
        for whole in
            [r#"{"sub_mchid":"2"}"#, r#"{"sub_mchid":null}"#, r#"{"sub\u005fmchid":""}"#, "[]", "", "7"]
        {
            assert_eq!(with(whole), None, "{whole}");
        }
    }
}
