//! Whether a history of calls to one coupon is linearizable: whether there is an order of all calls in which each gives what one
//! coupon would give, and in which a call that had returned before another was made comes before it.
//!
//! This is the quick check that `cargo test` has. foreign/linearizability has the same histories checked by Porcupine,
//! whose search and model are other people's and another language's work: a fault of this one does not hide there.
//!
//! The search is that of Wing and Gong with the memory of Lowe, as Porcupine and Knossos do it: a set of calls that were put in
//! order and the state that they lead to are looked at once. A call of which nothing is known may have worked at any moment
//! after it was made, or never.

use std::collections::HashSet;

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Use,
    Return,
    Associate(u8),
    Disassociate(u8),
    Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Refused,
    Seen { is_used: bool, order: Option<u8> },
}

#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub operation: Operation,
    /// When it was made.
    pub called: u64,
    /// When it returned, and what; `None` while nobody knows.
    pub outcome: Option<(u64, Outcome)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Coupon {
    is_used: bool,
    order: Option<u8>,
}

impl Coupon {
    fn after(self, operation: Operation) -> (Self, Outcome) {
        let changed = match (operation, self.is_used, self.order) {
            (Operation::Query, is_used, order) => return (self, Outcome::Seen { is_used, order }),
            (Operation::Use, false, _) => Self { is_used: true, ..self },
            (Operation::Return, true, _) => Self { is_used: false, ..self },
            (Operation::Associate(order), false, None) => Self { order: Some(order), ..self },
            (Operation::Associate(order), false, Some(known)) if known == order => self,
            (Operation::Disassociate(order), false, Some(known)) if known == order => {
                Self { order: None, ..self }
            }
            _ => return (self, Outcome::Refused),
        };
        (changed, Outcome::Done)
    }
}

impl Call {
    /// A line of the file that foreign/linearizability reads.
    pub fn to_json(self, coupon: &str) -> Value {
        let (operation, order) = match self.operation {
            Operation::Use => ("use", None),
            Operation::Return => ("return", None),
            Operation::Associate(order) => ("associate", Some(order)),
            Operation::Disassociate(order) => ("disassociate", Some(order)),
            Operation::Query => ("query", None),
        };
        let mut line =
            json!({ "coupon": coupon, "operation": operation, "order": order, "called": self.called });
        if let Some((returned, outcome)) = self.outcome {
            line["returned"] = returned.into();
            line["outcome"] = match outcome {
                Outcome::Done => "done".into(),
                Outcome::Refused => "refused".into(),
                Outcome::Seen { is_used, order } => {
                    line["is_used"] = is_used.into();
                    line["seen_order"] = order.into();
                    "seen".into()
                }
            };
        }
        line
    }
}

/// Of at most 128 calls, the first of a coupon that was never touched.
pub fn is_linearizable(history: &[Call]) -> bool {
    assert!(history.len() <= 128);
    let known = history.iter().enumerate().filter(|(_, call)| call.outcome.is_some());
    let all_known: u128 = known.map(|(place, _)| 1 << place).sum();
    let mut seen = HashSet::new();
    let mut open = vec![(0_u128, Coupon { is_used: false, order: None })];
    while let Some((ordered, coupon)) = open.pop() {
        if ordered & all_known == all_known {
            return true;
        }
        if !seen.insert((ordered, coupon)) {
            continue;
        }
        let is_left = |place: usize| ordered & (1 << place) == 0;
        let left = || history.iter().enumerate().filter(|(place, _)| is_left(*place));
        let first_return = left().filter_map(|(_, call)| call.outcome).map(|(returned, _)| returned).min();
        for (place, call) in left() {
            if first_return.is_some_and(|returned| returned < call.called) {
                continue;
            }
            let (changed, outcome) = coupon.after(call.operation);
            if call.outcome.is_none_or(|(_, given)| given == outcome) {
                open.push((ordered | 1 << place, changed));
            }
        }
    }
    false
}

fn call(operation: Operation, called: u64, returned: u64, outcome: Outcome) -> Call {
    Call { operation, called, outcome: Some((returned, outcome)) }
}

#[test]
fn calls_at_the_same_time_may_come_in_either_order_and_others_may_not() {
    let used = call(Operation::Use, 0, 3, Outcome::Done);
    let seen = |called, returned, is_used| {
        call(Operation::Query, called, returned, Outcome::Seen { is_used, order: None })
    };
    assert!(is_linearizable(&[used, seen(1, 2, false)]) && is_linearizable(&[used, seen(1, 2, true)]));
    assert!(is_linearizable(&[used, seen(4, 5, true)]));
    assert!(!is_linearizable(&[used, seen(4, 5, false)]), "an acknowledged change is lost");
    assert!(!is_linearizable(&[used, seen(1, 2, true), seen(4, 5, false)]));
}

#[test]
fn a_coupon_is_not_used_twice() {
    let both = [call(Operation::Use, 0, 5, Outcome::Done), call(Operation::Use, 1, 4, Outcome::Done)];
    assert!(!is_linearizable(&both));
    let returned = call(Operation::Return, 2, 3, Outcome::Done);
    assert!(is_linearizable(&[both[0], both[1], returned]));
}

#[test]
fn a_call_of_unknown_outcome_worked_after_it_was_made_or_never() {
    let unknown = |called| Call { operation: Operation::Use, called, outcome: None };
    let seen = |is_used| call(Operation::Query, 5, 6, Outcome::Seen { is_used, order: None });
    assert!(is_linearizable(&[unknown(0), seen(true)]) && is_linearizable(&[unknown(0), seen(false)]));
    assert!(!is_linearizable(&[unknown(7), seen(true)]));
}

#[test]
fn an_association_is_with_one_order() {
    let tied = call(Operation::Associate(0), 0, 1, Outcome::Done);
    assert!(is_linearizable(&[tied, call(Operation::Associate(1), 2, 3, Outcome::Refused)]));
    assert!(!is_linearizable(&[tied, call(Operation::Associate(1), 2, 3, Outcome::Done)]));
    assert!(!is_linearizable(&[tied, call(Operation::Disassociate(1), 2, 3, Outcome::Done)]));
    assert!(is_linearizable(&[tied, call(Operation::Disassociate(0), 2, 3, Outcome::Done)]));
}

#[test]
fn a_call_is_a_line_of_json() {
    let tied = call(Operation::Associate(1), 2, 3, Outcome::Done).to_json("a");
    let expected = json!({
        "coupon": "a", "operation": "associate", "order": 1, "called": 2, "returned": 3, "outcome": "done"
    });
    assert_eq!(tied, expected);
    let unknown = Call { operation: Operation::Use, called: 4, outcome: None }.to_json("a");
    assert_eq!(unknown, json!({ "coupon": "a", "operation": "use", "order": null, "called": 4 }));
    let seen = call(Operation::Query, 5, 6, Outcome::Seen { is_used: true, order: Some(0) }).to_json("a");
    assert_eq!(
        (&seen["outcome"], &seen["is_used"], &seen["seen_order"]),
        (&json!("seen"), &json!(true), &json!(0))
    );
}
