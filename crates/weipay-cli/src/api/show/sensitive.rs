//! Sensitive fields (敏感信息加密): the documents show ciphertext, which nobody can type. A page shows the plain text that a
//! caller has, and where it is encrypted.

use weipay_catalog::{Field, Operation, Version};

pub(super) use weipay_catalog::sample::sensitive::plain_text;

use super::sample;

/// What stands above typed requests with such a field.
pub(super) const NOTE: &str = "// 敏感信息加密: give plain text, the client encrypts it\n";

/// Whether the sample of a request holds such a field, where client and command can encrypt it: in query or body, of APIv3.
pub(super) fn is_in_sample(operation: &Operation) -> bool {
    let request = &operation.request;
    operation.version() == Version::V3
        && (are_in(&sample::required(&request.query)) || are_in(&sample::wanted(&request.json)))
}

fn are_in(fields: &[&Field]) -> bool {
    fields.iter().any(|field| field.is_encrypted() || are_in(&sample::wanted(&field.fields)))
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::super::{command_line, styles};
    use super::*;

    #[test]
    fn a_page_shows_plain_text_and_where_it_is_encrypted() {
        let named = Catalog::embedded()
            .find("POST", "v3/marketing/membercard-open/phonenumber-member/import")
            .unwrap();
        let words = command_line::of(named).unwrap();
        assert!(words.contains(&"--encrypt".to_owned()), "{words:?}");
        let groups = styles::of(named).unwrap();
        assert!(groups[0].before.starts_with(NOTE), "{}", groups[0].before);
        let call = "\"encrypted_phone_number\": client.encrypt_sensitive(\"13800138000\")?,";
        assert!(groups[1].before.contains(call), "{}", groups[1].before);
        assert!(groups[0].before.contains("encrypted_phone_number(\"13800138000\")"), "{}", groups[0].before);
    }

    #[test]
    fn an_order_that_carries_no_such_field_is_not_encrypted() {
        let order = Catalog::embedded().find("POST", "v3/pay/transactions/jsapi").unwrap();
        assert!(order.request.json.iter().any(Field::holds_encrypted), "it could carry one");
        assert!(!command_line::of(order).unwrap().contains(&"--encrypt".to_owned()));
        assert!(!styles::of(order).unwrap()[0].before.starts_with(NOTE));
    }

    #[test]
    fn a_query_is_encrypted_too_and_no_other_page_speaks_of_it() {
        let mut count = 0;
        for operation in Catalog::embedded().operations() {
            let Ok(groups) = styles::of(operation) else { continue };
            let shown = groups.iter().any(|group| group.before.starts_with(NOTE));
            assert_eq!(shown, is_in_sample(operation), "{}", operation.path);
            let required = |field: &Field| field.required && field.is_encrypted();
            if operation.method == "GET" && operation.request.query.iter().any(required) {
                count += 1;
                let line = &groups[1].styles[0].line;
                assert!(line.contains("client.encrypt_sensitive(\""), "{line}");
            }
        }
        assert!(count > 0);
    }

    #[test]
    fn a_label_says_what_the_plain_text_looks_like() {
        fn all(fields: &'static [Field], texts: &mut Vec<(&'static str, &'static str)>) {
            for field in fields {
                if field.is_encrypted() {
                    texts.push((field.label, plain_text(field)));
                }
                all(&field.fields, texts);
            }
        }
        let application = Catalog::embedded().find("POST", "v3/applyment4sub/applyment/").unwrap();
        let mut texts = Vec::new();
        all(&application.request.json, &mut texts);
        for (label, text) in [
            ("超级管理员姓名", "张三"),
            ("身份证号码", "11010519491231002X"),
            ("联系邮箱", "zhangsan@example.com"),
            ("身份证居住地址", "广东省深圳市南山区"),
            ("联系手机", "13800138000"),
            ("银行账号", "6222020000000000000"),
        ] {
            assert!(texts.contains(&(label, text)), "{label}: {texts:?}");
        }
    }
}
