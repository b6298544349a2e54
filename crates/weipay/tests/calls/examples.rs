//! The examples that start their own sandbox: they are built with the tests, and each runs to its end.

use std::process::Command;

/// What a program says.
fn said(name: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn many_merchants_call_over_one_transport() {
    let said = said("many_merchants");
    assert!(
        said.contains("10000 handles") && said.contains("MerchantId(1900008000)): \"weixin://"),
        "{said}"
    );
}

#[test]
fn calls_are_traced_and_counted() {
    let said = said("tracing");
    assert!(
        said.contains("url.template=\"/v3/merchant/fund/balance/{account_type}\"")
            && said.contains("2 attempts, 1 failures"),
        "{said}"
    );
}

#[test]
fn a_signer_signs_without_the_private_key() {
    let said = said("signer");
    assert!(said.contains("the module signs") && said.contains("200 OK"), "{said}");
}

#[test]
fn a_transport_and_a_clock_are_replaced() {
    let said = said("transport");
    assert!(
        said.contains("GET /v3/merchant/fund/balance/BASIC\n200 OK") && said.contains("SIGN_ERROR"),
        "{said}"
    );
}

#[test]
fn a_retry_policy_decides() {
    let said = said("retry_policy");
    assert!(said.contains("attempt 2 ended with Network(No)\n200 OK after 3 attempts"), "{said}");
}

#[test]
fn a_client_fetches_certificates_or_is_given_the_public_key() {
    let said = said("platform_keys");
    assert!(
        said.contains("certificate: verified true") && said.contains("public key: verified true"),
        "{said}"
    );
    assert!(said.contains("PUB_KEY_ID_"), "{said}");
}

#[test]
fn a_file_is_uploaded_from_anywhere() {
    let said = said("upload");
    assert!(said.lines().count() == 3 && said.matches("https://").count() == 3, "{said}");
}

#[test]
fn a_brand_calls_with_its_own_credentials() {
    assert_eq!(
        said("brand"),
        "WECHATPAY-BRAND-SHA256-RSA2048 of brand 123456789\nverified true: \"1000000013\"\nnothing was sent: true\n"
    );
}

#[test]
fn keys_of_sm2_decide_how_a_call_is_signed() {
    assert_eq!(said("sm"), "WECHATPAY2-SM2-WITH-SM3\nverified true: 100\n");
}

#[test]
fn apiv2_is_signed_in_two_ways_and_fails_with_the_same_error() {
    let said = said("apiv2");
    assert!(said.contains("order-md5: \"weixin://") && said.contains("order-hmac: \"weixin://"), "{said}");
    assert!(said.contains("verified true") && said.ends_with("not_found: ORDERNOTEXIST\n"), "{said}");
}

#[test]
fn an_error_says_what_to_do() {
    let said = said("errors");
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "an order that does not exist: not_found, ORDER_NOT_EXIST: decide by the code, or show it to a person",
            "an order without an amount: parameter, PARAM_ERROR: correct the request",
            "another private key: signature, SIGN_ERROR: check key, serial and clock",
            "a query that a proxy changed: signature, SIGN_ERROR: check key, serial and clock",
            "a response that was lost: transport, no code: query the result",
            "too many calls: rate_limit, FREQUENCY_LIMITED: query the result",
            "nobody at that address: transport, no code: try again later",
        ],
        "{said}"
    );
    assert!(said.contains("merchant private key") && said.contains("another query (line 2)"), "{said}");
}

#[test]
fn calls_without_types_encrypt_and_open() {
    let said = said("untyped");
    assert!(
        said.contains("encrypted: [\"body: user_name\"], unknown: [\"body: transfer_remarks\"]"),
        "{said}"
    );
    assert!(said.contains("\n\"张三\"\n") && said.contains("nothing is known of its fields"), "{said}");
}

#[test]
fn what_is_sent_again_and_what_is_not() {
    let said = said("delivery");
    assert!(said.contains("an order: [Network(Perhaps), Network(Perhaps), Success(200)]"), "{said}");
    assert!(said.contains("a payment by code: [Api { status: 503"), "{said}");
    assert!(said.contains("sent once: [Api { status: 503"), "{said}");
}

#[test]
fn the_backup_host_takes_over_through_a_proxy() {
    let said = said("proxy_and_failover");
    assert!(
        said.contains("call 3: 200 OK by main, then https://api2")
            && said.contains("call 4: 200 OK by https://api2"),
        "{said}"
    );
}

#[test]
fn a_partner_orders_and_refunds_for_its_sub_merchant() {
    let said = said("partner");
    assert!(said.contains("Some(\"SUCCESS\") for Some(\"1900000109\")"), "{said}");
}

#[test]
fn each_front_end_gets_its_own_names() {
    let said = said("front_end");
    assert!(
        said.contains("page: appId timeStamp nonceStr package signType paySign\n  paid: true\n")
            && said.contains("app: appid partnerid prepayid package noncestr timestamp sign\n"),
        "{said}"
    );
}
