//! The SDK against the sandbox: the six styles, refusals, and the program of the README.

use std::process::Command;

use serde_json::{Value, json};
use weipay::error::{ErrorKind, RequestError};
use weipay::v3::marketing::busifavor::coupons::disassociate::post::Request;
use weipay::v3::marketing::favor::media::image_upload;
use weipay::{Client, ClientBuilder, Error, Response, UploadFile};

use crate::on_async;
use crate::shared_sandbox::{Coupon, SANDBOX, client, kit};

const PATH: &str = "v3/marketing/busifavor/coupons/disassociate";

fn typed(coupon: &Coupon) -> Request {
    Request::new()
        .stock_id(coupon.stock_id.as_str())
        .coupon_code(coupon.code.as_str())
        .out_trade_no(coupon.order.as_str())
        .out_request_no(format!("disassociate-{}", coupon.order))
}

fn untyped(coupon: &Coupon) -> Value {
    serde_json::to_value(typed(coupon)).unwrap()
}

/// The response is right, and the platform's state is what the response says.
fn is_free<T>(coupon: &Coupon, response: Result<Response<T>, Error>) {
    let time = response.unwrap().json().unwrap()["wechatpay_disassociate_time"].clone();
    assert!(time.as_str().unwrap().ends_with("+08:00"));
    let number = coupon.order.strip_prefix("order-").unwrap().parse::<usize>().unwrap();
    let users = client().v3().marketing().busifavor().users().openid(format!("o{number:027}"));
    let appid = kit()["appid"].as_str().unwrap().to_owned();
    let seen = users.coupons().coupon_code(coupon.code.as_str()).appids().appid(appid).get().unwrap();
    let seen = seen.decode().unwrap();
    assert_eq!(seen.coupon_state.unwrap().as_str(), "SENDED");
    assert_eq!(seen.associate_out_trade_no, None);
}

#[test]
fn a_coupon_is_disassociated_in_each_of_the_six_styles() {
    let asynchronous = Client::from_kit(SANDBOX.kit_file()).unwrap();
    let coupon = Coupon::tied();
    let chain = asynchronous.v3().marketing().busifavor().coupons().disassociate();
    is_free(&coupon, on_async(chain.post(typed(&coupon))));
    let coupon = Coupon::tied();
    is_free(&coupon, on_async(asynchronous.chain(PATH).post(untyped(&coupon))));
    let coupon = Coupon::tied();
    is_free(&coupon, on_async(asynchronous[PATH].post(untyped(&coupon))));

    let blocking = client();
    let coupon = Coupon::tied();
    is_free(&coupon, blocking.v3().marketing().busifavor().coupons().disassociate().post(typed(&coupon)));
    let coupon = Coupon::tied();
    is_free(&coupon, blocking.chain(PATH).post(untyped(&coupon)));
    let coupon = Coupon::tied();
    is_free(&coupon, blocking[PATH].post(untyped(&coupon)));
}

#[test]
fn a_typed_response_reads_without_remainder() {
    let coupon = Coupon::tied();
    let stock =
        client().v3().marketing().busifavor().stocks().stock_id(coupon.stock_id.as_str()).get().unwrap();
    assert_eq!(stock.decode_errors(), []);
    let stock = stock.decode().unwrap();
    assert_eq!(stock.coupon_use_rule.unwrap().fixed_normal_coupon.unwrap().discount_amount, Some(500));
    let response =
        client().v3().marketing().busifavor().coupons().disassociate().post(typed(&coupon)).unwrap();
    assert!(response.decode().unwrap().wechatpay_disassociate_time.unwrap().unix_seconds().is_some());
}

#[test]
fn a_refusal_of_the_platform_keeps_code_message_and_request_id() {
    let coupon = Coupon::tied();
    let mut wrong = untyped(&coupon);
    wrong["coupon_code"] = json!("no-such-coupon");
    let error = client()[PATH].post(wrong).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.code()), (400, Some("INVALID_REQUEST")));
    assert!(error.message().is_some() && error.request_id().is_some());
    assert!(!error.may_have_taken_effect());
}

/// The example is built with the tests; it is configured by the environment alone.
fn program_of_the_readme(coupon: &str, tied: &Coupon, request_number: &str) -> (bool, String) {
    let kit = kit();
    let folder = SANDBOX.kit_file().parent().unwrap();
    let member = |name: &str| kit[name].as_str().unwrap().to_owned();
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples").join("disassociate");
    let output = Command::new(program)
        .args([&*tied.stock_id, coupon, &*tied.order, request_number])
        .env("WEIPAY_BASE_URL", SANDBOX.base_url())
        .env("WEIPAY_MCHID", member("mchid"))
        .env("WEIPAY_MERCHANT_SERIAL", member("merchant_serial"))
        .env("WEIPAY_MERCHANT_KEY", folder.join(member("merchant_key")))
        .env("WEIPAY_PUBLIC_KEY_ID", member("public_key_id"))
        .env("WEIPAY_PUBLIC_KEY", folder.join(member("public_key")))
        .output()
        .unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn the_program_of_the_readme_can_be_run_again() {
    let (one, other) = (Coupon::tied(), Coupon::tied());
    let first = program_of_the_readme(&one.code, &one, &format!("untie-{}", one.code));
    assert!(first.0 && first.1.ends_with("+08:00\n"), "{}", first.1);
    assert_eq!(program_of_the_readme(&one.code, &one, &format!("untie-{}", one.code)), first, "a repeat");
    let second = program_of_the_readme(&other.code, &other, &format!("untie-{}", other.code));
    assert!(second.0, "{}", second.1);
}

#[test]
fn the_program_of_the_readme_ends_with_a_sentence_when_it_fails() {
    let tied = Coupon::tied();
    let (success, said) = program_of_the_readme("no-such-coupon", &tied, &format!("fails-{}", tied.code));
    assert!(!success && said.starts_with("Error: INVALID_REQUEST: "), "{said}");
    assert!(!said.contains('{'), "a sentence, not a struct: {said}");
}

#[test]
fn an_upload_is_signed_over_what_it_says_about_its_file() {
    let image = UploadFile::new("门店\".png", &b"\x89PNG\r\n--boundary\r\n\r\n{}\r\n"[..]);
    let upload = client().v3().marketing().favor().media().image_upload();
    let response = upload.post(image_upload::post::Request::new().file(image.clone())).unwrap();
    assert!(response.decode().unwrap().media_url.is_some());

    let meta = json!({"filename": image.name, "sha256": image.sha256()});
    let response = client().chain("v3/marketing/favor/media/image-upload").upload(&meta, &image).unwrap();
    assert!(response.json().unwrap()["media_url"].is_string());
}

#[test]
fn an_upload_without_its_file_is_not_sent() {
    let unchecked =
        ClientBuilder::from_kit(SANDBOX.kit_file()).unwrap().check_requests(false).build_blocking();
    for client in [client(), unchecked.unwrap()] {
        let upload = client.v3().marketing().favor().media().image_upload();
        let error = upload.post(image_upload::post::Request::new().sha256("0").filename("a")).unwrap_err();
        assert!(error.to_string().contains("`file` is required"), "{error}");
    }
}

#[test]
fn a_typed_call_of_apiv2_is_checked_before_it_is_sent() {
    let orders = client().v2().mmpaymkttransfers().query_coupon_stock();
    let request = weipay::v2::mmpaymkttransfers::query_coupon_stock::post::Request::new();
    let error = orders.post(request).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Request(RequestError::Field { .. })), "{error}");
}
