//! The link of an H5 order (H5支付).

use super::parameter::{ParameterError, checked_url};
use crate::target::percent_encode;

/// The URL that a browser outside WeChat opens for an H5 order (H5支付): the order's `h5_url`, which is valid
/// for 5 minutes, and the page to return to afterwards.
///
/// `redirect_url` is a whole URL of the domain that is registered for H5 payment. The user may return to it without having paid,
/// so query the order there.
///
/// # Errors
///
/// If one of them is not a URL, or `h5_url` already contains a `redirect_url`.
pub fn h5_link(h5_url: &str, redirect_url: Option<&str>) -> Result<String, ParameterError> {
    let h5_url = checked_url("h5_url", h5_url)?;
    let Some(redirect_url) = redirect_url else {
        return Ok(h5_url.to_owned());
    };
    let redirect_url = checked_url("redirect_url", redirect_url)?;
    if h5_url.contains("redirect_url=") {
        return Err(ParameterError::Value { name: "h5_url", why: "has a redirect_url already" });
    }
    let mut link = format!("{h5_url}{}redirect_url=", if h5_url.contains('?') { '&' } else { '?' });
    percent_encode(&mut link, redirect_url);
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_h5_order_returns_where_it_is_told_to() {
        let h5_url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=1037687096";
        assert_eq!(h5_link(h5_url, None).unwrap(), h5_url);
        assert_eq!(
            h5_link(h5_url, Some("https://shop.example/paid?order=1&a=中")).unwrap(),
            format!("{h5_url}&redirect_url=https%3A%2F%2Fshop.example%2Fpaid%3Forder%3D1%26a%3D%E4%B8%AD")
        );
        let twice = format!("{h5_url}&redirect_url=https%3A%2F%2Fa.example");
        assert!(h5_link(&twice, Some("https://b.example")).is_err());
        for (h5_url, redirect_url) in
            [(h5_url, "shop.example"), ("weixin://x", "https://a.example"), (h5_url, "https://a b")]
        {
            assert!(h5_link(h5_url, Some(redirect_url)).is_err(), "{h5_url} {redirect_url}");
        }
    }
}
