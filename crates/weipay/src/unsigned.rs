//! Operations whose answers carry no signature, such as file downloads: there is nothing to verify, and asking for it
//! would turn every success into an error.

use http::Method;

mod list;

/// Whether a success of this operation is unsigned. `path` is a template, or a concrete path that fits one.
pub(crate) fn is_unsigned(method: &Method, path: &str) -> bool {
    is_in(list::UNSIGNED, method, path)
}

fn is_in(list: &[(&str, &str)], method: &Method, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default().trim_matches('/');
    list.iter().any(|(known, template)| *known == method.as_str() && fits(template, path))
}

fn fits(template: &str, path: &str) -> bool {
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

    const LIST: &[(&str, &str)] =
        &[("GET", "v3/billdownload/file"), ("GET", "v3/merchant-service/images/{media_id}")];

    #[test]
    fn only_the_listed_method_and_path_are_unsigned() {
        for path in [
            "v3/billdownload/file",
            "/v3/billdownload/file?token=a",
            "v3/merchant-service/images/{media_id}",
            "v3/merchant-service/images/abc",
        ] {
            assert!(is_in(LIST, &Method::GET, path), "{path}");
        }
        for path in [
            "v3/billdownload/file/x",
            "v3/billdownload",
            "v3/merchant-service/images",
            "v3/merchant-service/images/",
        ] {
            assert!(!is_in(LIST, &Method::GET, path), "{path}");
        }
        assert!(!is_in(LIST, &Method::POST, "v3/billdownload/file"));
    }

    #[test]
    fn an_unknown_path_must_verify() {
        assert!(!is_unsigned(&Method::POST, "v3/marketing/busifavor/coupons/disassociate"));
    }
}
