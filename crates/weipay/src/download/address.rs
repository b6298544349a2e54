//! The address of a file, and whether a request to it may be signed.
//!
//! A signature shows the merchant to whoever receives it, so it is only for the platform and for the client's own base URL. Any
//! other host gets a request without one, and only over TLS.

use std::net::IpAddr;

use http::Uri;

use crate::base_url::BaseUrl;
use crate::error::RequestError;

/// The platform's hosts: the main ones (主域名), their backups (备域名), and those of regions and products.
const PLATFORM: [&str; 11] = [
    "api.mch.weixin.qq.com",
    "api2.mch.weixin.qq.com",
    "api.wechatpay.cn",
    "api2.wechatpay.cn",
    "apihk.mch.weixin.qq.com",
    "apius.mch.weixin.qq.com",
    "apieu.mch.weixin.qq.com",
    "fraud.mch.weixin.qq.com",
    "payapp.weixin.qq.com",
    // Invoices (电子发票).
    "pay.wechatpay.cn",
    "pay.weixin.qq.com",
];

/// The address of a file.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) uri: Uri,
    /// Whether a request to it is signed.
    pub(crate) is_signed: bool,
}

impl Address {
    /// Reads a `download_url`. `own` is the base URL of the client.
    pub(super) fn new(url: &str, own: &BaseUrl) -> Result<Self, RequestError> {
        // The URL itself is left out: its token gives the file to anybody.
        let error = |reason: &str| RequestError::DownloadUrl(reason.to_owned());
        if url.is_empty() {
            return Err(error("is empty"));
        }
        if let Some(odd) = url.chars().find(|character| !character.is_ascii_graphic() || *character == '#') {
            return Err(error(&format!("contains `{}`, which is not allowed in it", odd.escape_debug())));
        }
        let parse = |url: &str| url.parse::<Uri>().map_err(|_| error("is not a valid URL"));
        let mut uri = parse(url)?;
        if uri.path_and_query().is_some_and(|target| target.as_str().starts_with('?')) {
            // A request has a path in any case (RFC 9112, 3.2.1).
            uri = parse(&url.replacen('?', "/?", 1))?;
        }
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(error(
                "is not a complete URL: pass it unchanged from the response, including https://",
            ));
        };
        if authority.as_str().contains('@') {
            return Err(error("has a user name or a password, which is not allowed in it"));
        }
        let host = authority.host().to_ascii_lowercase();
        let origin: BaseUrl = format!("{scheme}://{authority}")
            .parse()
            .map_err(|_| error("does not begin with https:// and a valid host and port"))?;
        let is_https = origin.is_https();
        if !is_https && !origin.is_same_origin(own) && !is_this_machine(&host) {
            return Err(error("is not https://, so that others could read and change the file on the way"));
        }
        let is_platform = is_https && PLATFORM.contains(&host.as_str()) && origin.has_default_port();
        Ok(Self { is_signed: is_platform || origin.is_same_origin(own), uri })
    }

    /// The path with its query, as it is signed and sent.
    pub(crate) fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }
}

/// Whether the host is this machine, such as that of a sandbox. It needs no TLS.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str, own: &str) -> Result<Address, RequestError> {
        Address::new(url, &own.parse().unwrap())
    }

    #[test]
    fn only_the_platform_and_the_base_url_of_the_client_get_a_signature() {
        let sandbox = "http://127.0.0.1:8880/prefix";
        for (url, own, signed) in [
            ("https://api.mch.weixin.qq.com/v3/billdownload/file?token=a", BaseUrl::MAIN, true),
            ("https://API.mch.weixin.qq.com:443/v3/bill/downloadurl?token=a", BaseUrl::MAIN, true),
            ("https://api2.wechatpay.cn/v3/billdownload/file?token=a", BaseUrl::MAIN, true),
            ("http://127.0.0.1:8880/v3/billdownload/file?token=a", sandbox, true),
            ("http://127.0.0.1:8881/v3/billdownload/file?token=a", sandbox, false),
            ("http://localhost:8880/v3/billdownload/file?token=a", sandbox, false),
            ("https://127.0.0.1:8880/file", sandbox, false),
            ("https://api.mch.weixin.qq.com:8443/v3/billdownload/file", BaseUrl::MAIN, false),
            ("https://api.mch.weixin.qq.com.evil.example/v3/billdownload/file", BaseUrl::MAIN, false),
            ("https://api.mch.weixin.qq.com./v3/billdownload/file", BaseUrl::MAIN, false),
            ("https://evilapi.mch.weixin.qq.com/v3/billdownload/file", BaseUrl::MAIN, false),
            ("https://evil.example/api.mch.weixin.qq.com", BaseUrl::MAIN, false),
            ("https://evil.example/?@api.mch.weixin.qq.com", BaseUrl::MAIN, false),
            ("https://qpic.cn/a.png", BaseUrl::MAIN, false),
        ] {
            assert_eq!(address(url, own).unwrap().is_signed, signed, "{url}");
        }
    }

    #[test]
    fn path_and_query_are_kept_byte_for_byte() {
        for (url, target) in [
            ("https://a.example/v3//x/../%7C|?token=a%2Fb-_|&&x=%7e", "/v3//x/../%7C|?token=a%2Fb-_|&&x=%7e"),
            ("https://a.example", "/"),
            ("https://a.example?token=1", "/?token=1"),
        ] {
            assert_eq!(address(url, BaseUrl::MAIN).unwrap().target(), target);
        }
    }

    #[test]
    fn what_is_not_a_safe_address_is_refused_without_its_token() {
        for url in [
            "",
            "v3/billdownload/file?token=secret",
            "/v3/billdownload/file?token=secret",
            "//api.mch.weixin.qq.com/file?token=secret",
            "http://api.mch.weixin.qq.com/v3/billdownload/file?token=secret",
            "http://evil.example/?token=secret",
            "http://127.0.0.1.evil.example/?token=secret",
            "ftp://api.mch.weixin.qq.com/?token=secret",
            "https://secret:secret@api.mch.weixin.qq.com/",
            "https://api.mch.weixin.qq.com@evil.example/?token=secret",
            "https://api.mch.weixin.qq.com/a?token=secret#b",
            "https://api.mch.weixin.qq.com/a?token=secret \r\nX: y",
            "https://api.mch.weixin.qq.com/券?token=secret",
            "https://api.mch.weixin.qq.com:99999/?token=secret",
            "file:///secret",
        ] {
            let error = address(url, BaseUrl::MAIN).map(|address| address.uri).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{url:?}: {error}");
        }
    }
}
