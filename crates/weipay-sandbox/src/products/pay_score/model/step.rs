//! The steps, and how likely each is.

use proptest::prelude::*;

use super::Asked;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// `again` repeats what was asked under the number.
    Create {
        caller: usize,
        number: usize,
        asked: Asked,
        again: bool,
    },
    Complete {
        caller: usize,
        number: usize,
        total: i64,
        is_other_sub: bool,
    },
    Modify {
        caller: usize,
        number: usize,
        total: i64,
    },
    AskForPayment {
        caller: usize,
        number: usize,
    },
    Sync {
        caller: usize,
        number: usize,
    },
    Cancel {
        caller: usize,
        number: usize,
        reason: usize,
    },
    Confirm {
        caller: usize,
        number: usize,
        person: usize,
    },
    Decline {
        caller: usize,
        number: usize,
    },
    PaymentRequest {
        caller: usize,
        number: usize,
    },
    /// The merchant refunds what was deducted.
    Refund {
        caller: usize,
        number: usize,
        fen: i64,
    },
    AskPermission {
        caller: usize,
        code: usize,
        service: usize,
        is_sub: bool,
    },
    Open {
        caller: usize,
        code: usize,
        person: usize,
    },
    Close {
        caller: usize,
        code: usize,
    },
    End {
        caller: usize,
        code: usize,
        service: usize,
        is_sub: bool,
    },
    /// `is_late` when what is due is not done yet.
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

fn total() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(-1), 2 => Just(0), 6 => 1..3_000i64, 1 => 4_900..5_100i64]
}

/// Of two services or persons, so that one has many orders.
fn often_first() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0usize), 1 => Just(1usize)]
}

fn asked() -> impl Strategy<Value = Asked> {
    let person = prop_oneof![1 => Just(None), 2 => often_first().prop_map(Some)];
    let direct = prop_oneof![4 => Just(None), 1 => total().prop_map(Some)];
    (often_first(), prop::bool::weighted(0.25), person, direct, prop::bool::weighted(0.3)).prop_map(
        |(service, is_sub, person, direct, is_estimate)| Asked {
            service,
            is_sub,
            person: if direct.is_some() { person.or(Some(0)) } else { person },
            direct,
            is_estimate,
        },
    )
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let at = || (prop_oneof![6 => Just(0usize), 1 => Just(1usize)], 0..14usize);
    let code = || (prop_oneof![6 => Just(0usize), 1 => Just(1usize)], 0..3usize);
    let sub = || prop::bool::weighted(0.25);
    let seconds = prop_oneof![
        4 => prop_oneof![Just(1), Just(2), Just(3), Just(60)],
        2 => 1..200_000i64,
        1 => 1..3_000_000i64,
    ];
    prop_oneof![
        12 => (at(), asked(), prop::bool::weighted(0.3))
            .prop_map(|((caller, number), asked, again)| Step::Create { caller, number, asked, again }),
        8 => (at(), total(), prop::bool::weighted(0.05)).prop_map(|((caller, number), total, is_other_sub)| {
            Step::Complete { caller, number, total, is_other_sub }
        }),
        4 => (at(), total()).prop_map(|((caller, number), total)| Step::Modify { caller, number, total }),
        3 => at().prop_map(|(caller, number)| Step::AskForPayment { caller, number }),
        2 => at().prop_map(|(caller, number)| Step::Sync { caller, number }),
        2 => (at(), 0..2usize).prop_map(|((caller, number), reason)| Step::Cancel { caller, number, reason }),
        8 => (at(), often_first()).prop_map(|((caller, number), person)| Step::Confirm { caller, number, person }),
        4 => at().prop_map(|(caller, number)| Step::Decline { caller, number }),
        2 => at().prop_map(|(caller, number)| Step::PaymentRequest { caller, number }),
        4 => (at(), 1..2_000i64).prop_map(|((caller, number), fen)| Step::Refund { caller, number, fen }),
        3 => (code(), often_first(), sub()).prop_map(|((caller, code), service, is_sub)| {
            Step::AskPermission { caller, code, service, is_sub }
        }),
        3 => (code(), often_first()).prop_map(|((caller, code), person)| Step::Open { caller, code, person }),
        1 => code().prop_map(|(caller, code)| Step::Close { caller, code }),
        1 => (code(), 0..2usize, sub())
            .prop_map(|((caller, code), service, is_sub)| Step::End { caller, code, service, is_sub }),
        8 => (seconds, prop::bool::weighted(0.3)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}
