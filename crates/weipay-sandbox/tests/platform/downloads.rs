//! Downloads: the address of a response leads back to the sandbox, and what comes from there is a file and not signed.

use serde_json::json;
use weipay_sandbox::{NewMerchant, PaymentRequest, PlatformKeys};

use crate::SHARED;
use crate::client::{Client, Response};

/// A bill of a product that the sandbox keeps nothing of.
const BILL: &str = "/v3/merchant/fund/withdraw/bill-type/NO_SUCC?bill_date=2026-08-14";

/// Follows an address that leads to the shared sandbox.
fn follow(client: &Client<'_>, address: &serde_json::Value, host: &str) -> Response {
    let address = address.as_str().unwrap();
    let target = address.strip_prefix("http://").and_then(|rest| rest.strip_prefix(host)).unwrap();
    client.get(target)
}

#[test]
fn a_bill_is_downloaded_where_the_response_says() {
    let client = Client::new(&SHARED);
    let bill = client.get(BILL);
    assert!(client.verifies(&bill));
    let file = follow(&client, &bill.success()["download_url"], "127.0.0.1");
    assert_eq!(file.status, 200, "{}", file.text());
    assert!(!file.check_signature());
    assert_eq!(file.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert!(file.text().starts_with("时间,商户号,"));
    assert!(file.header("Request-ID").is_some());
    assert_eq!(file.header("Weipay-Sandbox-Answer"), Some("example"));
}

#[test]
fn a_bill_of_what_happened_is_its_merchants_for_five_minutes() {
    let sandbox = crate::sandbox().examples(false).start().unwrap();
    let kit = sandbox.kit();
    let order = json!({
        "appid": kit.appid, "mchid": kit.mchid, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "http://127.0.0.1:9/notify", "amount": { "total": 1_000 },
    });
    Client::new(&sandbox).post("/v3/pay/transactions/native", &order).success();
    sandbox.pay(&PaymentRequest::new("order-1")).unwrap();
    sandbox.run_for(86_400).unwrap();
    let client = |mchid: &str| Client::of(&sandbox, mchid).in_time();
    let bill = client(&kit.mchid).get("/v3/bill/tradebill?bill_date=2026-08-15");
    assert_eq!(bill.header("Weipay-Sandbox-Answer"), Some("state"));
    let address = &bill.success()["download_url"];
    let file = follow(&client(&kit.mchid), address, "127.0.0.1");
    assert!(file.status == 200 && file.text().contains(",`order-1,") && !file.check_signature());
    assert_eq!(file.header("Weipay-Sandbox-Answer"), Some("state"));
    // WxJava sends the first for what was not set.
    let of_type = |word: &str| {
        client(&kit.mchid).get(&format!("/v3/bill/tradebill?bill_date=2026-08-15&bill_type={word}"))
    };
    assert_eq!(of_type("null").status, 200);
    assert_eq!(of_type("nothing").refusal(), (400, "PARAM_ERROR".to_owned()));
    let another = sandbox.add_merchant(&NewMerchant::new().platform_keys(PlatformKeys::Migration)).unwrap();
    let stolen = follow(&client(&another.kit().mchid), address, "127.0.0.1");
    assert_eq!(stolen.refusal(), (403, "NO_AUTH".to_owned()));
    let unknown = client(&kit.mchid).get("/v3/billdownload/file?token=a");
    assert_eq!(unknown.refusal(), (400, "INVALID_REQUEST".to_owned()));
    sandbox.run_for(301).unwrap();
    let late = follow(&client(&kit.mchid), address, "127.0.0.1");
    assert_eq!(late.refusal(), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn an_address_names_the_sandbox_as_its_client_does() {
    let client = Client::new(&SHARED);
    for (host, named) in [
        ("sandbox.test:8880", "sandbox.test:8880"),
        ("api.mch.weixin.qq.com", SHARED.base_url().strip_prefix("http://").unwrap()),
        ("api.mch.weixin.qq.com.", SHARED.base_url().strip_prefix("http://").unwrap()),
        ("API2.wechatpay.cn:443", SHARED.base_url().strip_prefix("http://").unwrap()),
        ("evil.test/x?", SHARED.base_url().strip_prefix("http://").unwrap()),
    ] {
        let mut request = client.request("GET", BILL, b"");
        request.set("Host", host);
        let bill = client.send(&request).success();
        assert_eq!(follow(&client, &bill["download_url"], named).status, 200, "{host}");
    }
}

#[test]
fn a_download_is_signed_for_like_any_request() {
    let client = Client::new(&SHARED);
    let mut request = client.request("GET", "/v3/billdownload/file?token=a", b"");
    request.target.push('b');
    assert_eq!(client.send(&request).refusal(), (401, "SIGN_ERROR".to_owned()));
}

#[test]
fn pictures_and_invoices_have_their_own_types() {
    let client = Client::new(&SHARED);
    for (target, content_type, beginning) in [
        ("/v3/global/merchant-service/images/example?complaint_id=1", "image/png", &b"\x89PNG\r\n"[..]),
        (
            "/v3/new-tax-control-fapiao/download?token=a&mchid=1900000109&openid=o&invoice_code=1&invoice_no=1&fapiao_id=1",
            "application/pdf",
            b"%PDF-",
        ),
    ] {
        let file = client.get(target);
        assert_eq!((file.status, file.header("Content-Type")), (200, Some(content_type)));
        assert!(file.body.starts_with(beginning) && !file.check_signature());
    }
}

/// The catalogue says so: the signature of a statement covers the JSON of its digest.
#[test]
fn a_statement_is_signed_over_its_digest() {
    let client = Client::new(&SHARED);
    let target = format!("/v3/global/statements?date=20260814&mchid={}", SHARED.kit().mchid);
    let mut file = client.get(&target);
    assert_eq!(file.status, 200, "{}", file.text());
    let digest = file.header("Wechatpay-Statement-Sha1").unwrap().to_owned();
    assert_eq!(digest.len(), 40);
    file.body = format!(r#"{{"sha1":"{digest}"}}"#).into_bytes();
    assert!(client.verifies(&file));
}
