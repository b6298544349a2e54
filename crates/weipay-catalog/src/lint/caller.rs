//! Checks `merchant-number` and `other-merchant` in responses and in notifications of APIv3: which member is the number of the
//! merchant who called, or whom a notification is for. The SDK refuses a response and a notification in which it is another one.

use std::collections::BTreeSet;

use super::{Linter, Place};
use crate::any_response::AnyResponse;
use crate::field::{Field, Kind, Purpose};
use crate::notification::Notification;
use crate::operation::{ApiVersion, Operation};

/// The names that any response of a version repeats where the request has them, so that they need no mark.
#[derive(Default)]
pub(super) struct Repeated(BTreeSet<(ApiVersion, &'static str)>);

impl Repeated {
    pub(super) fn new(responses: impl Iterator<Item = AnyResponse>) -> Self {
        let names = responses.flat_map(|response| {
            let echoes = response.fields().filter(|field| field.purpose == Some(Purpose::Echo));
            echoes.map(|field| (response.version, field.name)).collect::<Vec<_>>()
        });
        Self(names.collect())
    }

    pub(super) fn has(&self, operation: &Operation, name: &'static str) -> bool {
        self.0.contains(&(operation.version(), name))
    }
}

impl Linter {
    /// Each member of a response, or of an object in it, that names a merchant says whether that is the caller. What is in a list
    /// is about several merchants.
    pub(super) fn check_callers(&mut self, place: Place<'_>, operation: &Operation) {
        for field in &operation.response {
            if !(self.repeated.has(operation, field.name) && operation.sends(field.name)) {
                self.check_caller(place, field, None);
            }
        }
    }

    /// Each member of the resource that names a merchant says whether that is the one whom the notification is for. A receiver looks
    /// for it in the resource itself, and for nothing else.
    pub(super) fn check_recipient(&mut self, place: Place<'_>, notification: &Notification) {
        let says_who =
            |purpose: &Purpose| matches!(purpose, Purpose::MerchantNumber | Purpose::OtherMerchant);
        let is_v3 = notification.version == ApiVersion::V3;
        let rest: Vec<Field> = notification
            .resource
            .iter()
            .cloned()
            .map(|field| Field {
                purpose: field.purpose.filter(|purpose| !(is_v3 && says_who(purpose))),
                ..field
            })
            .collect();
        self.check_no_purpose(place, &rest);
        for field in notification.resource.iter().filter(|field| is_v3 && !field.list) {
            if field.purpose.is_none() && names_a_merchant(field) {
                let problem = format!(
                    "`{}` names a merchant: add `merchant-number` if the notification is for that one, and otherwise, or if it \
                     is in doubt, `other-merchant`",
                    field.name
                );
                self.report(place, field.line, problem);
            }
        }
    }

    /// The same of a shared object, whose members are checked where an operation has it.
    fn check_caller(&mut self, place: Place<'_>, field: &Field, shared: Option<(&'static str, usize)>) {
        if field.list || field.carrier.is_some() {
            return;
        }
        let name = field.name;
        if field.purpose.is_none() && names_a_merchant(field) {
            let (line, whose) = match shared {
                None => (field.line, String::new()),
                Some((shared, line)) => (line, format!(" of <{shared}>")),
            };
            let problem = format!(
                "`{name}`{whose} names a merchant: add `merchant-number` if that is who called, and otherwise, or if it is in \
                 doubt, `other-merchant`"
            );
            self.report(place, line, problem);
        }
        let line = shared.map_or(field.line, |(_, line)| line);
        let shared = field.shared.map(|name| (name, line)).or(shared);
        for member in &field.fields {
            self.check_caller(place, member, shared);
        }
    }
}

/// Whether a member may name the merchant who called.
fn names_a_merchant(field: &Field) -> bool {
    let ends = ["mchid", "mch_id"].iter().any(|end| field.name.ends_with(end));
    ends && matches!(field.kind, Kind::String | Kind::Integer) && !ANOTHER_PARTY.contains(&field.name)
}

/// Names that say that it is somebody else: for whom the caller acts, who pays and who gets, who made something.
const ANOTHER_PARTY: &[&str] = &[
    "bank_sp_mchid",
    "brand_mch_id",
    "brand_mchid",
    "card_link_mchid",
    "charge_mchid",
    "company_mchid",
    "complainted_mchid",
    "consume_mchid",
    "contract_mchid",
    "payee_mchid",
    "payer_mchid",
    "platform_mchid",
    "receive_mchid",
    "receiver_mchid",
    "return_mchid",
    "specialized_payment_mchid",
    "sponsor_mchid",
    "stock_creator_mchid",
    "stop_mchid",
    "sub_mch_id",
    "sub_mchid",
    "transaction_mchid",
    "transaction_sub_mchid",
    "user_authorized_mchid",
];

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    fn found(sent: &str, responded: &str) -> Vec<String> {
        let text = format!("GET v3/a\n  title x\n\n{sent}  response\n{responded}\n");
        let list = "GET v3/list\n  title x\n  response\n    a object[] <o>\n    b object[] <o>\n";
        let common = "GET v3/common\n  title x\n  query\n    mchid string\n  response\n    mchid string\n";
        let any = "RESPONSE v3\n  title x\n  usual\n    mchid string echo\n";
        let object = "OBJECT o\n  sp_mchid string\n  a string\n  b string\n";
        let files = [
            ("v3/a", &*text),
            ("v3/list", list),
            ("v3/common", common),
            ("responses/v3", any),
            ("shared/o", object),
        ];
        lint(&files)
    }

    #[test]
    fn a_member_that_names_a_merchant_says_whether_it_is_the_caller() {
        let says = "names a merchant: add `merchant-number`";
        for (responded, line) in [
            ("    mchid string", 5),
            ("    mch_id integer", 5),
            ("    new_mchid string", 5),
            ("    made object\n      sp_mchid string", 6),
            ("    made object <o>", 5),
        ] {
            let found = found("", responded);
            assert!(found.len() == 1 && found[0].starts_with(&format!("v3/a.api:{line}: `")), "{found:?}");
            assert!(found[0].contains(says), "{found:?}");
        }
        for (sent, responded) in [
            ("", "    mchid string merchant-number"),
            ("", "    mchid string other-merchant"),
            ("", "    made object\n      mchid string merchant-number"),
            // Any response repeats it.
            ("  query\n    mchid string\n", "    mchid string"),
            // The name says that it is somebody else.
            ("", "    sub_mchid string\n    payee_mchid string"),
            ("", "    all object[]\n      mchid string"),
            ("", "    mchid string[]\n    mchid_type boolean"),
        ] {
            assert_eq!(found(sent, responded), [""; 0], "{responded}");
        }
        // What only one operation repeats says so.
        let repeated = found("  query\n    new_mchid string\n", "    new_mchid string");
        assert!(repeated.iter().any(|found| found.contains("add `echo`")), "{repeated:?}");
        assert!(
            found("", "    all object[]\n      mchid string merchant-number")[0]
                .contains("remove `merchant-number`")
        );
    }

    #[test]
    fn a_notification_says_whom_it_is_for() {
        let found = |resource: &str| {
            let text = format!("NOTIFY v3 PAID\n  title x\n  resource\n{resource}\n");
            let envelope =
                "ENVELOPE v3\n  title x\n  retry 15s\n  body\n    a object\n      c string sealed\n";
            lint(&[("notifications/v3/envelope", envelope), ("notifications/v3/PAID", &text)])
        };
        for right in [
            "    mchid string merchant-number\n    sp_mchid string merchant-number",
            "    mchid string other-merchant\n    sub_mchid string",
            "    orders object[]\n      mchid string",
        ] {
            assert_eq!(found(right), [""; 0], "{right}");
        }
        assert!(
            found("    mchid string")[0]
                .contains("add `merchant-number` if the notification is for that one")
        );
        for wrong in ["    a_no string echo", "    order object\n      mchid string merchant-number"] {
            assert!(found(wrong)[0].contains("only fields of requests have a purpose"), "{wrong}");
        }
    }
}
