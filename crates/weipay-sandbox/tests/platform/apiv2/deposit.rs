//! Deposits of hotels (酒店押金): paid by a payment code, consumed in part, reversed, or forgotten.

use weipay_sandbox::{NewMerchant, Sandbox};
use weipay_wire::{Kit, XmlElements};

use super::payments::{failure, values};
use super::said_to;

const HOTEL: &str = "1900000301";

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
        assert_eq!(failure(&hotel.consume(number, "300"))[0], "INVALID_REQUEST");
    }
    assert_eq!(hotel.shown("stay-3"), ["SUCCESS", ""]);
    assert_eq!(failure(&hotel.consume("stay-3", "300")), ["INVALID_REQUEST", "该订单不是押金订单"]);
}
