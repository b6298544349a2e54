//! Checks what the SDK compares responses with: which members say a state, and what the responses of a version have in common.
//! It tells by them whether a response is that of the operation, so a name must mean the same wherever it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Finding, Linter, Place};
use crate::any_response::AnyResponse;
use crate::field::{Field, Kind, Purpose};
use crate::operation::{self, ApiVersion, Operation};

/// What was read of all operations.
#[derive(Default)]
pub(super) struct Members {
    /// The names in responses that a `state` has, and where a member with a name does not have it.
    states: BTreeSet<&'static str>,
    stateless: Vec<(&'static str, PathBuf, usize)>,
    in_requests: BTreeSet<(ApiVersion, &'static str)>,
    in_responses: BTreeSet<(ApiVersion, &'static str)>,
    /// Each with the place of its description.
    common: BTreeMap<ApiVersion, (AnyResponse, PathBuf, usize)>,
}

impl Linter {
    pub(super) fn collect_members(&mut self, place: Place<'_>, operation: &Operation) {
        let version = operation.version();
        for travels in operation::Place::ALL {
            let names = operation.request.fields(travels).iter().map(|field| (version, field.name));
            self.members.in_requests.extend(names);
        }
        for field in &operation.response {
            self.members.in_responses.insert((version, field.name));
            if field.purpose == Some(Purpose::State) {
                self.members.states.insert(field.name);
            } else {
                let line = place.first + field.line - 1;
                self.members.stateless.push((field.name, place.file.to_owned(), line));
            }
        }
    }

    pub(super) fn check_any_response(&mut self, place: Place<'_>, response: AnyResponse) {
        for field in response.fields() {
            if let Some(purpose) = field.purpose.filter(|purpose| *purpose != Purpose::Echo) {
                let problem = format!("`{}` is not possible here: remove it", purpose.word());
                self.report(place, field.line, problem);
            }
            if field.echo_of.is_some() {
                let problem = format!("`{}` can only be the echo of the field with its name", field.name);
                self.report(place, field.line, problem);
            }
        }
        for field in &response.usual {
            if response.any.iter().any(|other| other.name == field.name) {
                let problem = format!("`{}` is below `any` and below `usual`: keep one of them", field.name);
                self.report(place, field.line, problem);
            }
        }
        let described = (response, place.file.to_owned(), place.first);
        self.members.common.insert(described.0.version, described);
    }

    /// What makes something under a number of the request, whose page requires nothing of a success, must say what proves one: a
    /// member that was sent comes back in other responses about the same, too.
    pub(super) fn check_proof(&mut self, place: Place<'_>, operation: &Operation) {
        let response = &operation.response;
        for name in &operation.proof {
            if !response.iter().any(|field| field.name == *name) {
                self.report(place, 1, format!("`proof` names `{name}`, which the response does not have"));
            }
        }
        if !operation.proof.is_empty() && !operation.writes() {
            self.report(place, 1, "remove `proof`: only what acts must prove it");
        }
        let Some((_, number)) = operation.field_for(Purpose::RequestNumber) else { return };
        let is_required = |field: &Field| field.required && matches!(field.kind, Kind::String | Kind::Object);
        let was_sent = |field: &Field| field.name != number.name && operation.sends(field.name);
        let is_unproven = operation.proof.is_empty() && !response.iter().any(is_required);
        if is_unproven && response.iter().any(was_sent) {
            let problem = "no member of the response is required, and some were sent: write `proof NAME | NAME`, the members one \
                           of which every success has";
            self.report(place, 1, problem);
        }
    }

    /// Finds members that are not marked like others with their name.
    pub(super) fn check_states(&mut self) {
        for (name, file, line) in std::mem::take(&mut self.members.stateless) {
            if self.members.states.contains(name) {
                let problem =
                    format!("`{name}` says a state in the response of another operation: add `state`");
                self.findings.push(Finding { file, line, problem });
            }
        }
    }

    /// Finds what no operation has, so that nothing is described that is not there.
    pub(super) fn check_common_members(&mut self) {
        for (version, (response, file, first)) in std::mem::take(&mut self.members.common) {
            let place = Place { file: &file, first, text: "" };
            let is_in = |names: &BTreeSet<_>, field: &Field| names.contains(&(version, field.name));
            for field in response.fields() {
                let name = field.name;
                if !is_in(&self.members.in_responses, field) {
                    let problem = format!("no response of {version} has `{name}`: remove it");
                    self.report(place, field.line, problem);
                }
                if field.purpose == Some(Purpose::Echo) && !is_in(&self.members.in_requests, field) {
                    let problem =
                        format!("`{name}` is an `echo`, but no request of {version} has such a field");
                    self.report(place, field.line, problem);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    #[test]
    fn a_name_says_a_state_in_every_response_or_in_none() {
        let operation = |path: &str, mark: &str| {
            format!("GET {path}\n  title x\n\n  response\n    a_state string{mark}\n")
        };
        let found = |marks: [&str; 2]| {
            let texts = [operation("v3/a", marks[0]), operation("v3/b", marks[1])];
            lint(&[("v3/a", &texts[0]), ("v3/b", &texts[1])])
        };
        assert_eq!(found(["", ""]), Vec::<String>::new());
        assert_eq!(found([" state", " state"]), Vec::<String>::new());
        let one = found([" state", ""]);
        assert_eq!(
            one,
            ["v3/b.api:5: `a_state` says a state in the response of another operation: add `state`"]
        );
    }

    #[test]
    fn what_makes_something_says_what_proves_it() {
        let found = |proof: &str, responded: &str| {
            let text = format!(
                "POST v3/a\n  title x\n  repeat unknown\n{proof}\n  json\n    a_no string request-number\n    b string\n\n  response\n{responded}"
            );
            lint(&[("v3/a", &text)]).join("\n")
        };
        let missing = "write `proof NAME | NAME`";
        assert!(found("", "    a_no string echo\n    b string\n").contains(missing));
        for (proof, responded) in [
            ("  proof a_no | c\n", "    a_no string echo\n    b string\n    c string\n"),
            ("", "    b* string\n    c string\n"),
            ("", "    a_no string echo\n    c string\n"),
        ] {
            assert_eq!(found(proof, responded), "", "{responded}");
        }
        assert!(found("  proof d\n", "    c string\n").contains("`proof` names `d`"));
        assert!(found("  proof\n", "    c string\n").contains("`proof` should name members"));
        let reads = "GET v3/a\n  title x\n  proof c\n\n  response\n    c string\n";
        assert!(lint(&[("v3/a", reads)])[0].contains("remove `proof`"));
    }

    #[test]
    fn what_responses_have_in_common_some_response_has() {
        let operation =
            "GET v3/a\n  title x\n\n  query\n    id string\n\n  response\n    id string\n    code string\n";
        let found = |lines: &str| {
            let text = format!("RESPONSE v3\n  title x\n{lines}");
            let found = lint(&[("v3/a", operation), ("responses/v3", &text)]);
            found.first().cloned().unwrap_or_default()
        };
        assert_eq!(found("  any\n    code string\n  usual\n    id string echo\n"), "");
        for (lines, problem) in [
            ("  any\n    message string\n", "responses/v3.api:4: no response of v3 has `message`"),
            ("  any\n    code string echo\n", "`code` is an `echo`, but no request of v3"),
            ("  any\n    code string\n  usual\n    code string\n", "`code` is below `any` and below `usual`"),
            ("  any\n    code string request-number\n", "`request-number` is not possible here"),
            ("  some\n", "responses/v3.api:3: `some` is not a key here"),
        ] {
            let said = found(lines);
            assert!(said.contains(problem), "{said}");
        }
    }
}
