//! The URL of a request: the base URL, which is a scheme, a host and an optional path prefix, and the target, which is signed and
//! sent.
//!
//! Names in the path are kept as the caller wrote them, with a slash at the end or without. Values are never changed, only
//! percent-encoded as one segment, so that a coupon code with a slash stays one code.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::RequestError;
use crate::failover;

/// A base URL (域名), such as `https://api.mch.weixin.qq.com`.
///
/// A path prefix, as in `https://api.mch.weixin.qq.com/hk/`, is signed with the path. `http://` is for a
/// sandbox. Any host may be a sandbox, so it is accepted for any host but WeChat Pay's own; others can read such calls
/// on the way.
///
/// The URL is stored in its usual form: scheme and host in lower case, without the scheme's default port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    prefix: String,
}

impl BaseUrl {
    /// The main host (主域名).
    pub const MAIN: &'static str = "https://api.mch.weixin.qq.com";

    /// The hosts of overseas payments (境外).
    const OVERSEAS: [&'static str; 3] = [
        "https://apihk.mch.weixin.qq.com",
        "https://apius.mch.weixin.qq.com",
        "https://apieu.mch.weixin.qq.com",
    ];

    /// Whether scheme, host and port are those of another one.
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        self.origin == other.origin
    }

    /// Whether the port is the default one of the scheme.
    pub(crate) fn has_default_port(&self) -> bool {
        self.origin.rsplit(':').next().is_none_or(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Whether calls travel over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Whether this is the main host.
    pub(crate) fn is_main(&self) -> bool {
        self.origin == Self::MAIN && self.prefix.is_empty()
    }

    /// Its backup (备域名), if it is a host that has one.
    pub(crate) fn backup(&self) -> Option<&'static str> {
        let pair = failover::PAIRS.iter().find(|(main, _)| self.origin == *main && self.prefix.is_empty());
        pair.map(|(_, backup)| *backup)
    }

    /// Whether this is a host of overseas payments (境外).
    pub(crate) fn is_overseas(&self) -> bool {
        Self::OVERSEAS.contains(&&*self.origin)
    }

    /// Path and query as they are signed and sent, from a path with its leading slash.
    pub(crate) fn target(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.prefix)
    }

    /// The whole URL of a target.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.origin)
    }
}

impl FromStr for BaseUrl {
    type Err = RequestError;

    /// The error does not repeat the text, which may contain a password, or be a secret in the wrong place.
    fn from_str(text: &str) -> Result<Self, RequestError> {
        let error = |reason: &str| RequestError::BaseUrl(reason.to_owned());
        let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\u{FEFF}');
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if text.is_empty() {
            return Err(error("is empty: give one such as https://api.mch.weixin.qq.com"));
        }
        if !scheme.is_some_and(|scheme| ["http", "https"].contains(&scheme.as_str())) {
            return Err(error("must begin with https:// or http://, such as https://api.mch.weixin.qq.com"));
        }
        let uri: Uri = text
            .parse()
            .map_err(|_| error("is not a valid URL: give a scheme, a host and, if needed, a port"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().ok_or_else(|| error("has no host: write one after the scheme"))?;
        let host = authority.host();
        if authority.as_str().contains('@') {
            return Err(error("must not have a user name or a password: remove the part before the @"));
        }
        if host.is_empty() {
            return Err(error("has no host: write one after the scheme"));
        }
        let port = authority.as_str().get(host.len()..).unwrap_or_default().trim_start_matches(':');
        let port = match port.parse::<u16>() {
            Ok(port) if Some(port) == default_port(scheme) => String::new(),
            Ok(port) => format!(":{port}"),
            Err(_) if port.is_empty() => String::new(),
            Err(_) => return Err(error("has an invalid port: give a number from 1 to 65535")),
        };
        if uri.query().is_some() || text.contains('#') {
            return Err(error("must not have a query or a fragment: remove the part from ? or # on"));
        }
        let prefix = uri.path().trim_end_matches('/');
        if prefix.contains("//") {
            return Err(error("has a doubled slash in its path: remove one"));
        }
        let host = host.to_ascii_lowercase();
        if scheme == "http" && is_of_platform(&host) {
            return Err(error(
                "must begin with https:// for a host of WeChat Pay: without TLS, anybody on the network can read and \
                 change orders",
            ));
        }
        Ok(Self { origin: format!("{scheme}://{host}{port}"), prefix: prefix.to_owned() })
    }
}

/// Whether a host is one of WeChat Pay's own, and no sandbox.
fn is_of_platform(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    ["weixin.qq.com", "wechatpay.cn"].iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

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
    let (path, own_query) =
        template.split_once('?').map_or((template, None), |(path, own)| (path, Some(own)));
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
    let pairs = query(pairs);
    target.push_str(&if own_query.is_some() { pairs.replacen('?', "&", 1) } else { pairs });
    Ok(target)
}

/// Whether this is a whole URL, such as the download address of a bill. The property style removes one of its slashes.
fn is_url(template: &str) -> bool {
    let scheme = template.trim_start().split_once(":/").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)))
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
    let mut used = vec![false; values.len()];
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.split('/') {
        path.push('/');
        match placeholder(segment) {
            None => push_literal(&mut path, segment)?,
            Some(name) => {
                let value = value_of(values, name);
                let value = value.ok_or_else(|| RequestError::UnfilledPlaceholder(name.to_owned()))?;
                for (used, (known, _)) in used.iter_mut().zip(values) {
                    *used |= known == name;
                }
                push_value(&mut path, name, value)?;
            }
        }
    }
    path.push_str(last_slash);
    match used.iter().position(|used| !used) {
        Some(at) => Err(RequestError::UnknownPlaceholder(values[at].0.clone())),
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

/// Query pairs as they are signed and sent, with the `?`; empty if there is no pair.
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

/// All ASCII but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn percent_encode(text: &mut String, value: &str) {
    text.extend(utf8_percent_encode(value, RESERVED));
}

/// RFC 3986 `pchar` without the percent sign.
fn is_path_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_is_signed_with_the_path() {
        let base: BaseUrl = "https://api.mch.weixin.qq.com/hk/".parse().unwrap();
        assert_eq!(base.target("/v3/statements?a=b"), "/hk/v3/statements?a=b");
        assert_eq!(base.url("/hk/v3/statements"), "https://api.mch.weixin.qq.com/hk/v3/statements");
    }

    #[test]
    fn a_plain_host_has_no_prefix() {
        let base: BaseUrl = "http://127.0.0.1:8880".parse().unwrap();
        assert_eq!(base.target("/v3/a"), "/v3/a");
        assert_eq!(base.to_string(), "http://127.0.0.1:8880");
        assert!(BaseUrl::MAIN.parse::<BaseUrl>().is_ok());
    }

    #[test]
    fn the_main_host_is_known_by_any_spelling() {
        for text in [
            "https://api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com/",
            "https://API.mch.weixin.qq.com:443/",
            "HTTPS://api.mch.weixin.QQ.com:",
        ] {
            let base: BaseUrl = text.parse().unwrap();
            assert!(base.is_main(), "{text}");
            assert_eq!(base.to_string(), BaseUrl::MAIN);
        }
        for text in [
            "http://127.0.0.1",
            "https://api.mch.weixin.qq.com:80",
            "https://api.mch.weixin.qq.com:8443",
            "https://api.mch.weixin.qq.com/hk",
            "https://api2.mch.weixin.qq.com",
        ] {
            assert!(!text.parse::<BaseUrl>().unwrap().is_main(), "{text}");
        }
    }

    #[test]
    fn a_host_of_the_platform_is_called_over_tls_only() {
        for text in [
            "http://api.mch.weixin.qq.com",
            "HTTP://API2.mch.weixin.QQ.com:80/",
            "http://api.mch.weixin.qq.com.:8080/hk",
            "http://api.wechatpay.cn",
            "http://payapp.weixin.qq.com",
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err().to_string();
            assert!(error.contains("must begin with https://"), "{text}: {error}");
        }
        for text in [
            "http://127.0.0.1:8880",
            "http://sandbox",
            "http://notweixin.qq.com",
            "http://weixin.qq.com.example",
        ] {
            assert!(text.parse::<BaseUrl>().is_ok(), "{text}");
        }
    }

    #[test]
    fn two_hosts_have_a_backup() {
        let backup = |text: &str| text.parse::<BaseUrl>().unwrap().backup();
        assert_eq!(backup(BaseUrl::MAIN), Some("https://api2.mch.weixin.qq.com"));
        assert_eq!(backup("https://API.wechatpay.cn:443/"), Some("https://api2.wechatpay.cn"));
        for text in [
            "https://api2.wechatpay.cn",
            "https://api.wechatpay.cn/hk",
            "https://api.wechatpay.cn:444",
            "http://127.0.0.1",
        ] {
            assert_eq!(backup(text), None, "{text}");
        }
        for (main, backup) in failover::PAIRS {
            assert!(main.parse::<BaseUrl>().is_ok() && backup.parse::<BaseUrl>().is_ok());
        }
    }

    #[test]
    fn only_equivalent_spellings_are_changed() {
        for (text, same) in [
            ("http://Sandbox:80/Prefix/", "http://sandbox/Prefix"),
            ("http://sandbox:443", "http://sandbox:443"),
            ("http://[::1]:8880", "http://[::1]:8880"),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().to_string(), same);
        }
    }

    #[test]
    fn white_space_and_a_byte_order_mark_around_it_are_ignored() {
        for text in ["https://api.mch.weixin.qq.com\r\n", "\u{FEFF}https://api.mch.weixin.qq.com "] {
            assert!(text.parse::<BaseUrl>().unwrap().is_main(), "{text:?}");
        }
    }

    #[test]
    fn an_error_repeats_nothing_of_the_text() {
        for text in [
            "https://merchant:secret@api.mch.weixin.qq.com",
            "https://merchant:secret",
            "https://api.mch.weixin.qq.com/?token=secret",
            "secret",
            "secret://api.mch.weixin.qq.com",
            "https://secret key",
            "https:/secret",
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
            assert_eq!(error.to_string().matches("the base URL").count(), 1, "{error}");
        }
    }

    #[test]
    fn an_invalid_base_url_is_refused_with_the_reason() {
        for (text, reason) in [
            ("https://a:99999", "port"),
            ("", "empty"),
            ("api.mch.weixin.qq.com", "https://"),
            ("127.0.0.1:8880", "https://"),
            ("ftp://a", "https://"),
            ("https://", "URL"),
            ("https://u:p@a", "user name"),
            ("https://a/?b", "query"),
            ("https://a/#b", "fragment"),
            ("https://a//b", "doubled slash"),
            ("https：//a", "https://"),
            ("/v3", "https://"),
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

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
    fn what_goes_out_is_filled_as_far_as_there_are_values() {
        let given = values(&[("a", "1"), ("a", "x/y"), ("empty", "")]);
        assert_eq!(filled("v3/{a}/{b}/{empty}/c/?d={a}", &given), "v3/x%2Fy/{b}/{empty}/c/");
        assert_eq!(filled("/v3/a?b", &given), "/v3/a");
        assert_eq!(filled("v3/{a}", &[]), "v3/{a}");
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
        assert_eq!(query(&values(&[("a b", "1&2"), ("c", "")])), "?a%20b=1%262&c=");
        assert_eq!(query(&[]), "");
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
