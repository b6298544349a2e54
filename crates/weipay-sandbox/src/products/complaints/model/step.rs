//! The steps, and how likely each is.

use proptest::prelude::*;

use super::super::person::Problem;
use super::super::rules::PersonStep;
use super::{MerchantStep, ORDERS};
use crate::products::payments::refund::record::RefundState;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Complain {
        order: usize,
        problem: Problem,
        wanted: Option<i64>,
        is_urgent: bool,
    },
    GoOn {
        order: usize,
        step: PersonStep,
    },
    Answer {
        caller: usize,
        order: usize,
        step: MerchantStep,
        is_about_other: bool,
    },
    Refund {
        order: usize,
        number: usize,
        fen: i64,
    },
    /// What becomes of a refund, by its place.
    Decide {
        place: usize,
        to: RefundState,
    },
    Handle {
        place: usize,
        is_to_merchant: bool,
    },
    Reverse,
    SetAddress {
        caller: usize,
        is_new: bool,
    },
    DeleteAddress {
        caller: usize,
    },
    Pass {
        seconds: i64,
    },
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let order = || 0..ORDERS.len();
    // Mostly one of the two that may.
    let caller = || {
        (order(), 0..9usize).prop_map(|(order, caller)| match caller {
            0..3 => (order, caller),
            3..6 => (order, ORDERS[order].0),
            _ => (order, ORDERS[order].1),
        })
    };
    let problem = prop_oneof![3 => Just(Problem::Refund), 1 => Just(Problem::ServiceNotWork), 1 => Just(Problem::Other)];
    let wanted = prop_oneof![2 => Just(None), 1 => (-1..110i64).prop_map(Some)];
    let person = (0..PersonStep::WORDS.len())
        .prop_map(|index| PersonStep::from_word(PersonStep::WORDS[index]).unwrap());
    let merchant = prop_oneof![
        4 => Just(MerchantStep::Respond),
        3 => (0..6usize, 0..2usize).prop_map(|(id, said)| MerchantStep::RespondAtOnce(id, said)),
        3 => Just(MerchantStep::Complete),
        4 => Just(MerchantStep::Approve),
        3 => Just(MerchantStep::Reject),
    ];
    let state = prop_oneof![
        1 => Just(RefundState::Success), 3 => Just(RefundState::Abnormal), 1 => Just(RefundState::Closed)
    ];
    prop_oneof![
        4 => (order(), problem, wanted, any::<bool>()).prop_map(|(order, problem, wanted, is_urgent)| {
            Step::Complain { order, problem, wanted, is_urgent }
        }),
        8 => (order(), person).prop_map(|(order, step)| Step::GoOn { order, step }),
        10 => (caller(), merchant, prop::bool::weighted(0.05)).prop_map(
            |((order, caller), step, is_about_other)| Step::Answer { caller, order, step, is_about_other }
        ),
        3 => (order(), 0..30usize, prop_oneof![1..60i64, 1..1_000i64])
            .prop_map(|(order, number, fen)| Step::Refund { order, number, fen }),
        2 => (0..20usize, state).prop_map(|(place, to)| Step::Decide { place, to }),
        2 => (0..20usize, any::<bool>()).prop_map(|(place, is_to_merchant)| Step::Handle { place, is_to_merchant }),
        1 => Just(Step::Reverse),
        2 => (0..3usize, any::<bool>()).prop_map(|(caller, is_new)| Step::SetAddress { caller, is_new }),
        1 => (0..3usize).prop_map(|caller| Step::DeleteAddress { caller }),
        5 => prop_oneof![Just(1), Just(4), Just(5), Just(60), 1..100_000i64, 1..2_000_000i64]
            .prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}
