//! Checks `wait` of operations: a client that waits acts on it, and an operation whose state can change must not be forgotten.

use super::{Linter, Place};
use crate::errors::Advice;
use crate::field::{Field, Kind, Purpose};
use crate::operation::{ApiVersion, Operation};
use crate::waiting::{FinalStates, NotReady, Pace, Wait};

/// Listed values that say that something is still under way.
const UNDER_WAY: &[&str] = &[
    "ACCEPT",
    "ACCEPTED",
    "AUDITING",
    "CHECKING",
    "CREATED",
    "DOING",
    "INIT",
    "NOTPAY",
    "PENDING",
    "PROCESSING",
    "SETTLEMENT_PROCESSING",
    "STATEMENT_CREATING",
    "TRANSFERING",
    "USERPAYING",
    "WAIT_PAY",
    "WAIT_USER_CONFIRM",
];

impl Linter {
    /// A member with a value that says that something is still under way says a state.
    pub(super) fn check_marks_states(&mut self, place: Place<'_>, operation: &Operation) {
        for field in &operation.response {
            let says_state =
                field.kind == Kind::String && field.values.iter().any(|value| UNDER_WAY.contains(value));
            // Elements with numbers are a list too.
            let is_list = field.list || field.name.contains('$');
            if says_state && !is_list && field.purpose.is_none() {
                let problem = format!("`{}` has values that say a state: add `state`", field.name);
                self.report(place, field.line, problem);
            }
        }
    }

    pub(super) fn check_waiting(&mut self, place: Place<'_>, operation: &Operation) {
        // APIv2 posts its queries.
        let is_query = match operation.version() {
            ApiVersion::V3 => !operation.writes(),
            ApiVersion::V2 => operation.path.contains("query"),
        };
        let may_change = |field: &Field| field.values.iter().any(|value| UNDER_WAY.contains(value));
        let can_change = is_query && operation.response.iter().any(may_change);
        let problem = match &operation.wait {
            None if can_change => {
                "a state of the response can still change: add which states are final, such as `wait refund, status: \
                 SUCCESS | CLOSED`, or `wait unknown`"
                    .to_owned()
            }
            Some(Wait::Unknown) if !can_change => "remove `wait unknown`: no listed state can change".to_owned(),
            Some(Wait::Until(states)) => match mistake(states, operation) {
                Some(problem) => problem,
                None => return,
            },
            None | Some(Wait::Unknown) => return,
        };
        self.report(place, 1, problem);
    }
}

fn mistake(states: &FinalStates, operation: &Operation) -> Option<String> {
    let response = &operation.response;
    if let Some(error) = states.not_ready.iter().find(|error| !is_listed(error, operation)) {
        let NotReady { code, message } = error;
        return Some(format!(
            "`wait` names `{code} {message}`: `errors` needs a row with this code and this message, and the advice `retry-later`"
        ));
    }
    if states.state.is_empty() {
        return (states.pace != Pace::Bill)
            .then(|| "`wait` needs the field of the state with its final states".to_owned());
    }
    let name = states.state.join(".");
    let Some(field) = at(response, &states.state) else {
        return Some(format!("`wait` names `{name}`, which the response does not have"));
    };
    // Clients look for a state among the members of the response itself.
    if states.state.len() == 1 && field.purpose != Some(Purpose::State) {
        return Some(format!("`wait` names `{name}`, so it says a state: add `state`"));
    }
    // Pages list some states and leave out others, but one that lists none of the final ones is about something else.
    (!field.values.is_empty() && !states.finals.iter().any(|state| field.values.contains(state)))
        .then(|| format!("none of the final states of `wait` is listed at `{name}`"))
}

/// Whether a sentence is a message of the page: one with a mistake in it would never be seen, and the waiting would end.
fn is_listed(error: &NotReady, operation: &Operation) -> bool {
    error.message.is_empty()
        || operation.error_codes().any(|row| {
            row.code == error.code && row.message == error.message && row.advice == Advice::RetryLater
        })
}

fn at<'a>(fields: &'a [Field], path: &[&str]) -> Option<&'a Field> {
    let (name, rest) = path.split_first()?;
    let found = fields.iter().find(|field| field.name == *name)?;
    if rest.is_empty() { Some(found) } else { at(&found.fields, rest) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    #[test]
    fn a_query_of_a_state_says_which_states_are_final() {
        let finding = |wait: &str, values: &str| {
            let text =
                format!("GET v3/a\n  title x\n{wait}\n  response\n    status string ({values}) state\n");
            lint(&[("v3/a", &text)])
        };
        let missing = finding("", "PROCESSING | SUCCESS");
        assert!(missing[0].contains("add which states are final"), "{missing:?}");
        let fine = Vec::<String>::new();
        assert_eq!(finding("  wait unknown", "PROCESSING | SUCCESS"), fine);
        assert_eq!(finding("  wait refund, status: SUCCESS", "PROCESSING | SUCCESS"), fine);
        assert_eq!(finding("", "SUCCESS | FAIL"), fine);
        for (wait, problem) in [
            ("  wait refund, state: SUCCESS", "which the response does not have"),
            ("  wait refund, status: DONE", "none of the final states"),
            ("  wait refund", "needs the field"),
        ] {
            let found = finding(wait, "PROCESSING | SUCCESS");
            assert!(found[0].contains(problem), "{found:?}");
        }
        assert!(finding("  wait unknown", "SUCCESS")[0].contains("remove `wait unknown`"));
    }

    #[test]
    fn what_says_that_something_is_under_way_is_a_state() {
        let finding = |wait: &str, field: &str| {
            lint(&[("v3/a", &format!("GET v3/a\n  title x\n{wait}  response\n    result {field}\n"))])
        };
        let wait = "  wait refund, result: SUCCESS\n";
        let found = finding(wait, "string");
        assert!(found[0].ends_with(": `wait` names `result`, so it says a state: add `state`"), "{found:?}");
        assert_eq!(finding(wait, "string state"), [""; 0]);
        let found = finding("  wait unknown\n", "string (PROCESSING | SUCCESS)");
        assert_eq!(found, ["v3/a.api:5: `result` has values that say a state: add `state`"]);
        assert_eq!(finding("", "string (SUCCESS | FAIL)"), [""; 0]);
    }

    #[test]
    fn a_sentence_that_is_waited_for_is_one_of_the_page_that_says_to_wait() {
        let finding = |advice: &str, message: &str| {
            let text = format!(
                "GET v3/a\n  title x\n  wait   bill, not ready: INVALID_REQUEST 请求的账单正在生成中 | CREATING\n  errors sdk\n    \
                 400 INVALID_REQUEST {advice} it is being made  # {message}\n  response\n    url string\n"
            );
            lint(&[("v3/a", &text)])
        };
        assert_eq!(finding("retry-later", "请求的账单正在生成中"), Vec::<String>::new());
        for (advice, message) in [
            ("retry-later", "账单正在生成中"),
            ("retry-later", "请求的账单正在生成"),
            ("fix-request", "请求的账单正在生成中"),
        ] {
            let found = finding(advice, message);
            assert!(found[0].contains("`errors` needs a row with this code"), "{found:?}");
        }
    }
}
