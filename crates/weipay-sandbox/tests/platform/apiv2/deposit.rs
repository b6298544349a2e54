//! Deposits of hotels (酒店押金): paid by a payment code or in an app, consumed in part, reversed, or forgotten.

use serde_json::json;
use weipay_sandbox::{NewMerchant, PaymentRequest, Sandbox};
use weipay_wire::{Kit, XmlElements};

use super::payments::{failure, values};
use super::said_to;
use crate::client::Client;
use crate::pay_page::get;

const HOTEL: &str = "1900000301";
const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

struct Hotel {
    sandbox: Sandbox,
    kit: Kit,
}

impl Hotel {
    fn start() -> Self {
        let sandbox = crate::sandbox().start().unwrap();
        sandbox.add_merchant(&NewMerchant::new().mchid(HOTEL)).unwrap();
        let partner = NewMerchant::new().mchid("1900000300").sub_merchant(HOTEL);
        let kit = sandbox.add_merchant(&partner).unwrap().kit().clone();
        Self { sandbox, kit }
    }

    fn call(&self, path: &str, with: &[(&str, &str)]) -> XmlElements {
        let own = [
            ("appid", &*self.kit.appid),
            ("mch_id", &*self.kit.mchid),
            ("sub_mch_id", HOTEL),
            ("sign_type", "HMAC-SHA256"),
        ];
        let with: Vec<_> = own.iter().chain(with).copied().collect();
        let said = said_to(&self.sandbox, &self.kit, path, &with);
        assert_eq!(said.text("return_code"), Some("SUCCESS"), "{said:?}");
        let operation = weipay_catalog::Catalog::embedded().find("POST", &format!("v2{path}")).unwrap();
        if let Some(code) = said.text("err_code") {
            assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
        }
        said
    }

    fn pay(&self, path: &str, number: &str, code: &str, deposit: &str) {
        let with = [
            ("body", "押金"),
            ("out_trade_no", number),
            ("total_fee", "1000"),
            ("fee_type", "CNY"),
            ("spbill_create_ip", "8.8.8.8"),
            ("auth_code", code),
            ("deposit", deposit),
        ];
        assert_eq!(self.call(path, &with).text("result_code"), Some("SUCCESS"));
    }

    /// By a prepay_id.
    fn offer(&self, number: &str, trade_type: &str) -> XmlElements {
        self.call("/deposit/unifiedorder", &offered(number, trade_type))
    }

    fn consume(&self, number: &str, fen: &str) -> XmlElements {
        let with =
            [("out_trade_no", number), ("total_fee", "1000"), ("consume_fee", fen), ("fee_type", "CNY")];
        self.call("/deposit/consume", &with)
    }

    fn refund(&self, path: &str, number: &str, fen: &str) -> XmlElements {
        let with = [
            ("out_trade_no", number),
            ("out_refund_no", "refund-1"),
            ("total_fee", "1000"),
            ("refund_fee", fen),
        ];
        self.call(path, &with)
    }

    fn shown(&self, number: &str) -> [String; 2] {
        let said = self.call("/deposit/orderquery", &[("out_trade_no", number)]);
        values(&said, ["trade_state", "consume_fee"]).map(str::to_owned)
    }
}

fn offered<'a>(number: &'a str, trade_type: &'a str) -> [(&'a str, &'a str); 8] {
    [
        ("body", "押金"),
        ("out_trade_no", number),
        ("total_fee", "1000"),
        ("fee_type", "CNY"),
        ("spbill_create_ip", "8.8.8.8"),
        ("notify_url", "http://127.0.0.1:9/notify"),
        ("trade_type", trade_type),
        ("openid", OPENID),
    ]
}

#[test]
fn what_is_not_consumed_of_a_deposit_goes_back() {
    let hotel = Hotel::start();
    hotel.pay("/deposit/micropay", "stay-1", "100000000000000001", "Y");
    assert_eq!(hotel.shown("stay-1"), ["SUCCESS", ""]);
    let consumed = hotel.consume("stay-1", "300");
    assert_eq!(values(&consumed, ["result_code", "total_fee", "consume_fee"]), ["SUCCESS", "1000", "300"]);
    assert_eq!(hotel.consume("stay-1", "300").text("result_code"), Some("SUCCESS"));
    assert_eq!(failure(&hotel.consume("stay-1", "301"))[0], "INVALID_REQUEST");
    assert_eq!(hotel.shown("stay-1"), ["REFUND", "300"]);
    hotel.sandbox.run_for(60).unwrap();
    let rest = hotel.call("/deposit/refundquery", &[("out_trade_no", "stay-1")]);
    let names = ["total_refund_count", "refund_fee_0", "refund_status_0"];
    assert_eq!(values(&rest, names), ["1", "700", "SUCCESS"]);
}

#[test]
fn a_consumed_deposit_is_refunded_by_its_own_operation() {
    let hotel = Hotel::start();
    hotel.pay("/deposit/micropay", "stay-1", "100000000000000001", "Y");
    let words = "该订单为押金订单，请调押金退款接口";
    assert_eq!(failure(&hotel.refund("/secapi/pay/refund", "stay-1", "100")), ["ERROR", words]);
    assert_eq!(failure(&hotel.refund("/deposit/refund", "stay-1", "100"))[0], "ERROR");

    assert_eq!(hotel.consume("stay-1", "300").text("result_code"), Some("SUCCESS"));
    hotel.sandbox.run_for(60).unwrap();
    // As a public report has it.
    let reversed = hotel.call("/deposit/reverse", &[("out_trade_no", "stay-1")]);
    assert_eq!(failure(&reversed), ["ORDERNOTEXIST", "订单不存在"]);
    assert_eq!(hotel.refund("/deposit/refund", "stay-1", "300").text("result_code"), Some("SUCCESS"));
}

#[test]
fn a_face_pays_a_deposit_and_the_rest_is_no_refund_of_the_merchants() {
    let hotel = Hotel::start();
    let with = [
        ("body", "押金"),
        ("out_trade_no", "stay-1"),
        ("total_fee", "1000"),
        ("fee_type", "CNY"),
        ("spbill_create_ip", "8.8.8.8"),
        ("face_code", "face-1"),
    ];
    let paid = hotel.call("/deposit/facepay", &with);
    assert_eq!(paid.text("result_code"), Some("SUCCESS"), "{paid:?}");
    let wrong = [("out_trade_no", "stay-1"), ("total_fee", "999"), ("consume_fee", "1"), ("fee_type", "CNY")];
    let refused = hotel.call("/deposit/consume", &wrong);
    assert_eq!(failure(&refused), ["PARAM_ERROR", "total_fee参数格式错误"]);
    assert_eq!(hotel.consume("stay-1", "300").text("result_code"), Some("SUCCESS"));
    // At once: the rest that went back is no refund of the merchant's.
    assert_eq!(hotel.refund("/deposit/refund", "stay-1", "300").text("result_code"), Some("SUCCESS"));
}

#[test]
fn a_deposit_is_offered_in_wechat_and_in_an_app_and_waits_when_it_was_paid() {
    let hotel = Hotel::start();
    let nobody: Vec<_> =
        offered("stay-1", "JSAPI").into_iter().filter(|(name, _)| *name != "openid").collect();
    assert_eq!(failure(&hotel.call("/deposit/unifiedorder", &nobody))[0], "LACK_PARAMS");
    for (number, trade_type) in [("stay-1", "JSAPI"), ("stay-2", "APP")] {
        let offered = hotel.offer(number, trade_type);
        assert_eq!(values(&offered, ["result_code", "trade_type"]), ["SUCCESS", trade_type]);
        assert_eq!(offered.text("prepay_id"), hotel.offer(number, trade_type).text("prepay_id"));
        assert_eq!(hotel.shown(number), ["NOTPAY", ""]);
        assert_eq!(failure(&hotel.consume(number, "300"))[0], "INVALID_REQUEST");
        hotel.sandbox.pay(&PaymentRequest::new(number)).unwrap();
        assert_eq!(hotel.shown(number), ["SUCCESS", ""]);
        assert_eq!(failure(&hotel.offer(number, trade_type))[0], "ORDERPAID");
    }
    // What was paid is told as of any order, and waits as a deposit does.
    let told = hotel.sandbox.notifications().list(&Default::default()).unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(hotel.consume("stay-1", "300").text("result_code"), Some("SUCCESS"));
    assert_eq!(hotel.refund("/deposit/refund", "stay-1", "300").text("result_code"), Some("SUCCESS"));
    let reversed = hotel.call("/deposit/reverse", &[("out_trade_no", "stay-2")]);
    assert_eq!(reversed.text("recall"), Some("N"));
    assert_eq!(hotel.shown("stay-2"), ["REVOKED", ""]);

    // What nobody has paid yet is reversed too, and nobody can pay it then.
    hotel.offer("stay-4", "JSAPI");
    assert_eq!(hotel.call("/deposit/reverse", &[("out_trade_no", "stay-4")]).text("recall"), Some("N"));
    assert!(hotel.sandbox.pay(&PaymentRequest::new("stay-4")).is_err());
    assert_eq!(failure(&hotel.offer("stay-4", "JSAPI")), ["INVALID_REQUEST", "订单已撤销，请重新下单支付"]);
}

#[test]
fn a_deposit_takes_no_coupon_and_shows_none() {
    let hotel = Hotel::start();
    let client = Client::of(&hotel.sandbox, HOTEL).in_time();
    let kit = hotel.sandbox.platform().kit_of(HOTEL).unwrap();
    let stock = json!({
        "stock_name": "开业代金券", "belong_merchant": HOTEL, "out_request_no": "create-1",
        "available_begin_time": "2026-08-15T12:00:00+08:00", "available_end_time": "2026-08-16T12:00:00+08:00",
        "stock_use_rule": {
            "max_coupons": 10, "max_amount": 1_000, "max_coupons_per_user": 2, "natural_person_limit": false,
            "prevent_api_abuse": false,
        },
        "coupon_use_rule": { "fixed_normal_coupon": { "coupon_amount": 100, "transaction_minimum": 200 } },
        "no_cash": true, "stock_type": "NORMAL",
    });
    let stock_id = client.post("/v3/marketing/favor/coupon-stocks", &stock).success()["stock_id"].clone();
    let started = json!({ "stock_creator_mchid": HOTEL });
    let id = stock_id.as_str().unwrap();
    client.post(&format!("/v3/marketing/favor/stocks/{id}/start"), &started).success();
    let sent = json!({
        "stock_id": stock_id, "out_request_no": "send-1", "appid": kit.kit().appid, "stock_creator_mchid": HOTEL,
    });
    let path = format!("/v3/marketing/favor/users/{OPENID}/coupons");
    let coupon_id = client.post(&path, &sent).success()["coupon_id"].as_str().unwrap().to_owned();

    // An order that sells something shows the coupon; a deposit does not.
    for (number, operation, is_shown) in
        [("tea-1", "/pay/unifiedorder", true), ("stay-1", "/deposit/unifiedorder", false)]
    {
        let made = hotel.call(operation, &offered(number, "JSAPI"));
        assert_eq!(made.text("result_code"), Some("SUCCESS"), "{made:?}");
        let address = hotel.sandbox.pay_page(number).unwrap();
        let page = get(&hotel.sandbox, address.strip_prefix(hotel.sandbox.base_url()).unwrap());
        assert_eq!(page.text().contains("开业代金券"), is_shown, "{}", page.text());
    }
    for reduced in
        [PaymentRequest::new("stay-1").coupon(&*coupon_id), PaymentRequest::new("stay-1").discount(1)]
    {
        let refused = hotel.sandbox.pay(&reduced).unwrap_err().to_string();
        assert!(refused.contains("takes no coupon"), "{refused}");
    }
    assert_eq!(hotel.sandbox.pay(&PaymentRequest::new("stay-1")).unwrap().payer_total, 1_000);
}

#[test]
fn a_deposit_and_an_order_that_sells_do_not_share_a_number() {
    let hotel = Hotel::start();
    let with = offered("stay-1", "JSAPI");
    // An element that unifiedorder does not have makes no deposit of it.
    let sold = hotel.call("/pay/unifiedorder", &[&with[..], &[("deposit", "Y")]].concat());
    assert_eq!(sold.text("result_code"), Some("SUCCESS"), "{sold:?}");
    for again in [&with[..], &[&with[..], &[("deposit", "Y")]].concat()] {
        let refused = hotel.call("/deposit/unifiedorder", again);
        assert_eq!(failure(&refused), ["INVALID_REQUEST", "201 商户订单号重复"]);
    }
}

#[test]
fn an_element_that_only_payment_codes_have_makes_no_sale_of_an_offered_deposit() {
    let hotel = Hotel::start();
    let with = offered("stay-1", "JSAPI");
    let made = hotel.call("/deposit/unifiedorder", &[&with[..], &[("deposit", "N")]].concat());
    assert_eq!(made.text("result_code"), Some("SUCCESS"), "{made:?}");
    hotel.sandbox.pay(&PaymentRequest::new("stay-1")).unwrap();
    assert_eq!(hotel.consume("stay-1", "300").text("result_code"), Some("SUCCESS"));
}

#[test]
fn all_of_a_deposit_goes_back_when_it_is_reversed_or_forgotten() {
    let hotel = Hotel::start();
    // The operation of ordinary payment codes takes deposits too.
    hotel.pay("/pay/micropay", "stay-1", "100000000000000001", "Y");
    hotel.pay("/deposit/micropay", "stay-2", "100000000000000002", "Y");
    hotel.pay("/deposit/micropay", "stay-3", "100000000000000003", "N");
    hotel.sandbox.run_for(20 * 86_400).unwrap();
    let reversed = hotel.call("/deposit/reverse", &[("out_trade_no", "stay-1")]);
    assert_eq!(reversed.text("recall"), Some("N"));
    assert_eq!(hotel.shown("stay-2"), ["SUCCESS", ""]);
    hotel.sandbox.run_for(10 * 86_400).unwrap();
    for number in ["stay-1", "stay-2"] {
        assert_eq!(hotel.shown(number), ["REVOKED", ""]);
        assert_eq!(failure(&hotel.consume(number, "300")), ["INVALID_REQUEST", "该押金订单已撤销"]);
    }
    assert_eq!(hotel.shown("stay-3"), ["SUCCESS", ""]);
    assert_eq!(failure(&hotel.consume("stay-3", "300")), ["INVALID_REQUEST", "该订单不是押金订单"]);
}
