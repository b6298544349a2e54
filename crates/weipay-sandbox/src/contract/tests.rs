use proptest::prelude::*;
use serde_json::json;
use weipay_catalog::Catalog;

use super::*;

const DISASSOCIATE: &str = "/v3/marketing/busifavor/coupons/disassociate";
const STOCKS: &str = "/v3/marketing/busifavor/stocks";

fn check_with(
    validation: Validation,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<ValidRequest, Refusal> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let routed = Catalog::embedded().route(method, path).unwrap();
    Contract::new(validation).checked(&routed, query, body)
}

fn check(method: &str, target: &str, body: &Value) -> Result<ValidRequest, Refusal> {
    check_with(Validation::DEFAULT, method, target, body.to_string().as_bytes())
}

fn disassociation() -> Value {
    json!({ "stock_id": "1", "coupon_code": "2", "out_trade_no": "3", "out_request_no": "4" })
}

fn stock() -> Value {
    json!({
        "stock_name": "8月1日活动券", "belong_merchant": "1900000109", "goods_name": "全场", "stock_type": "NORMAL",
        "coupon_use_rule": {
            "coupon_available_time": {
                "available_begin_time": "2019-08-01T00:00:00+08:00",
                "available_end_time": "2019-08-31T23:59:59.000+08:00",
                "available_week": { "week_day": [0, 1], "available_day_time": [{ "begin_time": 0, "end_time": 86399 }] }
            },
            "fixed_normal_coupon": { "discount_amount": 5, "transaction_minimum": 100 },
            "use_method": "OFF_LINE"
        },
        "stock_send_rule": { "max_coupons": 100, "max_coupons_per_user": 5 },
        "display_pattern_info": { "background_color": "" }, "notify_config": { "notify_appid": "" },
        "out_request_no": "1", "coupon_code_mode": "WECHATPAY_MODE"
    })
}

/// The stock with one place in it changed; `null` takes the member away.
fn stock_with(pointer: &str, value: Value) -> Value {
    let mut stock = stock();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match stock.pointer_mut(parent).unwrap() {
        Value::Object(members) => members.insert(name.to_owned(), value),
        _ => panic!("{pointer} is in no object"),
    };
    stock
}

fn message(body: Value) -> String {
    check("POST", STOCKS, &body).unwrap_err().message.into_owned()
}

#[test]
fn a_request_that_keeps_the_contract_passes_with_its_values() {
    let checked = check("POST", DISASSOCIATE, &disassociation()).unwrap();
    assert_eq!(checked.required("out_trade_no"), "3");
    check("POST", STOCKS, &stock()).unwrap();
    let listed =
        check("GET", "/v3/marketing/busifavor/users/o1/coupons?appid=wx1&limit=20&stock_id=", &json!({}))
            .unwrap();
    assert_eq!(
        (listed.path("openid"), listed.query("limit"), listed.query("stock_id")),
        ("o1", Some("20"), None)
    );
}

#[test]
fn a_missing_field_is_named_with_pointer_and_title() {
    let mut body = disassociation();
    body.as_object_mut().unwrap().remove("coupon_code");
    let refusal = check("POST", DISASSOCIATE, &body).unwrap_err();
    assert_eq!(
        refusal.message,
        "输入源“/body/coupon_code”映射到字段“券code”必填性规则校验失败，此字段为必填项"
    );
    assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"));
    assert_eq!(
        message(stock_with("/coupon_use_rule/coupon_available_time/available_end_time", Value::Null)),
        "输入源“/body/coupon_use_rule/coupon_available_time/available_end_time”映射到字段“结束时间”必填性规则校验失败，此字段为必填项"
    );
}

#[test]
fn lengths_count_characters_not_bytes() {
    check("POST", STOCKS, &stock_with("/stock_name", json!("券".repeat(21)))).unwrap();
    let refusal = check("POST", STOCKS, &stock_with("/stock_name", json!("券".repeat(22)))).unwrap_err();
    assert_eq!(
        refusal.message,
        "输入源“/body/stock_name”映射到值字段“商家券批次名称”字符串规则校验失败，字符数 22，大于最大值 21"
    );
    assert_eq!(refusal.detail, Some(json!({ "location": "body", "value": 22 }).into()));
    assert_eq!(
        message(stock_with("/stock_name", json!(""))),
        "输入源“/body/stock_name”映射到值字段“商家券批次名称”字符串规则校验失败，字符数 0，小于最小值 1"
    );
}

fn order() -> Value {
    json!({
        "appid": "wx1", "mchid": "1900000001", "description": "a", "out_trade_no": "202511250001",
        "notify_url": "https://shop.example/notify", "amount": { "total": 1 }
    })
}

fn refused_order(name: &str, value: &str) -> Refusal {
    let mut order = order();
    order[name] = json!(value);
    check("POST", "/v3/pay/transactions/native", &order).unwrap_err()
}

/// All of these were recorded from the real gateway.
#[test]
fn lengths_of_payments_count_bytes_in_body_and_path() {
    check("POST", "/v3/pay/transactions/native", &order()).unwrap();
    let short = refused_order("out_trade_no", "123");
    assert_eq!(
        short.message,
        "输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 3，小于最小值 6"
    );
    let attach = refused_order("attach", &format!("{}ab", "券".repeat(67)));
    assert_eq!(
        attach.message,
        "输入源“/body/attach”映射到值字段“附加数据”字符串规则校验失败，字节数 203，大于最大值 128"
    );
    assert_eq!(attach.detail, Some(json!({ "location": "body", "value": 203 }).into()));
    let close = format!("/v3/pay/transactions/out-trade-no/{}/close", "1".repeat(35));
    let close = check("POST", &close, &json!({ "mchid": "1" })).unwrap_err();
    assert_eq!(
        close.message,
        "输入源“/uri_template/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 35，大于最大值 32"
    );
    assert_eq!(close.detail, Some(json!({ "location": "uri_template", "value": 35 }).into()));
    let service = format!("/v3/payscore/serviceorder/{}/cancel", "1".repeat(37));
    let service = check("POST", &service, &json!({ "appid": "wx1", "service_id": "1", "reason": "a" }));
    assert_eq!(
        service.unwrap_err().message,
        "输入源“/uri_template/out_order_no”映射到值字段“商户服务订单号”字符串规则校验失败，字节数 37，大于最大值 32"
    );
}

/// The expressions are printed as the real gateway printed them.
#[test]
fn a_refusal_by_a_pattern_shows_the_platforms_own_expression() {
    for url in [
        "https://shop.example/notify?order=1",
        " https://www.weixin.qq.com/wxpay/pay.php",
        "ftp://a.example",
        "",
    ] {
        let refusal = refused_order("notify_url", url);
        assert_eq!(
            refusal.message,
            r"输入源“/body/notify_url”映射到值字段“通知地址”字符串规则校验失败，字符串必须匹配正则表达式“^https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$”"
        );
        assert_eq!(refusal.detail, Some(json!({ "location": "body", "value": url }).into()));
    }
    assert_eq!(
        refused_order("out_trade_no", "订单号订单号").message,
        r"输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字符串必须匹配正则表达式“^[0-9a-zA-Z_\-\|\*]+$”"
    );
    let mut order = order();
    order["notify_url"] = json!("http://127.0.0.1:8080/notify");
    check("POST", "/v3/pay/transactions/native", &order).unwrap();
}

/// Titles as the real gateway printed them.
#[test]
fn titles_are_those_of_recorded_messages() {
    let partner = check("POST", "/v3/pay/partner/transactions/jsapi", &json!({ "description": "a" }));
    assert_eq!(
        partner.unwrap_err().message,
        "输入源“/body/sp_appid”映射到字段“服务商应用ID”必填性规则校验失败，此字段为必填项"
    );
    let batch = json!({
        "appid": "", "out_batch_no": "1", "batch_name": "a", "batch_remark": "a", "total_amount": 1, "total_num": 1,
        "transfer_detail_list": [
            { "openid": "o1", "out_detail_no": "1", "transfer_amount": 1, "transfer_remark": "a" }
        ]
    });
    let transfer = check("POST", "/v3/transfer/batches", &batch).unwrap_err();
    assert_eq!(
        transfer.message,
        "输入源“/body/appid”映射到值字段“商户appid”字符串规则校验失败，字符数 0，小于最小值 1"
    );
    let stock = check("GET", "/v3/marketing/favor/stocks//items?limit=1&offset=0", &json!({})).unwrap_err();
    assert_eq!(
        stock.message,
        "输入源“/uri_template/stock_id”映射到字段“批次id”必填性规则校验失败，此字段为必填项"
    );
    assert_eq!(stock.detail, Some(json!({ "location": "uri_template", "value": "" }).into()));
    let application = check("GET", "/v3/applyment4sub/applyment/applyment_id/APPLYMENT_1", &json!({}));
    assert_eq!(
        application.unwrap_err().message,
        "无法将输入源“/uri_template/applyment_id”映射到目标字段“申请单号”中，此字段需要一个合法的 64 位无符号整数"
    );
}

#[test]
fn a_number_in_a_url_is_digits_and_may_be_as_large_as_its_type() {
    let application = |id: &str| {
        check("GET", &format!("/v3/applyment4sub/applyment/applyment_id/{id}"), &json!({}))
            .map_err(|refusal| refusal.detail)
    };
    for id in ["0", "9223372036854775807", "9223372036854775808", "18446744073709551615"] {
        assert!(application(id).is_ok(), "{id}");
    }
    for id in ["18446744073709551616", "+1", "-1", "1.0", "1e3", "０"] {
        let detail = json!({ "location": "uri_template", "value": id });
        assert_eq!(application(&encoded(id)).unwrap_err(), Some(detail.into()), "{id}");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(percent_encoding::percent_encode_byte).collect()
}

#[test]
fn a_number_for_a_text_and_a_text_for_a_number_are_the_wrong_type() {
    let mut body = disassociation();
    body["stock_id"] = json!(1);
    let refusal = check("POST", DISASSOCIATE, &body).unwrap_err();
    assert!(refusal.message.starts_with("无法将 JSON 输入源“/body/stock_id”映射到目标字段“批次号”中，"));
    assert_eq!(refusal.detail, Some(json!({ "location": "body", "value": 1 }).into()));
    for wrong in [json!("5"), json!(0.01), json!(5.0), json!(true), json!(1e30)] {
        assert_eq!(
            message(stock_with("/coupon_use_rule/fixed_normal_coupon/discount_amount", wrong)),
            "无法将 JSON 输入源“/body/coupon_use_rule/fixed_normal_coupon/discount_amount”映射到目标字段“优惠金额”中，此字段需要一个合法的 64 位有符号整数"
        );
    }
    assert!(message(stock_with("/coupon_use_rule", json!([]))).ends_with("此字段需要一个合法的 Json 对象"));
}

#[test]
fn numbers_have_ranges() {
    let refusal =
        check("POST", STOCKS, &stock_with("/coupon_use_rule/fixed_normal_coupon/discount_amount", json!(0)));
    assert_eq!(
        refusal.unwrap_err().message,
        "输入源“/body/coupon_use_rule/fixed_normal_coupon/discount_amount”映射到数值字段“优惠金额”规则校验失败，值低于最小值 1"
    );
    let above =
        check("POST", STOCKS, &stock_with("/stock_send_rule/max_coupons_per_user", json!(101))).unwrap_err();
    assert_eq!(
        (above.code, above.detail),
        ("PARAM_ERROR", Some(json!({ "location": "body", "value": 101 }).into()))
    );
}

#[test]
fn a_member_of_an_array_is_named_by_its_index() {
    let segments = json!([{ "begin_time": 0, "end_time": 1 }, { "begin_time": -1, "end_time": 1 }]);
    let pointer = "/coupon_use_rule/coupon_available_time/available_week/available_day_time";
    assert!(message(stock_with(pointer, segments)).starts_with(
        "输入源“/body/coupon_use_rule/coupon_available_time/available_week/available_day_time/1/begin_time”"
    ));
}

#[test]
fn a_request_number_keeps_to_its_characters() {
    let mut body = disassociation();
    body["out_request_no"] = json!("ab@c");
    let refusal = check("POST", DISASSOCIATE, &body).unwrap_err();
    assert_eq!(
        refusal.message,
        r"输入源“/body/out_request_no”映射到值字段“商户请求单号”字符串规则校验失败，字符串必须匹配正则表达式“^[0-9A-Za-z_\-|*]+$”"
    );
    body["out_request_no"] = json!("1900000109-2026_07|a*");
    check("POST", DISASSOCIATE, &body).unwrap();
}

#[test]
fn undefined_members_are_all_named_and_let_through_when_loose() {
    let mut body = stock();
    body["openid"] = json!("o");
    body["coupon_use_rule"]["min/max"] = json!(1);
    let refusal = check("POST", STOCKS, &body).unwrap_err();
    assert_eq!(refusal.message, "请求中含有未在API文档中定义的参数");
    let named = json!({ "location": null, "value": ["/body/coupon_use_rule/min~1max", "/body/openid"] });
    assert_eq!(refusal.detail, Some(named.into()));
    check_with(Validation::LOOSE, "POST", STOCKS, body.to_string().as_bytes()).unwrap();
}

#[test]
fn a_broken_value_is_answered_before_an_undefined_member() {
    let mut body = disassociation();
    body["extra"] = json!(1);
    body["stock_id"] = json!("");
    assert!(check("POST", DISASSOCIATE, &body).unwrap_err().message.contains("字符数 0"));
}

#[test]
fn a_path_value_must_not_stand_in_the_body_again() {
    let body = json!({ "out_request_no": "1", "stock_id": "98065001" });
    let refusal = check("PATCH", "/v3/marketing/busifavor/stocks/98065001", &body).unwrap_err();
    assert_eq!(
        refusal.message,
        "无法将输入源“/body/stock_id”映射到目标字段“批次号”中，此字段并非多重字段但被输入源“/uri_template/stock_id”映射过了"
    );
}

#[test]
fn path_values_have_rules_too() {
    let long = format!("/v3/marketing/busifavor/stocks/{}", "9".repeat(21));
    let refusal = check("GET", &long, &json!({})).unwrap_err();
    assert_eq!(
        refusal.message,
        "输入源“/uri_template/stock_id”映射到值字段“批次号”字符串规则校验失败，字符数 21，大于最大值 20"
    );
    assert_eq!(refusal.detail, Some(json!({ "location": "uri_template", "value": 21 }).into()));
}

#[test]
fn query_values_are_text_that_must_read_as_their_type() {
    let refusal = check("GET", "/v3/marketing/busifavor/users/o1/coupons?appid=wx1&limit=many", &json!({}))
        .unwrap_err();
    assert_eq!(
        refusal.message,
        "无法将输入源“/query/limit”映射到目标字段“分页大小”中，此字段需要一个合法的 64 位有符号整数"
    );
    let missing = check("GET", "/v3/marketing/busifavor/users/o1/coupons", &json!({})).unwrap_err();
    assert_eq!(
        missing.message,
        "输入源“/query/appid”映射到字段“公众账号ID”必填性规则校验失败，此字段为必填项"
    );
    let undefined =
        check("GET", "/v3/marketing/busifavor/users/o1/coupons?appid=wx1&page=1", &json!({})).unwrap_err();
    assert_eq!(undefined.detail, Some(json!({ "location": null, "value": ["/query/page"] }).into()));
    // As reported: a bill was looked for.
    check("GET", "/v3/bill/fundflowbill?bill_date=2026-08-15&bill_type=BASIC", &json!({})).unwrap();
    let account = "/v3/bill/fundflowbill?bill_date=2026-08-15&account=BASIC";
    assert_eq!(check("GET", account, &json!({})).unwrap_err().code, "PARAM_ERROR");
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    for body in [&b"{"[..], b"not json", b"{\"a\":1}x"] {
        let refusal = check_with(Validation::DEFAULT, "POST", DISASSOCIATE, body).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"));
    }
    for body in [json!([]), json!("x"), json!(null), json!(1)] {
        let refusal = check("POST", DISASSOCIATE, &body).unwrap_err();
        assert!(refusal.message.ends_with("此字段需要一个合法的 Json 对象"), "{body}");
    }
    let twice =
        br#"{"stock_id":"1","stock_id":"2","coupon_code":"2","out_trade_no":"3","out_request_no":"4"}"#;
    assert_eq!(check_with(Validation::LOOSE, "POST", DISASSOCIATE, twice).unwrap_err().code, "PARAM_ERROR");
}

#[test]
fn a_body_that_is_not_utf8_has_words_of_its_own() {
    for body in [&b"\xff"[..], b"{\"stock_id\":\"\xd6\xd0\"}", b"\xff\xfe{\x00}\x00"] {
        let refusal = check_with(Validation::LOOSE, "POST", DISASSOCIATE, body).unwrap_err();
        assert_eq!((refusal.code, &*refusal.message), ("INVALID_REQUEST", "请求内容传入了非UTF8参数"));
        assert_eq!(refusal.detail, None);
    }
}

#[test]
fn why_a_body_is_not_json_is_told() {
    for (body, told) in [
        (&b"\x1f\x8b\x08\xff"[..], "compressed"),
        (b"{\"a\":\"\xd6\"}", "not UTF-8"),
        (b"\xEF\xBB\xBF{}", "byte order mark"),
        (b"a=b", "does not begin with {"),
        (b"<xml></xml>", "is XML"),
        (b"{\"a\":1,}", "to its end"),
    ] {
        let refusal = check_with(Validation::LOOSE, "POST", DISASSOCIATE, body).unwrap_err();
        assert!(refusal.reason.as_ref().unwrap().contains(told), "{refusal:?}");
    }
}

#[test]
fn types_come_before_required_fields_and_those_before_other_rules() {
    // A wrong type comes after a missing field, and that after an empty string and a number out of range.
    let mut body = stock_with("/stock_name", json!(""));
    body["coupon_use_rule"]["fixed_normal_coupon"]["discount_amount"] = json!(0);
    body["stock_send_rule"].as_object_mut().unwrap().remove("max_coupons_per_user");
    body["coupon_code_mode"] = json!(1);
    assert!(message(body.clone()).contains("目标字段“券code模式”"), "{}", message(body));
    body["coupon_code_mode"] = json!("WECHATPAY_MODE");
    assert!(
        message(body.clone()).contains("/body/stock_send_rule/max_coupons_per_user”"),
        "{}",
        message(body)
    );
    body["stock_send_rule"]["max_coupons_per_user"] = json!(5);
    assert!(message(body.clone()).ends_with("字符数 0，小于最小值 1"), "{}", message(body));
    body["stock_name"] = json!("券");
    assert!(message(body.clone()).ends_with("值低于最小值 1"), "{}", message(body));
}

#[test]
fn another_value_where_a_list_belongs_is_named_a_multiple_field() {
    let pointer = "/coupon_use_rule/coupon_available_time/available_week/available_day_time";
    for wrong in [json!({ "begin_time": 0, "end_time": 1 }), json!("0"), json!(0)] {
        assert_eq!(
            message(stock_with(pointer, wrong)),
            format!(
                "无法将 JSON 输入源“/body{pointer}”映射到多重字段“当天可用时间段”中，此字段需要 JSON 数组对象"
            )
        );
    }
}

#[test]
fn a_time_that_is_none_breaks_a_rule_of_strings() {
    let pointer = "/coupon_use_rule/coupon_available_time/available_begin_time";
    for wrong in ["20220421191948", "2022-04-21 19:19", "2022-04-21T19:19:48", "1650540000"] {
        let refusal = check("POST", STOCKS, &stock_with(pointer, json!(wrong))).unwrap_err();
        assert_eq!(
            refusal.message,
            format!(
                "输入源“/body{pointer}”映射到值字段“开始时间”字符串规则校验失败，字符串必须是符合 RFC3339 日期时间格式"
            )
        );
        assert_eq!(refusal.detail, Some(json!({ "location": "body", "value": wrong }).into()));
    }
}

#[test]
fn emoji_are_refused_unless_loose() {
    let mut body = disassociation();
    body["out_trade_no"] = json!("order😀");
    assert_eq!(check("POST", DISASSOCIATE, &body).unwrap_err().code, "PARAM_ERROR");
    check_with(Validation::LOOSE, "POST", DISASSOCIATE, body.to_string().as_bytes()).unwrap();
    let target = "/v3/marketing/busifavor/stocks/%F0%9F%98%80";
    assert_eq!(check("GET", target, &json!({})).unwrap_err().code, "PARAM_ERROR");
}

#[test]
fn unlisted_values_are_refused_only_when_asked() {
    let body = stock_with("/display_pattern_info", json!({ "background_color": "Color999" }));
    check("POST", STOCKS, &body).unwrap();
    let validation = Validation { unlisted_values: true, ..Validation::DEFAULT };
    let refusal = check_with(validation, "POST", STOCKS, body.to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal.code, "PARAM_ERROR");
}

proptest! {
    #[test]
    fn no_bytes_make_the_contract_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        query in ".{0,40}",
        segment in "[^/?#]{1,40}",
    ) {
        for (method, target) in [
            ("POST", DISASSOCIATE.to_owned()),
            ("GET", format!("/v3/marketing/busifavor/stocks/{segment}?{query}")),
            ("GET", format!("/v3/marketing/busifavor/users/{segment}/coupons?{query}")),
        ] {
            if let Err(refusal) = check_with(Validation::DEFAULT, method, &target, &body) {
                prop_assert_eq!(refusal.status, 400);
                prop_assert!(matches!(refusal.code, "PARAM_ERROR" | "INVALID_REQUEST"));
            }
        }
    }

    #[test]
    fn no_json_makes_the_contract_panic(text in r#"\{("(stock_name|coupon_use_rule|comment|subsidy)":([0-9]{1,3}|"[a-z]{0,3}"|\[\]|\{\}|null|true),){0,4}"stock_type":"NORMAL"\}"#) {
        if let Err(refusal) = check_with(Validation::DEFAULT, "POST", STOCKS, text.as_bytes()) {
            prop_assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"));
        }
    }
}
