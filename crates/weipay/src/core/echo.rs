//! Whether a response is about what was asked. The signature of a response does not cover the request: two whole responses, swapped
//! between two calls on their way, both verify. So what a response repeats of its request is compared with it.
//!
//! The catalogue says which fields repeat (`echo`). One that is absent says nothing, and neither does a field that was not sent.
//!
//! # What cannot be found out
//!
//! An error response repeats nothing of its request, but for a `SIGN_ERROR` that shows the nonce that was signed
//! ([`SignDifference::Nonce`](crate::error::SignDifference::Nonce)). The value of a field in `detail` is not compared: how the platform
//! writes it there is not documented. The gateway leaves most of them unsigned, its `Request-ID` is made by the platform
//! and unknown to the client, and no other header ties the two. So of two calls whose error responses were swapped on their way, each
//! gets the error of the other, and nothing tells. The same holds for a success whose operation repeats nothing, such as the
//! `code_url` of an order. Only whoever can change the content of a TLS connection, or a faulty proxy or transport, can swap
//! them. What it can cost: a call that failed looks as if it had failed for another reason, also as if it had certainly not taken
//! effect. Query before a new number is taken for what was refused: that is right in any case.

use std::borrow::Cow;

use weipay_wire::XmlElements;

use crate::json::member;
use crate::members::{Place, purpose};
use crate::operation::Operation;
use crate::request::{Body, Request};

/// The first field of a JSON response that repeats something else than the request sent.
pub(super) fn differing(request: &Request, body: &[u8]) -> Option<&'static str> {
    let operation = request.operation?;
    echoes(operation).find(|field| {
        sent(request, operation, field)
            .is_some_and(|sent| member(body, field).is_some_and(|answered| is_another(&sent, &answered)))
    })
}

/// The same of a response of APIv2.
pub(super) fn differing_element(request: &Request, elements: &XmlElements) -> Option<&'static str> {
    let operation = request.operation?;
    echoes(operation).find(|field| {
        let answered = elements.text(field);
        answered.is_some_and(|answered| {
            sent(request, operation, field).is_some_and(|sent| is_another(&sent, answered))
        })
    })
}

/// An empty value says nothing.
fn is_another(sent: &str, answered: &str) -> bool {
    !sent.is_empty() && !answered.is_empty() && sent != answered
}

fn echoes(operation: &Operation) -> impl Iterator<Item = &'static str> {
    let members = operation.members(Place::Response);
    members.iter().filter(|member| member.purpose == Some(purpose::ECHO)).map(|member| member.name)
}

/// What the request has in the field, in its path, its query or its body.
fn sent<'a>(request: &'a Request, operation: &Operation, field: &str) -> Option<Cow<'a, str>> {
    let pairs = request.values.iter().chain(&request.query);
    let mut named = pairs.filter(|(name, _)| name == field);
    if let Some((_, value)) = named.next() {
        return Some(Cow::Borrowed(value));
    }
    if let Some(segment) = written_out(&request.template, operation.path(), field) {
        return Some(Cow::Borrowed(segment));
    }
    match &request.body {
        Some(Body::Json(body)) => member(body, field),
        None | Some(Body::Upload(_) | Body::Form { .. }) => None,
    }
}

/// The value in a path that its caller wrote out. One with percent-encoded characters is left alone.
fn written_out<'a>(path: &'a str, template: &str, field: &str) -> Option<&'a str> {
    let path = path.split('?').next().unwrap_or_default();
    let mut segments = path.trim_start_matches('/').split('/').zip(template.split('/'));
    let is_field =
        |segment: &str| segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) == Some(field);
    let (segment, _) = segments.find(|(_, segment)| is_field(segment))?;
    Some(segment).filter(|segment| !segment.contains(['%', '{']))
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
            for same_or_unsaid in
                [r#""A""#, r#""\u0041""#, "null", r#""""#, r#"{"z":"B"}"#, "[]", "true", "nonsense"]
            {
                assert_eq!(differing(same_or_unsaid), None, "{same_or_unsaid}");
            }
        }
    }

    #[test]
    fn without_something_to_compare_nothing_is_refused() {
        let another = br#"{"out_trade_no":"B"}"#;
        assert_eq!(differing(&query("v3/never/heard/of"), another), None);
        assert_eq!(differing(&query("v3/pay/transactions/out-trade-no/A%20"), another), None);
        for not_an_object in ["", "[]", "null", "\"B\"", "<html>"] {
            let asked = query("v3/pay/transactions/out-trade-no/A");
            assert_eq!(differing(&asked, not_an_object.as_bytes()), None);
        }
    }
}
