use serde_json::{Value, json};
use weipay_wire::{ApiV2Key, SignType};

use super::*;
use crate::clock::Clock;
use crate::control::Client;
use crate::products::merchant_coupons::fixtures::{NOW, OPENID, stock_request};
use crate::products::merchant_coupons::stock::{self, StockState};
use crate::sandbox::Sandbox;

/// A sandbox with one stock of its merchant.
struct Shop {
    sandbox: Sandbox,
    stock_id: String,
}

impl Shop {
    fn new() -> Self {
        let sandbox = Sandbox::builder().clock(Clock::frozen(NOW).0).start().unwrap();
        let platform = sandbox.platform();
        let account = platform.merchants.find(&sandbox.kit().mchid).unwrap().account.clone();
        let mut members = stock_request();
        members.insert("belong_merchant".to_owned(), json!(account.mchid));
        members.insert("stock_send_rule".to_owned(), json!({ "max_coupons": 3, "max_coupons_per_user": 2 }));
        let stock_id = platform
            .store
            .transaction(|tx| {
                let decision = stock::create(&account, members.clone(), 1, NOW)?;
                carry_out(tx, decision)
            })
            .unwrap()["stock_id"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { sandbox, stock_id }
    }

    fn key(&self) -> ApiV2Key {
        ApiV2Key::new(&self.sandbox.kit().api_v2_key).unwrap()
    }

    /// The values of an H5 address, without the signature.
    fn values(&self, number: &str) -> Vec<(String, String)> {
        let mchid = &self.sandbox.kit().mchid;
        [
            ("stock_id", &*self.stock_id),
            ("out_request_no", number),
            ("send_coupon_merchant", mchid),
            ("open_id", OPENID),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn address(&self, number: &str, sign: &str) -> CouponPage {
        let values: Vec<_> =
            self.values(number).iter().map(|(name, value)| format!("{name}={value}")).collect();
        let address = format!(
            "https://action.weixin.qq.com/busifavor/getcouponinfo?{}&sign={sign}#wechat_pay&wechat_redirect",
            values.join("&")
        );
        CouponPage::H5 { address }
    }

    fn sign(&self, sign_type: SignType, values: &[(String, String)]) -> String {
        self.key().sign(sign_type, values.iter().map(|(name, value)| (&**name, &**value)))
    }

    fn receive(&self, page: &CouponPage) -> ReceiveResult {
        self.sandbox.platform().receive_coupons(page).unwrap()
    }

    fn by_h5(&self, number: &str) -> ReceiveResult {
        self.receive(&self.address(number, &self.sign(SignType::HmacSha256, &self.values(number))))
    }

    /// The attributes of the plugin, signed as its page says.
    fn plugin(&self, numbers: &[&str]) -> CouponPage {
        let mchid = &self.sandbox.kit().mchid;
        let mut values = vec![("send_coupon_merchant".to_owned(), mchid.clone())];
        for (position, number) in numbers.iter().enumerate() {
            values.push((format!("stock_id{position}"), self.stock_id.clone()));
            values.push((format!("out_request_no{position}"), (*number).to_owned()));
        }
        let params: Vec<_> = numbers
            .iter()
            .map(|number| json!({ "stock_id": self.stock_id, "out_request_no": number }))
            .collect();
        let sign = self.sign(SignType::HmacSha256, &values);
        let attributes = json!({ "send_coupon_params": params, "sign": sign, "send_coupon_merchant": mchid });
        CouponPage::MiniProgram { attributes, openid: OPENID.to_owned() }
    }

    fn control(&self) -> &Client {
        self.sandbox.control().unwrap()
    }
}

fn words(reception: &ReceiveResult) -> Vec<&str> {
    reception.send_coupon_result.iter().map(|coupon| coupon.code).collect()
}

#[test]
fn a_person_takes_a_coupon_once_for_its_number() {
    let shop = Shop::new();
    let first = shop.by_h5("n1");
    assert_eq!((first.errcode, &*words(&first)), ("OK", &["SUCCESS"][..]));
    let again = shop.by_h5("n1");
    assert_eq!(words(&again), ["DUPREQUEST"]);
    assert_eq!(again.send_coupon_result[0].coupon_code, first.send_coupon_result[0].coupon_code);
}

#[test]
fn the_plugin_says_of_each_coupon_what_became_of_it() {
    let shop = Shop::new();
    assert_eq!(words(&shop.receive(&shop.plugin(&["n1", "n2", "n3"]))), ["SUCCESS", "SUCCESS", "MAXQUOTA"]);
    shop.sandbox.platform().set_stock_state(&shop.stock_id, StockState::Paused).unwrap();
    assert_eq!(words(&shop.receive(&shop.plugin(&["n1", "n4"]))), ["DUPREQUEST", "NOTRUNNING"]);
}

#[test]
fn cards_of_the_jssdk_are_signed_like_the_plugins() {
    let shop = Shop::new();
    let CouponPage::MiniProgram { attributes, .. } = shop.plugin(&["n1"]) else { unreachable!() };
    let ext = json!({ "out_request_no": "n1", "sign": attributes["sign"],
        "send_coupon_merchant": attributes["send_coupon_merchant"] });
    let cards = json!([{ "cardId": shop.stock_id, "cardExt": ext.to_string() }]);
    let page = CouponPage::Jsapi { cards, openid: OPENID.to_owned() };
    assert_eq!(words(&shop.receive(&page)), ["SUCCESS"]);
}

#[test]
fn a_wrong_signature_is_explained_and_no_key_is_told() {
    let shop = Shop::new();
    let values = shop.values("n1");
    let right = shop.sign(SignType::HmacSha256, &values);
    let some: Vec<_> = values.iter().filter(|(name, _)| name != "open_id").cloned().collect();
    let v3 = ApiV2Key::new(&shop.sandbox.kit().api_v3_key).unwrap();
    let v3 = v3.sign(SignType::HmacSha256, values.iter().map(|(name, value)| (&**name, &**value)));
    for (sign, told) in [
        (right.to_ascii_lowercase(), "upper case"),
        (shop.sign(SignType::Md5, &values), "MD5"),
        (v3, "APIv3 key"),
        (shop.sign(SignType::HmacSha256, &some), "open_id was not signed"),
        ("0".repeat(64), "differ from those that were signed"),
        ("abc".to_owned(), "64 hex digits"),
    ] {
        let reception = shop.receive(&shop.address("n1", &sign));
        assert_eq!(reception.errcode, "SIGN_ERROR");
        assert!(reception.msg.contains(told), "{}", reception.msg);
        assert!(
            reception
                .msg
                .contains("open_id=oUpF8uMuAJO_M2pxb1Q9zNjWeS6o&out_request_no=n1&send_coupon_merchant=")
        );
        let kit = shop.sandbox.kit();
        assert!(!reception.msg.contains(&kit.api_v2_key) && !reception.msg.contains(&kit.api_v3_key));
    }
    // Nothing was sent meanwhile.
    assert_eq!(words(&shop.by_h5("n1")), ["SUCCESS"]);
}

#[test]
fn a_page_that_does_not_fit_is_told_why() {
    let shop = Shop::new();
    let h5 = |address: &str| shop.receive(&CouponPage::H5 { address: address.to_owned() });
    let elsewhere = h5("https://example.com/?stock_id=1");
    assert!(elsewhere.errcode == "PARAM_ERROR" && elsewhere.msg.contains("begins with"), "{elsewhere:?}");
    let nobody = h5("https://action.weixin.qq.com/busifavor/getcouponinfo?openid=o1");
    assert!(nobody.msg.contains("open_id is missing"), "{nobody:?}");
    let many: Vec<_> = (0..11).map(|number| number.to_string()).collect();
    let many = shop.receive(&shop.plugin(&many.iter().map(|number| &**number).collect::<Vec<_>>()));
    assert!(many.msg.contains("1 to 10"), "{many:?}");
    assert!(shop.receive(&shop.plugin(&["1", "2", "3", "4"])).msg.contains("3 coupons of one stock"));
}

#[test]
fn the_control_api_receives_and_deletes() {
    let shop = Shop::new();
    let CouponPage::MiniProgram { attributes, .. } = shop.plugin(&["n1"]) else { unreachable!() };
    let body = json!({ "plugin": attributes, "openid": OPENID });
    let received = shop.control().call("POST", "/coupons/receive", Some(&body)).unwrap();
    assert_eq!(received["errcode"], "OK");
    let code = received["send_coupon_result"][0]["coupon_code"].as_str().unwrap();
    let path = format!("/stocks/{}/coupons/{code}", shop.stock_id);
    assert_eq!(shop.control().call("DELETE", &path, None).unwrap(), Value::Null);
    assert!(shop.control().call("DELETE", &path, None).is_err(), "it was deleted already");
    assert!(shop.control().call("POST", "/coupons/receive", Some(&json!({ "openid": OPENID }))).is_err());
}
