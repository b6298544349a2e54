//! The steps, and how likely each is.

use proptest::prelude::*;

use super::super::super::refund::record::RefundState;
use super::{ORDERS, RECEIVERS};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Pay {
        order: usize,
    },
    /// Adds or deletes a receiver of a payee.
    Relate {
        payee: usize,
        receiver: usize,
        is_there: bool,
        is_v2: bool,
    },
    /// `again` repeats what was asked under the number.
    Split {
        caller: usize,
        order: usize,
        number: usize,
        parts: Vec<(usize, i64)>,
        unfreezes: bool,
        again: bool,
        is_v2: bool,
    },
    Unfreeze {
        caller: usize,
        order: usize,
        number: usize,
        is_v2: bool,
    },
    Return {
        caller: usize,
        number: usize,
        split: usize,
        receiver: usize,
        fen: i64,
        /// The tenths of what the receiver got, if it got anything.
        tenths: Option<i64>,
        is_v2: bool,
    },
    /// A receiver that is a merchant takes money out.
    Spend {
        receiver: usize,
        fen: i64,
    },
    Refund {
        number: usize,
        order: usize,
        fen: i64,
    },
    Reverse {
        order: usize,
    },
    Decide {
        number: usize,
        to: RefundState,
    },
    /// `is_late` when what is due is not done yet.
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

fn fen() -> impl Strategy<Value = i64> {
    prop_oneof![1..50i64, 1..400i64, 1..4_000i64, 1..40_000i64]
}

fn tenths() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 1 => (1..12i64).prop_map(Some)]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    // Strangers ask, too.
    let caller = || prop_oneof![5 => Just(0usize), 1 => Just(1usize)];
    let order = || 0..ORDERS.len();
    let number = || 0..10usize;
    let is_v2 = || prop::bool::weighted(0.3);
    let state =
        prop_oneof![Just(RefundState::Success), Just(RefundState::Abnormal), Just(RefundState::Closed)];
    let seconds = prop_oneof![
        4 => prop_oneof![Just(1), Just(4), Just(5), Just(59), Just(60), Just(600)],
        2 => 1..200_000i64,
        1 => 1..4_000_000i64,
        1 => Just(30 * 86_400 - 3),
    ];
    prop_oneof![
        3 => order().prop_map(|order| Step::Pay { order }),
        4 => (0..3usize, 0..RECEIVERS, prop::bool::weighted(0.8), is_v2())
            .prop_map(|(payee, receiver, is_there, is_v2)| Step::Relate { payee, receiver, is_there, is_v2 }),
        10 => (caller(), order(), number(), prop::collection::vec((0..RECEIVERS, fen()), 0..4),
            prop::bool::weighted(0.15), prop::bool::weighted(0.2), is_v2())
            .prop_map(|(caller, order, number, parts, unfreezes, again, is_v2)| Step::Split {
                caller, order, number, parts, unfreezes, again, is_v2,
            }),
        1 => (caller(), order(), number(), is_v2())
            .prop_map(|(caller, order, number, is_v2)| Step::Unfreeze { caller, order, number, is_v2 }),
        5 => (caller(), 0..30usize, number(), 0..RECEIVERS, fen(), tenths(), is_v2()).prop_map(
            |(caller, number, split, receiver, fen, tenths, is_v2)| Step::Return {
                caller, number, split, receiver, fen, tenths, is_v2,
            }
        ),
        1 => (0..RECEIVERS, fen()).prop_map(|(receiver, fen)| Step::Spend { receiver, fen }),
        4 => (0..40usize, order(), fen()).prop_map(|(number, order, fen)| Step::Refund { number, order, fen }),
        1 => prop_oneof![1 => order(), 2 => Just(ORDERS.len() - 1)].prop_map(|order| Step::Reverse { order }),
        2 => (0..80usize, state).prop_map(|(number, to)| Step::Decide { number, to }),
        8 => (seconds, prop::bool::weighted(0.3)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}
