//! Ids that stand in the path that was asked for: the samples take them up.

use std::borrow::Cow;

use weipay_catalog::Operation;
use weipay_catalog::operation::placeholder;

/// The operation with the values of a concrete path as the examples of its placeholders.
pub(super) fn in_path(mut operation: Operation, path: &str) -> Operation {
    for (known, given) in operation.path.split('/').zip(path.split('/')) {
        let Some(name) = placeholder(known).filter(|_| placeholder(given).is_none()) else { continue };
        if let Some(field) = operation.request.path.iter_mut().find(|field| field.name == name) {
            field.example = Some(Cow::Owned(given.to_owned()));
        }
    }
    operation
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn an_id_in_the_path_is_the_sample_of_its_placeholder() {
        let path = "v3/marketing/busifavor/users/{openid}/coupons";
        let operation = Catalog::embedded().find("GET", path).unwrap();
        let example = |asked: &str| in_path(operation.clone(), asked).request.path[0].example.clone();
        assert_eq!(example("v3/marketing/busifavor/users/oABC/coupons").as_deref(), Some("oABC"));
        assert_eq!(example(path), operation.request.path[0].example);
        assert_eq!(example("v3/marketing/busifavor/users/{x}/coupons"), operation.request.path[0].example);
    }
}
