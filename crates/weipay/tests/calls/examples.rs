//! The examples that start a sandbox of their own: they are built with the tests, and each runs to its end.

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
fn keys_of_sm2_decide_how_a_call_is_signed() {
    assert_eq!(said("sm"), "WECHATPAY2-SM2-WITH-SM3\nverified true: 100\n");
}
