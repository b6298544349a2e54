//! The path of a call: a template such as `v3/.../stocks/{stock_id}`, filled with values.
//!
//! Names are written by the caller and kept, a slash at the end too; values are never changed, only percent-encoded as one
//! segment, so that a coupon code with a slash stays one code. Whatever comes out is what is signed and what is sent.

use std::borrow::Cow;

use crate::error::RequestProblem;

/// The whole target, `/path?query`: a template filled with values, and the query pairs behind the query that the
/// template itself may have, as the download addresses of bills do.
pub(crate) fn target(
    template: &str,
    values: &[(String, String)],
    pairs: &[(String, String)],
) -> Result<String, RequestProblem> {
    if is_url(template) {
        return Err(RequestProblem::WholeUrl);
    }
    let (path, own_query) =
        template.split_once('?').map_or((template, None), |(path, own)| (path, Some(own)));
    let mut target = fill(path, values)?;
    if let Some(own) = own_query {
        if let Some(odd) = own.chars().find(|letter| !is_path_letter(*letter) && !"%/?".contains(*letter)) {
            return Err(RequestProblem::QueryLetter(odd));
        }
        target.push('?');
        target.push_str(own);
    }
    let pairs = query(pairs);
    target.push_str(&if own_query.is_some() { pairs.replacen('?', "&", 1) } else { pairs });
    Ok(target)
}

/// Whether this is a whole URL, such as the download address of a bill. The property style takes one of its slashes away.
fn is_url(template: &str) -> bool {
    let scheme = template.trim_start().split_once(":/").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// A path without its query, which may hold a token or personal data: fit for an error or a log.
pub(crate) fn shown(template: &str) -> Cow<'_, str> {
    match template.split_once('?') {
        Some((path, _)) => Cow::Owned(format!("{path}?...")),
        None => Cow::Borrowed(template),
    }
}

/// Fills a template. Every placeholder needs its value and every value its placeholder.
fn fill(template: &str, values: &[(String, String)]) -> Result<String, RequestProblem> {
    let template = template.trim_start_matches('/');
    if template.is_empty() {
        return Err(RequestProblem::Path("is empty".to_owned()));
    }
    let (template, last_slash) = match template.strip_suffix('/') {
        Some(template) => (template, "/"),
        None => (template, ""),
    };
    let mut used = vec![false; values.len()];
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.split('/') {
        path.push('/');
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => push_literal(&mut path, segment)?,
            Some(name) => {
                let at = values.iter().rposition(|(known, _)| known == name);
                let at = at.ok_or_else(|| RequestProblem::UnfilledPlaceholder(name.to_owned()))?;
                for (used, (known, _)) in used.iter_mut().zip(values) {
                    *used |= known == name;
                }
                push_value(&mut path, name, &values[at].1)?;
            }
        }
    }
    path.push_str(last_slash);
    match used.iter().position(|used| !used) {
        Some(at) => Err(RequestProblem::UnknownPlaceholder(values[at].0.clone())),
        None => Ok(path),
    }
}

/// A literal segment is already as it should be sent: letters that a URL path takes, or percent-encoded ones.
fn push_literal(path: &mut String, segment: &str) -> Result<(), RequestProblem> {
    let problem = |reason: String| Err(RequestProblem::Path(reason));
    if segment.is_empty() {
        return problem("has an empty segment (a doubled slash fails at the platform)".to_owned());
    }
    if segment == "." || segment == ".." {
        return problem(format!("has a segment `{segment}`, which could change its meaning on the way"));
    }
    if let Some(odd) = segment.chars().find(|letter| !is_path_letter(*letter) && *letter != '%') {
        return Err(RequestProblem::PathLetter(odd));
    }
    path.push_str(segment);
    Ok(())
}

fn push_value(path: &mut String, name: &str, value: &str) -> Result<(), RequestProblem> {
    // An empty value or dots alone would make another path of it, whatever the encoding.
    if value.is_empty() || value.chars().all(|letter| letter == '.') {
        return Err(RequestProblem::PathValue(name.to_owned()));
    }
    percent_encode(path, value);
    Ok(())
}

/// Query pairs as they are signed and sent, with the `?`; nothing where there is no pair.
fn query(pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        percent_encode(&mut text, name);
        text.push('=');
        percent_encode(&mut text, value);
    }
    text
}

pub(crate) fn percent_encode(text: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte as char);
        } else {
            text.push('%');
            text.push(HEX[usize::from(byte >> 4)] as char);
            text.push(HEX[usize::from(byte & 15)] as char);
        }
    }
}

/// RFC 3986 `pchar` without the percent sign.
fn is_path_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(letter)
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
        assert!(fill("v3/a//", &[]).is_err());
    }

    #[test]
    fn an_unfilled_placeholder_is_an_error() {
        let problem = fill("v3/stocks/{stock_id}", &[]).unwrap_err();
        assert_eq!(problem, RequestProblem::UnfilledPlaceholder("stock_id".into()));
    }

    #[test]
    fn a_value_without_a_placeholder_is_an_error() {
        let problem = fill("v3/stocks", &values(&[("stock_id", "1")])).unwrap_err();
        assert_eq!(problem, RequestProblem::UnknownPlaceholder("stock_id".into()));
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
                RequestProblem::PathValue("id".into())
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
    fn a_letter_that_no_url_takes_is_named_as_it_is() {
        for (path, problem) in [
            ("v3/券", RequestProblem::PathLetter('券')),
            ("v3/a?name=中文", RequestProblem::QueryLetter('中')),
            ("v3/a b", RequestProblem::PathLetter(' ')),
        ] {
            assert_eq!(target(path, &[], &[]).unwrap_err(), problem);
        }
        assert!(RequestProblem::QueryLetter('中').to_string().contains("`中`"));
        assert!(RequestProblem::PathLetter('\r').to_string().contains(r"`\r`"));
    }

    #[test]
    fn a_whole_url_is_named_as_such_without_its_token() {
        for url in [
            "https://api.mch.weixin.qq.com/v3/billdownload/file?token=secret",
            "https:/api.mch.weixin.qq.com/v3/billdownload/file?token=secret",
            " HTTP://127.0.0.1:8880/v3/billdownload/file?token=secret",
        ] {
            let problem = target(url, &[], &[]).unwrap_err();
            assert_eq!(problem, RequestProblem::WholeUrl);
            assert!(!problem.to_string().contains("secret"));
        }
        assert_eq!(shown("v3/a?token=secret"), "v3/a?...");
        assert_eq!(shown("v3/a"), "v3/a");
    }

    #[test]
    fn a_query_is_encoded_for_signing_and_sending_alike() {
        assert_eq!(query(&values(&[("a b", "1&2"), ("c", "")])), "?a%20b=1%262&c=");
        assert_eq!(query(&[]), "");
    }

    proptest! {
        #[test]
        fn any_value_stays_one_segment_and_decodes_to_itself(value in "\\PC{1,40}") {
            prop_assume!(!value.chars().all(|letter| letter == '.'));
            let path = fill("v3/a/{id}/b", &values(&[("id", &value)])).unwrap();
            let segments: Vec<&str> = path.split('/').collect();
            prop_assert_eq!(segments.len(), 5);
            let mut bytes = Vec::new();
            let mut rest = segments[3].bytes();
            while let Some(byte) = rest.next() {
                bytes.push(if byte == b'%' {
                    let hex = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                } else { byte });
            }
            prop_assert_eq!(String::from_utf8(bytes).unwrap(), value);
        }
    }
}
