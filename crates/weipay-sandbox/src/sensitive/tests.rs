use std::sync::LazyLock;

use serde_json::json;
use weipay_catalog::Catalog;

use super::*;

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

fn find(method: &str, path: &str) -> &'static Operation {
    Catalog::embedded().find(method, path).unwrap()
}

fn of_body(document: Value) -> ParsedRequest<'static> {
    ParsedRequest { document: Some(document), ..ParsedRequest::default() }
}

fn of_query(name: &str, value: &str) -> ParsedRequest<'static> {
    ParsedRequest { query: vec![(name.to_owned(), value.to_owned())], ..ParsedRequest::default() }
}

#[test]
fn a_value_is_there_when_it_is_a_text_that_is_not_empty() {
    let order = find("POST", "v3/pay/transactions/jsapi");
    let identity =
        |name: Value| json!({ "payer": { "openid": "o", "identity": { "type": "IDCARD", "name": name } } });
    assert!(are_in(order, &of_body(identity(json!("abc")))));
    let without = [
        json!({ "payer": { "openid": "o" } }),
        identity(json!("")),
        identity(json!(null)),
        json!([]),
        json!(1),
    ];
    for body in without {
        assert!(!are_in(order, &of_body(body.clone())), "{body}");
    }
}

#[test]
fn a_value_in_a_list_or_in_the_query_counts_too() {
    let sharing = find("POST", "v3/profitsharing/orders");
    assert!(are_in(sharing, &of_body(json!({ "receivers": [{ "account": "1" }, { "name": "abc" }] }))));
    assert!(!are_in(sharing, &of_body(json!({ "receivers": [{ "account": "1" }] }))));
    let guides = find("GET", "v3/smartguide/guides");
    assert!(are_in(guides, &of_query("mobile", "abc")));
    assert!(!are_in(guides, &of_query("mobile", "")) && !are_in(guides, &of_query("store_id", "1")));
}

#[test]
fn values_are_opened_wherever_they_travel() {
    let sealed = |text: &str| KEY.public_key().encrypt_oaep(text.as_bytes()).unwrap();
    let sharing = find("POST", "v3/profitsharing/orders");
    let mut request =
        of_body(json!({ "receivers": [{ "account": "1", "name": sealed("张三") }, { "name": "" }] }));
    open(sharing, &mut request, &KEY).unwrap();
    assert_eq!(
        request.document.unwrap(),
        json!({ "receivers": [{ "account": "1", "name": "张三" }, { "name": "" }] })
    );
    let mut request = of_query("mobile", &sealed("13900000000"));
    open(find("GET", "v3/smartguide/guides"), &mut request, &KEY).unwrap();
    assert_eq!(request.query[0].1, "13900000000");
}

#[test]
fn what_does_not_open_is_refused_in_the_platforms_words() {
    let sharing = find("POST", "v3/profitsharing/orders");
    let other = PrivateKey::generate().unwrap().public_key().encrypt_oaep("张三".as_bytes()).unwrap();
    let letters = KEY.public_key().encrypt_oaep(b"\xff\xfe").unwrap();
    let (unencrypted, closed) = ("请确认待处理的消息是否为加密后的密文", "平台私钥解密失败");
    for (value, message) in [
        ("张三", unencrypted),
        ("abc=", unencrypted),
        ("QUJD", unencrypted),
        (&*"A".repeat(344), unencrypted),
        (&*format!("{}==", "A".repeat(342)), closed),
        (&*other, closed),
        (&*letters, closed),
    ] {
        let refusal =
            open(sharing, &mut of_body(json!({ "receivers": [{ "name": value }] })), &KEY).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code, &*refusal.message),
            (400, "PARAM_ERROR", message),
            "{value}"
        );
    }
}

#[test]
fn every_sensitive_field_of_every_example_opens_with_the_merchants_key() {
    let mut opened = 0;
    for operation in Catalog::embedded().operations() {
        let Some(mut response) =
            crate::example::response(operation, &crate::example::RequestValues::default())
        else {
            continue;
        };
        encrypt(&operation.response, &mut response, &KEY.public_key()).unwrap();
        each(&operation.response, &mut response, &mut |field, text| {
            let plain = KEY
                .decrypt_oaep(text)
                .map_err(|error| Refusal::param_error(error.to_string(), "it does not open"))?;
            let plain = String::from_utf8(plain.to_vec()).unwrap();
            assert!(plain.chars().count() < 24, "{}: {plain}", field.name);
            opened += 1;
            Ok(())
        })
        .unwrap_or_else(|refusal| panic!("{}: {}", operation.path, refusal.message));
    }
    assert!(opened > 50, "{opened}");
}

#[test]
fn a_value_of_a_response_leaves_encrypted() {
    let echo = find("POST", "v3/security/echo");
    let mut response = json!({ "echo_message": "hello", "encrypted_echo_message": "秘密" });
    encrypt(&echo.response, &mut response, &KEY.public_key()).unwrap();
    assert_eq!(response["echo_message"], "hello");
    let opened = KEY.decrypt_oaep(response["encrypted_echo_message"].as_str().unwrap()).unwrap();
    assert_eq!(opened.as_slice(), "秘密".as_bytes());
}
