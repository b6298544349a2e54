//! Compares the values that a response repeats with those that were sent. A value of the path is found by its position,
//! because callers may name placeholders as they like and encode literals in several ways.

use super::evidence::{Json, Success};
use super::{Another, Asked, another};
use crate::members::{Members, Place};
use crate::model::table::Purpose;
use crate::operation::Operation;

/// A field that every success repeats is not there.
pub(super) struct Missing {
    pub(super) field: &'static str,
    /// Whether another one is.
    pub(super) is_another_there: bool,
}

/// The numbers that name an order, a refund or a contract in the same way in all operations.
const NUMBERS: &[&str] = &[
    "combine_out_trade_no",
    "contract_code",
    "contract_id",
    "out_order_no",
    "out_refund_no",
    "out_trade_no",
    "refund_id",
    "transaction_id",
];

/// Compares the fields that repeat: those of the operation, and those of any response, also where its page does not
/// name them. The first that every success repeats and this one does not is given back.
pub(super) fn compare(asked: Asked<'_>, success: &dyn Success) -> Result<Option<Missing>, Another> {
    let operation = asked.operation;
    let (members, any) = (operation.members(Place::Response), operation.version().any_response());
    let (mut is_another_there, mut missing) = (false, None);
    for member in members.with_purpose_or_members() {
        let field = member.name;
        if let Some(members) = member.members.filter(|members| members.has_echo())
            && let Some(object) = success.object(field)
        {
            is_another_there |= compare_inside(asked, members, &object)?;
        }
        let Some(expected) = asked.repeated_by(&member) else { continue };
        let is_there = match success.text(field) {
            Some(answered)
                if differ(&expected, &answered) && !asked.is_other_merchant(&member, &answered) =>
            {
                return Err(another(field));
            }
            Some(_) => true,
            // Of a type that does not compare.
            None => success.has(field),
        };
        if is_there {
            // Who takes part is in every response to the merchant.
            is_another_there |= !any.is_usual(field);
        } else if member.purpose == Some(Purpose::EchoInEveryResponse) && !expected.is_empty() {
            missing = missing.or(Some(field));
        }
    }
    // The numbers of the request, also where the response's page does not name them: if one is there, it is of this call.
    let mut numbers = asked.sent_among(NUMBERS);
    numbers.extend(operation.request_number().filter(|number| !NUMBERS.contains(number)));
    numbers.retain(|number| !is_of_page(operation, number));
    for field in asked.sent_among(any.echoes).into_iter().chain(numbers) {
        if let Some(sent) = asked.sent(field)
            && let Some(answered) = success.text(field)
            && differ(&sent, &answered)
            && members.get(field).is_none_or(|member| member.purpose != Some(Purpose::OtherMerchant))
        {
            return Err(another(field));
        }
    }
    Ok(missing.map(|field| Missing { field, is_another_there }))
}

/// Compares the fields that repeat in an object of the response, and says whether one is there that says what the object is.
/// The object may be left out, so nothing is missing where they are.
fn compare_inside(asked: Asked<'_>, members: Members, object: &Json<'_>) -> Result<bool, Another> {
    let any = asked.operation.version().any_response();
    let mut is_there = false;
    for member in members.with_purpose_or_members() {
        let field = member.name;
        if let Some(members) = member.members.filter(|members| members.has_echo())
            && let Some(inside) = object.object(field)
        {
            is_there |= compare_inside(asked, members, &inside)?;
        }
        if let Some(expected) = asked.repeated_by(&member)
            && let Some(answered) = object.text(field)
        {
            if differ(&expected, &answered) && !asked.is_other_merchant(&member, &answered) {
                return Err(another(field));
            }
            is_there |= !any.is_usual(field);
        }
    }
    Ok(is_there)
}

/// Whether the page of the response names a field. The catalogue says whether that repeats.
fn is_of_page(operation: &Operation, field: &str) -> bool {
    operation.members(Place::Response).get(field).is_some()
}

/// An empty value says nothing.
fn differ(sent: &str, answered: &str) -> bool {
    !sent.is_empty() && !answered.is_empty() && sent != answered
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use weipay_wire::XmlElements;

    use super::super::check;
    use super::super::tests::{differing, differing_elements, of, query};
    use super::*;
    use crate::request::{Body, Request};

    #[test]
    fn what_a_response_repeats_is_what_was_sent_in_path_query_or_body() {
        let by_number = "v3/pay/transactions/out-trade-no/{out_trade_no}";
        let mut filled = query(by_number);
        filled.values.push(("out_trade_no".to_owned(), "A".to_owned()));
        let mut score = query("v3/payscore/serviceorder");
        score.query.push(("out_order_no".to_owned(), "A".to_owned()));
        let mut refund = Request::new("v3/refund/domestic/refunds".to_owned());
        refund.operation = Operation::find(&Method::POST, "v3/refund/domestic/refunds");
        refund.body =
            Some(Body::Json(bytes::Bytes::from_static(br#"{"amount":{"total":1},"out_refund_no":"A"}"#)));
        for (request, field) in [
            (filled, "out_trade_no"),
            (query("/v3/pay/transactions/out-trade-no/A?mchid=1"), "out_trade_no"),
            (score, "out_order_no"),
            (refund, "out_refund_no"),
        ] {
            let valued = |value: &str| {
                differing(
                    &request,
                    format!(r#"{{"x":[{{"y":1}}],"refund_id":"5","{field}":{value}}}"#).as_bytes(),
                )
            };
            assert_eq!(valued(r#""B""#), Some(field));
            assert_eq!(valued("7"), Some(field));
            for same_or_unsaid in [r#""A""#, r#""\u0041""#, "null", r#""""#, "[]", "true", "nonsense"] {
                assert_eq!(valued(same_or_unsaid), None, "{same_or_unsaid}");
            }
            for of_another in [
                "",
                " \n",
                r#"{"prepay_id":"wx1"}"#,
                "\u{FEFF}{\"x\":2}",
                "{}",
                " { } ",
                "[]",
                "null",
                "\"A\"",
                "5",
                "<html>",
            ] {
                assert_eq!(differing(&request, of_another.as_bytes()), Some(field), "{of_another}");
            }
        }
    }

    /// The response to the query of another order, which came for what acts.
    #[test]
    fn a_number_that_was_sent_is_compared_where_the_page_of_the_response_does_not_name_it() {
        let reverse =
            of(Method::POST, "v2/secapi/pay/reverse", r#"{"out_trade_no":"A","transaction_id":"1"}"#);
        let close = of(Method::POST, "v2/pay/closeorder", r#"{"out_trade_no":"A"}"#);
        let deduct = of(Method::POST, "v2/pay/pappayapply", r#"{"contract_id":"A","out_trade_no":"T"}"#);
        for (request, field) in [
            (&reverse, "out_trade_no"),
            (&reverse, "transaction_id"),
            (&close, "out_trade_no"),
            (&deduct, "contract_id"),
        ] {
            let answered = |value: &str| {
                let mut elements = XmlElements::new();
                for (name, value) in [("result_code", "SUCCESS"), ("recall", "N"), (field, value)] {
                    elements.push(name, value);
                }
                differing_elements(request, &elements)
            };
            let same = if field == "transaction_id" { "1" } else { "A" };
            assert_eq!(answered("B9"), Some(field), "{field}");
            for allowed in [same, ""] {
                assert_ne!(answered(allowed), Some(field), "{field}");
            }
        }
        let refund =
            of(Method::POST, "v3/ecommerce/refunds/apply", r#"{"out_refund_no":"R","out_trade_no":"A"}"#);
        let success = |number: &str| {
            format!(
                r#"{{"refund_id":"5","out_refund_no":"R","create_time":"2026-11-28T10:00:00+08:00","out_trade_no":"{number}"}}"#
            )
        };
        assert_eq!(differing(&refund, success("A").as_bytes()), None);
        assert_eq!(differing(&refund, success("B").as_bytes()), Some("out_trade_no"));
    }

    #[test]
    fn a_number_of_the_path_is_known_by_its_place_whatever_its_name_and_encoding() {
        let of = |template: &str, values: &[(&str, &str)]| {
            let mut request = Request::new(template.to_owned());
            let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            request.values = values.collect();
            request.operation = request.find_operation(&Method::GET);
            request
        };
        let answer = |field: &str, number: &str| serde_json::json!({ field: number }).to_string();
        for (request, field, number) in [
            (of("v3/pay/transactions/out-trade-no/{n}", &[("n", "A|1")]), "out_trade_no", "A|1"),
            (
                of("/v3/pay/transactions/{how}/{n}", &[("how", "out-trade-no"), ("n", "A")]),
                "out_trade_no",
                "A",
            ),
            (of("v3/pay/transactions/out-trade-no/A%7C1?mchid=1", &[]), "out_trade_no", "A|1"),
            (of("v3/pay/transactions/out-trade-no/%E5%88%B8", &[]), "out_trade_no", "券"),
            (of("v3/pay/transactions/id/{id}", &[("id", "A")]), "transaction_id", "A"),
            (of("v3/refund/domestic/refunds/{x}", &[("x", "B"), ("x", "A")]), "out_refund_no", "A"),
            (of("v3/payscore/serviceorder?out%5Forder_no=A%2B1", &[]), "out_order_no", "A+1"),
        ] {
            assert_eq!(differing(&request, answer(field, number).as_bytes()), None, "{}", request.template);
            assert_eq!(
                differing(&request, answer(field, "B").as_bytes()),
                Some(field),
                "{}",
                request.template
            );
        }
        // A pair of the query that has the name of the placeholder is not what names the order.
        let mut misleading = of("v3/pay/transactions/out-trade-no/{n}", &[("n", "A")]);
        misleading.query.push(("out_trade_no".to_owned(), "B".to_owned()));
        assert_eq!(differing(&misleading, br#"{"out_trade_no":"B"}"#), Some("out_trade_no"));
    }

    #[test]
    fn a_response_to_another_merchant_is_another_one() {
        let mut direct = query("v3/pay/transactions/out-trade-no/A");
        direct.query.push(("mchid".to_owned(), "1".to_owned()));
        let written = query("v3/pay/transactions/id/A?mchid=1");
        for request in [&direct, &written] {
            let differing = |rest: &str| {
                differing(request, format!(r#"{{"out_trade_no":"A","transaction_id":"A"{rest}}}"#).as_bytes())
            };
            assert_eq!(differing(r#","mchid":"2""#), Some("mchid"));
            for same_or_unsaid in ["", r#","mchid":"1""#, r#","mchid":"""#, r#","sub_mchid":"2""#] {
                assert_eq!(differing(same_or_unsaid), None, "{same_or_unsaid}");
            }
        }
        let mut pay = Request::new("v3/pay/partner/transactions/codepay".to_owned());
        pay.operation = Operation::find(&Method::POST, "v3/pay/partner/transactions/codepay");
        pay.body = Some(Body::Json(bytes::Bytes::from_static(br#"{"sp_mchid":"1","out_trade_no":"A"}"#)));
        assert_eq!(differing(&pay, br#"{"sp_mchid":"2","out_trade_no":"A"}"#), Some("sp_mchid"));
        // Two sub-merchants of a partner may have orders with the same number.
        let of_a_sub_merchant = query("v3/pay/partner/transactions/out-trade-no/A?sp_mchid=1&sub_mchid=2");
        let paid =
            |sub_mchid: &str| format!(r#"{{"sp_mchid":"1","sub_mchid":"{sub_mchid}","out_trade_no":"A"}}"#);
        assert_eq!(differing(&of_a_sub_merchant, paid("3").as_bytes()), Some("sub_mchid"));
        assert_eq!(differing(&of_a_sub_merchant, paid("2").as_bytes()), None);
        let by_apiv2 = of(Method::POST, "v2/pay/orderquery", r#"{"sub_mch_id":"2","out_trade_no":"A"}"#);
        for (sub_mch_id, another) in [("3", Some("sub_mch_id")), ("2", None)] {
            let mut elements = XmlElements::new();
            elements.push("out_trade_no", "A");
            elements.push("sub_mch_id", sub_mch_id);
            assert_eq!(differing_elements(&by_apiv2, &elements), another);
        }
        // Several merchants may have one key of APIv2, and number their orders alike.
        let micropay = of(Method::POST, "v2/pay/micropay", r#"{"mch_id":"1","out_trade_no":"A"}"#);
        for (mch_id, another) in [("2", Some("mch_id")), ("1", None), ("", None)] {
            let mut elements = XmlElements::new();
            let paid = ["transaction_id", "trade_type", "bank_type", "total_fee", "cash_fee", "time_end"];
            for (name, value) in [("mch_id", mch_id), ("out_trade_no", "A")] {
                elements.push(name, value);
            }
            paid.iter().for_each(|name| elements.push(*name, "1"));
            assert_eq!(differing_elements(&micropay, &elements), another, "{mch_id}");
        }
        // Nothing is known of a path that the catalogue does not have.
        assert_eq!(differing(&query("v3/never/heard/of?mchid=1"), br#"{"mchid":"2"}"#), None);
    }

    /// Where the request does not say who called, the client still knows.
    #[test]
    fn a_response_to_another_merchant_than_the_caller_is_another_one() {
        let transfer = query("v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/B");
        let batch = query("v3/transfer/batches/out-batch-no/B");
        for (request, of, field) in [
            (transfer, r#"{"out_bill_no":"B","mchid":MERCHANT}"#, "mchid"),
            (batch, r#"{"transfer_batch":{"mchid":MERCHANT,"out_batch_no":"B"}}"#, "mchid"),
        ] {
            for (merchant, another) in [
                (r#""2""#, Some(field)),
                ("2", Some(field)),
                (r#""1""#, None),
                ("1", None),
                (r#""""#, None),
                ("null", None),
            ] {
                let body = of.replace("MERCHANT", merchant);
                assert_eq!(differing(&request, body.as_bytes()), another, "{body}");
            }
            let of_another = of.replace("MERCHANT", "2");
            assert!(
                check(&request, None, StatusCode::OK, of_another.as_bytes()).is_ok(),
                "nobody knows who called"
            );
        }
        // A partner may ask for one of its merchants.
        let mut callbacks = query("v3/marketing/busifavor/callbacks");
        assert_eq!(differing(&callbacks, br#"{"notify_url":"u","mchid":"2"}"#), Some("mchid"));
        callbacks.query.push(("mchid".to_owned(), "2".to_owned()));
        assert_eq!(differing(&callbacks, br#"{"notify_url":"u","mchid":"2"}"#), None);
        assert_eq!(differing(&callbacks, br#"{"notify_url":"u","mchid":"1"}"#), Some("mchid"));
        // The number of a merchant is no evidence.
        let of_nothing = br#"{"mchid":"1","unheard_of":5}"#;
        let transfer = query("v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/B");
        assert_eq!(differing(&transfer, of_nothing), Some("out_bill_no"));
    }

    /// No page says whether a transfer that another merchant pays is that merchant's bill.
    #[test]
    fn a_transfer_may_name_the_merchant_who_pays() {
        let transfer = |sponsor: &str| {
            let body = format!(r#"{{"out_bill_no":"B","transfer_amount":1{sponsor}}}"#);
            of(Method::POST, "v3/fund-app/mch-transfer/transfer-bills/transfer", &body)
        };
        for (sponsor, merchant, another) in [
            ("", "1", None),
            ("", "2", Some("mch_id")),
            (r#","sponsor_mchid":"2""#, "1", None),
            (r#","sponsor_mchid":"2""#, "2", None),
            (r#","sponsor_mchid":"2""#, "3", Some("mch_id")),
            (r#","sponsor_mchid":"""#, "2", Some("mch_id")),
        ] {
            let body = format!(
                r#"{{"mch_id":"{merchant}","out_bill_no":"B","transfer_bill_no":"5","state":"ACCEPTED","transfer_amount":1,
                "transfer_remark":"x","create_time":"2015-05-20T13:29:35+08:00"}}"#
            );
            assert_eq!(differing(&transfer(sponsor), body.as_bytes()), another, "{sponsor} {merchant}");
        }
        // The query of one does not say who pays.
        for by in ["out-bill-no/B", "transfer-bill-no/5"] {
            let asked = query(&format!("v3/fund-app/mch-transfer/transfer-bills/{by}"));
            let body = br#"{"mch_id":"2","out_bill_no":"B","transfer_bill_no":"5","state":"SUCCESS"}"#;
            assert_eq!(differing(&asked, body), None, "{by}");
        }
    }

    /// The page of an order names only its `code_url`.
    #[test]
    fn the_number_of_a_request_is_compared_also_where_no_page_has_it() {
        let native = of(Method::POST, "v3/pay/transactions/native", r#"{"out_trade_no":"A"}"#);
        let responded =
            |rest: &str| differing(&native, format!(r#"{{"code_url":"weixin://x"{rest}}}"#).as_bytes());
        assert_eq!(responded(r#","out_trade_no":"B""#), Some("out_trade_no"));
        let same_or_unsaid =
            ["", r#","out_trade_no":"A""#, r#","out_trade_no":"""#, r#","transaction_id":"B""#];
        for rest in same_or_unsaid {
            assert_eq!(responded(rest), None, "{rest}");
        }
        let unified = of(Method::POST, "v2/pay/unifiedorder", r#"{"out_trade_no":"A"}"#);
        for (number, another) in [("A", None), ("B", Some("out_trade_no"))] {
            let mut elements = XmlElements::new();
            for (name, value) in [("prepay_id", "wx1"), ("trade_type", "JSAPI"), ("out_trade_no", number)] {
                elements.push(name, value);
            }
            assert_eq!(differing_elements(&unified, &elements), another);
        }
    }

    #[test]
    fn what_some_responses_lack_says_nothing_where_it_is_missing() {
        let by_id = query("v3/pay/transactions/id/A");
        assert_eq!(differing(&by_id, br#"{"out_trade_no":"1"}"#), None);
        assert_eq!(differing(&by_id, br#"{"transaction_id":"B"}"#), Some("transaction_id"));
        let mut sent_empty = query("v3/pay/transactions/out-trade-no/{out_trade_no}");
        sent_empty.values.push(("out_trade_no".to_owned(), String::new()));
        assert_eq!(differing(&sent_empty, br#"{"trade_state":"NOTPAY"}"#), None);
        // One number that is there proves that the response is about this request, whatever else is left out.
        let mut coupon = Request::new("v3/marketing/busifavor/coupons/use".to_owned());
        coupon.operation = Operation::find(&Method::POST, "v3/marketing/busifavor/coupons/use");
        let members = coupon.operation.unwrap().members(Place::Response);
        let repeat = |purpose| matches!(purpose, Some(Purpose::Echo | Purpose::EchoInEveryResponse));
        let echoes: Vec<_> =
            members.iter().filter(|member| repeat(member.purpose)).map(|member| member.name).collect();
        for field in &echoes {
            let sent: Vec<String> = echoes.iter().map(|name| format!("\"{name}\":\"A\"")).collect();
            coupon.body = Some(Body::Json(format!("{{{}}}", sent.join(",")).into()));
            let with_time = format!("{{\"{field}\":\"A\",\"wechatpay_use_time\":\"t\",\"x\":1}}");
            assert_eq!(differing(&coupon, with_time.as_bytes()), None);
            // But the stock of the coupon is not the use of it.
            let of_its_stock = format!("{{\"{field}\":\"A\",\"stock_state\":\"RUNNING\"}}");
            assert_eq!(differing(&coupon, of_its_stock.as_bytes()), Some("wechatpay_use_time"));
        }
    }

    /// Numbers of all kinds, which the platform signs as rightly for one request as for another.
    #[test]
    fn what_a_request_is_about_is_compared_whatever_it_is_called() {
        let bill = query("v3/platsolution/ecommerce/mch-transfer/transfer-bills/bill-id/A");
        let recharge = query("v3/platsolution/ecommerce/recharges/out-recharge-no/A");
        let apply =
            of(Method::POST, "v3/recharge/bank-transfer-recharges/apply", r#"{"out_recharge_no":"A"}"#);
        for (request, field) in [(bill, "bill_id"), (recharge, "out_recharge_no"), (apply, "out_recharge_no")]
        {
            assert!(request.operation.is_some(), "{field}");
            let answered =
                |number: &str| differing(&request, format!(r#"{{"{field}":"{number}"}}"#).as_bytes());
            assert_eq!(answered("B"), Some(field));
            assert_ne!(answered("A"), Some(field));
        }
        let sent = of(Method::POST, "v2/mmpaymkttransfers/send_coupon", r#"{"coupon_stock_id":"A"}"#);
        let mut elements = XmlElements::new();
        elements.push("coupon_stock_id", "B");
        assert_eq!(differing_elements(&sent, &elements), Some("coupon_stock_id"));
    }

    /// What was done with a coupon shows the number of the request under a name of its own.
    #[test]
    fn the_number_of_a_request_is_compared_under_another_name() {
        let of_coupon = "v3/marketing/partner/product-coupon/users/o/coupons/C";
        let of_product = "v3/marketing/partner/product-coupon/product-coupons/1";
        for (path, field) in [
            (format!("{of_coupon}/deactivate"), "deactivate_request_no"),
            (format!("{of_coupon}/confirm"), "confirm_request_no"),
            (format!("{of_product}/deactivate"), "deactivate_request_no"),
            (format!("{of_product}/stocks/2/deactivate"), "deactivate_request_no"),
        ] {
            let request = of(Method::POST, &path, r#"{"out_request_no":"R"}"#);
            let responded =
                |number: &str| differing(&request, format!(r#"{{"{field}":"{number}"}}"#).as_bytes());
            assert_eq!(responded("S"), Some(field), "{path}");
            assert_ne!(responded("R"), Some(field), "{path}");
        }
    }

    /// A query that fails for ever is worse than one that compares less.
    #[test]
    fn what_a_page_calls_otherwise_than_the_request_is_not_compared() {
        let split = query("v3/ecommerce/profitsharing/after-sales-orders?sub_mchid=2&transaction_id=4");
        let body =
            br#"{"sub_mchid":"2","transaction_id":"300","amount":1,"result":"SUCCESS","finish_time":"t"}"#;
        assert_eq!(differing(&split, body), None);
        let audit =
            of(Method::POST, "v2/mchrisk/channelquerymchauditinfo", r#"{"mch_id":"1","sub_mch_id":"2"}"#);
        let mut elements = XmlElements::new();
        let members = [
            ("mch_id", "3"),
            ("sub_mch_id", "2"),
            ("channel_id", "1"),
            ("audit_status", "PASSED"),
            ("audit_comment", "c"),
        ];
        members.into_iter().for_each(|(name, value)| elements.push(name, value));
        assert_eq!(differing_elements(&audit, &elements), None);
        // Without a mode, older pages had no body.
        let settlement = of(Method::POST, "v3/apply4sub/sub_merchants/1900006491/modify-settlement", "{}");
        assert!(check(&settlement, None, StatusCode::NO_CONTENT, b"").is_ok());
        assert_eq!(differing(&settlement, br#"{"code_url":"weixin://x"}"#), Some("application_no"));
    }

    #[test]
    fn without_something_to_compare_nothing_is_refused() {
        let another = br#"{"out_trade_no":"B"}"#;
        assert_eq!(differing(&query("v3/never/heard/of"), another), None);
        for nothing in ["", "[]", "null", "\"B\"", "<html>", "{}"] {
            assert_eq!(differing(&query("v3/never/heard/of"), nothing.as_bytes()), None);
        }
    }
}
