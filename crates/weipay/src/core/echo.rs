//! Whether a response is about what was asked. The signature of a response does not cover the request: two
//! whole responses, swapped between two calls on their way, both verify. So what a response repeats of its
//! request is compared with it.
//!
//! The catalogue says which fields repeat (`echo`), and which of them every response has. A response that
//! repeats nothing of what every response to this request repeats, and that has no member at all or something
//! which no response to it has, belongs to another one too: an order's `prepay_id` is not the success of a
//! refund, and neither is the empty body with which another order was closed, or `{}`. Else a field that is
//! absent says nothing, and neither does one that was not sent.
//!
//! What was sent is what went out: a value of the path is taken by its place, whatever the caller calls it and
//! however a literal is encoded. The number of the merchant who calls is compared too, and that of the sub-merchant, where
//! both have it.
//!
//! # What cannot be found out
//!
//! An error response repeats nothing of its request, but for a `SIGN_ERROR` that shows the nonce that was
//! signed ([`SignDifference::Nonce`](crate::error::SignDifference::Nonce)). The value of a field in `detail`
//! is not compared: how the platform writes it there is not documented. The gateway leaves most of them
//! unsigned, its `Request-ID` is made by the platform and unknown to the client, and no other header ties the
//! two. So of two calls whose error responses were swapped on their way, each gets the error of the other,
//! and nothing tells. The same holds for a success whose operation repeats nothing, such as the `code_url` of
//! an order. Only whoever can change the content of a TLS connection, or a faulty proxy or transport, can
//! swap them. What it can cost: a call that failed looks as if it had failed for another reason, also as if
//! it had certainly not taken effect. Query before a new number is taken for what was refused: that is right
//! in any case.

use std::borrow::Cow;

use weipay_wire::XmlElements;

use crate::json::{has_any_member, has_member, has_unknown_member, member};
use crate::members::{Members, Place};
use crate::model::table::Purpose;
use crate::operation::{Operation, Version};
use crate::request::{Body, Request};

/// The first field of a JSON response that repeats something else than the request sent, or that is missing
/// where nothing is repeated.
pub(super) fn differing(request: &Request, body: &[u8]) -> Option<&'static str> {
    match compare(request, |field| member(body, field), |field| has_member(body, field)) {
        Compared::Same => None,
        Compared::Another(field) => Some(field),
        Compared::Missing(field, known) => {
            let is_strange = || has_unknown_member(body, |name| known.get(name).is_some());
            (!has_any_member(body) || is_strange()).then_some(field)
        }
    }
}

/// The same of a response of APIv2.
pub(super) fn differing_element(request: &Request, elements: &XmlElements) -> Option<&'static str> {
    let text = |field: &str| elements.text(field).map(Cow::Borrowed);
    match compare(request, text, |field| elements.get(field).is_some()) {
        Compared::Same => None,
        Compared::Another(field) => Some(field),
        Compared::Missing(field, known) => {
            elements.iter().any(|(name, _)| known.get(name).is_none()).then_some(field)
        }
    }
}

/// What the fields that repeat say of a response.
enum Compared {
    /// Nothing against it.
    Same,
    /// This field has another value.
    Another(&'static str),
    /// No field is there, and this one should be. These are the members of such a response.
    Missing(&'static str, Members),
}

fn compare<'a>(
    request: &Request,
    answered: impl Fn(&str) -> Option<Cow<'a, str>>,
    is_there: impl Fn(&str) -> bool,
) -> Compared {
    let Some(operation) = request.operation else { return Compared::Same };
    let (mut repeats, mut missing) = (false, None);
    for (field, in_every_response) in echoes(operation) {
        let Some(sent) = sent(request, operation, field) else { continue };
        match answered(field) {
            Some(answered) if is_another(&sent, &answered) => return Compared::Another(field),
            Some(_) => repeats = true,
            // Of a type that does not compare.
            None if is_there(field) => repeats = true,
            None if in_every_response && !sent.is_empty() => missing = missing.or(Some(field)),
            None => {}
        }
    }
    for field in merchants(operation.version()) {
        if let (Some(answered), Some(sent)) = (answered(field), sent(request, operation, field))
            && is_another(&sent, &answered)
        {
            return Compared::Another(field);
        }
    }
    match missing.filter(|_| !repeats) {
        Some(field) => Compared::Missing(field, operation.members(Place::Response)),
        None => Compared::Same,
    }
}

/// The numbers of the merchant who calls, and of the one that a partner (服务商) calls for. Where a request and its
/// response have one, it is the same. The key that signs a response of APIv3 is of the platform, so one to another merchant
/// about the same number verifies too. That of APIv2 is of the merchant, but the same for all sub-merchants, and two of them
/// may have orders with the same number.
const fn merchants(version: Version) -> &'static [&'static str] {
    match version {
        Version::V3 => &["mchid", "sp_mchid", "sub_mchid"],
        Version::V2 => &["sub_mch_id"],
    }
}

/// An empty value says nothing.
fn is_another(sent: &str, answered: &str) -> bool {
    !sent.is_empty() && !answered.is_empty() && sent != answered
}

/// The fields that repeat, and whether every response has them.
fn echoes(operation: &Operation) -> impl Iterator<Item = (&'static str, bool)> {
    operation.members(Place::Response).iter().filter_map(|member| match member.purpose? {
        Purpose::Echo => Some((member.name, false)),
        Purpose::EchoInEveryResponse => Some((member.name, true)),
        _ => None,
    })
}

/// What the request has in the field, in its path, its query or its body.
fn sent<'a>(request: &'a Request, operation: &Operation, field: &str) -> Option<Cow<'a, str>> {
    let in_body = || match &request.body {
        Some(Body::Json(body)) => member(body, field),
        None | Some(Body::Upload(_) | Body::Form { .. }) => None,
    };
    request.path_value(operation, field).or_else(|| request.query_value(field)).or_else(in_body)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn query(path: &str) -> Request {
        let mut request = Request::new(path.to_owned());
        request.operation = Operation::find(&Method::GET, path);
        request
    }

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
            let differing = |value: &str| {
                differing(&request, format!(r#"{{"x":[{{"y":1}}],"{field}":{value}}}"#).as_bytes())
            };
            assert_eq!(differing(r#""B""#), Some(field));
            assert_eq!(differing("7"), Some(field));
            for same_or_unsaid in [r#""A""#, r#""\u0041""#, "null", r#""""#, "[]", "true", "nonsense"] {
                assert_eq!(differing(same_or_unsaid), None, "{same_or_unsaid}");
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
                assert_eq!(super::differing(&request, of_another.as_bytes()), Some(field), "{of_another}");
            }
        }
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
        let mut by_apiv2 = Request::new("v2/pay/orderquery".to_owned());
        by_apiv2.operation = Operation::find(&Method::POST, "v2/pay/orderquery");
        by_apiv2.body =
            Some(Body::Json(bytes::Bytes::from_static(br#"{"sub_mch_id":"2","out_trade_no":"A"}"#)));
        for (sub_mch_id, another) in [("3", Some("sub_mch_id")), ("2", None)] {
            let mut elements = XmlElements::new();
            elements.push("out_trade_no", "A");
            elements.push("sub_mch_id", sub_mch_id);
            assert_eq!(differing_element(&by_apiv2, &elements), another);
        }
        // Nothing is known of a path that the catalogue does not have.
        assert_eq!(differing(&query("v3/never/heard/of?mchid=1"), br#"{"mchid":"2"}"#), None);
    }

    #[test]
    fn what_some_responses_lack_says_nothing_where_it_is_missing() {
        let by_id = query("v3/pay/transactions/id/A");
        assert_eq!(differing(&by_id, b""), None);
        assert_eq!(differing(&by_id, br#"{"transaction_id":"B"}"#), Some("transaction_id"));
        let mut sent_empty = query("v3/pay/transactions/out-trade-no/{out_trade_no}");
        sent_empty.values.push(("out_trade_no".to_owned(), String::new()));
        assert_eq!(differing(&sent_empty, b""), None);
        // One number that is there proves that the response is about this request, whatever else is left out.
        let mut coupon = Request::new("v3/marketing/busifavor/coupons/use".to_owned());
        coupon.operation = Operation::find(&Method::POST, "v3/marketing/busifavor/coupons/use");
        let echoes: Vec<_> = echoes(coupon.operation.unwrap()).collect();
        for (field, _) in &echoes {
            let sent: Vec<String> = echoes.iter().map(|(name, _)| format!("\"{name}\":\"A\"")).collect();
            coupon.body = Some(Body::Json(format!("{{{}}}", sent.join(",")).into()));
            assert_eq!(differing(&coupon, format!("{{\"{field}\":\"A\",\"x\":1}}").as_bytes()), None);
        }
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
