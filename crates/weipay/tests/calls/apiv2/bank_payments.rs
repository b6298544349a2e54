//! Payments to bank cards (付款到银行卡) by the SDK on a sandbox: the key, the encrypted card, the query.

use serde_json::json;
use weipay::blocking::Client;
use weipay::model::Sensitive;
use weipay::v2::mmpaysptrans::{pay_bank, query_bank};
use weipay::wire::PublicKey;
use weipay_sandbox::{MerchantAccount, Sandbox};

#[test]
fn a_payment_to_a_bank_card_is_made_with_the_key_of_the_platform() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 1_000).unwrap();
    let client = Client::from_kit(sandbox.kit_file()).unwrap();
    let shown = client.chain("v2/risk/getpublickey").post(json!({ "sign_type": "MD5" })).unwrap();
    let key = PublicKey::from_pem(shown.json().unwrap()["pub_key"].as_str().unwrap()).unwrap();
    let encrypted = |text: &str| Sensitive::ciphertext(key.encrypt_oaep(text.as_bytes()).unwrap());
    let pay = |fen: i64| {
        let request = pay_bank::post::Request::new()
            .partner_trade_no("payment1")
            .enc_bank_no(encrypted("6222021234567890"))
            .enc_true_name(encrypted("张三"))
            .bank_code("1002")
            .amount(fen);
        client.v2().mmpaysptrans().pay_bank().post(request)
    };
    let made = pay(500).unwrap().decode().unwrap();
    assert_eq!((made.amount, made.cmms_amt), (Some(500), Some(100)));
    // The same again, with other ciphertexts, is the same payment; another amount is none.
    assert_eq!(pay(500).unwrap().decode().unwrap().payment_no, made.payment_no);
    assert_eq!(pay(501).unwrap_err().code(), Some("FATAL_ERROR"));

    let ask = || {
        let request = query_bank::post::Request::new().partner_trade_no("payment1");
        client.v2().mmpaysptrans().query_bank().post(request).unwrap().decode().unwrap()
    };
    assert_eq!(ask().status.unwrap().as_str(), "PROCESSING");
    sandbox.run_for(5).unwrap();
    let paid = ask();
    assert_eq!((paid.status.unwrap().as_str(), paid.payment_no), ("SUCCESS", made.payment_no));
    assert!(paid.pay_succ_time.is_some());
}
