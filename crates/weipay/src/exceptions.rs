//! Operations that are unlike the rest: their answers carry no signature, or they live on another host.
//!
//! The untyped styles reach them by any spelling of their paths, so they are looked up by method and path here, for all
//! styles alike.

use http::Method;

mod list;

/// Whether a success of this operation is unsigned, as file downloads are: there is nothing to verify, and asking for
/// it would turn every success into an error. `path` is a template, or a concrete path that fits one.
pub(crate) fn is_unsigned(method: &Method, path: &str) -> bool {
    list::UNSIGNED.iter().any(|(known, template)| *known == method.as_str() && fits(template, path))
}

/// The base URL of an operation that is not on the main host.
pub(crate) fn base_url(method: &Method, path: &str) -> Option<&'static str> {
    let found =
        list::ELSEWHERE.iter().find(|(known, template, _)| *known == method.as_str() && fits(template, path));
    found.map(|(_, _, base_url)| *base_url)
}

fn fits(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let (mut ours, mut theirs) = (template.split('/'), path.split('/'));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(our), Some(their)) if our == their || (our.starts_with('{') && !their.is_empty()) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_method_and_path_are_unsigned() {
        for path in ["v3/billdownload/file", "/v3/billdownload/file?token=a"] {
            assert!(is_unsigned(&Method::GET, path), "{path}");
        }
        for path in
            ["v3/billdownload/file/x", "v3/billdownload", "v3/marketing/busifavor/coupons/disassociate"]
        {
            assert!(!is_unsigned(&Method::GET, path), "{path}");
        }
        assert!(!is_unsigned(&Method::POST, "v3/billdownload/file"));
    }

    #[test]
    fn a_placeholder_takes_one_segment_that_is_not_empty() {
        let template = "v3/merchant-service/images/{media_id}";
        assert!(fits(template, "v3/merchant-service/images/{media_id}"));
        assert!(fits(template, "v3/merchant-service/images/abc"));
        assert!(!fits(template, "v3/merchant-service/images/"));
        assert!(!fits(template, "v3/merchant-service/images"));
    }

    #[test]
    fn an_operation_of_another_host_is_known() {
        assert!(
            base_url(&Method::POST, "v3/global/transactions/jsapi").is_some_and(|url| url.contains("apihk"))
        );
        assert_eq!(base_url(&Method::POST, "v3/pay/transactions/jsapi"), None);
    }

    #[test]
    fn every_other_host_is_a_base_url() {
        for (_, path, base_url) in list::ELSEWHERE {
            assert!(base_url.parse::<crate::BaseUrl>().is_ok(), "{path}");
        }
    }
}
