//! The target of a request, path and query, which is signed and sent.
//!
//! Names in the path are kept as the caller wrote them, with a slash at the end or without. Values are never changed, only
//! percent-encoded as one segment, so that a coupon code with a slash stays one code.

use std::borrow::Cow;

use memchr::memchr_iter;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::RequestError;

/// The target, `/path?query`: the template filled with values, then the template's own query, if it has one as the download
/// addresses of bills do, then the query pairs.
pub(crate) fn target(
    template: &str,
    values: &[(String, String)],
    pairs: &[(String, String)],
) -> Result<String, RequestError> {
    if is_url(template) {
        return Err(RequestError::WholeUrl);
    }
    // A `?` with nothing behind it is not signed by the platform (go-pay/gopay#262), so it is not sent.
    let (path, own_query) = template
        .split_once('?')
        .map_or((template, None), |(path, own)| (path, Some(own).filter(|own| !own.is_empty())));
    let mut target = fill(path, values)?;
    if let Some(own) = own_query {
        if let Some(odd) =
            own.chars().find(|character| !is_path_character(*character) && !"%/?".contains(*character))
        {
            return Err(RequestError::QueryCharacter(odd));
        }
        target.push('?');
        target.push_str(own);
    }
    let mut sign = if own_query.is_some() { '&' } else { '?' };
    for (name, value) in pairs {
        target.push(sign);
        percent_encode(&mut target, name);
        target.push('=');
        percent_encode(&mut target, value);
        sign = '&';
    }
    Ok(target)
}

/// Whether this is a whole URL, such as the download address of a bill. The property style removes one of its slashes.
fn is_url(template: &str) -> bool {
    let Some((scheme, rest)) = template.trim_start().split_once(':') else { return false };
    rest.starts_with('/') && ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// A path for an error or a log: its query may contain a token or personal data.
pub(crate) fn without_query(template: &str) -> Cow<'_, str> {
    match template.split_once('?') {
        Some((path, _)) => Cow::Owned(format!("{path}?...")),
        None => Cow::Borrowed(template),
    }
}

/// The name of a segment that is a `{placeholder}`.
pub(crate) fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
}

/// Which segment of a path is the placeholder with this name.
pub(crate) fn position_of_placeholder(path: &str, name: &str) -> Option<usize> {
    let path = path.as_bytes();
    let is_it = |at: &usize| {
        let (before, after) = path.split_at(*at);
        let end = after[1..].strip_prefix(name.as_bytes());
        matches!(before, [] | [.., b'/']) && matches!(end, Some([b'}'] | [b'}', b'/', ..]))
    };
    let at = memchr_iter(b'{', path).find(is_it)?;
    Some(memchr_iter(b'/', &path[..at]).count())
}

/// The path that goes out, without its query, as far as its placeholders have values.
pub(crate) fn filled<'a>(template: &'a str, values: &[(String, String)]) -> Cow<'a, str> {
    let path = template.split('?').next().unwrap_or_default();
    if values.is_empty() || !path.contains('{') {
        return Cow::Borrowed(path);
    }
    let mut filled = String::with_capacity(path.len() + 32);
    for (at, segment) in path.split('/').enumerate() {
        if at > 0 {
            filled.push('/');
        }
        let value = placeholder(segment).and_then(|name| value_of(values, name));
        match value.filter(|value| !value.is_empty()) {
            Some(value) => percent_encode(&mut filled, value),
            None => filled.push_str(segment),
        }
    }
    Cow::Owned(filled)
}

/// The value of a placeholder: of several, the last.
pub(crate) fn value_of<'a>(values: &'a [(String, String)], name: &str) -> Option<&'a str> {
    values.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Fills a template. Every placeholder needs a value, and every value a placeholder.
fn fill(template: &str, values: &[(String, String)]) -> Result<String, RequestError> {
    let template = template.trim_start_matches('/');
    if template.is_empty() {
        return Err(RequestError::Path("is empty: give one such as v3/certificates".to_owned()));
    }
    let (template, last_slash) = match template.strip_suffix('/') {
        Some(template) => (template, "/"),
        None => (template, ""),
    };
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.split('/') {
        path.push('/');
        match placeholder(segment) {
            None => push_literal(&mut path, segment)?,
            Some(name) => {
                let value = value_of(values, name);
                let value = value.ok_or_else(|| RequestError::UnfilledPlaceholder(name.to_owned()))?;
                push_value(&mut path, name, value)?;
            }
        }
    }
    path.push_str(last_slash);
    match values.iter().find(|(name, _)| position_of_placeholder(template, name).is_none()) {
        Some((name, _)) => Err(RequestError::UnknownPlaceholder(name.clone())),
        None => Ok(path),
    }
}

/// A literal segment is sent as it is: it may contain only what a URL path allows, percent-encoded characters included.
fn push_literal(path: &mut String, segment: &str) -> Result<(), RequestError> {
    let refuse = |reason: String| Err(RequestError::Path(reason));
    if segment.is_empty() {
        return refuse(
            "has an empty segment, which the platform does not accept: remove the doubled slash".to_owned(),
        );
    }
    if segment == "." || segment == ".." {
        return refuse(format!("has a segment `{segment}`, which could lead to another path: remove it"));
    }
    if let Some(odd) = segment.chars().find(|character| !is_path_character(*character) && *character != '%') {
        return Err(RequestError::PathCharacter(odd));
    }
    path.push_str(segment);
    Ok(())
}

fn push_value(path: &mut String, name: &str, value: &str) -> Result<(), RequestError> {
    // An empty value, or one of dots, would lead to another path, whatever the encoding.
    if value.is_empty() || value.chars().all(|character| character == '.') {
        return Err(RequestError::PathValue(name.to_owned()));
    }
    percent_encode(path, value);
    Ok(())
}

/// All ASCII but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn percent_encode(text: &mut String, value: &str) {
    text.extend(utf8_percent_encode(value, RESERVED));
}

/// RFC 3986 `pchar` without the percent sign.
fn is_path_character(character: char) -> bool {
    matches!(character, '0'..='9' | 'A'..='Z' | 'a'..='z' | '-' | '.' | '_' | '~')
        || matches!(character, '!' | '$' | '&'..=',' | ';' | '=' | ':' | '@')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_are_encoded_as_one_segment_and_keep_their_letters() {
        let filled = fill(
            "v3/users/{openid}/coupons/{code}",
            &values(&[("openid", "oUpF8uMuAJO_M2"), ("code", "A/b|c 券+%")]),
        );
        assert_eq!(filled.unwrap(), "/v3/users/oUpF8uMuAJO_M2/coupons/A%2Fb%7Cc%20%E5%88%B8%2B%25");
    }

    #[test]
    fn capitals_of_a_path_are_kept() {
        assert_eq!(fill("v2/secapi/mch/addInstitutionsub", &[]).unwrap(), "/v2/secapi/mch/addInstitutionsub");
    }

    #[test]
    fn a_slash_at_the_end_is_kept_and_none_is_added() {
        let applyment = "v3/applyment4sub/applyment";
        assert_eq!(fill(&format!("{applyment}/"), &[]).unwrap(), "/v3/applyment4sub/applyment/");
        assert_eq!(fill(&format!("/{applyment}"), &[]).unwrap(), "/v3/applyment4sub/applyment");
        let stock = fill("/v3/stocks/{stock_id}/", &values(&[("stock_id", "1/")]));
        assert_eq!(stock.unwrap(), "/v3/stocks/1%2F/");
        assert_eq!(target("v3/a/?b=c", &[], &[]).unwrap(), "/v3/a/?b=c");
        assert_eq!(target("v3/a/", &[], &values(&[("b", "c")])).unwrap(), "/v3/a/?b=c");
        assert_eq!(target("v3/a?", &[], &[]).unwrap(), "/v3/a");
        assert_eq!(target("v3/a?", &[], &values(&[("b", "c")])).unwrap(), "/v3/a?b=c");
        assert!(fill("v3/a//", &[]).is_err());
    }

    #[test]
    fn what_goes_out_is_filled_as_far_as_there_are_values() {
        let given = values(&[("a", "1"), ("a", "x/y"), ("empty", "")]);
        assert_eq!(filled("v3/{a}/{b}/{empty}/c/?d={a}", &given), "v3/x%2Fy/{b}/{empty}/c/");
        assert_eq!(filled("/v3/a?b", &given), "/v3/a");
        assert_eq!(filled("v3/{a}", &[]), "v3/{a}");
    }

    #[test]
    fn a_placeholder_is_a_whole_segment() {
        for (path, position) in [
            ("v3/{a}/{b}", Some(1)),
            ("{a}", Some(0)),
            ("/v3/x/{a}/", Some(3)),
            ("v3/{a}b/{aa}/{a}", Some(3)),
            ("v3/x{a}", None),
            ("v3/{a", None),
            ("v3/{b}", None),
            ("", None),
        ] {
            assert_eq!(position_of_placeholder(path, "a"), position, "{path}");
            let found = path.split('/').position(|segment| placeholder(segment) == Some("a"));
            assert_eq!(found, position, "{path}");
        }
    }

    #[test]
    fn an_unfilled_placeholder_is_an_error() {
        let error = fill("v3/stocks/{stock_id}", &[]).unwrap_err();
        assert_eq!(error, RequestError::UnfilledPlaceholder("stock_id".into()));
    }

    #[test]
    fn a_value_without_a_placeholder_is_an_error() {
        let error = fill("v3/stocks", &values(&[("stock_id", "1")])).unwrap_err();
        assert_eq!(error, RequestError::UnknownPlaceholder("stock_id".into()));
    }

    #[test]
    fn paths_that_could_be_read_in_two_ways_are_refused() {
        for path in [
            "",
            "/",
            "v3//a",
            "v3/../a",
            "v3/./a",
            "v3/a&b?c",
            "v3/a b",
            "v3/a#b",
            "v3/券",
            "v3/{a",
            "v3/a\r\nX: y",
        ] {
            assert!(fill(path, &[]).is_err(), "{path}");
        }
        for value in ["", ".", ".."] {
            assert_eq!(
                fill("v3/{id}", &values(&[("id", value)])).unwrap_err(),
                RequestError::PathValue("id".into())
            );
        }
    }

    #[test]
    fn a_query_in_the_path_is_kept_byte_for_byte_and_added_to() {
        let given = "v3/billdownload/file?token=a%2Fb-_%7C";
        assert_eq!(target(given, &[], &[]).unwrap(), "/v3/billdownload/file?token=a%2Fb-_%7C");
        let more = values(&[("x", "1/2")]);
        assert_eq!(target(given, &[], &more).unwrap(), "/v3/billdownload/file?token=a%2Fb-_%7C&x=1%2F2");
        assert_eq!(target("v3/a", &[], &more).unwrap(), "/v3/a?x=1%2F2");
        for odd in ["v3/a?b=c d", "v3/a?b#c", "v3/a?b=\r\nX: y", "v3/a?b=券", "v3/a?{b}"] {
            assert!(target(odd, &[], &[]).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_character_that_a_url_does_not_allow_is_named() {
        for (path, error) in [
            ("v3/券", RequestError::PathCharacter('券')),
            ("v3/a?name=中文", RequestError::QueryCharacter('中')),
            ("v3/a b", RequestError::PathCharacter(' ')),
        ] {
            assert_eq!(target(path, &[], &[]).unwrap_err(), error);
        }
    }

    #[test]
    fn a_whole_url_is_named_as_such_without_its_token() {
        for url in [
            "https://api.mch.weixin.qq.com/v3/billdownload/file?token=secret",
            "https:/api.mch.weixin.qq.com/v3/billdownload/file?token=secret",
            " HTTP://127.0.0.1:8880/v3/billdownload/file?token=secret",
        ] {
            let error = target(url, &[], &[]).unwrap_err();
            assert_eq!(error, RequestError::WholeUrl);
            assert!(!error.to_string().contains("secret"));
        }
        assert_eq!(without_query("v3/a?token=secret"), "v3/a?...");
        assert_eq!(without_query("v3/a"), "v3/a");
    }

    #[test]
    fn a_query_is_encoded_for_signing_and_sending_alike() {
        let pairs = values(&[("a b", "1&2"), ("c", "")]);
        assert_eq!(target("v3/a", &[], &pairs).unwrap(), "/v3/a?a%20b=1%262&c=");
        assert_eq!(target("v3/a", &[], &[]).unwrap(), "/v3/a");
    }

    proptest! {
        #[test]
        fn any_value_stays_one_segment_and_decodes_to_itself(value in "\\PC{1,40}") {
            prop_assume!(!value.chars().all(|character| character == '.'));
            let path = fill("v3/a/{id}/b", &values(&[("id", &value)])).unwrap();
            let segments: Vec<&str> = path.split('/').collect();
            prop_assert_eq!(segments.len(), 5);
            let decoded = percent_encoding::percent_decode_str(segments[3]).decode_utf8().unwrap();
            prop_assert_eq!(decoded, value);
        }
    }
}
