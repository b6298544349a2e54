//! Checks `echo`: which members of a response repeat what the request is about. The SDK refuses a response in which one differs,
//! so a mark that is wrong refuses a right success, and one that is missing lets the response to another request pass.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Finding, Linter, Place};
use crate::field::{Field, Kind, Purpose};
use crate::operation::{self, Operation};

/// Echoes of shared objects. Several operations have such an object, and not each of them sends what it repeats.
#[derive(Default)]
pub(super) struct Shared {
    marked: Vec<(&'static str, &'static str, PathBuf, usize)>,
    /// Those that an operation compares, as object and member.
    compared: BTreeSet<(&'static str, &'static str)>,
}

/// Where a member of a response stands.
#[derive(Clone, Copy, Default)]
struct Around {
    /// The shared object that describes it, and the line of the operation that names this object.
    shared: Option<(&'static str, usize)>,
    is_nested: bool,
    /// Whether clients do not look there: in a list, or in a string that holds members.
    is_out_of_reach: bool,
}

impl Around {
    fn inside(self, field: &Field) -> Self {
        let line = self.shared.map_or(field.line, |(_, line)| line);
        Self {
            shared: field.shared.map(|name| (name, line)).or(self.shared),
            is_nested: true,
            is_out_of_reach: self.is_out_of_reach || field.list || field.carrier.is_some(),
        }
    }
}

impl Linter {
    /// An echo repeats a field of the request. Clients look for it among the members of the response and of the objects in it,
    /// and for a state among those of the response itself.
    pub(super) fn check_echoes(&mut self, place: Place<'_>, operation: &Operation) {
        self.check_echoes_in(place, operation, &operation.response, Around::default());
        self.check_renamed_id(place, operation);
    }

    fn check_echoes_in(&mut self, place: Place<'_>, operation: &Operation, fields: &[Field], around: Around) {
        for field in fields {
            match field.purpose {
                Some(Purpose::Echo) => self.check_echo(place, operation, field, around),
                Some(Purpose::State) if around.is_nested => {
                    let problem = "`state` is of a member of the response itself, not of an object in it";
                    self.report(place, field.line, problem);
                }
                None if !around.is_out_of_reach && self.is_repeated(operation, field, around.is_nested) => {
                    let name = field.name;
                    match around.shared {
                        None => {
                            let problem = format!("`{name}` repeats what the request is about: add `echo`");
                            self.report(place, field.line, problem);
                        }
                        Some((shared, line)) => {
                            let problem = format!(
                                "`{name}` of <{shared}> repeats what the request is about: add `echo` to it there"
                            );
                            self.report(place, line, problem);
                        }
                    }
                }
                _ => {}
            }
            self.check_echoes_in(place, operation, &field.fields, around.inside(field));
        }
    }

    fn check_echo(&mut self, place: Place<'_>, operation: &Operation, field: &Field, around: Around) {
        let name = field.name;
        let repeated = operation.repeated_by(field);
        if let Some((shared, _)) = around.shared {
            if repeated.is_some() && !around.is_out_of_reach {
                self.echoes.compared.insert((shared, name));
            }
            return;
        }
        let problem = match repeated {
            _ if around.is_out_of_reach => {
                format!("`{name}` is in a list or in a string, where clients do not look for an `echo`")
            }
            None => format!("`{name}` is an `echo`, but the request has no such field"),
            Some((_, sent)) if !is_plain(sent) => {
                format!("`{name}` is an `echo`, but what it repeats is not sent as it is")
            }
            Some(_) => match mistake(field) {
                Some(problem) => problem,
                None => return,
            },
        };
        self.report(place, field.line, problem);
    }

    /// `id` is what the last value of the path names, where the path ends as in `refunds/id/{refund_id}`.
    fn check_renamed_id(&mut self, place: Place<'_>, operation: &Operation) {
        let sent = operation.placeholders().last().unwrap_or_default();
        let is_id = operation.path.ends_with(&format!("/id/{{{sent}}}"));
        let has = |name: &str| operation.response.iter().any(|field| field.name == name);
        let id = operation.response.iter().find(|field| field.name == "id" && field.purpose.is_none());
        if let Some(id) = id.filter(|_| is_id && !has(sent)) {
            self.report(place, id.line, format!("`id` repeats `{sent}`: add `echo({sent})`"));
        }
    }

    /// A shared object may repeat what some requests with it send, and name the caller. It has no other purpose.
    pub(super) fn check_shared_object(&mut self, place: Place<'_>, shared: &'static str, members: &[Field]) {
        let rest: Vec<Field> = members.iter().cloned().map(without_compared).collect();
        self.check_no_purpose(place, &rest);
        self.collect_shared_echoes(place, shared, members);
    }

    fn collect_shared_echoes(&mut self, place: Place<'_>, shared: &'static str, members: &[Field]) {
        for field in members {
            if field.purpose == Some(Purpose::Echo) {
                let line = place.first + field.line - 1;
                self.echoes.marked.push((shared, field.name, place.file.to_owned(), line));
                if let Some(problem) = mistake(field) {
                    self.report(place, field.line, problem);
                }
            }
            // The members of a shared object are checked in its file.
            if field.shared.is_none() {
                self.collect_shared_echoes(place, shared, &field.fields);
            }
        }
    }

    /// Finds echoes of shared objects that repeat nothing anywhere.
    pub(super) fn check_unused_echoes(&mut self) {
        for (shared, name, file, line) in std::mem::take(&mut self.echoes.marked) {
            if !self.echoes.compared.contains(&(shared, name)) {
                let problem = format!(
                    "`{name}` is an `echo`, but no request whose response has <{shared}> has such a field"
                );
                self.findings.push(Finding { file, line, problem });
            }
        }
    }
}

fn without_compared(mut field: Field) -> Field {
    field.purpose = field.purpose.filter(|purpose| !purpose.is_compared());
    if field.shared.is_none() {
        field.fields = field.fields.into_iter().map(without_compared).collect();
    }
    field
}

/// What is wrong with an echo, whatever it repeats.
fn mistake(field: &Field) -> Option<String> {
    let name = field.name;
    if !is_plain(field) {
        return Some(format!("`{name}` is not a text or an integer as it is, but `echo` must be one"));
    }
    if may_be_masked(field) {
        return Some(format!(
            "remove `echo` from `{name}`: what belongs to a person may be masked in a response"
        ));
    }
    (field.echo_of == Some(name))
        .then(|| format!("write `echo`: `{name}` repeats the field with its own name"))
}

impl Linter {
    /// Whether a member repeats what the request is about, as its name says.
    fn is_repeated(&self, operation: &Operation, field: &Field, is_nested: bool) -> bool {
        let name = field.name;
        let is_other =
            NOT_THE_SAME.iter().any(|(path, other)| operation.path.starts_with(path) && *other == name);
        // What any response repeats needs no mark, but in an object only what is marked is compared.
        let is_common = !is_nested && self.repeated.has(operation, name);
        let is_sent = operation::Place::ALL.into_iter().any(|travels| {
            let mut fields = operation.request.fields(travels).iter();
            let sent = fields.find(|sent| sent.name == name && sent.kind == field.kind);
            names_what_it_is_about(travels, name)
                && sent.is_some_and(|sent| is_plain(sent) && !may_be_masked(sent))
        });
        is_sent && !is_common && !is_other && is_plain(field) && !may_be_masked(field)
    }
}

/// Whether a field of a request names what it is about.
fn names_what_it_is_about(travels: operation::Place, name: &str) -> bool {
    use operation::Place::{Json, Path, Query, Xml};
    let ends = ["_no", "_id", "_number", "mchid"].iter().any(|end| name.ends_with(end));
    let says = match travels {
        Path => true,
        Query | Json | Xml => ends && !NO_ECHO.contains(&name),
        _ => false,
    };
    says && !name.ends_with("appid")
}

/// Whether a value is a text or an integer that is sent as it is.
fn is_plain(field: &Field) -> bool {
    matches!(field.kind, Kind::String | Kind::Integer) && !field.list && field.carrier.is_none()
}

/// Names, telephones, openids and cards may be masked in a response, or be those of another appid.
fn may_be_masked(field: &Field) -> bool {
    field.is_private() && !REPEATED_IN_FULL.contains(&field.name)
}

/// Private numbers that no response masks: the merchant gave them itself, or learns them from responses only.
const REPEATED_IN_FULL: &[&str] = &[
    "authorization_code",
    "card_no",
    "employee_id",
    "out_authorization_no",
    "out_card_code",
    "out_card_no",
    "out_user_id",
    "user_coupon_bundle_id",
    "user_id",
];

/// Names in a query or a body that do not say what a request is about: who takes part, of which contract or brand, a bank or a
/// place, a file, a part of an order, or what a merchant calls its own. To be in doubt is enough: a right success that is refused
/// is as bad as a wrong one that is taken.
const NO_ECHO: &[&str] = &[
    "accept_id",
    "acquiring_bank_id",
    "application_file_id",
    "brand_id",
    "channel_id",
    "channel_no",
    "city_id",
    "exchange_coupon_template_id",
    "individual_auth_id",
    "med_inst_no",
    "media_id",
    "org_no",
    "organization_id",
    "partnership_file_id",
    "pay_order_id",
    "plan_id",
    "prepay_id",
    "region_id",
    "serial_no",
    "service_id",
    "settle_rule_id",
    "sgn_no",
    "sub_order_id",
    "sub_order_no",
];

/// Members that may have another value than the field with their name, each with the beginning of the path.
const NOT_THE_SAME: &[(&str, &str)] = &[
    // The release of a merchant may show beside itself what it releases.
    ("v3/aggracct-bc/wb-channel/control-orders/{out_request_no}", "out_request_no"),
    // The serial number of a device: its letters may be of another case.
    ("v3/iotmanage/", "device_sn"),
    ("v3/pay-devices/", "device_sn"),
    // Perhaps the number of the share, as its label says.
    ("v3/ecommerce/profitsharing/after-sales-orders", "transaction_id"),
    // What changes an application may make a new one: its page shows another number than that of the path.
    ("v3/global/merchant/h5/permission/domain/applications/", "applyment_id"),
    ("v3/rate-activity/applications/id/", "application_id"),
    // The organization of a person, which may be a part of the one that was asked.
    ("v3/offlinefacemch/organizations/", "organization_id"),
    // Perhaps the number of the stock in another product.
    ("v3/marketing/busifavor/coupons/send", "stock_id"),
    // The code that a person got, not the one that was uploaded.
    ("v3/marketing/busifavor/stocks/{stock_id}/couponcodes/", "coupon_code"),
];

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    /// What is found in an operation, with these lines of its request and its response, and of a shared object `o`.
    fn found_with(path: &str, sent: &str, responded: &str, shared: &str) -> Vec<String> {
        let text = format!("GET {path}\n  title x\n\n{sent}\n  response\n{responded}\n");
        let object = format!("OBJECT o\n  a string\n  b string\n{shared}\n");
        // The list makes it a shared one.
        let list = "GET v3/list\n  title x\n  response\n    items object[] <o>\n";
        let files = [(path, &*text), ("shared/o", &object), ("v3/list", list)];
        lint(if shared.is_empty() { &files[..1] } else { &files })
    }

    fn found(path: &str, sent: &str, responded: &str) -> Vec<String> {
        found_with(path, sent, responded, "")
    }

    const NO: &str = "  query\n    out_recharge_no string\n";
    const WORD: &str = "  path\n    word string\n";

    #[test]
    fn a_response_that_repeats_what_the_request_is_about_says_so() {
        let add = |name: &str, line: usize, path: &str| {
            [format!("{path}.api:{line}: `{name}` repeats what the request is about: add `echo`")]
        };
        assert_eq!(found("v3/a", NO, "    out_recharge_no string"), add("out_recharge_no", 8, "v3/a"));
        assert_eq!(found("v3/a/{word}", WORD, "    word string"), add("word", 8, "v3/a/{word}"));
        let id = "  path\n    brand_id integer\n";
        assert_eq!(
            found("v3/a/{brand_id}", id, "    brand_id integer"),
            add("brand_id", 8, "v3/a/{brand_id}")
        );
        let inside = "    made object\n      of object\n        out_recharge_no string";
        assert_eq!(found("v3/a", NO, inside), add("out_recharge_no", 10, "v3/a"));
        for (path, sent, responded) in [
            ("v3/a/{word}", WORD, "    word string echo"),
            ("v3/a", NO, "    out_recharge_no string echo"),
            ("v3/a", NO, "    made object\n      out_recharge_no string echo"),
            ("v3/a", NO, "    out_recharge_no string[]"),
            ("v3/a", NO, "    out_recharge_no integer"),
            ("v3/a", NO, "    all object[]\n      out_recharge_no string"),
            ("v3/a", NO, "    text string json-text json-object-like\n      out_recharge_no string"),
            ("v3/a", NO, "    another_no string"),
            ("v3/a", "  query\n    brand_id string\n", "    brand_id string"),
            ("v3/a", "  query\n    remark string\n", "    remark string"),
            ("v3/a/{openid}", "  path\n    openid string private\n", "    openid string private"),
            ("v3/iotmanage/{device_sn}", "  path\n    device_sn string\n", "    device_sn string"),
        ] {
            assert_eq!(found(path, sent, responded), [""; 0], "{responded}");
        }
    }

    #[test]
    fn an_echo_repeats_a_field_that_is_sent_as_it_is() {
        let no_field = "is an `echo`, but the request has no such field";
        for (sent, responded, problem) in [
            (NO, "    another_no string echo", no_field),
            (NO, "    another_no string echo(third_no)", no_field),
            ("  headers\n    a_no string\n", "    a_no string echo", no_field),
            ("  other\n    a_no string\n", "    a_no string echo", no_field),
            (NO, "    all object[]\n      out_recharge_no string echo", "is in a list or in a string"),
            (NO, "    out_recharge_no string[] echo", "must be one"),
            (NO, "    out_recharge_no string echo(out_recharge_no)", "write `echo`"),
            ("  query\n    openid string\n", "    openid string private echo", "may be masked"),
            ("  query\n    a_no string[]\n", "    a_no string echo", "is not sent as it is"),
        ] {
            let found = found("v3/a", sent, responded);
            assert!(found.iter().any(|found| found.contains(problem)), "{responded}: {found:?}");
        }
        for right in [
            "    number string echo(out_recharge_no)",
            "    made object\n      number string echo(out_recharge_no)",
            "    number integer echo(out_recharge_no)",
        ] {
            assert_eq!(found("v3/a", NO, right), [""; 0], "{right}");
        }
    }

    #[test]
    fn an_id_that_the_path_names_says_so() {
        let sent = "  path\n    refund_id string\n";
        let of = |responded: &str| found("v3/a/id/{refund_id}", sent, responded);
        assert_eq!(
            of("    id string"),
            ["v3/a/id/{refund_id}.api:8: `id` repeats `refund_id`: add `echo(refund_id)`"]
        );
        assert_eq!(of("    id string echo(refund_id)"), [""; 0]);
        assert_eq!(of("    id string\n    refund_id string echo"), [""; 0]);
        assert_eq!(found("v3/a/{refund_id}", sent, "    id string"), [""; 0]);
    }

    #[test]
    fn an_echo_of_a_shared_object_counts_where_the_request_has_what_it_repeats() {
        let of = |sent: &str, shared: &str| found_with("v3/a", sent, "    made object <o>", shared);
        assert_eq!(of(NO, "  out_recharge_no string echo"), [""; 0]);
        assert_eq!(
            of(NO, "  out_recharge_no string"),
            [
                "v3/a.api:8: `out_recharge_no` of <o> repeats what the request is about: add `echo` to it there"
            ]
        );
        let unused = "  query\n    a_no string\n";
        assert_eq!(
            of(unused, "  out_recharge_no string echo"),
            [
                "shared/o.api:4: `out_recharge_no` is an `echo`, but no request whose response has <o> has such a field"
            ]
        );
        assert!(of(NO, "  out_recharge_no string echo\n  s string state")[0].contains("remove `state`"));
        let openid = "  path\n    openid string private\n";
        let found =
            found_with("v3/a/{openid}", openid, "    made object <o>", "  openid string private echo");
        assert!(found[0].contains("may be masked"), "{found:?}");
    }
}
