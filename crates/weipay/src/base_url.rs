//! The base URL of a request: a scheme, a host and an optional path prefix.

use std::fmt;
use std::str::FromStr;

use http::Uri;

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
    pub(crate) fn target(&self, path_and_query: String) -> String {
        // Almost no base URL has a prefix.
        if self.prefix.is_empty() { path_and_query } else { self.prefix.clone() + &path_and_query }
    }

    /// The whole URL of a target.
    pub(crate) fn url(&self, target: &str) -> String {
        [&self.origin, target].concat()
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
        if prefix
            .split('/')
            .any(|segment| [".", ".."].contains(&&*segment.to_ascii_lowercase().replace("%2e", ".")))
        {
            return Err(error(
                "must not have a segment of dots in its path, which proxies resolve: write the path itself",
            ));
        }
        let is_version = |segment: &str| ["v2", "v3"].contains(&segment.to_ascii_lowercase().as_str());
        // Where the path of an operation begins. A proxy may have a version of its own in the middle.
        let segments: Vec<&str> = prefix.split('/').skip(1).collect();
        let begins_with_one =
            segments.iter().find(|segment| **segment != "hk").is_some_and(|first| is_version(first));
        if begins_with_one || segments.last().is_some_and(|last| is_version(last)) {
            return Err(error(
                "must not have a version in its path, because the paths of operations begin with it: remove /v3 (or /v2) \
                 and what follows, such as https://api.mch.weixin.qq.com",
            ));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_signed_with_the_path() {
        let base: BaseUrl = "https://api.mch.weixin.qq.com/hk/".parse().unwrap();
        assert_eq!(base.target("/v3/statements?a=b".to_owned()), "/hk/v3/statements?a=b");
        assert_eq!(base.url("/hk/v3/statements"), "https://api.mch.weixin.qq.com/hk/v3/statements");
    }

    #[test]
    fn a_plain_host_has_no_prefix() {
        let base: BaseUrl = "http://127.0.0.1:8880".parse().unwrap();
        assert_eq!(base.target("/v3/a".to_owned()), "/v3/a");
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
            ("https://gateway.example/api/v2/wxpay/", "https://gateway.example/api/v2/wxpay"),
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
            ("https://api.mch.weixin.qq.com/v3", "remove /v3"),
            ("https://api.mch.weixin.qq.com/v3/", "remove /v3"),
            ("https://api.mch.weixin.qq.com/hk/v3", "remove /v3"),
            ("https://api.mch.weixin.qq.com/v3/pay/transactions/native", "remove /v3"),
            ("http://127.0.0.1:8880/V2", "remove /v3 (or /v2)"),
            ("https://gateway.example/wxpay/v3", "remove /v3 (or /v2)"),
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
            ("https://a/../b", "segment of dots"),
            ("https://a/b/.", "segment of dots"),
            ("https://a/b/%2E%2e/c", "segment of dots"),
            ("https：//a", "https://"),
            ("/v3", "https://"),
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
