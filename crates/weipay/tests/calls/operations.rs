//! What a call knows of its operation, in each style.

use crate::platform::{Platform, signed, unsigned};
use weipay::error::{Error, ErrorKind, RequestError};
use weipay::http::Method;
use weipay::v3::marketing::busifavor::coupons::disassociate::post;
use weipay::{ApiVersion, BodyFormat, Operation};

const DISASSOCIATE: &str = "v3/marketing/busifavor/coupons/disassociate";

fn called(error: &Error) -> Option<(&'static str, Option<&'static str>)> {
    error.operation().map(|operation| (operation.title(), operation.request_number()))
}

#[test]
fn an_error_names_the_operation_in_every_style() {
    let refusal = r#"{"code":"INVALID_REQUEST","message":"券不存在"}"#;
    let platform =
        Platform::start(vec![unsigned(400, refusal), unsigned(400, refusal), unsigned(400, refusal)]);
    let client = platform.builder().check_requests(false).build_blocking().unwrap();
    let typed = client.v3().marketing().busifavor().coupons().disassociate().post(post::Request::new());
    for error in [
        typed.unwrap_err(),
        client.chain(DISASSOCIATE).post(()).unwrap_err(),
        client[DISASSOCIATE].post(()).unwrap_err(),
    ] {
        assert_eq!(called(&error), Some(("取消关联订单信息", Some("out_request_no"))));
        assert!(error.operation().is_some_and(Operation::is_safe_to_repeat));
        assert!(error.to_string().contains("(取消关联订单信息 · POST v3/"), "{error}");
    }
}

#[test]
fn an_error_of_a_path_that_nobody_knows_names_the_path_only() {
    let platform = Platform::start(vec![unsigned(404, r#"{"code":"NOT_FOUND","message":"no"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let error = client.chain("v3/never/heard/of").get().unwrap_err();
    assert_eq!(called(&error), None);
    assert_eq!(error.to_string(), "NOT_FOUND: no (GET v3/never/heard/of, HTTP 404)");
}

#[test]
fn a_concrete_path_has_the_row_of_its_template() {
    let platform = Platform::start(vec![unsigned(404, r#"{"code":"RESOURCE_NOT_EXISTS","message":"no"}"#)]);
    let client = platform.builder().build_blocking().unwrap();
    let error = client.chain("v3/marketing/busifavor/stocks/98065001").get().unwrap_err();
    assert_eq!(called(&error), Some(("查询商家券详情", None)));
}

#[test]
fn only_operations_that_say_so_have_an_unsigned_success() {
    let platform = Platform::start(vec![unsigned(200, "file"), unsigned(200, "file"), signed(200, "{}")]);
    let client = platform.builder().build_blocking().unwrap();
    let bill = client.chain("v3/billdownload/file?token=a").get().unwrap();
    assert_eq!(&bill.bytes()[..], b"file");
    assert!(client.chain("v3/billdownload/other").get().unwrap_err().is_unverified());
    assert!(client.chain("v3/billdownload/other").get().is_ok());
}

#[test]
fn a_call_of_apiv2_needs_its_key_in_every_style() {
    let platform = Platform::start(Vec::new());
    let client = platform.builder().build_blocking().unwrap();
    for path in ["v2/pay/unifiedorder", "/v2/pay/unifiedorder", "v2/never/heard/of"] {
        for error in [
            client.chain(path).post(()).unwrap_err(),
            client.chain(path).get().unwrap_err(),
            client[path].post(()).unwrap_err(),
        ] {
            assert!(matches!(error.kind(), ErrorKind::Request(RequestError::MissingApiV2Key)), "{error}");
        }
    }
    assert!(!platform.saw_more());
}

#[test]
fn a_call_prints_what_is_known_of_its_path_and_no_value() {
    let platform = Platform::start(Vec::new());
    let client = platform.builder().build_blocking().unwrap();
    let call = client.chain("v3/marketing/busifavor/stocks/{stock_id}").path("stock_id", "secret");
    assert_eq!(
        format!("{call:?}"),
        "Call { path: \"v3/marketing/busifavor/stocks/{stock_id}\", \
         operation: GET 查询商家券详情, PATCH 修改商家券基本信息, .. }"
    );
    let unknown = format!("{:?}", client.chain("v3/never/heard/of?token=secret"));
    assert_eq!(
        unknown,
        "Call { path: \"v3/never/heard/of?...\", operation: no operation of the catalogue: nothing is known of its fields, .. }"
    );
}

#[test]
fn a_program_can_list_the_operations_of_a_product() {
    let coupons: Vec<_> = weipay::operations().filter(|found| found.product() == Some("商家券")).collect();
    assert!(coupons.len() > 10);
    assert!(
        coupons
            .iter()
            .all(|found| (found.version(), found.body_format()) == (ApiVersion::V3, BodyFormat::Json))
    );
    assert!(coupons.contains(&Operation::find(&Method::POST, DISASSOCIATE).unwrap()));
}
