//! The members of a success, compared with those of its operation. They are read only as far as needed: most responses prove
//! with their first members to which operation they belong.

use std::borrow::Cow;

use weipay_wire::XmlElements;

use crate::json::{any_member, has_member, is_object, member, object_member};
use crate::members::{Member, Members, Place};
use crate::operation::{AnyResponse, Operation, is_state};

/// The members of a response.
pub(super) trait Success {
    /// The value of a field, if it is one that compares.
    fn text(&self, field: &str) -> Option<Cow<'_, str>>;
    /// The JSON of a field, if it is an object. No object of APIv2 repeats something.
    fn object(&self, field: &str) -> Option<Json<'_>>;
    fn has(&self, field: &str) -> bool;
    /// Whether a member has such a name. Stops at the first one that has.
    fn any(&self, is_such: &mut dyn FnMut(&str) -> bool) -> bool;
    /// Whether it is an object, which may be empty.
    fn is_object(&self) -> bool;
    /// Whether the response has no body, as with status 204.
    fn is_absent(&self) -> bool;
}

pub(super) struct Json<'a>(pub(super) &'a [u8]);

impl Success for Json<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        member(self.0, field)
    }

    fn object(&self, field: &str) -> Option<Json<'_>> {
        object_member(self.0, field).map(Json)
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

pub(super) struct Xml<'a>(pub(super) &'a XmlElements);

impl Success for Xml<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        self.0.text(field).map(Cow::Borrowed)
    }

    fn object(&self, _: &str) -> Option<Json<'_>> {
        None
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

/// A success beside what the catalogue knows of its operation. Of the members of the row none is one that any response may
/// have.
pub(super) struct Evidence<'a> {
    pub(super) success: &'a dyn Success,
    members: Members,
    any: &'static AnyResponse,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(operation: &Operation, success: &'a dyn Success) -> Self {
        let any = operation.version().any_response();
        Self { success, members: operation.members(Place::Response), any }
    }

    /// The members that every success of the operation has.
    pub(super) fn in_every_success(&self) -> impl Iterator<Item = Member> {
        self.members.iter().filter(|member| member.is_in_every_success)
    }

    /// Those that tell it from other responses about the same request, merchant, person or time. A success has one of them.
    pub(super) fn proofs(&self) -> impl Iterator<Item = Member> {
        self.members.iter().filter(|member| member.is_proof)
    }

    /// A member of the operation; one that every success has, if there is one.
    pub(super) fn example(&self) -> Option<&'static str> {
        let first = self.in_every_success().next().or_else(|| self.members.iter().next());
        first.map(|member| member.name)
    }

    pub(super) fn has_proof(&self) -> bool {
        self.proofs().any(|member| self.success.has(member.name))
    }

    pub(super) fn has_any_of_every_success(&self) -> bool {
        self.success.any(&mut |name| self.members.get(name).is_some_and(|member| member.is_in_every_success))
    }

    /// Whether it has a member of the operation.
    pub(super) fn has_own(&self) -> bool {
        self.success.any(&mut |name| self.members.get(name).is_some())
    }

    /// Whether it has nothing but what any response may have.
    pub(super) fn has_nothing(&self) -> bool {
        !self.success.any(&mut |name| !self.is_of_any(name))
    }

    /// Whether it has nothing but that, and who takes part, when and in which state.
    pub(super) fn has_only_usual(&self) -> bool {
        !self.success.any(&mut |name| !self.is_of_any(name) && !self.any.is_usual(name))
    }

    /// Whether more of it is strange than of the operation.
    pub(super) fn is_mostly_strange(&self) -> bool {
        let (mut strange, mut own) = (0, 0);
        self.success.any(&mut |name| {
            match self.members.get(name) {
                Some(_) => own += 1,
                None => strange += usize::from(!self.any.has(name)),
            }
            false
        });
        strange > own
    }

    /// The members that every success has and this one lacks.
    pub(super) fn missing(&self) -> impl Iterator<Item = Member> {
        self.in_every_success().filter(|member| !self.success.has(member.name))
    }

    /// Whether it has so many members that no success of the operation has.
    pub(super) fn has_strange(&self, mut at_least: usize) -> bool {
        self.success.any(&mut |name| {
            at_least -= usize::from(self.is_strange(name));
            at_least == 0
        })
    }

    /// Whether one of these says in which state something is.
    pub(super) fn has_strange_state(&self) -> bool {
        self.success.any(&mut |name| is_state(name) && self.is_strange(name))
    }

    /// A page that names a member of this kind makes it one of its operation.
    fn is_of_any(&self, name: &str) -> bool {
        self.any.has(name) && self.members.get(name).is_none()
    }

    fn is_strange(&self, name: &str) -> bool {
        !self.any.has(name) && self.members.get(name).is_none()
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::operation::ApiVersion;

    fn asked<T>(path: &str, body: &str, ask: impl Fn(&Evidence<'_>) -> T) -> T {
        let operation = Operation::find(&Method::POST, path).unwrap();
        match operation.version() {
            ApiVersion::V3 => ask(&Evidence::new(operation, &Json(body.as_bytes()))),
            ApiVersion::V2 => {
                let elements = XmlElements::read(format!("<xml>{body}</xml>").as_bytes(), "xml").unwrap();
                ask(&Evidence::new(operation, &Xml(&elements)))
            }
        }
    }

    #[test]
    fn what_any_response_may_have_is_nothing_and_is_not_strange() {
        let close = "v3/pay/transactions/out-trade-no/A/close";
        for (path, body) in [
            (close, r#"{"code":"SUCCESS","message":"OK"}"#),
            ("v2/pay/closeorder", "<return_code>SUCCESS</return_code><sub_mch_id></sub_mch_id>"),
        ] {
            assert!(asked(path, body, |found| found.has_nothing() && !found.has_strange(1)), "{path}");
        }
        let state = r#"{"mchid":"1","trade_state":"NOTPAY"}"#;
        assert!(asked(close, state, |found| found.has_strange(2) && !found.has_strange(3)));
        assert!(asked(close, state, |found| found.has_strange_state()));
    }

    #[test]
    fn an_operation_may_have_as_its_own_what_elsewhere_any_response_may_have() {
        let code = r#"{"code":"000000","message":"OK"}"#;
        let upload = "v3/gov/subsidy/goods/upload";
        assert!(asked(upload, code, |found| found.has_own() && !found.has_nothing()));
        // The number of the sub-merchant that it makes.
        let made = "<sub_mch_id>2</sub_mch_id>";
        assert!(asked("v2/secapi/mch/addInstitutionsub", made, |found| found.has_own()));
        assert!(!asked("v2/secapi/pay/refund", made, |found| found.has_own()));
    }

    #[test]
    fn who_takes_part_and_when_proves_nothing() {
        let pay = "v3/pay/transactions/codepay";
        let usual = r#"{"mchid":"1","appid":"a","out_trade_no":"A","success_time":"t"}"#;
        assert!(asked(pay, usual, |found| found.has_any_of_every_success() && !found.has_proof()));
        assert!(asked(pay, r#"{"trade_state":"SUCCESS"}"#, |found| found.has_proof()));
        assert_eq!(asked(pay, "", |found| found.example()), Some("mchid"));
    }
}
