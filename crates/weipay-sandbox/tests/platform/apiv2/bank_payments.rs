//! Payments to bank cards (付款到银行卡) over the API: by mutual TLS, encrypted with the key that the platform gives.

use serde_json::json;
use weipay_sandbox::control::ClientError;
use weipay_sandbox::{MerchantAccount, Sandbox};
use weipay_wire::{PrivateKey, PublicKey, XmlElements};

use super::payments::{failure, values};
use super::{begun, elements, exchange, post, reason, sign, signed, signed_without_appid, tls};
use crate::client::Client;

const PAY: &str = "/mmpaysptrans/pay_bank";
const QUERY: &str = "/mmpaysptrans/query_bank";
const KEY: &str = "/risk/getpublickey";
const NONCE: &str = "ibuaiVcKdpRxkhJA";

/// A shop that has 100000 fen to pay out.
struct Shop {
    sandbox: Sandbox,
    key: PublicKey,
    certificate: (String, String),
}

impl Shop {
    fn start() -> Self {
        let sandbox = crate::sandbox().start().unwrap();
        sandbox.top_up(&sandbox.kit().mchid, MerchantAccount::Operation, 100_000).unwrap();
        let kit = sandbox.kit_on_disk();
        let certificate = (kit.merchant_cert_pem().unwrap(), kit.merchant_key_pem().unwrap().to_string());
        // Public programs leave sign_type out, which the page requires.
        let shown = post(&sandbox, KEY, &signed_without_appid(&sandbox, &[]));
        let shown = elements(&shown).text("pub_key").unwrap().to_owned();
        assert!(shown.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"), "{shown}");
        Self { sandbox, key: PublicKey::from_pem(&shown).unwrap(), certificate }
    }

    fn call(&self, path: &str, with: &[(&str, &str)]) -> XmlElements {
        let (certificate, key) = &self.certificate;
        let stream = tls(&self.sandbox, Some((certificate, key)));
        elements(&exchange(stream, "POST", path, "", &signed_without_appid(&self.sandbox, with)))
    }

    fn pay(&self, number: &str, fen: &str) -> XmlElements {
        let [card, name] = self.encrypted();
        self.call(PAY, &payment(number, fen, &card, &name))
    }

    /// Another ciphertext each time.
    fn encrypted(&self) -> [String; 2] {
        ["6222021234567890", "张三"].map(|text| self.key.encrypt_oaep(text.as_bytes()).unwrap())
    }

    fn status(&self, number: &str) -> String {
        values(&self.call(QUERY, &[("partner_trade_no", number)]), ["status"])[0].to_owned()
    }

    fn available(&self) -> i64 {
        let client = Client::new(&self.sandbox).in_time();
        let balance = client.get("/v3/merchant/fund/balance/OPERATION").success();
        balance["available_amount"].as_i64().unwrap()
    }

    /// The status of the response.
    fn apply_for_receipt(&self, number: &str) -> u16 {
        let body = json!({ "accept_type": "TRANSFER_TO_BANK", "out_detail_no": number });
        let client = Client::new(&self.sandbox).in_time();
        client.post("/v3/transfer-detail/electronic-receipts", &body).status
    }

    fn decide(&self, number: &str, to: &str) -> Result<serde_json::Value, ClientError> {
        let reason = (to != "success").then_some("账户已注销");
        self.decide_with(number, to, reason)
    }

    fn decide_with(
        &self,
        number: &str,
        to: &str,
        reason: Option<&str>,
    ) -> Result<serde_json::Value, ClientError> {
        let mut body = json!({ "to": to });
        if let Some(reason) = reason {
            body["reason"] = reason.into();
        }
        let path = format!("/bank-payments/{number}/outcome");
        self.sandbox.control().unwrap().call("POST", &path, Some(&body))
    }
}

fn payment<'a>(number: &'a str, fen: &'a str, card: &'a str, name: &'a str) -> [(&'static str, &'a str); 6] {
    [
        ("partner_trade_no", number),
        ("enc_bank_no", card),
        ("enc_true_name", name),
        ("bank_code", "1002"),
        ("amount", fen),
        ("desc", "理财"),
    ]
}

#[test]
fn a_payment_to_a_bank_card_is_accepted_and_decided_by_the_bank() {
    let shop = Shop::start();
    let made = shop.pay("payment1", "500");
    // As recorded in 2017 and 2019: a code and two sentences, the nonce of the request, and no sign.
    let names =
        ["return_msg", "result_code", "err_code", "err_code_des", "nonce_str", "amount", "cmms_amt", "sign"];
    let wanted = ["支付成功", "SUCCESS", "SUCCESS", "微信侧受理成功", NONCE, "500", "100", ""];
    assert_eq!(values(&made, names), wanted);
    let number = made.text("payment_no").unwrap();
    assert_eq!(number.len(), 35);
    assert_eq!(shop.available(), 99_400);
    // The same again, with other ciphertexts, pays nothing.
    assert_eq!(shop.pay("payment1", "500").text("payment_no"), Some(number));
    assert_eq!(failure(&shop.pay("payment1", "501"))[0], "FATAL_ERROR");
    assert_eq!(shop.available(), 99_400);

    let shown = shop.call(QUERY, &[("partner_trade_no", "payment1")]);
    let names = ["payment_no", "status", "bank_no_md5", "true_name_md5", "pay_succ_time", "reason"];
    let hashes = ["426F909627A79EA73932941FD3500D52", "615DB57AA314529AAA0FBE95B3E95BD3"];
    assert_eq!(values(&shown, names), [number, "PROCESSING", hashes[0], hashes[1], "", ""]);
    assert_eq!(shop.apply_for_receipt("payment1"), 400);
    shop.sandbox.run_for(5).unwrap();
    assert_eq!(shop.apply_for_receipt("payment1"), 200);
    let shown = shop.call(QUERY, &[("partner_trade_no", "payment1")]);
    assert_eq!(values(&shown, ["status", "amount", "cmms_amt"]), ["SUCCESS", "500", "100"]);
    assert_eq!(shown.text("pay_succ_time").unwrap().len(), "2017-03-09 15:04:04".len());
    assert_eq!(failure(&shop.pay("payment1", "500"))[0], "ORDERPAID");

    assert_eq!(shop.decide(number, "return").unwrap()["status"], "BANK_FAIL");
    let shown = shop.call(QUERY, &[("partner_trade_no", "payment1")]);
    assert_eq!(values(&shown, ["status", "reason"]), ["BANK_FAIL", "账户已注销"]);
    assert_eq!(shop.available(), 100_000);
    shop.pay("payment2", "500");
    shop.decide("payment2", "fail").unwrap();
    assert_eq!((&*shop.status("payment2"), shop.available()), ("FAILED", 100_000));
    shop.sandbox.run_for(60).unwrap();
    assert_eq!(&*shop.status("payment2"), "FAILED");
    assert!(matches!(shop.decide("payment2", "success"), Err(ClientError::Refused { status: 409, .. })));
    let with_reason = shop.decide_with("payment2", "success", Some("x"));
    assert!(matches!(with_reason, Err(ClientError::Refused { status: 400, .. })), "{with_reason:?}");
    assert!(matches!(shop.decide("payment9", "success"), Err(ClientError::Refused { status: 404, .. })));
    assert_eq!(failure(&shop.call(QUERY, &[("partner_trade_no", "payment9")]))[0], "ORDERNOTEXIST");
}

#[test]
fn a_wrong_sign_of_a_bank_payment_is_told_as_recorded() {
    let shop = Shop::start();
    let sandbox = &shop.sandbox;
    let mchid = &sandbox.kit().mchid;
    let wrong = "<return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[签名出错，请根据签名算法进行签名]]></return_msg>\
                 <result_code><![CDATA[FAIL]]></result_code><err_code><![CDATA[SIGNERROR]]></err_code>\
                 <err_code_des><![CDATA[签名出错，请根据签名算法进行签名]]></err_code_des>";
    let [card, name] = shop.encrypted();
    let spoilt = |with: &[(&str, &str)]| {
        let mut spoilt = begun(sandbox, with);
        spoilt.push("sign", "A".repeat(32));
        spoilt.write("xml").unwrap().into_bytes()
    };
    let said = post(sandbox, PAY, &spoilt(&payment("payment1", "800", &card, &name)));
    assert_eq!(
        said.text(),
        format!(
            "<xml>{wrong}<nonce_str><![CDATA[{NONCE}]]></nonce_str><mch_id><![CDATA[{mchid}]]></mch_id>\
             <partner_trade_no><![CDATA[payment1]]></partner_trade_no><amount>800</amount></xml>"
        )
    );
    // The same if an appid was signed, which these operations do not have.
    for body in
        [spoilt(&[("partner_trade_no", "payment1")]), signed(sandbox, &[("partner_trade_no", "payment1")])]
    {
        assert_eq!(post(sandbox, QUERY, &body).text(), format!("<xml>{wrong}</xml>"));
    }
    let key = post(sandbox, KEY, &spoilt(&[]));
    assert_eq!(
        key.text(),
        "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[SIGN_ERR]]></return_msg></xml>"
    );
    assert_eq!(shop.available(), 100_000);
}

#[test]
fn what_is_not_encrypted_for_the_platform_is_paid_to_nobody() {
    let shop = Shop::start();
    let own = PrivateKey::from_pem(&shop.certificate.1).unwrap().public_key();
    let [card, name] = shop.encrypted();
    let with_own_key = own.encrypt_oaep(b"6222021234567890").unwrap();
    let not_a_card = shop.key.encrypt_oaep("六二二二".as_bytes()).unwrap();
    for (card, name) in [(&with_own_key, &name), (&card, &with_own_key), (&not_a_card, &name)] {
        let said = shop.call(PAY, &payment("payment1", "500", card, name));
        assert_eq!(failure(&said)[0], "PARAM_ERROR", "{said:?}");
    }
    let plain = payment("payment1", "500", "6222021234567890", &name);
    let said = post(&shop.sandbox, PAY, &signed_without_appid(&shop.sandbox, &plain));
    assert!(reason(&said).contains("getpublickey"), "{}", reason(&said));
    let short = shop.call(PAY, &payment("payment1", "99901", &card, &name));
    assert_eq!(failure(&short), ["NOTENOUGH", "余额不足"]);
    assert_eq!(shop.available(), 100_000);

    // The certificate is required over TLS.
    let mut elements = XmlElements::new();
    elements.push("mch_id", &*shop.sandbox.kit().mchid);
    let refused = exchange(tls(&shop.sandbox, None), "POST", KEY, "", &sign(&shop.sandbox, elements));
    assert_eq!(refused.status, 400, "{}", refused.text());
}
