//! What is sent.

use serde_json::json;
use weipay::error::{ErrorKind, RequestError};
use weipay::{ApiVersion, BodyFormat, operations};
use weipay_catalog::{Catalog, Field};

use super::by_hand::{builder, elements, is_rightly_signed, success, value};
use crate::platform::{Platform, unsigned};

#[test]
fn an_order_is_sent_as_signed_xml_and_its_values_survive_unchanged() {
    let platform = Platform::start(vec![success(&[("prepay_id", "wx201410272009395522657a690389285100")])]);
    let client = builder(&platform).build_blocking().unwrap();
    let order = json!({
        "appid": "wxd678efh567hg6787",
        "mch_id": "1900000001",
        "body": "  腾讯充值中心-QQ会员 \"充值\" & <b>'x'</b> ]]> ",
        "detail": {"goods_detail": [{"goods_name": "茶 & \"饼\""}]},
        "attach": "",
        "goods_tag": "a\r\nb\tc",
        "total_fee": 88,
        "openid": null,
    });
    let response = client.chain("v2/pay/unifiedorder").post(&order).unwrap();
    assert!(response.is_verified());
    assert_eq!(response.json().unwrap()["prepay_id"], "wx201410272009395522657a690389285100");

    let seen = platform.seen();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/pay/unifiedorder"));
    assert_eq!(seen.header("content-type"), Some("text/xml; charset=utf-8"));
    assert!(seen.header("authorization").is_none() && seen.header("user-agent").is_some());
    let sent = elements(&seen);
    for name in ["appid", "mch_id", "body", "goods_tag"] {
        assert_eq!(value(&sent, name).as_deref(), order[name].as_str(), "{name}");
    }
    assert_eq!(value(&sent, "attach").as_deref(), Some(""));
    assert_eq!(value(&sent, "total_fee").as_deref(), Some("88"));
    assert_eq!(value(&sent, "detail"), Some(order["detail"].to_string()));
    assert_eq!(value(&sent, "openid"), None);
    assert_eq!(value(&sent, "nonce_str").unwrap().len(), 32);
    assert_eq!(value(&sent, "sign").unwrap().len(), 32);
    assert!(is_rightly_signed(&sent));
}

#[test]
fn every_operation_of_apiv2_is_sent_signed_as_its_row_says() {
    let rows: Vec<_> = operations().filter(|row| row.version() == ApiVersion::V2).collect();
    assert_eq!(rows.len(), 129);
    // Each says of one of its own fields what it is.
    let own = |path: &str| {
        let catalog = Catalog::embedded();
        let row = catalog.operations().find(|row| row.path == path).unwrap();
        let is_own = |field: &&Field| {
            field.required
                && !["result_msg", "device_info"].contains(&field.name)
                && ![
                    "return_",
                    "result_c",
                    "err",
                    "nonce",
                    "sign",
                    "appid",
                    "mch_id",
                    "sub_mch",
                    "sub_app",
                    "combine_app",
                    "combine_mch",
                ]
                .iter()
                .any(|common| field.name.starts_with(common))
        };
        // It makes one, so its number is what it says.
        let makes_sub_merchant = path == "v2/secapi/mch/addInstitutionsub";
        let own = row.response.iter().find(is_own).map(|field| field.name);
        own.or(makes_sub_merchant.then_some("sub_mch_id")).map(|name| (name, "1"))
    };
    let answer = |path: &str| success(own(path).as_slice());
    let platform = Platform::start(rows.iter().map(|row| answer(row.path())).collect());
    let client = builder(&platform).build_blocking().unwrap();
    for row in rows {
        let call = client.chain(row.path());
        let response = match row.body_format() {
            BodyFormat::Json => call.query("mch_id", "1900000001").query("b", "a b").query("a", "券").get(),
            BodyFormat::Multipart => call
                .upload(json!({"mch_id": "1900000001"}), &weipay::UploadFile::new("a.png", &b"\x89PNG"[..])),
            _ => call.post(json!({"mch_id": "1900000001", "b": "a b", "a": "券"})),
        };
        let response = response.unwrap_or_else(|error| panic!("{row}: {error:#}"));
        assert_eq!(response.is_verified(), !row.is_unsigned(), "{row}");
        let seen = platform.seen();
        let path = format!("/{}", row.path().strip_prefix("v2/").unwrap());
        match row.body_format() {
            BodyFormat::Xml => {
                assert_eq!(seen.target, path);
                let sent = elements(&seen);
                assert!(is_rightly_signed(&sent), "{row}");
                assert_eq!(value(&sent, "nonce_str").is_none(), row.is_nonceless(), "{row}");
                let hmac = value(&sent, "sign").unwrap().len() == 64;
                assert_eq!(hmac, row.demands_hmac(), "{row}");
                assert_eq!(value(&sent, "sign_type").as_deref(), hmac.then_some("HMAC-SHA256"), "{row}");
            }
            BodyFormat::Json => {
                let query = "?mch_id=1900000001&b=a%20b&a=%E5%88%B8";
                assert!(seen.target.starts_with(&(path + query)), "{}", seen.target);
                assert_eq!(seen.target.contains("&sign="), !row.is_signless(), "{row}");
                assert!(seen.body.is_empty());
            }
            _ => assert_eq!(seen.target, path),
        }
    }
}

#[test]
fn the_query_of_a_page_is_signed_and_then_encoded() {
    let platform = Platform::start(vec![unsigned(200, "<html>signing</html>")]);
    let client = builder(&platform).build_blocking().unwrap();
    let page = client
        .chain("v2/papay/entrustweb")
        .query("appid", "wxcbda96de0b165486")
        .query("mch_id", "1900000001")
        .query("notify_url", "https://weixin.qq.com/a")
        .query("contract_display_account", "微信 代扣");
    let response = page.get().unwrap();
    assert_eq!(response.text().unwrap(), "<html>signing</html>");
    assert!(!response.is_verified());
    let fields = [
        ("appid", "wxcbda96de0b165486"),
        ("mch_id", "1900000001"),
        ("notify_url", "https://weixin.qq.com/a"),
        ("contract_display_account", "微信 代扣"),
    ];
    assert_eq!(
        platform.seen().target,
        format!(
            "/papay/entrustweb?appid=wxcbda96de0b165486&mch_id=1900000001&notify_url=https%3A%2F%2Fweixin.qq.com%2Fa&\
             contract_display_account=%E5%BE%AE%E4%BF%A1%20%E4%BB%A3%E6%89%A3&sign={}",
            super::by_hand::md5(&fields)
        )
    );
}

#[test]
fn a_form_carries_its_signed_fields_and_the_file() {
    let platform = Platform::start(vec![success(&[("media_id", "m")])]);
    let client = builder(&platform).build_blocking().unwrap();
    let file = weipay::UploadFile::new("a.png", &b"\x89PNG\r\n"[..]).part("media");
    let fields = [("media_hash", "b1946ac9"), ("mch_id", "1900000001"), ("sign_type", "HMAC-SHA256")];
    let form: serde_json::Map<_, _> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    client.chain("v2/secapi/mch/uploadmedia").upload(form, &file).unwrap();
    let seen = platform.seen();
    let boundary =
        seen.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let sign = super::by_hand::hmac_sha256(&fields);
    let part = |name: &str, value: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    assert_eq!(
        String::from_utf8_lossy(&seen.body).replace(boundary, "B"),
        part("media_hash", "b1946ac9")
            + &part("mch_id", "1900000001")
            + &part("sign_type", "HMAC-SHA256")
            + &part("sign", &sign)
            + "--B\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.png\"\r\n\
               Content-Type: image/png\r\n\r\n\u{FFFD}PNG\r\n\r\n--B--\r\n"
    );
}

#[test]
fn a_request_that_would_be_wrong_is_not_sent_and_says_why() {
    let platform = Platform::start(Vec::new());
    let client = builder(&platform).build_blocking().unwrap();
    let order = client.chain("v2/pay/unifiedorder");
    let told = |error: weipay::Error| {
        assert!(error.is_request() && !error.may_have_taken_effect());
        format!("{error:#}")
    };
    for (path, name) in [
        ("v2/pay/unifiedorder", "mch_id"),
        ("v2/mmpaymkttransfers/promotion/transfers", "mchid"),
        ("v2/pay/combinedorder", "combine_mch_id"),
    ] {
        let text = told(client.chain(path).post(json!({name: "1900000002"})).unwrap_err());
        assert!(text.contains(name) && text.contains("1900000001") && text.contains("sub_mch_id"), "{text}");
    }
    let text = told(order.clone().post(json!({"sign_type": "md5"})).unwrap_err());
    assert!(text.contains("`sign_type`") && text.contains("HMAC-SHA256"), "{text}");
    let text = told(order.clone().post(json!({"total_fee": 1.5})).unwrap_err());
    assert!(text.contains("`total_fee`"), "{text}");
    let text = told(order.clone().post(json!({"body": "secret\u{1}"})).unwrap_err());
    assert!(text.contains("`body`") && !text.contains("secret"), "{text}");
    assert!(told(order.clone().post(json!({"a><b": "1"})).unwrap_err()).contains("name"));
    assert!(told(order.clone().post(json!([1])).unwrap_err()).contains("object"));
    let text = told(client.chain("v2/papay/entrustweb?a=b").get().unwrap_err());
    assert!(text.contains(".query("), "{text}");

    let keyless = platform.builder().build_blocking().unwrap();
    let error = keyless.chain("v2/pay/orderquery").post(json!({})).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::MissingApiV2Key)), "{error}");
    assert!(error.to_string().contains("WEIPAY_API_V2_KEY"));
    assert!(!platform.saw_more());
}

#[test]
fn all_styles_and_both_clients_send_the_same() {
    let platform = Platform::start((0..4).map(|_| success(&[("out_trade_no", "1")])).collect());
    let client = builder(&platform).build_blocking().unwrap();
    let body = json!({"mch_id": "1900000001", "out_trade_no": "1", "nonce_str": "n"});
    client["v2"]["pay"]["orderquery"].post(&body).unwrap();
    client.chain("/v2/pay/orderquery").post(&body).unwrap();
    client
        .v2()
        .pay()
        .orderquery()
        .post(
            weipay::v2::pay::orderquery::post::Request::new()
                .appid("a")
                .out_trade_no("1")
                .transaction_id("1"),
        )
        .unwrap();
    // The platform serves one connection at a time.
    drop(client);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = builder(&platform).build().unwrap();
        client.chain("v2/pay/orderquery").post(&body).await.unwrap();
    });
    let sent: Vec<_> = (0..4).map(|_| platform.seen()).collect();
    assert!(sent.iter().all(|seen| seen.target == "/pay/orderquery" && is_rightly_signed(&elements(seen))));
    assert_eq!(sent[0].body, sent[1].body);
    assert_eq!(sent[0].body, sent[3].body);
    assert_eq!(value(&elements(&sent[2]), "mch_id").as_deref(), Some("1900000001"));
}
