//! Whether a response is about what was asked. The signature of a response does not cover the request: two
//! whole responses, swapped between two calls on their way, both verify. So what a response repeats of its
//! request is compared with it ([`repeated`]), and what it consists of with what the catalogue knows of the operation
//! ([`evidence`]).
//!
//! The catalogue says which fields repeat (`echo`), also in an object of the response and under another name than in the
//! request, which are the caller's own number (`merchant-number`), which members say a state (`state`), and which members any
//! response may have or many have (`catalog/responses/`). The generator marks the rest: what every success has, and what of that
//! proves which operation it is of. A member that no success of the operation has, and not any response, is strange. It
//! alone refuses nothing, since the platform adds members without notice.
//!
//! The [`rules`] give the verdict. What only reads may find less than its page says, and must not fail for ever where the
//! page is wrong, so one known member is enough for it. What acts must prove that it acted: an order's `prepay_id` is not
//! the success of a refund, and neither is the empty body with which another order was closed, or `{}`.
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

#[cfg(test)]
mod every_echo;
mod evidence;
mod repeated;
mod rules;

use std::borrow::Cow;

use http::StatusCode;
use weipay_wire::XmlElements;

use self::evidence::{Evidence, Json, Success, Xml};
use self::repeated::compare;
use self::rules::Case;
use crate::error::ErrorKind;
use crate::json::member;
use crate::members::Member;
use crate::model::table::Purpose;
use crate::operation::Operation;
use crate::request::{Body, Request};

/// Whether a success in JSON can be the response to this request of this merchant. A brand has no number of a merchant.
///
/// # Errors
///
/// [`ErrorKind::MismatchedResponse`] if it cannot.
pub(super) fn check(
    request: &Request,
    caller: Option<&str>,
    status: StatusCode,
    body: &[u8],
) -> Result<(), ErrorKind> {
    judge(request, caller, &Json(body), status == StatusCode::ACCEPTED)
}

/// The same of a success of APIv2.
///
/// # Errors
///
/// [`ErrorKind::MismatchedResponse`] if it cannot.
pub(super) fn check_elements(
    request: &Request,
    caller: Option<&str>,
    elements: &XmlElements,
) -> Result<(), ErrorKind> {
    judge(request, caller, &Xml(elements), false)
}

/// It is the response to another request: so says this field, if it is one that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Another(Option<&'static str>);

const fn another(field: &'static str) -> Another {
    Another(Some(field))
}

/// The request, and the merchant who sent it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a Request,
    operation: &'static Operation,
    /// The merchant who called.
    caller: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// The value that the request has in the field: in its path, its query or its body.
    fn sent(self, field: &str) -> Option<Cow<'a, str>> {
        let in_body = || match &self.request.body {
            Some(Body::Json(body)) => member(body, field),
            None | Some(Body::Upload(_) | Body::Form { .. }) => None,
        };
        let in_path = self.request.path_value(self.operation, field);
        in_path.or_else(|| self.request.query_value(field)).or_else(in_body)
    }

    /// Which of these fields the request has. Its own are gone through once: they are few.
    fn sent_among(self, fields: &'static [&'static str]) -> Vec<&'static str> {
        let mut found = Vec::new();
        self.request.each_name(self.operation, &mut |name| {
            found.extend(fields.iter().find(|field| **field == name).copied());
        });
        found
    }

    /// Whether a member with the caller's number has instead that of another merchant that the request names, such as the one who
    /// pays.
    fn is_other_merchant(self, member: &Member, answered: &str) -> bool {
        member.purpose == Some(Purpose::MerchantNumber)
            && member.repeats != member.name
            && self.sent(member.repeats).is_some_and(|sent| !sent.is_empty() && sent == answered)
    }

    /// The value that a member of the response must repeat, if it is known.
    fn repeated_by(self, member: &Member) -> Option<Cow<'a, str>> {
        match member.purpose {
            Some(Purpose::Echo | Purpose::EchoInEveryResponse) => self.sent(member.repeats),
            Some(Purpose::MerchantNumber) => self.sent(member.name).or(self.caller.map(Cow::Borrowed)),
            _ => None,
        }
    }
}

fn judge(
    request: &Request,
    caller: Option<&str>,
    success: &dyn Success,
    is_accepted: bool,
) -> Result<(), ErrorKind> {
    let Some(operation) = request.operation else { return Ok(()) };
    let asked = Asked { request, operation, caller };
    let found = compare(asked, success).map_or_else(Some, |missing| {
        let evidence = Evidence::new(operation, success);
        Case { asked, is_accepted, missing, evidence }.verdict()
    });
    found.map_or(Ok(()), |Another(field)| Err(ErrorKind::MismatchedResponse { field }))
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::members::Place;
    use crate::operation::ApiVersion;

    /// Who called.
    pub(super) const CALLER: Option<&str> = Some("1");

    /// The field by which a response is found to be another one's; empty if no field is.
    pub(super) fn differing(request: &Request, body: &[u8]) -> Option<&'static str> {
        found(check(request, CALLER, StatusCode::OK, body))
    }

    pub(super) fn differing_elements(request: &Request, elements: &XmlElements) -> Option<&'static str> {
        found(check_elements(request, CALLER, elements))
    }

    pub(super) fn found(checked: Result<(), ErrorKind>) -> Option<&'static str> {
        match checked {
            Ok(()) => None,
            Err(ErrorKind::MismatchedResponse { field }) => Some(field.unwrap_or_default()),
            Err(other) => panic!("{other:?}"),
        }
    }

    pub(super) fn of(method: Method, path: &str, body: &str) -> Request {
        let mut request = Request::new(path.to_owned());
        request.operation = Some(Operation::find(&method, path).unwrap());
        request.body = Some(Body::Json(body.to_owned().into()));
        request
    }

    pub(super) fn query(path: &str) -> Request {
        let mut request = Request::new(path.to_owned());
        request.operation = Operation::find(&Method::GET, path);
        request
    }

    /// The checks must accept each response that the catalogue describes.
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
                        ApiVersion::V3 => {
                            let members: Vec<_> =
                                names.iter().map(|name| format!("\"{name}\":\"1\"")).collect();
                            check(
                                &request,
                                CALLER,
                                StatusCode::OK,
                                format!("{{{}}}", members.join(",")).as_bytes(),
                            )
                        }
                        ApiVersion::V2 => {
                            let mut elements = XmlElements::new();
                            // Rows do not have what any response may have.
                            for name in ["return_code", "mch_id", "sub_mch_id"] {
                                elements.push(name, "1");
                            }
                            names.iter().for_each(|name| elements.push((*name).to_owned(), "1"));
                            check_elements(&request, CALLER, &elements)
                        }
                    };
                    judged += 1;
                    assert!(result.is_ok(), "{operation}: {names:?}: {result:?}");
                }
            }
        }
        assert!(judged > 4_000, "{judged}");
    }
}
