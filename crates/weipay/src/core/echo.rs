//! Whether a response is about what was asked. The signature of a response does not cover the request: two
//! whole responses, swapped between two calls on their way, both verify. So what a response repeats of its
//! request is compared with it, and what it consists of with what the catalogue knows of the operation.
//!
//! The catalogue says which fields repeat (`echo`), and which of them every success has. One that lacks such a
//! field, and has something that no success of the operation has, belongs to another request, and so does one
//! that repeats nothing at all: an order's `prepay_id` is not the success of a refund, and neither is the empty
//! body with which another order was closed, or `{}`. Else a field that is absent says nothing, and neither
//! does one that was not sent.
//!
//! Of whatever operation, a success is another one's if it has none of the fields that every success has, and
//! something strange, or nothing although it acts or is a list: the refund of an order is not the way to pay it,
//! and what a close sends is not a coupon. Strange is what no success of the operation has, but for members that
//! any response may have. Nothing is known of what is only accepted (202), of files, and of paths that the
//! catalogue does not have. New members beside those that are known change nothing, and of what only reads one
//! known member is enough: an order that is not paid lacks much of what its page calls required.
//!
//! What the request sent comes back in other responses about it, too. So where an operation acts, and something in its
//! success is strange, one of the fields that neither were sent nor are usual must be there; and a strange field that
//! names a state is that of a query, also of the same number.
//!
//! A success of APIv2 has no state, so that of an operation that acts counts only if it has more than
//! half of what every one has, or nothing strange: an order that was queried is not paid by it. A success
//! of an operation that says nothing but that it succeeded may have one strange element, in case it is new.
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
//! and nothing tells. The same holds for two successes of one operation that repeats nothing, such as the
//! `code_url` of an order or the 204 of a close, and of two operations that send the same fields, or nothing.
//! Only whoever can change the content of a TLS connection, or a faulty proxy or transport, can
//! swap them. What it can cost: a call that failed looks as if it had failed for another reason, also as if
//! it had certainly not taken effect. Query before a new number is taken for what was refused: that is right
//! in any case.

use std::borrow::Cow;

use http::StatusCode;
use weipay_wire::XmlElements;

use crate::error::ErrorKind;
use crate::json::{any_member, has_member, is_object, member};
use crate::members::{Member, Members, Place};
use crate::model::table::Purpose;
use crate::operation::{Dialect, Operation, Version};
use crate::request::{Body, Request};

/// Whether a success in JSON can be the response to this request.
///
/// # Errors
///
/// [`ErrorKind::AnotherRequest`] if it cannot.
pub(super) fn check(request: &Request, status: StatusCode, body: &[u8]) -> Result<(), ErrorKind> {
    judge(request, &Json(body), status == StatusCode::ACCEPTED)
}

/// The same of a success of APIv2.
///
/// # Errors
///
/// [`ErrorKind::AnotherRequest`] if it cannot.
pub(super) fn check_elements(request: &Request, elements: &XmlElements) -> Result<(), ErrorKind> {
    judge(request, &Xml(elements), false)
}

/// What a response has.
trait Success {
    /// The value of a field, if it is one that compares.
    fn text(&self, field: &str) -> Option<Cow<'_, str>>;
    fn has(&self, field: &str) -> bool;
    /// Whether there is a member with such a name. They are asked in their order, until one is.
    fn any(&self, is_such: &mut dyn FnMut(&str) -> bool) -> bool;
    /// Whether it is an object, which may be empty.
    fn is_object(&self) -> bool;
    /// Whether there is no body, as with status 204.
    fn is_absent(&self) -> bool;
}

struct Json<'a>(&'a [u8]);

impl Success for Json<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        member(self.0, field)
    }

    fn has(&self, field: &str) -> bool {
        has_member(self.0, field)
    }

    fn any(&self, is_such: &mut dyn FnMut(&str) -> bool) -> bool {
        any_member(self.0, is_such)
    }

    fn is_object(&self) -> bool {
        is_object(self.0)
    }

    fn is_absent(&self) -> bool {
        self.0.is_empty()
    }
}

struct Xml<'a>(&'a XmlElements);

impl Success for Xml<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        self.0.text(field).map(Cow::Borrowed)
    }

    fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some()
    }

    fn any(&self, is_such: &mut dyn FnMut(&str) -> bool) -> bool {
        self.0.iter().any(|(name, _)| is_such(name))
    }

    fn is_object(&self) -> bool {
        true
    }

    fn is_absent(&self) -> bool {
        false
    }
}

/// Members that a success of any operation may have. They say nothing of which one it is.
const COMMON: [&str; 2] = ["code", "message"];

/// The same of APIv2, also where the catalogue names them.
const COMMON_ELEMENTS: [&str; 21] = [
    "return_code",
    "return_msg",
    "result_code",
    "result_msg",
    "err_code",
    "err_code_des",
    "err_param",
    "error_code",
    "error_code_des",
    "appid",
    "sub_appid",
    "mch_appid",
    "combine_appid",
    "mch_id",
    "mchid",
    "sub_mch_id",
    "combine_mch_id",
    "device_info",
    "nonce_str",
    "sign",
    "sign_type",
];

fn another(field: Option<&'static str>) -> Result<(), ErrorKind> {
    Err(ErrorKind::AnotherRequest { field })
}

fn judge(request: &Request, success: &dyn Success, is_accepted: bool) -> Result<(), ErrorKind> {
    let Some(operation) = request.operation else { return Ok(()) };
    let known = Known::of(operation);
    let missing = compare(request, operation, success)?;
    if let Some(Missing { field, repeats }) = missing {
        // What is only accepted repeats nothing yet. What only reads must not fail for ever where a page is wrong.
        let is_nothing = !repeats && !is_accepted && known.has_nothing(success);
        let suffices = repeats && (is_accepted || operation.only_reads());
        if is_nothing || !suffices && known.has_strange(success, 1) {
            return another(Some(field));
        }
    }
    // A page (APIv2) that a browser opens is signed by nobody.
    let is_page = operation.version() == Version::V2 && operation.dialect() == Dialect::Json;
    if is_accepted || is_page || operation.has_file_response() {
        return Ok(());
    }
    // A query of APIv2 is a POST, too.
    let acts = match operation.version() {
        Version::V3 => !operation.only_reads(),
        Version::V2 => operation.request_number().is_some() || !operation.is_safe_to_repeat(),
    };
    // A page that leaves out the state of what it makes, as some do, must not refuse that.
    let may_be_a_query = match operation.version() {
        Version::V3 => acts && (operation.request_number().is_none() || known.proofs().next().is_none()),
        Version::V2 => operation.request_number().is_some(),
    };
    let Some(first) = known.in_every_success().next() else {
        known.check_without(request, operation, success)?;
        return known.check_state(success, !operation.only_reads());
    };
    // What was sent comes back in other responses about it too, and others have the same merchant and the like.
    if acts && known.has_strange(success, 1) && known.proofs().next().is_some() {
        if let Some(missing) = first_if_none(known.proofs(), |member| success.has(member.name)) {
            return another(Some(missing.name));
        }
    } else if !success.any(&mut |name| known.is_in_every_success(name)) {
        // What only reads may find nothing, or not all that its page says; but a list has its limit, which is more than 0.
        let is_another = if operation.only_reads() && success.is_object() {
            let has_limit = known.in_every_success().any(|member| member.purpose == Some(Purpose::PageLimit));
            let has_own = success.any(&mut |name| known.is_own(name));
            !has_own && (known.has_strange(success, 1) || has_limit)
        } else {
            known.has_nothing(success) || known.has_strange(success, 1)
        };
        return if is_another {
            another(Some(first.name))
        } else {
            known.check_state(success, may_be_a_query)
        };
    }
    // A success has no state there, so what an order is otherwise must not be taken for one.
    if operation.version() == Version::V2 && acts {
        let missing = || known.in_every_success().filter(|member| !success.has(member.name));
        let is_half_missing = missing().count() * 2 >= known.in_every_success().count();
        if is_half_missing && known.has_strange(success, 1) {
            return another(missing().next().map(|member| member.name));
        }
    }
    known.check_state(success, may_be_a_query)
}

/// The first of these members, if a response has none of them.
fn first_if_none(
    mut members: impl Iterator<Item = Member>,
    is_there: impl Fn(&Member) -> bool,
) -> Option<Member> {
    let first = members.next()?;
    (!is_there(&first) && !members.any(|member| is_there(&member))).then_some(first)
}

/// Whether a member says in which state something is. A success of an operation that acts has such a member only where its
/// page names it: otherwise the response is that of a query, also of the same number.
fn names_a_state(name: &str) -> bool {
    matches!(name, "state" | "status") || name.ends_with("_state") || name.ends_with("_status")
}

/// Members that are in many responses about the same merchant, person or time.
const USUAL: [&str; 13] = [
    "appid",
    "mchid",
    "sp_appid",
    "sp_mchid",
    "sub_appid",
    "sub_mchid",
    "openid",
    "sp_openid",
    "sub_openid",
    "create_time",
    "success_time",
    "notify_url",
    "state",
];

/// What the catalogue knows of the successes of an operation.
struct Known {
    members: Members,
    version: Version,
    /// Whether the number of a sub-merchant is a result (APIv2): a request that makes one has none.
    makes_sub_merchant: bool,
}

impl Known {
    fn of(operation: &Operation) -> Self {
        let has = |place| operation.members(place).get("sub_mch_id").is_some();
        Self {
            members: operation.members(Place::Response),
            version: operation.version(),
            makes_sub_merchant: has(Place::Response) && !has(Place::Query) && !has(Place::Body),
        }
    }

    /// Fields that every success has, and that tell it from responses of other operations.
    fn proofs(&self) -> impl Iterator<Item = Member> {
        let is_echo =
            |member: &Member| matches!(member.purpose, Some(Purpose::Echo | Purpose::EchoInEveryResponse));
        self.in_every_success().filter(move |member| !is_echo(member) && !USUAL.contains(&member.name))
    }

    /// Whether any response may have it.
    fn is_common(&self, name: &str) -> bool {
        match self.version {
            Version::V3 => COMMON.contains(&name) && self.members.get(name).is_none(),
            Version::V2 => {
                COMMON_ELEMENTS.contains(&name) && !(self.makes_sub_merchant && name == "sub_mch_id")
            }
        }
    }

    /// Whether it is one of the operation's own.
    fn is_own(&self, name: &str) -> bool {
        self.members.get(name).is_some() && !self.is_common(name)
    }

    fn is_in_every_success(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|member| member.is_in_every_success) && !self.is_common(name)
    }

    fn in_every_success(&self) -> impl Iterator<Item = Member> {
        self.members.iter().filter(|member| member.is_in_every_success && !self.is_common(member.name))
    }

    /// Whether no success of the operation has it.
    fn is_strange(&self, name: &str) -> bool {
        self.members.get(name).is_none() && !self.is_common(name)
    }

    /// Whether a response has so many members that no success of the operation has.
    fn has_strange(&self, success: &dyn Success, mut at_least: usize) -> bool {
        success.any(&mut |name| {
            at_least -= usize::from(self.is_strange(name));
            at_least == 0
        })
    }

    /// Whether a response has nothing but what any may have.
    fn has_nothing(&self, success: &dyn Success) -> bool {
        !success.any(&mut |name| !self.is_common(name))
    }

    /// A success has no member that names a state, if its operation has none.
    fn check_state(&self, success: &dyn Success, may_be_a_query: bool) -> Result<(), ErrorKind> {
        let is_a_query = || success.any(&mut |name| names_a_state(name) && self.is_strange(name));
        if may_be_a_query && is_a_query() { another(None) } else { Ok(()) }
    }

    /// A success of an operation of which no member is in every success.
    fn check_without(
        &self,
        request: &Request,
        operation: &Operation,
        success: &dyn Success,
    ) -> Result<(), ErrorKind> {
        if success.any(&mut |name| self.is_own(name)) {
            return Ok(());
        }
        let own = self.members.iter().map(|member| member.name).find(|name| self.is_own(name));
        // A page without members may be incomplete: whatever was read is of this call, and so is what repeats something
        // of the request. Every page of APIv2 has the common elements, but for one that describes no success.
        let repeats = |name: &str| {
            let repeated = sent(request, operation, name).filter(|sent| !sent.is_empty());
            repeated.is_some() && success.text(name) == repeated
        };
        let may_have_any = || match self.version {
            Version::V3 => operation.only_reads() || success.any(&mut |name| repeats(name)),
            Version::V2 => self.members.iter().next().is_none(),
        };
        if own.is_none() && may_have_any() {
            return Ok(());
        }
        let at_least = match self.version {
            Version::V3 => 1,
            Version::V2 => 2,
        };
        // A status of 204 says as little as `{}`, and some operations may have it whose pages name a field. But what has a
        // number is a coupon or money as a rule, and can be queried by it.
        let acts_without_number = !operation.only_reads() && operation.request_number().is_none();
        let may_be_absent = acts_without_number && success.is_absent();
        let is_no_object = own.is_some() && !success.is_object() && !may_be_absent;
        if is_no_object || self.has_strange(success, at_least) { another(own) } else { Ok(()) }
    }
}

/// A field that every success repeats is not there.
struct Missing {
    field: &'static str,
    /// Whether another one is.
    repeats: bool,
}

/// Compares the fields that repeat.
fn compare(
    request: &Request,
    operation: &Operation,
    success: &dyn Success,
) -> Result<Option<Missing>, ErrorKind> {
    let is_another = |field, sent: &str, answered: &str| match is_another(sent, answered) {
        true => another(Some(field)),
        false => Ok(()),
    };
    let (mut repeats, mut missing) = (false, None);
    for (field, in_every_response) in echoes(operation) {
        let Some(sent) = sent(request, operation, field) else { continue };
        match success.text(field) {
            Some(answered) => {
                is_another(field, &sent, &answered)?;
                repeats = true;
            }
            // Of a type that does not compare.
            None if success.has(field) => repeats = true,
            None if in_every_response && !sent.is_empty() => missing = missing.or(Some(field)),
            None => {}
        }
    }
    for field in merchants(operation.version()) {
        if let (Some(answered), Some(sent)) = (success.text(field), sent(request, operation, field)) {
            is_another(field, &sent, &answered)?;
        }
    }
    Ok(missing.map(|field| Missing { field, repeats }))
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
    use weipay_wire::XmlElements;

    use super::*;

    /// The field by which a response is found to be another one's; empty if no field is.
    fn differing(request: &Request, body: &[u8]) -> Option<&'static str> {
        found(check(request, StatusCode::OK, body))
    }

    fn found(checked: Result<(), ErrorKind>) -> Option<&'static str> {
        match checked {
            Ok(()) => None,
            Err(ErrorKind::AnotherRequest { field }) => Some(field.unwrap_or_default()),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn of(method: Method, path: &str, body: &str) -> Request {
        let mut request = Request::new(path.to_owned());
        request.operation = Some(Operation::find(&method, path).unwrap());
        request.body = Some(Body::Json(body.to_owned().into()));
        request
    }

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
            assert_eq!(found(check_elements(&by_apiv2, &elements)), another);
        }
        // Nothing is known of a path that the catalogue does not have.
        assert_eq!(differing(&query("v3/never/heard/of?mchid=1"), br#"{"mchid":"2"}"#), None);
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
        let echoes: Vec<_> = echoes(coupon.operation.unwrap()).collect();
        for (field, _) in &echoes {
            let sent: Vec<String> = echoes.iter().map(|(name, _)| format!("\"{name}\":\"A\"")).collect();
            coupon.body = Some(Body::Json(format!("{{{}}}", sent.join(",")).into()));
            let with_time = format!("{{\"{field}\":\"A\",\"wechatpay_use_time\":\"t\",\"x\":1}}");
            assert_eq!(differing(&coupon, with_time.as_bytes()), None);
            // But the stock of the coupon is not the use of it.
            let of_its_stock = format!("{{\"{field}\":\"A\",\"stock_state\":\"RUNNING\"}}");
            assert_eq!(differing(&coupon, of_its_stock.as_bytes()), Some("wechatpay_use_time"));
        }
    }

    const CLOSE: &str = "v3/pay/transactions/out-trade-no/A/close";
    const NATIVE: &str = "v3/pay/transactions/native";
    const SEND: &str = "v3/marketing/busifavor/coupons/send";
    const DEACTIVATE: &str = "v3/marketing/busifavor/coupons/deactivate";
    const QUERIED: &str = r#"{"out_trade_no":"A","trade_state":"NOTPAY","mchid":"1"}"#;
    const REFUNDED: &str =
        r#"{"refund_id":"5","out_refund_no":"R","transaction_id":"42","status":"SUCCESS"}"#;

    #[test]
    fn a_success_of_another_operation_is_none_of_this_one() {
        for (path, field) in
            [(CLOSE, ""), (NATIVE, "code_url"), (SEND, "stock_id"), (DEACTIVATE, "wechatpay_deactivate_time")]
        {
            let request = of(Method::POST, path, r#"{"out_trade_no":"A"}"#);
            let code = r#"{"code_url":"weixin://x"}"#;
            for body in [QUERIED, REFUNDED, code, r#"{"data":[]}"#] {
                let expected = (path != NATIVE || body != code).then_some(field);
                assert_eq!(differing(&request, body.as_bytes()), expected, "{path} {body}");
                assert!(check(&request, StatusCode::ACCEPTED, body.as_bytes()).is_ok());
            }
        }
        // One number that is right does not make a refund a split.
        let split =
            of(Method::POST, "v3/profitsharing/orders", r#"{"transaction_id":"42","out_order_no":"P"}"#);
        assert_eq!(differing(&split, REFUNDED.as_bytes()), Some("out_order_no"));
        let unknown_members = br#"{"transaction_id":"42","out_order_no":"P","order_id":"5","new":1}"#;
        assert_eq!(differing(&split, unknown_members), None);
        assert_eq!(differing(&split, br#"{"transaction_id":"42","state":"PROCESSING"}"#), None);
    }

    #[test]
    fn a_success_that_has_nothing_is_only_of_an_operation_that_may_say_nothing() {
        let nothing = ["", "null", "[]", "\"x\"", "5", "<html>"];
        for body in nothing.into_iter().chain(["{}", r#"{"code":"SUCCESS","message":"OK"}"#]) {
            for (path, field) in [(NATIVE, "code_url"), (DEACTIVATE, "wechatpay_deactivate_time")] {
                let request = of(Method::POST, path, "{}");
                assert_eq!(differing(&request, body.as_bytes()), Some(field), "{path} {body}");
            }
            assert_eq!(differing(&of(Method::POST, CLOSE, "{}"), body.as_bytes()), None, "{body}");
        }
        // Every field of theirs may be absent, so an object without any is whole. Numbers may be 0, and arrays empty.
        for (request, may_be_absent) in [
            (of(Method::POST, SEND, "{}"), false),
            (of(Method::POST, "v3/merchant-store/stores/{store_id}/recipients/bind", "{}"), true),
            (of(Method::GET, "v3/merchant/fund/balance/BASIC", ""), false),
            (of(Method::GET, "v3/marketing/busifavor/callbacks", ""), false),
        ] {
            for body in nothing {
                let is_refused = !(may_be_absent && body.is_empty());
                assert_eq!(differing(&request, body.as_bytes()).is_some(), is_refused, "{body}");
            }
            assert_eq!(differing(&request, b" {}"), None);
        }
        // But an empty list has its limit.
        let list = of(Method::GET, "v3/marketing/busifavor/users/{openid}/coupons", "");
        for body in nothing.into_iter().chain(["{}", QUERIED]) {
            assert_eq!(differing(&list, body.as_bytes()), Some("limit"), "{body}");
        }
        assert_eq!(differing(&list, br#"{"total_count":0,"limit":20,"offset":0,"new":1}"#), None);
        assert_eq!(differing(&list, br#"{"data":[],"new":1}"#), None);
    }

    #[test]
    fn what_any_response_may_have_says_nothing_of_its_operation() {
        let upload = of(Method::POST, "v3/gov/subsidy/goods/upload", "{}");
        assert_eq!(differing(&upload, br#"{"code":"000000","message":"OK"}"#), None);
        assert_eq!(differing(&upload, br#"{"code_url":"weixin://x"}"#), Some("code"));
        // Files, and what has only been accepted.
        assert_eq!(differing(&of(Method::GET, "v3/billdownload/file", ""), b"a,b"), None);
        let invoice = of(Method::POST, "v3/new-tax-control-fapiao/fapiao-applications", "{}");
        assert!(check(&invoice, StatusCode::ACCEPTED, b"").is_ok());
        assert_eq!(differing(&invoice, QUERIED.as_bytes()), Some(""));
    }

    #[test]
    fn a_success_of_another_operation_of_apiv2_is_none_of_this_one() {
        let common = "<return_code>SUCCESS</return_code><return_msg>OK</return_msg><appid>a</appid><mch_id>1</mch_id>\
                      <nonce_str>n</nonce_str><sign>s</sign><result_code>SUCCESS</result_code>";
        let queried = "<out_trade_no>A</out_trade_no><trade_state>NOTPAY</trade_state><total_fee>1</total_fee>\
                       <trade_state_desc>d</trade_state_desc>";
        let refunded = "<transaction_id>4</transaction_id><out_trade_no>A</out_trade_no><out_refund_no>R</out_refund_no>\
                        <refund_id>5</refund_id><refund_fee>1</refund_fee><total_fee>1</total_fee><cash_fee>1</cash_fee>";
        let paid = "<openid>o</openid><is_subscribe>N</is_subscribe><trade_type>MICROPAY</trade_type>\
                    <bank_type>OTHERS</bank_type><total_fee>1</total_fee><cash_fee>1</cash_fee>\
                    <transaction_id>4</transaction_id><out_trade_no>A</out_trade_no><time_end>20261127000000</time_end>";
        let new = "<new>1</new>";
        let sent = r#"{"out_trade_no":"A","out_refund_no":"R","mch_billno":"B"}"#;
        for (path, own, others) in [
            ("v2/pay/micropay", paid, &["", queried, refunded][..]),
            ("v2/deposit/micropay", paid, &["", queried, refunded]),
            ("v2/secapi/pay/refund", refunded, &["", queried, paid]),
            ("v2/pay/unifiedorder", "<trade_type>JSAPI</trade_type><prepay_id>p</prepay_id>", &["", queried]),
            ("v2/secapi/pay/reverse", "<recall>N</recall>", &["", queried, refunded]),
            ("v2/pay/orderquery", queried, &["", "<prepay_id>p</prepay_id>"]),
            (
                "v2/mmpaymkttransfers/sendredpack",
                "<mch_billno>B</mch_billno><re_openid>o</re_openid><total_amount>1</total_amount>",
                &["", queried],
            ),
            ("v2/pay/closeorder", "", &[queried, refunded, paid]),
            ("v2/pay/pappayapply", "", &[queried, refunded, paid]),
        ] {
            let request = of(Method::POST, path, sent);
            let judged = |elements: String| {
                let xml = format!("<xml>{common}{elements}</xml>");
                found(check_elements(&request, &XmlElements::read(xml.as_bytes(), "xml").unwrap()))
            };
            assert_eq!(judged(own.to_owned()), None, "{path}");
            assert_eq!(judged(format!("{own}{new}")), None, "{path} with a new element");
            // Ordinary merchants may get it empty, also where no page has it.
            assert_eq!(
                judged(format!("{own}{new}<sub_mch_id></sub_mch_id>")),
                None,
                "{path} without a sub-merchant"
            );
            for other in others {
                assert!(judged((*other).to_owned()).is_some(), "{path} {other}");
            }
        }
    }

    #[test]
    fn the_query_of_a_number_is_not_what_was_done_with_it() {
        let order =
            r#"{"appid":"a","mchid":"1","out_trade_no":"A","trade_state":"SUCCESS","transaction_id":"4"}"#;
        let reverse = of(Method::POST, "v3/pay/transactions/out-trade-no/A/reverse", r#"{"mchid":"1"}"#);
        assert!(differing(&reverse, order.as_bytes()).is_some());
        assert_eq!(differing(&reverse, br#"{"appid":"a","mchid":"1","out_trade_no":"A"}"#), None);
        let cancel = of(Method::POST, "v3/payscore/serviceorder/A/cancel", "{}");
        let doing = br#"{"appid":"a","mchid":"1","service_id":"s","out_order_no":"A","order_id":"5","state":"DOING"}"#;
        assert!(differing(&cancel, doing).is_some());
        let sent = r#"{"partner_trade_no":"P","mch_billno":"B","out_trade_no":"A"}"#;
        for (path, queried) in [
            (
                "v2/mmpaymkttransfers/promotion/transfers",
                "<partner_trade_no>P</partner_trade_no><payment_no>1</payment_no><payment_time>t</payment_time>\
                 <status>FAILED</status>",
            ),
            (
                "v2/mmpaymkttransfers/sendredpack",
                "<mch_billno>B</mch_billno><total_amount>1</total_amount><re_openid>o</re_openid>\
                 <send_listid>1</send_listid><wxappid>a</wxappid><status>FAILED</status>",
            ),
            (
                "v2/pay/unifiedorder",
                "<trade_type>NATIVE</trade_type><out_trade_no>A</out_trade_no><trade_state>SUCCESS</trade_state>",
            ),
        ] {
            let xml = format!(
                "<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code>{queried}</xml>"
            );
            let elements = XmlElements::read(xml.as_bytes(), "xml").unwrap();
            assert!(found(check_elements(&of(Method::POST, path, sent), &elements)).is_some(), "{path}");
        }
    }

    /// What the catalogue says of an operation must not refuse what the platform then sends.
    #[test]
    fn a_success_as_its_page_has_it_is_accepted_of_every_operation() {
        let mut judged = 0;
        for operation in crate::operations() {
            let mut request = Request::new(operation.path().to_owned());
            request.operation = Some(operation);
            let members: Vec<_> = operation.members(Place::Response).iter().collect();
            let all: Vec<&str> = members.iter().map(|member| member.name).collect();
            let required: Vec<&str> = members
                .iter()
                .filter(|member| member.is_in_every_success)
                .map(|member| member.name)
                .collect();
            for mut names in [all, required] {
                for new in [None, Some("unheard_of")] {
                    names.extend(new.filter(|_| !names.is_empty()));
                    let result = match operation.version() {
                        Version::V3 => {
                            let members: Vec<_> =
                                names.iter().map(|name| format!("\"{name}\":\"1\"")).collect();
                            check(&request, StatusCode::OK, format!("{{{}}}", members.join(",")).as_bytes())
                        }
                        Version::V2 => {
                            let mut elements = XmlElements::new();
                            names.iter().for_each(|name| elements.push((*name).to_owned(), "1"));
                            check_elements(&request, &elements)
                        }
                    };
                    judged += 1;
                    assert!(result.is_ok(), "{operation}: {names:?}: {result:?}");
                }
            }
        }
        assert!(judged > 4_000, "{judged}");
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
