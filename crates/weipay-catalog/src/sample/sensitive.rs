//! Sensitive fields (敏感信息加密): the documents show ciphertext, which nobody can type. A sample has the plain text.

use super::request::{required, wanted};
use crate::field::Field;
use crate::operation::{ApiVersion, Operation};

/// What a field is about, by words of its official label or else of its name, and an example of it. The first that fits
/// counts: 银行卡开卡预留手机号 is a telephone number and 身份证姓名 a name.
const PLAIN: [(&[&str], &str); 6] = [
    (&["邮箱", "email"], "zhangsan@example.com"),
    (&["手机", "电话", "联系方式", "phone", "mobile"], "13800138000"),
    (&["地址", "address"], "广东省深圳市南山区"),
    (&["姓名", "户名", "名称", "全称", "实名", "账户名", "人员", "_name"], "张三"),
    (&["银行", "卡号", "结算账号", "account_number", "card_no"], "6222020000000000000"),
    // The example of GB 11643.
    (&["证件", "身份证", "件号码", "id_card"], "11010519491231002X"),
];

/// A sample in plain text.
#[must_use]
pub fn plain_text(field: &Field) -> &'static str {
    // A few fields are whole objects in ciphertext, or numbers that mean something to the platform only.
    let of = |text: &str| PLAIN.iter().find(|(words, _)| words.iter().any(|word| text.contains(word)));
    match (field.values.first(), of(field.label).or_else(|| of(field.name))) {
        (Some(value), _) => value,
        (None, Some((_, example))) => example,
        (None, None) => "example",
    }
}

/// Whether the sample of a request holds such a field where client and command can encrypt it: in query or body, of APIv3.
#[must_use]
pub fn is_in_sample(operation: &Operation) -> bool {
    let request = &operation.request;
    operation.version() == ApiVersion::V3
        && (are_in(&required(&request.query)) || are_in(&wanted(&request.json)))
}

fn are_in(fields: &[&Field]) -> bool {
    fields.iter().any(|field| field.is_encrypted() || are_in(&wanted(&field.fields)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use crate::lint::broken_rule;
    use crate::operation::Place;

    fn broken(fields: &[Field], found: &mut Vec<String>, at: &str) {
        for field in fields {
            if field.is_encrypted() {
                let text = plain_text(field);
                let rule = broken_rule(field, text);
                found.extend(rule.map(|rule| format!("{at}: {} as {text} {rule}", field.name)));
            }
            broken(&field.fields, found, at);
        }
    }

    #[test]
    fn every_plain_text_keeps_the_rules_of_its_field() {
        let mut found = Vec::new();
        for operation in Catalog::embedded().operations() {
            for place in Place::ALL {
                broken(operation.request.fields(place), &mut found, operation.path);
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
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
