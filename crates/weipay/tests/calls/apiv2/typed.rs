//! Typed operations: elements in and out of the slots of models.

use serde_json::json;
use weipay::model::Sensitive;
use weipay::v2::mmpaymkttransfers::gethbinfo;
use weipay::v2::mmpaysptrans::pay_bank;
use weipay::v2::pay::{micropay, orderquery, refundquery};
use weipay::v2::secapi::mch::uploadmedia;
use weipay::v2::secapi::pay::refund;
use weipay::wire::{PrivateKey, PublicKey};

use super::by_hand::{builder, elements, is_rightly_signed, success, value};
use crate::platform::{Platform, Scripted, unsigned};

fn client(responses: Vec<Scripted>) -> (Platform, weipay::blocking::Client) {
    let platform = Platform::start(responses);
    let client = builder(&platform).build_blocking().unwrap();
    (platform, client)
}

#[test]
fn numbered_elements_keep_their_numbers_and_json_text_is_read() {
    let promotion = json!({"promotion_detail": [{"promotion_id": "109519", "amount": 100}]}).to_string();
    let (_, client) = client(vec![success(&[
        ("trade_state", "SUCCESS"),
        ("out_trade_no", "2"),
        ("total_fee", "100"),
        ("attach", ""),
        ("coupon_count", "3"),
        ("coupon_id_0", "10000"),
        ("coupon_id_1", "10001"),
        ("coupon_fee_1", "30"),
        ("coupon_id_10", "10010"),
        ("coupon_fee_10", "70"),
        ("coupon_fee_x", "1"),
        ("coupon_fee_01", "1"),
        ("coupon_fee_99999999999999999999", "1"),
        ("promotion_detail", &promotion),
    ])]);
    let request = orderquery::post::Request::new().appid("wx").transaction_id("1").out_trade_no("2");
    let response = client.v2().pay().orderquery().post(request).unwrap();
    assert!(response.decode_errors().is_empty(), "{:?}", response.decode_errors());
    let order = response.decode().unwrap();
    assert_eq!((order.total_fee, order.coupon_count, order.attach), (Some(100), Some(3), None));
    let (ids, fees) = (order.coupon_id_n.unwrap(), order.coupon_fee_n.unwrap());
    assert_eq!(
        ids.iter().map(|(number, id)| (number, id.as_str())).collect::<Vec<_>>(),
        [(0, "10000"), (1, "10001"), (10, "10010")]
    );
    assert_eq!((fees.get(0), fees.get(1), fees.get(10), fees.len()), (None, Some(&30), Some(&70), 2));
    assert!(order.promotion_detail.is_some());
    assert_eq!(response.json().unwrap()["coupon_fee_10"], "70");
}

/// Recorded: a closed order has no amount, and texts that are empty.
#[test]
fn a_closed_order_without_an_amount_is_read() {
    let (_, client) = client(vec![success(&[
        ("appid", "wx"),
        ("mch_id", "1900000001"),
        ("out_trade_no", "2"),
        ("attach", ""),
        ("trade_state", "CLOSED"),
        ("trade_state_desc", "订单已关闭"),
    ])]);
    let request = orderquery::post::Request::new().appid("wx").out_trade_no("2");
    let response = client.v2().pay().orderquery().post(request).unwrap();
    assert!(response.decode_errors().is_empty(), "{:?}", response.decode_errors());
    let order = response.decode().unwrap();
    assert_eq!((order.total_fee, order.attach), (None, None));
    assert_eq!(order.trade_state.unwrap().as_str(), "CLOSED");
}

#[test]
fn numbers_of_two_levels_are_lists_in_a_list() {
    let (_, client) = client(vec![success(&[
        ("refund_count", "2"),
        ("out_refund_no_0", "a"),
        ("out_refund_no_1", "b"),
        ("refund_fee_0", "1"),
        ("coupon_refund_fee_1", "5"),
        ("coupon_refund_fee_1_0", "2"),
        ("coupon_refund_fee_1_1", "3"),
        ("coupon_type_1_1", "CASH"),
    ])]);
    let request = refundquery::post::Request::new()
        .appid("a")
        .transaction_id("1")
        .out_trade_no("1")
        .out_refund_no("1")
        .refund_id("1");
    let response = client.v2().pay().refundquery().post(request).unwrap();
    assert!(response.decode_errors().is_empty(), "{:?}", response.decode_errors());
    let refunds = response.decode().unwrap();
    let fees = refunds.coupon_refund_fee_n_m.unwrap();
    assert!(fees.get(0).is_none());
    assert_eq!(fees.get(1).unwrap().iter().collect::<Vec<_>>(), [(0, &2), (1, &3)]);
    assert_eq!(refunds.coupon_refund_fee_n.unwrap().get(1), Some(&5));
    assert_eq!(refunds.coupon_type_n_m.unwrap().get(1).unwrap().get(1).map(String::as_str), Some("CASH"));
}

#[test]
fn a_list_of_elements_is_read_whether_it_has_one_member_or_several() {
    let one = "<hbinfo><openid>o1</openid><amount>100</amount></hbinfo>";
    for (inside, amounts) in [(one.to_owned(), vec![100]), (one.repeat(2), vec![100, 100])] {
        let xml = format!(
            "<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code><total_num>2</total_num>\
             <hblist>{inside}</hblist></xml>"
        );
        let (_, client) = client(vec![unsigned(200, &xml)]);
        let request = gethbinfo::post::Request::new().mch_billno("1").appid("wx").bill_type("MCHT");
        let response = client.v2().mmpaymkttransfers().gethbinfo().post(request).unwrap();
        assert!(response.decode_errors().is_empty(), "{:?}", response.decode_errors());
        let read = response.decode().unwrap().hblist.unwrap().hbinfo.unwrap();
        assert_eq!(read.iter().map(|packet| packet.amount.unwrap()).collect::<Vec<_>>(), amounts);
    }
}

#[test]
fn what_every_request_has_is_filled_in() {
    let (platform, client) = client(vec![success(&[("refund_id", "50000000382019052709732678859")])]);
    let request = refund::post::Request::new()
        .appid("wx")
        .transaction_id("1")
        .out_trade_no("2")
        .out_refund_no("3")
        .total_fee(100)
        .refund_fee(50);
    let response = client.v2().secapi().pay().refund().post(request).unwrap();
    assert_eq!(response.decode().unwrap().refund_id.unwrap(), "50000000382019052709732678859");
    let sent = elements(&platform.seen());
    assert_eq!(value(&sent, "mch_id").as_deref(), Some("1900000001"));
    assert_eq!(value(&sent, "refund_fee").as_deref(), Some("50"));
    assert_eq!(value(&sent, "sign_type"), None);
    assert!(is_rightly_signed(&sent));
}

#[test]
fn an_object_inside_an_element_is_sent_as_json_text() {
    let (platform, client) = client(vec![success(&[("out_trade_no", "1")])]);
    let request = micropay::post::Request::new()
        .appid("wx")
        .body("tea")
        .out_trade_no("1")
        .total_fee(1)
        .spbill_create_ip("8.8.8.8")
        .auth_code("120061098828009406")
        .detail(
            micropay::post::Detail::new()
                .cost_price(1)
                .goods_detail([] as [weipay::v2::pay::shared::V2OrderGoods; 0]),
        );
    let _ = client.v2().pay().micropay().post(request).unwrap();
    let sent = elements(&platform.seen());
    assert!(value(&sent, "detail").unwrap().starts_with("{\"cost_price\":1"), "{sent:?}");
    assert!(is_rightly_signed(&sent));
}

#[test]
fn a_typed_form_is_filled_in_and_sent_with_its_file() {
    let (platform, client) = client(vec![success(&[("media_id", "m")])]);
    let request = uploadmedia::post::Request::new()
        .media(weipay::UploadFile::new("a.png", &b"\x89PNG"[..]))
        .media_hash("b1946ac9");
    let response = client.v2().secapi().mch().uploadmedia().post(request).unwrap();
    assert_eq!(response.decode().unwrap().media_id.unwrap(), "m");
    let body = String::from_utf8_lossy(&platform.seen().body).into_owned();
    for part in [
        "name=\"media_hash\"\r\n\r\nb1946ac9",
        "name=\"mch_id\"\r\n\r\n1900000001",
        "name=\"sign_type\"\r\n\r\nHMAC-SHA256",
        "name=\"media\"; filename=\"a.png\"",
    ] {
        assert!(body.contains(part), "{body}");
    }
}

#[test]
fn the_caller_encrypts_with_the_key_of_apiv2() {
    let bank = PrivateKey::generate().unwrap();
    let pem = bank.public_key().to_spki_pem();
    let key = PublicKey::from_pem(&pem).unwrap();
    let request = |number: Sensitive| {
        pay_bank::post::Request::new()
            .partner_trade_no("payment1")
            .enc_bank_no(number)
            .enc_true_name(Sensitive::ciphertext(key.encrypt_oaep("张三".as_bytes()).unwrap()))
            .bank_code("1001")
            .amount(100)
    };
    let (platform, client) = client(vec![success(&[("partner_trade_no", "payment1")])]);
    let call = client.v2().mmpaysptrans().pay_bank();
    let error = call.clone().post(request("6222021234567890".into())).unwrap_err();
    assert!(error.is_request() && error.to_string().contains("v2/risk/getpublickey"), "{error}");
    assert!(!format!("{error:#?}").contains("6222"));
    call.post(request(Sensitive::ciphertext(key.encrypt_oaep(b"6222021234567890").unwrap()))).unwrap();
    let sent = elements(&platform.seen());
    let number = value(&sent, "enc_bank_no").unwrap();
    assert_eq!(bank.decrypt_oaep(&number).unwrap().as_slice(), b"6222021234567890");
    assert!(is_rightly_signed(&sent));
}
