//! Checks error codes: their form, what is said twice, and lists that nothing or only one operation uses.

use std::collections::BTreeSet;

use super::{Linter, Place};
use crate::errors::{Advice, ErrorCode};
use crate::operation::{ApiVersion, Operation};
use crate::parse::Heading;

/// Lists with these names belong to every operation of the version.
const VERSIONS: [&str; 2] = [ApiVersion::V2.word(), ApiVersion::V3.word()];

impl Linter {
    /// Checks the codes in the file of an operation, and that its lists do not repeat each other.
    pub(super) fn check_errors(&mut self, place: Place<'_>, operation: &Operation) {
        for list in &operation.errors {
            match list.name {
                None => self.check_error_codes(place, &list.codes),
                Some(name) => *self.uses_of_errors.entry(name).or_default() += 1,
            }
        }
        let mut seen = BTreeSet::new();
        let has_number = operation.request_number().is_some();
        for list in &operation.errors {
            for code in &list.codes {
                if code.advice == Advice::NewNumber && !has_number {
                    let line = if list.name.is_none() { code.line } else { 1 };
                    let problem = format!(
                        "`{}`: the operation has no `request-number`, so the advice is not `new-number`",
                        shown(code)
                    );
                    self.report(place, line, problem);
                }
                if !seen.insert((code.status, code.code, code.meaning)) {
                    let line = if list.name.is_none() { code.line } else { 1 };
                    let problem =
                        format!("`{}` with this meaning is in two lists of error codes", shown(code));
                    self.report(place, line, problem);
                }
            }
        }
    }

    pub(super) fn check_error_codes(&mut self, place: Place<'_>, codes: &[ErrorCode]) {
        let mut seen = BTreeSet::new();
        for code in codes {
            if code.status.is_some_and(|status| status != 202 && !(400..600).contains(&status)) {
                let problem = format!("`{}`: an error has the status 202, 4xx or 5xx", shown(code));
                self.report(place, code.line, problem);
            }
            if !is_code(code.code) {
                let problem = format!("`{}` is not a code: write capital letters, digits and `_`", code.code);
                self.report(place, code.line, problem);
            }
            if code.meaning.ends_with('.')
                || code.meaning.starts_with(|first: char| first.is_ascii_uppercase())
            {
                let problem = format!(
                    "the meaning of `{}` must have no capital letter before it and no full stop after it",
                    code.code
                );
                self.report(place, code.line, problem);
            }
            let was_used = ["number was used", "_no` was used", "larger than what is left"]
                .iter()
                .any(|said| code.meaning.contains(said));
            if was_used && code.advice != Advice::QueryState {
                let problem = format!(
                    "`{}`: an earlier request may have taken effect, so the advice is `query-state`",
                    shown(code)
                );
                self.report(place, code.line, problem);
            }
            if !seen.insert((code.status, code.code, code.meaning)) {
                let problem = format!("`{}` is here twice with the same meaning", shown(code));
                self.report(place, code.line, problem);
            }
        }
    }

    pub(super) fn check_unused_error_lists(&mut self) {
        for (heading, (file, line)) in self.headings.clone() {
            let Heading::Errors(name) = heading else { continue };
            let problem = match self.uses_of_errors.get(name) {
                _ if VERSIONS.contains(&name) => continue,
                None => format!("the list of error codes `{name}` is not used"),
                Some(1) => format!("only one operation uses the list of error codes `{name}`: move it there"),
                Some(_) => continue,
            };
            self.report(Place { file: &file, first: line, text: "" }, 1, problem);
        }
    }
}

fn shown(code: &ErrorCode) -> String {
    let status = code.status.map_or("-".to_owned(), |status| status.to_string());
    format!("{status} {}", code.code)
}

fn is_code(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|letter| matches!(letter, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    const HEAD: &str = "GET v3/a\n  title x\n";

    /// What is found in an operation with these lines, beside two lists that two others use.
    fn found(lines: &str) -> Vec<String> {
        let others = "  errors <order>\n";
        lint(&[
            ("v3/a", &format!("{HEAD}{lines}")),
            ("v3/b", &format!("GET v3/b\n  title x\n{others}")),
            ("v3/c", &format!("GET v3/c\n  title x\n{others}")),
            ("errors/order", "ERRORS order\n  errors page v3/merchant/1\n    400 A_B contact why\n"),
            ("errors/v3", "ERRORS v3\n  errors page v3/merchant/1\n    401 SIGN_ERROR fix-request wrong\n"),
        ])
    }

    #[test]
    fn mistakes_in_codes_are_found() {
        let below = |codes: &str| found(&format!("  errors page v3/merchant/1\n{codes}"));
        assert_eq!(below("    400 A_B contact other\n    500 SIGN_ERROR contact wrong\n"), [""; 0]);
        for (codes, problem) in [
            ("    200 A_B contact why\n", "v3/a.api:4: `200 A_B`: an error has the status 202, 4xx or 5xx"),
            ("    600 A_B contact why\n", "v3/a.api:4: `600 A_B`: an error has the status 202, 4xx or 5xx"),
            (
                "    400 a_b contact why\n",
                "v3/a.api:4: `a_b` is not a code: write capital letters, digits and `_`",
            ),
            (
                "    400 A_B contact Why\n",
                "v3/a.api:4: the meaning of `A_B` must have no capital letter before it and no full stop after it",
            ),
            (
                "    400 A_B contact the refund number was used before\n",
                "v3/a.api:4: `400 A_B`: an earlier request may have taken effect, so the advice is `query-state`",
            ),
            (
                "    400 A_B fix-request the refund is larger than what is left\n",
                "v3/a.api:4: `400 A_B`: an earlier request may have taken effect, so the advice is `query-state`",
            ),
            (
                "    401 SIGN_ERROR contact wrong\n",
                "v3/a.api:1: `401 SIGN_ERROR` with this meaning is in two lists of error codes",
            ),
        ] {
            assert_eq!(below(codes), [problem]);
        }
        let twice = below("    400 A_B contact one\n    400 A_B fix-request one\n");
        assert!(
            twice.contains(&"v3/a.api:5: `400 A_B` is here twice with the same meaning".to_owned()),
            "{twice:?}"
        );
    }

    /// Whoever queries or closes an order does not make a new one.
    #[test]
    fn only_what_has_a_number_may_need_a_new_one() {
        let errors = "  errors page v3/merchant/1\n    400 A_B new-number why\n";
        let problem = ": `400 A_B`: the operation has no `request-number`, so the advice is not `new-number`";
        assert_eq!(found(errors), [format!("v3/a.api:4{problem}")]);
        let with_number = format!(
            "POST v3/d\n  title x\n  repeat unknown\n{errors}  json\n    n* string request-number # n = 1\n"
        );
        assert!(lint(&[("v3/d", &with_number)]).iter().all(|found| !found.contains("new-number")));
        // Of a shared list too.
        let list = errors.replace("  errors", "ERRORS order\n  errors");
        let shared = lint(&[("errors/order", &list), ("v3/a", &format!("{HEAD}  errors <order>\n"))]);
        assert!(shared.contains(&format!("v3/a.api:1{problem}")), "{shared:?}");
    }

    #[test]
    fn a_list_is_known_and_used_by_several_operations() {
        assert_eq!(
            found("  errors <other>\n"),
            ["v3/a.api:3: the list of error codes <other> does not exist: describe it in errors/other.api"]
        );
        let list = "ERRORS order\n  errors page v3/merchant/1\n    400 A_B contact why\n";
        assert_eq!(
            lint(&[("errors/order", list), ("v3/a", HEAD)]),
            ["errors/order.api:1: the list of error codes `order` is not used"]
        );
        assert_eq!(
            lint(&[("errors/order", list), ("v3/a", &format!("{HEAD}  errors <order>\n"))]),
            ["errors/order.api:1: only one operation uses the list of error codes `order`: move it there"]
        );
    }
}
