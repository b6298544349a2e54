//! Where calls go: scheme, host and an optional path prefix.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use crate::error::RequestProblem;

/// A base URL (域名), such as `https://api.mch.weixin.qq.com`.
///
/// A path prefix (`https://api.mch.weixin.qq.com/hk/`) is part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    prefix: String,
}

impl BaseUrl {
    /// The main host (主域名).
    pub const MAIN: &'static str = "https://api.mch.weixin.qq.com";

    /// Whether this is the main host.
    pub(crate) fn is_main(&self) -> bool {
        self.origin == BaseUrl::MAIN && self.prefix.is_empty()
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
    type Err = RequestProblem;

    fn from_str(text: &str) -> Result<BaseUrl, RequestProblem> {
        let problem = |reason: &str| RequestProblem::BaseUrl(format!("`{text}` {reason}"));
        let uri: Uri = text.parse().map_err(|_| problem("is not a URL"))?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
        let scheme = scheme.ok_or_else(|| problem("should begin with https:// or http://"))?;
        let authority = uri.authority().ok_or_else(|| problem("has no host"))?;
        if authority.as_str().contains('@') || uri.host().is_none_or(str::is_empty) {
            return Err(problem("should have a host and no user name"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(problem("should have neither a query nor a fragment"));
        }
        let prefix = uri.path().trim_end_matches('/');
        if prefix.contains("//") {
            return Err(problem("has a doubled slash"));
        }
        Ok(BaseUrl { origin: format!("{scheme}://{authority}"), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.origin, self.prefix)
    }
}

#[cfg(test)]
mod tests {
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
    fn what_is_not_a_base_url_is_refused() {
        for text in [
            "",
            "api.mch.weixin.qq.com",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a/?b",
            "https://a/#b",
            "/v3",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
